"""Row 8. Slow clients do no harm: beside 400 half-open connections and 60 streams that nobody reads, p99 of honest
calls stays below 100 ms, and all of them are gone within 8 s."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from server_process import ServerProcess
from trimtab_client import AsyncClient
from trimtab_protos.v1 import chat_pb2, monitor_pb2, steering_pb2

from promises.gauges import free_port, gauges, seconds_until_free
from promises.half_open import BEGINNINGS, closed_call, silent
from promises.honest import Honest, call_honestly
from promises.row import Profile, Row
from promises.traffic import UNLIMITED, in_background

RUNS = {"ci": 1, "release": 10}
HALF_OPEN = 400
UNREAD = 60
GONE_SECONDS = 8.0
LIMIT_MS = 100.0
#: The honest client's own calls that may be under way while the others are counted.
HONEST_CALLS = 1.0


def unread_calls(token: str, stage: str) -> list[bytes]:
    """Chats, watches, and calls that never send their request, in turn, as bytes of a connection."""
    chat = chat_pb2.ChatRequest(
        messages=[chat_pb2.Message(role=chat_pb2.ROLE_USER, content="Tell me about your products.")],
        source=chat_pb2.SteeringSource(unsteered_stage=stage),
        sampling=steering_pb2.Sampling(temperature=1.5, max_tokens=200),
    ).SerializeToString()
    watch = monitor_pb2.WatchRequest(history=5_000).SerializeToString()
    calls = (("ChatService/Chat", chat), ("MonitorService/Watch", watch), ("ChatService/Compare", None))
    return [
        closed_call(f"/trimtab.v1.{path}", token, message)
        for path, message in (calls[number % len(calls)] for number in range(UNREAD))
    ]


async def crowd(server: ServerProcess, port: int) -> tuple[list[Row], Honest]:
    """One run: everybody comes, falls silent, and is watched until gone."""
    honest = Honest()
    async with AsyncClient(server.target, server.token) as client:
        stage = (await client.deployment()).active_snapshot.steering.stage
        async with in_background(call_honestly(client, honest, stage)):
            half = await asyncio.gather(
                *(silent(server.target, BEGINNINGS[n % len(BEGINNINGS)]) for n in range(HALF_OPEN))
            )
            unread = await asyncio.gather(
                *(silent(server.target, call) for call in unread_calls(server.token, stage))
            )
            begin = time.perf_counter()
            await asyncio.sleep(0.5)
            peak = (await asyncio.to_thread(gauges, port))["trimtab_rpc_running"]
            closed = await asyncio.gather(*(one.closed_after(GONE_SECONDS) for one in half))
            left = max(0.0, begin + GONE_SECONDS - time.perf_counter())
            _, held = await seconds_until_free(port, left, HONEST_CALLS)
            streams_gone = time.perf_counter() - begin
        for one in (*half, *unread):
            await one.close()
        await client.server_info()
    stayed = sum(1 for seconds in closed if seconds is None)
    slowest = max((seconds for seconds in closed if seconds is not None), default=GONE_SECONDS)
    rows = [
        Row.of_trials(
            8, "Half-open connections are gone within 8 s", HALF_OPEN, stayed, note=f"slowest {slowest:.1f} s"
        ),
        Row.of_trials(
            8,
            "Unread streams are gone within 8 s",
            UNREAD,
            min(UNREAD, len(held) and UNREAD),
            note="; ".join([f"{peak:.0f} at the peak, gone after {streams_gone:.1f} s", *held]),
        ),
    ]
    if peak < UNREAD:
        rows.append(Row.of_trials(8, "The unread streams were really open", UNREAD, UNREAD - int(peak)))
    return rows, honest


def run(profile: Profile, seed: int) -> Row:
    port = free_port()
    parts: list[Row] = []
    everyone = Honest()
    with tempfile.TemporaryDirectory() as folder:
        options = ("--no-auto-canary", "--metrics-port", str(port), *UNLIMITED)
        server = ServerProcess(Path(folder) / "data", *options)
        try:
            for _ in range(RUNS[profile]):
                rows, honest = asyncio.run(crowd(server, port))
                parts += rows
                everyone.reads += honest.reads
                everyone.first_tokens += honest.first_tokens
                everyone.failures += honest.failures
        finally:
            server.stop()
    parts.append(everyone.row(8, "Honest calls beside slow clients, ms (p99)", LIMIT_MS))
    return Row.of_parts(8, "Slow clients do no harm", parts)
