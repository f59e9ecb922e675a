"""Part of row 5: a candidate whose reply shows a fault gets no traffic any more within a second of that reply."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from server_process import ServerProcess
from trimtab_client import AsyncClient, Message, ReplyFinished, Role, Sampling, Steering, SteeringTerm
from trimtab_client.rollout_types import PlanFile, RolloutState
from trimtab_client.types import FinishReason

from promises.latency import quantile
from promises.plans import TRAFFIC_ALONE
from promises.row import Row, upper_bound
from promises.traffic import UNLIMITED, one_reply

LIMIT_MS = 1_000.0
#: At full strength in four blocks the embedded model ends in loops.
OVERDOSE = (1.0, (1, 2, 3, 4))
REPLY_TOKENS = 96
#: Replies of the candidate within which one runs into a loop.
MOST_REPLIES = 40


async def overdosed(client: AsyncClient) -> str:
    """The name of a snapshot that breaks the model."""
    stage = (await client.models())[0].default_stage
    vector = next(v for v in await client.vectors() if v.suggested_strength > 0)
    strength, layers = OVERDOSE
    steering = Steering(stage, (SteeringTerm(vector.name, strength, layers=layers),))
    return (await client.create_snapshot(steering, display_name="overdosed")).name


async def breach(client: AsyncClient, candidate: str, number: int) -> float:
    """Milliseconds from the end of the first looping reply until the candidate has no traffic.

    Raises: AssertionError: it still has after the limit, or no reply ever looped.
    """
    await client.rollouts.create(candidate, PlanFile(TRAFFIC_ALONE, "toml"), reason="promise")
    await client.rollouts.start()
    for attempt in range(MOST_REPLIES):
        session = f"breach {number} {attempt}"
        looped = await _looped(client, session)
        ended = time.perf_counter()
        if not looped:
            continue
        milliseconds = 0.0
        while milliseconds <= LIMIT_MS:
            rollout = await client.rollouts.get()
            milliseconds = (time.perf_counter() - ended) * 1e3
            if rollout.state is RolloutState.FAILED and rollout.weight == 0:
                again = await one_reply(client, max_tokens=1, session=session)
                assert again.arm != "candidate" and again.snapshot != candidate, "its session still gets it"
                return milliseconds
            await asyncio.sleep(0.005)
        raise AssertionError(f"a second after a looping reply the rollout is {rollout.state}")
    raise AssertionError(f"no reply of {MOST_REPLIES} ran into a loop")


async def _looped(client: AsyncClient, session: str) -> bool:
    """Asks once; whether the candidate answered and ran into its limit, as it does in a loop."""
    sampling = Sampling(max_tokens=REPLY_TOKENS)
    async for event in client.chat(
        [Message(Role.USER, "What does the warranty cover?")], session_id=session, sampling=sampling
    ):
        if isinstance(event, ReplyFinished):
            return event.steering.arm == "candidate" and event.reason is FinishReason.LENGTH
    raise AssertionError("a reply ended without its last message")


async def measure(server: ServerProcess, count: int) -> Row:
    delays: list[float] = []
    failed: list[str] = []
    async with AsyncClient(server.target, server.token) as client:
        candidate = await overdosed(client)
        for number in range(count):
            try:
                delays.append(await breach(client, candidate, number))
            except AssertionError as error:
                failed.append(str(error))
                rollout = await client.rollouts.get()
                if rollout.state.in_force:
                    await client.rollouts.abort(reason="a failed trial")
    p99 = quantile(delays, 0.99) if delays else 10 * LIMIT_MS
    n = len(delays) + len(failed)
    words = "A fault in a candidate's reply, ms until it has no traffic (p99)"
    bound = upper_bound(len(failed), n)
    return Row(5, words, n, len(failed), bound, p99, LIMIT_MS, not failed, note="; ".join(failed[:2]))


def row(folder: Path, count: int) -> Row:
    server = ServerProcess(folder / "breach", "--no-auto-canary", *UNLIMITED)
    try:
        return asyncio.run(measure(server, count))
    finally:
        server.stop()
