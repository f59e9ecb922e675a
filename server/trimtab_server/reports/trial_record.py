"""A finished or running trial as plain data: what `trimtab trial export` writes, read back.

    {"format": "trimtab.trial/1", "name": "deployments/default/trials/...", "criteria": {...}, "prompts": [...],
     "rows": [...], "lock": {"hash": "sha256"}, "create_time": 1764000000000000000, "created_by": "...",
     "cost_model": {...}, "audit": {"records": 12, "head": "sha256", "trial": [...]}}

`criteria`, `prompts` and `rows` are what `Criteria.as_dict`, `Prompt.as_dict` and `TrialRow.as_dict` give; times are
UTC nanoseconds. Every figure of a report is computed from them; the `result` beside them is not read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from trimtab_server.reports.record_file import RecordError, presentable, read_object
from trimtab_server.trials.cost import CostModel, CostReport, cost_of_trial
from trimtab_server.trials.criteria import Criteria, CriteriaError, lock
from trimtab_server.trials.criteria_file import criteria_from_json
from trimtab_server.trials.prompts import PromptSet
from trimtab_server.trials.rows import TrialRow, missing
from trimtab_server.trials.summary import TrialSummary, summarise

FORMAT: Final = "trimtab.trial/1"


@dataclass(frozen=True)
class AuditHead:
    """records: length of the chain when the record was made; head: SHA-256 of its last link."""

    records: int
    head: str


@dataclass(frozen=True)
class Deed:
    """One link of the audit chain that is about the trial. time: UTC nanoseconds."""

    sequence: int
    time: int
    actor: str
    action: str
    reason: str
    hash: str


@dataclass(frozen=True)
class TrialRecord:
    """trial: its name. criteria_hash, prompts_hash, lock: as computed from the content. Times are UTC nanoseconds, 0
    where they are not known."""

    trial: str
    criteria: Criteria
    prompts: PromptSet
    rows: tuple[TrialRow, ...]
    criteria_hash: str
    prompts_hash: str
    lock: str
    create_time: int = 0
    start_time: int = 0
    end_time: int = 0
    created_by: str = ""
    stage: str = ""
    cost_model: CostModel | None = None
    audit: AuditHead | None = None
    deeds: tuple[Deed, ...] = ()

    @cached_property
    def summary(self) -> TrialSummary:
        return summarise(self.rows, self.criteria, self.prompts)

    @cached_property
    def cost(self) -> CostReport | None:
        """None without the company's figures, or while replies are missing."""
        if self.cost_model is None or missing(self.criteria, self.prompts, self.rows):
            return None
        if any(not row.scored for row in self.rows):
            return None
        return cost_of_trial(self.rows, self.criteria, self.prompts, self.cost_model)


def read_trial_record(path: Path) -> TrialRecord:
    """The record in an exported file. Raises RecordError as `trial_record`, OSError where it cannot be read."""
    return trial_record(read_object(path))


def trial_record(exported: Mapping[str, Any]) -> TrialRecord:
    """A record from an export.

    Raises:
        RecordError: something is missing or no trial's; or the lock is not that of these criteria and prompts.
    """
    for key in ("criteria", "prompts", "rows"):
        if key not in exported:
            raise RecordError(f"the record has no {key!r}; give what `trimtab trial export` wrote")
    if exported["prompts"] is None:
        raise RecordError(
            "the trial's prompts and replies were deleted, so no report can be made of it; its lock and its result are "
            "all that is left, in the export"
        )
    criteria, prompts = _content(exported)
    locked = lock(criteria, prompts)
    said = _locked(exported.get("lock")) or locked
    if said != locked:
        raise RecordError(
            f"the record says that it was locked as {said[:16]}, and its criteria and prompts hash to {locked[:16]}: "
            "one of them was changed after the lock; export the trial again"
        )
    given = presentable(dict(exported))
    shown, asked = _content(given)
    try:
        rows = tuple(
            TrialRow.from_dict({k: v for k, v in row.items() if k != "number"}) for row in given["rows"]
        )
        times = {key: int(given.get(key) or 0) for key in ("create_time", "start_time", "end_time")}
        audit = given.get("audit") or {}
        deeds = tuple(Deed(**own) for own in audit.get("trial", ()))
    except (TypeError, ValueError, AttributeError) as fault:
        raise RecordError(f"the record is not what `trimtab trial export` writes ({fault})") from fault
    return TrialRecord(
        trial=str(given.get("name") or criteria.name),
        criteria=shown,
        prompts=asked,
        rows=rows,
        criteria_hash=criteria.hash,
        prompts_hash=prompts.hash,
        lock=locked,
        created_by=str(given.get("created_by") or ""),
        stage=str(given.get("stage") or shown.stage),
        cost_model=cost_model(given.get("cost_model")),
        audit=audit_head(audit),
        deeds=deeds,
        **times,
    )


def cost_model(given: object) -> CostModel | None:
    """The company's figures from JSON or TOML; None for none. Raises RecordError for figures that are none."""
    if not given:
        return None
    try:
        return TypeAdapter(CostModel).validate_python(given)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RecordError(f"cost_model.{place}: {first['msg']}") from fault


def _locked(given: object) -> str:
    return str(given.get("hash") or "") if isinstance(given, Mapping) else str(given or "")


def audit_head(given: object) -> AuditHead | None:
    if not isinstance(given, Mapping) or not given.get("head"):
        return None
    return AuditHead(int(given.get("records") or 0), presentable(str(given["head"])))


def _content(exported: Mapping[str, Any]) -> tuple[Criteria, PromptSet]:
    given = exported["criteria"]
    prompts = exported["prompts"]
    if not isinstance(prompts, Sequence) or isinstance(prompts, str):
        raise RecordError(
            "prompts is no list; give the records of the prompts, as `trimtab trial export` does"
        )
    try:
        criteria = criteria_from_json(given if isinstance(given, str) else json.dumps(given))
        return criteria, PromptSet.from_records(list(prompts))
    except (CriteriaError, ValueError, TypeError, KeyError) as fault:
        raise RecordError(f"the record is no trial's: {fault}") from fault
