"""What can happen to a case, in the store: what is checked against the audit, and what supersedes a release."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from trimtab_server.steering import activation, case_attachment, case_changes, trial_steps
from trimtab_server.steering.case_changes import OpenParts, Settled
from trimtab_server.steering.case_reading import Candidate, CaseView, candidate_of, case_view, find_case
from trimtab_server.steering.creation import create_snapshot
from trimtab_server.steering.pinned_lanes import PinnedLane, lanes_json
from trimtab_server.steering.snapshot import Configuration, Sampling, Steering, Term
from trimtab_server.steering.trial_steps import Outcome
from trimtab_server.steering.validation import Checked
from trimtab_server.store import audit, cases, rollouts, trials
from trimtab_server.store.canonical_json import canonical_json, sha256_hex
from trimtab_server.store.cases import CaseRecord
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin
from trimtab_server.store.rollouts import RolloutRecord
from trimtab_server.store.trials import TrialRecord
from trimtab_server.trials.criteria import Criteria, lock
from trimtab_server.trials.lanes import LaneSpec, LaneTerm, PromptLine
from trimtab_server.trials.prompts import Prompt, PromptSet, with_groups

ALICE = Origin("tokens/alice", "operator")
TERM = Term("a" * 64, 0.3, (1, 2))
LINES = (PromptLine("Be true.", "en"), PromptLine("事実を述べる。", "ja"))
CRITERIA = Criteria(
    "Honesty",
    (
        LaneSpec("unsteered", "unsteered"),
        LaneSpec("prompt", "prompt", LINES),
        LaneSpec("steered", "steered", (), (LaneTerm(f"vectors/{TERM.vector}", 0.3, (1, 2)),)),
    ),
    goal="Honest answers",
)
PARTS = OpenParts("Desk", "", "Honest answers", CRITERIA.canonical, "json", (), "")


def at(steering: Steering) -> Configuration:
    return Configuration(steering)


def lanes(strength: float = 0.3) -> str:
    bare = Steering("desk", "stage-02")
    steered = replace(bare, terms=(replace(TERM, strength=strength),))
    return lanes_json(
        [
            PinnedLane("unsteered", at(bare)),
            PinnedLane("prompt", at(bare)),
            PinnedLane("steered", at(steered)),
        ]
    )


@pytest.fixture
def deployment(database: Database) -> str:
    with database.read() as connection:
        found: str = connection.execute(text("SELECT name FROM deployments")).scalar_one()
    return found


@pytest.fixture
def case(database: Database, deployment: str) -> CaseRecord:
    return case_changes.create_case(
        database, deployment=deployment, template="", parts=PARTS, reason="", origin=ALICE, time=1000
    )


@pytest.fixture
def locked(database: Database, case: CaseRecord) -> CaseRecord:
    settled = Settled(case.version, CRITERIA.canonical, lanes())
    return case_changes.lock_case(database, case=case.id, settled=settled, origin=ALICE, time=2000)


@pytest.fixture
def tried(database: Database, deployment: str) -> Callable[..., TrialRecord]:
    """A trial with a verdict."""

    def make(
        *texts: str,
        verdict: str = "pass",
        lane: str = "steered",
        recommendation: str = "steer",
        pinned: str = "",
        time: int = 3000,
    ) -> TrialRecord:
        prompts = PromptSet(with_groups(Prompt(f"p{n}", own) for n, own in enumerate(texts)))
        pinned = pinned or lanes()
        new = TrialRecord(
            id=trials.new_id(),
            deployment=deployment,
            display_name="Honesty",
            criteria=CRITERIA.canonical,
            criteria_hash=CRITERIA.hash,
            prompts_hash=prompts.hash,
            lanes=pinned,
            lanes_hash=sha256_hex(pinned),
            lock_hash=lock(CRITERIA, prompts),
            prompt_count=len(prompts),
            row_count=3 * len(prompts),
            width=4,
            secret=trials.new_secret(),
            keep_days=30,
            created_by=ALICE.actor,
            create_time=time,
        )
        trial_steps.create_trial(database, new, prompts.canonical, reason="", origin=ALICE, time=time)
        trial_steps.start(database, trial=new.id, origin=ALICE, time=time + 1)
        decision = {"lane": lane, "reason": "It gains.", "reason_ja": "改善。", "more_prompts_needed": None}
        outcome = Outcome(verdict, recommendation, "It gains.", canonical_json({"decision": decision}))
        return trial_steps.finish(database, trial=new.id, scored=[], outcome=outcome, time=time + 2)

    return make


def view(database: Database, case: CaseRecord) -> CaseView:
    with database.read() as connection:
        return case_view(connection, find_case(connection, case.id))


def attach(database: Database, case: CaseRecord, trial: TrialRecord) -> CaseRecord:
    return case_attachment.attach_trial(database, case=case.id, trial=trial.id, origin=ALICE, time=5000)


def refusal(step: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as refused:
        step()
    return refused.value


def confirmed(
    database: Database, locked: CaseRecord, tried: Callable[..., TrialRecord], **fields: Any
) -> None:
    attach(database, locked, tried("How long?", "How much?"))
    attach(database, locked, tried("When?", "Where?", **fields))


def rollout_of(database: Database, deployment: str, steering: Steering, time: int = 6000) -> RolloutRecord:
    """A created rollout of a snapshot."""
    checked = Checked(Configuration(steering, Sampling(temperature=0.7)), {})
    snapshot = create_snapshot(database, checked, "", "", ALICE, time)
    with database.write() as connection:
        stable = connection.execute(text("SELECT snapshot FROM revisions WHERE number = 1")).scalar_one()
        new = RolloutRecord(
            id=rollouts.new_id(),
            deployment=deployment,
            stable_revision=1,
            stable_snapshot=stable,
            candidate_snapshot=snapshot.id,
            plan="{}",
            plan_hash=sha256_hex("{}"),
            secret=rollouts.new_secret(),
            created_by=ALICE.actor,
            create_time=time,
        )
        rollouts.add(connection, new)
    return new


STEERED = Steering("desk", "stage-02", (TERM,))


@pytest.mark.parametrize("column", ["criteria", "lanes", "goal"])
def test_a_case_that_was_changed_behind_the_server_takes_no_trial_and_no_decision(
    database: Database, locked: CaseRecord, tried: Callable[..., TrialRecord], column: str
) -> None:
    trial = tried("How long?")
    with database.write() as connection:
        connection.execute(text("DROP TRIGGER cases_locked"))
        # With its hash, so that only the audit knows better.
        other = lanes(0.1) if column == "lanes" else replace(CRITERIA, margin=0.2).canonical
        hashed = f", {column}_hash = :hash" if column != "goal" else ""
        connection.execute(
            text(f"UPDATE cases SET {column} = :other{hashed}"), {"other": other, "hash": sha256_hex(other)}
        )
    found = refusal(lambda: attach(database, locked, trial))
    assert (found.reason, found.metadata["part"]) == ("CASE_CHANGED", column)

    def stop() -> object:
        return case_changes.decide_case(
            database, case=locked.id, choice="stop", reason="odd", origin=ALICE, time=9
        )

    assert refusal(stop).reason == "CASE_CHANGED"


def test_criteria_worked_out_from_an_earlier_version_are_not_locked(
    database: Database, case: CaseRecord
) -> None:
    settled = Settled(case.version, CRITERIA.canonical, lanes())
    case_changes.update_case(
        database, case=case.id, parts=replace(PARTS, goal="Another goal"), origin=ALICE, time=1500
    )
    found = refusal(
        lambda: case_changes.lock_case(database, case=case.id, settled=settled, origin=ALICE, time=2000)
    )
    assert found.reason == "CASE_CONFLICT"


def test_what_did_not_change_makes_no_version_and_no_record(database: Database, case: CaseRecord) -> None:
    same = case_changes.update_case(database, case=case.id, parts=PARTS, origin=ALICE, time=1500)
    assert same == case
    with database.read() as connection:
        assert [own.action for own in audit.records(connection) if own.subject == case.name] == [
            "case.create"
        ]


def test_a_trial_of_other_lanes_is_refused_and_says_which(
    database: Database, locked: CaseRecord, tried: Callable[..., TrialRecord]
) -> None:
    attach(database, locked, tried("How long?"))
    stronger = tried("When?", pinned=lanes(0.5))
    found = refusal(lambda: attach(database, locked, stronger))
    assert (found.reason, found.metadata["changes"]) == ("CASE_LANES_DIFFER", "lane steered steers otherwise")


def test_lanes_that_an_earlier_release_wrote_otherwise_are_the_same(
    database: Database, locked: CaseRecord, tried: Callable[..., TrialRecord]
) -> None:
    body = json.loads(lanes())
    body[2]["configuration"]["steering"]["terms"][0]["preserve_state_norm"] = "never"
    older = canonical_json(body)
    assert sha256_hex(older) != locked.lanes_hash
    assert attach(database, locked, tried("How long?", pinned=older)).version == locked.version + 1


def test_after_a_failure_nothing_is_tried_again_and_only_stop_is_left(
    database: Database, locked: CaseRecord, tried: Callable[..., TrialRecord]
) -> None:
    attach(database, locked, tried("How long?", verdict="fail", recommendation=""))
    found = refusal(lambda: attach(database, locked, tried("When?")))
    assert (found.reason, "leads to stop" in found.metadata["missing"]) == ("CASE_STEP", True)
    assert view(database, locked).step("decision").code == "stop_due"


def test_a_confirmation_may_not_ask_what_an_earlier_confirmation_asked(
    database: Database, locked: CaseRecord, tried: Callable[..., TrialRecord]
) -> None:
    attach(database, locked, tried("How long?"))
    short = tried("When?", verdict="not enough data", recommendation="")
    with database.write() as connection:
        decision = {"decision": {"lane": "steered", "reason": "", "reason_ja": "", "more_prompts_needed": 9}}
        connection.execute(
            text("UPDATE trials SET result = :result WHERE id = :id"),
            {"result": canonical_json(decision), "id": short.id},
        )
    attach(database, locked, short)
    assert view(database, locked).step("confirmation").code == "trial_not_enough"
    found = refusal(lambda: attach(database, locked, tried("WHEN? ", "Where?")))
    assert (found.reason, found.metadata["count"], found.metadata["ids"]) == (
        "CASE_PROMPTS_REPEATED",
        "1",
        "p0",
    )


def test_the_candidate_has_the_lanes_vectors_and_no_others(
    database: Database, deployment: str, locked: CaseRecord, tried: Callable[..., TrialRecord]
) -> None:
    confirmed(database, locked, tried)
    shown = view(database, locked)
    assert (shown.candidate, shown.candidate_snapshot) == (Candidate("steered", "steered", (), STEERED), "")
    for other in (
        replace(STEERED, terms=(replace(TERM, strength=0.31),)),
        replace(STEERED, stage="stage-01"),
        replace(STEERED, system_prompt="Be true."),
        replace(STEERED, terms=()),
    ):
        rollout = rollout_of(database, deployment, other)
        found = refusal(functools.partial(attach_rollout, database, locked, rollout))
        assert found.reason == "CASE_CANDIDATE_DIFFERS"
    attached = rollout_of(database, deployment, STEERED)
    attach_rollout(database, locked, attached)
    assert view(database, locked).step("release").code == "rollout_created"


def attach_rollout(database: Database, case: CaseRecord, rollout: RolloutRecord) -> CaseRecord:
    return case_attachment.attach_rollout(database, case=case.id, rollout=rollout.id, origin=ALICE, time=7000)


def test_where_a_prompt_is_enough_a_snapshot_with_it_and_no_vectors_is_released(
    database: Database, deployment: str, locked: CaseRecord, tried: Callable[..., TrialRecord]
) -> None:
    confirmed(database, locked, tried, lane="prompt", recommendation="a prompt is enough")
    shown = view(database, locked)
    assert shown.candidate is not None
    assert shown.candidate.steering == Steering("desk", "stage-02", (), "Be true.\n事実を述べる。")
    assert shown.step("release").code == "snapshot_missing_prompt"
    steered = rollout_of(database, deployment, replace(STEERED, system_prompt="Be true."))
    assert refusal(lambda: attach_rollout(database, locked, steered)).reason == "CASE_CANDIDATE_DIFFERS"
    attach_rollout(
        database, locked, rollout_of(database, deployment, Steering("desk", "stage-02", (), "事実を述べる。"))
    )


def test_a_rollout_older_than_the_verdict_of_the_confirmation_is_refused(
    database: Database, deployment: str, locked: CaseRecord, tried: Callable[..., TrialRecord]
) -> None:
    early = rollout_of(database, deployment, STEERED, time=2500)
    confirmed(database, locked, tried)
    assert refusal(lambda: attach_rollout(database, locked, early)).reason == "CASE_PART_TOO_EARLY"


def test_a_release_that_was_undone_before_the_decision_cannot_be_scaled_and_one_undone_later_was(
    database: Database, deployment: str, locked: CaseRecord, tried: Callable[..., TrialRecord]
) -> None:
    confirmed(database, locked, tried)
    rollout = rollout_of(database, deployment, STEERED)
    attach_rollout(database, locked, rollout)

    def activate(snapshot: str, time: int) -> int:
        return activation.activate(
            database,
            deployment=deployment,
            snapshot=snapshot,
            expected_revision=0,
            reason="",
            origin=ALICE,
            time=time,
        ).number

    revision = activate(rollout.candidate_snapshot, 8000)
    with database.write() as connection:
        connection.execute(
            text("UPDATE rollouts SET state = 'promoted', promoted_revision = :r WHERE id = :id"),
            {"r": revision, "id": rollout.id},
        )
    assert view(database, locked).step("decision").code == "decision_due"
    decided_before = view(database, locked)
    activate(rollout.stable_snapshot, 8100)
    assert view(database, locked).step("release").code == "rollout_superseded"

    def scale() -> CaseRecord:
        return case_changes.decide_case(
            database, case=locked.id, choice="scale", reason="good", origin=ALICE, time=8200
        )

    assert refusal(scale).reason == "CASE_STEP"
    activate(rollout.candidate_snapshot, 8300)
    assert view(database, locked).step("release").code == "rollout_superseded", "it was away for a while"
    at_the_time = replace(locked, decision="scale", decide_time=8050)
    with database.read() as connection:
        later = case_view(connection, at_the_time)
    assert later.step("release").state == decided_before.step("release").state == "done"


def test_only_a_passed_confirmation_of_a_locked_lane_has_a_candidate(
    locked: CaseRecord, database: Database, tried: Callable[..., TrialRecord]
) -> None:
    confirmed(database, locked, tried)
    own = view(database, locked).trial(cases.CONFIRMATION)
    assert own is not None
    assert candidate_of(locked, replace(own.facts, verdict="fail")) is None
    assert candidate_of(locked, replace(own.facts, lane="gone")) is None
