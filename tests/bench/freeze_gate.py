"""The window must not freeze, lose sight of its server, or grow: every timed promise of the client, measured.

Run by its own make target, on a machine that does nothing else; it measures time, so it is no part of `make test`:

    python tests/bench/freeze_gate.py [--seconds 30] [--only streams,burst] [--json]

`TRIMTAB_FREEZE_WHY=1` explains the longest gaps on standard error.

Exits non-zero when a limit is broken. Each part runs in a process of its own, and so does the server it talks to.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from math import nan
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
TESTS = Path(__file__).resolve().parents[1]
sys.path.extend([str(TESTS / "bench"), str(TESTS), str(TESTS / "gui"), str(TESTS / "e2e")])

from freeze.line import Line  # noqa: E402  (found through the path above)

#: A part hung when it takes longer than this.
PART_SECONDS = 3600
PARTS = ("streams", "burst", "chat", "trial", "plots", "loss", "hour")


def measure(part: str, seconds: float, share: float) -> list[Line]:
    """Runs one part in this process."""
    # Each with no more than it needs: one of them measures memory.
    match part:
        case "streams":
            from freeze.streams import streams

            return streams(seconds)
        case "burst":
            from freeze.streams import burst

            return burst()
        case "chat":
            from freeze.long_chat import long_chat

            return long_chat()
        case "trial":
            from freeze.trial_table import trial_table

            return trial_table()
        case "plots":
            from freeze.plots import plots

            return plots()
        case "loss":
            from freeze.loss import loss

            return loss()
        case "hour":
            from freeze.hour import hour

            return hour(share)
        case _:
            raise ValueError(f"no such part: {part}")


def apart(part: str, seconds: float, share: float) -> list[Line]:
    """Runs one part in a process of its own."""
    command = [sys.executable, __file__, "--part", part, "--seconds", str(seconds), "--share", str(share)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=PART_SECONDS, check=False)
    if done.returncode != 0:
        return [Line(part, nan, "", 0.0, ok=False, note=f"ended with {done.returncode}")]
    return [Line(**line) for line in json.loads(done.stdout)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0, help="how long the two lanes stream")
    parser.add_argument("--share", type=float, default=1.0, help="of the hour's tokens and samples")
    parser.add_argument("--only", default="", help=f"parts, comma-separated: {', '.join(PARTS)}")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        from freeze.serving import serve

        serve(options.serve)
        return 0
    if options.part:
        json.dump(
            [line.to_json() for line in measure(options.part, options.seconds, options.share)], sys.stdout
        )
        return 0
    wanted = options.only.split(",") if options.only else PARTS
    unknown = sorted(set(wanted) - set(PARTS))
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    lines: list[Line] = []
    for part in wanted:
        told = apart(part, options.seconds, options.share)
        lines += told
        if not options.json:
            print("\n".join(line.text() for line in told), flush=True)
    ok = all(line.ok for line in lines)
    if options.json:
        print(json.dumps({"ok": ok, "lines": [line.to_json() for line in lines]}, allow_nan=False))
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
