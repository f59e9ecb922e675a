"""An hour of two lanes at 2,000 tokens a second and six signals at 20 Hz, as fast as it goes: memory."""

from __future__ import annotations

import time

import numpy as np

from freeze.desk import Desk, resident_megabytes
from freeze.line import Line
from freeze.source import Orders, Source

TOKENS_AN_HOUR = 2 * 2000 * 3600
SAMPLES_AN_HOUR = 6 * 20 * 3600
#: Replies as long as the embedded model's context allows, in chats of twenty questions.
TOKENS_EACH = 480
QUESTIONS = 20
LIMIT_MEGABYTES = 300.0
#: Of the last half, over an hour; a leak of a byte for each token would be 14.
SLOPE_LIMIT_MEGABYTES = 12.0


def hour(share: float) -> list[Line]:
    """`share`: of the hour's tokens and samples."""
    wanted = round(TOKENS_AN_HOUR * share)
    with Source() as source, Desk() as desk:
        # About as many samples as the hour would bring, in the time that the tokens take.
        source.order(Orders(tokens=TOKENS_EACH, tokens_per_message=20, samples=400.0, history=2000))
        desk.connect(source)
        conversation = desk.workspace.conversation
        begin = time.perf_counter()
        shown, marks = 0, [(0, resident_megabytes())]
        while shown < wanted:
            for _ in range(QUESTIONS):
                desk.ask()
                shown += sum(len(lane.turns[-1].tokens) for lane in conversation.lanes)
            marks.append((shown, resident_megabytes()))
            conversation.clear()
        took = time.perf_counter() - begin
        samples = 6 * 400 * took
    tail = marks[len(marks) // 2 :]
    hours = np.array([tokens for tokens, _ in tail]) / TOKENS_AN_HOUR
    sizes = np.array([size for _, size in tail])
    slope = float(np.polyfit(hours, sizes, 1)[0]) if len(tail) > 2 else float("inf")
    return [
        Line.at_most(
            f"memory after {shown:,} tokens and {samples:,.0f} samples ({shown / TOKENS_AN_HOUR:.2f} h of streams)",
            max(size for _, size in marks),
            "MB",
            LIMIT_MEGABYTES,
            f"{marks[0][1]:.0f} MB at first, {marks[-1][1]:.0f} at last, {took:.0f} s",
        ),
        Line.at_most("growth over the last half", slope, "MB an hour", SLOPE_LIMIT_MEGABYTES),
    ]
