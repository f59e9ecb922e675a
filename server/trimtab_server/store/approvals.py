"""Proposals that wait for a second person, and what became of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from trimtab_server.store.tables import approvals


@dataclass(frozen=True)
class ApprovalRecord:
    """One decision in two halves. Times are UTC nanoseconds; 0 means not yet, or never.

    `facts` is canonical JSON: whatever of the decision must be the same in both calls.
    """

    id: str
    action: str
    subject: str
    facts: str
    proposer: str
    proposer_reason: str
    create_time: int
    expire_time: int
    approver: str = ""
    approver_reason: str = ""
    approve_time: int = 0
    canceller: str = ""
    cancel_time: int = 0

    def state(self, now: int) -> str:
        """ "cancelled", "approved", "expired" or "waiting"."""
        if self.cancel_time:
            return "cancelled"
        if self.approve_time:
            return "approved"
        return "expired" if self.expire_time <= now else "waiting"


def add(connection: Connection, record: ApprovalRecord) -> None:
    connection.execute(insert(approvals).values(**asdict(record)))


def find(connection: Connection, approval: str) -> ApprovalRecord | None:
    row = connection.execute(select(approvals).where(approvals.c.id == approval)).first()
    return None if row is None else ApprovalRecord(**row._mapping)


def same_decision(
    connection: Connection, *, action: str, subject: str, facts: str, now: int
) -> list[ApprovalRecord]:
    """Those of exactly this decision that were neither cancelled nor have expired, oldest first."""
    query = (
        select(approvals)
        .where(
            approvals.c.action == action,
            approvals.c.subject == subject,
            approvals.c.facts == facts,
            approvals.c.cancel_time == 0,
            approvals.c.expire_time > now,
        )
        .order_by(approvals.c.create_time, approvals.c.id)
    )
    return [ApprovalRecord(**row._mapping) for row in connection.execute(query)]


def change(connection: Connection, approval: str, **values: Any) -> None:
    """Writes the second half: who approved it, or who cancelled it, and when."""
    connection.execute(update(approvals).where(approvals.c.id == approval).values(**values))


def page(
    connection: Connection,
    *,
    limit: int | None = None,
    before: tuple[int, str] | None = None,
    waiting_at: int | None = None,
) -> list[ApprovalRecord]:
    """Newest first; `before` is the (create_time, id) of the last one already seen.

    waiting_at: only those that wait for a second person at this time.
    """
    query = select(approvals).order_by(approvals.c.create_time.desc(), approvals.c.id.desc())
    if before is not None:
        time, approval = before
        query = query.where(
            (approvals.c.create_time < time)
            | ((approvals.c.create_time == time) & (approvals.c.id < approval))
        )
    if waiting_at is not None:
        query = query.where(
            approvals.c.approve_time == 0,
            approvals.c.cancel_time == 0,
            approvals.c.expire_time > waiting_at,
        )
    if limit is not None:
        query = query.limit(limit)
    return [ApprovalRecord(**row._mapping) for row in connection.execute(query)]
