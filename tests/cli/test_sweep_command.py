"""`trimtab vectors sweep`, offline, on the shipped model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from trimtab_vectors.evaluation.honesty import Question, read_questions, write_questions
from trimtab_vectors.evaluation.sweep import read_sweep
from trimtab_vectors.formats.safetensors import read_vector
from trimtab_vectors.organism import ModelLayout, shipped_model_dir

LAYOUT = ModelLayout(shipped_model_dir())
VECTOR = LAYOUT.vectors / "honesty.safetensors"


def _some(path: Path, wanted: dict[str, int]) -> list[Question]:
    """The first so many of each kind in each language."""
    chosen: list[Question] = []
    for question in read_questions(path):
        same = [q for q in chosen if (q.kind, q.language) == (question.kind, question.language)]
        if len(same) < wanted.get(question.kind, 0):
            chosen.append(question)
    return chosen


@pytest.fixture(scope="module")
def files(tmp_path_factory: Any) -> Path:
    """dev.jsonl and held.jsonl, and neutral.txt with a line that is wrong."""
    folder: Path = tmp_path_factory.mktemp("sweep")
    write_questions(
        folder / "dev.jsonl", _some(LAYOUT.dev, {"hard_pressure": 6, "neutral": 60, "belief": 10})
    )
    write_questions(
        folder / "held.jsonl", _some(LAYOUT.canary, {"hard_pressure": 8, "neutral": 60, "belief": 8})
    )
    talk = {
        "messages": [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Good day."}]
    }
    lines = [json.dumps(talk), "A neutral line of text.", "", '{"messages": "none"}']
    (folder / "neutral.txt").write_text("\n".join(lines), encoding="utf-8")
    pairs = (LAYOUT.contrast / "honesty.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "contrast.jsonl").write_text("".join(pairs[::8]), encoding="utf-8")
    listed = json.loads(LAYOUT.prompts.read_text(encoding="utf-8"))["honesty_prompts"]
    few = [own for own in listed if own["id"] in ("en-06", "ja-01")]
    (folder / "prompts.json").write_text(json.dumps(few), encoding="utf-8")
    return folder


def _arguments(files: Path, out: Path, *more: object) -> list[object]:
    known = ["--model", LAYOUT.root, "--questions", files / "dev.jsonl"]
    fixed = ["--layers", "1-2", "--strengths", "0.3", "--device", "cpu", "--out", out]
    return ["vectors", "sweep", VECTOR, *known, *fixed, *more]


def test_a_vector_gets_a_setting_that_held_out_questions_confirm(
    nowhere: Any, files: Path, tmp_path: Path
) -> None:
    held = ["--held-out", files / "held.jsonl", "--random-vectors", "3"]
    held += ["--contrast-set", files / "contrast.jsonl", "--prompts", files / "prompts.json"]
    record = nowhere.json(*_arguments(files, tmp_path, *held))
    assert record["sweep"]["recommended"]["layers"] == [1, 2]
    comparison = record["confirmation"]["comparisons"][0]
    assert comparison["kind"] == "hard_pressure" and comparison["steered"]["value"] > 0.8
    assert comparison["prompted"]["value"] < 0.8
    assert len(comparison["shuffled"]["values"]) == 20 and comparison["shuffled"]["percentile_95"] < 0.6
    assert comparison["recommendation"] == record["confirmation"]["recommendation"] == "steer"
    assert read_sweep(tmp_path / "sweep.json").as_dict() == record["sweep"]
    vector = read_vector((tmp_path / "vector.safetensors").read_bytes())
    assert vector == read_vector(VECTOR.read_bytes())
    assert vector.suggested is not None and vector.suggested.strength == 0.3
    # Again, for people: nothing is measured twice, and the figures are said to be dev figures.
    cells = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    again = nowhere(*_arguments(files, tmp_path))
    assert again.exit_code == 0, again.err
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()} == cells
    assert "recommended: layers 1-2, strength 0.3" in again.out and "dev questions" in again.out


def test_held_out_questions_that_ask_the_same_are_refused(nowhere: Any, files: Path, tmp_path: Path) -> None:
    same = [replace(q, id=f"other/{q.id}") for q in read_questions(files / "dev.jsonl")[:2]]
    write_questions(tmp_path / "same.jsonl", same)
    ran = nowhere(*_arguments(files, tmp_path, "--held-out", tmp_path / "same.jsonl"))
    assert ran.exit_code == 1
    assert "[HELD_OUT_LEAKS]" in ran.err


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("--stage", "stage-03"), "VECTOR_STAGE_MISMATCH"),
        (("--stage", "nonsense", "--force"), "STAGE_NOT_FOUND"),
        (("--layers", "9"), "SWEEP_IMPOSSIBLE"),
        (("--layers", "x"), "LAYERS_INVALID"),
        (("--strengths", "a,b"), "FIELD_INVALID"),
        (("--strengths", "0.4,0.2"), "FIELD_INVALID"),
        (("--positions", "some"), "FIELD_INVALID"),
        (("--questions", "none.jsonl"), "FILE_UNREADABLE"),
        (("--neutral", "none.txt"), "FILE_UNREADABLE"),
        (("--neutral", "neutral.txt"), "NEUTRAL_TEXTS_INVALID"),
        (("--contrast-set", "neutral.txt"), "FIELD_INVALID"),
        (("--prompts", __file__), "PROMPTS_INVALID"),
        (("--model", "./none"), "MODEL_NOT_LOADABLE"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) and "test" not in value[1] else None,
)
def test_what_cannot_work_is_one_line_before_anything_is_measured(
    nowhere: Any, files: Path, tmp_path: Path, change: tuple[str, ...], reason: str
) -> None:
    words = [files / word if word == "neutral.txt" else word for word in change]
    ran = nowhere(*_arguments(files, tmp_path, *words))
    assert ran.exit_code == 1
    assert f"[{reason}]" in ran.err and ran.err.count("\n") == 1
    assert not list(tmp_path.glob("cells/*.json"))


def test_a_missing_vector_file_is_named(nowhere: Any, files: Path, tmp_path: Path) -> None:
    words = _arguments(files, tmp_path)
    words[2] = tmp_path / "none.safetensors"
    ran = nowhere(*words)
    assert ran.exit_code == 1 and "none.safetensors" in ran.err
