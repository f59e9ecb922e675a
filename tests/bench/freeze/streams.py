"""Tokens and samples that pour in: two lanes at 2,000 tokens a second beside six plots, and a burst."""

from __future__ import annotations

from trimtab_gui.views.monitors_page import MonitorsPage

from freeze.desk import Desk
from freeze.line import Line
from freeze.source import Orders, Source

RATE = 2000.0
STREAM_LIMIT_MILLISECONDS = 100.0
BURST_TOKENS = 50_000
BURST_LIMIT_MILLISECONDS = 150.0
#: Of the rate that is promised, what must have come for the gap to say anything.
RATE_SHARE = 0.9


def streams(seconds: float) -> list[Line]:
    with Source() as source, Desk() as desk:
        # The plots in a window beside the chat: in one window only one room is seen, and drawn, at a time.
        plots = MonitorsPage(desk.workspace, desk.theme)
        plots.resize(1400, 900)
        plots.show()
        source.order(Orders(tokens=round(RATE * seconds), rate=RATE, samples=20.0, history=2000))
        desk.connect(source)
        desk.until(lambda: plots.redraws > 5)
        before = plots.redraws
        desk.heart.start()
        took = desk.ask(seconds=10 * seconds + 60)
        desk.heart.stop()
        tokens = sum(len(lane.turns[-1].tokens) for lane in desk.workspace.conversation.lanes)
        drawn = (plots.redraws - before) / took
        plots.close()
    return [
        Line.at_most(
            f"two lanes of {RATE:,.0f} tokens/s and six plots for {seconds:g} s, longest gap",
            desk.heart.longest,
            "ms",
            STREAM_LIMIT_MILLISECONDS,
            f"{desk.heart.note}, plots drawn {drawn:.0f} times a second",
        ),
        Line.at_least(
            "tokens a second that were shown", tokens / took, "tokens/s", RATE_SHARE * 2 * RATE, f"{tokens:,}"
        ),
    ]


def burst() -> list[Line]:
    with Source() as source, Desk() as desk:
        source.order(Orders(tokens=BURST_TOKENS, tokens_per_message=1))
        desk.connect(source)
        desk.heart.start()
        took = desk.ask()
        # What is left to be done for a reply that has ended.
        desk.rest(5.0)
        desk.heart.stop()
        shown = len(desk.workspace.conversation.lanes[0].turns[-1].tokens)
    return [
        Line.at_most(
            f"a burst of {BURST_TOKENS:,} tokens in each of two lanes, longest gap",
            desk.heart.longest,
            "ms",
            BURST_LIMIT_MILLISECONDS,
            f"{desk.heart.note}, {shown:,} shown after {took:.1f} s",
        )
    ]
