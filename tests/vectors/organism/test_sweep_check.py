"""The kept record of the sweep's own setting is about the shipped weights, and every line of it holds."""

from __future__ import annotations

import json

from trimtab_vectors.evaluation.sweep import SweepResult
from trimtab_vectors.organism import ModelLayout, shipped_model_dir


def record() -> dict:
    return json.loads((shipped_model_dir() / "sweep-check.json").read_text(encoding="utf-8"))


def test_the_record_is_about_the_shipped_weights() -> None:
    assert record()["hashes"] == dict(ModelLayout(shipped_model_dir()).weight_hashes())


def test_every_line_holds_at_the_setting_that_was_recommended() -> None:
    kept = record()
    chosen = SweepResult.from_dict(kept["sweep"]).recommended
    assert chosen is not None
    assert kept["recommended"] == {"layers": list(chosen.layers), "strength": chosen.strength}
    assert kept["ok"] and all(line["ok"] for line in kept["lines"]) and len(kept["lines"]) == 37
    assert not kept["quick"]


def test_what_is_recommended_lies_within_the_safe_range_of_its_layers() -> None:
    result = SweepResult.from_dict(record()["sweep"])
    chosen = result.recommended
    assert chosen is not None
    curve = next(curve for curve in result.curves if curve.layers == chosen.layers)
    assert curve.safe_strength is not None and chosen.strength <= curve.safe_strength
