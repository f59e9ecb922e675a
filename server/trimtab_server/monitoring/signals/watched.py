"""The residual stream's projection on the watched direction, mean over a reply, in residual-norm units.

Can tell: that the steering reaches the model at all, and how strongly.
Cannot tell: whether it helps. Adding a vector raises the projection on it, whether the vector does good or
harm; a higher value is no proof of honesty. It may not guard anything.
"""

from __future__ import annotations

from statistics import fmean

from trimtab_server.monitoring.signals.names import Signal
from trimtab_server.monitoring.signals.reading import ReadReply


def read(reply: ReadReply) -> dict[str, float]:
    """Left out where another direction was read, or none."""
    values = [token.projection for token in reply.tokens if token.projection is not None]
    return {Signal.PROJECTION: fmean(values)} if reply.projection and values else {}
