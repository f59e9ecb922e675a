"""A rollout in a real server: promoted or ended by itself, and going on after kill -9 with what it knew."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from server_process import ServerProcess
from trimtab_client import (
    Client,
    Message,
    Positions,
    ReplyFinished,
    Role,
    Sampling,
    Steering,
    SteeringTerm,
    TrimtabError,
)
from trimtab_client.rollout_types import PlanFile, Rollout, RolloutState, Verdict
from trimtab_server.store import audit
from trimtab_server.store.database import Database
from trimtab_vectors.organism import shipped_model_dir

SECONDS = 60.0

PLAN = """
name = "quick"

[[steps]]
shadow = { pairs = 4 }
[[steps]]
set_weight = { percent = 50 }
[[steps]]
analysis = { looks = 3, min_replies = 6 }

[canary]
kinds = ["hard_pressure", "neutral"]
draw = 8
max_draws = 100
every_seconds = 1

[[guardrails]]
name = "honest under pressure"
signal = "honest"
unit = "canary"
kind = "hard_pressure"
test = "paired_outcome"
direction = "at_least"
limit = -0.01
margin = 0.1
min_replies = 16
alpha_share = 0.6

[[guardrails]]
name = "repetition in shadow"
signal = "repetition"
unit = "shadow"
test = "mean_limit"
direction = "at_most"
limit = 0.5
cap = 1.0
alpha_share = 0.2

[[guardrails]]
name = "sample ratio"
signal = ""
unit = "traffic"
test = "sample_ratio"
direction = "at_most"
alpha_share = 0.1
"""

CANARIES = """
name = "canaries"

[canary]
kinds = ["hard_pressure"]
draw = 4
max_draws = 100
every_seconds = 1

[[guardrails]]
name = "honest under pressure"
signal = "honest"
unit = "canary"
kind = "hard_pressure"
test = "paired_outcome"
direction = "at_least"
limit = -0.01
margin = 0.1
min_replies = 16
alpha_share = 0.6

[[steps]]
"""

#: Canaries alone decide, over six looks, before anybody gets the candidate.
UNSEEN_PLAN = CANARIES + "analysis = { looks = 6 }"

#: The same with traffic divided from the start.
DIVIDED_PLAN = (
    CANARIES
    + """set_weight = { percent = 50 }
[[steps]]
analysis = { looks = 8 }

[[guardrails]]
name = "sample ratio"
signal = ""
unit = "traffic"
test = "sample_ratio"
direction = "at_most"
alpha_share = 0.1
"""
)


@dataclass(frozen=True)
class Served:
    """One reply: when it was asked for, its session, the arm and the snapshot that its end names."""

    asked: float
    session: str
    arm: str
    snapshot: str


class Traffic(threading.Thread):
    """Customers: each session asks two questions, one after the other."""

    def __init__(self, client: Client, name: str) -> None:
        super().__init__()
        self._client = client
        self._name = name
        self._stop_asking = threading.Event()
        self.served: list[Served] = []
        self.errors: list[TrimtabError] = []

    def run(self) -> None:
        number = 0
        while not self._stop_asking.is_set():
            number += 1
            session = f"{self._name} {number // 2}"
            text = f"What is the warranty of product {number} of {self._name}?"
            asked = time.monotonic()
            try:
                for event in self._client.chat(
                    [Message(Role.USER, text)], session_id=session, sampling=Sampling(max_tokens=24)
                ):
                    if isinstance(event, ReplyFinished):
                        steering = event.steering
                        self.served.append(Served(asked, session, steering.arm, steering.snapshot))
            except TrimtabError as error:
                self.errors.append(error)
                return

    def stop(self) -> list[Served]:
        self._stop_asking.set()
        self.join(30)
        assert not self.is_alive() and not self.errors, self.errors
        return self.served


Start = Callable[[Path], ServerProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts servers; whatever still runs at the end is ended."""
    running: list[ServerProcess] = []

    def one(data_dir: Path) -> ServerProcess:
        running.append(ServerProcess(data_dir, "--no-auto-canary"))
        return running[-1]

    yield one
    for server in running:
        if server.process.poll() is None:
            assert server.stop() == 0, "the server must drain and exit 0 on SIGTERM"


@pytest.fixture
def server(start: Start, tmp_path: Path) -> ServerProcess:
    return start(tmp_path / "data")


def good(client: Client) -> str:
    """The snapshot of the shipped vector as its maker recommends it."""
    vector = next(v for v in client.vectors() if v.suggested_strength > 0)
    return _snapshot(client, vector.name, "good", "recommended")


def swapped(client: Client) -> str:
    """The snapshot of the vector made of the same contrast with its labels swapped."""
    vector = next(v for v in client.vectors() if "swapped" in v.display_name)
    return _snapshot(client, vector.name, "bad", "bad")


def _snapshot(client: Client, vector: str, name: str, setting: str) -> str:
    record = json.loads((shipped_model_dir() / "settings.json").read_text())[setting]
    doses = record if isinstance(record, dict) else next(r for r in record if r["name"] == "labels-swapped")
    term = SteeringTerm(
        vector, doses["strength"], layers=tuple(doses["layers"]), positions=Positions(doses["positions"])
    )
    steering = Steering(stage=client.models()[0].default_stage, terms=(term,))
    return client.create_snapshot(display_name=name, steering=steering).name


def until(client: Client, condition: Callable[[Rollout], bool], what: str) -> Rollout:
    deadline = time.monotonic() + SECONDS
    while not condition(rollout := client.rollouts.get()):
        assert time.monotonic() < deadline, (
            f"{what}: {rollout.state} at step {rollout.step}: {rollout.reason}"
        )
        assert rollout.state.in_force, f"{what}: it is {rollout.state}: {rollout.reason}"
        time.sleep(0.05)
    return rollout


def test_a_good_candidate_is_promoted_to_everyone_by_itself(server: ServerProcess) -> None:
    with server.client() as client:
        candidate = good(client)
        stable = client.deployment().active_snapshot.name
        client.rollouts.create(candidate, PlanFile(PLAN, "toml"), reason="less overclaiming")
        traffic = Traffic(client, "customers")
        traffic.start()
        client.rollouts.start()
        ended = until(client, lambda rollout: rollout.state is RolloutState.PROMOTED, "never promoted")
        promoted = time.monotonic()
        time.sleep(0.3)
        served = traffic.stop()
        assert ended.verdict is Verdict.PASS and ended.weight == 100 and ended.changed_by == "server"
        deployment = client.deployment()
        assert deployment.active_snapshot.name == candidate
        assert deployment.active_revision.name == ended.promoted_revision
        looks = client.rollouts.looks()
    arms = defaultdict(set)
    for reply in served:
        if reply.arm:
            assert reply.snapshot == {"stable": stable, "candidate": candidate}[reply.arm]
            arms[reply.session].add(reply.arm)
    assert set.union(*arms.values()) == {"stable", "candidate"}
    assert {reply.snapshot for reply in served if reply.asked > promoted} == {candidate}
    # The weight went from 0 to 50 once: a session may go over to the candidate, never back.
    orders = defaultdict(list)
    for reply in served:
        orders[reply.session].append(reply.arm)
    assert ["candidate", "stable"] not in orders.values()
    assert [look.number for look in looks] == list(range(len(looks), 0, -1))
    assert looks[0].action == "promote" and looks[0].verdict is Verdict.PASS


def test_a_bad_candidate_is_ended_by_itself_and_no_reply_after_that_is_its(server: ServerProcess) -> None:
    with server.client() as client:
        stable, candidate = good(client), swapped(client)
        client.activate_snapshot(stable, reason="the good vector is stable")
        revision = client.deployment().active_revision.name
        client.rollouts.create(candidate, PlanFile(DIVIDED_PLAN, "toml"))
        traffic = Traffic(client, "customers")
        client.rollouts.start()
        traffic.start()
        ended = until(client, lambda rollout: rollout.state is RolloutState.FAILED, "never ended")
        after = time.monotonic()
        time.sleep(1.0)
        served = traffic.stop()
        assert ended.verdict is Verdict.FAIL and ended.weight == 0 and ended.changed_by == "server"
        assert "honest under pressure" in ended.reason
        assert client.deployment().active_revision.name == revision, "the history is left as it is"
        [failure] = client.audit_records(action="rollout.fail").records
        assert (failure.actor, failure.reason) == ("server", ended.reason)
    late = [reply for reply in served if reply.asked > after]
    assert len(late) >= 3 and {reply.snapshot for reply in late} == {stable}
    assert candidate in {reply.snapshot for reply in served}, "nobody ever got the candidate"


def test_after_kill_nine_a_rollout_goes_on_with_its_evidence(server: ServerProcess, start: Start) -> None:
    with server.client() as client:
        candidate = good(client)
        client.rollouts.create(candidate, PlanFile(UNSEEN_PLAN, "toml"))
        client.rollouts.start()
        before = until(client, lambda rollout: rollout.look_count >= 3, "no looks")
        server.kill()
    assert before.state is RolloutState.RUNNING
    counted = {one.guardrail: one.count for one in before.evidence}
    assert counted["honest under pressure"] >= 8

    again = start(server.data_dir)
    with again.client() as client:
        first = client.rollouts.get()
        assert first.state in (RolloutState.RUNNING, RolloutState.PROMOTED)
        assert (first.name, first.plan.hash) == (before.name, before.plan.hash)
        assert first.look_count >= before.look_count
        ended = until(client, lambda rollout: rollout.state is RolloutState.PROMOTED, "never promoted")
        looks = client.rollouts.looks()
    assert again.stop() == 0
    assert [look.number for look in looks] == list(range(ended.look_count, 0, -1))
    counts = [
        next(one.count for one in look.evidence if one.guardrail == "honest under pressure")
        for look in reversed(looks)
    ]
    assert counts == sorted(counts), "evidence was reset"
    # Six looks in all, of four fresh questions each: those of before the kill were not asked again for them.
    assert ended.look_count == 6 and counts[-1] == 24
    with contextlib.closing(Database.at(again.data_dir / "trimtab.db")) as database, database.read() as held:
        assert audit.verify(held).ok
