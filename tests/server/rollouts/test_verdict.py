from __future__ import annotations

from itertools import permutations, product

import pytest
from trimtab_server.rollouts.verdict import Verdict, combine

P, F, N, E = Verdict.PASS, Verdict.FAIL, Verdict.NOT_ENOUGH_DATA, Verdict.ERROR


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((), N),
        ((P,), P),
        ((P, P), P),
        ((P, N), N),
        ((N, E), E),
        ((P, E), E),
        ((E, F), F),
        ((P, N, E, F), F),
        ((F, P), F),
    ],
)
def test_fail_beats_error_beats_not_enough_data_beats_pass(
    verdicts: tuple[Verdict, ...], expected: Verdict
) -> None:
    for order in permutations(verdicts):
        assert combine(order) is expected


def test_a_pass_needs_every_part_to_pass() -> None:
    for verdicts in product(Verdict, repeat=3):
        assert (combine(verdicts) is P) == (set(verdicts) == {P})


def test_the_words_are_the_ones_people_read() -> None:
    assert [verdict.value for verdict in Verdict] == ["pass", "fail", "not enough data", "error"]
