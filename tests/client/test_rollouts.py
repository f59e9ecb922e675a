"""The clients' calls about rollouts over a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from trimtab_client import AsyncClient, Client, InFlight, PlanFile, RolloutState, Verdict
from trimtab_client.rollouts import Rollouts
from trimtab_protos.v1 import rollout_pb2, snapshot_pb2

WRITES: dict[str, Callable[[Rollouts], object]] = {
    "CreateRollout": lambda rollouts: rollouts.create("honest-1"),
    "StartRollout": lambda rollouts: rollouts.start(),
    "PauseRollout": lambda rollouts: rollouts.pause(),
    "ResumeRollout": lambda rollouts: rollouts.resume(),
    "PromoteRollout": lambda rollouts: rollouts.promote(),
    "PromoteFullRollout": lambda rollouts: rollouts.promote_full(reason="r"),
    "AbortRollout": lambda rollouts: rollouts.abort(reason="r"),
    "RetryRollout": lambda rollouts: rollouts.retry(),
}


def answer(request: Any, context: Any) -> rollout_pb2.Rollout:
    return rollout_pb2.Rollout(name=getattr(request, "name", "") or "made", weight=10)


@pytest.mark.parametrize("method", WRITES)
def test_every_write_carries_a_fresh_request_id(server: Any, method: str) -> None:
    server.answers[method] = answer
    with Client(server.target) as client:
        for _ in range(2):
            WRITES[method](client.rollouts)
    first, second = (call.request.request_id for call in server.calls(method))
    assert first
    assert first != second


@pytest.mark.parametrize("method", [name for name in WRITES if name != "CreateRollout"])
def test_left_out_the_name_is_the_one_in_force(server: Any, method: str) -> None:
    server.answers[method] = answer
    with Client(server.target) as client:
        WRITES[method](client.rollouts)
    assert server.received[0].request.name == "deployments/default/rollouts/-"


def test_what_is_asked_for_arrives(server: Any) -> None:
    server.answers |= dict.fromkeys(("CreateRollout", "PromoteRollout", "AbortRollout", "GetRollout"), answer)
    with Client(server.target) as client:
        client.rollouts.create(
            "honest-1", PlanFile("name = 'p'", "toml"), reason="trial", expected_revision=3
        )
        client.rollouts.promote("ab12", expected_step=0)
        client.rollouts.promote("ab12")
        client.rollouts.abort("ab12", reason="bad", in_flight=InFlight.CANCEL)
        assert client.rollouts.get("deployments/other/rollouts/ab12").weight == 10
    created, first, second, aborted, got = (call.request for call in server.received)
    assert (created.candidate_snapshot, created.deployment) == ("snapshots/honest-1", "deployments/default")
    assert (created.plan.text, created.plan.format, created.expected_revision) == ("name = 'p'", "toml", 3)
    assert (first.name, first.HasField("expected_step")) == ("deployments/default/rollouts/ab12", True)
    assert not second.HasField("expected_step")
    assert (aborted.reason, aborted.in_flight) == ("bad", snapshot_pb2.IN_FLIGHT_CANCEL)
    assert got.name == "deployments/other/rollouts/ab12"


def pages(request: Any, context: Any) -> rollout_pb2.ListRolloutsResponse:
    if not request.page_token:
        return rollout_pb2.ListRolloutsResponse(rollouts=[rollout_pb2.Rollout(name="a")], next_page_token="2")
    return rollout_pb2.ListRolloutsResponse(rollouts=[rollout_pb2.Rollout(name="b")])


def changes(request: Any, context: Any) -> Iterator[rollout_pb2.WatchRolloutResponse]:
    running = rollout_pb2.Rollout(name="a", state=rollout_pb2.ROLLOUT_STATE_RUNNING)
    yield rollout_pb2.WatchRolloutResponse(rollout=running)
    failed = rollout_pb2.Rollout(name="a", state=rollout_pb2.ROLLOUT_STATE_FAILED)
    look = rollout_pb2.RolloutLook(number=7, verdict=rollout_pb2.VERDICT_FAIL)
    yield rollout_pb2.WatchRolloutResponse(rollout=failed, look=look)


def test_lists_follow_the_pages_and_a_watch_ends_with_the_rollout(server: Any) -> None:
    server.answers |= {"ListRollouts": pages, "WatchRollout": changes}
    with Client(server.target) as client:
        assert [one.name for one in client.rollouts.list()] == ["a", "b"]
        with closing(client.rollouts.watch()) as watch:
            first, last = list(watch)
    assert (first.rollout.state, first.look) == (RolloutState.RUNNING, None)
    assert first.rollout.state.in_force
    assert last.rollout.state.ended
    assert last.look is not None
    assert (last.look.number, last.look.verdict) == (7, Verdict.FAIL)


async def test_the_asynchronous_client_does_the_same(server: Any) -> None:
    server.answers |= {"ListRollouts": pages, "WatchRollout": changes, "AbortRollout": answer}
    async with AsyncClient(server.target) as client:
        assert [one.name for one in await client.rollouts.list()] == ["a", "b"]
        states = [change.rollout.state async for change in client.rollouts.watch()]
        assert (await client.rollouts.abort(reason="r")).name == "deployments/default/rollouts/-"
    assert states == [RolloutState.RUNNING, RolloutState.FAILED]
