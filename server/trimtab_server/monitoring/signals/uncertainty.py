"""The entropy of the next token's distribution (temperature 1, nothing cut), mean over a reply, nat.

Can tell: that the model has become much less sure, or much more, than a reference. A jump up is often an
overdose; a fall to nearly 0 is often a loop.
Cannot tell: whether what it says is true. A model can lie with low entropy.
"""

from __future__ import annotations

from statistics import fmean

from trimtab_server.monitoring.signals.names import Signal
from trimtab_server.monitoring.signals.reading import ReadReply


def read(reply: ReadReply) -> dict[str, float]:
    """Left out where it was not read."""
    values = [token.entropy for token in reply.tokens if token.entropy is not None]
    return {Signal.ENTROPY: fmean(values)} if values else {}
