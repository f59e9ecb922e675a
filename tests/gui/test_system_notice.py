"""An alarm while the operator looks elsewhere: told by the desktop where it can, by the window always."""

from __future__ import annotations

import pytest
from driven_client import Client
from PySide6.QtWidgets import QSystemTrayIcon
from scripted_server import ScriptedServer, now
from trimtab_gui.views.system_notice import SystemNotifier
from trimtab_protos.v1 import monitor_pb2


def raise_alarm(scripted: ScriptedServer, signal: int = monitor_pb2.SIGNAL_REPETITION) -> None:
    scripted.push(
        monitor_pb2.WatchResponse(
            alarm=monitor_pb2.Alarm(
                threshold=monitor_pb2.Threshold(signal=signal, upper=0.4),
                sample=monitor_pb2.Sample(signal=signal, value=0.9, time=now()),
                raised=True,
            )
        )
    )


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Title and text of what Qt was given to show; it is given on."""
    messages: list[tuple[str, str]] = []
    show = QSystemTrayIcon.showMessage

    def heard(icon: QSystemTrayIcon, title: str, text: str, *rest: object) -> None:
        messages.append((title, text))
        show(icon, title, text, *rest)

    monkeypatch.setattr(QSystemTrayIcon, "showMessage", heard)
    return messages


@pytest.fixture
def tray(monkeypatch: pytest.MonkeyPatch) -> None:
    """The offscreen platform has no notification area; everything else of it is Qt's own."""
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)


def icon_of(notifier: SystemNotifier) -> QSystemTrayIcon | None:
    return notifier.findChild(QSystemTrayIcon)


def test_an_alarm_in_a_hidden_window_is_told_by_the_desktop_and_leads_back(
    connected: Client, scripted: ScriptedServer, sent: list[tuple[str, str]], tray: None
) -> None:
    window = connected.window
    window.hide()
    raise_alarm(scripted)
    connected.wait(lambda: bool(sent))
    assert sent == [("⚠ Alarm", "Repetition (share of 4-grams) is 0.900, outside its limits")]
    icon = icon_of(window.system_notifier)
    assert icon is not None and icon.isVisible() and icon.toolTip() == "Trimtab"
    assert not icon.icon().isNull()
    # The same alarm is told once, another one by the same icon.
    raise_alarm(scripted, monitor_pb2.SIGNAL_ENTROPY)
    connected.wait(lambda: len(sent) == 2)
    assert "Entropy" in sent[1][1] and "Repetition" not in sent[1][1]
    assert len(window.system_notifier.findChildren(QSystemTrayIcon)) == 1
    icon.messageClicked.emit()
    assert window.isVisible() and not icon.isVisible()
    # What the desktop said is still there for whoever comes back by another way.
    assert window.notice.isVisible() and "outside its limits" in window.notice.text
    assert window.notice.action_button.text() == "Show the monitors"


def test_without_a_notification_area_the_window_itself_tells(
    connected: Client, scripted: ScriptedServer, sent: list[tuple[str, str]]
) -> None:
    assert not QSystemTrayIcon.isSystemTrayAvailable()
    window = connected.window
    window.hide()
    raise_alarm(scripted)
    connected.wait(lambda: not window.notice.isHidden())
    assert sent == [] and icon_of(window.system_notifier) is None
    window.show()
    assert window.notice.isVisible()
    assert window.notice.text == "⚠ Alarm: Repetition (share of 4-grams) is 0.900, outside its limits"
    connected.wait(lambda: window.bar.alarm.text().startswith("⚠"))


def test_a_notification_area_that_goes_away_leaves_the_notice_in_the_window(
    connected: Client,
    scripted: ScriptedServer,
    sent: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window = connected.window
    window.hide()
    with monkeypatch.context() as patch:
        patch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)
        raise_alarm(scripted)
        connected.wait(lambda: len(sent) == 1)
    raise_alarm(scripted, monitor_pb2.SIGNAL_ENTROPY)
    connected.wait(lambda: "Entropy" in window.notice.text)
    assert len(sent) == 1


def test_nothing_is_sent_to_the_desktop_while_the_window_is_in_front(
    connected: Client, scripted: ScriptedServer, sent: list[tuple[str, str]], tray: None
) -> None:
    window = connected.window
    window.activateWindow()
    connected.wait(window.isActiveWindow)
    raise_alarm(scripted)
    connected.wait(lambda: window.notice.isVisible())
    assert sent == [] and icon_of(window.system_notifier) is None
