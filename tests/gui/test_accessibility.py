"""Names, order and sight of the keyboard's focus, contrast, states that are more than a colour, spoken alarms."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
import trimtab_gui.views.announcement
from driven_client import Client
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QPushButton,
    QScrollBar,
    QSizeGrip,
    QWidget,
)
from scenes import SCENES, prepare, turn_to
from scripted_server import ScriptedServer
from trimtab_client.rollout_types import RolloutState, Verdict
from trimtab_client.trial_types import TrialState
from trimtab_gui.i18n import Languages
from trimtab_gui.models import rollout_words, trial_words
from trimtab_gui.models.workspace import Tone
from trimtab_gui.theme import DARK, LIGHT, Tokens, style_sheet
from trimtab_protos.v1 import monitor_pb2

SIZE = (1280, 800)
TAB = Qt.FocusPolicy.TabFocus.value


@pytest.fixture
def ready(connected: Client, scripted: ScriptedServer, tmp_path: Path) -> Client:
    connected.window.resize(*SIZE)
    prepare(connected, scripted, tmp_path)
    connected.window.activateWindow()
    connected.wait(connected.window.isActiveWindow)
    return connected


def shown(window: QWidget) -> Iterator[QWidget]:
    """What is in the window and can be used."""
    for widget in window.findChildren(QWidget):
        internal = isinstance(widget, (QScrollBar, QSizeGrip)) or widget.objectName().startswith("qt_")
        if widget.isVisible() and widget.isEnabled() and widget.window() is window and not internal:
            yield widget


def told(widget: QWidget) -> str:
    name = QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)
    return f"{type(widget).__name__} {name!r} in {type(widget.parent()).__name__}"


# Names and the keyboard -----------------------------------------------------------------------------------


def test_everything_that_takes_the_focus_has_a_name_on_every_page(ready: Client) -> None:
    for language, scene in product(("en", "ja"), SCENES):
        ready.languages.choose(language)
        window = turn_to(ready, scene)
        nameless = [
            told(widget)
            for widget in shown(window)
            if widget.focusPolicy() is not Qt.FocusPolicy.NoFocus
            and not QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)
        ]
        assert nameless == [], scene


def test_every_button_takes_the_tab_key_and_whatever_has_a_tone_has_words(ready: Client) -> None:
    for scene in SCENES:
        for widget in shown(turn_to(ready, scene)):
            if isinstance(widget, QAbstractButton):
                assert widget.focusPolicy().value & TAB, f"{scene}: {told(widget)}"
            toned = widget.property("tone") in ("good", "warning", "danger")
            if toned and isinstance(widget, (QLabel, QPushButton)):
                assert widget.text().strip(), f"{scene}: {told(widget)}"


def test_the_tab_key_goes_everywhere_and_in_reading_order(ready: Client) -> None:
    for scene in SCENES:
        if scene == "palette":
            # It closes when the focus leaves it.
            continue
        window = turn_to(ready, scene)
        wanted = {widget for widget in shown(window) if _is_a_stop(widget)}
        path = _tab_path(window)
        missed = [told(widget) for widget in wanted - set(path)]
        assert missed == [], scene
        backwards = [
            f"{told(one)} before {told(other)}"
            for one, other in pairwise(path)
            if one.parentWidget() is other.parentWidget() and _lies_before(other, one)
        ]
        assert backwards == [], scene


def _is_a_stop(widget: QWidget) -> bool:
    """Fields inside spin boxes and choices are part of them, and of a group of rooms only the chosen one is."""
    inside = widget.focusProxy() is not None or not widget.focusPolicy().value & TAB
    of_a_group = isinstance(widget, QAbstractButton) and widget.group() is not None and not widget.isChecked()
    part = type(widget.parentWidget()).__name__ in ("QSpinBox", "QDoubleSpinBox", "QComboBox", "Choice")
    return not inside and not of_a_group and not part


def _tab_path(window: QWidget) -> list[QWidget]:
    """Where the Tab key leads, from the first stop until it comes round."""
    path: list[QWidget] = []
    first = next(widget for widget in shown(window) if _is_a_stop(widget))
    first.setFocus(Qt.FocusReason.TabFocusReason)
    widget: QWidget | None = first
    while widget is not None and widget not in path and len(path) < 300:
        path.append(widget)
        window.focusNextPrevChild(True)
        widget = QApplication.focusWidget()
    return path


def _lies_before(one: QWidget, other: QWidget) -> bool:
    """In reading order: above, or to the left in the same row."""
    first, second = (
        QRect(widget.mapTo(widget.window(), QPoint(0, 0)), widget.size()) for widget in (one, other)
    )
    if first.bottom() <= second.top():
        return True
    same_row = first.top() < second.bottom() and second.top() < first.bottom()
    return same_row and first.right() <= second.left()


def test_every_command_is_in_the_palette_and_in_a_menu(ready: Client) -> None:
    window = ready.window
    in_menus = {str(action.data()) for menu in window._menus.values() for action in menu.actions()}
    known = ready.workspace.commands.specs()
    assert {spec.id for spec in known} <= in_menus
    turn_to(ready, "palette")
    listed = {spec.id for spec in window.palette_panel._shown}
    assert listed == {spec.id for spec in known if ready.workspace.commands.is_enabled(spec.id)}


# Sight ----------------------------------------------------------------------------------------------------


def _luminance(color: str) -> float:
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, from 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_black_on_white_has_the_contrast_that_the_standard_gives() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_text_has_four_and_a_half_to_one_wherever_it_stands(tokens: Tokens) -> None:
    grounds = (tokens.window, tokens.surface, tokens.raised)
    pairs = [(ink, ground) for ink in (tokens.text, tokens.muted, tokens.accent) for ground in grounds]
    pairs += [(ink, ground) for ink in (tokens.danger, tokens.warning, tokens.good) for ground in grounds]
    pairs += [
        (tokens.text, tokens.selection),
        (tokens.danger, tokens.danger_soft),
        (tokens.text, tokens.danger_soft),
        (tokens.warning, tokens.warning_soft),
        (tokens.text, tokens.warning_soft),
        (tokens.good, tokens.good_soft),
        (tokens.text, tokens.good_soft),
        (tokens.on_accent, tokens.accent),
        (tokens.on_accent, tokens.accent_hover),
    ]
    pairs += [(tokens.text, ground) for ground in (*tokens.diverging, *tokens.sequential) if ground]
    weak = [
        (ink, ground, round(contrast(ink, ground), 2)) for ink, ground in pairs if contrast(ink, ground) < 4.5
    ]
    assert weak == []


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=["light", "dark"])
def test_marks_have_three_to_one_against_what_is_around_them(tokens: Tokens) -> None:
    marks = {
        "edges of fields": tokens.strong_border,
        "focus": tokens.accent,
        **{f"series {place}": color for place, color in enumerate(tokens.series)},
        "unsteered": tokens.lane_unsteered,
        "prompt": tokens.lane_prompt,
        "steered": tokens.lane_steered,
        "snapshot": tokens.lane_snapshot,
    }
    weak = {
        name: round(contrast(color, ground), 2)
        for name, color in marks.items()
        for ground in (tokens.window, tokens.surface, tokens.raised)
        if contrast(color, ground) < 3
    }
    # A focused button that is filled with the accent has its ring in the colour of the text.
    assert contrast(tokens.text, tokens.accent) >= 1.5
    assert weak == {}


def _pixels(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)


def test_the_focus_can_be_seen_on_everything_that_takes_it(ready: Client) -> None:
    unseen = []
    for look, scene in product(("light", "dark"), ("chat", "trial", "rollout", "monitors", "rollback")):
        ready.theme.choose(look)
        turn_to(ready, scene)
        for widget in list(shown(ready.window)):
            if not _is_a_stop(widget) or widget.visibleRegion().isEmpty():
                continue
            ready.window.setFocus()
            without = _pixels(widget.grab().toImage())
            widget.setFocus(Qt.FocusReason.TabFocusReason)
            QApplication.processEvents()
            with_focus = _pixels(widget.grab().toImage())
            same_size = without.shape == with_focus.shape
            changed = int((np.abs(without - with_focus).max(axis=2) > 30).sum()) if same_size else 999
            if changed < 20:
                unseen.append(f"{look} {scene}: {told(widget)}")
    assert unseen == []


# More than a colour ---------------------------------------------------------------------------------------


@pytest.fixture(params=["en", "ja"])
def language(request: pytest.FixtureRequest, qapp: object) -> Iterator[str]:
    languages = Languages(request.param)
    yield request.param
    languages.choose("en")


def test_states_and_verdicts_differ_by_their_words(language: str) -> None:
    verdicts = [rollout_words.verdict_word(verdict) for verdict in Verdict]
    states = [
        rollout_words.state_word(state) for state in RolloutState if state is not RolloutState.UNSPECIFIED
    ]
    trials = [trial_words.named(trial_words.STATES, state) for state in TrialState]
    marks = [
        f"{trial_words.MARKS.get(verdict, '')} {trial_words.named(trial_words.VERDICTS, verdict)}"
        for verdict in Verdict
    ]
    for words in (verdicts, states, trials, marks):
        assert len(set(words)) == len(words) and all(words)
    # The first sign tells them apart as well, for a glance from afar.
    assert len({word[0] for word in verdicts}) == len(verdicts)
    assert len({word[0] for word in states}) == len(states)


def test_no_rule_of_the_style_sheet_is_left_without_its_value() -> None:
    for tokens in (LIGHT, DARK):
        assert "$" not in style_sheet(tokens, 150)


# Spoken ---------------------------------------------------------------------------------------------------


class _Ear:
    """Hears what is announced, and passes it on."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bool]] = []

    def updateAccessibility(self, event: QAccessibleAnnouncementEvent) -> None:
        assertive = event.politeness() is QAccessible.AnnouncementPoliteness.Assertive
        self.heard.append((event.message(), assertive))
        QAccessible.updateAccessibility(event)

    AnnouncementPoliteness = QAccessible.AnnouncementPoliteness


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> _Ear:
    own = _Ear()
    monkeypatch.setattr(trimtab_gui.views.announcement, "QAccessible", own)
    return own


def test_an_alarm_is_read_out_at_once(connected: Client, scripted: ScriptedServer, ear: _Ear) -> None:
    alarm = monitor_pb2.DriftAlarm(signal=monitor_pb2.SIGNAL_ENTROPY, finding="a later change", raised=True)
    scripted.push(monitor_pb2.WatchResponse(drift_alarm=alarm))
    connected.wait(lambda: bool(ear.heard))
    text, at_once = ear.heard[-1]
    assert "Entropy" in text and at_once
    assert connected.window.notice.accessibleDescription() == text


def test_good_news_waits_until_the_reader_has_finished(connected: Client, ear: _Ear) -> None:
    connected.window.notice.tell("“honest 0.5” is active as revision 2.", Tone.GOOD)
    assert ear.heard == [("“honest 0.5” is active as revision 2.", False)]


def test_a_lost_server_is_read_out_once(connected: Client, scripted: ScriptedServer, ear: _Ear) -> None:
    scripted.stop()
    connected.wait(connected.window.connection_strip.isVisible)
    said = [text for text, at_once in ear.heard if text == connected.window.connection_strip.text and at_once]
    assert len(said) == 1
