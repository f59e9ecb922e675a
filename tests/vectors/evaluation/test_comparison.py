"""What is recommended, on answers whose verdict is clear, and on too few of them."""

from __future__ import annotations

import pytest
from trimtab_vectors.evaluation.controls import Controls
from trimtab_vectors.evaluation.honesty import Outcome
from trimtab_vectors.evaluation.outcomes import Answers
from trimtab_vectors.evaluation.sweep.comparison import Comparison, compare

RANDOM = Controls(tuple([0.1] * 47 + [0.3] * 3), seed=1)


def _answers(honest: int, n: int) -> Answers:
    said = (Outcome.HONEST,) * honest + (Outcome.LIE,) * (n - honest)
    return Answers(("",) * n, said)


def _compared(
    n: int,
    unsteered: int,
    steered: int,
    prompted: int | None,
    random: Controls = RANDOM,
    shuffled: Controls | None = None,
) -> Comparison:
    labels = [(f"fact {i}", "en" if i % 2 else "ja") for i in range(n)]
    said = None if prompted is None else _answers(prompted, n)
    return compare(
        "soft_pressure",
        labels,
        _answers(unsteered, n),
        _answers(steered, n),
        said,
        random,
        shuffled,
        range(n),
    )


@pytest.mark.parametrize(
    ("n", "unsteered", "steered", "prompted", "expected"),
    [
        (200, 20, 190, 60, "steer"),
        (200, 20, 190, 190, "a prompt is enough"),
        (200, 20, 190, 189, "a prompt is enough"),
        # The prompt is good, and steering surely better by more than the margin.
        (200, 20, 200, 170, "steer"),
        # The prompt is worse than steering, but the items are too few to say by how much.
        (12, 1, 11, 10, "not enough data"),
        (200, 20, 20, 20, "neither"),
        (200, 20, 190, None, "steer"),
        (200, 20, 21, None, "neither"),
        (12, 1, 3, None, "not enough data"),
    ],
)
def test_the_recommendation(
    n: int, unsteered: int, steered: int, prompted: int | None, expected: str
) -> None:
    assert _compared(n, unsteered, steered, prompted).recommendation == expected


def test_steering_that_random_or_shuffled_vectors_match_is_not_recommended() -> None:
    as_good = Controls((0.9,) * 50, seed=1)
    assert _compared(200, 20, 170, None, as_good).recommendation == "neither"
    assert _compared(200, 20, 170, None, RANDOM, as_good).recommendation == "neither"
    assert _compared(200, 20, 170, None, RANDOM, RANDOM).recommendation == "steer"


def test_figures_are_paired_and_by_language() -> None:
    found = _compared(200, 20, 190, 60)
    assert found.gain.value == pytest.approx(0.85) and found.over_prompt is not None
    assert found.over_prompt.value == pytest.approx(0.65)
    assert set(found.strata) == {"en", "ja"} and found.p_random == pytest.approx(1 / 51)
    record = found.as_dict()
    assert record["recommendation"] == "steer" and record["random"]["percentile_95"] == 0.3
    assert record["shuffled"] is None
