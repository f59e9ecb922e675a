"""The guardrail rule on made scores: a dose meter is refused, a read-out that works within settings is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from trimtab_vectors.evaluation.honesty import Outcome
from trimtab_vectors.evaluation.outcomes import Answers
from trimtab_vectors.readouts.discrimination import GuardrailRule, discriminate
from trimtab_vectors.readouts.reply_states import ReplyStates

SHARES = {"good": 0.9, "negated": 0.1, "unsteered": 0.5}
N = 200
FACTS = [f"fact {i % 50}" for i in range(N)]


def heard(rng: np.random.Generator) -> dict[str, ReplyStates]:
    replies = {}
    for name, share in SHARES.items():
        outcomes = [Outcome.HONEST if rng.random() < share else Outcome.LIE for _ in range(N)]
        outcomes[:10] = [Outcome.NO_BELIEF] * 10
        replies[name] = ReplyStates(
            Answers(("",) * N, tuple(outcomes)), {(0, "prompt_end"): torch.zeros(N, 1)}
        )
    return replies


def test_a_dose_meter_looks_good_over_all_settings_and_is_refused() -> None:
    rng = np.random.default_rng(0)
    replies = heard(rng)
    dose = {"good": 10.0, "negated": -10.0, "unsteered": 0.0}
    scores = {name: dose[name] + rng.normal(size=N) for name in SHARES}
    found = discriminate(scores, replies, FACTS, GuardrailRule())
    assert found.pooled.value > 0.8
    assert found.worst is not None and found.worst.auroc is not None and found.worst.auroc.value < 0.65
    assert found.failing(GuardrailRule()) is not None
    # Even one that passes over all settings fails within them.
    relaxed = found.failing(GuardrailRule(at_least=0.8))
    assert relaxed is not None and "within" in relaxed


def test_a_readout_of_the_replies_earns_its_place_whatever_the_dose() -> None:
    rng = np.random.default_rng(1)
    replies = heard(rng)
    scores = {name: 4.0 * replies[name].honest + rng.normal(size=N) for name in SHARES}
    found = discriminate(scores, replies, FACTS, GuardrailRule())
    assert found.failing(GuardrailRule()) is None
    assert found.pooled.low <= found.pooled.value <= found.pooled.high
    assert found.pooled.clusters == 50
    assert [figure.others for figure in found.settings] == [10, 10, 10]
    upside_down = discriminate({n: -s for n, s in scores.items()}, replies, FACTS, GuardrailRule())
    assert upside_down.pooled.value == pytest.approx(1 - found.pooled.value)
    assert upside_down.failing(GuardrailRule()) is not None


def test_the_area_is_the_share_of_pairs_ordered_rightly() -> None:
    rng = np.random.default_rng(2)
    replies = heard(rng)
    scores = {name: np.round(rng.normal(size=N) + replies[name].honest) for name in SHARES}
    found = discriminate(scores, replies, FACTS, GuardrailRule())
    kept = {name: replies[name].scored for name in SHARES}
    up = np.concatenate([scores[n][kept[n] & replies[n].honest] for n in SHARES])
    down = np.concatenate([scores[n][kept[n] & ~replies[n].honest] for n in SHARES])
    pairs = (up[:, None] > down).mean() + 0.5 * (up[:, None] == down).mean()
    assert found.pooled.value == pytest.approx(pairs)


def test_settings_with_too_few_lies_are_not_judged_and_too_few_settings_are_no_proof() -> None:
    rng = np.random.default_rng(3)
    replies = heard(rng)
    scores = {name: 9.0 * replies[name].honest + rng.normal(size=N) for name in SHARES}
    found = discriminate(scores, replies, FACTS, GuardrailRule(fewest=60))
    assert [f.name for f in found.settings if f.auroc is not None] == ["unsteered"]
    refusal = found.failing(GuardrailRule(fewest=60))
    assert refusal is not None and "1 settings" in refusal


def test_the_rule_itself_is_checked() -> None:
    with pytest.raises(ValueError, match="at_least"):
        GuardrailRule(at_least=0.4)
