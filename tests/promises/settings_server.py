"""A server started from settings that have no flag, or with a part of it dead from the start.

`python -m promises.settings_server SETTINGS_JSON [PART ...]`
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server_process import ServerProcess

from promises.child import environment


class SettingsServer(ServerProcess):
    """Like ServerProcess; `dead` are names of PARTS that fail as soon as they run."""

    def __init__(self, data_dir: Path, *, dead: tuple[str, ...] = (), **settings: Any) -> None:
        self.data_dir = data_dir
        self.log = data_dir.parent / f"{data_dir.name}.log"
        values = {"data_dir": str(data_dir), "auto_canary": False} | settings
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "promises.settings_server", json.dumps(values), *dead],
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment(OMP_NUM_THREADS="2"),
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline().decode()
        if not line.startswith("listening on "):
            self.kill()
            raise AssertionError(f"the server did not start:\n{self.log.read_text()[-3000:]}")
        self.target = line.removeprefix("listening on ").strip()


async def _fails(part: object) -> None:
    print(f"{type(part).__name__} is dead, for a test", file=sys.stderr, flush=True)
    raise RuntimeError("dead, for a test")


def _kill_feed() -> None:
    from trimtab_server.monitoring.feed import Feed

    Feed.run = _fails  # type: ignore[method-assign,assignment]


def _kill_judge() -> None:
    from trimtab_server.control.run import RolloutRun

    RolloutRun.run = _fails  # type: ignore[method-assign,assignment]


#: What can be dead: the thread of the monitors' samples, and the judge of rollouts.
PARTS: dict[str, Callable[[], None]] = {"monitors": _kill_feed, "judge": _kill_judge}


if __name__ == "__main__":
    from trimtab_server.serve import run
    from trimtab_server.settings import ServeSettings

    for part in sys.argv[2:]:
        PARTS[part]()
    sys.exit(run(ServeSettings(**json.loads(sys.argv[1]))))
