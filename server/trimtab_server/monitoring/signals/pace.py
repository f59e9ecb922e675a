"""Length and speed.

reply_tokens: tokens of the reply. first_token_seconds: from the request to its first token, waiting included.
tokens_per_second: while decoding.

Can tell: replies that end at once, or never; a server that has become slow. Steering changes lengths before it
changes anything else one sees.
Cannot tell: whether longer is better. Speed depends on the load and on the machine, not only on the snapshot:
compare arms that were served at the same time.
"""

from __future__ import annotations

from trimtab_server.monitoring.signals.names import Signal
from trimtab_server.monitoring.signals.reading import ReadReply


def read(reply: ReadReply) -> dict[str, float]:
    """The speed is left out of a reply that took no time to decode."""
    end = reply.finished
    found: dict[str, float] = {
        Signal.REPLY_TOKENS: float(len(reply.tokens)),
        Signal.FIRST_TOKEN_SECONDS: end.queue_seconds + end.prefill_seconds,
    }
    if end.decode_seconds > 0:
        found[Signal.TOKENS_PER_SECOND] = len(reply.tokens) / end.decode_seconds
    return found
