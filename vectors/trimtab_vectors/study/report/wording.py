"""Figures in words: values with their intervals, stages, shares, as one language writes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trimtab_vectors.study.report.catalogue import Catalogue
from trimtab_vectors.study.report.scale import figure, p_value
from trimtab_vectors.study.results import ArcSummary, SeriesInterval


@dataclass(frozen=True)
class Wording:
    """The catalogue, and how figures are written."""

    words: Catalogue

    def __call__(self, key: str, **values: object) -> str:
        return self.words(key, **values)

    def number(self, value: float | None) -> str:
        return self("undetermined") if value is None else figure(value)

    def p(self, value: float | None) -> str:
        """A p value, which is never 0."""
        return self("undetermined") if value is None else p_value(value)

    def interval(self, value: float | None, low: float | None, high: float | None) -> str:
        """`1.23 [1.10, 1.40]`; without bounds where there are none."""
        if value is None:
            return self("undetermined")
        if low is None or high is None:
            return figure(value)
        return f"{figure(value)} [{figure(low)}, {figure(high)}]"

    def at(self, series: SeriesInterval, index: int) -> str:
        return self.interval(series.value[index], series.low[index], series.high[index])

    def share(self, value: float | None) -> str:
        return self("undetermined") if value is None else f"{100.0 * value:.0f}%"

    def points(self, value: float | None) -> str:
        """A difference of shares, in percentage points with its sign."""
        return self("undetermined") if value is None else f"{100.0 * value:+.0f}"

    def joined(self, parts: Iterable[str]) -> str:
        return self("list_separator").join(parts)

    def arc_name(self, arc: ArcSummary) -> str:
        return self.arc_title(arc.architecture, arc.arc)

    def arc_title(self, architecture: str, arc: str) -> str:
        return self("arc_title", architecture=architecture, arc=self.words.named("arc", arc))

    def stages(self, first: str | None, last: str | None) -> str:
        """`first` to `last`, or the one stage."""
        if first is None or last is None:
            return self("undetermined")
        return first if first == last else self("stage_range", first=first, last=last)

    def time(self, seconds: float) -> str:
        """Seconds, or minutes where there are many."""
        if seconds < 120.0:
            return self("seconds", value=f"{seconds:.1f}")
        return self("minutes", value=f"{seconds / 60.0:.1f}")


def known(values: Sequence[float | None]) -> list[tuple[int, float]]:
    """(place, value) of those that are known."""
    return [(i, v) for i, v in enumerate(values) if v is not None]


def excludes(low: float | None, high: float | None, level: float) -> bool:
    """Whether an interval is known and lies on one side of a level."""
    return low is not None and high is not None and not low <= level <= high
