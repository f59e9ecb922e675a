"""Does a stream still look like its recorded reference? Conformal ranks, with a detector for each kind of change."""

from __future__ import annotations

import hashlib
import math
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any, Final, Literal, TypeAlias

from trimtab_server.sequential.batches import Batches
from trimtab_server.sequential.finite import chance, finite, log1p_exp, log_mean_exp

Sides: TypeAlias = Literal["two", "above", "below"]

#: Shifts of the normal score that are looked for, in standard deviations.
SHIFTS: Final = (0.25, 0.5, 1.0)
MINIMUM_REFERENCE: Final = 200
RECOMMENDED_REFERENCE: Final = 500
#: Newest values that are ranked against, beside the reference.
RECENT: Final = 5_000

_NORMAL: Final = NormalDist()


def fraction(text: str) -> float:
    """A number in (0, 1) that depends on the text alone: the random part of a rank, repeatable from a reply's id."""
    drawn = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    return ((drawn >> 11) + 0.5) / (1 << 53)


class ConformalDrift:
    """Two detectors over the ranks of a stream within its reference and its own past.

    Value x gets the smoothed rank `u = (#{pool < x} + v (#{pool = x} + 1)) / (#pool + 1)`, v in (0, 1) drawn from
    the reply's id, and the normal score z of u. If the stream is exchangeable with the reference, u is uniform and
    independent of the past, whatever the distribution: no normality is assumed (Vovk, Nouretdinov & Gammerman
    2003, "Testing exchangeability on-line"; Vovk 2021, Statistical Science 36:595). For each shift d in `SHIFTS`
    (both signs if two-sided) the likelihood ratio is `exp(d z - d^2 / 2)`:

    - `evidence`, the mean of the products from the first value: an e-process, alarm at 1 / alpha. For a stream
      that is off from its first reply.
    - `drift`, the mean of the Shiryaev-Roberts statistics `R <- (1 + R) * ratio`, alarm at `arl`: for a stream that
      goes off later. Within n values a false alarm has chance at most n / arl, so take 20 times the horizon.

    The pool is the reference and the newest 5,000 values; with values dropped, independence holds only nearly.
    Batched streams are compared with the reference cut into batches of the same size.

    Can tell: a shift of level, in ranks, of about a quarter of a standard deviation and more. Cannot tell: a
    change of spread or shape that leaves the level alone; a slow drift, which the pool follows; yes/no signals
    (use `RateDrift`). Correlated values alarm falsely: batch them (`batch_size`).
    """

    def __init__(
        self,
        reference: Sequence[float],
        alpha: float = 0.05,
        arl: float = 40_000.0,
        sides: Sides = "two",
        *,
        batch: int = 1,
        salt: str = "",
    ) -> None:
        """`reference`: at least 200 values, better 500. `salt`: the signal's name, so that two signals of a reply
        do not share their draws."""
        if len(reference) < MINIMUM_REFERENCE:
            raise ValueError(
                f"the reference has {len(reference)} values; at least {MINIMUM_REFERENCE} are expected, better "
                f"{RECOMMENDED_REFERENCE}"
            )
        if not 1.0 < arl < math.inf:
            raise ValueError(f"arl is {arl}; the average run length to a false alarm, above 1, is expected")
        self.reference = tuple(finite("reference", value) for value in reference)
        self.alpha = chance("alpha", alpha)
        self.arl = float(arl)
        self.sides: Sides = sides
        self.salt = salt
        self.count = 0
        self.from_start = False
        self.drifted = False
        signs = {"two": (-1.0, 1.0), "above": (1.0,), "below": (-1.0,)}[sides]
        self._shifts = tuple(sign * shift for sign in signs for shift in SHIFTS)
        self._batches = Batches(batch)
        whole = Batches(batch)
        means = [whole.update(value) for value in self.reference]
        self._pool = sorted(mean for mean in means if mean is not None)
        self._recent: deque[float] = deque()
        self._product = [0.0] * len(self._shifts)
        self._roberts = [-math.inf] * len(self._shifts)

    def update(self, value: float, reply_id: str) -> bool:
        """Takes one value; whether either alarm stands.

        Raises:
            NonFinite: NaN or an infinity.
        """
        mean = self._batches.update(value)
        if mean is None:
            return self.alarmed
        z = self._score(mean, reply_id)
        self._remember(mean)
        self.count += 1
        for place, shift in enumerate(self._shifts):
            ratio = shift * z - shift * shift / 2.0
            self._product[place] += ratio
            self._roberts[place] = ratio + log1p_exp(self._roberts[place])
        self.from_start = self.from_start or self.evidence >= self.bar
        self.drifted = self.drifted or self.drift >= self.drift_bar
        return self.alarmed

    @property
    def alarmed(self) -> bool:
        """Latched: only a new detector clears it."""
        return self.from_start or self.drifted

    @property
    def evidence(self) -> float:
        """Natural logarithm of the e-value."""
        return log_mean_exp(self._product)

    @property
    def drift(self) -> float:
        """Natural logarithm of the Shiryaev-Roberts statistic; minus infinity before the first value."""
        return log_mean_exp(self._roberts)

    @property
    def bar(self) -> float:
        return -math.log(self.alpha)

    @property
    def drift_bar(self) -> float:
        return math.log(self.arl)

    def _score(self, value: float, reply_id: str) -> float:
        low, high = bisect_left(self._pool, value), bisect_right(self._pool, value)
        rank = low + fraction(f"{self.salt}/{reply_id}") * (high - low + 1)
        return _NORMAL.inv_cdf(rank / (len(self._pool) + 1))

    def _remember(self, value: float) -> None:
        insort(self._pool, value)
        self._recent.append(value)
        if len(self._recent) > RECENT:
            del self._pool[bisect_left(self._pool, self._recent.popleft())]

    def state(self) -> dict[str, Any]:
        return {
            "reference": list(self.reference),
            "alpha": self.alpha,
            "arl": self.arl,
            "sides": self.sides,
            "salt": self.salt,
            "count": self.count,
            "from_start": self.from_start,
            "drifted": self.drifted,
            "batches": self._batches.state(),
            "recent": list(self._recent),
            "product": list(self._product),
            "roberts": list(self._roberts) if self.count else [],
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> ConformalDrift:
        own = cls(
            state["reference"],
            state["alpha"],
            state["arl"],
            state["sides"],
            batch=state["batches"]["size"],
            salt=state["salt"],
        )
        own._batches = Batches.from_state(state["batches"])
        own._recent = deque(state["recent"])
        own._pool = sorted([*own._pool, *own._recent])
        own.count, own.from_start, own.drifted = state["count"], state["from_start"], state["drifted"]
        own._product = list(state["product"])
        own._roberts = list(state["roberts"]) or own._roberts
        return own
