"""`python -m promises --profile ci`: measures every promise, writes promises.json, exits 0 if all hold."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from promises.row import Row
from promises.seeds import keep_seeds
from promises.table import PROMISES, printed, promise_of

#: Seconds after which a promise that is still being measured counts as broken.
LONGEST = {"ci": 15 * 60, "release": 6 * 3600}


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
            status = subprocess.run(command, timeout=LONGEST[profile], stdout=sys.stderr).returncode
        except subprocess.TimeoutExpired:
            return _without_result(id, seed, f"not done after {LONGEST[profile]} seconds")
        if not result.exists():
            return _without_result(id, seed, f"its process ended with status {status} and no result")
        return Row.from_json(json.loads(result.read_text()))


def _without_result(id: int, seed: int, note: str) -> Row:
    return Row(id, promise_of(id).words, 0, 0, 1.0, 1.0, 0.0, False, note=note, seeds=(seed,))


def main() -> int:
    chosen = options()
    print(f"profile {chosen.profile}, seed {chosen.seed}", file=sys.stderr)
    rows = []
    for id in chosen.rows:
        print(f"row {id}: {promise_of(id).words} ...", file=sys.stderr, flush=True)
        row = measured(id, chosen.profile, chosen.seed)
        rows.append(row)
        print(printed([row]).split("\n", 1)[1], file=sys.stderr, flush=True)
        if not row.ok and row.n:
            new = keep_seeds(id, row.seeds)
            print(f"row {id}: failing seeds {list(row.seeds)}, new and kept: {new}", file=sys.stderr)
    told = {"profile": chosen.profile, "seed": chosen.seed, "rows": [row.to_json() for row in rows]}
    chosen.out.write_text(json.dumps(told, indent=1, allow_nan=False) + "\n")
    print(printed(rows))
    return 0 if all(row.ok for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
