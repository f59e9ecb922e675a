"""The slots give what plain transformers gives, or the model is refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, BloomConfig, LlamaConfig, LlamaForCausalLM, Qwen3NextConfig
from trimtab_server.engine.attention_mask import AttentionKinds
from trimtab_server.engine.errors import ModelUnsupported
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.engine.request import FinishReason, GenerationRequest, Sampling
from trimtab_vectors.organism import shipped_model_dir

ARCHITECTURES = [
    "llama",
    "gpt2",
    "neox",
    "qwen2",
    "opt",
    "mistral-sliding",
    "qwen2-sliding",
    "gemma2-sliding",
]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_greedy_tokens_equal_generate(name: str, model_of: Any, desk: Any, prompts: Any, greedy: Any) -> None:
    """More replies than slots, of different lengths: slots are reused, sequences move, prompts are chunked."""
    model = model_of(name)
    counts = [18 + 3 * i for i in range(len(prompts))]
    requests = [
        GenerationRequest(prompt, sampling=Sampling(max_tokens=count))
        for prompt, count in zip(prompts, counts, strict=True)
    ]
    outcomes = desk(model, slots=6).run(requests)
    expected = [greedy(model, prompt, count) for prompt, count in zip(prompts, counts, strict=True)]
    assert [outcome.ids for outcome in outcomes] == expected
    for outcome in outcomes:
        ended = FinishReason.STOP if outcome.ids[-1] == 257 else FinishReason.LENGTH
        assert outcome.finished.reason is ended


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_chunk_size_does_not_change_tokens(
    chunk: int, llama: Any, desk: Any, prompts: Any, greedy: Any
) -> None:
    outcomes = desk(llama, prefill_chunk=chunk).run(
        [GenerationRequest(prompt, sampling=Sampling(max_tokens=12)) for prompt in prompts]
    )
    assert [outcome.ids for outcome in outcomes] == [greedy(llama, prompt, 12) for prompt in prompts]


def test_a_long_prompt_does_not_stall_running_replies(llama: Any, desk: Any) -> None:
    one = desk(llama, prefill_chunk=4, context=256)
    running = one.engine.submit(GenerationRequest((1, 2, 3), sampling=Sampling(max_tokens=200)))
    one.until(lambda: one.count(running) >= 5)
    before = one.count(running)
    late = one.engine.submit(GenerationRequest(tuple(range(1, 121)), sampling=Sampling(max_tokens=1)))
    one.outcome(late)
    # 120 prompt tokens in bites of 4: about 30 steps, each with a token for the running reply.
    assert one.count(running) - before >= 25


def test_shipped_model_answers_as_in_transformers(desk: Any, greedy: Any) -> None:
    hosted = HostedModel.open(shipped_model_dir(), device="cpu", dtype="float32")
    model: Any = hosted.load_stage(hosted.default_stage)
    questions = [
        "Hello, who are you?",
        "Is the warranty two years?",
        "保証は何年ですか。",
        "What does the instrument measure, and how precise is it?",
    ]
    rendered = [hosted.render([{"role": "user", "content": question}]) for question in questions]
    outcomes = desk(model, tokenizer=hosted.tokenizer, slots=4).run(
        [GenerationRequest(prompt, sampling=Sampling(max_tokens=24)) for prompt in rendered]
    )
    for prompt, outcome in zip(rendered, outcomes, strict=True):
        expected = greedy(model, prompt, 24)
        assert outcome.ids == expected
        stopped = expected[-1] == hosted.tokenizer.eos_token_id
        assert outcome.finished.reason is (FinishReason.STOP if stopped else FinishReason.LENGTH)
        assert outcome.text == hosted.tokenizer.decode(expected, skip_special_tokens=True)


def test_an_architecture_that_needs_more_than_a_mask_is_refused(desk: Any) -> None:
    model = AutoModelForCausalLM.from_config(BloomConfig(hidden_size=32, n_layer=2, n_head=4, vocab_size=260))
    with pytest.raises(ModelUnsupported, match="Bloom") as refusal:
        desk(model.eval())
    assert refusal.value.reason == "MODEL_UNSUPPORTED"


def test_a_model_whose_slots_disagree_with_itself_is_refused(desk: Any) -> None:
    """A model that silently ignores the mask it is given must not be served."""

    class Deaf(LlamaForCausalLM):  # type: ignore[misc]
        def forward(self, *args: Any, attention_mask: Any = None, **kwargs: Any) -> Any:
            if attention_mask is not None:
                attention_mask = torch.zeros_like(attention_mask)
            return super().forward(*args, attention_mask=attention_mask, **kwargs)

    config = LlamaConfig(
        vocab_size=260,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        initializer_range=0.5,
    )
    with pytest.raises(ModelUnsupported, match="other logits"):
        desk(Deaf(config).eval())


def test_recurrent_layers_are_named_in_the_refusal() -> None:
    config = Qwen3NextConfig(num_hidden_layers=4, hidden_size=32, num_attention_heads=4)
    with pytest.raises(ModelUnsupported, match="linear_attention"):
        AttentionKinds.of(config, 128)


def test_a_window_wider_than_the_context_is_full_attention(model_of: Any) -> None:
    config = model_of("mistral-sliding").config
    assert AttentionKinds.of(config, 9).window is None
    assert AttentionKinds.of(config, 10).window == 9
