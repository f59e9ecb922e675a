"""Row 14. Secrets and prompts stay out: canary strings in prompts, system messages, session ids and tokens are
nowhere in logs, database, blobs, metrics and traces."""

from __future__ import annotations

import base64
import contextlib
import random
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
from trimtab_client import Client, Lane, Message, Role, Sampling, TokenRole, TrimtabError
from trimtab_protos.v1 import chat_pb2

from promises.gauges import free_port
from promises.row import Profile, Row
from promises.settings_server import SettingsServer

#: Letters that no word of a log has; the seed makes them different in every run.
_LETTERS = "bcdfghjkmpqrstvwxz"
EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def canaries(seed: int) -> dict[str, str]:
    """What is said or shown where, each with a string of its own."""
    dice = random.Random(seed)
    places = (
        "system",
        "user",
        "assistant",
        "lane",
        "session",
        "undecodable",
        "token",
        "refused prompt",
        "stop",
    )
    return {place: "".join(dice.choices(_LETTERS, k=24)) for place in places}


def spellings(text: str) -> Iterator[bytes]:
    """The string as it might be written down."""
    raw = text.encode()
    yield raw
    yield raw.upper()
    yield raw.hex().encode()
    yield text.encode("utf-16-le")
    # Whatever stands before it, one of the three ways in which its middle falls into groups of three bytes.
    for before in range(3):
        coded = base64.b64encode(bytes(before) + raw)
        yield coded[4 : 4 * ((before + len(raw)) // 3)]


@contextlib.contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """A collector of traces on loopback: its endpoint, and everything it was sent."""
    received: list[bytes] = []

    class Handler(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
            if details.method != EXPORT:
                return None

            def export(raw: bytes, context: grpc.ServicerContext) -> bytes:
                received.append(raw)
                return b""

            return grpc.unary_unary_rpc_method_handler(export)

    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((Handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"http://127.0.0.1:{port}", received
    finally:
        server.stop(1).wait()


def say_everything(client: Client, target: str, said: Mapping[str, str], secret: str) -> int:
    """Every canary in its place, in calls that succeed and in calls that are refused; how many were made."""
    short = Sampling(max_tokens=6, stop=(said["stop"],))
    messages = [
        Message(Role.SYSTEM, f"You are {said['system']}."),
        Message(Role.USER, f"Hello, {said['user']} here."),
        Message(Role.ASSISTANT, f"Welcome {said['assistant']}."),
        Message(Role.USER, f"What does it cost, asks {said['user']}?"),
    ]
    lanes = [Lane(name, [Message(Role.USER, f"{said['lane']}?")]) for name in ("a", "b")]
    calls = 0
    for _ in range(12):
        list(client.chat(messages, sampling=short, session_id=said["session"]))
        list(client.compare(lanes, sampling=short, session_id=said["session"]))
        calls += 2
    refused = said["refused prompt"]
    attempts: list[dict[str, Any]] = [
        {"messages": [Message(Role.USER, refused * 4_000)]},
        {"messages": [Message(Role.USER, refused), Message(Role.SYSTEM, refused)]},
        {"messages": [Message(Role.USER, refused)], "sampling": Sampling(temperature=-1, stop=(refused,))},
        {"messages": [Message(Role.USER, refused)], "deployment": "nowhere"},
    ]
    for attempt in attempts:
        with contextlib.suppress(TrimtabError):
            list(client.chat(**attempt))
        calls += 1
    with grpc.insecure_channel(target) as channel:
        request = chat_pb2.ChatRequest(
            messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, content=said["undecodable"])]
        ).SerializeToString()
        for shown, raw in (
            (secret, request + b"\xff\xff"),
            (secret[:-1] + "~", request),
            (said["token"], request),
            (f"trimtab_000000000000_{said['token']}", request),
        ):
            metadata = (("authorization", f"Bearer {shown}"),)
            with contextlib.suppress(grpc.RpcError):
                list(channel.unary_stream("/trimtab.v1.ChatService/Chat")(raw, metadata=metadata, timeout=20))
            calls += 1
    return calls


def hits(said: Mapping[str, str], contents: Mapping[str, bytes]) -> list[str]:
    """Where a canary was found, in any spelling."""
    return [
        f"{place} in {name}"
        for place, text in said.items()
        for name, content in contents.items()
        if any(spelling in content for spelling in spellings(text))
    ]


def measure(folder: Path, seed: int) -> tuple[int, int, list[str], list[str]]:
    """Calls made, places looked into, what was found, and what shows that nothing was missed for want of looking."""
    said = canaries(seed)
    port = free_port()
    with collector() as (endpoint, traces):
        server = SettingsServer(
            folder / "data", metrics_port=port, otlp_endpoint=endpoint, log_level="DEBUG", auto_canary=True
        )
        try:
            with server.client() as admin:
                secret = admin.create_token("canaries", TokenRole.OPERATOR).secret
            with server.client(secret) as client:
                calls = say_everything(client, server.target, said, secret)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                metrics = answer.read()
        finally:
            server.stop()
    contents = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    contents |= {"metrics": metrics, "traces": b"".join(traces)}
    found = hits(said | {"secret": secret, "secret's end": secret.rpartition("_")[2]}, contents)
    blind = [
        complaint
        for complaint, isnt in (
            ("no trace came", not traces),
            ("the log has no calls", b"ChatService/Chat" not in contents["data.log"]),
            ("no reply was kept", len(contents["data/trimtab.db"]) < 10_000),
        )
        if isnt
    ]
    return calls, len(contents), found, blind


def run(profile: Profile, seed: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        calls, places, found, blind = measure(Path(folder), seed)
    bad = found + blind
    note = "; ".join([f"{calls} calls, {places} files and streams looked through", *bad[:4]])
    words = "Prompts and secrets stay out of logs, database and blobs"
    return Row.of_trials(14, words, calls, min(calls, len(bad)), note=note, seeds=[seed] if bad else [])
