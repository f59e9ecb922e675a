"""A plan may not let a read-out abort that has not earned it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from trimtab_server.api.live_readouts import LiveReadouts
from trimtab_server.engine.pool import EnginePool
from trimtab_server.monitoring.probes import ProbeShelf
from trimtab_server.rollouts.default_plan import default_plan
from trimtab_server.rollouts.plan import AnalysisPlan, HardLimit
from trimtab_server.steering.snapshot import Steering
from trimtab_server.store.refusal import Refusal
from trimtab_vectors.readouts import Probe
from trimtab_vectors.steering_vector import ModelFingerprint

MODEL = ModelFingerprint("LlamaForCausalLM", 8, 4, "a" * 64)
UNSTEERED = Steering("desk", "stage-11")


def readouts(guardrail: bool) -> LiveReadouts:
    probe = Probe(
        concept="honesty",
        stage="stage-11",
        model=MODEL,
        vector="1" * 64,
        layer=2,
        place="reply_mean",
        method="diff_mean",
        direction=torch.eye(8)[0],
        offset=0.0,
        scale=1.0,
        removed=torch.eye(8)[1:2],
        data_hash="c" * 64,
        guardrail=guardrail,
    )
    # No engine is asked here.
    return LiveReadouts(cast(EnginePool, None), ProbeShelf([probe], MODEL.digest), 0.05)


def guarding(signal: str) -> AnalysisPlan:
    plan = default_plan("busy")
    first = replace(plan.guardrails[0], signal=signal)
    return replace(plan, guardrails=(first, *plan.guardrails[1:]))


@pytest.mark.parametrize("kind", ["small", "busy"])
def test_the_default_plans_may_be_used_without_any_read_out(kind: Any) -> None:
    readouts(guardrail=False).require_earned(default_plan(kind), UNSTEERED)


@pytest.mark.parametrize("signal", ["honesty_mean", "honesty_minimum", "projection"])
def test_a_read_out_that_earned_nothing_may_not_abort(signal: str) -> None:
    with pytest.raises(Refusal) as refusal:
        readouts(guardrail=False).require_earned(guarding(signal), UNSTEERED)
    assert refusal.value.reason == "PLAN_INVALID"


def test_what_was_earned_may_be_used_as_recorded() -> None:
    earned = readouts(guardrail=True)
    earned.require_earned(guarding("honesty_mean"), UNSTEERED)
    limited = replace(default_plan("busy"), hard_limits=(HardLimit("honesty_minimum", 9.0),))
    with pytest.raises(Refusal):
        earned.require_earned(limited, UNSTEERED)
