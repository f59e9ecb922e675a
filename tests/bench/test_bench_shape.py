"""The benchmark runs and reports the ratios that others read."""

from __future__ import annotations

import math

import torch
from trimtab_server.bench import cpu


def test_cpu_suite_reports_every_promised_ratio_and_leaves_torch_as_it_was() -> None:
    threads = torch.get_num_threads()
    report = cpu.run(rounds=1, reply_tokens=4)
    promised = {
        "steered_over_unsteered",
        "engine_over_generate_b16",
        "engine_over_generate_b1",
        "two_lanes_over_one",
    }
    assert promised <= report["ratios"].keys()
    assert all(math.isfinite(ratio) and ratio > 0 for ratio in report["ratios"].values())
    assert isinstance(report["device"], str)
    assert torch.get_num_threads() == threads
