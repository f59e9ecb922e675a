"""`trimtab readouts fit` on the shipped model, on few questions: no server takes part."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from trimtab_vectors.evaluation.honesty import read_questions, write_questions
from trimtab_vectors.organism import shipped_model_dir
from trimtab_vectors.readouts.probe_file import read_probe

MODEL = shipped_model_dir()
FIT = ("readouts", "fit", "--model", MODEL, "--vector", MODEL / "vectors" / "honesty.safetensors")
SETTING = ("--strength", "0.35", "--layers", "1-2", "--read-at", "4", "--max-new-tokens", "20")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    paths = {}
    for name in ("dev", "canary"):
        asked = [q for q in read_questions(MODEL / f"{name}.jsonl") if q.language == "en"]
        paths[name] = tmp_path / f"{name}.jsonl"
        write_questions(paths[name], [q for q in asked if re.search(r"/00[0-3]$", q.id)])
    return paths


def test_the_readout_and_its_report_are_written_and_few_questions_earn_nothing(
    nowhere: Any, files: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    asked = ("--questions", files["dev"], "--held-out", files["canary"], "--out", out)
    record = nowhere.json(*FIT, *SETTING, *asked)
    assert record["guardrails"] == [] and record["layers"] == [4]
    assert "give more questions" in record["families"]["probe"]["refusal"]
    probe = read_probe((out / "readout.safetensors").read_bytes())
    assert probe.id == record["probe"] and probe.layer == 4 and not probe.guardrail
    assert json.loads((out / "readouts.json").read_text(encoding="utf-8"))["probe"] == probe.id


def test_dev_questions_are_not_reported_on(nowhere: Any, files: dict[str, Path]) -> None:
    same = ("--questions", files["dev"], "--held-out", files["dev"])
    ran = nowhere(*FIT, *SETTING, *same)
    assert ran.exit_code == 1 and "HELD_OUT_LEAKS" in ran.err
