"""Many writers move one pointer: what they saw fits one history, and a history that does not is found out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from promises.history import History, Read, Write, violations
from promises.racing import race
from promises.store_world import faults_of, opened, prepare


@pytest.mark.parametrize("version", [(3, 40, 1), (3, 51, 3)], ids=["one connection", "many"])
def test_eight_writers_and_four_readers_see_one_history(
    tmp_path: Path, version: tuple[int, int, int]
) -> None:
    prepare(tmp_path)
    with opened(tmp_path, sqlite_version=version) as store:
        history = race(store, 200)
        assert history.attempts == 200 and history.writes and history.reads
        assert violations(history) == []
        assert faults_of(store, [], pending=10**6) == []


SOUND = History(
    first=1,
    writes=[Write(0.0, 1.0, 1, 2, "a"), Write(0.5, 2.0, 2, 3, "b"), Write(3.0, 4.0, 3, 4, "a")],
    reads=[Read(0.2, 0.3, 1, "z"), Read(2.5, 2.6, 3, "b"), Read(3.5, 3.6, 3, "b"), Read(3.5, 3.6, 4, "a")],
    watches=[[1, 2, 4], [3, 4]],
)


def test_a_sound_history_has_no_violation() -> None:
    assert violations(SOUND) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"writes": [*SOUND.writes, Write(3.0, 4.0, 3, 4, "a")]}, "(a) numbers"),
        ({"writes": SOUND.writes[1:]}, "(a) numbers"),
        ({"writes": [*SOUND.writes[:2], Write(3.0, 4.0, 2, 4, "a")]}, "(a) revision 4 followed 2"),
        (
            {"writes": [Write(6.0, 7.0, 1, 2, "a"), *SOUND.writes[1:]], "reads": []},
            "(b) revision 2 began after a later one",
        ),
        ({"reads": [Read(2.5, 2.6, 2, "a")]}, "(c) a read told 2, it must be within 3 and 3"),
        ({"reads": [Read(0.1, 0.2, 4, "a")]}, "(c) a read told 4"),
        ({"reads": [Read(2.5, 2.6, 3, "a")]}, "(c) revision 3 was read with the snapshot of another"),
        ({"watches": [[1, 3, 2]]}, "(d)"),
        ({"watches": [[1, 1]]}, "(d)"),
        ({"errors": ["something"]}, "something"),
    ],
)
def test_an_impossible_history_is_found_out(change: dict[str, object], found: str) -> None:
    assert found in violations(replace(SOUND, **change))[0]  # type: ignore[arg-type]
