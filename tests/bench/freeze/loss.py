"""The server is killed in the middle of a reply, comes back, and falls silent: what the client says, and when."""

from __future__ import annotations

import time

from promises.stale_client import NOTICED_SECONDS
from trimtab_gui.bridge import Phase
from trimtab_gui.models.conversation import TurnState

from freeze.desk import Desk
from freeze.line import Line
from freeze.source import Orders, Source

ROUNDS = 5
KILLED_LIMIT_SECONDS = 1.0
#: After the server listens again: the longest pause between two tries, and an answer.
BACK_LIMIT_SECONDS = 10.0
SILENT_SECONDS = 10.0
RATE = 500.0


def loss() -> list[Line]:
    told: list[float] = []
    back: list[float] = []
    wrong: list[str] = []
    with Source() as source, Desk() as desk:
        for number in range(ROUNDS):
            source.order(Orders(tokens=60_000, rate=RATE, samples=20.0, history=100))
            if number == 0:
                desk.connect(source)
            told.append(_kill(desk, source, wrong))
            desk.rest(1.0)
            source.restart()
            back.append(desk.until(lambda: desk.workspace.is_ready))
            if not desk.window.connection_strip.isHidden():
                wrong.append("it still says that the server is gone")
        source.order(Orders(samples=20.0, history=100))
        silent = _silence(desk, source, wrong)
    return [
        Line.at_most("server killed in a reply, said after", max(told), "s", KILLED_LIMIT_SECONDS),
        Line.at_most("server back, connected again after", max(back), "s", BACK_LIMIT_SECONDS),
        Line.at_most("server silent, said after", silent, "s", NOTICED_SECONDS),
        Line.at_most(
            "figures shown as live, texts lost, or losses told twice",
            float(len(wrong)),
            "times",
            0,
            "; ".join(wrong[:3]),
        ),
    ]


def _kill(desk: Desk, source: Source, wrong: list[str]) -> float:
    """Seconds from the kill until the window says so."""
    conversation, window = desk.workspace.conversation, desk.window
    conversation.clear()
    conversation.send("And then?")
    desk.until(lambda: len(conversation.lanes[0].turns[-1].tokens) > RATE / 2)
    source.kill()
    begin = time.perf_counter()
    desk.until(lambda: "Server gone since" in window.bar.server.text(), 20, every=2)
    took = time.perf_counter() - begin
    desk.until(lambda: not conversation.is_busy, 20)
    desk.rest(0.2)
    for lane in conversation.lanes:
        turn = lane.turns[-1]
        if turn.state is not TurnState.FAILED or len(turn.tokens) < RATE / 2:
            wrong.append(f"a reply is {turn.state} with {len(turn.tokens)} tokens")
    if window.bar.rate.text() != "–" or "last known" not in window.bar.snapshot.text():
        wrong.append("old figures are shown as live")
    if not window.connection_strip.isVisible():
        wrong.append("the strip does not say that the server is gone")
    if window.notice.isVisible():
        wrong.append(f"it is said twice: {window.notice.text!r}")
    return took


def _silence(desk: Desk, source: Source, wrong: list[str]) -> float:
    """Seconds from the silence until the window says so."""
    window = desk.window
    source.silence()
    begin = time.perf_counter()
    took = desk.until(lambda: desk.workspace.connection.status.phase is not Phase.CONNECTED, 20)
    while time.perf_counter() - begin < SILENT_SECONDS:
        desk.rest(0.1)
        if "since" not in window.bar.server.text() or window.bar.rate.text() != "–":
            wrong.append(f"it shows {window.bar.server.text()!r} and {window.bar.rate.text()!r}")
            break
    source.wake()
    desk.until(lambda: desk.workspace.connection.is_live, 20)
    if window.notice.isVisible():
        wrong.append(f"it is said twice: {window.notice.text!r}")
    return took
