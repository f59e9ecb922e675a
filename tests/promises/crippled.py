"""Part of row 5: rollback and abort with the monitors and the judge dead, and with the disk full.

`python -m promises.crippled FOLDER COUNT` measures the latter; it mounts a small disk on FOLDER, so it runs in a
mount namespace of its own (`unshare`).
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

from server_process import ServerProcess
from trimtab_client import AsyncClient, InFlight, TrimtabError
from trimtab_client.rollout_types import PlanFile, RolloutState

from promises.child import environment
from promises.plans import TRAFFIC_ALONE
from promises.row import Row, upper_bound
from promises.settings_server import SettingsServer
from promises.undoing import Undone, asking, at_once, row_of, two_snapshots, undo, undo_often

LIMIT_MS = 250.0
#: Seconds in which a server notices that nobody judges a rollout.
NOTICED_SECONDS = 5.0
DISK_MIB = 96


async def abort_often(client: AsyncClient, candidate: str, count: int) -> list[str]:
    """Starts a rollout that nobody judges and aborts it, so many times; what went wrong.

    The first is left alone until the server has noticed, which pauses it.
    """
    wrong = []
    for number in range(count):
        await client.rollouts.create(candidate, PlanFile(TRAFFIC_ALONE, "toml"), reason="promise")
        await client.rollouts.start()
        if number == 0 and not await paused(client):
            wrong.append(f"nobody judges the rollout and after {NOTICED_SECONDS} s it is not paused")
        await client.rollouts.abort(reason="promise")
        rollout = await client.rollouts.get()
        if rollout.state.in_force or rollout.weight:
            wrong.append(f"after its abort it is {rollout.state} with weight {rollout.weight}")
    return wrong


async def paused(client: AsyncClient) -> bool:
    """Whether the rollout in force is paused before long."""
    for _ in range(round(NOTICED_SECONDS / 0.05)):
        if (await client.rollouts.get()).state is RolloutState.PAUSED:
            return True
        await asyncio.sleep(0.05)
    return False


async def with_dead_parts(server: ServerProcess, count: int) -> list[Row]:
    async with AsyncClient(server.target, server.token) as client:
        names = await two_snapshots(client)
        done, failed = await undo_often(client, names, count, InFlight.FINISH, at_once, asking(client))
        wrong = await abort_often(client, names[1], count)
    return [
        row_of("Rollback with monitors and judge dead, ms to the first token (p99)", done, failed, LIMIT_MS),
        Row.of_trials(5, "Aborts with monitors and judge dead", count, len(wrong), note="; ".join(wrong[:2])),
    ]


def dead_parts(folder: Path, count: int) -> list[Row]:
    server = SettingsServer(folder / "dead", dead=("monitors", "judge"), requests_per_minute=0)
    try:
        return asyncio.run(with_dead_parts(server, count))
    finally:
        server.stop()


def full_disk(folder: Path, count: int) -> Row:
    """Measured by a process that may mount a disk. Raises: RuntimeError: it could not."""
    folder.mkdir()
    command = ("unshare", "--map-root-user", "--mount", sys.executable, "-m", "promises.crippled")
    done = subprocess.run(
        [*command, str(folder), str(count)], capture_output=True, text=True, env=environment()
    )
    if done.returncode:
        raise RuntimeError(
            f"rollback on a full disk needs unshare and a user namespace; it ended with {done.returncode}: "
            f"{done.stderr[-1_500:]}"
        )
    return Row.from_json(json.loads(done.stdout.splitlines()[-1]))


def fill(folder: Path) -> Path:
    """A file that takes all the space there is."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 16, 1 << 12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return ballast


async def on_a_full_disk(server: ServerProcess, folder: Path, count: int) -> Row:
    done: list[Undone] = []
    failed: list[str] = []
    refused = 0
    async with AsyncClient(server.target, server.token) as client:
        good, bad = await two_snapshots(client)
        for _ in range(count):
            await client.activate_snapshot(bad, reason="to be undone")
            ballast = fill(folder)
            try:
                done.append(await undo(client, good, InFlight.FINISH, asking(client)))
                # What adds to the store is refused, with a reason, and is not half done.
                await client.create_snapshot((await client.deployment()).active_snapshot.steering)
            except TrimtabError as error:
                refused += error.reason == "STORE_FULL"
                if error.reason != "STORE_FULL":
                    failed.append(str(error))
            except AssertionError as error:
                failed.append(str(error))
            finally:
                ballast.unlink()
            await held_again(folder)
    row = row_of("Rollback with the disk full, ms to the first token (p99)", done, failed, LIMIT_MS)
    n, failures = count, len(failed) + (count - len(done) - len(failed))
    return Row(
        **{
            **vars(row),
            "n": n,
            "failures": failures,
            "bound": upper_bound(failures, n),
            "ok": row.ok and len(done) == count,
            "note": f"{row.note}; {refused} other changes refused",
        }
    )


async def held_again(folder: Path) -> None:
    """Waits until the server holds space in reserve again, as it does soon after there is some."""
    for _ in range(1_500):
        if (folder / "data" / "reserve").exists():
            return
        await asyncio.sleep(0.02)


def main() -> None:
    folder, count = Path(sys.argv[1]), int(sys.argv[2])
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "tmpfs", str(folder)], check=True)
    os.environ["TMPDIR"] = str(folder)
    server = ServerProcess(folder / "data", "--no-auto-canary", "--requests-per-minute", "0")
    try:
        row = asyncio.run(on_a_full_disk(server, folder, count))
    finally:
        server.stop()
    print(json.dumps(row.to_json()))


if __name__ == "__main__":
    main()
