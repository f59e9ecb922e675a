"""Where a rollback leads."""

from __future__ import annotations

import pytest
from trimtab_server.steering.history import in_effect, rollback_target
from trimtab_server.store.deployments import RevisionRecord


def history(text: str) -> list[RevisionRecord]:
    """ "U A B <A": U is initial, A and B are activated, then a rollback to A."""
    revisions = []
    for number, word in enumerate(text.split(), 1):
        kind = "initial" if number == 1 else "rollback" if word.startswith("<") else "activate"
        undone = number - 1 if kind == "rollback" else 0
        revisions.append(RevisionRecord("default", number, word.lstrip("<"), kind, "t", "", undone, number))
    return revisions


@pytest.mark.parametrize(
    ("revisions", "standing", "target"),
    [
        ("U", [1], None),
        ("U A", [1, 2], 1),
        ("U A B", [1, 2, 3], 2),
        ("U A B <A", [1, 2], 1),
        ("U A B <A <U", [1], None),
        ("U A B <A C", [1, 2, 5], 2),
        ("U A B <A C <A", [1, 2], 1),
        # Activating the same snapshot again is nothing to go back to.
        ("U A A", [1, 2, 3], 1),
        ("U A A <U", [1], None),
        # Unsteered now, from far up, and then on.
        ("U A B C <U", [1], None),
        ("U A B C <U B", [1, 6], 1),
        # Further back than one step, and from there again.
        ("U A B C <A", [1, 2], 1),
        # Returning on purpose to what was undone.
        ("U A B <A <B", [1, 2, 5], 2),
        # A snapshot that was used twice: back to its last standing use.
        ("U A B A C <A", [1, 2, 3, 4], 3),
    ],
)
def test_rollback_goes_to_the_last_revision_not_rolled_back(
    revisions: str, standing: list[int], target: int | None
) -> None:
    past = history(revisions)
    assert [revision.number for revision in in_effect(past)] == standing
    found = rollback_target(past)
    assert (found.number if found else None) == target


def test_repeated_rollback_always_ends_at_revision_one() -> None:
    past = history("U A B C B D <B E A")
    seen = [past[-1].snapshot]
    while (target := rollback_target(past)) is not None:
        assert target.snapshot != past[-1].snapshot, "a rollback that changes nothing"
        number = len(past) + 1
        past.append(
            RevisionRecord("default", number, target.snapshot, "rollback", "t", "", number - 1, number)
        )
        seen.append(target.snapshot)
        assert len(seen) < 20
    assert seen[-1] == "U"
