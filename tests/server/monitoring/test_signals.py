"""The figures a reply leaves behind, against numpy and against what they are defined to be."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Sequence

import numpy as np
import pytest
from trimtab_server.engine.request import Finished, FinishReason, Token
from trimtab_server.monitoring import signals
from trimtab_server.monitoring.signals import (
    CANARY,
    Signal,
    hard_faults,
    loop_tokens,
    repetition,
    reply_signals,
)
from trimtab_vectors.evaluation.honesty import Message, Question

QUESTION = Question(
    "q",
    "hard_pressure",
    "en",
    (Message("user", "How long?"),),
    honest=("two years",),
    dishonest=("five years",),
)


def finished(
    decode_seconds: float = 2.0,
    reason: FinishReason = FinishReason.STOP,
    applied: int = 0,
    expected: int = 0,
    error: str = "",
) -> Finished:
    return Finished(reason, 5, 4, 0.25, 0.5, decode_seconds, applied, expected, error)


def token(index: int, text: str = "x", **figures: float) -> Token:
    return Token(index, text, index, -0.1, **figures)


def said(words: Sequence[str], scores: Sequence[float] = ()) -> list[Token]:
    """One token per word; the last one stops the reply and has no text."""
    read = scores or [0.0] * len(words)
    return [token(n, word, honesty=score) for n, (word, score) in enumerate(zip(words, read, strict=True))]


@pytest.mark.parametrize(
    ("ids", "share"),
    [
        ([], 0.0),
        ([1, 2, 3], 0.0),
        ([1, 2, 3, 4, 5], 0.0),
        ([1, 2, 3, 4, 1, 2, 3, 4], 1 / 5),
        ([7] * 13, 9 / 10),
    ],
)
def test_repetition_is_the_share_of_4_grams_seen_before(ids: list[int], share: float) -> None:
    assert repetition(ids) == pytest.approx(share)


def test_signals_are_means_over_the_reply() -> None:
    tokens = [token(n, projection=float(n), entropy=1.0, kl_to_unsteered=0.5 * n) for n in range(4)]
    found = reply_signals(tokens, finished())
    assert {type(name) for name in found} == {str}
    assert found == {
        Signal.PROJECTION: 1.5,
        Signal.KL_TO_UNSTEERED: 0.75,
        Signal.KL_LARGEST: 1.5,
        Signal.ENTROPY: 1.0,
        Signal.REPETITION: 0.0,
        Signal.REPETITION_LOOP: 0.0,
        Signal.REFUSAL: 0.0,
        Signal.REPLY_TOKENS: 4.0,
        Signal.FIRST_TOKEN_SECONDS: 0.75,
        Signal.TOKENS_PER_SECOND: 2.0,
    }


def test_what_was_not_read_is_left_out_and_not_zero() -> None:
    found = reply_signals([token(0, projection=3.0)], finished(), projection=False)
    always = {"repetition", "repetition_loop", "refusal", "reply_tokens", "first_token_seconds"}
    assert found.keys() == always | {"tokens_per_second"}
    assert reply_signals([], finished()) == {}


def test_the_probe_is_read_after_each_token_and_not_before_the_first() -> None:
    scores = [9.0, 1.0, -2.0, 0.5]
    found = reply_signals(said(["It", " is", " so", ""], scores), finished())
    assert found[Signal.HONESTY_MEAN] == pytest.approx(np.mean(scores[1:]))
    assert found[Signal.HONESTY_MINIMUM] == -2.0
    alone = reply_signals(said([""], [9.0]), finished())
    assert (alone[Signal.HONESTY_MEAN], alone[Signal.HONESTY_MINIMUM]) == (9.0, 9.0)


def test_at_the_answer_is_where_the_value_is_complete() -> None:
    words = ["For", " two", " years", ".", ""]
    found = reply_signals(said(words, [0.0, 1.0, 2.0, 3.0, 4.0]), finished(), question=QUESTION)
    # " years" completes it; the score after it is the next token's.
    assert found[Signal.HONESTY_AT_ANSWER] == 3.0
    unnamed = reply_signals(said(["No", " idea", ""]), finished(), question=QUESTION)
    assert Signal.HONESTY_AT_ANSWER not in unnamed
    assert Signal.HONESTY_AT_ANSWER not in reply_signals(said(words), finished())


def test_perplexity_is_that_of_the_replys_own_tokens() -> None:
    logs = np.log([0.5, 0.25, 0.125])
    tokens = [token(n, unsteered_log_probability=float(value)) for n, value in enumerate(logs)]
    found = reply_signals(tokens, finished())
    assert found[Signal.UNSTEERED_PERPLEXITY] == pytest.approx(np.prod([0.5, 0.25, 0.125]) ** (-1 / 3))
    assert found[Signal.UNSTEERED_LEAST_LIKELY] == pytest.approx(math.log(0.125))
    hopeless = reply_signals([token(0, unsteered_log_probability=-1e6)], finished())
    assert hopeless[Signal.UNSTEERED_PERPLEXITY] == math.inf


@pytest.mark.parametrize(
    ("reply", "refuses"),
    [
        ("I CAN’T   answer that.", True),
        ("I cannot assist with this request.", True),
        ("申し訳ありませんが、お答えできません。", True),
        ("The warranty is two years.", False),
        ("保証期間は二年です。", False),
    ],
)
def test_a_refusal_is_seen_in_either_language(reply: str, refuses: bool) -> None:
    assert reply_signals([token(0, reply)], finished())[Signal.REFUSAL] == float(refuses)


def test_evasion_needs_a_question_with_a_known_answer() -> None:
    evading = reply_signals([token(0, "I prefer not to say.")], finished(), question=QUESTION)
    naming = reply_signals([token(0, "I cannot say less than two years.")], finished(), question=QUESTION)
    assert (evading[Signal.EVASION], naming[Signal.EVASION]) == (1.0, 0.0)
    assert naming[Signal.REFUSAL] == 1.0
    assert Signal.EVASION not in reply_signals([token(0, "I prefer not to say.")], finished())


def test_the_share_of_steering_applied() -> None:
    assert reply_signals([token(0)], finished(applied=6, expected=8))[Signal.STEERING_SHARE] == 0.75
    assert Signal.STEERING_SHARE not in reply_signals([token(0)], finished())
    # Steered although nobody asked: never hidden.
    assert reply_signals([token(0)], finished(applied=1))[Signal.STEERING_SHARE] == math.inf


def brute_loop(ids: Sequence[int]) -> int:
    """Longest suffix that some block of at most 64 tokens, at least four times over 24 tokens, explains."""
    best = 0
    for start in range(len(ids)):
        tail = ids[start:]
        for period in range(1, 65):
            fits = all(tail[i] == tail[i % period] for i in range(len(tail)))
            if fits and len(tail) >= max(4 * period, 24):
                best = max(best, len(tail))
    return best


def test_loops_are_those_a_plain_search_finds() -> None:
    draw = np.random.default_rng(0)
    found = 0
    for _ in range(150):
        head = draw.integers(0, 4, draw.integers(0, 12)).tolist()
        block = draw.integers(0, 4, draw.integers(1, 9)).tolist()
        ids = (head + block * int(draw.integers(1, 9)))[: int(draw.integers(1, 60))]
        expected = brute_loop(ids)
        assert loop_tokens(ids) == expected, ids
        found += expected > 0
    assert 20 < found < 130


def test_a_number_that_is_not_finite_is_a_fault_and_stays_visible() -> None:
    for bad in (math.nan, math.inf):
        tokens = [token(0, entropy=1.0, kl_to_unsteered=0.1), token(1, entropy=bad, kl_to_unsteered=bad)]
        found = reply_signals(tokens, finished())
        assert not math.isfinite(found[Signal.ENTROPY]) and not math.isfinite(found[Signal.KL_LARGEST])
        assert any("entropy" in fault for fault in hard_faults(found, finished()))


def test_the_kl_cap_is_of_one_token_and_only_where_it_is_given() -> None:
    tokens = [token(n, kl_to_unsteered=value) for n, value in enumerate([0.0, 0.0, 0.0, 6.0])]
    found = reply_signals(tokens, finished())
    assert hard_faults(found, finished()) == ()
    assert hard_faults(found, finished(), kl_cap=6.0) == ()
    assert len(hard_faults(found, finished(), kl_cap=5.0)) == 1


def test_only_a_loop_that_never_ended_is_a_fault() -> None:
    looping = [Token(n % 3, "x", n, -0.1) for n in range(40)]
    found = reply_signals(looping, finished())
    assert found[Signal.REPETITION_LOOP] == 1.0
    assert hard_faults(found, finished(reason=FinishReason.STOP)) == ()
    assert len(hard_faults(found, finished(reason=FinishReason.LENGTH))) == 1


def test_an_error_of_the_engine_is_a_fault_without_any_token() -> None:
    end = finished(reason=FinishReason.ERROR, error="logits not finite")
    assert hard_faults(reply_signals([], end), end) == ("the reply ended with an error: logits not finite",)


def test_every_signal_of_a_reply_is_explained_where_it_is_read() -> None:
    docs = []
    for module in pkgutil.iter_modules(signals.__path__):
        text = importlib.import_module(f"{signals.__name__}.{module.name}").__doc__ or ""
        if "Can tell:" in text:
            assert "Cannot tell:" in text, module.name
            docs.append(text)
    for name in set(Signal) - CANARY:
        words = name.value.replace("_", " ")
        spoken = {
            "projection": "projection",
            "entropy": "entropy",
            "honesty mean": "mean",
            "honesty minimum": "minimum",
            "honesty at answer": "at the answer",
        }
        wanted = spoken.get(words, name.value)
        assert any(wanted in doc for doc in docs), name
