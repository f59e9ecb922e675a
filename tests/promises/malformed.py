"""Row 6. Malformed input never crashes the server and never slows honest clients: no UNKNOWN, no INTERNAL, no
status without a reason. Meanwhile p99 is at most 50 ms, of reads while messages come as quickly as one process can
send them, and of reads and first tokens while they come as quickly as one token may."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from server_process import ServerProcess
from trimtab_client import AsyncClient

from promises.child import environment
from promises.honest import Honest, call_honestly
from promises.row import Profile, Row
from promises.seeds import kept_seeds
from promises.traffic import UNLIMITED, in_background

MESSAGES = {"ci": 60_000, "release": 1_000_000}
FILES = {"ci": 10_000, "release": 10_000}
PACED = {"ci": 4_000, "release": 40_000}
LIMIT_MS = 50.0
#: Messages of one attacking process.
LOT = 20_000


async def attacked(server: ServerProcess, what: str, first: int, count: int) -> dict[str, Any]:
    """What came back from an attack in a process of its own. Raises: RuntimeError: the attack itself broke."""
    command = ("-m", "promises.attack", server.target, server.token, what, str(first), str(count))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    said, complaints = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the attack ended with {process.returncode}: {complaints.decode()[-1_000:]}")
    told: dict[str, Any] = json.loads(said)
    return told


async def under_attack(
    server: ServerProcess, what: str, lots: list[tuple[int, int]]
) -> tuple[list[dict[str, Any]], Honest]:
    """The attacks one after the other, and the honest client beside them."""
    honest = Honest()
    async with AsyncClient(server.target, server.token) as client:
        stage = (await client.deployment()).active_snapshot.steering.stage
        async with in_background(call_honestly(client, honest, stage)):
            told = [await attacked(server, what, first, count) for first, count in lots]
        await client.server_info()
    return told, honest


def lots_of(seed: int, count: int, lot: int = LOT) -> list[tuple[int, int]]:
    """First seed and number of each lot; seeds of different runs do not meet."""
    begin = seed * 10_000_000
    return [(begin + done, min(lot, count - done)) for done in range(0, count, lot)]


def defects_in(log: str) -> list[str]:
    """Lines of the server's log that tell of a defect of its own."""
    lines = (json.loads(line) for line in log.splitlines() if line.startswith("{"))
    return [
        " ".join([line["event"], line.get("method", ""), *line.get("traceback", "").splitlines()[-1:]])
        for line in lines
        if line["level"] in ("error", "critical") or "traceback" in line
    ]


def measured(what: str, name: str, lots: list[tuple[int, int]], folder: Path) -> list[Row]:
    """Two rows: what came back, and how the honest client fared."""
    server = ServerProcess(folder / what, "--no-auto-canary", *UNLIMITED)
    try:
        told, honest = asyncio.run(under_attack(server, what, lots))
        alive = server.process.poll() is None
    finally:
        status = server.stop() if server.process.poll() is None else -1
    bad = [one for lot in told for one in lot["bad"]]
    defects = defects_in(server.log.read_text())
    n = sum(lot["sent"] + lot.get("garbage", 0) for lot in told)
    rate = n / sum(lot["seconds"] for lot in told)
    failures = max(len(bad), len(defects)) + (0 if alive and status == 0 else 1)
    notes = [f"{rate:.0f}/s", *(f"{one['method']}: {one['what']}" for one in bad[:2]), *defects[:2]]
    if not alive or status:
        notes.append("the server died" if not alive else f"it ended with status {status}")
    answers = Row.of_trials(
        6, name, n, failures, note="; ".join(notes), seeds=[one["seed"] for one in bad][:20]
    )
    if what == "paced":
        return [
            answers,
            honest.row(6, "Honest calls beside messages at one token's pace, ms (p99)", LIMIT_MS),
        ]
    return [answers, honest.row(6, f"Honest reads beside {what}, ms (p99)", LIMIT_MS, honest.reads)]


def run(profile: Profile, seed: int) -> Row:
    again = [(kept, 1) for kept in kept_seeds(6)]
    with tempfile.TemporaryDirectory() as folder:
        parts = measured(
            "messages",
            "Wild messages and garbage connections get a reason",
            again + lots_of(seed, MESSAGES[profile]),
            Path(folder),
        )
        parts += measured(
            "files", "Wild vector files get a reason", lots_of(seed, FILES[profile]), Path(folder)
        )
        parts += measured(
            "paced",
            "Wild messages at one token's pace get a reason",
            lots_of(seed, PACED[profile]),
            Path(folder),
        )
    return Row.of_parts(6, "Malformed input crashes nothing and slows nobody", parts)
