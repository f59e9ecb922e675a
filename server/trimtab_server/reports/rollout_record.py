"""A rollout as plain data: its state and plan, its looks, and who did what.

    {"rollout": {...}, "looks": [...], "audit_records": [...], "head": "sha256", "record_count": 12}

`rollout` is what `trimtab rollout status --json` prints, `looks` what each line of `trimtab rollout watch --json` has
under `look`, and the others are what `trimtab audit list --json` prints. All but `rollout` may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from trimtab_client.rollout_types import Rollout, RolloutLook
from trimtab_client.types import AuditRecord

from trimtab_server.reports.record_file import RecordError, presentable, read_object
from trimtab_server.reports.trial_record import AuditHead


@dataclass(frozen=True)
class RolloutRecord:
    """looks, audit: oldest first; the audit of this rollout alone."""

    rollout: Rollout
    looks: tuple[RolloutLook, ...] = ()
    audit: tuple[AuditRecord, ...] = ()
    head: AuditHead | None = None

    @classmethod
    def of(
        cls,
        rollout: Rollout,
        looks: Sequence[RolloutLook],
        audit: Sequence[AuditRecord],
        head: AuditHead | None,
    ) -> RolloutRecord:
        own = [record for record in audit if record.subject == rollout.name or rollout.name in record.details]
        return cls(
            rollout,
            tuple(sorted(looks, key=lambda look: look.number)),
            tuple(sorted(own, key=lambda record: record.sequence)),
            head,
        )

    @property
    def candidate(self) -> str:
        return self.rollout.candidate_display_name or self.rollout.candidate_snapshot[:22]


def read_rollout_record(path: Path) -> RolloutRecord:
    """The record in a file. Raises RecordError as `rollout_record`, OSError where it cannot be read."""
    return rollout_record(read_object(path))


def rollout_record(given: Mapping[str, Any]) -> RolloutRecord:
    """A record from JSON. Raises RecordError for what is none."""
    if "rollout" not in given:
        raise RecordError("the record has no 'rollout'; give what `trimtab rollout status --json` printed")
    shown = presentable(dict(given))
    head = shown.get("head")
    return RolloutRecord.of(
        _read(Rollout, shown["rollout"], "rollout"),
        _read(tuple[RolloutLook, ...], shown.get("looks") or (), "looks"),
        _read(tuple[AuditRecord, ...], shown.get("audit_records") or (), "audit_records"),
        AuditHead(int(shown.get("record_count") or 0), str(head)) if head else None,
    )


def _read(kind: Any, value: Any, name: str) -> Any:
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as fault:
        first = fault.errors()[0]
        place = ".".join(str(part) for part in (name, *first["loc"]))
        raise RecordError(f"{place}: {first['msg']}; give what the command printed, whole") from fault
