"""Which tokens a position reads, and that a mean over them is a mean."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import nn
from transformers import PreTrainedTokenizerFast
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.extraction import (
    POSITIONS,
    ContrastPrompt,
    ContrastSetError,
    Reading,
    capture,
    capture_last,
    reading,
)

CHAT = ContrastPrompt((Message("user", "How far?"),), "It is ", answer="8 km.")
RAW = ContrastPrompt(text="The way is ", answer="long")


def read(tokenizer: Any, prompt: ContrastPrompt, position: Any) -> tuple[str, str]:
    """The text that is passed through the model, and the part of it that is read."""
    found = reading(tokenizer, prompt, position)
    whole, part = found.tokens, found.tokens[found.start : found.stop]
    return tokenizer.decode(whole), tokenizer.decode(part)


@pytest.mark.parametrize(
    ("position", "whole", "part"),
    [
        ("last", "<s><|user|>How far?<|assistant|>It is ", " "),
        ("prompt_end", "<s><|user|>How far?<|assistant|>", "<|assistant|>"),
        ("answer_mean", "<s><|user|>How far?<|assistant|>It is 8 km.", "8 km."),
        (
            "all_mean",
            "<s><|user|>How far?<|assistant|>It is 8 km.",
            "<|user|>How far?<|assistant|>It is 8 km.",
        ),
    ],
)
def test_a_conversation_is_read_where_the_position_says(
    tokenizer: Any, position: str, whole: str, part: str
) -> None:
    assert read(tokenizer, CHAT, position) == (whole, part)


@pytest.mark.parametrize(
    ("position", "whole", "part"),
    [
        ("last", "<s>The way is ", " "),
        ("prompt_end", "<s>The way is ", " "),
        ("answer_mean", "<s>The way is long", "long"),
        ("all_mean", "<s>The way is long", "The way is long"),
    ],
)
def test_raw_text_is_read_where_the_position_says(
    tokenizer: Any, position: str, whole: str, part: str
) -> None:
    assert read(tokenizer, RAW, position) == (whole, part)


def merging_tokenizer() -> Any:
    """Knows "is 8" as one token, and ends every text with a special one."""
    vocabulary = {letter: i for i, letter in enumerate("its 8")} | {"is": 5, "is ": 6, "is 8": 7}
    merges = [("i", "s"), ("is", " "), ("is ", "8")]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([])
    tokenizer.add_special_tokens(["<s>", "</s>"])
    ends = [(name, tokenizer.token_to_id(name)) for name in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


def test_a_token_across_the_border_counts_as_the_answers_and_closing_specials_do_not() -> None:
    tokenizer = merging_tokenizer()
    found = reading(tokenizer, ContrastPrompt(text="it is ", answer="8 s"), "answer_mean")
    assert tokenizer.convert_ids_to_tokens(found.tokens) == ["<s>", "i", "t", " ", "is 8", " ", "s", "</s>"]
    assert (found.start, found.stop) == (4, 7)


def test_the_first_token_is_never_averaged(tokenizer: Any) -> None:
    for prompt in (CHAT, RAW):
        for position in POSITIONS:
            assert reading(tokenizer, prompt, position).start >= 1
    bare = copy.deepcopy(tokenizer)
    bare._tokenizer.post_processor = processors.TemplateProcessing(single="$A", special_tokens=[])
    assert reading(bare, ContrastPrompt(text="ab"), "all_mean").start == 1
    with pytest.raises(ContrastSetError, match="but the first token"):
        reading(bare, ContrastPrompt(text="a"), "all_mean")


def test_an_answers_mean_needs_an_answer(tokenizer: Any) -> None:
    with pytest.raises(ContrastSetError, match='"answer_mean" needs an answer'):
        reading(tokenizer, ContrastPrompt(text="The way is "), "answer_mean")


SEQUENCES = [[5, 9, 3, 7, 250, 11], [8, 1], [4, 4, 2], [100, 101, 102, 103, 7]]
READINGS = [Reading(tuple(s), 1, len(s)) for s in SEQUENCES]


def rows(model: nn.Module, readings: list[Reading], **options: Any) -> dict[int, torch.Tensor]:
    found: dict[int, torch.Tensor] = {}
    for indices, states in capture(model, readings, **options):
        for layer, state in states.items():
            found.setdefault(layer, torch.full((len(readings), state.shape[1]), torch.nan))
            found[layer][list(indices)] = state
    return found


def test_a_mean_is_that_of_the_states_at_its_tokens(llama: nn.Module) -> None:
    means = rows(llama, READINGS)
    for index, tokens in enumerate(SEQUENCES):
        prefixes = [tokens[: stop + 1] for stop in range(1, len(tokens))]
        single = {layer: [] for layer in means}
        for prefix in prefixes:
            for _, states in capture_last(llama, [prefix]):
                for layer, state in states.items():
                    single[layer].append(state[0])
        for layer, states in single.items():
            torch.testing.assert_close(means[layer][index], torch.stack(states).mean(0), rtol=1e-3, atol=1e-3)


def test_means_do_not_depend_on_the_side_of_the_padding_or_on_the_batch(llama: nn.Module) -> None:
    right, left = rows(llama, READINGS), rows(llama, READINGS, left=True)
    alone = rows(llama, READINGS, batch_tokens=1)
    for layer in right:
        torch.testing.assert_close(right[layer], alone[layer], rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(left[layer], alone[layer], rtol=1e-3, atol=1e-3)


def test_means_of_half_precision_states_do_not_overflow(llama: nn.Module) -> None:
    """The sum of a thousand states of size 1000 is beyond fp16; their mean is not."""
    large = copy.deepcopy(llama)
    with torch.no_grad():
        for name, parameter in large.named_parameters():
            parameter.mul_(1e3 if "embed" in name else 1.0)
    reading_ = [Reading((256, *[7] * 1000), 1, 1001)]
    full = rows(large, reading_, layers=[0])[0]
    assert float(full.abs().max()) * 1000 > torch.finfo(torch.float16).max
    half = rows(large.half(), reading_, layers=[0])[0]
    torch.testing.assert_close(half, full, rtol=0.05, atol=float(full.abs().max()) * 0.01)


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (2, 2), (0, 4), (3, 1)])
def test_a_stretch_outside_its_sequence_is_refused(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="stretch of at least one token inside"):
        Reading((1, 2, 3), start, stop)
