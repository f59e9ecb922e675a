"""Lanes, samplings and steerings of chats in words."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLocale
from trimtab_client import abbreviated
from trimtab_client.types import Sampling

from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.chat_turn import LaneKind, LaneSetup

_KINDS = {
    LaneKind.UNSTEERED: QT_TRANSLATE_NOOP("Chats", "Unsteered"),
    LaneKind.PROMPT_ONLY: QT_TRANSLATE_NOOP("Chats", "Prompt only"),
    LaneKind.STEERED: QT_TRANSLATE_NOOP("Chats", "Steered"),
    LaneKind.ACTIVE: QT_TRANSLATE_NOOP("Chats", "Active snapshot"),
    LaneKind.SNAPSHOT: QT_TRANSLATE_NOOP("Chats", "A snapshot"),
}


def _say(text: str) -> str:
    return QCoreApplication.translate("Chats", text)


def lane_name(setup: LaneSetup) -> str:
    """What a lane is, such as "Prompt only: Answer honestly."."""
    name = _say(_KINDS[setup.kind])
    detail = setup.prompt if setup.kind is LaneKind.PROMPT_ONLY else abbreviated(setup.snapshot)
    return f"{name}: {detail}" if detail else name


def sampling_words(sampling: Sampling) -> str:
    """Everything in which a sampling differs from the plain greedy one; empty for that."""
    locale = QLocale()
    parts = []
    if sampling.temperature:
        parts.append(
            _say(QT_TRANSLATE_NOOP("Chats", "temperature {0}")).format(_figure(sampling.temperature))
        )
    if sampling.top_p not in (0.0, 1.0):
        parts.append(_say(QT_TRANSLATE_NOOP("Chats", "top-p {0}")).format(_figure(sampling.top_p)))
    if sampling.top_k:
        parts.append(_say(QT_TRANSLATE_NOOP("Chats", "top-k {0}")).format(sampling.top_k))
    if sampling.max_tokens:
        count = locale.toString(sampling.max_tokens)
        parts.append(_say(QT_TRANSLATE_NOOP("Chats", "at most {0} tokens")).format(count))
    if sampling.stop:
        parts.append(_say(QT_TRANSLATE_NOOP("Chats", "{0} stop texts")).format(len(sampling.stop)))
    if sampling.seed:
        parts.append(_say(QT_TRANSLATE_NOOP("Chats", "seed {0}")).format(sampling.seed))
    return _say(QT_TRANSLATE_NOOP("Chats", ", ")).join(parts)


def _figure(value: float) -> str:
    return QLocale().toString(value, "g", 4)
