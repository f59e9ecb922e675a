"""A case as plain data: what `trimtab case export` writes, read back.

{"format": "trimtab.case/1", "name": "deployments/default/cases/...", "goal": "...", "lock": {...} or null,
 "trials": [{"name": ..., "role": "small", "decides": true, "verdict": "pass", "record": {trial export}, ...}],
 "rollouts": [{"name": ..., "state": "promoted", "record": {rollout record}, ...}],
 "steps": [{"step": "goal", "state": "done", "sentence": "...", "sentence_ja": "..."}],
 "decision": {"choice": "scale", ...} or null, "audit": {"records": 12, "head": "sha256", "case": [...]}}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError

from trimtab_server.reports.record_file import RecordError, presentable, read_object
from trimtab_server.reports.rollout_record import RolloutRecord, rollout_record
from trimtab_server.reports.trial_record import (
    AuditHead,
    Deed,
    TrialRecord,
    audit_head,
    cost_model,
    trial_record,
)
from trimtab_server.trials.cost import CostModel

FORMAT: Final = "trimtab.case/1"


@dataclass(frozen=True)
class CaseTrial:
    """A trial's part in the case. record: None once its prompts and replies were deleted, and before its verdict."""

    name: str
    role: Literal["small", "confirmation"]
    decides: bool
    verdict: str
    recommendation: str
    prompts: int
    lock_hash: str
    result_hash: str
    state: str
    lane: str = ""
    verdict_reason: str = ""
    verdict_reason_ja: str = ""
    record: TrialRecord | None = None

    def reason_in(self, language: str) -> str:
        """Of the verdict, in "en" or "ja"."""
        return self.verdict_reason_ja if language == "ja" else self.verdict_reason


@dataclass(frozen=True)
class CaseRollout:
    name: str
    decides: bool
    state: str
    plan_hash: str
    candidate_snapshot: str
    superseded: bool
    record: RolloutRecord | None = None


@dataclass(frozen=True)
class CaseStep:
    step: str
    state: str
    code: str
    sentence: str
    sentence_ja: str

    def sentence_in(self, language: str) -> str:
        """In "en" or "ja"."""
        return self.sentence_ja if language == "ja" else self.sentence


@dataclass(frozen=True)
class Locked:
    criteria_hash: str
    lanes_hash: str
    actor: str
    reason: str
    time: int


@dataclass(frozen=True)
class Decision:
    choice: Literal["scale", "stop"]
    reason: str
    actor: str
    time: int
    basis_hash: str


@dataclass(frozen=True)
class CaseRecord:
    """Times are UTC nanoseconds. other_trials: by the same criteria, started, and no part of the case."""

    name: str
    display_name: str
    goal: str
    risks: str
    created_by: str
    create_time: int
    lock: Locked | None
    trials: tuple[CaseTrial, ...]
    rollouts: tuple[CaseRollout, ...]
    steps: tuple[CaseStep, ...]
    other_trials: tuple[str, ...]
    decision: Decision | None
    audit: AuditHead | None
    deeds: tuple[Deed, ...]

    def trial(self, role: str) -> CaseTrial | None:
        """The one that decides in a role."""
        return next((own for own in self.trials if own.decides and own.role == role), None)

    @property
    def telling(self) -> CaseTrial | None:
        """The trial whose figures the report shows: the confirmation, else the small one; with replies to show."""
        found = (self.trial("confirmation"), self.trial("small"))
        return next((own for own in found if own is not None and own.record is not None), None)

    @property
    def rollout(self) -> CaseRollout | None:
        return next((own for own in self.rollouts if own.decides), None)

    @property
    def step(self) -> CaseStep | None:
        """The first that is neither done nor blocked."""
        return next((own for own in self.steps if own.state not in ("done", "blocked")), None)


def read_case_record(path: Path, cost: CostModel | None = None) -> CaseRecord:
    """The record in an exported file. Raises RecordError as `case_record`, OSError where it cannot be read."""
    return case_record(read_object(path), cost)


def case_record(exported: Mapping[str, Any], cost: CostModel | None = None) -> CaseRecord:
    """A record from an export; the costs of its trials are reckoned from `cost`, else from the export's `cost_model`.

    Raises:
        RecordError: something is missing or no case's, or a trial's lock is not that of its criteria and prompts.
    """
    if exported.get("format") != FORMAT:
        raise RecordError(
            f"the record's format is {exported.get('format')!r}; give what `trimtab case export` wrote"
        )
    cost = cost or cost_model(exported.get("cost_model"))
    trials = [_trial(own, cost) for own in exported.get("trials", ())]
    rollouts = [_rollout(own) for own in exported.get("rollouts", ())]
    given = presentable({k: v for k, v in exported.items() if k not in ("trials", "rollouts", "cost_model")})
    audit = given.pop("audit", None) or {}
    deeds = _read(tuple[Deed, ...], audit.get("case", ()), "audit.case")
    bare: CaseRecord = _read(
        CaseRecord,
        given | {"trials": (), "rollouts": (), "audit": None, "deeds": ()},
        "case",
    )
    return replace(bare, trials=tuple(trials), rollouts=tuple(rollouts), audit=audit_head(audit), deeds=deeds)


def _trial(given: Mapping[str, Any], cost: CostModel | None) -> CaseTrial:
    record = given.get("record") or {}
    own: CaseTrial = _read(
        CaseTrial, presentable({k: v for k, v in given.items() if k != "record"}), "trials"
    )
    if not own.verdict or record.get("prompts") is None:
        return own
    return replace(own, record=replace(trial_record(record), cost_model=cost))


def _rollout(given: Mapping[str, Any]) -> CaseRollout:
    own: CaseRollout = _read(
        CaseRollout, presentable({k: v for k, v in given.items() if k != "record"}), "rollouts"
    )
    return replace(own, record=rollout_record(given["record"])) if given.get("record") else own


def _read(kind: Any, value: Any, name: str) -> Any:
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(str(part) for part in (name, *first["loc"]))
        raise RecordError(f"{place}: {first['msg']}; give what `trimtab case export` wrote, whole") from fault
