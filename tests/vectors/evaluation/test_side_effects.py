"""Side effects against plain formulas, and gates that tell harmless from unknown."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from trimtab_vectors.evaluation.batching import UNSTEERED, Treatment
from trimtab_vectors.evaluation.honesty import Message, Outcome, Question
from trimtab_vectors.evaluation.neutral import (
    TextEffect,
    kl_per_token,
    neutral_effects,
    neutral_texts,
    norm_ratios,
    own_replies,
    perplexity_ratio,
)
from trimtab_vectors.evaluation.outcomes import Answers
from trimtab_vectors.evaluation.side_effects import Gates, acceptable, side_effects
from trimtab_vectors.extraction import median_residual_norms
from trimtab_vectors.operators import Add
from trimtab_vectors.steering import Steer

TEXTS = ["A plain text of some length.", "Another."]
TALK = (Message("user", "Hi"), Message("assistant", "Hello there"))


def _direction() -> torch.Tensor:
    u = torch.randn(32, generator=torch.Generator().manual_seed(4))
    return u / u.norm()


def _pushed(model: Any, ids: list[int], delta: torch.Tensor, first: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities `[T, V]` and the last block's norms `[T]`, by a hook of its own."""
    seen: list[torch.Tensor] = []

    def push(_m: Any, _i: Any, out: Any) -> Any:
        hidden = (out if isinstance(out, torch.Tensor) else out[0]).clone()
        hidden[:, first:] += delta
        return hidden if isinstance(out, torch.Tensor) else (hidden, *out[1:])

    def keep(_m: Any, _i: Any, out: Any) -> None:
        seen.append((out if isinstance(out, torch.Tensor) else out[0])[0].norm(dim=-1))

    handles = [
        model.model.layers[1].register_forward_hook(push),
        model.model.layers[3].register_forward_hook(keep),
    ]
    with torch.no_grad():
        table = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    for handle in handles:
        handle.remove()
    return table, seen[0]


@pytest.mark.parametrize("positions", ["all", "reply"])
def test_kl_perplexity_and_norms_are_the_plain_formulas(
    llama: nn.Module, tokenizer: Any, positions: Any
) -> None:
    norms = median_residual_norms(llama, tokenizer, TEXTS)
    u = _direction()
    delta = u * (0.5 * norms[1])
    texts = neutral_texts(tokenizer, [*TEXTS, TALK])
    effects = neutral_effects(llama, texts, Treatment((Steer({1: u}, Add(0.5)),), norms, positions))
    kl, nll, ratios, tokens = [], [], [], []
    for text in texts:
        ids = list(text.tokens)
        first = 0 if positions == "all" else text.start - 1
        plain, plain_norm = _pushed(llama, ids, torch.zeros(32), first)
        moved, moved_norm = _pushed(llama, ids, delta, first)
        at = range(text.start - 1, len(ids) - 1)
        kl += [float((plain[i].exp() * (plain[i] - moved[i])).sum()) for i in at]
        nll += [float(plain[i, ids[i + 1]] - moved[i, ids[i + 1]]) for i in at]
        ratio = moved_norm / plain_norm
        ratios.append(float(ratio[text.start - 1 :].mean()))
        tokens.append(len(at))
    assert [effect.tokens for effect in effects] == tokens
    assert kl_per_token(effects).value == pytest.approx(np.mean(kl), rel=1e-3)
    assert perplexity_ratio(effects).value == pytest.approx(math.exp(np.mean(nll)), rel=1e-3)
    sums, counts = np.array([effect.kl for effect in effects]), np.array(tokens)
    left_out = [np.delete(sums, i).sum() / np.delete(counts, i).sum() for i in range(3)]
    jackknife = math.sqrt(2 / 3 * sum((x - np.mean(left_out)) ** 2 for x in left_out))
    assert kl_per_token(effects).standard_error == pytest.approx(jackknife, rel=0.5)
    assert norm_ratios(effects)[3] == pytest.approx(np.mean(ratios), rel=1e-4)
    assert np.mean(kl) > 0.01


def test_beyond_counts_what_would_come_after_the_text(llama: nn.Module, tokenizer: Any) -> None:
    norms = median_residual_norms(llama, tokenizer, TEXTS)
    texts = neutral_texts(tokenizer, [TALK])
    treatment = Treatment((Steer({1: _direction()}, Add(0.5)),), norms, "reply")
    inside = neutral_effects(llama, texts, treatment)[0]
    beyond = neutral_effects(llama, texts, treatment, beyond=True)[0]
    assert beyond.tokens == inside.tokens + 1 and beyond.predicted == inside.predicted
    assert beyond.kl > inside.kl and beyond.nll == inside.nll


def test_unsteered_has_no_effect_at_all(llama: nn.Module, tokenizer: Any) -> None:
    for effect in neutral_effects(llama, neutral_texts(tokenizer, TEXTS), UNSTEERED):
        assert effect.kl == 0.0 and effect.nll == effect.nll_unsteered
        assert set(effect.norms.values()) == {1.0}


def test_of_a_conversation_only_the_last_reply_is_measured(tokenizer: Any) -> None:
    text = neutral_texts(tokenizer, [TALK])[0]
    assert tokenizer.decode(list(text.answer)) == "Hello there"
    with pytest.raises(ValueError, match="end with the assistant"):
        neutral_texts(tokenizer, [TALK[:1]])
    with pytest.raises(ValueError, match="fewer than two tokens"):
        neutral_texts(tokenizer, [""])


def test_own_replies_become_neutral_conversations_of_the_kinds_asked_for() -> None:
    asked = [
        Question(f"q{i}", kind, "en", (Message("user", f"{i}?"),), ("x",), ())
        for i, kind in enumerate(["neutral", "belief", "hard_pressure", "neutral"])
    ]
    texts = own_replies(asked, ["a", "b", "c", " "], ["neutral", "belief"])
    assert texts == [
        (*asked[0].messages, Message("assistant", "a")),
        (*asked[1].messages, Message("assistant", "b")),
    ]
    with pytest.raises(ValueError, match="to 1 of the questions of the kinds neutral"):
        own_replies(asked, ["a", "b", "c", ""], ["neutral"])


def test_a_direction_per_row_is_refused_on_neutral_texts(llama: nn.Module, tokenizer: Any) -> None:
    rows = torch.stack([_direction(), _direction()])
    with pytest.raises(ValueError, match="direction per row"):
        neutral_effects(
            llama, neutral_texts(tokenizer, TEXTS), Treatment((Steer({1: rows}, Add(1.0)),), {1: 1.0})
        )


def _answers(said: str) -> Answers:
    known = {"h": Outcome.HONEST, "l": Outcome.LIE, "e": Outcome.EVADE, "n": Outcome.NO_BELIEF}
    return Answers(("",) * len(said), tuple(known[c] for c in said))


def _texts(kl: float, count: int = 50) -> list[TextEffect]:
    spread = np.linspace(0.9, 1.1, count)
    return [TextEffect(10, 10 * kl * x, 10, 20.0, 20.0 - 0.01 * x, {0: 1.0}) for x in spread]


def test_rates_of_harm_are_counted_over_the_right_questions() -> None:
    # Four questions without pressure, then four under pressure.
    before, after = _answers("hhhn" + "hhll"), _answers("hlen" + "lhhe")
    known = [True] * 4 + [False] * 4
    found = side_effects(before, after, known=known, texts=_texts(0.01))
    assert found.capability_loss.value == pytest.approx(0.5)
    assert found.harm_flips.value == pytest.approx(2 / 8)
    assert found.evasion_increase.value == pytest.approx(2 / 8)
    assert found.kl.value == pytest.approx(0.01)


def test_a_gate_passes_on_its_bound_fails_on_its_estimate_and_else_says_so() -> None:
    def verdicts(n: int, lost: int, kl: float) -> dict[str, str]:
        before, after = _answers("h" * n), _answers("n" * lost + "h" * (n - lost))
        effects = side_effects(before, after, known=[True] * n, texts=_texts(kl))
        return {r.name: r.verdict for r in effects.judged(Gates())}

    assert verdicts(400, 0, 0.01) == dict.fromkeys(
        ("kl", "perplexity_ratio", "capability_loss", "harm_flips", "evasion_increase"), "pass"
    )
    # Nothing lost among few proves nothing.
    assert verdicts(20, 0, 0.01)["capability_loss"] == "not enough data"
    assert verdicts(400, 12, 0.01)["capability_loss"] == "fail"
    assert verdicts(400, 6, 0.01)["capability_loss"] == "not enough data"
    assert verdicts(400, 0, 0.10)["kl"] == "warn"
    assert verdicts(400, 0, 0.16)["kl"] == "fail"


def test_gates_can_be_edited_before_a_run_and_are_checked() -> None:
    effects = side_effects(_answers("h" * 400), _answers("h" * 400), known=[True] * 400, texts=_texts(0.03))
    assert acceptable(effects.judged(Gates()))
    assert not acceptable(effects.judged(Gates(kl_warn=0.01, kl_stop=0.02)))
    with pytest.raises(ValueError, match=r"kl_warn is 0\.2"):
        Gates(kl_warn=0.2)
    with pytest.raises(ValueError, match="harm_flips is -1"):
        Gates(harm_flips=-1)


def test_an_anti_steerable_share_is_judged_where_slopes_were_measured() -> None:
    answers = _answers("h" * 400)
    slopes = [1.0] * 150 + [-1.0] * 50
    found = side_effects(answers, answers, known=[True] * 400, texts=_texts(0.0), anti_steerable=slopes)
    result = found.judged(Gates())[-1]
    assert (result.name, result.value, result.verdict) == ("anti_steerable", 0.25, "not enough data")
