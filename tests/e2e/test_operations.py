"""What an operator has of a real server: figures, alerts, traces, health, logs, and a graceful end."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc
from http_receiver import HttpReceiver
from otlp_collector import OtlpCollector
from prometheus_client.parser import text_string_to_metric_families
from server_process import ServerProcess
from trimtab_client import (
    Client,
    Inline,
    Lane,
    Message,
    ReplyDelta,
    ReplyFinished,
    Role,
    Sampling,
    Steering,
    SteeringTerm,
    TrimtabError,
)
from trimtab_server.api.roles import GRANTS

ROOT = Path(__file__).parents[2]
SERVICES = sorted({method.partition("/")[0] for method in GRANTS})
#: Words that no model knows; each is put where one kind of secret goes.
CANARIES = {
    where: f"zyzzyva{where}qwx{number}"
    for number, where in enumerate(("prompt", "system", "lane", "reply", "broken", "token", "session"))
}


@dataclass
class World:
    server: ServerProcess
    receiver: HttpReceiver
    collector: OtlpCollector

    @property
    def log(self) -> list[dict[str, Any]]:
        text = self.server.log.read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def scrape(self) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
        """Sample name -> labels -> value; families without a sample are there with none."""
        found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
        for family in text_string_to_metric_families(self.metrics_text()):
            found.setdefault(family.name, {})
            for sample in family.samples:
                found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
        return found

    def metrics_text(self) -> str:
        [address] = [line["address"] for line in self.log if line["event"] == "metrics"][-1:]
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=20) as response:
            return str(response.read().decode())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    receiver, collector = HttpReceiver(), OtlpCollector()
    server = ServerProcess(
        tmp_path_factory.mktemp("operations") / "data",
        *("--metrics-port", "0", "--alert-webhook", receiver.url, "--otlp-endpoint", collector.endpoint),
        *("--no-auto-canary", "--drain-seconds", "30"),
    )
    yield World(server, receiver, collector)
    if server.process.poll() is None:
        assert server.stop() == 0
    receiver.close()
    collector.close()


def user(text: str) -> list[Message]:
    return [Message(Role.USER, text)]


def steered(client: Client) -> Steering:
    vector = next(v for v in client.vectors() if v.suggested_strength > 0)
    term = SteeringTerm(vector.name, strength=vector.suggested_strength, layers=vector.suggested_layers)
    return Steering(stage=client.models()[0].default_stage, terms=(term,))


def until(true: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.05)


def test_every_service_is_healthy_each_by_its_name(world: World) -> None:
    with grpc.insecure_channel(world.server.target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for name in ("", *(f"trimtab.v1.{service}" for service in SERVICES)):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING, name
        with pytest.raises(grpc.RpcError) as caught:
            stub.Check(health_pb2.HealthCheckRequest(service="trimtab.v1.NoService"))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_replies_and_rollbacks_show_in_the_figures(world: World) -> None:
    with world.server.client() as client:
        before = world.scrape()
        client.create_snapshot(display_name="figures", steering=steered(client))
        client.activate_snapshot("figures", reason="to be seen")
        events = list(client.chat(user("What is the warranty?"), sampling=Sampling(max_tokens=12)))
        client.rollback(reason="seen")
    finished = next(event for event in events if isinstance(event, ReplyFinished))
    after = world.scrape()

    def grown(name: str, **labels: str) -> float:
        key = frozenset(labels.items())
        return after[name][key] - before.get(name, {}).get(key, 0.0)

    assert grown("trimtab_generation_tokens_total") == finished.usage.reply_tokens
    assert grown("trimtab_prompt_tokens_total") == finished.usage.prompt_tokens
    assert grown("trimtab_time_to_first_token_seconds_count") == 1
    # The second token may come in the step of the first; only steps are timed.
    gaps = finished.usage.reply_tokens - 1
    assert grown("trimtab_inter_token_latency_seconds_count") in (gaps - 1, gaps)
    assert grown("trimtab_steered_requests_total", mode="steered") == 1
    assert after["trimtab_steering_applications_missed_total"][frozenset()] == 0
    assert grown("trimtab_rpc_requests_total", method="ChatService/Chat", code="OK") == 1
    default = {"deployment": "default"}
    assert grown("trimtab_revisions_total", kind="rollback", **default) == 1
    assert grown("trimtab_active_revision", **default) == 2
    [slots] = after["trimtab_slots"].values()
    assert slots == 16


def test_every_name_in_a_rule_is_a_figure_of_a_real_server_and_every_runbook_section_exists(
    world: World,
) -> None:
    known = set(world.scrape()) | {"up"}
    # A counter that never counted has no sample; its family is there without the suffix.
    known |= {f"{name}_total" for name in known}
    runbook = (ROOT / "docs/operators/runbook.md").read_text()
    sections = {
        re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", runbook, re.MULTILINE)
    }
    rules = yaml.safe_load((ROOT / "packaging/alertmanager/trimtab-rules.yml").read_text())
    named = set()
    for rule in rules["groups"][0]["rules"]:
        names = set(re.findall(r"\b(?:trimtab_\w+|up|process_\w+)\b", rule["expr"]))
        assert names, rule["alert"]
        named |= names
        assert rule["labels"]["severity"] in ("critical", "warning")
        path, _, section = rule["annotations"]["runbook"].partition("#")
        assert path == "docs/operators/runbook.md"
        assert section in sections, f"{rule['alert']}: the runbook has no section {section}"
    assert named <= known, named - known
    assert len(named) > 12


def test_every_figure_is_explained_and_nothing_else_is(world: World) -> None:
    text = (ROOT / "docs/operators/metrics.md").read_text()
    explained = {name.removesuffix("_total") for name in re.findall(r"`(trimtab_\w+)`", text)}
    families = text_string_to_metric_families(world.metrics_text())
    served = {family.name for family in families if family.name.startswith("trimtab")}
    assert explained == served


def test_no_label_has_a_value_that_a_caller_chose(world: World) -> None:
    with world.server.client() as client:
        for number in range(30):
            with pytest.raises(TrimtabError):
                client.snapshot(f"snapshots/nosuch{number}")
    before = len(world.metrics_text().splitlines())
    with world.server.client() as client:
        for number in range(30):
            with pytest.raises(TrimtabError):
                client.snapshot(f"snapshots/another{number}")
            list(client.chat(user(f"{number}?"), sampling=Sampling(max_tokens=1), session_id=f"s{number}"))
    # At most the few series of a code or a reason that were not there before.
    assert len(world.metrics_text().splitlines()) - before < 30


def test_a_rollback_is_told_while_the_receiver_is_slow_and_nobody_waits_for_it(world: World) -> None:
    """The receiver takes no alert until the replies after the rollback have come."""
    until(lambda: not world.receiver.gate.is_set() or world.receiver.taken)
    world.receiver.gate.clear()
    try:
        with world.server.client() as client:
            client.create_snapshot(display_name="slow", steering=Steering(system_prompt="Be slow."))
            client.activate_snapshot("slow", reason="to be undone")
            told = len(world.receiver.taken)
            revisions = [client.rollback(reason=f"number {n}", unsteered=True) for n in range(10)]
            for _ in range(3):
                list(client.chat(user("Hello?"), sampling=Sampling(max_tokens=4)))
            assert len(world.receiver.taken) == told
            assert revisions[-1].snapshot_display_name == "unsteered"
    finally:
        world.receiver.gate.set()
    until(lambda: sum("number" in p.body["attachments"][0]["text"] for p in world.receiver.taken) == 10)


def test_a_reply_is_traced_with_what_steered_it(world: World) -> None:
    with world.server.client() as client:
        client.create_snapshot(display_name="traced", steering=Steering(system_prompt="Be traced."))
        revision = client.activate_snapshot("traced", reason="to be traced")
        finished = [
            event
            for event in client.chat(user("How long is the warranty?"), sampling=Sampling(max_tokens=5))
            if isinstance(event, ReplyFinished)
        ]
    model = client_model(world)
    until(lambda: revision.snapshot.removeprefix("snapshots/") in snapshots_of(world, f"chat {model}"))
    [span] = [
        span
        for span in world.collector.named(f"chat {model}")
        if attributes(span)["steer.snapshot"] == revision.snapshot.removeprefix("snapshots/")
    ]
    facts = attributes(span)
    assert facts["gen_ai.request.model"] == model
    assert facts["gen_ai.usage.output_tokens"] == finished[0].usage.reply_tokens
    assert facts["gen_ai.usage.input_tokens"] == finished[0].usage.prompt_tokens
    assert facts["steer.revision"] == revision.number
    calls = {call.span_id: call for call in world.collector.named("ChatService/Chat")}
    call = calls[span.parent_span_id]
    logged = {line["log_id"] for line in world.log if line["event"] == "call"}
    assert attributes(call)["trimtab.log_id"] in logged


def client_model(world: World) -> str:
    with world.server.client() as client:
        return client.models()[0].name.removeprefix("models/")


def attributes(span: Any) -> dict[str, Any]:
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value")
        for pair in span.attributes
    }


def snapshots_of(world: World, name: str) -> set[str]:
    return {attributes(span)["steer.snapshot"] for span in world.collector.named(name)}


def test_what_was_said_is_nowhere_but_on_the_wire(world: World) -> None:
    """Canary words in prompts, lanes, sessions, broken calls and tokens: none in logs, store, figures, traces."""
    with world.server.client() as client:
        texts = [
            event.text
            for event in client.chat(
                [Message(Role.SYSTEM, CANARIES["system"]), *user(f"Repeat: {CANARIES['prompt']}")],
                sampling=Sampling(max_tokens=16),
                session_id=CANARIES["session"],
            )
            if isinstance(event, ReplyDelta)
        ]
        assert texts
        lanes = [
            Lane(name, tuple(user(CANARIES["lane"])), Inline(Steering(system_prompt=CANARIES["lane"])))
            for name in ("a", "b")
        ]
        list(client.compare(lanes, sampling=Sampling(max_tokens=4)))
        with pytest.raises(TrimtabError):
            list(client.chat(user(CANARIES["broken"] * 4_000)))
        with pytest.raises(TrimtabError):
            list(client.chat(user(CANARIES["broken"]), sampling=Sampling(temperature=-1)))
    with world.server.client(f"tt_0123456789ab_{CANARIES['token']}") as stranger, pytest.raises(TrimtabError):
        stranger.server_info()
    until(lambda: len(world.collector.named("ChatService/Compare")) >= 1)
    secrets = [*CANARIES.values(), world.server.token.split("_", 2)[2]]
    places: dict[str, bytes] = {
        "log": world.server.log.read_bytes(),
        "metrics": world.metrics_text().encode(),
        "traces": b"".join(world.collector.raw),
        "alerts": json.dumps([posted.body for posted in world.receiver.taken]).encode(),
    }
    for path in world.server.data_dir.rglob("*"):
        if path.is_file() and path.name != "token":
            places[str(path.relative_to(world.server.data_dir))] = path.read_bytes()
    assert "trimtab.db" in places and "trimtab.db-wal" in places
    found = [
        (where, secret)
        for where, content in places.items()
        for secret in secrets
        if secret.encode() in content
    ]
    assert found == []


def test_sigterm_in_the_middle_of_streams_lets_every_one_end_and_says_not_serving(world: World) -> None:
    ended: list[ReplyFinished] = []
    begun = threading.Semaphore(0)

    def stream(client: Client, seed: int) -> None:
        hot = Sampling(temperature=5, max_tokens=400, seed=seed)
        for number, event in enumerate(client.chat(user("Tell me a story."), sampling=hot)):
            if number == 1:
                begun.release()
            if isinstance(event, ReplyFinished):
                ended.append(event)

    with world.server.client() as client, grpc.insecure_channel(world.server.target) as channel:
        watched = health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(service="trimtab.v1.ChatService")
        )
        assert next(watched).status == health_pb2.HealthCheckResponse.SERVING
        threads = [threading.Thread(target=stream, args=(client, seed)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for _ in threads:
            assert begun.acquire(timeout=30)
        world.server.process.terminate()
        assert next(watched).status == health_pb2.HealthCheckResponse.NOT_SERVING
        for thread in threads:
            thread.join(60)
    assert len(ended) == 8
    assert {str(event.reason) for event in ended} <= {"length", "stop"}
    assert world.server.stop() == 0
    assert [line["drained"] for line in world.log if line["event"] == "stopped"] == [True]


def test_an_unclean_end_is_told_at_the_next_start_and_a_clean_one_is_not(world: World) -> None:
    def restarts() -> int:
        return sum(posted.event["kind"] == "server_restart" for posted in world.receiver.taken)

    options = ("--no-auto-canary", "--alert-webhook", world.receiver.url)
    server = ServerProcess(world.server.data_dir, *options)
    with server.client() as client:
        client.rollback(reason="only to be told", unsteered=True)
    until(lambda: "only to be told" in world.receiver.taken[-1].body["attachments"][0]["text"])
    assert restarts() == 0, "the server before this one ended as it should"
    server.kill()
    server = ServerProcess(world.server.data_dir, *options)
    until(lambda: restarts() == 1)
    assert server.stop() == 0
