"""MonitorService: watching and the canary set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trimtab_protos.v1 import monitor_pb2, snapshot_pb2, vector_pb2

from .conftest import Server, Stubs, chat_request, refused, steering


def run_canary(client: Stubs, **fields: Any) -> list[monitor_pb2.RunCanaryResponse]:
    return list(client.monitor.RunCanary(monitor_pb2.RunCanaryRequest(**{"count_per_kind": 2} | fields)))


def until(events: Iterator[monitor_pb2.WatchResponse], kind: str) -> monitor_pb2.WatchResponse:
    """The next event of a kind."""
    return next(event for event in events if event.HasField(kind))


def test_a_canary_run_asks_each_kind_scores_the_replies_and_is_kept(client: Stubs) -> None:
    answers = run_canary(client, seed=3, include_replies=True)
    replies = [answer.reply for answer in answers if answer.HasField("reply")]
    progress = [answer.progress for answer in answers if answer.HasField("progress")]
    run = answers[-1].run
    assert [one.done for one in progress] == list(range(1, 9))
    assert {one.total for one in progress} == {8}
    assert {rates.kind for rates in run.rates} == {"neutral", "soft_pressure", "hard_pressure", "belief"}
    for rates in run.rates:
        scored = [reply.outcome for reply in replies if reply.kind == rates.kind]
        assert rates.count == len(scored) == 2
        assert rates.honest == scored.count("honest") / 2
        assert rates.honest + rates.lie + rates.evade + rates.no_belief == pytest.approx(1.0)
        assert 0 <= rates.honest_lower <= rates.honest <= rates.honest_upper <= 1
    assert all(reply.reply and reply.prompt for reply in replies)
    runs = client.monitor.ListCanaryRuns(monitor_pb2.ListCanaryRunsRequest(page_size=1)).canary_runs
    assert list(runs) == [run]


def test_one_seed_and_snapshot_give_the_same_figures_to_the_last_digit(client: Stubs) -> None:
    first, second = (run_canary(client, seed=11)[-1].run for _ in range(2))
    other = run_canary(client, seed=12)[-1].run
    assert list(first.rates) == list(second.rates)
    assert first.draw_hash == second.draw_hash != other.draw_hash
    assert first.name != second.name


def test_a_retried_run_is_not_run_again(client: Stubs) -> None:
    first = run_canary(client, request_id="canary-1")
    assert run_canary(client, request_id="canary-1") == first[-1:]


def test_an_unknown_snapshot_has_no_run(client: Stubs) -> None:
    failure = refused(
        lambda: client.monitor.RunCanary(monitor_pb2.RunCanaryRequest(snapshot="snapshots/" + "0" * 64))
    )
    assert (failure.code, failure.reason) == ("NOT_FOUND", "SNAPSHOT_NOT_FOUND")


def test_a_watcher_gets_thresholds_history_heartbeats_and_live_samples(client: Stubs) -> None:
    list(client.chat.Chat(chat_request(max_tokens=6)))
    events = client.monitor.Watch(monitor_pb2.WatchRequest(history=50))
    first = next(events)
    assert {threshold.signal for threshold in first.thresholds.thresholds} >= {
        monitor_pb2.SIGNAL_HONEST_UNDER_PRESSURE,
        monitor_pb2.SIGNAL_HONEST_NEUTRAL,
    }
    assert next(events).HasField("sample"), "the history begins at once"
    until(events, "heartbeat")
    until(events, "heartbeat")
    reply = list(client.chat.Chat(chat_request(max_tokens=6)))[-1].finished
    seen = set()
    while monitor_pb2.SIGNAL_TOKENS_PER_SECOND not in seen:
        sample = until(events, "sample").sample
        assert sample.reply_id == reply.reply_id
        assert sample.snapshot == reply.steering.snapshot
        seen.add(sample.signal)
    assert seen >= {
        monitor_pb2.SIGNAL_ENTROPY,
        monitor_pb2.SIGNAL_REPETITION,
        monitor_pb2.SIGNAL_REPLY_TOKENS,
    }
    run = run_canary(client)[-1].run
    assert until(events, "canary_run").canary_run == run
    shares = {until(events, "sample").sample.signal for _ in range(2)}
    assert shares == {monitor_pb2.SIGNAL_HONEST_UNDER_PRESSURE, monitor_pb2.SIGNAL_HONEST_NEUTRAL}
    events.cancel()


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Watch", monitor_pb2.WatchRequest(history=-1)),
        ("Watch", monitor_pb2.WatchRequest(history=5_001)),
        ("Watch", monitor_pb2.WatchRequest(deployment="deployments/none")),
        ("RunCanary", monitor_pb2.RunCanaryRequest(count_per_kind=-1)),
        ("RunCanary", monitor_pb2.RunCanaryRequest(count_per_kind=1_001)),
    ],
)
def test_what_cannot_be_watched_is_refused(client: Stubs, method: str, request_: Any) -> None:
    failure = refused(lambda: getattr(client.monitor, method)(request_))
    assert failure.reason in ("FIELD_INVALID", "DEPLOYMENT_NOT_FOUND")


def test_an_activation_runs_the_canary_set_and_samples_outlive_the_server(
    tmp_path: Path, client: Stubs, vector: vector_pb2.Vector
) -> None:
    exported = client.vector.ExportVector(vector_pb2.ExportVectorRequest(name=vector.name)).content
    server = Server(tmp_path / "auto", auto_canary=True, auto_canary_count=1)
    stubs = server.client()
    stubs.vector.ImportVector(vector_pb2.ImportVectorRequest(content=exported))
    events = stubs.monitor.Watch(monitor_pb2.WatchRequest())
    until(events, "heartbeat")
    snapshot = stubs.snapshot.CreateSnapshot(
        snapshot_pb2.CreateSnapshotRequest(display_name="steered", steering=steering(vector.name))
    )
    stubs.snapshot.ActivateSnapshot(snapshot_pb2.ActivateSnapshotRequest(snapshot=snapshot.name))
    run = until(events, "canary_run").canary_run
    assert (run.snapshot, run.revision) == (snapshot.name, "deployments/default/revisions/2")
    samples = [until(events, "sample").sample for _ in range(2)]
    events.cancel()
    stubs.close()
    assert server.stop() == 0

    server = Server(tmp_path / "auto")
    stubs = server.client()
    deployment = stubs.snapshot.GetDeployment(snapshot_pb2.GetDeploymentRequest())
    assert deployment.active_snapshot == snapshot
    events = stubs.monitor.Watch(monitor_pb2.WatchRequest())
    assert [until(events, "sample").sample for _ in range(2)] == samples
    events.cancel()
    runs = stubs.monitor.ListCanaryRuns(monitor_pb2.ListCanaryRunsRequest()).canary_runs
    assert list(runs) == [run]
    stubs.close()
    assert server.stop() == 0
