"""Blind sheets, grades and agreement."""

from __future__ import annotations

import itertools
import random

import pytest
from trimtab_server.trials import Prompt, PromptSet, default_criteria
from trimtab_server.trials.ratings import Rating, agreement, blind_order, mean_grades, ordinal_alpha, unrated

PROMPTS = PromptSet(tuple(Prompt(f"p{i}", f"Question {i}?", group=f"p{i}") for i in range(60)))
CRITERIA = default_criteria("rating")
# The example of Krippendorff 2011, Computing Krippendorff's Alpha-Reliability: 4 observers, 12 units; ordinal .815.
OBSERVERS = (
    (1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None),
    (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3),
    (None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None),
    (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None),
)


def test_alpha_is_that_of_the_published_example() -> None:
    units = [[grade for grade in unit if grade is not None] for unit in zip(*OBSERVERS, strict=True)]
    assert ordinal_alpha(units) == pytest.approx(0.815, abs=5e-4)


def test_alpha_is_its_definition_over_pairs() -> None:
    rng = random.Random(5)
    units = [[rng.randint(1, 4) for _ in range(rng.randint(1, 4))] for _ in range(30)]
    pairable = [unit for unit in units if len(unit) > 1]
    pool = [grade for unit in pairable for grade in unit]
    counts = {grade: pool.count(grade) for grade in range(1, 5)}

    def distance(a: int, b: int) -> float:
        low, high = sorted((a, b))
        return (sum(counts[g] for g in range(low, high + 1)) - (counts[a] + counts[b]) / 2) ** 2

    observed = sum(
        distance(a, b) / (len(unit) - 1) for unit in pairable for a, b in itertools.permutations(unit, 2)
    ) / len(pool)
    expected = sum(distance(a, b) for a, b in itertools.permutations(pool, 2)) / (len(pool) * (len(pool) - 1))
    assert ordinal_alpha(units) == pytest.approx(1 - observed / expected)


def test_agreement_counts_replies_with_two_grades_and_bounds_its_alpha() -> None:
    ratings = [
        Rating(f"p{unit}", "prompt", 0, f"rater{rater}", grade)
        for rater, grades in enumerate(OBSERVERS)
        for unit, grade in enumerate(grades)
        if grade is not None
    ]
    own = agreement(ratings)
    assert own.alpha == pytest.approx(0.815, abs=5e-4)
    assert own.low is not None and own.high is not None and own.low < 0.815 < own.high
    assert (own.replies, own.raters) == (11, 4)
    random.Random(1).shuffle(ratings)
    assert agreement(ratings) == own


def test_agreement_of_one_rater_is_unknown() -> None:
    own = agreement([Rating("p1", "prompt", 0, "ann", 3)])
    assert (own.alpha, own.equal, own.replies) == (None, None, 0)


def test_sheets_hide_lanes_in_an_order_that_lasts_and_differs_by_rater() -> None:
    sheets = blind_order(CRITERIA, PROMPTS, "ann", "secret")
    assert sheets == blind_order(CRITERIA, PROMPTS, "ann", "secret")
    assert sheets != blind_order(CRITERIA, PROMPTS, "bob", "secret")
    assert sheets != blind_order(CRITERIA, PROMPTS, "ann", "other")
    assert all(len({key.prompt_id for key in sheet}) == 1 and len(sheet) == 2 for sheet in sheets)
    assert {key.prompt_id for sheet in sheets for key in sheet} == {own.id for own in PROMPTS}
    first = sum(sheet[0].lane == "unsteered" for sheet in sheets)
    assert 15 <= first <= 45


def test_rating_goes_on_where_it_was_left() -> None:
    sheets = blind_order(CRITERIA, PROMPTS, "ann", "secret")
    done = [Rating(key.prompt_id, key.lane, key.repeat, "ann", 2) for key in (*sheets[0], sheets[1][0])]
    assert unrated(sheets, done, "ann") == sheets[1:]
    assert unrated(sheets, done, "bob") == sheets


def test_the_last_grade_of_a_rater_counts() -> None:
    ratings = [Rating("p1", "prompt", 0, "ann", 1), Rating("p1", "prompt", 0, "ann", 4)]
    assert list(mean_grades(ratings, 4).values()) == [1.0]
    with pytest.raises(ValueError, match="grades go from 1 to 4"):
        mean_grades([Rating("p1", "prompt", 0, "ann", 5)], 4)
