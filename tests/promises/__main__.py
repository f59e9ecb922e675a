"""`python -m promises --profile ci`: measures every promise, writes promises.json, exits 0 if all hold."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from promises.child import environment
from promises.row import Row
from promises.seeds import keep_seeds
from promises.table import PROMISES, SCRATCH, SOAK, printed, promise_of

#: Seconds after which a promise that is still being measured counts as broken.
LONGEST = {"ci": 30 * 60, "release": 6 * 3600}

#: Rows that are measured at once when none of them measures times: the soak, and two of the others.
SIDE_BY_SIDE = 3


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m promises", description=__doc__)
    parser.add_argument("--profile", choices=tuple(LONGEST), default="ci")
    parser.add_argument("--seed", type=int, default=1, help="of every trial; printed and kept in the result")
    parser.add_argument("--rows", type=_rows, default=[promise.id for promise in PROMISES], help="1,4,7")
    parser.add_argument("--out", type=Path, default=Path("promises.json"))
    return parser.parse_args(arguments)


def _rows(text: str) -> list[int]:
    try:
        return [promise_of(int(part)).id for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; give numbers such as 1,4,7") from error


def measured(id: int, profile: str, seed: int) -> Row:
    """One promise in a process of its own; one that ended without a result is broken."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "row.json"
        command = [sys.executable, "-m", "promises.single", str(id), profile, str(seed), str(result)]
        try:
            status = subprocess.run(
                command, timeout=LONGEST[profile], stdout=sys.stderr, env=environment()
            ).returncode
        except subprocess.TimeoutExpired:
            return _without_result(id, seed, f"not done after {LONGEST[profile]} seconds")
        if not result.exists():
            return _without_result(id, seed, f"its process ended with status {status} and no result")
        return Row.from_json(json.loads(result.read_text()))


def _without_result(id: int, seed: int, note: str) -> Row:
    return Row(id, promise_of(id).words, 0, 0, 1.0, 1.0, 0.0, False, note=note, seeds=(seed,))


class Run:
    """The rows of one run, as they come in."""

    def __init__(self, profile: str, seed: int) -> None:
        self._profile = profile
        self._seed = seed
        self._rows: list[Row] = []
        self._telling = threading.Lock()

    @property
    def rows(self) -> list[Row]:
        return sorted(self._rows, key=lambda row: row.id)

    def measure(self, id: int) -> None:
        """Measures a row, says what came of it, and keeps the seeds of what failed."""
        self._say(f"row {id}: {promise_of(id).words} ...")
        row = measured(id, self._profile, self._seed)
        with self._telling:
            self._rows.append(row)
            new = keep_seeds(id, row.seeds) if not row.ok and row.n else []
        self._say(printed([row]).split("\n", 1)[1])
        if new:
            self._say(f"row {id}: kept the seeds of what failed: {new}")

    def _say(self, text: str) -> None:
        with self._telling:
            print(text, file=sys.stderr, flush=True)


def main() -> int:
    chosen = options()
    print(f"profile {chosen.profile}, seed {chosen.seed}", file=sys.stderr)
    run = Run(chosen.profile, chosen.seed)
    quiet = [id for id in chosen.rows if promise_of(id).quiet]
    others = [id for id in chosen.rows if id not in quiet and id != SOAK]
    beside = [id for id in chosen.rows if id == SOAK] + others
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(SIDE_BY_SIDE) as hands:
        os.environ[SCRATCH] = scratch
        for id in quiet:
            run.measure(id)
        for row in [hands.submit(run.measure, id) for id in beside]:
            row.result()
    told = {"profile": chosen.profile, "seed": chosen.seed, "rows": [row.to_json() for row in run.rows]}
    chosen.out.write_text(json.dumps(told, indent=1, allow_nan=False) + "\n")
    print(printed(run.rows))
    return 0 if all(row.ok for row in run.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
