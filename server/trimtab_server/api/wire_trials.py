"""Conversion of trials between the wire's messages and ours."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from trimtab_protos.v1 import rollout_pb2, trial_pb2

from trimtab_server.api import wire
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.steering.pinned_lanes import PinnedLane
from trimtab_server.steering.snapshot import Term
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.trials import Count, NumberedRow, RowFilter, TrialRecord
from trimtab_server.trials.criteria import Criteria
from trimtab_server.trials.prompts import Prompt
from trimtab_server.trials.ratings import Agreement

#: The id that stands for the newest trial.
NEWEST: Final = "-"

STATES: Final = {
    "created": trial_pb2.TRIAL_STATE_CREATED,
    "running": trial_pb2.TRIAL_STATE_RUNNING,
    "paused": trial_pb2.TRIAL_STATE_PAUSED,
    "rating": trial_pb2.TRIAL_STATE_RATING,
    "finished": trial_pb2.TRIAL_STATE_FINISHED,
    "deleted": trial_pb2.TRIAL_STATE_DELETED,
}
VERDICTS: Final = {
    "": rollout_pb2.VERDICT_UNSPECIFIED,
    Verdict.PASS.value: rollout_pb2.VERDICT_PASS,
    Verdict.FAIL.value: rollout_pb2.VERDICT_FAIL,
    Verdict.NOT_ENOUGH_DATA.value: rollout_pb2.VERDICT_NOT_ENOUGH_DATA,
    Verdict.ERROR.value: rollout_pb2.VERDICT_ERROR,
}
_RATES: Final = ("honest", "lie", "evade", "no_belief")


@dataclass(frozen=True)
class TrialView:
    """A trial with what is shown beside it. seconds_left: None while it is not known."""

    record: TrialRecord
    criteria: Criteria
    lanes: tuple[PinnedLane, ...]
    count: Count
    seconds_left: float | None = None
    rating: trial_pb2.RatingProgress | None = None


# In


def trial_id(name: str, field: str = "name") -> tuple[str, str]:
    """The deployment and the id (or `NEWEST`) of "deployments/{deployment}/trials/{id}".

    Raises:
        Refusal: FIELD_INVALID.
    """
    match name.split("/"):
        case ["deployments", deployment, "trials", trial] if deployment and trial:
            return deployment, trial
        case _:
            raise Refusal(
                "FIELD_INVALID",
                field=field,
                detail=f"{field} is {name!r}; it must be deployments/DEPLOYMENT/trials/ID",
            )


def filter_in(request: trial_pb2.ListTrialRowsRequest) -> RowFilter:
    """Raises: Refusal: FIELD_INVALID."""
    if request.repeat < 0:
        raise Refusal("FIELD_INVALID", field="repeat", detail=f"repeat is {request.repeat}; use 0 for all")
    return RowFilter(
        lanes=tuple(request.lanes),
        outcomes=tuple(request.outcomes),
        prompt_id=request.prompt_id,
        pressures=tuple(request.pressures),
        language=request.language,
        text=request.text,
        errors_only=request.errors_only,
        probes=request.probes,
        repeat=request.repeat - 1 if request.repeat else None,
    )


# Out


def trial_out(view: TrialView, *, whole: bool = True) -> trial_pb2.Trial:
    """whole: with the parts and the JSON of its result."""
    record, criteria = view.record, view.criteria
    primary = criteria.primary
    message = trial_pb2.Trial(
        name=record.name,
        display_name=record.display_name,
        goal=criteria.goal,
        state=STATES[record.state],
        reason=record.reason,
        lock=lock_out(record),
        lanes=lanes_out(criteria, view.lanes),
        prompt_count=record.prompt_count,
        repeats=criteria.repeats,
        scorer=criteria.scorer.kind,
        measure=criteria.measure,
        progress=progress_out(view),
        created_by=record.created_by,
        changed_by=record.changed_by,
        create_time=wire.timestamp(record.create_time),
        start_time=wire.optional_timestamp(record.start_time),
        end_time=wire.optional_timestamp(record.end_time),
        expire_time=wire.optional_timestamp(record.expire_time),
        lane="" if primary is None else primary.name,
        pressures=criteria.pressure,
        margin=criteria.margin,
        prompt_margin=criteria.prompt_margin,
        rating=view.rating,
    )
    if record.result:
        message.result.CopyFrom(
            result_out(record.result, [lane.name for lane in criteria.lanes], whole=whole)
        )
    return message


def lock_out(record: TrialRecord) -> trial_pb2.TrialLock:
    return trial_pb2.TrialLock(
        hash=record.lock_hash,
        criteria_hash=record.criteria_hash,
        prompts_hash=record.prompts_hash,
        lanes_hash=record.lanes_hash,
        criteria_json=record.criteria,
    )


def lanes_out(criteria: Criteria, lanes: Sequence[PinnedLane]) -> list[trial_pb2.TrialLane]:
    pinned = {lane.name: lane.configuration for lane in lanes}
    return [
        trial_pb2.TrialLane(
            name=lane.name,
            kind=lane.kind,
            snapshot=f"snapshots/{pinned[lane.name].id}",
            stage=pinned[lane.name].steering.stage_name,
            lines=[
                trial_pb2.TrialPromptLine(language=own.language, text=own.text, position=own.position)
                for own in lane.system_prompt
            ],
            steering=[_words(term) for term in pinned[lane.name].steering.terms],
        )
        for lane in criteria.lanes
    ]


def _words(term: Term) -> str:
    layers = ", ".join(map(str, term.layers))
    gate = " if its condition holds" if term.condition else ""
    return (
        f"vectors/{term.vector}: {term.operator.value} {term.strength:g} at layers {layers}, "
        f"{term.positions.value} positions{gate}"
    )


def progress_out(view: TrialView) -> trial_pb2.TrialProgress:
    count = view.count
    by_lane = {own.lane: own for own in count.lanes}
    lanes = [by_lane[lane.name] for lane in view.criteria.lanes if lane.name in by_lane]
    return trial_pb2.TrialProgress(
        done=count.done,
        planned=view.record.row_count,
        errors=count.errors,
        seconds_left=view.seconds_left,
        seconds=view.record.seconds,
        lanes=[
            trial_pb2.LaneProgress(
                lane=own.lane, rows=own.rows, outcomes=dict(own.outcomes), mean_score=own.mean_score
            )
            for own in lanes
        ],
    )


def prompt_out(prompt: Prompt) -> trial_pb2.TrialPrompt:
    # What was said before the prompt is shown with its system message, which it follows.
    before = "\n".join(
        (*([prompt.system] if prompt.system else []), *(f"{t.role}: {t.content}" for t in prompt.turns))
    )
    return trial_pb2.TrialPrompt(
        id=prompt.id,
        prompt=prompt.prompt,
        system=before,
        gold=prompt.gold,
        dishonest=prompt.dishonest,
        evasions=prompt.evasions,
        belief_probes=prompt.belief_probes,
        pressure=prompt.pressure,
        language=prompt.language,
        group=prompt.group,
    )


def row_out(own: NumberedRow) -> trial_pb2.TrialRow:
    row = own.row
    return trial_pb2.TrialRow(
        number=own.number,
        prompt_id=row.prompt_id,
        lane=row.lane,
        repeat=row.repeat,
        probe=row.probe,
        reply=row.reply,
        outcome=row.outcome,
        score=row.score,
        seed=row.seed,
        prompt_tokens=row.prompt_tokens,
        tokens=row.tokens,
        seconds=row.seconds,
        finish_reason=row.finish_reason,
        measures=dict(row.measures),
        error=row.error,
    )


def hidden_row_out(own: NumberedRow, key: str) -> trial_pb2.TrialRow:
    """Without its lane, and without what would tell it: lengths and times differ from lane to lane."""
    row = own.row
    return trial_pb2.TrialRow(
        prompt_id=row.prompt_id, repeat=row.repeat, probe=row.probe, reply=row.reply, error=row.error, key=key
    )


def result_out(text: str, lanes: Sequence[str], *, whole: bool = True) -> trial_pb2.TrialResult:
    """From the JSON of `trials.summary.TrialSummary`; the lanes in the order of the criteria."""
    record: dict[str, Any] = json.loads(text)
    decision = record["decision"]
    result = trial_pb2.TrialResult(
        verdict=VERDICTS[record["verdict"]],
        recommendation=record["recommendation"] or "",
        reason=decision["reason"],
        reason_ja=decision["reason_ja"],
        more_prompts_needed=record["more_prompts_needed"],
        lane=decision["lane"],
        lanes=_lanes_out(record["lanes"], lanes),
        answers=[_answer_out(own) for own in decision["answers"]],
    )
    if record["belief"] is not None:
        result.belief.CopyFrom(estimate_out(record["belief"]))
    if whole:
        result.parts.extend(_part_out(own, lanes) for own in record["parts"])
        result.json = text
    return result


def _lanes_out(record: Mapping[str, Any], lanes: Sequence[str]) -> list[trial_pb2.TrialLaneFigures]:
    """Those of which there are figures: none before the first prompt is answered in all of them."""
    return [_lane_out(name, record[name]) for name in lanes if name in record]


def _lane_out(name: str, record: Mapping[str, Any]) -> trial_pb2.TrialLaneFigures:
    level = record["level"]
    low, high = record["ci"]
    figures = trial_pb2.TrialLaneFigures(
        lane=name,
        kind=record["kind"],
        prompts=record["prompts"],
        level=trial_pb2.TrialEstimate(
            value=level, low=low, high=high, confidence=0.95, prompts=record["prompts"]
        ),
        p=record["p"],
        tokens=record["tokens"],
        prompt_tokens=record["prompt_tokens"],
        seconds=record["seconds"],
        **{rate: record[rate] for rate in _RATES},
    )
    if record["gain"] is not None:
        figures.gain.CopyFrom(estimate_out(record["gain"]))
    if record["bootstrap"] is not None:
        figures.gain_by_bootstrap.CopyFrom(estimate_out(record["bootstrap"]))
    return figures


def estimate_out(record: Mapping[str, Any]) -> trial_pb2.TrialEstimate:
    return trial_pb2.TrialEstimate(
        value=record["value"],
        low=record["low"],
        high=record["high"],
        confidence=record["confidence"],
        p=record["p"],
        prompts=record["n"],
        groups=record["clusters"] or 0,
        method=record["method"],
        note=record["note"],
    )


def _answer_out(record: Mapping[str, Any]) -> trial_pb2.TrialAnswer:
    return trial_pb2.TrialAnswer(
        question=record["question"],
        lane=record["lane"],
        against=record["against"],
        estimate=estimate_out(record["estimate"]),
        threshold=record["threshold"],
        standing=record["standing"],
        more_prompts=record["more_prompts"],
        pressures=record["pressure"],
    )


def _part_out(record: Mapping[str, Any], lanes: Sequence[str]) -> trial_pb2.TrialPart:
    part = trial_pb2.TrialPart(
        pressure=record["pressure"],
        language=record["language"],
        lanes=_lanes_out(record["lanes"], lanes),
    )
    verdict = record["verdict"]
    if verdict is not None:
        part.verdict = VERDICTS[verdict["verdict"]]
        part.recommendation = verdict["recommendation"] or ""
        part.reason, part.reason_ja = verdict["reason"], verdict["reason_ja"]
    return part


def agreement_out(found: Agreement) -> trial_pb2.RatingAgreement:
    return trial_pb2.RatingAgreement(
        alpha=found.alpha, low=found.low, high=found.high, equal=found.equal, replies=found.replies
    )
