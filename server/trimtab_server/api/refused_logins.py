"""Calls whose token was refused: told apart from a flood, counted, and put into the audit in batches."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from trimtab_server.api.limits import Bucket
from trimtab_server.store.refusal import Refusal

#: Reasons that count as a failed login.
REASONS: Final = frozenset(
    {"CERTIFICATE_UNKNOWN", "TOKEN_MISSING", "TOKEN_INVALID", "TOKEN_EXPIRED", "TOKEN_REVOKED"}
)
#: Those whose caller has shown no secret that was ever good: the others cannot be guessing.
_GUESSES: Final = frozenset({"TOKEN_INVALID", "TOKEN_MISSING"})
_ADDRESSES: Final = 4_096
#: Different refusals listed in one record; the rest is summed.
_LISTED: Final = 20
_OTHERS: Final = "others"


@dataclass(frozen=True)
class Batch:
    """What was refused since the last batch: times are UTC nanoseconds."""

    total: int
    details: dict[str, Any]


class RefusedLogins:
    """Of all addresses. Used on the event loop only.

    A caller with a valid token is never held up here, whatever else comes from its address: only refusals
    are counted. The audit gets one record a batch, however many there were; it names tokens and reasons and
    counts addresses, but does not keep them: an address is personal data, and the chain is for ever.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._addresses: OrderedDict[str, Bucket] = OrderedDict()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._from: set[str] = set()
        self._first = 0

    def refuse(self, refusal: Refusal, peer: str, now: int) -> Refusal:
        """Counts it, and returns what to answer: the same, or TOO_MANY_REFUSED_LOGINS."""
        address = address_of(peer)
        key = (refusal.reason, refusal.metadata.get("token", ""))
        if key not in self._counts and len(self._counts) >= _LISTED:
            key = (_OTHERS, "")
        self._counts[key] += 1
        self._first = self._first or now
        if len(self._from) < _ADDRESSES:
            self._from.add(address)
        if not self._per_minute or refusal.reason not in _GUESSES:
            return refusal
        seconds = self._bucket(address).take(1, self._clock())
        if not seconds:
            return refusal
        return Refusal(
            "TOO_MANY_REFUSED_LOGINS",
            retry_after_seconds=seconds,
            limit=self._per_minute,
            seconds=f"{seconds:.2f}",
        )

    def take(self, now: int) -> Batch | None:
        """What to put into the audit; None if nothing was refused since the last time."""
        if not self._counts:
            return None
        refusals = [
            {"count": count, "reason": reason} | ({"token": token} if token else {})
            for (reason, token), count in self._counts.most_common()
        ]
        total = self._counts.total()
        details = {
            "addresses": len(self._from),
            "refusals": refusals,
            "since": self._first,
            "total": total,
            "until": now,
        }
        self._counts.clear()
        self._from.clear()
        self._first = 0
        return Batch(total, details)

    def _bucket(self, address: str) -> Bucket:
        bucket = self._addresses.get(address)
        if bucket is None:
            bucket = self._addresses[address] = Bucket(self._per_minute, self._clock())
            while len(self._addresses) > _ADDRESSES:
                self._addresses.popitem(last=False)
        self._addresses.move_to_end(address)
        return bucket


def address_of(peer: str) -> str:
    """The address without its port, of gRPC's "ipv4:127.0.0.1:4711"; every call has another port."""
    kind, _, rest = peer.partition(":")
    return rest.rpartition(":")[0] if kind in ("ipv4", "ipv6") else peer
