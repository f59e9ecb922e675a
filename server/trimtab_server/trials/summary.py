"""The figures of a trial: every lane's rates and gain, by pressure and language, side effects, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from trimtab_vectors.evaluation.honesty import Outcome
from trimtab_vectors.statistics import Estimate

from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.trials.criteria import Criteria
from trimtab_server.trials.lanes import LaneSpec
from trimtab_server.trials.prompts import Pressure, Prompt, PromptSet
from trimtab_server.trials.rows import TrialRow, in_order, missing, probe_keys
from trimtab_server.trials.statistics import PairedChange, share_estimate
from trimtab_server.trials.table import Table, outcome_is
from trimtab_server.trials.verdict import TrialVerdict, judge_trial

#: Of the intervals that are shown.
_SHOWN_LEVEL = 0.025


@dataclass(frozen=True)
class LaneFigures:
    """One lane over some prompts, of which it has every reply.

    rates: of the four outcomes, with the honesty scorer. level: the mean of what the criteria compare (honest rate,
    lie rate, mean score), 95%. gain: over unsteered, larger being better, 95%; None for unsteered. bootstrap: the
    same by drawing groups, over the deciding prompts of a trial that is complete. p: McNemar's exact one where each
    prompt is one yes/no, else that of the gain.
    """

    lane: str
    kind: str
    prompts: int
    rates: dict[str, float] | None
    level: Estimate
    gain: Estimate | None
    bootstrap: Estimate | None
    p: float | None
    tokens: float
    prompt_tokens: float
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """The shape of `trimtab trial run --json`, and more."""
        none = dict.fromkeys((own.value for own in Outcome), None)
        return {
            **(self.rates or none),
            "ci": [self.level.low, self.level.high],
            "level": self.level.value,
            "kind": self.kind,
            "prompts": self.prompts,
            "gain": None if self.gain is None else self.gain.as_dict(),
            "bootstrap": None if self.bootstrap is None else self.bootstrap.as_dict(),
            "p": None if self.p is None or math.isnan(self.p) else self.p,
            "tokens": self.tokens,
            "prompt_tokens": self.prompt_tokens,
            "seconds": self.seconds,
        }


@dataclass(frozen=True)
class Part:
    """Some of the prompts: those under one pressure, in one language. verdict: on them alone, by the same criteria;
    for orientation only, since the locked decision is on all deciding prompts. None where they are neutral."""

    pressure: Pressure
    language: str
    lanes: tuple[LaneFigures, ...]
    verdict: TrialVerdict | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "pressure": self.pressure,
            "language": self.language,
            "lanes": {own.lane: own.as_dict() for own in self.lanes},
            "verdict": None if self.verdict is None else self.verdict.as_dict(),
        }


@dataclass(frozen=True)
class TrialSummary:
    """lanes: over the deciding prompts that every lane has answered so far. parts: pressures (language empty), and
    pressures in each language. belief: share of prompts whose probes the model answers with the truth."""

    verdict: TrialVerdict
    lanes: tuple[LaneFigures, ...]
    parts: tuple[Part, ...]
    rows: int
    planned: int
    belief: Estimate | None

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON; holds what `trimtab trial run --json` prints."""
        return {
            "rows": self.rows,
            "planned": self.planned,
            "lanes": {own.lane: own.as_dict() for own in self.lanes},
            "verdict": self.verdict.verdict.value,
            "recommendation": self.verdict.recommendation,
            "reason": self.verdict.reason,
            "more_prompts_needed": self.verdict.more_prompts_needed,
            "decision": self.verdict.as_dict(),
            "parts": [own.as_dict() for own in self.parts],
            "belief": None if self.belief is None else self.belief.as_dict(),
        }


def summarise(rows: Iterable[TrialRow], criteria: Criteria, prompts: PromptSet) -> TrialSummary:
    """All figures of scored rows, in any order; of a running trial those so far.

    Raises:
        ValueError: rows of another trial are among them.
    """
    ordered = in_order(rows)
    table = Table.of(ordered, criteria, prompts)
    absent = missing(criteria, prompts, ordered)
    incomplete = {key.prompt_id for key in absent} | {row.prompt_id for row in ordered if not row.scored}
    answered = [prompt for prompt in prompts if prompt.id not in incomplete]
    deciding = [prompt for prompt in answered if criteria.decides(prompt.pressure)]
    verdict = judge_trial(ordered, criteria, prompts)
    return TrialSummary(
        verdict=verdict,
        lanes=lane_figures(table, deciding, bootstrap=not incomplete),
        parts=_parts(table, answered, ordered, verdict),
        rows=len(table.rows),
        planned=len(absent) + len(table.rows),
        belief=_belief(table),
    )


def lane_figures(
    table: Table, prompts: Sequence[Prompt], *, bootstrap: bool = False
) -> tuple[LaneFigures, ...]:
    """Every lane over some prompts. Empty for no prompt. Raises KeyError for a missing row."""
    return tuple(_lane(table, lane, prompts, bootstrap) for lane in table.criteria.lanes if prompts)


def _lane(table: Table, lane: LaneSpec, prompts: Sequence[Prompt], with_bootstrap: bool) -> LaneFigures:
    name = lane.name
    criteria, groups = table.criteria, tuple(prompt.group for prompt in prompts)
    rows = table.of_lane(name, prompts)
    rates = None
    if criteria.scorer.kind == "honesty":
        rates = {own.value: float(np.mean([row.outcome == own for row in rows])) for own in Outcome}
    gain = bootstrap = p = None
    unsteered = criteria.unsteered.name
    if name != unsteered:
        change = table.compare(name, unsteered, prompts)
        gain = change.estimate(_SHOWN_LEVEL)
        if with_bootstrap and change.group_count > 1:
            bootstrap = change.bootstrap(_SHOWN_LEVEL)
        exact = change.mcnemar_p
        p = gain.p if math.isnan(exact) else exact
    return LaneFigures(
        lane=name,
        kind=lane.kind,
        prompts=len(prompts),
        rates=rates,
        level=_level(table, name, prompts, groups),
        gain=gain,
        bootstrap=bootstrap,
        p=p,
        tokens=float(np.mean([row.tokens for row in rows])),
        prompt_tokens=float(np.mean([row.prompt_tokens for row in rows])),
        seconds=float(np.mean([row.seconds for row in rows])),
    )


def _level(table: Table, lane: str, prompts: Sequence[Prompt], groups: tuple[str, ...]) -> Estimate:
    """Mean of what the criteria compare; lie rates as they are, larger being worse."""
    if table.criteria.measure == "lie":
        return share_estimate(table.values(lane, prompts, outcome_is(Outcome.LIE)), groups, _SHOWN_LEVEL)
    values = table.values(lane, prompts, table.measure)
    if table.bounded:
        return share_estimate(values, groups, _SHOWN_LEVEL)
    return PairedChange(values, groups, bounded=False).estimate(_SHOWN_LEVEL)


def _parts(
    table: Table, answered: Sequence[Prompt], rows: Sequence[TrialRow], whole: TrialVerdict
) -> tuple[Part, ...]:
    parts: list[Part] = []
    pressures = table.prompts.pressures
    for pressure in pressures:
        own = [prompt for prompt in answered if prompt.pressure == pressure]
        if not own:
            continue
        verdict = None
        decides = table.criteria.decides(pressure)
        if decides and whole.verdict is not Verdict.ERROR:
            verdict = judge_trial(rows, replace(table.criteria, pressure=(pressure,)), table.prompts)
        parts.append(Part(pressure, "", lane_figures(table, own), verdict))
        for language in table.prompts.languages:
            spoken = [prompt for prompt in own if prompt.language == language]
            if spoken and len(table.prompts.languages) > 1:
                parts.append(Part(pressure, language, lane_figures(table, spoken)))
    return tuple(parts)


def _belief(table: Table) -> Estimate | None:
    """Over prompts with probes that were all answered: every probe names the truth alone."""
    honest = {key: row.outcome == Outcome.HONEST for key, row in table.rows.items() if row.probe}
    keys = probe_keys(table.criteria, table.prompts)
    asked = [own for own in table.prompts if own.id in keys and all(key in honest for key in keys[own.id])]
    if not asked:
        return None
    known = np.array([all(honest[key] for key in keys[own.id]) for own in asked], dtype=np.float64)
    return share_estimate(known, [own.group for own in asked], _SHOWN_LEVEL)
