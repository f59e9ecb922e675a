"""The read-out of a probe that is independent of the injected vector: mean, minimum, and at the answer.

The probe's direction is orthogonal to what was injected and to what that becomes at the layer that is read
(`trimtab_vectors.readouts`), so the dose does not move it by itself. Above 0 the state is like that of an honest
reply, below like that of a lie, in pooled standard deviations of the replies the probe was fitted on.

Can tell: that replies have become more like lies, or less, than those of a reference on the same model.
Cannot tell: whether one reply is honest, unless the probe's own figures say so: it may guard only where its
recorded AUROC on this model is at least .9 over all settings and within each. On most models none is. Between
two stages or two models the values do not compare.

A token's figures are those of the state it was drawn from, so the score after token i stands at token i + 1.
A probe fitted at the mean of a reply is read over the same states here, if the reply stopped by itself; of one
that was cut off, the state after the last token was never computed.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from statistics import fmean

from trimtab_vectors.evaluation.honesty import Question, named_values

from trimtab_server.engine.request import Token
from trimtab_server.monitoring.signals.names import Signal
from trimtab_server.monitoring.signals.reading import ReadReply


def read(reply: ReadReply) -> dict[str, float]:
    """Left out where no probe was read. At the answer: only of a question whose answer is known and named."""
    scores = [token.honesty for token in reply.tokens if token.honesty is not None]
    if not scores:
        return {}
    # Of a reply of no words the prompt's end is all there is.
    said = scores[1:] or scores
    found: dict[str, float] = {Signal.HONESTY_MEAN: fmean(said), Signal.HONESTY_MINIMUM: min(said)}
    if reply.question is not None:
        at_answer = _at_answer(reply.tokens, reply.question)
        if at_answer is not None:
            found[Signal.HONESTY_AT_ANSWER] = at_answer
    return found


def _at_answer(tokens: Sequence[Token], question: Question) -> float | None:
    """The score after the token that completes the first named value."""
    spoken = ""
    for token, after in itertools.pairwise(tokens):
        spoken += token.text
        if named_values(spoken, question):
            return after.honesty
    return None
