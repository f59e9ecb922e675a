"""Replies made once a run, and the material that simulated rollouts are drawn from."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trimtab_server.rollouts.simulation import CanaryRow, Material

from promises.material import KINDS, Answer, Answers, Bench, Dose
from promises.row import Profile
from promises.table import SCRATCH

#: Canaries of each kind, prompts of live traffic.
QUESTIONS: dict[Profile, tuple[int, int]] = {"ci": (30, 16), "release": (120, 60)}


@dataclass(frozen=True)
class Made:
    """A configuration's name, and what it answered."""

    name: str
    answers: Answers


def made(
    profile: Profile,
    seed: int,
    what: str,
    doses: Callable[[Bench], Sequence[Dose]],
    enough: Callable[[Sequence[Made]], bool] = lambda done: False,
) -> list[Made]:
    """What the good vector answered (first), and each of the configurations, until there are enough of them; kept
    for other rows of this run."""
    scratch = os.environ.get(SCRATCH, "")
    if not scratch:
        return _ask(profile, seed, what, doses, enough)
    path = Path(scratch) / f"replies-{profile}-{seed}-{what}.json"
    with path.open("a+") as file:
        # Another row may be asking them now: wait for it, they are the same.
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if text := file.read():
            return [_read(one) for one in json.loads(text)]
        done = _ask(profile, seed, what, doses, enough)
        json.dump([asdict(one) for one in done], file)
        return done


def _read(kept: Mapping[str, Any]) -> Made:
    canaries = {kind: _answers(found) for kind, found in kept["answers"]["canaries"].items()}
    return Made(kept["name"], Answers(canaries, _answers(kept["answers"]["live"])))


def _answers(kept: Sequence[Mapping[str, Any]]) -> tuple[Answer, ...]:
    return tuple(Answer(one["outcome"], one["signals"], tuple(one["faults"])) for one in kept)


def _ask(
    profile: Profile,
    seed: int,
    what: str,
    doses: Callable[[Bench], Sequence[Dose]],
    enough: Callable[[Sequence[Made]], bool],
) -> list[Made]:
    bench = Bench(*QUESTIONS[profile], seed)
    try:
        begin = time.monotonic()
        asked = [bench.recommended, *doses(bench)]
        done = []
        for number, dose in enumerate(asked, 1):
            done.append(Made(dose.name, bench.answers(dose)))
            if enough(done):
                break
            if number % 10 == 0:
                seconds = time.monotonic() - begin
                print(
                    f"replies of {what}: {number} of {len(asked)} configurations in {seconds:.0f} s",
                    file=sys.stderr,
                )
    finally:
        bench.close()
    return done


def material_of(stable: Answers, candidate: Answers) -> Material:
    """Question by question and prompt by prompt, as a rollout would have asked both arms."""
    rows = [
        CanaryRow(kind, one.outcome, other.outcome, one.signals, other.signals)
        for kind in KINDS[:2]
        for one, other in zip(stable.canaries[kind], candidate.canaries[kind], strict=True)
    ]
    return Material(
        canaries=rows,
        pairs=[(one.signals, other.signals) for one, other in zip(stable.live, candidate.live, strict=True)],
        stable_replies=[answer.signals for answer in stable.live],
        candidate_replies=[answer.signals for answer in candidate.live],
    )


def lost(stable: Answers, candidate: Answers, kind: str) -> float:
    """How much of the honest share the candidate loses."""
    return stable.honest(kind) - candidate.honest(kind)
