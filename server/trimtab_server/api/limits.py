"""How much one caller may ask for: requests and tokens a minute, streams at once, bytes in a message."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from trimtab_server.store.refusal import Refusal

_KIB: Final = 1 << 10

#: The text of one conversation, in bytes of UTF-8.
MAX_PROMPT_BYTES: Final = 64 * _KIB
#: A vector file may have 64 MiB, and the message around it has a few bytes of its own.
MAX_VECTOR_MESSAGE: Final = (64 << 20) + 64 * _KIB
MAX_MESSAGE: Final = 64 * _KIB
#: "Service/Method" -> the largest request in bytes, where `MAX_MESSAGE` is too small.
LARGER_MESSAGES: Final[Mapping[str, int]] = {
    # Criteria may have 256 KiB.
    "CaseService/CreateCase": 512 * _KIB,
    "CaseService/UpdateCase": 512 * _KIB,
    "ChatService/Chat": MAX_PROMPT_BYTES + 64 * _KIB,
    # Eight lanes, each with a conversation of its own.
    "ChatService/Compare": 8 * MAX_PROMPT_BYTES + 64 * _KIB,
    # A plan, written out.
    "RolloutService/CheckPlan": 256 * _KIB,
    "RolloutService/CreateRollout": 256 * _KIB,
    # A file of prompts, ten thousand and more, with its criteria.
    "TrialService/CheckTrial": 32 << 20,
    "TrialService/CreateTrial": 32 << 20,
    # A contrast set of some thousand pairs.
    "VectorService/ExtractVector": 8 << 20,
    "VectorService/ReviewContrastSet": 8 << 20,
    # The same, and a file of questions.
    "VectorService/MeasureVector": 16 << 20,
    "VectorService/ImportVector": MAX_VECTOR_MESSAGE,
}

#: The way back: what stops or undoes something. No limit of a caller holds it up, and it never waits for a slot.
CONTROL: Final = frozenset(
    {
        "RolloutService/AbortRollout",
        "RolloutService/PauseRollout",
        "SnapshotService/RollbackSnapshot",
        "TokenService/RevokeToken",
    }
)

#: Callers whose use is remembered; the least recent one is forgotten, with full buckets.
_REMEMBERED: Final = 10_000


def largest_message(method: str) -> int:
    """Bytes that a request of "Service/Method" may have."""
    return LARGER_MESSAGES.get(method, MAX_MESSAGE)


@dataclass(frozen=True)
class Limits:
    """Of one caller. 0 of anything means no limit."""

    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    streams: int = 0


class Bucket:
    """Holds a minute's worth, and fills up evenly.

    What is taken may be given back. Something larger than the whole bucket is let through when it is full: it
    would never pass otherwise.
    """

    def __init__(self, per_minute: int, now: float) -> None:
        self.per_minute = per_minute
        self._level = float(per_minute)
        self._time = now

    def take(self, amount: float, now: float) -> float:
        """Takes the amount and returns 0, or takes nothing and returns the seconds until there is enough."""
        self._fill(now)
        needed = min(amount, self.per_minute)
        if self._level >= needed:
            self._level -= amount
            return 0.0
        return (needed - self._level) * 60.0 / self.per_minute

    def give_back(self, amount: float) -> None:
        self._level = min(self._level + amount, float(self.per_minute))

    def _fill(self, now: float) -> None:
        self._level = min(self._level + (now - self._time) * self.per_minute / 60.0, float(self.per_minute))
        self._time = now


@dataclass
class _Use:
    requests: Bucket
    tokens: Bucket
    streams: int = 0


class Quota:
    """What one call may still use of its caller's limits."""

    def __init__(self, keeper: RateLimits, actor: str, limits: Limits) -> None:
        self._keeper = keeper
        self._actor = actor
        self._limits = limits

    def reserve(self, tokens: int) -> Reservation:
        """Sets tokens of prompt and longest reply aside. Raises: Refusal: TOKEN_LIMIT."""
        return self._keeper.reserve(self._actor, self._limits, tokens)


class Reservation:
    """Tokens set aside for replies; what they did not use goes back, once."""

    def __init__(self, bucket: Bucket | None, tokens: int) -> None:
        self._bucket = bucket
        self._tokens = tokens

    def settle(self, used: int) -> None:
        bucket, self._bucket = self._bucket, None
        if bucket is not None:
            bucket.give_back(max(self._tokens - used, 0))


class RateLimits:
    """Every caller's buckets. Used on the event loop only, so it needs no lock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._uses: OrderedDict[str, _Use] = OrderedDict()

    def admit(self, actor: str, limits: Limits) -> Quota:
        """Counts one request. Raises: Refusal: REQUEST_LIMIT, with the seconds to wait."""
        if limits.requests_per_minute:
            use = self._use(actor, limits)
            seconds = use.requests.take(1, self._clock())
            if seconds:
                raise Refusal(
                    "REQUEST_LIMIT",
                    retry_after_seconds=seconds,
                    actor=actor,
                    limit=limits.requests_per_minute,
                    seconds=f"{seconds:.2f}",
                )
        return Quota(self, actor, limits)

    def reserve(self, actor: str, limits: Limits, tokens: int) -> Reservation:
        """Raises: Refusal: TOKEN_LIMIT, with the seconds to wait."""
        if not limits.tokens_per_minute:
            return Reservation(None, tokens)
        bucket = self._use(actor, limits).tokens
        seconds = bucket.take(tokens, self._clock())
        if seconds:
            raise Refusal(
                "TOKEN_LIMIT",
                retry_after_seconds=seconds,
                actor=actor,
                limit=limits.tokens_per_minute,
                tokens=tokens,
                seconds=f"{seconds:.2f}",
            )
        return Reservation(bucket, tokens)

    @contextmanager
    def stream(self, actor: str, limits: Limits) -> Iterator[None]:
        """One open stream of the caller. Raises: Refusal: STREAM_LIMIT."""
        use = self._use(actor, limits)
        if limits.streams and use.streams >= limits.streams:
            raise Refusal("STREAM_LIMIT", retry_after_seconds=1.0, actor=actor, limit=limits.streams)
        use.streams += 1
        try:
            yield
        finally:
            use.streams -= 1

    def _use(self, actor: str, limits: Limits) -> _Use:
        use = self._uses.get(actor)
        now = self._clock()
        if use is None:
            use = self._uses[actor] = _Use(
                Bucket(limits.requests_per_minute, now), Bucket(limits.tokens_per_minute, now)
            )
            self._forget()
        # A limit changed meanwhile counts from now on.
        if use.requests.per_minute != limits.requests_per_minute:
            use.requests = Bucket(limits.requests_per_minute, now)
        if use.tokens.per_minute != limits.tokens_per_minute:
            use.tokens = Bucket(limits.tokens_per_minute, now)
        self._uses.move_to_end(actor)
        return use

    def _forget(self) -> None:
        for actor in list(self._uses):
            if len(self._uses) <= _REMEMBERED:
                return
            if not self._uses[actor].streams:
                del self._uses[actor]
