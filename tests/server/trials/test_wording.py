"""The sentences of verdicts, in both languages."""

from __future__ import annotations

import re

import pytest
from trimtab_server.trials import wording
from trimtab_server.trials.wording import Reason, sentence

GAIN = {"question": "gain", "lane": "steered", "value": 0.87, "low": 0.8, "high": 0.92, "threshold": 0.1}
GAIN |= {"prompts": 56, "pressure": []}
ADVANTAGE = {"steered": "steered", "advantage": 0.004, "advantage_low": -0.03, "advantage_high": 0.04}
ADVANTAGE |= {"prompt_margin": 0.1, "prompt": "honesty line"}
LOSS = GAIN | {"question": "honest_loss", "pressure": ["neutral"], "more": 33}
REASONS = {
    "prompt_enough": GAIN | ADVANTAGE,
    "prompt_passes": GAIN,
    "prompt_passes_steering_fails": GAIN | ADVANTAGE,
    "steer": GAIN | ADVANTAGE,
    "steer_no_prompt": GAIN,
    "prompt_or_steering": GAIN | ADVANTAGE | {"more": 40},
    "failed": LOSS,
    "open": LOSS,
    "few_prompts": {"groups": 10, "needed": 30, "more": 20},
    "missing_rows": {"missing": 3, "planned": 90, "more": None},
    "unscored_rows": {"rows": 3, "planned": 90, "more": None},
    "failed_rows": {"rows": 2, "prompt": "p1", "lane": "steered", "error": "cancelled."},
    "unreadable": {"fault": "'kl' was not measured"},
}
KANA = re.compile(r"[぀-ヿ]")


def test_every_reason_has_a_sentence_in_both_languages() -> None:
    assert set(REASONS) | {"open_unmeasured"} == set(wording._EN) == set(wording._JA)


@pytest.mark.parametrize("code", REASONS)
def test_sentences_are_filled_and_in_their_language(code: str) -> None:
    english, japanese = (sentence(Reason(code, REASONS[code]), language) for language in ("en", "ja"))
    assert "{" not in english + japanese and "None" not in english + japanese
    assert english.endswith(".") and not english.endswith("..") and not KANA.search(english)
    assert japanese.endswith("。") and KANA.search(japanese)


@pytest.mark.parametrize(
    ("facts", "english", "japanese"),
    [
        (LOSS, "About 33 more neutral prompts are needed.", "あと約 33 件のプロンプト（中立）が必要です。"),
        (LOSS | {"more": 1}, "About 1 more neutral prompt is needed.", "あと約 1 件のプロンプト（中立）"),
        (LOSS | {"more": None}, "choose another margin", "基準を見直してください"),
        (LOSS | {"value": None}, "could not be measured on neutral prompts", "測れません"),
    ],
)
def test_an_open_question_says_what_would_settle_it(
    facts: dict[str, object], english: str, japanese: str
) -> None:
    assert english in sentence(Reason("open", facts), "en")
    assert japanese in sentence(Reason("open", facts), "ja")
