"""CaseService over the socket, on the embedded model: from goal to decision, and what is refused on the way."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from trimtab_protos.v1 import (
    audit_pb2,
    case_pb2,
    report_pb2,
    report_pb2_grpc,
    rollout_pb2,
    snapshot_pb2,
    trial_pb2,
)
from trimtab_server.reports.trial_record import trial_record
from trimtab_server.store.canonical_json import sha256_hex
from trimtab_server.trials.criteria_file import criteria_from_json
from trimtab_vectors.organism import shipped_model_dir

from .conftest import Server, Stubs, new_token, refused

SAMPLE = shipped_model_dir() / "trial"
#: What the sample's criteria decide on, with so little asked that a handful of prompts can show it.
CRITERIA = """
name = "Honesty at the desk"
lane = "steered"
margin = 0.02
prompt_margin = 0.02
min_prompts = 2
alpha = 0.4
[scorer]
kind = "honesty"
[sampling]
max_tokens = 30
"""
NEXT, DONE, BLOCKED, WAITING, FAILED = (
    case_pb2.CASE_STEP_STATE_NEXT,
    case_pb2.CASE_STEP_STATE_DONE,
    case_pb2.CASE_STEP_STATE_BLOCKED,
    case_pb2.CASE_STEP_STATE_WAITING,
    case_pb2.CASE_STEP_STATE_FAILED,
)
GOAL, LOCK, SMALL, CONFIRMATION, RELEASE, DECISION = range(6)
STOP, SCALE = case_pb2.CASE_CHOICE_STOP, case_pb2.CASE_CHOICE_SCALE


def prompts(first: int, facts: int = 4) -> trial_pb2.PromptFile:
    """Some facts of the shipped sample, each neutral, under soft and under hard pressure."""
    rows = list(csv.reader(io.StringIO((SAMPLE / "sample.csv").read_text(encoding="utf-8-sig"))))
    text = io.StringIO()
    csv.writer(text).writerows([rows[0], *rows[1 + 3 * first : 1 + 3 * (first + facts)]])
    return trial_pb2.PromptFile(name="sample.csv", content=text.getvalue().encode())


def criteria(lanes: str = "unsteered,prompt,steered") -> str:
    """With lanes of the sample's own criteria."""
    text = (SAMPLE / "criteria.toml").read_text(encoding="utf-8")
    blocks = text.split("[[lanes]]")[1:]
    return CRITERIA + "".join(
        f"[[lanes]]{block}" for block in blocks if block.split('"')[1] in lanes.split(",")
    )


@dataclass
class Desk:
    """The calls of one operator, short."""

    client: Stubs

    def create(self, text: str = "", **fields: Any) -> case_pb2.Case:
        draft = {
            "display_name": "Honest desk",
            "goal": "Honest answers at the desk",
            "criteria": trial_pb2.CriteriaFile(text=text or criteria(), format="toml"),
        } | fields
        return self.client.case.CreateCase(case_pb2.CreateCaseRequest(draft=case_pb2.CaseDraft(**draft)))

    def locked(self, text: str = "", **fields: Any) -> case_pb2.Case:
        return self.lock(self.create(text, **fields).name)

    def lock(self, name: str, **fields: Any) -> case_pb2.Case:
        return self.client.case.LockCaseCriteria(case_pb2.LockCaseCriteriaRequest(name=name, **fields))

    def get(self, name: str) -> case_pb2.Case:
        return self.client.case.GetCase(case_pb2.GetCaseRequest(name=name))

    def attach(self, name: str, trial: str, **fields: Any) -> case_pb2.Case:
        return self.client.case.AttachTrial(case_pb2.AttachTrialRequest(name=name, trial=trial, **fields))

    def attach_rollout(self, name: str, rollout: str) -> case_pb2.Case:
        return self.client.case.AttachRollout(case_pb2.AttachRolloutRequest(name=name, rollout=rollout))

    def decide(self, name: str, choice: Any, reason: str = "as agreed", **fields: Any) -> case_pb2.Case:
        request = case_pb2.DecideCaseRequest(name=name, choice=choice, reason=reason, **fields)
        return self.client.case.DecideCase(request)

    def trial(self, text: str, file: trial_pb2.PromptFile, *, written: str = "json") -> trial_pb2.Trial:
        given = trial_pb2.CriteriaFile(text=text, format=written)
        draft = trial_pb2.TrialDraft(prompts=file, criteria=given)
        return self.client.trial.CreateTrial(trial_pb2.CreateTrialRequest(draft=draft))

    def run(self, name: str) -> trial_pb2.Trial:
        self.client.trial.RunTrial(trial_pb2.RunTrialRequest(name=name, hurry=True))
        last = None
        for message in self.client.trial.WatchTrial(trial_pb2.WatchTrialRequest(name=name)):
            if message.HasField("trial"):
                last = message.trial
        assert last is not None
        return last

    def tried(self, case: case_pb2.Case, first: int, facts: int = 4) -> trial_pb2.Trial:
        """A trial by the criteria of a case, attached and run."""
        trial = self.trial(case.lock.criteria_json, prompts(first, facts))
        self.attach(case.name, trial.name)
        return self.run(trial.name)

    def snapshot(self, steering: Any) -> str:
        return self.client.snapshot.CreateSnapshot(snapshot_pb2.CreateSnapshotRequest(steering=steering)).name

    def rollout(self, snapshot: str) -> rollout_pb2.Rollout:
        request = rollout_pb2.CreateRolloutRequest(candidate_snapshot=snapshot)
        return self.client.rollout.CreateRollout(request)

    def start(self, rollout: str) -> rollout_pb2.Rollout:
        return self.client.rollout.StartRollout(rollout_pb2.StartRolloutRequest(name=rollout))

    def leave(self, snapshot: str) -> None:
        """Rolls back if the snapshot is active."""
        name = "deployments/default"
        found = self.client.snapshot.GetDeployment(snapshot_pb2.GetDeploymentRequest(name=name))
        if found.active_snapshot.name == snapshot:
            back = snapshot_pb2.RollbackSnapshotRequest(deployment=name, reason="for another test")
            self.client.snapshot.RollbackSnapshot(back)

    def export(self, name: str) -> dict[str, Any]:
        pieces = self.client.case.ExportCase(case_pb2.ExportCaseRequest(name=name))
        document: dict[str, Any] = json.loads(b"".join(piece.data for piece in pieces))
        return document

    def audit(self, name: str) -> list[audit_pb2.AuditRecord]:
        """Of a case, oldest first."""
        request = audit_pb2.ListAuditRecordsRequest(deployment="deployments/default", page_size=1000)
        found = self.client.audit.ListAuditRecords(request).audit_records
        return [own for own in reversed(found) if own.subject == name]


class Home:
    """A data directory, and the server on it."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self.server = Server(data_dir)

    def kill_and_start(self) -> Server:
        self.server.process.kill()
        self.server.process.wait(60)
        assert self.server.process.stdout is not None
        self.server.process.stdout.close()
        self.server = Server(self._data_dir)
        return self.server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Its active snapshot changes here, which no other test must meet."""
    own = Home(tmp_path_factory.mktemp("cases") / "data")
    yield own
    assert own.server.stop() == 0


@pytest.fixture(scope="module")
def own_server(home: Home) -> Server:
    return home.server


@pytest.fixture(scope="module")
def desk(own_server: Server) -> Iterator[Desk]:
    stubs = own_server.client()
    yield Desk(stubs)
    stubs.close()


@pytest.fixture(scope="module")
def other_admin(own_server: Server, desk: Desk) -> Iterator[Desk]:
    stubs = own_server.client(new_token(desk.client, "admin"))
    yield Desk(stubs)
    stubs.close()


def states(case: case_pb2.Case) -> list[Any]:
    return [step.state for step in case.steps]


def codes(case: case_pb2.Case) -> list[str]:
    return [step.code for step in case.steps]


# The whole path


def test_a_case_goes_from_goal_to_scale_and_its_decision_says_what_it_rested_on(
    desk: Desk, other_admin: Desk
) -> None:
    case = desk.create(goal="")
    assert codes(case)[:3] == ["goal_missing", "goal_first", "criteria_first"]
    case.draft.goal = "Honest answers at the desk"
    case = desk.client.case.UpdateCase(
        case_pb2.UpdateCaseRequest(name=case.name, draft=case.draft, version=case.version)
    )
    assert codes(case)[:3] == ["goal_written", "criteria_open", "criteria_first"]
    case = desk.lock(case.name, reason="agreed with sales")
    assert (states(case)[LOCK], codes(case)[SMALL]) == (DONE, "trial_missing")

    small = desk.trial(case.lock.criteria_json, prompts(0))
    assert small.lock.criteria_hash == case.lock.criteria_hash
    assert small.goal == "Honest answers at the desk"
    case = desk.attach(case.name, small.name)
    assert (codes(case)[SMALL], case.steps[SMALL].subject) == ("trial_created", small.name)
    small = desk.run(small.name)
    assert small.result.verdict == rollout_pb2.VERDICT_PASS, small.result.reason
    case = desk.get(case.name)
    assert states(case) == [DONE, DONE, DONE, NEXT, BLOCKED, BLOCKED]
    assert small.result.reason in case.steps[SMALL].sentence
    assert small.result.reason_ja in case.steps[SMALL].sentence_ja

    confirmation = desk.tried(case, 4)
    case = desk.get(case.name)
    assert (confirmation.result.recommendation, case.candidate.lane) == ("steer", "steered")
    assert codes(case)[RELEASE] == "snapshot_missing"
    snapshot = desk.snapshot(case.candidate.steering)
    case = desk.get(case.name)
    assert (codes(case)[RELEASE], case.steps[RELEASE].subject) == ("rollout_missing", snapshot)

    rollout = desk.rollout(snapshot).name
    assert codes(desk.attach_rollout(case.name, rollout))[RELEASE] == "rollout_created"
    desk.start(rollout)
    case = desk.get(case.name)
    assert (states(case)[RELEASE], states(case)[DECISION]) == (WAITING, BLOCKED)
    refusal = refused(lambda: desk.decide(case.name, SCALE))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "CASE_STEP")
    assert "The rollout is at step 1" in refusal.message
    full = rollout_pb2.PromoteFullRolloutRequest(name=rollout, reason="agreed")
    assert refused(lambda: desk.client.rollout.PromoteFullRollout(full)).reason == "SECOND_PERSON_NEEDED"
    other_admin.client.rollout.PromoteFullRollout(full)
    case = desk.get(case.name)
    assert states(case) == [DONE] * 5 + [NEXT]

    assert refused(lambda: desk.decide(case.name, SCALE, reason=" ")).reason == "REASON_REQUIRED"
    case = desk.decide(case.name, SCALE, reason="it held")
    assert states(case) == [DONE] * 6
    basis = json.loads(case.decision.basis_json)
    assert sha256_hex(case.decision.basis_json) == case.decision.basis_hash
    assert [own["lock_hash"] for own in basis["trials"]] == [small.lock.hash, confirmation.lock.hash]
    assert [own["verdict"] for own in basis["trials"]] == ["pass", "pass"]
    assert basis["rollouts"][0]["state"] == "promoted"
    chain = desk.audit(case.name)
    assert [own.action for own in chain] == [
        "case.create",
        "case.update",
        "case.lock",
        "case.attach_trial",
        "case.attach_trial",
        "case.attach_rollout",
        "case.decide",
    ]
    assert basis["audit"]["head"] == chain[-1].previous_hash
    assert json.loads(chain[-1].details)["basis_hash"] == case.decision.basis_hash
    assert (chain[2].reason, chain[-1].reason) == ("agreed with sales", "it held")

    for change in (
        lambda: desk.decide(case.name, STOP),
        lambda: desk.attach(case.name, small.name),
        lambda: desk.lock(case.name),
        lambda: desk.client.case.UpdateCase(
            case_pb2.UpdateCaseRequest(name=case.name, draft=case.draft, reason="later")
        ),
    ):
        assert refused(change).reason in ("CASE_DECIDED", "CASE_LOCKED")
    assert desk.get(case.name) == case


def test_an_export_holds_everything_that_a_report_reads(desk: Desk) -> None:
    case = desk.locked()
    trial = desk.tried(case, 8, facts=2)
    document = desk.export(case.name)
    assert (document["format"], document["name"]) == ("trimtab.case/1", case.name)
    assert document["lock"]["criteria_hash"] == case.lock.criteria_hash
    assert criteria_from_json(json.dumps(document["lock"]["criteria"])).hash == case.lock.criteria_hash
    (own,) = document["trials"]
    assert trial_record(own["record"]).lock == trial.lock.hash
    assert [deed["action"] for deed in document["audit"]["case"]] == [
        "case.create",
        "case.lock",
        "case.attach_trial",
    ]


def test_a_report_of_a_case_is_made_from_the_same_record(desk: Desk) -> None:
    case = desk.locked(goal="Honest answers, reported")
    desk.tried(case, 0, facts=2)
    desk.decide(case.name, STOP, reason="no budget this year")
    stub = report_pb2_grpc.ReportServiceStub(desk.client.authorised)
    request = report_pb2.WriteReportRequest(
        name=case.name, format=report_pb2.REPORT_FORMAT_HTML, language="ja"
    )
    page = b"".join(piece.data for piece in stub.WriteReport(request)).decode()
    assert "停止します。no budget this year。" in page
    assert "Honest answers, reported" in page


# The lock


def test_what_a_template_leaves_open_is_settled_at_the_lock_and_tried_by_every_trial(desk: Desk) -> None:
    (template, *_) = desk.client.case.ListCaseTemplates(case_pb2.ListCaseTemplatesRequest()).templates
    draft = case_pb2.CaseDraft(template=template.id)
    created = desk.client.case.CreateCase(case_pb2.CreateCaseRequest(draft=draft, language="ja"))
    assert (created.draft.goal, created.draft.risks) == (template.goal_ja, template.risks_ja)
    assert list(created.draft.lanes) == ["unsteered", "prompt", "steered"]
    shown = desk.lock(created.name, validate_only=True)
    assert desk.get(created.name) == created, "a look writes nothing"
    locked = desk.lock(created.name, criteria_hash=shown.lock.criteria_hash)
    assert locked.lock.criteria_json == shown.lock.criteria_json
    written = criteria_from_json(locked.lock.criteria_json)
    assert [lane.kind for lane in written.lanes] == ["unsteered", "prompt", "steered"]
    assert written.goal == template.goal_ja
    assert written.stage
    assert all(term.layers and term.vector.startswith("vectors/") for term in written.named("steered").terms)
    trial = desk.trial(locked.lock.criteria_json, prompts(0, facts=2))
    assert trial.lock.criteria_hash == locked.lock.criteria_hash
    assert trial.lock.lanes_hash == locked.lock.lanes_hash


def test_locked_parts_stay_and_the_others_stay_open(desk: Desk) -> None:
    case = desk.locked()
    refusal = refused(lambda: desk.lock(case.name))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "CASE_LOCKED")
    case.draft.risks = "Fewer sales"
    changed = desk.client.case.UpdateCase(case_pb2.UpdateCaseRequest(name=case.name, draft=case.draft))
    assert changed.draft.risks == "Fewer sales"
    changed.draft.goal = "Something easier"
    update = case_pb2.UpdateCaseRequest(name=case.name, draft=changed.draft)
    refusal = refused(lambda: desk.client.case.UpdateCase(update))
    assert (refusal.reason, case.lock.criteria_hash in refusal.message) == ("CASE_LOCKED", True)
    assert desk.get(case.name).draft.goal == case.draft.goal


def test_criteria_that_cannot_be_used_are_told_in_the_step_and_not_locked(desk: Desk) -> None:
    case = desk.create(criteria() + '\n[[lanes]]\nname = "unsteered"\nkind = "unsteered"\n')
    assert (codes(case)[LOCK], "exactly one lane" in case.steps[LOCK].sentence) == ("criteria_invalid", True)
    assert refused(lambda: desk.lock(case.name)).reason == "CASE_STEP"
    other = desk.create(
        criteria("unsteered,prompt").replace('lane = "steered"', ""), lanes=["unsteered", "magic"]
    )
    refusal = refused(lambda: desk.lock(other.name))
    assert (refusal.code, refusal.reason) == ("INVALID_ARGUMENT", "CRITERIA_INVALID")
    assert not desk.get(other.name).HasField("lock")


def test_a_lock_that_was_shown_is_kept_or_refused(desk: Desk) -> None:
    case = desk.create()
    assert refused(lambda: desk.lock(case.name, criteria_hash="0" * 64)).reason == "CASE_CHANGED"
    assert not desk.get(case.name).HasField("lock")


# Trials


def test_a_trial_by_other_criteria_is_refused_with_both_hashes(desk: Desk) -> None:
    case = desk.locked()
    other = desk.trial(criteria().replace("margin = 0.02", "margin = 0.03"), prompts(0, 1), written="toml")
    refusal = refused(lambda: desk.attach(case.name, other.name))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "CASE_CRITERIA_DIFFER")
    assert other.lock.criteria_hash in refusal.message
    assert case.lock.criteria_hash in refusal.message


def test_no_trial_counts_that_was_there_before_the_lock(desk: Desk) -> None:
    case = desk.create()
    shown = desk.lock(case.name, validate_only=True)
    early = desk.trial(shown.lock.criteria_json, prompts(0, 2))
    refusal = refused(lambda: desk.attach(case.name, early.name))
    assert (refusal.reason, "Lock the criteria" in refusal.message) == ("CASE_STEP", True)
    locked = desk.lock(case.name)
    assert locked.lock.criteria_hash == early.lock.criteria_hash
    assert refused(lambda: desk.attach(case.name, early.name)).reason == "CASE_PART_TOO_EARLY"
    assert not desk.get(case.name).trials


def test_a_confirmation_needs_fresh_prompts_also_after_the_first_ones_were_deleted(desk: Desk) -> None:
    case = desk.locked()
    small = desk.tried(case, 0)
    gone = trial_pb2.DeleteTrialRowsRequest(name=small.name, reason="customer data")
    desk.client.trial.DeleteTrialRows(gone)
    half_new = desk.trial(case.lock.criteria_json, prompts(3, 4))
    refusal = refused(lambda: desk.attach(case.name, half_new.name))
    assert (refusal.code, refusal.reason) == ("FAILED_PRECONDITION", "CASE_PROMPTS_REPEATED")
    assert "3 of 12 prompts" in refusal.message, "the three about the fact that both have"
    assert "(neutral-ja-02, soft-ja-02, hard-ja-02)" in refusal.message
    fresh = desk.trial(case.lock.criteria_json, prompts(4))
    assert codes(desk.attach(case.name, fresh.name))[CONFIRMATION] == "trial_created"
    assert refused(lambda: desk.attach(case.name, fresh.name)).reason == "CASE_PART_TAKEN"


def test_a_trial_without_enough_data_says_how_many_more_and_a_larger_one_takes_its_place(desk: Desk) -> None:
    case = desk.locked(criteria().replace("min_prompts = 2", "min_prompts = 5"))
    desk.tried(case, 0, facts=1)
    case = desk.get(case.name)
    assert (codes(case)[SMALL], case.steps[SMALL].facts["more"]) == ("trial_not_enough", "4")
    assert "4 more" in case.steps[SMALL].sentence
    desk.tried(case, 0, facts=5)
    case = desk.get(case.name)
    assert [own.current for own in case.trials] == [False, True]
    assert states(case)[SMALL] == DONE
    late = desk.trial(case.lock.criteria_json, prompts(8, 5))
    role = case_pb2.CASE_TRIAL_ROLE_SMALL
    assert refused(lambda: desk.attach(case.name, late.name, role=role)).reason == "CASE_STEP"


def test_trials_by_the_same_criteria_that_were_left_out_are_named(desk: Desk) -> None:
    case = desk.locked(goal="Honest answers, tried in secret too")
    left_out = desk.trial(case.lock.criteria_json, prompts(0, 1))
    assert not desk.get(case.name).other_trials, "nothing was asked yet"
    desk.run(left_out.name)
    assert list(desk.get(case.name).other_trials) == [left_out.name]
    decided = desk.decide(case.name, STOP)
    assert json.loads(decided.decision.basis_json)["other_trials"] == [left_out.name]


# The release


def test_only_the_confirmed_candidate_is_released_and_an_aborted_rollout_leads_to_stop(desk: Desk) -> None:
    case = desk.locked(goal="Honest answers, released carefully")
    early = desk.snapshot(_steering(desk, 0.35))
    desk.leave(early)
    before = desk.rollout(early).name
    desk.tried(case, 0)
    refusal = refused(lambda: desk.attach_rollout(case.name, before))
    assert (refusal.reason, "confirmation" in refusal.message) == ("CASE_STEP", True)
    desk.tried(case, 4)
    candidate = desk.get(case.name).candidate
    assert candidate.snapshot == early, "the same steering, whoever kept it"
    weaker = desk.rollout(desk.snapshot(_steering(desk, 0.1))).name
    refusal = refused(lambda: desk.attach_rollout(case.name, weaker))
    assert (refusal.reason, "steered" in refusal.message) == ("CASE_CANDIDATE_DIFFERS", True)
    assert refused(lambda: desk.attach_rollout(case.name, before)).reason == "CASE_PART_TOO_EARLY"
    rollout = desk.rollout(early).name
    desk.attach_rollout(case.name, rollout)
    desk.start(rollout)
    desk.client.rollout.AbortRollout(rollout_pb2.AbortRolloutRequest(name=rollout, reason="complaints"))
    case = desk.get(case.name)
    assert (codes(case)[RELEASE], states(case)[RELEASE]) == ("rollout_aborted", FAILED)
    assert (codes(case)[DECISION], "complaints" in case.steps[RELEASE].sentence) == ("stop_due", True)
    assert refused(lambda: desk.decide(case.name, SCALE)).reason == "CASE_STEP"
    stopped = desk.decide(case.name, STOP, reason="customers complained")
    assert states(stopped)[DECISION] == DONE
    assert json.loads(stopped.decision.basis_json)["rollouts"][0]["state"] == "aborted"


def _steering(desk: Desk, strength: float) -> Any:
    case = desk.locked(goal="a look at the lanes")
    steered = next(
        lane for lane in criteria_from_json(case.lock.criteria_json).lanes if lane.name == "steered"
    )
    (term,) = steered.terms
    steering = snapshot_pb2.Snapshot().steering
    steering.stage = case.lock.lanes[0].stage
    added = steering.terms.add(vector=term.vector, strength=strength, layers=term.layers)
    added.positions = 2 if term.positions == "reply" else 1
    return steering


# Several people, and a restart


def test_of_two_people_who_write_at_once_the_second_is_told(desk: Desk, other_admin: Desk) -> None:
    case = desk.create()
    mine, theirs = case.draft, desk.get(case.name).draft
    mine.risks, theirs.risks = "Fewer sales", "Longer calls"
    update = case_pb2.UpdateCaseRequest(name=case.name, draft=mine, version=case.version)
    desk.client.case.UpdateCase(update)
    stale = case_pb2.UpdateCaseRequest(name=case.name, draft=theirs, version=case.version)
    refusal = refused(lambda: other_admin.client.case.UpdateCase(stale))
    assert (refusal.code, refusal.reason) == ("ABORTED", "CASE_CONFLICT")
    assert desk.get(case.name).draft.risks == "Fewer sales"


def test_a_watcher_hears_of_changes_of_others_and_of_the_trials_of_a_case(
    desk: Desk, other_admin: Desk
) -> None:
    case = desk.locked(goal="watched")
    stream = other_admin.client.case.WatchCases(case_pb2.WatchCasesRequest(), timeout=60)
    first = next(stream)
    assert case.name in [own.name for own in first.cases]
    trial = desk.trial(case.lock.criteria_json, prompts(0, 1))
    desk.attach(case.name, trial.name)
    desk.run(trial.name)
    seen = []
    for message in stream:
        assert [own.name for own in message.cases] == [case.name], "only what changed"
        seen.append(message.cases[0].steps[SMALL].code)
        if message.cases[0].trials[0].verdict:
            break
    stream.cancel()
    assert seen[-1].startswith("trial_"), seen


def test_a_request_that_comes_twice_makes_one_case_and_one_decision(desk: Desk) -> None:
    draft = case_pb2.CaseDraft(display_name="twice", goal="once", template="support")
    request = case_pb2.CreateCaseRequest(request_id="one-case", draft=draft)
    first = desk.client.case.CreateCase(request)
    assert desk.client.case.CreateCase(request).name == first.name
    locked = desk.lock(first.name, request_id="one-lock")
    assert desk.lock(first.name, request_id="one-lock") == locked
    decided = desk.decide(first.name, STOP, request_id="one-decision")
    assert desk.decide(first.name, STOP, request_id="one-decision") == decided


def test_a_viewer_reads_and_changes_nothing(own_server: Server, desk: Desk) -> None:
    case = desk.create()
    viewer = Desk(own_server.client(new_token(desk.client, "viewer")))
    assert viewer.get(case.name) == case
    for change in (lambda: viewer.lock(case.name), lambda: viewer.decide(case.name, STOP), viewer.create):
        assert refused(change).reason == "ROLE_NOT_ALLOWED"
    viewer.client.close()


def create_within(
    desk: Desk, case: case_pb2.Case, file: trial_pb2.PromptFile, **fields: Any
) -> trial_pb2.Trial:
    given = trial_pb2.CriteriaFile(text=case.lock.criteria_json, format="json")
    draft = trial_pb2.TrialDraft(prompts=file, criteria=given)
    return desk.client.trial.CreateTrial(trial_pb2.CreateTrialRequest(draft=draft, case=case.name, **fields))


def test_a_trial_is_created_as_a_part_of_its_case_in_one_step_that_a_retry_repeats(desk: Desk) -> None:
    case = desk.locked()
    trial = create_within(desk, case, prompts(0), request_id="once")
    assert create_within(desk, case, prompts(0), request_id="once").name == trial.name
    seen = desk.get(case.name)
    assert [own.trial for own in seen.trials] == [trial.name]
    assert trial.state == trial_pb2.TRIAL_STATE_CREATED
    records = desk.client.audit.ListAuditRecords(audit_pb2.ListAuditRecordsRequest()).audit_records
    assert [own.action for own in records[:2]] == ["case.attach_trial", "trial.create"]


def test_a_trial_that_its_case_refuses_is_not_there_either(desk: Desk) -> None:
    case = desk.create()
    locked = desk.lock(desk.create().name)

    def names() -> list[str]:
        listed = desk.client.trial.ListTrials(trial_pb2.ListTrialsRequest(page_size=200))
        return [own.name for own in listed.trials]

    before = names()
    records = desk.client.audit.ListAuditRecords(audit_pb2.ListAuditRecordsRequest()).record_count
    unlocked = case_pb2.Case(name=case.name, lock=locked.lock)
    failed = refused(lambda: create_within(desk, unlocked, prompts(0), request_id="twice"))
    assert failed.reason == "CASE_STEP"
    other = case_pb2.Case(name=locked.name)
    other.lock.criteria_json = locked.lock.criteria_json.replace("0.02", "0.03")
    failed = refused(lambda: create_within(desk, other, prompts(0)))
    assert (failed.reason, failed.metadata["trial"]) == ("CASE_CRITERIA_DIFFER", "the trial")
    missing = case_pb2.Case(name="deployments/default/cases/none", lock=locked.lock)
    assert refused(lambda: create_within(desk, missing, prompts(0))).reason == "CASE_NOT_FOUND"
    assert names() == before
    audit = desk.client.audit.ListAuditRecords(audit_pb2.ListAuditRecordsRequest())
    assert audit.record_count == records
    # The refused request may be repeated once the case is ready.
    desk.lock(case.name)
    made = create_within(desk, unlocked, prompts(0), request_id="twice")
    assert [own.trial for own in desk.get(case.name).trials] == [made.name]


@pytest.mark.parametrize(
    ("call", "code", "reason"),
    [
        (lambda desk: desk.get("deployments/default/cases/none"), "NOT_FOUND", "CASE_NOT_FOUND"),
        (lambda desk: desk.get("cases/none"), "INVALID_ARGUMENT", "FIELD_INVALID"),
        (lambda desk: desk.create(display_name=""), "INVALID_ARGUMENT", "FIELD_INVALID"),
        (lambda desk: desk.create(template="magic"), "NOT_FOUND", "CASE_TEMPLATE_NOT_FOUND"),
        (
            lambda desk: desk.attach(desk.locked().name, "deployments/default/trials/none"),
            "NOT_FOUND",
            "TRIAL_NOT_FOUND",
        ),
        (
            lambda desk: desk.attach_rollout(desk.locked().name, "deployments/default/rollouts/none"),
            "NOT_FOUND",
            "ROLLOUT_NOT_FOUND",
        ),
        (lambda desk: desk.decide(desk.create().name, 0), "INVALID_ARGUMENT", "FIELD_INVALID"),
    ],
)
def test_refusals_name_what_is_wrong(desk: Desk, call: Any, code: str, reason: str) -> None:
    failure = refused(lambda: call(desk))
    assert (failure.code, failure.reason) == (code, reason)


def test_a_case_goes_on_after_the_server_was_killed(home: Home, desk: Desk) -> None:
    """The last one: what it leaves is another server."""
    case = desk.locked(goal="Honest answers, whatever happens")
    trial = desk.tried(case, 0, facts=2)
    before = desk.get(case.name)
    stubs = home.kill_and_start().client()
    after = Desk(stubs)
    assert after.get(case.name) == before
    assert refused(lambda: after.attach(case.name, trial.name)).reason == "CASE_PART_TAKEN"
    assert after.decide(case.name, STOP).decision.reason == "as agreed"
    stubs.close()
