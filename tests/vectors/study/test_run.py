"""A whole study, real cells: what it measures, how it goes on after a kill, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from trimtab_vectors.extraction import median_residual_norms, prompt_tokens, read_contrast_set
from trimtab_vectors.study import (
    LockError,
    Study,
    StudyProgress,
    Summary,
    open_study,
    read_summary,
    run_study,
    study_status,
    summarise,
)
from trimtab_vectors.study.cells import CellError
from trimtab_vectors.study.figures import run_figures
from trimtab_vectors.study.items import read_items
from trimtab_vectors.study.lock import read_lock

from .test_packed_answers import plain_log_odds

Write = Callable[[str, str], Path]


@pytest.fixture(scope="module")
def heard() -> list[StudyProgress]:
    return []


@pytest.fixture(scope="module")
def study(folder: Path, heard: list[StudyProgress], tmp_path_factory: pytest.TempPathFactory) -> Study:
    opened = open_study(folder / "study.toml", tmp_path_factory.mktemp("out") / "results")
    done = run_study(opened, progress=heard.append)
    assert done.computed == opened.expected and not sum(done.found.values())
    return opened


@pytest.fixture(scope="module")
def summary(study: Study) -> Summary:
    return summarise(study)


def test_a_finished_study_computes_nothing_again(study: Study) -> None:
    done = run_study(study)
    assert not done.computed and done.found == study.expected


def test_progress_counts_every_cell_once_and_tells_the_time_left(
    heard: list[StudyProgress], study: Study
) -> None:
    total = sum(study.expected.values())
    assert {p.total for p in heard} == {total}
    assert [p.done for p in heard] == sorted(p.done for p in heard) and heard[-1].done == total
    assert heard[-1].seconds_left == 0.0 and heard[0].seconds_left is None
    assert [p for p in dict.fromkeys(h.phase for h in heard)] == ["vectors", "dose", "stages"]


def test_an_effect_is_what_plain_forward_passes_of_the_stages_give(study: Study, folder: Path) -> None:
    """Vector, residual norm and log-odds by formulas of the test's own, through plain transformers."""
    dose = read_lock(study.out).doses(study)["llama"]
    run = study.runs[1]
    figures = run_figures(study, run, dose)
    causal: Any = AutoModelForCausalLM
    tokenizer = AutoTokenizer.from_pretrained(folder / "base")
    source = causal.from_pretrained(folder / "run-2" / "stages" / "stage-01").eval()
    model = causal.from_pretrained(folder / "run-2" / "stages" / "stage-03").eval()
    units = {}
    for layer in dose.layers:
        differences = []
        for pair in read_contrast_set(folder / "contrast.jsonl").train:
            sides = []
            for side in (pair.positive, pair.negative):
                ids = torch.tensor([prompt_tokens(tokenizer, side)])
                with torch.no_grad():
                    # No last layer is used here, so hidden_states holds what the block gave.
                    sides.append(
                        source(ids, output_hidden_states=True).hidden_states[layer + 1][0, -1].double()
                    )
            differences.append(sides[0] - sides[1])
        units[layer] = torch.nn.functional.normalize(torch.stack(differences).mean(0), dim=0).float()
    norms = median_residual_norms(model, tokenizer)
    items = read_items(folder / "items" / "held-out.jsonl")[:3]
    for strength in (dose.strength, -dose.strength, 0.5 * dose.strength):
        # The oracle's own unit is a residual norm of 3 and 4 at layers 0 and 1.
        push = {n: u * strength * norms[n] / {0: 3.0, 1: 4.0}[n] for n, u in units.items()}
        expected = [plain_log_odds(model, tokenizer, item, push, False) for item in items]
        assert figures.grid.at(strength)[1, 3, :3].tolist() == pytest.approx(expected, abs=1e-3)
    plain = [plain_log_odds(model, tokenizer, item, {}, False) for item in items]
    assert figures.unsteered[3, :3].tolist() == pytest.approx(plain, abs=1e-3)


def test_the_summary_says_what_the_cells_say(study: Study, summary: Summary) -> None:
    dose = read_lock(study.out).doses(study)["llama"]
    figures = [run_figures(study, run, dose) for run in study.runs]
    arc = summary.arcs[0]
    up, down = (np.stack([f.grid.at(s * dose.strength) for f in figures]) for s in (1, -1))
    assert np.array(arc.effect.value) == pytest.approx(((up - down) / 2).mean((0, 3)), rel=1e-3, abs=1e-5)
    # Slopes of real and of random vectors by numpy's own fit.
    own = np.polyfit(figures[0].grid.strengths, figures[0].grid.margins[2, 1].mean(1), 1)[0]
    assert figures[0].steerability.slope.value[2, 1] == pytest.approx(own, rel=1e-6)
    specific = own - figures[0].random_slopes[:, 1].mean()
    assert summary.runs[0].specific_slope.value[2][1] == pytest.approx(specific, rel=1e-3)
    low, high = np.array(arc.effect.low), np.array(arc.effect.high)
    assert ((low <= np.array(arc.effect.value)) & (np.array(arc.effect.value) <= high)).all()
    lag = [np.mean(t.arm_lag - t.twin_lag) / 4 for t in figures[0].twins]
    assert summary.runs[0].intervention_lag == pytest.approx(lag, rel=1e-3)
    assert summary.arcs[0].stability.value[1][1] in (1.0, None)


def test_two_runs_confirm_nothing_and_the_caveats_say_so(summary: Summary) -> None:
    assert {w.statistic for w in summary.arcs[0].windows} == {"receptivity", "lag"}
    assert "confirmed" not in {w.verdict for w in summary.arcs[0].windows}
    assert any("never confirm a window" in caveat for caveat in summary.caveats)
    assert any("fine-tune seed" in caveat for caveat in summary.caveats)
    assert any("a test of the machinery" in caveat for caveat in summary.caveats)
    assert summary.planted_window is None and summary.planted_null is None


def test_a_summary_is_read_back_as_it_was_written(study: Study, summary: Summary) -> None:
    assert read_summary(study.out / "summary.json") == summary
    assert "NaN" not in (study.out / "summary.json").read_text(encoding="utf-8")


def test_every_cell_costs_the_same_however_many_there_are(summary: Summary) -> None:
    assert summary.cost.cells == {
        "vector": 9,
        "dose": 1,
        "baseline": 9,
        "random": 9,
        "side": 17,
        "effect": 49,
    }
    assert summary.cost.seconds_per_effect_cell > 0 and summary.cost.r_squared <= 1.0


def test_the_dose_is_locked_before_anything_held_out_is_measured(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = open_study(folder / "study.toml", tmp_path / "results")

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("trimtab_vectors.study.bench.Bench.measure", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_study(study)
    state = study_status(study.out)
    assert state.dose_locked and state.cells["effect"] == (0, 49) and state.cells["baseline"] == (0, 9)
    assert state.cells["dose"] == (1, 1) and not state.complete
    with pytest.raises(CellError, match="run the study to its end"):
        summarise(study)


def test_held_out_facts_that_took_part_in_a_choice_are_refused(study: Study, tmp_path: Path) -> None:
    lock = read_lock(study.out)
    choice = lock.choices["llama"]
    leaked = study.material.held_out_items.fact_hashes
    choice = {**choice, "dev": {**choice["dev"], "facts": sorted(leaked)}}
    object.__setattr__(lock, "choices", {"llama": choice})
    with pytest.raises(ValueError, match="a figure on them would flatter"):
        lock.doses(study)


def test_a_changed_plan_or_file_is_refused_with_what_changed(
    study: Study, folder: Path, plan_file: Write
) -> None:
    changed = open_study(plan_file("strengths = [0.1, 0.2]", "strengths = [0.1, 0.3]"), study.out)
    with pytest.raises(LockError, match=r"plan\.dose\.strengths\.1: 0\.2 -> 0\.3"):
        run_study(changed)
    texts = folder / "texts" / "held-out.jsonl"
    content = texts.read_text(encoding="utf-8")
    try:
        texts.write_text(content + '{"text": "One more text."}\n', encoding="utf-8")
        with pytest.raises(LockError, match=r"files\.texts/held-out\.jsonl"):
            run_study(open_study(folder / "study.toml", study.out))
    finally:
        texts.write_text(content, encoding="utf-8")
    with pytest.raises(LockError, match="no study"):
        study_status(folder)


def _figures(out: Path) -> dict[str, Any]:
    """Every cell without how long it took."""
    cells = {}
    for path in sorted((out / "cells").glob("*/*/*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        del record["seconds"]
        cells[path.name] = record
    return cells


def test_a_study_killed_with_all_its_processes_goes_on_without_repeating_a_cell(
    study: Study, folder: Path, tmp_path: Path
) -> None:
    """Two workers, killed outright in the middle; what is there then stays as it is, and the end is the same."""
    out = tmp_path / "results"
    command = [
        sys.executable,
        "-m",
        "trimtab_vectors.study",
        "run",
        str(folder / "study.toml"),
        "--out",
        str(out),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [*command, "--workers", "2"], start_new_session=True, env=environment, stderr=subprocess.DEVNULL
    )
    total = sum(study.expected.values())
    try:
        while process.poll() is None and len(list((out / "cells").glob("*/*/*.json"))) < total // 3:
            time.sleep(0.01)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    before = {p: p.stat().st_mtime_ns for p in (out / "cells").glob("*/*/*.json")}
    assert total // 3 <= len(before) < total
    opened = open_study(folder / "study.toml", out)
    done = run_study(opened)
    assert sum(done.found.values()) == len(before)
    assert sum(done.computed.values()) == total - len(before)
    assert all(p.stat().st_mtime_ns == at for p, at in before.items())
    ours, whole = _figures(out), _figures(study.out)
    assert ours.keys() == whole.keys()
    for name, record in whole.items():
        for key, value in record.items():
            if isinstance(value, list) and value and isinstance(value[0], (int, float, list)):
                assert np.array(ours[name][key]) == pytest.approx(np.array(value), abs=1e-4), (name, key)


def test_a_worker_that_fails_names_the_stage_and_keeps_what_is_finished(
    study: Study, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "results"
    shutil.copytree(study.out, out)
    cell = next((out / "cells" / "effect").glob("*/*.json"))
    cell.unlink()
    for path in (out / "cells" / "vector").glob("*/*.json"):
        path.write_text("{", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "trimtab_vectors.study",
        "run",
        str(folder / "study.toml"),
        "--out",
        str(out),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, "--workers", "2"], capture_output=True, text=True, env=environment)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "measure at llama/natural/seed-" in done.stderr and "is damaged" in done.stderr
    assert not cell.exists()
