"""When, what on and at what cost: schedules, budgets, triggers, probes."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from trimtab_vectors.extraction import ContrastPrompt
from trimtab_vectors.training.actions import ActionBudget, ContrastivePush, PushNow, Spent, described
from trimtab_vectors.training.callback import SteeringCallback
from trimtab_vectors.training.figures import corrected
from trimtab_vectors.training.journal import current_path, read_journal
from trimtab_vectors.training.probe import Probe, first_pairs
from trimtab_vectors.training.probe_file import ProbeFileError, read_probe_items, write_probe_items
from trimtab_vectors.training.schedule import Clock, GivenSteps, LogSpaced, TimeBudget
from trimtab_vectors.training.triggers import AtSteps, KlAbove, MarginDrop, SlopeRise


def test_log_spaced_steps_grow_by_a_factor_and_end_at_the_last() -> None:
    assert LogSpaced(count=5).steps(10_000) == (0, 1, 10, 100, 1000, 10_000)
    assert LogSpaced(count=4, first=8).steps(64) == (0, 8, 16, 32, 64)
    for last in (1, 2, 3, 7, 50, 999):
        steps = LogSpaced(count=10).steps(last)
        assert steps[0] == 0 and steps[-1] == last and list(steps) == sorted(set(steps))
    assert GivenSteps((30, 10)).steps(20) == (0, 10)


def test_a_clock_spreads_what_is_left_of_its_share_over_what_is_to_come() -> None:
    clock = Clock(TimeBudget(share=0.1), training=20.0, measuring=4.0, full_cost=5.0)
    # 20 s for 10 of 100 steps: 200 s in all, 20 s of them for measuring, 16 left for 4.
    assert clock.allowed(10, 100, 4) == pytest.approx(4.0)
    assert clock.share(4.0) == pytest.approx(0.8)
    assert clock.share(5.0) == 1.0 and clock.share(None) == 1.0
    assert clock.share(1.0) == 0.0  # Below a quarter of the items a figure is worth less than its time.
    clock.measured(2.0, 0.5)
    assert clock.full_cost == 4.0 and clock.measuring == 6.0
    assert Clock(TimeBudget(seconds=3.0, share=0.5), training=1.0).allowed(1, 2, 1) == pytest.approx(1.0)


def test_over_budget_is_shrunk_or_skipped_and_the_stage_is_written_all_the_same(
    tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = iter([0.5, 0.0, 1.0])
    monkeypatch.setattr(Clock, "share", lambda self, allowed: next(shares))
    plan = tiny.plan(tmp_path / "model", budget=TimeBudget(share=0.5))
    tiny.trainer(tiny.with_lora(tiny.new_model()), tmp_path / "out", SteeringCallback(plan)).train()
    records = read_journal(tmp_path / "model/training.jsonl")
    measured = current_path(records, "measurement")
    assert [(r["step"], r["share"], r["shrunk"]) for r in measured] == [
        (0, 1.0, False),
        (4, 0.5, True),
        (12, 1.0, False),
    ]
    assert len(measured[1]["items"]) == 5 and measured[1]["margin_change"]["n"] == 5
    assert [r["step"] for r in current_path(records, "skipped")] == [8]
    assert [r["step"] for r in current_path(records, "stage")] == [0, 4, 8, 12]


def test_a_budget_in_seconds_is_tried_out_before_the_first_measurement(
    tiny: ModuleType, tmp_path: Path
) -> None:
    plan = tiny.plan(tmp_path / "model", budget=TimeBudget(seconds=1e-4))
    tiny.trainer(tiny.with_lora(tiny.new_model()), tmp_path / "out", SteeringCallback(plan)).train()
    records = read_journal(tmp_path / "model/training.jsonl")
    assert [(r["step"], r["share"]) for r in current_path(records, "measurement")] == [(0, 0.25)]
    skipped = current_path(records, "skipped")
    assert [r["step"] for r in skipped] == [4, 8, 12]
    assert all(r["needed_seconds"] > r["allowed_seconds"] for r in skipped)


def measurement(step: int, slope: float, half: float = 0.1, **more: Any) -> dict[str, Any]:
    figure = {"value": slope, "low": slope - half, "high": slope + half}
    return {
        "step": step,
        "steerability": {"slope": figure},
        "margin_change": None,
        "kl_to_first": None,
        **more,
    }


def test_triggers_say_why_and_only_at_the_stage_they_saw() -> None:
    rising = [measurement(0, 1.0), measurement(4, 1.0), measurement(8, 2.0)]
    assert "candidate" in (SlopeRise(by=0.5).why(8, rising) or "")
    assert SlopeRise(by=0.5).why(9, rising) is None  # Nothing was measured at step 9.
    assert SlopeRise(by=1.5).why(8, rising) is None
    assert SlopeRise(by=0.5).why(8, [*rising[:2], measurement(8, 2.0, half=1.2)]) is None
    assert SlopeRise(by=0.5).why(4, rising[:2]) is None
    fell = measurement(4, 1.0, margin_change={"value": -0.5, "low": -0.7, "high": -0.3})
    assert "fell by 0.5" in (MarginDrop(0.4).why(4, [fell]) or "")
    assert MarginDrop(0.6).why(4, [fell]) is None
    unsure = measurement(4, 1.0, margin_change={"value": -0.5, "low": -1.2, "high": 0.2})
    assert MarginDrop(0.4).why(4, [unsure]) is None and MarginDrop(0.4).why(0, rising[:1]) is None
    moved = measurement(4, 1.0, kl_to_first={"value": 0.2})
    assert KlAbove(0.1).why(4, [moved]) and KlAbove(0.3).why(4, [moved]) is None
    assert AtSteps((3,)).why(3, []) and AtSteps((3,)).why(4, []) is None


def test_smaller_shares_are_parts_of_larger_ones_and_of_whole_statements(tiny: ModuleType) -> None:
    probe = tiny.probe()
    sizes = [set(probe.first(share, seed=1)) for share in (0.1, 0.25, 0.5, 0.75, 1.0)]
    assert all(a <= b for a, b in pairwise(sizes)) and sizes[1] < sizes[3]
    assert len(sizes[-1]) == len(probe.items) and len(sizes[0]) == 2
    contrast = tiny.contrast_set()
    part = first_pairs(contrast, 0.5, seed=1)
    assert len(part.train) == 9 and len(part.dev) == 3
    assert first_pairs(contrast, 1.0, seed=1) is contrast


def test_similarity_takes_the_noise_out_and_is_hidden_where_noise_rules() -> None:
    assert corrected(0.6, 0.8, 0.9) == pytest.approx(0.6 / 0.72**0.5)
    assert corrected(0.95, 0.8, 0.8) == 1.0
    assert corrected(0.6, 0.4, 0.9) is None and corrected(0.6, None, 0.9) is None


def test_the_action_budget_counts_actions_steps_and_seconds(tiny: ModuleType) -> None:
    push = PushNow(AtSteps((1,)), ContrastivePush(tiny.items(["zz"]), steps=5, learning_rate=1e-3))
    budget = ActionBudget(actions=2, steps=9, seconds=10.0)
    assert budget.objection(push, Spent()) is None
    assert "2 of 2 actions" in (budget.objection(push, Spent(actions=2)) or "")
    assert "4 of 9 are left" in (budget.objection(push, Spent(steps=5)) or "")
    assert "10 seconds" in (budget.objection(push, Spent(seconds=12.0)) or "")
    assert described(push)["push"] == {
        "steps": 5,
        "learning_rate": 1e-3,
        "batch_size": 8,
        "contrast": 1.0,
        "seed": 0,
        "items": 1,
    }


def test_probe_files_are_read_back_and_faults_are_named(tiny: ModuleType, tmp_path: Path) -> None:
    place = tmp_path / "probe.jsonl"
    items = (*tiny.probe().items, *tiny.items(["あ"]))
    write_probe_items(place, items)
    assert read_probe_items(place) == items
    line = place.read_text(encoding="utf-8").splitlines()[0]
    for broken, message in (
        ("{", r"probe.jsonl:1: the line: Invalid JSON"),
        (line.replace('"honest":["t"]', '"honest":[]'), r"probe.jsonl:1: honest"),
        (line.replace('"dishonest"', '"dishonset"'), r"probe.jsonl:1: dishonest: Field required"),
        (line.replace('"role":"user"', '"role":"assistant"'), r"probe.jsonl:1: prompt: .*end with a user"),
        (f"{line}\n{line}", r"probe.jsonl:2: id .* is used twice"),
        ("\n", "holds no item"),
    ):
        place.write_text(broken, encoding="utf-8")
        with pytest.raises(ProbeFileError, match=message):
            read_probe_items(place)


def test_a_probe_needs_statements_to_compare(tiny: ModuleType) -> None:
    (one,) = tiny.items(["ba"])
    with pytest.raises(ValueError, match="1 statements"):
        Probe((one,))
    with pytest.raises(ValueError, match="uses the id 'ba' twice"):
        Probe((one, *tiny.items(["be"]), one))
    assert isinstance(one.item.prompt, ContrastPrompt)


def test_a_plan_that_cannot_be_measured_is_refused(tiny: ModuleType, tmp_path: Path) -> None:
    for changes, message in (
        ({"strengths": (0.1, 0.2)}, "with 0 among them"),
        ({"random_vectors": 5}, "at least 20"),
        ({"layers": ()}, "at least one layer"),
        ({"kl_tokens": 0}, "kl_tokens"),
    ):
        with pytest.raises(ValueError, match=message):
            tiny.plan(tmp_path, **changes)
    plan = tiny.plan(tmp_path)
    assert plan.digest == tiny.plan(tmp_path / "other", schedule=LogSpaced()).digest
    assert plan.digest != tiny.plan(tmp_path, seed=1).digest
