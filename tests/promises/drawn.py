"""Replies made once a run, and the material that simulated rollouts are drawn from."""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trimtab_server.rollouts.simulation import CanaryRow, Material

from promises.material import KINDS, Answers, Bench, Dose
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
    path = Path(scratch) / f"replies-{profile}-{seed}-{what}" if scratch else None
    if path is not None and path.exists():
        kept: list[Made] = pickle.loads(path.read_bytes())
        return kept
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
    if path is not None:
        path.write_bytes(pickle.dumps(done))
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
