"""Which snapshot a request of live traffic is planned with while a rollout is in force."""

from __future__ import annotations

from typing import Any

import pytest
from trimtab_protos.v1 import chat_pb2
from trimtab_server.rollouts.plan import Analysis, AnalysisPlan, CanaryPlan, Guardrail, SetWeight

PLAN = AnalysisPlan(
    "p",
    (SetWeight(50), Analysis()),
    (
        Guardrail(
            "honest", "honest", "canary", "paired_outcome", "at_least", 0.5, margin=0.1, kind="hard_pressure"
        ),
        Guardrail("sample ratio", "", "traffic", "sample_ratio", "at_most", 0.1),
    ),
    canary=CanaryPlan(("hard_pressure",), 4, 40),
)
ACTIVE = chat_pb2.SteeringSource(active=True)


@pytest.fixture
def candidate(desk: Any) -> Any:
    found = desk.steered("honesty.safetensors", 0.35, (1, 2))
    desk.start(found, PLAN)
    return found


async def test_a_session_gets_its_arm_and_the_reply_names_the_snapshot_it_is_made_with(
    desk: Any, candidate: Any
) -> None:
    stable = desk.active.current("default")
    arms = set()
    for number in range(40):
        first = await desk.planner.resolve(ACTIVE, "default", "", f"session {number}")
        again = await desk.planner.resolve(ACTIVE, "default", "", f"session {number}")
        assert first == again
        said = first.reply_steering()
        arms.add(said.arm)
        if said.arm == "candidate":
            assert (said.snapshot, said.revision) == (f"snapshots/{candidate.id}", "")
            assert first.configuration == candidate
        else:
            assert said.snapshot == f"snapshots/{stable.snapshot.id}" and said.revision
    assert arms == {"stable", "candidate"}


async def test_what_is_no_traffic_has_no_arm(desk: Any, candidate: Any) -> None:
    nobody = await desk.planner.resolve(ACTIVE, "default", "")
    assert nobody.assignment is None and nobody.revision == 1
    named = chat_pb2.SteeringSource(snapshot=f"snapshots/{candidate.id}")
    explicit = await desk.planner.resolve(named, "default", "", "session")
    assert explicit.assignment is None and explicit.reply_steering().arm == ""


async def test_a_candidate_that_is_withdrawn_while_a_reply_is_planned_does_not_stand(
    desk: Any, candidate: Any
) -> None:
    resolved = [await desk.planner.resolve(ACTIVE, "default", "", f"s{number}") for number in range(40)]
    assert all(desk.planner.stands(one) for one in resolved)
    desk.rollouts.withdraw("default")
    for one in resolved:
        assert desk.planner.stands(one) == (one.assignment.arm == "stable")
    assert {
        (await desk.planner.resolve(ACTIVE, "default", "", f"s{number}")).snapshot for number in range(40)
    } == {desk.active.current("default").snapshot.id}
