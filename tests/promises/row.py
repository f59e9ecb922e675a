"""One line of the table of promises: what was tried, how often it failed, and what that proves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from scipy.stats import beta

Profile = Literal["ci", "release"]

#: Confidence of every bound.
CONFIDENCE = 0.95


def upper_bound(failures: int, n: int) -> float:
    """The rate that `failures` in `n` independent trials leave possible, one-sided at 95%.

    No failure: 3/n (the rule of three, Hanley & Lippman-Hand 1983). Otherwise the upper limit of Clopper
    and Pearson (1934). Without a trial nothing is shown: 1.
    """
    if not 0 <= failures <= n:
        raise ValueError(f"{failures} failures in {n} trials cannot be; the first must lie within 0 and n")
    if n == 0 or failures == n:
        return 1.0
    if failures == 0:
        return min(1.0, 3 / n)
    return float(beta.ppf(CONFIDENCE, failures + 1, n - failures))


@dataclass(frozen=True)
class Row:
    """What one promise came to.

    `value` is what was measured and `limit` what it may be at most (or at least, where `note` says so):
    a share, a time in milliseconds, a number; `ok` is the promise's own judgement, made where it was
    measured. `bound` speaks of the share of failed trials alone. `seeds` are those of the trials that
    failed; they are kept and tried first in every later run. A promise with several parts carries them in
    `parts`, and holds only if all of them do.
    """

    id: int
    promise: str
    n: int
    failures: int
    bound: float
    value: float
    limit: float
    ok: bool
    seconds: float = 0.0
    note: str = ""
    seeds: tuple[int, ...] = ()
    parts: tuple[Row, ...] = ()

    @classmethod
    def of_trials(
        cls, id: int, promise: str, n: int, failures: int, *, note: str = "", seeds: Sequence[int] = ()
    ) -> Self:
        """A promise that no trial may break: the value is the number of failures, its limit 0."""
        bound = upper_bound(failures, n)
        ok = n > 0 and failures == 0
        return cls(id, promise, n, failures, bound, failures, 0, ok, note=note, seeds=tuple(seeds))

    @classmethod
    def of_parts(cls, id: int, promise: str, parts: Sequence[Row], *, note: str = "") -> Self:
        """A promise with several parts; value and limit are those of the first part that is broken, or
        of the first."""
        if not parts:
            raise ValueError("a promise with parts needs at least one")
        told = next((part for part in parts if not part.ok), parts[0])
        n, failures = sum(part.n for part in parts), sum(part.failures for part in parts)
        seeds = tuple(seed for part in parts for seed in part.seeds)
        return cls(
            id,
            promise,
            n,
            failures,
            upper_bound(failures, n),
            told.value,
            told.limit,
            all(part.ok for part in parts),
            sum(part.seconds for part in parts),
            note or "; ".join(part.note for part in parts if part.note),
            seeds,
            tuple(parts),
        )

    def taking(self, seconds: float) -> Row:
        """The same row, with the time that it took."""
        return replace(self, seconds=seconds)

    def to_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": self.id,
            "promise": self.promise,
            "n": self.n,
            "failures": self.failures,
            "bound": self.bound,
            "value": self.value,
            "limit": self.limit,
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "note": self.note,
        }
        if self.seeds:
            told["seeds"] = list(self.seeds)
        if self.parts:
            told["parts"] = [part.to_json() for part in self.parts]
        return told

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Self:
        parts = tuple(Row.from_json(part) for part in told.get("parts", ()))
        return cls(**{**told, "seeds": tuple(told.get("seeds", ())), "parts": parts})
