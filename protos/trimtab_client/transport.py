"""What both clients share: channel options, the bearer header, deadlines, and when to try again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from trimtab_client.errors import TrimtabError

#: Both directions; a vector file may have as much.
MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024

CHANNEL_OPTIONS: Final[tuple[tuple[str, int | str], ...]] = (
    # The audit says which client a change came through.
    ("grpc.primary_user_agent", f"trimtab/{version('trimtab')}"),
    # The largest file and the message around it.
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES + 1024 * 1024),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES + 1024 * 1024),
    # A silent gap in a stream is told from a dead peer within half a minute.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # A restarted server is found again soon; one that stays away is not hammered.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Channels of one process to one target share a connection otherwise, and with it a backoff.
    ("grpc.use_local_subchannel_pool", 1),
)


@dataclass(frozen=True)
class Deadlines:
    """Seconds until a call is given up; None waits for ever. Watches have no deadline."""

    unary: float | None = 30.0
    reply: float | None = 600.0
    transfer: float | None = 120.0
    job: float | None = 3600.0


@dataclass(frozen=True)
class RetryPolicy:
    """Tries a call again while the server is unavailable.

    Every unary call may be repeated: reads change nothing, and writes carry a request id by which the
    server knows a repetition. Streams are never repeated: the caller saw part of them.
    """

    attempts: int = 4
    first_delay: float = 0.1
    longest_delay: float = 2.0

    def delay(self, attempt: int, error: TrimtabError) -> float | None:
        """Seconds to wait after attempt number `attempt` (from 1) failed; None to give up."""
        if error.code != "UNAVAILABLE" or attempt >= self.attempts:
            return None
        if error.reason == "TLS_FAILED":
            # Whom we do not trust now we shall not trust in a moment.
            return None
        if error.retry_after_seconds is not None:
            return error.retry_after_seconds if error.retry_after_seconds <= self.longest_delay else None
        backoff = min(self.first_delay * 2.0 ** (attempt - 1), self.longest_delay)
        return backoff * random.uniform(0.8, 1.2)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Call metadata that shows the token; none for an empty token."""
    return (("authorization", f"Bearer {token}"),) if token else ()
