"""All signals of one reply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from trimtab_vectors.evaluation.honesty import Question

from trimtab_server.engine.request import Finished, Token
from trimtab_server.monitoring.signals import (
    declining,
    divergence,
    dose,
    honesty,
    pace,
    repeating,
    uncertainty,
    watched,
)
from trimtab_server.monitoring.signals.reading import ReadReply

_READERS: Final[tuple[Callable[[ReadReply], dict[str, float]], ...]] = (
    honesty.read,
    watched.read,
    divergence.read,
    uncertainty.read,
    repeating.read,
    declining.read,
    dose.read,
    pace.read,
)


def reply_signals(
    tokens: Sequence[Token],
    finished: Finished,
    *,
    projection: bool = True,
    question: Question | None = None,
) -> dict[str, float]:
    """Name (a `Signal`'s value) -> figure of one reply. A signal that was not read is left out, not set to 0.

    Values may be not finite: that is a fault to act on (`hard_faults`), not to hide.

    Args:
        projection: whether the direction that was read is the one the monitors plot.
        question: the one that was asked, if its answer is known; the answer's signals need it.
    """
    if not tokens:
        return {}
    reply = ReadReply(tokens, finished, projection, question)
    found: dict[str, float] = {}
    for read in _READERS:
        found.update((str(name), value) for name, value in read(reply).items())
    return found
