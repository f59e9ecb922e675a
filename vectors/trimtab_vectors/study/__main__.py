"""`python -m trimtab_vectors.study`: run a study where the science extra is all there is.

`trimtab study` does the same with progress bars.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from trimtab_vectors.study.estimate import estimate
from trimtab_vectors.study.plan import StudyError
from trimtab_vectors.study.runner import StudyProgress, run_study, study_status
from trimtab_vectors.study.study import open_study
from trimtab_vectors.study.summary import summarise

#: A line of progress at most this often, in seconds.
_EVERY = 5.0


class _Lines:
    """Progress as lines on standard error."""

    def __init__(self) -> None:
        self.last, self.phase = 0.0, ""

    def __call__(self, progress: StudyProgress) -> None:
        now = time.monotonic()
        if now - self.last >= _EVERY or progress.phase != self.phase or progress.done == progress.total:
            self.last, self.phase = now, progress.phase
            left = "" if progress.seconds_left is None else f", {progress.seconds_left:.0f} s left"
            print(f"{progress.phase}: {progress.done}/{progress.total}{left}", file=sys.stderr, flush=True)


def _run(given: argparse.Namespace) -> dict[str, Any]:
    devices = given.devices.split(",")
    study = open_study(given.plan, given.out)
    command = f"study run {given.plan.name} --devices {given.devices} --workers {given.workers}"
    done = run_study(study, devices=devices, workers=given.workers, progress=_Lines(), command=command)
    summary = summarise(study)
    return {
        "computed": done.computed,
        "found": done.found,
        "seconds": done.seconds,
        "planted_window": summary.planted_window,
        "planted_null": summary.planted_null,
        "summary": str(given.out / "summary.json"),
    }


def _plan(given: argparse.Namespace) -> dict[str, Any]:
    study = open_study(given.plan, given.plan.parent)
    found = estimate(study, device=given.devices.split(",")[0], workers=given.workers)
    return {
        "name": study.plan.name,
        "hash": study.plan.hash,
        "runs": [r.name for r in study.runs],
        **found.as_dict(),
    }


def _status(given: argparse.Namespace) -> dict[str, Any]:
    return study_status(given.out).as_dict()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m trimtab_vectors.study", description="Run a study of stages."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("run", "plan"):
        command = commands.add_parser(name)
        command.add_argument("plan", type=Path)
        command.add_argument("--devices", default="cpu", help="cpu, cuda:0 or a list such as cuda:0,cuda:1")
        command.add_argument("--workers", type=int, default=1)
        if name == "run":
            command.add_argument("--out", type=Path, required=True)
    commands.add_parser("status").add_argument("out", type=Path)
    given = parser.parse_args()
    commands_by_name = {"run": _run, "plan": _plan, "status": _status}
    try:
        print(json.dumps(commands_by_name[given.command](given), ensure_ascii=False))
    except (StudyError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
