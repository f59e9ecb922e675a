"""Plots: a million points panned through, and the monitors page with all it can hold."""

from __future__ import annotations

import time

from promises.stale_client import LEAST_FRAMES_PER_SECOND, POINTS, frames_per_second
from trimtab_gui.models.monitors import PLOTTED
from trimtab_gui.views.monitors_page import MonitorsPage

from freeze.desk import Desk
from freeze.line import Line
from freeze.source import Orders, Source

FRAMES = 60
#: Of each signal; all six at once have room on the way to the window.
HISTORY = 1_300


def plots() -> list[Line]:
    with Source() as source, Desk() as desk:
        source.order(Orders(history=HISTORY))
        desk.connect(source)
        page = MonitorsPage(desk.workspace, desk.theme)
        page.resize(1400, 900)
        page.show()
        desk.until(lambda: all(len(desk.workspace.monitors.rows(own)) == HISTORY for own in PLOTTED))
        desk.rest(0.5)
        begin = time.perf_counter()
        for _ in range(FRAMES):
            page.redraw()
            page.grab()
        drawn = FRAMES / (time.perf_counter() - begin)
        page.close()
        million = frames_per_second(desk.theme, desk.application)
    return [
        Line.at_least(
            f"a plot of {POINTS:,} points, panned through", million, "frames/s", LEAST_FRAMES_PER_SECOND
        ),
        Line.at_least(
            f"the monitors page, six plots with {HISTORY:,} points each and the tables, at least as often as "
            "it redraws",
            drawn,
            "frames/s",
            20.0,
        ),
    ]
