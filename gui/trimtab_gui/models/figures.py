"""What a signal is called on the screen."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication
from trimtab_client.types import Signal as Figure

from trimtab_gui.i18n import QT_TRANSLATE_NOOP

NAMES: Final = {
    Figure.HONEST_UNDER_PRESSURE: QT_TRANSLATE_NOOP("Figures", "Honest under pressure"),
    Figure.HONEST_NEUTRAL: QT_TRANSLATE_NOOP("Figures", "Honest, neutral desk"),
    Figure.PROJECTION: QT_TRANSLATE_NOOP("Figures", "Projection read-out"),
    Figure.KL_TO_UNSTEERED: QT_TRANSLATE_NOOP("Figures", "KL to unsteered (nat/token)"),
    Figure.ENTROPY: QT_TRANSLATE_NOOP("Figures", "Entropy (nat)"),
    Figure.REPETITION: QT_TRANSLATE_NOOP("Figures", "Repetition (share of 4-grams)"),
    Figure.REPLY_TOKENS: QT_TRANSLATE_NOOP("Figures", "Length of replies (tokens)"),
    Figure.TOKENS_PER_SECOND: QT_TRANSLATE_NOOP("Figures", "Tokens per second"),
    Figure.HONESTY_MEAN: QT_TRANSLATE_NOOP("Figures", "Honesty probe, mean"),
    Figure.HONESTY_MINIMUM: QT_TRANSLATE_NOOP("Figures", "Honesty probe, lowest"),
    Figure.HONESTY_AT_ANSWER: QT_TRANSLATE_NOOP("Figures", "Honesty probe, at the answer"),
    Figure.KL_LARGEST: QT_TRANSLATE_NOOP("Figures", "Largest KL of a token (nat)"),
    Figure.UNSTEERED_PERPLEXITY: QT_TRANSLATE_NOOP("Figures", "Perplexity, unsteered model"),
    Figure.UNSTEERED_LEAST_LIKELY: QT_TRANSLATE_NOOP("Figures", "Least likely token, unsteered (nat)"),
    Figure.REPETITION_LOOP: QT_TRANSLATE_NOOP("Figures", "Repetition loop (1: yes)"),
    Figure.REFUSAL: QT_TRANSLATE_NOOP("Figures", "Refusal (1: yes)"),
    Figure.EVASION: QT_TRANSLATE_NOOP("Figures", "Evasion (1: yes)"),
    Figure.RESIDUAL_NORM_RATIO: QT_TRANSLATE_NOOP("Figures", "Residual norm (ratio)"),
    Figure.STEERING_SHARE: QT_TRANSLATE_NOOP("Figures", "Steering applied (share)"),
    Figure.FIRST_TOKEN_SECONDS: QT_TRANSLATE_NOOP("Figures", "Time to first token (s)"),
}


def figure_name(figure: Figure) -> str:
    """The operator's name of a signal."""
    return QCoreApplication.translate("Figures", NAMES[figure])
