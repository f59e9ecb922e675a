"""One record for every figure that is reported: an estimate with its interval, and how it came about."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

#: What the test looks for, and which side of the interval is bounded: greater bounds it from below.
Alternative: TypeAlias = Literal["two-sided", "greater", "less"]
ALTERNATIVES: Final[tuple[str, ...]] = get_args(Alternative)


@dataclass(frozen=True)
class Estimate:
    """A figure, in the unit of what was measured.

    low, high: bounds at `confidence`; with a one-sided alternative the other bound is infinite. p: of the null
    hypothesis that `method` names; NaN where there is no test, or where it is undefined. n: items (or seeds,
    or pairs); clusters: how many independent groups they form, None where items were taken one by one. seed:
    of the random numbers used, None where none were. A figure that cannot be determined is NaN with a `note`.
    """

    value: float
    low: float
    high: float
    confidence: float
    alternative: Alternative
    p: float
    n: int
    clusters: int | None
    method: str
    standard_error: float = math.nan
    seed: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.alternative not in ALTERNATIVES:
            raise ValueError(f"alternative is {self.alternative!r}; use one of {', '.join(ALTERNATIVES)}")
        if not 0.0 < self.confidence < 1.0:
            raise ValueError(f"confidence is {self.confidence}; a number between 0 and 1 is expected")

    @property
    def defined(self) -> bool:
        """False where the data cannot determine the figure."""
        return math.isfinite(self.value)

    def excludes(self, value: float) -> bool:
        """Whether the interval is defined and `value` lies outside it."""
        return value < self.low or value > self.high

    def as_dict(self) -> dict[str, Any]:
        """The record for JSON: figures that are not finite become None."""
        record = asdict(self)
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in record.items()}


def undetermined(
    note: str, *, confidence: float, n: int, clusters: int | None, method: str, seed: int | None = None
) -> Estimate:
    """A figure that the data cannot determine, with the reason."""
    nan = math.nan
    return Estimate(nan, nan, nan, confidence, "two-sided", nan, n, clusters, method, seed=seed, note=note)
