"""The benchmark of extraction runs and reports a ratio for each method asked for."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path


def test_every_method_is_set_against_the_bare_passes() -> None:
    spec = importlib.util.spec_from_file_location(
        "extraction_bench", Path(__file__).with_name("extraction.py")
    )
    assert spec is not None and spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    report = bench.measure(pairs=12, rounds=1, methods=["diff_mean", "lat"], device="cpu")
    assert set(report["ratios"]) == {"diff_mean", "lat"}
    assert all(math.isfinite(ratio) and ratio > 0 for ratio in report["ratios"].values())
