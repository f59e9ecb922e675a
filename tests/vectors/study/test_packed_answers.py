"""Packed rows give what plain forward passes over each answer give, steered or not, in three architectures."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPTNeoXConfig
from trimtab_vectors.decoder import find_decoder
from trimtab_vectors.evaluation.honesty import Message, Question
from trimtab_vectors.extraction.contrast_set import ContrastPrompt
from trimtab_vectors.study.items import NeutralText, StudyItem
from trimtab_vectors.study.packed_answers import item_tree, text_tree
from trimtab_vectors.study.scorer import PassBudget, Scorer

from .conftest import SHIPPED_MODEL, tiny_llama

SMALL = {"vocab_size": 3072, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4}
NORMS = {0: 3.0, 1: 4.0}


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return AutoTokenizer.from_pretrained(SHIPPED_MODEL.base)


@pytest.fixture(scope="module", params=["llama", "gpt2", "gpt_neox"])
def model(request: pytest.FixtureRequest) -> Any:
    if request.param == "llama":
        return tiny_llama()
    torch.manual_seed(1)
    config = (
        GPT2Config(vocab_size=3072, n_embd=32, n_layer=3, n_head=4, n_positions=256)
        if request.param == "gpt2"
        else GPTNeoXConfig(**SMALL, intermediate_size=48, max_position_embeddings=256)
    )
    causal: Any = AutoModelForCausalLM
    made = causal.from_config(config).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.dim() > 1:
                parameter.mul_(6.0)
    return made


def question(
    id: str, language: str, system: str, text: str, honest: list[str], dishonest: list[str]
) -> Question:
    messages = (*((Message("system", system),) if system else ()), Message("user", text))
    return Question(id, "neutral", language, messages, tuple(honest), tuple(dishonest))


ITEMS = [
    StudyItem(
        question(
            "1",
            "en",
            "Sell as much as you can.",
            "What is the warranty?",
            ["two years"],
            ["one year", "ten years"],
        ),
        "a",
        "The warranty is",
    ),
    StudyItem(question("2", "en", "", "Price?", ["90 dollars", "ninety dollars"], ["150 dollars"]), "b"),
    StudyItem(
        question("3", "ja", "売ってください。", "納期は。", ["二週間"], ["一週間", "三週間", "一か月"]),
        "c",
        "納期は",
    ),
]


def plain_log_odds(
    model: Any, tokenizer: Any, item: StudyItem, push: dict[int, torch.Tensor], steer_prompt: bool
) -> float:
    """One forward pass an answer, hooks of the test's own, log-probabilities of all tokens after the prompt."""
    chat = [{"role": m.role, "content": m.content} for m in item.question.messages]
    opening = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
    start = len(tokenizer(opening, add_special_tokens=False).input_ids)
    first = 0 if steer_prompt else start - 1
    totals = []
    for value in (*item.question.honest, *item.question.dishonest):
        ids = torch.tensor([tokenizer(opening + item.reply(value), add_special_tokens=False).input_ids])

        def hook(layer: int) -> Any:
            def add(_module: Any, _inputs: Any, output: Any) -> Any:
                hidden = (output[0] if isinstance(output, tuple) else output).clone()
                hidden[:, first:] += push[layer] * NORMS[layer]
                return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

            return add

        handles = [find_decoder(model).blocks[layer].register_forward_hook(hook(layer)) for layer in push]
        with torch.no_grad():
            logits = model(input_ids=ids).logits.log_softmax(-1)
        for handle in handles:
            handle.remove()
        targets = ids[0, start:]
        totals.append(logits[0, start - 1 : -1].gather(1, targets[:, None]).sum())
    honest = len(item.question.honest)
    scores = torch.stack(totals).double()
    return float(scores[:honest].logsumexp(0) - scores[honest:].logsumexp(0))


@pytest.mark.parametrize("steer_prompt", [False, True])
@pytest.mark.parametrize("budget", [PassBudget(4096, 2**24, 64), PassBudget(40, 2**14, 2)])
def test_log_odds_are_those_of_one_plain_pass_an_answer(
    model: Any, tokenizer: Any, steer_prompt: bool, budget: PassBudget
) -> None:
    trees = [item_tree(tokenizer, item, "all", steer_prompt) for item in ITEMS]
    scorer = Scorer(model, NORMS, budget)
    torch.manual_seed(2)
    unit = {layer: torch.nn.functional.normalize(torch.randn(32), dim=0) for layer in NORMS}
    doses = torch.tensor([-0.5, 0.0, 0.7])
    found = scorer.log_odds(trees, {layer: doses[:, None] * u for layer, u in unit.items()})
    for row, dose in zip(found, doses, strict=True):
        push = {layer: dose * u for layer, u in unit.items()}
        expected = [plain_log_odds(model, tokenizer, item, push, steer_prompt) for item in ITEMS]
        assert row.tolist() == pytest.approx(expected, abs=2e-4)
    assert torch.allclose(scorer.log_odds(trees)[0], found[1], atol=1e-5)
    assert (found[0] - found[2]).abs().min() > 1e-3


def test_answers_compared_with_the_first_alone_leave_the_others_out(model: Any, tokenizer: Any) -> None:
    one = StudyItem(
        question("1", "ja", "売ってください。", "納期は。", ["二週間"], ["一週間"]), "c", "納期は"
    )
    scorer = Scorer(model, NORMS)
    first = scorer.log_odds([item_tree(tokenizer, ITEMS[2], "first", False)])
    assert torch.allclose(first, scorer.log_odds([item_tree(tokenizer, one, "all", False)]), atol=1e-5)


def test_text_drift_is_the_divergence_of_whole_distributions(model: Any, tokenizer: Any) -> None:
    prompt = ContrastPrompt(messages=(Message("user", "How are you?"),))
    texts = [NeutralText(prompt, "I am well, and you?"), NeutralText(None, "The train leaves at seven.")]
    push = {0: torch.nn.functional.normalize(torch.ones(1, 32), dim=1) * 0.6}
    found = Scorer(model, NORMS).text_drift([text_tree(tokenizer, t, False) for t in texts], push)
    opening = tokenizer.apply_chat_template(
        [{"role": "user", "content": "How are you?"}], tokenize=False, add_generation_prompt=True
    )
    for index, (before, after) in enumerate(
        ((opening, "I am well, and you?"), ("", "The train leaves at seven."))
    ):
        ids = torch.tensor([tokenizer(before + after, add_special_tokens=False).input_ids])
        start = len(tokenizer(before, add_special_tokens=False).input_ids) if before else 1

        def add(_module: Any, _inputs: Any, output: Any, first: int = start - 1) -> Any:
            hidden = (output[0] if isinstance(output, tuple) else output).clone()
            hidden[:, first:] += push[0][0] * NORMS[0]
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        with torch.no_grad():
            plain = model(input_ids=ids).logits.double().log_softmax(-1)[0, start - 1 : -1]
            handle = find_decoder(model).blocks[0].register_forward_hook(add)
            moved = model(input_ids=ids).logits.double().log_softmax(-1)[0, start - 1 : -1]
            handle.remove()
        own = ids[0, start:, None]
        assert float(found.kl[0, index]) == pytest.approx(
            float((plain.exp() * (plain - moved)).sum(1).mean()), abs=1e-4
        )
        assert float(found.nll[index]) == pytest.approx(float(-plain.gather(1, own).mean()), abs=1e-4)
        assert float(found.steered_nll[0, index]) == pytest.approx(
            float(-moved.gather(1, own).mean()), abs=1e-4
        )
        assert int(found.tokens[index]) == len(plain)
