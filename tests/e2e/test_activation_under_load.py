"""Activating and rolling back while 32 clients stream: no error, one snapshot a reply, none late."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from server_process import ServerProcess
from trimtab_client import (
    AsyncClient,
    Client,
    Message,
    ReplyFinished,
    ReplyStarted,
    Role,
    Sampling,
    Steering,
    SteeringTerm,
)

CLIENTS = 32
SWITCHES = 24


@dataclass(frozen=True)
class Reply:
    sent: float
    started: ReplyStarted
    finished: ReplyFinished


@dataclass(frozen=True)
class Switch:
    acknowledged: float
    snapshot: str


def two_snapshots(client: Client) -> tuple[str, str]:
    """Names of a mildly and a fully steered snapshot of the shipped vector."""
    stage = client.models()[0].default_stage
    vector = next(v for v in client.vectors() if v.suggested_strength > 0)
    names = []
    for strength in (vector.suggested_strength, vector.suggested_strength / 4):
        term = SteeringTerm(vector=vector.name, strength=strength, layers=vector.suggested_layers)
        snapshot = client.create_snapshot(
            display_name=f"load-{strength:.4f}", steering=Steering(stage=stage, terms=(term,))
        )
        names.append(snapshot.name)
    return names[0], names[1]


async def stream_until(client: AsyncClient, stop: asyncio.Event, replies: list[Reply], number: int) -> None:
    while not stop.is_set():
        sent = time.monotonic()
        started: ReplyStarted | None = None
        messages = [Message(Role.USER, f"What is the warranty of product {number}?")]
        async for event in client.chat(messages, sampling=Sampling(max_tokens=24)):
            if isinstance(event, ReplyStarted):
                started = event
            elif isinstance(event, ReplyFinished):
                assert started is not None
                replies.append(Reply(sent, started, event))


async def switch(client: AsyncClient, names: tuple[str, str]) -> list[Switch]:
    switches = []
    for number in range(SWITCHES):
        if number % 3 == 2:
            revision = await client.rollback(reason="load test")
        else:
            revision = await client.activate_snapshot(names[number % 2])
        switches.append(Switch(time.monotonic(), revision.snapshot))
        await asyncio.sleep(0.15)
    return switches


async def load(server: ServerProcess, names: tuple[str, str]) -> tuple[list[Switch], list[Reply]]:
    replies: list[Reply] = []
    stop = asyncio.Event()
    async with AsyncClient(server.target, server.token) as client:
        streams = [asyncio.create_task(stream_until(client, stop, replies, n)) for n in range(CLIENTS)]
        switches = await switch(client, names)
        stop.set()
        await asyncio.gather(*streams)
    return switches, replies


def test_every_reply_names_one_snapshot_and_none_older_than_the_last_acknowledgement(
    server: ServerProcess, client: Client
) -> None:
    names = two_snapshots(client)
    client.activate_snapshot(names[0])
    switches, replies = asyncio.run(load(server, names))

    assert len(replies) > CLIENTS, "the load never got going"
    assert len({reply.started.steering.snapshot for reply in replies}) >= 2, "the switches never showed"
    for reply in replies:
        assert reply.started.steering == reply.finished.steering
        acknowledged_before = [s for s in switches if s.acknowledged < reply.sent]
        if not acknowledged_before:
            continue
        allowed = {acknowledged_before[-1].snapshot} | {
            s.snapshot for s in switches if s.acknowledged >= reply.sent
        }
        assert reply.started.steering.snapshot in allowed
