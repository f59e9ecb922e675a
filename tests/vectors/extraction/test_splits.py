"""The split made for a contrast set that names none."""

from __future__ import annotations

import pytest
from trimtab_vectors.extraction import splits_by_statement

STATEMENTS = [f"statement {i}" for i in range(50)]


def test_a_fifth_of_the_statements_is_held_out_whatever_their_order_or_number_of_rows() -> None:
    splits = splits_by_statement(STATEMENTS)
    assert list(splits.values()).count("dev") == 10 and len(splits) == 50
    assert splits_by_statement([*STATEMENTS[::-1], *STATEMENTS[:7]]) == splits


def test_the_seed_decides_and_nothing_else_does() -> None:
    assert splits_by_statement(STATEMENTS, seed=1) == splits_by_statement(STATEMENTS, seed=1)
    assert splits_by_statement(STATEMENTS, seed=1) != splits_by_statement(STATEMENTS, seed=2)


def test_some_statement_always_trains_and_of_two_one_is_held_out() -> None:
    assert list(splits_by_statement(["a"]).values()) == ["train"]
    assert sorted(splits_by_statement(["a", "b"]).values()) == ["dev", "train"]
    assert "train" in splits_by_statement(["a", "b"], dev_share=0.99).values()
    assert "dev" not in splits_by_statement(STATEMENTS, dev_share=0.0).values()
    assert splits_by_statement([]) == {}
    with pytest.raises(ValueError, match="dev_share is 1"):
        splits_by_statement(STATEMENTS, dev_share=1.0)
