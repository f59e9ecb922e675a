"""The clients' calls about cases over a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from trimtab_client import (
    AsyncClient,
    CaseChoice,
    CaseDraft,
    CaseStepKind,
    CaseStepState,
    CaseTrialRole,
    Client,
    CriteriaFile,
)
from trimtab_client.cases import Cases
from trimtab_protos.v1 import case_pb2

DRAFT = CaseDraft(
    "Desk",
    "Honest answers",
    "Fewer sales",
    CriteriaFile("name = 'x'", "toml"),
    ("unsteered", "steered"),
    "honest-1",
    "support",
)
WRITES: dict[str, Callable[[Cases], object]] = {
    "CreateCase": lambda cases: cases.create(DRAFT),
    "UpdateCase": lambda cases: cases.update(DRAFT),
    "LockCaseCriteria": lambda cases: cases.lock(),
    "AttachTrial": lambda cases: cases.attach_trial("ab12"),
    "AttachRollout": lambda cases: cases.attach_rollout("cd34"),
    "DecideCase": lambda cases: cases.decide(CaseChoice.STOP, reason="r"),
}


def a_case(*states: int) -> case_pb2.Case:
    """With its first steps in these states."""
    steps = [case_pb2.CaseStep(kind=kind, state=state) for kind, state in enumerate(states, start=1)]
    return case_pb2.Case(name="deployments/default/cases/ef56", steps=steps)


@pytest.mark.parametrize("method", WRITES)
def test_every_write_carries_a_fresh_request_id_and_the_newest_case(server: Any, method: str) -> None:
    server.answers[method] = lambda request, context: case_pb2.Case()
    with Client(server.target) as client:
        for _ in range(2):
            WRITES[method](client.cases)
    first, second = (call.request for call in server.calls(method))
    assert first.request_id
    assert first.request_id != second.request_id
    if method != "CreateCase":
        assert first.name == "deployments/default/cases/-"


def test_what_is_asked_for_arrives(server: Any) -> None:
    for method in WRITES:
        server.answers[method] = lambda request, context: case_pb2.Case()
    with Client(server.target) as client:
        client.cases.create(DRAFT, language="ja", reason="why")
        client.cases.update(DRAFT, "ef56", version=7)
        client.cases.lock("ef56", criteria_hash="c1", validate_only=True)
        client.cases.attach_trial("ab12", "ef56", role=CaseTrialRole.CONFIRMATION)
        client.cases.attach_rollout("cd34", "ef56")
        client.cases.decide(CaseChoice.SCALE, "ef56", reason="it held")
    created, updated, locked, trial, rollout, decided = (call.request for call in server.received)
    assert (created.language, created.reason, created.draft.template) == ("ja", "why", "support")
    assert (created.draft.goal, created.draft.risks) == ("Honest answers", "Fewer sales")
    assert (created.draft.criteria.text, list(created.draft.lanes)) == (
        "name = 'x'",
        ["unsteered", "steered"],
    )
    assert (updated.name, updated.version) == ("deployments/default/cases/ef56", 7)
    assert updated.draft.snapshot == "snapshots/honest-1"
    assert (locked.criteria_hash, locked.validate_only) == ("c1", True)
    assert trial.trial == "deployments/default/trials/ab12"
    assert trial.role == case_pb2.CASE_TRIAL_ROLE_CONFIRMATION
    assert rollout.rollout == "deployments/default/rollouts/cd34"
    assert (decided.choice, decided.reason) == (case_pb2.CASE_CHOICE_SCALE, "it held")


def test_the_step_that_matters_is_the_first_that_is_neither_done_nor_blocked(server: Any) -> None:
    done, blocked = case_pb2.CASE_STEP_STATE_DONE, case_pb2.CASE_STEP_STATE_BLOCKED
    failed, following = case_pb2.CASE_STEP_STATE_FAILED, case_pb2.CASE_STEP_STATE_NEXT
    made = [a_case(done, done, failed, blocked, blocked, following), a_case(*[done] * 6)]
    server.answers["ListCases"] = lambda request, context: case_pb2.ListCasesResponse(cases=made)
    with Client(server.target) as client:
        open_one, decided = client.cases.list()
    assert open_one.step is not None
    assert (open_one.step.kind, open_one.step.state) == (CaseStepKind.SMALL_TRIAL, CaseStepState.FAILED)
    assert (decided.step, decided.lock, decided.candidate, decided.decision) == (None, None, None, None)


def test_of_several_trials_of_a_role_the_current_one_decides(server: Any) -> None:
    small = case_pb2.CASE_TRIAL_ROLE_SMALL
    made = case_pb2.Case(
        trials=[
            case_pb2.CaseTrial(trial="t1", role=small),
            case_pb2.CaseTrial(trial="t2", role=small, current=True, more_prompts_needed=0),
        ]
    )
    server.answers["GetCase"] = lambda request, context: made
    with Client(server.target) as client:
        case = client.cases.get()
    own = case.trial(CaseTrialRole.SMALL)
    assert own is not None
    assert (own.trial, own.more_prompts_needed, case.trials[0].more_prompts_needed) == ("t2", 0, None)
    assert case.trial(CaseTrialRole.CONFIRMATION) is None
    assert case.rollout is None


def changes(request: Any, context: Any) -> Iterator[case_pb2.WatchCasesResponse]:
    yield case_pb2.WatchCasesResponse()
    yield case_pb2.WatchCasesResponse(cases=[a_case(case_pb2.CASE_STEP_STATE_NEXT)])


def pieces(request: Any, context: Any) -> Iterator[case_pb2.ExportCaseResponse]:
    yield case_pb2.ExportCaseResponse(data=b'{"for')
    yield case_pb2.ExportCaseResponse(data=b'mat": 1}')


async def test_the_asynchronous_client_does_the_same(server: Any) -> None:
    server.answers |= {"WatchCases": changes, "ExportCase": pieces}
    template = case_pb2.CaseTemplate(id="support", title_ja="サポート")
    listed = case_pb2.ListCaseTemplatesResponse(templates=[template])
    server.answers["ListCaseTemplates"] = lambda request, context: listed
    async with AsyncClient(server.target) as client:
        seen = [cases async for cases in client.cases.watch()]
        assert await client.cases.export("ef56") == b'{"format": 1}'
        (found,) = await client.cases.templates()
    assert [len(cases) for cases in seen] == [0, 1], "that there are none is told too"
    assert (found.id, found.title_ja) == ("support", "サポート")
