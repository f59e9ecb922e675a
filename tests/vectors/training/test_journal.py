"""The journal file: whole lines only, and the path that led to where a run is."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from trimtab_vectors.training.journal import (
    Journal,
    JournalError,
    current_path,
    follow,
    latest,
    read_journal,
)


def test_a_torn_last_line_is_neither_read_nor_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run/training.jsonl")
    journal.append("plan", 0, 0, plan="x")
    with journal.path.open("ab") as file:
        file.write(b'{"form": "trimtab.training/1", "kind": "meas')
    assert [r["kind"] for r in journal.read()] == ["plan"]
    journal.append("measurement", 4, 0, value=1.5)
    assert [r["kind"] for r in read_journal(journal.path)] == ["plan", "measurement"]
    assert all(json.loads(line) for line in journal.path.read_text().splitlines())


def test_a_torn_line_longer_than_any_buffer_is_cut(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "training.jsonl")
    journal.append("plan", 0, 0)
    with journal.path.open("ab") as file:
        file.write(b'"' + b"x" * 200_000)
    journal.append("plan", 1, 0)
    assert [r["step"] for r in journal.read()] == [0, 1]


def test_what_is_not_finite_is_null_and_what_is_no_figure_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "training.jsonl")
    record = journal.append("measurement", 0, 0, a=math.nan, b=[1.23456789012, math.inf], c={"d": (1, 2)})
    assert (record["a"], record["b"], record["c"]) == (None, [1.23457, None], {"d": [1, 2]})
    with pytest.raises(TypeError, match="no place in a journal"):
        journal.append("measurement", 0, 0, a=object())
    with pytest.raises(ValueError, match="use one of"):
        journal.append("rumour", 0, 0)


def test_a_file_of_something_else_is_named_with_its_line(tmp_path: Path) -> None:
    place = tmp_path / "other.jsonl"
    place.write_text('{"form": "trimtab.training/1", "kind": "plan"}\nnot json\n')
    with pytest.raises(JournalError, match=r"other.jsonl:2: not JSON"):
        read_journal(place)
    place.write_text('{"loss": 1.0}\n')
    with pytest.raises(JournalError, match=r"other.jsonl:1: no record"):
        read_journal(place)


def test_a_repeated_step_stands_in_place_of_the_earlier_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "training.jsonl")
    for value in (1, 2):
        journal.append("measurement", 4, 0, value=value)
    journal.append("action", 4, 0, action="push")
    journal.append("action", 4, 0, action="pause")
    assert [r["value"] for r in latest(journal.read(), "measurement")] == [2]
    assert len(latest(journal.read(), "action")) == 2


def test_the_current_path_follows_branches_back_to_the_beginning(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "training.jsonl")
    for step in (0, 4, 8, 12):
        journal.append("measurement", step, 0)
    journal.append("action", 12, 1, action="revert", from_branch=0, from_step=4)
    journal.append("measurement", 16, 1)
    journal.append("measurement", 20, 1)
    # Killed after step 20; its newest checkpoint was at step 16.
    journal.append("resumed", 16, 1, from_branch=1, from_step=16)
    assert [(r["step"], r["branch"]) for r in current_path(journal.read(), "measurement")] == [
        (0, 0),
        (4, 0),
        (16, 1),
    ]
    # Back to an old checkpoint of the first branch: the revert is no part of what led here.
    journal.append("resumed", 8, 2, from_branch=0, from_step=8)
    journal.append("measurement", 12, 2)
    path = current_path(journal.read())
    assert [(r["step"], r["branch"]) for r in path if r["kind"] == "measurement"] == [
        (0, 0),
        (4, 0),
        (8, 0),
        (12, 2),
    ]
    assert not [r for r in path if r["kind"] == "action"]


def test_a_reader_follows_a_growing_file_line_by_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "training.jsonl")
    watching = follow(journal.path)
    assert next(watching) == []
    journal.append("plan", 0, 0)
    with journal.path.open("ab") as file:
        file.write(b'{"form": "trimtab.training/1", "ki')
    assert [r["kind"] for r in next(watching)] == ["plan"]
    journal.append("stage", 0, 0)
    assert [r["kind"] for r in next(watching)] == ["stage"]
    assert next(watching) == []


def test_reading_a_journal_needs_no_torch() -> None:
    code = "import sys, trimtab_vectors.training.journal; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
