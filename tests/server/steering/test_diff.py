"""What differs between two snapshots."""

from __future__ import annotations

from typing import Any

from trimtab_server.steering.diff import Change, diff
from trimtab_server.steering.snapshot import Condition, Opens, Operator
from trimtab_server.steering.validation import DraftTerm

A, B = "a" * 64, "b" * 64


def test_equal_configurations_have_no_changes(checked: Any) -> None:
    assert diff(checked(DraftTerm(A, 0.5)).configuration, checked(DraftTerm(A, 0.5)).configuration) == []


def test_a_changed_strength_and_prompt_are_two_changes(checked: Any) -> None:
    base = checked(DraftTerm(A, 0.5), system_prompt="one").configuration
    other = checked(DraftTerm(A, 0.75), system_prompt="two").configuration
    assert diff(base, other) == [
        Change("steering.system_prompt", "one", "two"),
        Change(f"terms[vectors/{A}].strength", "0.5", "0.75"),
    ]


def test_an_added_term_has_nothing_before_and_a_removed_one_nothing_after(checked: Any) -> None:
    base, other = checked().configuration, checked(DraftTerm(A, 0.5)).configuration
    added, removed = diff(base, other), diff(other, base)
    assert {change.before for change in added} == {change.after for change in removed} == {""}
    assert len(added) == len(removed) == 5


def test_what_only_a_clamp_or_a_condition_says_is_named(checked: Any) -> None:
    base = checked(DraftTerm(A, 0.5, (3,))).configuration
    gate = Condition(A, 1, 0.25, Opens.SCORE_BELOW)
    clamp = DraftTerm(A, 0.5, (3,), Operator.CLAMP, level=0.75, condition=gate)
    assert [
        (change.path.partition("].")[2], change.after) for change in diff(base, checked(clamp).configuration)
    ] == [
        ("bound", "exactly"),
        ("condition.layer", "1"),
        ("condition.opens", "score_below"),
        ("condition.threshold", "0.25"),
        ("condition.vector", f"vectors/{A}"),
        ("level", "0.75"),
        ("operator", "clamp"),
    ]


def test_a_vector_used_twice_is_told_apart(checked: Any) -> None:
    base = checked(DraftTerm(A, 0.25, (1,)), DraftTerm(A, 0.5, (2,))).configuration
    other = checked(DraftTerm(A, 0.25, (1,)), DraftTerm(A, 0.75, (2,))).configuration
    assert [change.path for change in diff(base, other)] == [f"terms[vectors/{A}#2].strength"]
