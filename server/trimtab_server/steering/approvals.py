"""The two-person rule: what one admin proposes, another one has to ask for too."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy import Connection

from trimtab_server.store import approvals, audit, tokens
from trimtab_server.store.approvals import ApprovalRecord
from trimtab_server.store.canonical_json import canonical_json
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin, Result, first_result, once

#: A proposal waits this long for the second person (nanoseconds).
VALIDITY: Final = 3_600 * 1_000_000_000

_ADMIN: Final = "admin"
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def require_second_person(
    database: Database,
    *,
    action: str,
    subject: str,
    origin: Origin,
    reason: str,
    time: int,
    facts: Mapping[str, Any] = _NOTHING,
    lasting: bool = False,
) -> ApprovalRecord | None:
    """Returns once two admins have asked for the same; refuses until then.

    The first admin's call is kept as a proposal and refused; the same call by another admin within
    `VALIDITY` returns, and both are in the audit. An approval is used up by that one call, also if what it
    was for fails afterwards: then it is proposed anew. Call it before the action's own transaction, on the
    thread that changes state, after every check that can be made without writing. A retry of a request that
    was already served (`store.requests`) needs nobody again: it returns None.

    Args:
        action: what is to be done, as the audit names it: "rollout.promote_full".
        subject: the resource it is done to: "rollouts/7f...".
        facts: whatever else must be the same in both calls, such as the limits that are to be set. The
            reason may differ: each person gives their own.
        lasting: the approval holds for any number of calls by admins, to the end of its validity.

    Raises:
        Refusal: ROLE_NOT_ALLOWED (no admin asks), REASON_REQUIRED, SECOND_PERSON_NEEDED (with `approval`,
            the proposal's name).
    """
    if origin.role != _ADMIN:
        raise Refusal("ROLE_NOT_ALLOWED", role=origin.role, method=f"{origin.method or action} ({action})")
    body = canonical_json(dict(facts))
    with database.write() as connection:
        if first_result(connection, origin) is not None:
            return None
        known = approvals.same_decision(connection, action=action, subject=subject, facts=body, now=time)
        granted = next((one for one in known if one.approve_time), None)
        if lasting and granted is not None:
            return granted
        if not reason.strip():
            raise Refusal("REASON_REQUIRED", field="reason")
        waiting = [one for one in known if not one.approve_time and _may_act(connection, one.proposer, time)]
        asking = _person(connection, origin.actor)
        by_another = next((one for one in waiting if _person(connection, one.proposer) != asking), None)
        if by_another is not None:
            return _approve(connection, by_another, origin, reason, time)
        proposal = (
            waiting[0] if waiting else _propose(connection, action, subject, body, origin, reason, time)
        )
    raise Refusal(
        "SECOND_PERSON_NEEDED",
        action=action,
        subject=subject,
        approval=f"approvals/{proposal.id}",
        proposer=proposal.proposer,
        expire_time=proposal.expire_time,
        minutes=f"{(proposal.expire_time - time) / 60e9:.0f}",
    )


def cancel(database: Database, name: str, *, origin: Origin, reason: str, time: int) -> ApprovalRecord:
    """Takes a waiting proposal back; one that was approved or has expired is refused.

    Raises:
        Refusal: APPROVAL_NOT_FOUND, APPROVAL_CLOSED.
    """
    approval = name.removeprefix("approvals/")
    with database.write() as connection:

        def change() -> Result:
            found = approvals.find(connection, approval)
            if found is None:
                raise Refusal("APPROVAL_NOT_FOUND", field="name", approval=name)
            state = found.state(time)
            if state != "waiting":
                raise Refusal("APPROVAL_CLOSED", approval=f"approvals/{approval}", state=state)
            approvals.change(connection, approval, canceller=origin.actor, cancel_time=time)
            _record(connection, "approval.cancel", found, origin, reason, time)
            return {"approval": approval}

        once(connection, origin, time, change)
        cancelled = approvals.find(connection, approval)
    assert cancelled is not None, "approvals are never deleted"
    return cancelled


def _propose(
    connection: Connection, action: str, subject: str, facts: str, origin: Origin, reason: str, time: int
) -> ApprovalRecord:
    proposal = ApprovalRecord(
        id=secrets.token_hex(8),
        action=action,
        subject=subject,
        facts=facts,
        proposer=origin.actor,
        proposer_reason=reason,
        create_time=time,
        expire_time=time + VALIDITY,
    )
    approvals.add(connection, proposal)
    _record(connection, "approval.propose", proposal, origin, reason, time)
    return proposal


def _approve(
    connection: Connection, proposal: ApprovalRecord, origin: Origin, reason: str, time: int
) -> ApprovalRecord:
    approvals.change(
        connection, proposal.id, approver=origin.actor, approver_reason=reason, approve_time=time
    )
    _record(connection, "approval.grant", proposal, origin, reason, time)
    approved = approvals.find(connection, proposal.id)
    assert approved is not None, "it was found a moment ago"
    return approved


def _record(
    connection: Connection, action: str, of: ApprovalRecord, origin: Origin, reason: str, time: int
) -> None:
    audit.append(
        connection,
        time=time,
        origin=origin,
        action=action,
        subject=f"approvals/{of.id}",
        reason=reason,
        details={"action": of.action, "facts": of.facts, "proposer": of.proposer, "subject": of.subject},
    )


def _person(connection: Connection, actor: str) -> str:
    """Who is behind an actor: a token made by rotating another one is the same person's."""
    kind, _, name = actor.partition("/")
    return f"tokens/{tokens.person(connection, name)}" if kind == "tokens" else actor


def _may_act(connection: Connection, actor: str, time: int) -> bool:
    """Whether a proposal's author may still propose: a token revoked since then has no say."""
    if not actor.startswith("tokens/"):
        return True
    token = tokens.find(connection, actor.removeprefix("tokens/"))
    return token is not None and not token.revoke_time and not 0 < token.expire_time <= time
