"""Text arrives whole: no half characters, no stop strings, and the pieces are the decoding of the whole."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast
from trimtab_server.engine.detokenizer import Detokenizer, decode_function
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.engine.request import FinishReason, GenerationRequest, Sampling
from trimtab_server.engine.stopping import StopText
from trimtab_vectors.organism import shipped_model_dir

TEXTS = [
    "The device measures 3.5 mm, precisely.",
    "保証は二年です。お問い合わせありがとうございます。",
    "Mixed 文字 and 🛥️ emoji 👩‍🔬, naïve café",
    "  leading and   many spaces\n\nand lines ",
]


def _pieces(tokenizer: Any, ids: list[int]) -> list[str]:
    detokenizer = Detokenizer(decode_function(tokenizer))
    return [*(detokenizer.add(token) for token in ids), detokenizer.flush()]


def _metaspace_tokenizer() -> Any:
    """Of the SentencePiece kind: a word's first piece carries its space, the text's first loses it."""
    bare = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    bare.pre_tokenizer = pre_tokenizers.Metaspace()
    bare.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    bytes_ = [f"<0x{value:02X}>" for value in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=["<unk>", *bytes_])
    bare.train_from_iterator([TEXTS[0], TEXTS[3]], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bare)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("kind", ["bytes", "shipped", "metaspace"])
def test_pieces_add_up_to_the_whole_and_no_piece_holds_half_a_character(
    kind: str, text: str, tokenizer: Any
) -> None:
    if kind == "shipped":
        tokenizer = HostedModel.open(shipped_model_dir()).tokenizer
    elif kind == "metaspace":
        tokenizer = _metaspace_tokenizer()
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    pieces = _pieces(tokenizer, ids)
    assert "".join(pieces) == tokenizer.decode(ids, skip_special_tokens=True)
    if "�" not in tokenizer.decode(ids):
        assert "�" not in "".join(pieces)


def test_any_token_sequence_adds_up_to_its_decoding(tokenizer: Any) -> None:
    """Invalid UTF-8 included: what a model says at a high temperature."""
    draw = random.Random(0)
    for _ in range(300):
        ids = [draw.randrange(256) for _ in range(draw.randrange(1, 30))]
        assert "".join(_pieces(tokenizer, ids)) == tokenizer.decode(ids, skip_special_tokens=True)


def test_a_japanese_character_comes_with_its_last_byte(tokenizer: Any) -> None:
    ids = tokenizer("保証", add_special_tokens=False)["input_ids"]
    assert _pieces(tokenizer, ids) == ["", "", "保", "", "", "証", ""]


def test_special_tokens_have_no_text(tokenizer: Any) -> None:
    ids = [*tokenizer("a", add_special_tokens=False)["input_ids"], 258, 259]
    assert "".join(_pieces(tokenizer, ids)) == "a"


def test_text_before_a_stop_string_is_shown_and_nothing_of_it() -> None:
    stop = StopText(("\nUser:",))
    shown = [stop.add(piece) for piece in ("Yes.", "\n", "Us", "er", ": hello")]
    assert "".join(shown) == "Yes."
    assert stop.found


def test_text_held_for_a_stop_string_that_never_comes_is_shown() -> None:
    stop = StopText(("END", "ENOUGH"))
    assert [stop.add(piece) for piece in ("a E", "N", "T", " EN")] == ["a ", "", "ENT", " "]
    assert not stop.found
    assert stop.flush() == "EN"


def test_the_earliest_of_several_stop_strings_wins() -> None:
    stop = StopText(("b", "ab"))
    assert stop.add("xxab") == "xx"
    assert stop.found


def test_replies_end_at_stop_strings_across_token_boundaries(llama: Any, desk: Any, prompts: Any) -> None:
    one = desk(llama)
    whole = one.run([GenerationRequest(prompts[1], sampling=Sampling(max_tokens=60))])[0]
    full = whole.text
    stop = full[20:24]
    cut = one.run([GenerationRequest(prompts[1], sampling=Sampling(max_tokens=60, stop=(stop, "never")))])[0]
    assert cut.finished.reason is FinishReason.STOP
    assert cut.text == full[: full.index(stop)]
    assert cut.ids == whole.ids[: len(cut.ids)]


def test_streamed_pieces_equal_the_decoding_of_the_reply(
    llama: Any, desk: Any, prompts: Any, tokenizer: Any
) -> None:
    requests = [
        GenerationRequest(prompt, sampling=Sampling(temperature=1.5, seed=i, max_tokens=40))
        for i, prompt in enumerate(prompts)
    ]
    for outcome in desk(llama).run(requests):
        assert outcome.text == tokenizer.decode(outcome.ids, skip_special_tokens=True)
        assert [token.index for token in outcome.tokens] == list(range(len(outcome.ids)))
