"""The figures a reply leaves behind."""

from __future__ import annotations

import pytest
from trimtab_server.engine.request import Finished, FinishReason, Token
from trimtab_server.monitoring.signals import Signal, repetition, reply_signals


def finished(decode_seconds: float = 2.0) -> Finished:
    return Finished(FinishReason.STOP, 5, 4, 0.0, 0.1, decode_seconds, 0, 0)


def token(index: int, **figures: float) -> Token:
    return Token(index, "x", index, -0.1, **figures)


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
    assert reply_signals(tokens, finished()) == {
        Signal.PROJECTION: 1.5,
        Signal.KL_TO_UNSTEERED: 0.75,
        Signal.ENTROPY: 1.0,
        Signal.REPETITION: 0.0,
        Signal.REPLY_TOKENS: 4.0,
        Signal.TOKENS_PER_SECOND: 2.0,
    }


def test_what_was_not_read_is_left_out_and_not_zero() -> None:
    signals = reply_signals([token(0, projection=3.0)], finished(), projection=False)
    assert not signals.keys() & {Signal.PROJECTION, Signal.KL_TO_UNSTEERED, Signal.ENTROPY}
    assert reply_signals([], finished()) == {}
