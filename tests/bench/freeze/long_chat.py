"""A chat of 500 messages: one resize of the window, with everything laid out and drawn again."""

from __future__ import annotations

import statistics
import time

from freeze.desk import Desk
from freeze.line import Line
from freeze.source import Orders, Source

MESSAGES = 500
TOKENS_EACH = 60
RESIZE_LIMIT_MILLISECONDS = 50.0
SIZES = ((1250, 820), (1400, 900), (1100, 760), (1400, 900), (1320, 860), (1400, 900))


def long_chat() -> list[Line]:
    with Source() as source, Desk() as desk:
        source.order(Orders(tokens=TOKENS_EACH, tokens_per_message=20))
        desk.connect(source)
        asked = 0.0
        for question in range(MESSAGES // 2):
            asked = max(asked, desk.ask(f"Question {question}"))
        desk.rest(2.0)
        messages = sum(len(lane.turns) for lane in desk.workspace.conversation.lanes) // 2
        took = [_resize(desk, *size) for size in SIZES]
    return [
        Line.at_most(
            f"a chat of {messages} messages in each of two lanes, one resize",
            max(took),
            "ms",
            RESIZE_LIMIT_MILLISECONDS,
            f"median {statistics.median(took):.0f} ms of {len(took)}; longest answer {asked:.2f} s",
        )
    ]


def _resize(desk: Desk, width: int, height: int) -> float:
    """Milliseconds until the window is laid out and drawn at its new size."""
    begin = time.perf_counter()
    desk.window.resize(width, height)
    desk.application.processEvents()
    # Whatever was put off by layouts, and the drawing.
    desk.application.sendPostedEvents()
    desk.window.repaint()
    took = 1000 * (time.perf_counter() - begin)
    desk.rest(0.3)
    return took
