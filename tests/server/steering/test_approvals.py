"""The two-person rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from trimtab_server.steering import approvals as rule
from trimtab_server.store import approvals, audit, schema, tokens
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin, once

HOUR = 3_600 * 1_000_000_000
START = 1_800_000_000 * 1_000_000_000


@pytest.fixture
def admins(database: Database) -> dict[str, str]:
    """Actors by name, each with a token of its own."""
    actors = {}
    with database.write() as connection:
        for name in ("ada", "bo", "cy"):
            token, _ = tokens.mint(name, "admin", START)
            tokens.add(connection, token)
            actors[name] = f"tokens/{token.id}"
    return actors


def ask(
    database: Database, actor: str, time: int = START, request_id: str = "", **changed: Any
) -> approvals.ApprovalRecord | None:
    origin = Origin(actor, changed.pop("role", "admin"), "RolloutService/PromoteFull", request_id, "h")
    wanted = {"action": "rollout.promote_full", "subject": "rollouts/1", "reason": "it passed"} | changed
    return rule.require_second_person(database, origin=origin, time=time, **wanted)


def refusal(*args: Any, **kwargs: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        ask(*args, **kwargs)
    return caught.value


def test_the_first_admin_is_refused_and_the_second_passes_and_both_are_in_the_audit(
    database: Database, admins: dict[str, str]
) -> None:
    first = refusal(database, admins["ada"], reason="canaries passed")
    assert first.reason == "SECOND_PERSON_NEEDED"
    approved = ask(database, admins["bo"], START + HOUR - 1, reason="I looked at the replies")
    assert approved is not None
    assert first.metadata["approval"] == f"approvals/{approved.id}"
    assert (approved.proposer, approved.approver) == (admins["ada"], admins["bo"])
    with database.read() as connection:
        grant, proposal = audit.records(connection, limit=2)
        assert audit.verify(connection).ok
    assert (proposal.action, proposal.actor, proposal.reason) == (
        "approval.propose",
        admins["ada"],
        "canaries passed",
    )
    assert (grant.action, grant.actor, grant.reason) == (
        "approval.grant",
        admins["bo"],
        "I looked at the replies",
    )
    assert json.loads(grant.details)["proposer"] == admins["ada"]


def test_nobody_is_their_own_second_person_however_often_they_ask(
    database: Database, admins: dict[str, str]
) -> None:
    names = {refusal(database, admins["ada"], START + n).metadata["approval"] for n in range(4)}
    assert len(names) == 1, "asking again must not pile up proposals"


@pytest.mark.parametrize(
    "changed",
    [
        {"action": "rollout.start"},
        {"subject": "rollouts/2"},
        {"facts": {"requests_per_minute": 100}},
    ],
)
def test_a_second_person_who_asks_for_something_else_has_approved_nothing(
    database: Database, admins: dict[str, str], changed: dict[str, Any]
) -> None:
    refusal(database, admins["ada"])
    assert refusal(database, admins["bo"], **changed).reason == "SECOND_PERSON_NEEDED"


def test_an_approval_is_good_for_one_call(database: Database, admins: dict[str, str]) -> None:
    refusal(database, admins["ada"])
    ask(database, admins["bo"])
    for again in ("bo", "ada"):
        after = refusal(database, admins[again], START + 1)
        assert after.reason == "SECOND_PERSON_NEEDED"
        # Each asks alone: the first of them made the proposal, the second would approve it.
        rule.cancel(
            database,
            after.metadata["approval"],
            origin=Origin(admins["cy"], "admin"),
            reason="",
            time=START + 2,
        )


def test_a_lasting_approval_holds_to_the_end_of_its_hour(database: Database, admins: dict[str, str]) -> None:
    refusal(database, admins["ada"], lasting=True)
    ask(database, admins["bo"], lasting=True)
    for actor in admins.values():
        assert ask(database, actor, START + HOUR - 1, lasting=True, reason="") is not None
    assert refusal(database, admins["ada"], START + HOUR, lasting=True).reason == "SECOND_PERSON_NEEDED"


def test_a_proposal_ends_after_an_hour(database: Database, admins: dict[str, str]) -> None:
    old = refusal(database, admins["ada"])
    new = refusal(database, admins["bo"], START + HOUR)
    assert new.metadata["approval"] != old.metadata["approval"]
    assert new.metadata["proposer"] == admins["bo"]


@pytest.mark.parametrize("gone", ["revoked", "expired"])
def test_a_token_that_is_gone_has_no_say(database: Database, admins: dict[str, str], gone: str) -> None:
    token, _ = tokens.mint("dee", "admin", START, START + 5 if gone == "expired" else 0)
    with database.write() as connection:
        tokens.add(connection, token)
    refusal(database, f"tokens/{token.id}", START + 1)
    if gone == "revoked":
        with database.write() as connection:
            tokens.revoke(connection, token.id, START + 5)
    assert refusal(database, admins["bo"], START + 6).metadata["proposer"] == admins["bo"]


@pytest.mark.parametrize("role", ["operator", "viewer", "auditor", "inference", "server"])
def test_only_admins_propose_and_approve(database: Database, admins: dict[str, str], role: str) -> None:
    assert refusal(database, "tokens/x", role=role).reason == "ROLE_NOT_ALLOWED"
    refusal(database, admins["ada"])
    assert refusal(database, "tokens/x", role=role).reason == "ROLE_NOT_ALLOWED"


def test_each_person_says_why(database: Database, admins: dict[str, str]) -> None:
    assert refusal(database, admins["ada"], reason=" ").reason == "REASON_REQUIRED"
    refusal(database, admins["ada"])
    assert refusal(database, admins["bo"], reason="").reason == "REASON_REQUIRED"


def test_a_retry_of_what_was_done_needs_nobody_again(database: Database, admins: dict[str, str]) -> None:
    refusal(database, admins["ada"], request_id="first")
    assert ask(database, admins["bo"], request_id="r-1") is not None
    origin = Origin(admins["bo"], "admin", "RolloutService/PromoteFull", "r-1", "h")
    with database.write() as connection:
        once(connection, origin, START, lambda: {"done": True})
    assert ask(database, admins["bo"], START + 1, request_id="r-1") is None
    with database.read() as connection:
        assert [one.state(START + 1) for one in approvals.page(connection)] == ["approved"]


def test_a_cancelled_proposal_can_be_approved_no_more(database: Database, admins: dict[str, str]) -> None:
    name = refusal(database, admins["ada"]).metadata["approval"]
    origin = Origin(admins["ada"], "admin", "ApprovalService/CancelApproval")
    cancelled = rule.cancel(database, name, origin=origin, reason="too early", time=START + 1)
    assert (cancelled.state(START + 1), cancelled.canceller) == ("cancelled", admins["ada"])
    assert refusal(database, admins["bo"], START + 2).metadata["proposer"] == admins["bo"]
    with pytest.raises(Refusal, match="APPROVAL_CLOSED"):
        rule.cancel(database, name, origin=origin, reason="again", time=START + 3)
    with pytest.raises(Refusal, match="APPROVAL_NOT_FOUND"):
        rule.cancel(database, "approvals/none", origin=origin, reason="", time=START)


def test_the_list_is_newest_first_and_can_show_only_what_waits(
    database: Database, admins: dict[str, str]
) -> None:
    for number in range(3):
        refusal(database, admins["ada"], START + number, subject=f"rollouts/{number}")
    ask(database, admins["bo"], START + 5, subject="rollouts/1")
    with database.read() as connection:
        everything = approvals.page(connection)
        assert [one.subject for one in everything] == ["rollouts/2", "rollouts/1", "rollouts/0"]
        last = everything[0]
        rest = approvals.page(connection, limit=1, before=(last.create_time, last.id))
        assert [one.subject for one in rest] == ["rollouts/1"]
        waiting = approvals.page(connection, waiting_at=START + 6)
        assert [one.subject for one in waiting] == ["rollouts/2", "rollouts/0"]
        assert approvals.page(connection, waiting_at=START + 2 * HOUR) == []


def test_proposals_outlive_a_restart(tmp_path: Path, admins: dict[str, str], database: Database) -> None:
    refusal(database, admins["ada"])
    database.close()
    again = Database.at(tmp_path / "trimtab.db")
    schema.upgrade(again)
    assert ask(again, admins["bo"], START + 1) is not None
    again.close()
