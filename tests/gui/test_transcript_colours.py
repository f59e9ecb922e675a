"""Colours of tokens when the scale changes: a long reply takes them part by part, and ends as if drawn anew."""

from __future__ import annotations

from PySide6.QtGui import QColor, QTextCursor
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from trimtab_client.types import Role, TokenReadout
from trimtab_gui.color_scale import ColorScale, Readout
from trimtab_gui.models.conversation import Turn, TurnState
from trimtab_gui.theme import Theme
from trimtab_gui.views.transcript import RECOLOURED_AT_ONCE, Transcript

NARROW, WIDE = ColorScale(1.0, True), ColorScale(10.0, True)


def reply(count: int) -> list[Turn]:
    tokens = [
        TokenReadout(7, "words\n" if n % 50 == 49 else "word ", n, -0.5, projection=(n % 21 - 10) / 10)
        for n in range(count)
    ]
    question = Turn(Role.USER, "How many?")
    answer = Turn(Role.ASSISTANT, "", state=TurnState.DONE)
    answer.tokens.extend(tokens)
    return [question, answer]


def shown(qtbot: QtBot, qapp: QApplication, turns: list[Turn], scale: ColorScale) -> Transcript:
    transcript = Transcript(Theme(qapp, "light"))
    qtbot.addWidget(transcript)
    transcript.show_turns(turns, Readout.PROJECTION, scale)
    return transcript


def colours(transcript: Transcript) -> list[tuple[QColor, object]]:
    found = []
    for span in transcript._spans:
        cursor = QTextCursor(transcript.document())
        cursor.setPosition(span.start)
        cursor.setPosition(span.end, QTextCursor.MoveMode.KeepAnchor)
        found.append((cursor.charFormat().background().color(), cursor.charFormat().underlineStyle()))
    return found


def test_a_long_reply_takes_the_colours_of_a_new_scale_to_its_beginning(
    qtbot: QtBot, qapp: QApplication
) -> None:
    turns = reply(3 * RECOLOURED_AT_ONCE + 7)
    transcript = shown(qtbot, qapp, turns, NARROW)
    text, before = transcript.toPlainText(), colours(transcript)
    transcript.show_turns(turns, Readout.PROJECTION, WIDE)
    half = colours(transcript)
    assert half[0] == before[0] and half[-1] != before[-1], "the end first, and not all at once"
    fresh = colours(shown(qtbot, qapp, turns, WIDE))
    qtbot.waitUntil(lambda: colours(transcript)[0] == fresh[0])
    assert colours(transcript) == fresh != before
    assert transcript.toPlainText() == text


def test_a_scale_that_changes_again_in_the_middle_wins(qtbot: QtBot, qapp: QApplication) -> None:
    turns = reply(2 * RECOLOURED_AT_ONCE)
    transcript = shown(qtbot, qapp, turns, NARROW)
    before = colours(transcript)
    transcript.show_turns(turns, Readout.PROJECTION, WIDE)
    transcript.show_turns(turns, Readout.PROJECTION, NARROW)
    qtbot.waitUntil(lambda: not transcript._recolouring.isActive())
    assert colours(transcript) == before
