"""Blind ratings: replies without their lanes, in a shuffled order, graded by people; and how far these agree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from trimtab_server.trials.criteria import Criteria
from trimtab_server.trials.prompts import PromptSet
from trimtab_server.trials.rows import RowKey

_DRAWS: Final = 1000


@dataclass(frozen=True)
class Rating:
    """One grade from 1 (worst) to the criteria's scale (best), of one reply by one person or judge."""

    prompt_id: str
    lane: str
    repeat: int
    rater: str
    grade: int

    @property
    def key(self) -> RowKey:
        return RowKey(self.prompt_id, self.lane, self.repeat)


def blind_order(
    criteria: Criteria, prompts: PromptSet, rater: str, secret: str
) -> tuple[tuple[RowKey, ...], ...]:
    """What a rater is shown, sheet by sheet: one prompt and repeat each, its lanes shuffled.

    The order depends on the rater, and on a secret of the server, without which it cannot be told which reply is
    whose. The same arguments give the same order, so that rating can go on after a break.
    """

    def rank(*parts: object) -> bytes:
        return hashlib.sha256("\0".join((secret, rater, *map(str, parts))).encode()).digest()

    sheets = [(prompt.id, repeat) for prompt in prompts for repeat in range(criteria.repeats)]
    sheets.sort(key=lambda sheet: rank("sheet", *sheet))
    return tuple(
        tuple(
            RowKey(id, lane.name, repeat)
            for lane in sorted(criteria.lanes, key=lambda lane: rank("lane", id, repeat, lane.name))
        )
        for id, repeat in sheets
    )


def mean_grades(ratings: Iterable[Rating], scale: int) -> dict[RowKey, float]:
    """Mean grade of each reply over its raters, from 0 (grade 1) to 1 (the best grade).

    A rater who grades a reply twice counts with the last grade. Raises ValueError for a grade off the scale.
    """
    last: dict[tuple[RowKey, str], int] = {}
    for own in ratings:
        if not 1 <= own.grade <= scale:
            raise ValueError(f"grade is {own.grade} of prompt {own.prompt_id!r}; grades go from 1 to {scale}")
        last[own.key, own.rater] = own.grade
    grades: dict[RowKey, list[int]] = {}
    for (key, _), grade in sorted(last.items()):
        grades.setdefault(key, []).append(grade)
    return {key: (sum(own) / len(own) - 1.0) / (scale - 1.0) for key, own in grades.items()}


@dataclass(frozen=True)
class Agreement:
    """alpha: Krippendorff's, ordinal; 1 is full agreement, 0 what chance gives, None where it is undefined (no reply
    with two grades, or only one grade in use). low, high: 95%, drawn over replies. equal: share of pairs of grades of
    one reply that are equal; replies: with at least two grades."""

    alpha: float | None
    low: float | None
    high: float | None
    equal: float | None
    replies: int
    raters: int


def agreement(ratings: Iterable[Rating], seed: int = 0) -> Agreement:
    """How far raters agree. Above .8 grades can be relied on, below .67 they cannot (Krippendorff 2004, Content
    Analysis, section 11.4)."""
    last: dict[tuple[RowKey, str], int] = {(own.key, own.rater): own.grade for own in ratings}
    units: dict[RowKey, list[int]] = {}
    for (key, _), grade in sorted(last.items()):
        units.setdefault(key, []).append(grade)
    rated = [sorted(own) for _, own in sorted(units.items()) if len(own) > 1]
    raters = len({rater for _, rater in last})
    alpha = ordinal_alpha(rated)
    pairs = [a == b for own in rated for i, a in enumerate(own) for b in own[i + 1 :]]
    equal = sum(pairs) / len(pairs) if pairs else None
    low = high = None
    if alpha is not None:
        rng = np.random.default_rng(seed)
        draws = (
            ordinal_alpha([rated[i] for i in rng.integers(len(rated), size=len(rated))])
            for _ in range(_DRAWS)
        )
        low, high = (
            float(own) for own in np.quantile([own for own in draws if own is not None], [0.025, 0.975])
        )
    return Agreement(alpha, low, high, equal, len(rated), raters)


def ordinal_alpha(units: Sequence[Sequence[int]]) -> float | None:
    """Krippendorff's alpha for ordered grades; each unit holds the grades of one reply.

    `1 - D_o / D_e` with `delta(c, k) = (sum_{g=c..k} n_g - (n_c + n_k) / 2)^2`, n_g how often grade g occurs among
    pairable grades (Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, sections C and E).
    """
    pairable = [unit for unit in units if len(unit) > 1]
    counts: dict[int, int] = {}
    for unit in pairable:
        for grade in unit:
            counts[grade] = counts.get(grade, 0) + 1
    total = sum(counts.values())
    if len(counts) < 2:
        return None
    place = _places(counts)
    observed = sum(
        (place[a] - place[b]) ** 2 / (len(unit) - 1)
        for unit in pairable
        for i, a in enumerate(unit)
        for j, b in enumerate(unit)
        if i != j
    )
    expected = sum(n * m * (place[a] - place[b]) ** 2 for a, n in counts.items() for b, m in counts.items())
    return 1.0 - observed / (expected / (total - 1))


def _places(counts: Mapping[int, int]) -> dict[int, float]:
    """Grades on a line on which squared distances are `delta`: half a count of each end, all between."""
    grades = sorted(counts)
    place = {grades[0]: 0.0}
    for before, grade in pairwise(grades):
        place[grade] = place[before] + (counts[before] + counts[grade]) / 2.0
    return place


def unrated(
    order: Sequence[Sequence[RowKey]], ratings: Iterable[Rating], rater: str
) -> tuple[tuple[RowKey, ...], ...]:
    """The sheets of `blind_order` that a rater has not finished, in order."""
    done = {own.key for own in ratings if own.rater == rater}
    return tuple(tuple(sheet) for sheet in order if not set(sheet) <= done)
