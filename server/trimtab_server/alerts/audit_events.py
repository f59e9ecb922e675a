"""Which records of the audit chain are told to people, and how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from trimtab_server.alerts.alert import Alert, Fact, Kind, Severity
from trimtab_server.store.audit import CIRCUMSTANCES, AuditRecord
from trimtab_server.store.requests import SERVER
from trimtab_server.store.rollouts import PROMOTED

#: Details of a record that are worth a line in a message; whatever else it holds stays in the audit.
_SHOWN: Final = (
    "guardrail",
    "verdict",
    "estimate",
    "limit",
    "evidence",
    "count",
    "look",
    "step",
    "weight_before",
)


#: Triggers that the rest of the message says already.
_PLAIN_TRIGGERS: Final = ("", "human", "server")


def alert_of(record: AuditRecord) -> Alert | None:
    """None for what nobody has to be told of, such as a change that was asked for and refused."""
    if _circumstances(record).get("outcome", "done") != "done":
        return None
    if record.action == "snapshot.rollback":
        return _rolled_back(record)
    if record.action == "rollout.fail":
        return _failed(record)
    if record.action == "rollout.abort":
        return _aborted(record)
    if record.action in ("rollout.promote", "rollout.promote_full"):
        return _promoted(record)
    if record.action == "rollout.pause" and by_server(record):
        return _paused(record)
    if record.action == "server.start":
        return _damaged(record)
    return None


def by_server(record: AuditRecord) -> bool:
    """Whether the server did it by itself."""
    return record.actor == SERVER.actor


def _rolled_back(record: AuditRecord) -> Alert:
    return Alert(
        kind=Kind.ROLLBACK,
        severity=Severity.CRITICAL if by_server(record) else Severity.WARNING,
        deployment=record.deployment,
        title="rolled back",
        text=f"{_who(record)} went back to {_short(record.subject)}, undoing revision {record.from_revision}: "
        f"{record.reason}",
        facts={
            "from revision": record.from_revision,
            "to revision": record.to_revision,
            "snapshot": _short(record.subject),
            "by": record.actor,
            **_shown(record),
        },
        time=record.time,
        subject=f"revision {record.to_revision}",
    )


def _failed(record: AuditRecord) -> Alert:
    return Alert(
        kind=Kind.GUARDRAIL,
        severity=Severity.CRITICAL,
        deployment=record.deployment,
        title="a guardrail ended the rollout",
        text=f"The server ended {_rollout(record)}; every session is on the stable snapshot again: "
        f"{record.reason}",
        facts={"rollout": _rollout(record), **_shown(record)},
        time=record.time,
        subject=record.subject,
    )


def _aborted(record: AuditRecord) -> Alert:
    return Alert(
        kind=Kind.ABORT,
        severity=Severity.CRITICAL if by_server(record) else Severity.WARNING,
        deployment=record.deployment,
        title="rollout aborted",
        text=f"{_who(record)} aborted {_rollout(record)}; every session is on the stable snapshot again: "
        f"{record.reason}",
        facts={"rollout": _rollout(record), "by": record.actor, **_shown(record)},
        time=record.time,
        subject=record.subject,
    )


def _promoted(record: AuditRecord) -> Alert | None:
    if _details(record).get("state") != PROMOTED:
        return None  # a step on the way
    return Alert(
        kind=Kind.PROMOTION,
        severity=Severity.INFO,
        deployment=record.deployment,
        title="rollout promoted",
        text=f"{_who(record)} promoted {_rollout(record)}; its candidate is active as revision "
        f"{record.to_revision}: {record.reason}",
        facts={"rollout": _rollout(record), "revision": record.to_revision, "by": record.actor},
        time=record.time,
        subject=record.subject,
    )


def _paused(record: AuditRecord) -> Alert:
    return Alert(
        kind=Kind.PAUSE,
        severity=Severity.WARNING,
        deployment=record.deployment,
        title="rollout paused, a person has to decide",
        text=f"The server paused {_rollout(record)}; the weight stays where it is: {record.reason}",
        facts={"rollout": _rollout(record), **_shown(record)},
        time=record.time,
        # The same rollout may be paused again, and that is news.
        subject=f"{record.subject} record {record.sequence}",
    )


def _damaged(record: AuditRecord) -> Alert | None:
    faults = _details(record).get("self_check", "ok")
    if faults == "ok":
        return None
    listed = "; ".join(map(str, faults)) if isinstance(faults, list) else str(faults)
    return Alert(
        kind=Kind.DAMAGE,
        severity=Severity.CRITICAL,
        deployment="",
        title="the self-check found something broken",
        text=f"Requests under what is broken are refused; rolling back is possible. Found: {listed}",
        facts={"faults": len(faults) if isinstance(faults, list) else 1},
        time=record.time,
        subject=f"record {record.sequence}",
    )


def _who(record: AuditRecord) -> str:
    return "The server" if by_server(record) else record.actor


def _rollout(record: AuditRecord) -> str:
    return f"rollout {record.subject.rpartition('/')[2]}"


def _short(snapshot: str) -> str:
    return snapshot.rpartition("/")[2][:12]


def _details(record: AuditRecord) -> Mapping[str, Any]:
    details = json.loads(record.details)
    return details if isinstance(details, dict) else {}


def _circumstances(record: AuditRecord) -> Mapping[str, Any]:
    found = _details(record).get(CIRCUMSTANCES)
    return found if isinstance(found, dict) else {}


def _shown(record: AuditRecord) -> dict[str, Fact]:
    details = _details(record)
    trigger = str(_circumstances(record).get("trigger", ""))
    what_set_it_off: dict[str, Fact] = {} if trigger in _PLAIN_TRIGGERS else {"trigger": trigger}
    return what_set_it_off | {
        name.replace("_", " "): value
        for name in _SHOWN
        if isinstance(value := details.get(name), str | int | float) and value != ""
    }
