"""A run that is killed: nothing half-written is ever listed, and what is resumed neither doubles nor loses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from trimtab_vectors.organism.layout import ModelLayout
from trimtab_vectors.training.callback import SteeringCallback
from trimtab_vectors.training.journal import Journal, current_path, latest, read_journal
from trimtab_vectors.training.schedule import GivenSteps
from trimtab_vectors.training.stages import StageStore

SCRIPT = Path(__file__).with_name("tiny_training.py")


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(root), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def kill_when(process: subprocess.Popen[str], journal: Path, ready: Callable[[list[Any]], bool]) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if journal.is_file() and ready(read_journal(journal)):
            process.send_signal(signal.SIGKILL)
            process.wait()
            return
        assert process.poll() is None, "the run ended before it was killed"
        time.sleep(0.005)
    process.kill()
    raise AssertionError("the run never got to where it was to be killed")


def test_a_killed_run_resumes_to_the_stages_of_an_unbroken_one(tiny: ModuleType, tmp_path: Path) -> None:
    journal = tmp_path / "killed/model/training.jsonl"
    # Past the checkpoint of step 6, with a stage at step 8 that the resumed run goes over again.
    kill_when(
        start(tmp_path / "killed", "--slowly", "0.05"),
        journal,
        lambda records: any(r["kind"] == "stage" and r["step"] == 8 for r in records),
    )
    listed = ModelLayout(journal.parent).read_stages()
    assert [s.step for s in listed.stages] in ([None, 4], [None, 4, 8])
    resumed = start(tmp_path / "killed", "--resume")
    output, _ = resumed.communicate(timeout=120)
    assert resumed.returncode == 0 and json.loads(output.strip().splitlines()[-1]) == {"steps": 24}

    plan = tiny.plan(tmp_path / "whole/model", schedule=GivenSteps((4, 8, 12, 16, 20, 24)))
    whole = tiny.trainer(
        tiny.with_lora(tiny.new_model()),
        tmp_path / "whole/out",
        SteeringCallback(plan),
        max_steps=24,
        save_strategy="steps",
        save_steps=6,
    )
    whole.train()

    def stages(root: Path) -> list[tuple[Any, ...]]:
        records = latest(read_journal(root / "model/training.jsonl"), "stage")
        return [(r["name"], r["step"], r["branch"], r["parent"], r["sha256"]) for r in records]

    assert stages(tmp_path / "killed") == stages(tmp_path / "whole")
    lists = [(tmp_path / run / "model/stages.json").read_text() for run in ("killed", "whole")]
    assert lists[0] == lists[1] and len(json.loads(lists[0])["stages"]) == 7
    figures = [
        [
            {k: r[k] for k in ("step", "stage", "vector", "margins", "steerability", "layers", "kl_to_first")}
            for r in current_path(read_journal(tmp_path / run / "model/training.jsonl"), "measurement")
        ]
        for run in ("killed", "whole")
    ]
    assert figures[0] == figures[1]
    leftovers = [p for p in (tmp_path / "killed/model").rglob("*") if p.suffix in (".partial", ".former")]
    assert not leftovers


def test_a_run_begun_again_without_a_checkpoint_takes_the_same_places(
    tiny: ModuleType, tmp_path: Path
) -> None:
    for _ in range(2):
        run = tiny.trainer(
            tiny.with_lora(tiny.new_model()),
            tmp_path / "out",
            SteeringCallback(tiny.plan(tmp_path / "model")),
        )
        run.train()
    records = read_journal(tmp_path / "model/training.jsonl")
    assert [(r["name"], r["step"], r["branch"]) for r in latest(records, "stage")] == [
        ("stage-00", 0, 0),
        ("stage-01", 4, 0),
        ("stage-02", 8, 0),
        ("stage-03", 12, 0),
    ]
    assert len(ModelLayout(tmp_path / "model").read_stages().stages) == 4


@pytest.fixture
def store(tiny: ModuleType, tmp_path: Path) -> tuple[StageStore, Any]:
    made = StageStore(tmp_path / "model", Journal(tmp_path / "model/training.jsonl"))
    model = tiny.with_lora(tiny.new_model())
    made.write_base(model, tiny.new_tokenizer())
    made.write(model, 0, 0, None)
    model.base_model.model.model.layers[0].self_attn.q_proj.lora_B["default"].weight.data += 1.0
    made.write(model, 5, 0, "stage-00")
    return made, model


def test_a_kill_between_the_two_renames_brings_the_former_stage_back(store: tuple[StageStore, Any]) -> None:
    made, _ = store
    place = made.root / "stages/stage-01"
    place.rename(place.with_name("stage-01.former"))
    (made.root / "stages/stage-01.partial").mkdir()
    made.recover()
    assert (place / "adapter_model.safetensors").is_file()
    assert sorted(p.name for p in (made.root / "stages").iterdir()) == ["stage-00", "stage-01"]


def test_a_kill_before_the_list_was_written_loses_no_stage(store: tuple[StageStore, Any]) -> None:
    made, _ = store
    before = made.layout.stage_file.read_bytes()
    made.layout.stage_file.write_text(json.dumps({**json.loads(before), "stages": []}))
    made.recover()
    assert made.layout.stage_file.read_bytes() == before


def test_a_stage_directory_the_journal_does_not_know_is_written_over(store: tuple[StageStore, Any]) -> None:
    made, model = store
    orphan = made.root / "stages/stage-02"
    orphan.mkdir()
    (orphan / "adapter_model.safetensors").write_bytes(b"half")
    made.recover()
    assert made.write(model, 9, 0, "stage-01") == "stage-02"
    assert (orphan / "adapter_model.safetensors").stat().st_size > 1000
    assert [s.name for s in made.layout.read_stages().stages] == ["stage-00", "stage-01", "stage-02"]


def test_the_list_is_never_seen_incomplete_while_stages_are_written(
    store: tuple[StageStore, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At every rename, what stages.json lists lies on the disk whole."""
    made, model = store
    looked = 0
    rename = Path.rename

    def look(path: Path, target: Any) -> Path:
        nonlocal looked
        looked += 1
        for stage in made.layout.read_stages().stages:
            assert stage.path is None or (made.root / stage.path / "adapter_config.json").is_file()
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", look)
    for step in (9, 14):
        made.write(model, step, 0, None)
    assert looked >= 2
