"""What a client sees over a real socket: time to first token, gaps between tokens, rate, rollback.

The server runs in its own process, on the embedded model, on loopback. Closed loop: `CLIENTS` streams, each
starting its next reply when one ends. Rollbacks are timed on the idle server, from the call to its answer.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from trimtab_client import AsyncClient, Message, ReplyDelta, Role, Sampling

CLIENTS = 8
REPLIES_PER_CLIENT = 12
ROLLBACKS = 50


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50 and p99 in milliseconds (p99: the nearest rank)."""
    ordered = sorted(seconds)
    rank = max(0, -(-99 * len(ordered) // 100) - 1)
    return {"p50": statistics.median(ordered) * 1e3, "p99": ordered[rank] * 1e3}


@contextmanager
def server_process(data_dir: Path) -> Iterator[tuple[str, str]]:
    """Target and token of a fresh server, stopped at the end."""
    command = [
        sys.executable,
        "-m",
        "trimtab_server.cli.main",
        "--data-dir",
        str(data_dir),
        "serve",
        "--port",
        "0",
        "--no-auto-canary",
    ]
    with (
        (data_dir.parent / "server.log").open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline().decode()
        if not line.startswith("listening on "):
            raise RuntimeError(
                f"the server did not start: {(data_dir.parent / 'server.log').read_text()[-2000:]}"
            )
        try:
            yield line.removeprefix("listening on ").strip(), (data_dir / "token").read_text().strip()
        finally:
            process.terminate()


async def stream(client: AsyncClient, first: list[float], gaps: list[float], seed: int) -> int:
    """Runs one client's replies; returns its number of tokens."""
    tokens = 0
    sampling = Sampling(temperature=1.0, seed=seed, max_tokens=64)
    for _ in range(REPLIES_PER_CLIENT):
        last = time.perf_counter()
        fresh = True
        async for event in client.chat(
            [Message(Role.USER, "Tell me about your products.")], sampling=sampling
        ):
            if isinstance(event, ReplyDelta) and event.tokens:
                now = time.perf_counter()
                (first if fresh else gaps).append(now - last)
                fresh, last = False, now
                tokens += len(event.tokens)
    return tokens


async def measure(target: str, token: str) -> dict[str, object]:
    async with AsyncClient(target, token) as client:
        await stream(client, [], [], seed=0)  # warm up
        first: list[float] = []
        gaps: list[float] = []
        start = time.perf_counter()
        counts = await asyncio.gather(*(stream(client, first, gaps, seed=n) for n in range(CLIENTS)))
        seconds = time.perf_counter() - start
        vector = next(v for v in await client.vectors() if v.suggested_strength > 0)
        rollbacks = await time_rollbacks(client, vector.name)
    return {
        "ttft_ms": quantiles(first),
        "itl_ms": quantiles(gaps),
        "tokens_per_s": sum(counts) / seconds,
        "rollback_ms": quantiles(rollbacks),
    }


async def time_rollbacks(client: AsyncClient, vector: str) -> list[float]:
    """Seconds from call to acknowledgement, each after a fresh activation."""
    from trimtab_client import Steering, SteeringTerm

    stage = (await client.models())[0].default_stage
    steering = Steering(stage=stage, terms=(SteeringTerm(vector=vector, strength=0.1),))
    snapshot = await client.create_snapshot(display_name="bench", steering=steering)
    seconds = []
    for _ in range(ROLLBACKS):
        await client.activate_snapshot(snapshot.name)
        start = time.perf_counter()
        await client.rollback(reason="benchmark")
        seconds.append(time.perf_counter() - start)
    return seconds


def run() -> dict[str, object]:
    """The figures of `trimtab bench --suite rpc --json`."""
    with tempfile.TemporaryDirectory() as folder, server_process(Path(folder) / "data") as (target, token):
        return asyncio.run(measure(target, token))
