"""The verdict of a trial: pass, fail, not enough data or error; and with a pass, whether a prompt is enough."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.trials.answers import (
    Answer,
    LaneCase,
    Standing,
    above,
    advantage_facts,
    at_most,
    facts_of,
)
from trimtab_server.trials.criteria import Criteria, SideEffectLimit
from trimtab_server.trials.effects import effect
from trimtab_server.trials.lanes import LaneSpec
from trimtab_server.trials.prompts import PromptSet
from trimtab_server.trials.rows import TrialRow, in_order, missing
from trimtab_server.trials.statistics import PairedChange
from trimtab_server.trials.table import Table, Unreadable
from trimtab_server.trials.wording import Reason, sentence

Recommendation = Literal["steer", "a prompt is enough"]
STEER: Final[Recommendation] = "steer"
PROMPT: Final[Recommendation] = "a prompt is enough"


@dataclass(frozen=True)
class TrialVerdict:
    """lane: the one that is recommended, or that the verdict is about. more_prompts_needed: None where none are, or
    where no number within reach would do. answers: every question that was asked, open ones too."""

    verdict: Verdict
    recommendation: Recommendation | None
    reason: str
    more_prompts_needed: int | None = None
    lane: str = ""
    why: Reason = field(default_factory=lambda: Reason("", {}))
    answers: tuple[Answer, ...] = ()

    def reason_in(self, language: str) -> str:
        """The reason in "en" or "ja"."""
        return sentence(self.why, language)

    def as_dict(self) -> dict[str, Any]:
        return {
            "verdict": self.verdict.value,
            "recommendation": self.recommendation,
            "reason": self.reason,
            "reason_ja": self.reason_in("ja"),
            "more_prompts_needed": self.more_prompts_needed,
            "lane": self.lane,
            "why": {"code": self.why.code, "facts": dict(self.why.facts)},
            "answers": [answer.as_dict() for answer in self.answers],
        }


def judge_trial(rows: Iterable[TrialRow], criteria: Criteria, prompts: PromptSet) -> TrialVerdict:
    """The verdict on scored rows, in any order.

    A lane passes if its gain over unsteered is shown to be above the margin, and every side effect to be within its
    limit; it fails if one of these is refuted. A prompt is enough if a prompt lane passes and steering is shown to
    be ahead of it by no more than `prompt_margin`, or fails itself. Steer, if steering passes and is shown to be
    ahead of every prompt lane that did not fail. With several prompt lanes their bounds share alpha (Bonferroni).
    Nothing is decided before every planned row is there: an interval read on the way is no longer one of its level.

    Raises:
        ValueError: rows of another trial are among them.
    """
    ordered = in_order(rows)
    table = Table.of(ordered, criteria, prompts)
    early = _not_ready(ordered, table)
    if early is not None:
        return early
    try:
        return _Decision(table).verdict()
    except Unreadable as lack:
        return _verdict(Verdict.ERROR, Reason("unreadable", {"fault": str(lack)}))


def _not_ready(rows: Sequence[TrialRow], table: Table) -> TrialVerdict | None:
    criteria, prompts = table.criteria, table.prompts
    faulty = [row for row in rows if row.error]
    if faulty:
        first = faulty[0]
        facts = {"rows": len(faulty), "prompt": first.prompt_id, "lane": first.lane, "error": first.error}
        return _verdict(Verdict.ERROR, Reason("failed_rows", facts))
    absent = missing(criteria, prompts, rows)
    if absent:
        planned = len(absent) + len(table.rows)
        facts = {"missing": len(absent), "planned": planned}
        return _verdict(Verdict.NOT_ENOUGH_DATA, Reason("missing_rows", facts))
    unscored = sum(not row.scored for row in rows)
    if unscored:
        return _verdict(
            Verdict.NOT_ENOUGH_DATA, Reason("unscored_rows", {"rows": unscored, "planned": len(rows)})
        )
    groups = len({prompt.group for prompt in table.deciding})
    if groups < criteria.min_prompts:
        needed = criteria.min_prompts - groups
        facts = {"groups": groups, "needed": criteria.min_prompts, "more": needed}
        return _verdict(Verdict.NOT_ENOUGH_DATA, Reason("few_prompts", facts), more=needed)
    return None


class _Decision:
    """Everything the verdict rests on, computed once."""

    def __init__(self, table: Table) -> None:
        self.table, self.criteria = table, table.criteria
        self.shared = self.criteria.alpha / max(1, len(self.criteria.prompt_lanes))
        primary = self.criteria.primary
        self.steered = None if primary is None else self._case(primary, self.criteria.alpha)
        self.prompts = [self._case(lane, self.shared) for lane in self.criteria.prompt_lanes]
        self.advantages = {
            own.lane.name: self._advantage(self.steered.lane, own.lane)
            for own in self.prompts
            if self.steered is not None
        }

    def verdict(self) -> TrialVerdict:
        enough = self._enough()
        if enough is not None:
            return enough
        steered = self.steered
        if steered is not None and steered.passes:
            return self._steer_or_open(steered)
        cases = ([steered] if steered is not None else []) + self.prompts
        undecided = [case for case in cases if not case.fails]
        if undecided:
            return self._open(undecided)
        about = steered or max(self.prompts, key=lambda case: case.gain.estimate.value)
        return self._done(Verdict.FAIL, Reason("failed", facts_of(about.refuted)), lane=about.lane.name)

    def _enough(self) -> TrialVerdict | None:
        """The pass of the best prompt lane that is as good as steering."""
        good = [own for own in self.prompts if own.passes and self._suffices(own)]
        if not good:
            return None
        best = max(good, key=lambda own: own.gain.estimate.value)
        name, facts = best.lane.name, facts_of(best.gain)
        if self.steered is None:
            why = Reason("prompt_passes", facts)
        elif self.steered.fails and self.advantages[name].estimate.high > self.criteria.prompt_margin:
            why = Reason("prompt_passes_steering_fails", facts | {"steered": self.steered.lane.name})
        else:
            why = Reason("prompt_enough", facts | advantage_facts(self.advantages[name], self.criteria))
        return self._done(Verdict.PASS, why, PROMPT, lane=name)

    def _suffices(self, prompt: LaneCase) -> bool:
        if self.steered is None or self.steered.fails:
            return True
        return self.advantages[prompt.lane.name].estimate.high <= self.criteria.prompt_margin

    def _steer_or_open(self, steered: LaneCase) -> TrialVerdict:
        name, facts = steered.lane.name, facts_of(steered.gain)
        rivals = [
            own
            for own in self.prompts
            if not own.fails and self.advantages[own.lane.name].standing is not Standing.SHOWN
        ]
        if rivals:
            needs = [self._to_settle(name, own.lane.name) for own in rivals]
            worst = max(rivals, key=lambda own: own.gain.estimate.value)
            facts |= advantage_facts(self.advantages[worst.lane.name], self.criteria)
            return self._done(
                Verdict.NOT_ENOUGH_DATA,
                Reason("prompt_or_steering", facts | {"prompt": worst.lane.name}),
                lane=name,
                more=_most(needs),
            )
        recommendation = STEER if steered.lane.steers else None
        if not self.prompts:
            return self._done(Verdict.PASS, Reason("steer_no_prompt", facts), recommendation, lane=name)
        best = max(self.prompts, key=lambda own: own.gain.estimate.value)
        facts |= advantage_facts(self.advantages[best.lane.name], self.criteria)
        return self._done(
            Verdict.PASS,
            Reason("steer", facts | {"prompt": best.lane.name}),
            recommendation,
            lane=name,
        )

    def _to_settle(self, steered: str, prompt: str) -> int | None:
        """More prompts that would tell a prompt lane from steering, one way or the other."""
        change = self.table.compare(steered, prompt)
        level, power = self.shared, self.criteria.power
        ways = (
            change.prompts_needed(0.0, "above", level, power),
            change.prompts_needed(self.criteria.prompt_margin, "below", level, power),
        )
        return min((own for own in ways if own is not None), default=None)

    def _open(self, undecided: Sequence[LaneCase]) -> TrialVerdict:
        case = undecided[0]
        worst = max(case.open, key=lambda own: math.inf if own.more_prompts is None else own.more_prompts)
        more = worst.more_prompts
        return self._done(
            Verdict.NOT_ENOUGH_DATA, Reason("open", facts_of(worst)), lane=case.lane.name, more=more
        )

    def _case(self, lane: LaneSpec, level: float) -> LaneCase:
        limits = (self._side_effect(lane, limit) for limit in self.criteria.side_effects)
        return LaneCase(lane, (self._gain(lane, level), *limits))

    def _gain(self, lane: LaneSpec, level: float) -> Answer:
        margin, unsteered = self.criteria.margin, self.criteria.unsteered.name
        change = self.table.compare(lane.name, unsteered)
        estimate = change.estimate(level)
        standing = above(estimate, margin)
        more = _more(change, estimate.value, margin, standing, level, self.criteria.power)
        return Answer("gain", lane.name, unsteered, estimate, margin, standing, more)

    def _advantage(self, steered: LaneSpec, prompt: LaneSpec) -> Answer:
        estimate = self.table.compare(steered.name, prompt.name).estimate(self.shared)
        return Answer("advantage", steered.name, prompt.name, estimate, 0.0, above(estimate, 0.0))

    def _side_effect(self, lane: LaneSpec, limit: SideEffectLimit) -> Answer:
        found = effect(self.table, lane.name, limit)
        standing = at_most(found.estimate, limit.at_most)
        more = None
        if standing is Standing.OPEN:
            groups = found.estimate.clusters or 0
            if not found.estimate.defined:
                more = max(1, self.criteria.min_prompts - groups)
            elif found.change is not None:
                more = _more(
                    found.change,
                    found.estimate.value,
                    limit.at_most,
                    standing,
                    self.criteria.alpha,
                    self.criteria.power,
                )
        against = self.criteria.unsteered.name
        return Answer(
            limit.measure, lane.name, against, found.estimate, limit.at_most, standing, more, limit.pressure
        )

    def _done(
        self,
        verdict: Verdict,
        why: Reason,
        recommendation: Recommendation | None = None,
        *,
        lane: str = "",
        more: int | None = None,
    ) -> TrialVerdict:
        cases = ([self.steered] if self.steered is not None else []) + self.prompts
        answers = (*(a for case in cases for a in case.answers), *self.advantages.values())
        return _verdict(verdict, why, recommendation, lane=lane, more=more, answers=answers)


def _verdict(
    verdict: Verdict,
    why: Reason,
    recommendation: Recommendation | None = None,
    *,
    lane: str = "",
    more: int | None = None,
    answers: tuple[Answer, ...] = (),
) -> TrialVerdict:
    why = Reason(why.code, {**why.facts, **({"more": more} if verdict is Verdict.NOT_ENOUGH_DATA else {})})
    return TrialVerdict(verdict, recommendation, sentence(why, "en"), more, lane, why, answers)


def _more(
    change: PairedChange, value: float, threshold: float, standing: Standing, level: float, power: float
) -> int | None:
    """More prompts that would settle an open question on the side where the estimate lies."""
    if standing is not Standing.OPEN:
        return None
    return change.prompts_needed(threshold, "above" if value > threshold else "below", level, power)


def _most(needs: Iterable[int | None]) -> int | None:
    """The largest; None where one is out of reach."""
    found = list(needs)
    return None if None in found else max(own for own in found if own is not None)
