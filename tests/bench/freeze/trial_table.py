"""A trial of 10,000 replies: opened, scrolled through, sorted and filtered."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import Qt
from trimtab_gui.views.trial_replies import TrialReplies

from freeze.desk import Desk
from freeze.line import Line
from freeze.source import Orders, Source

ROWS = 10_000
GAP_LIMIT_MILLISECONDS = 100.0
SCROLL_SECONDS = 4.0
COLUMNS = 9


def trial_table() -> list[Line]:
    with Source() as source, Desk() as desk:
        source.order(Orders(trial_rows=ROWS))
        desk.connect(source)
        replies = desk.window.evidence.trials.open_trial.replies
        lines = [_gap(desk, "opened", lambda: _open(desk, replies))]
        lines.append(_gap(desk, "scrolled through", lambda: _scroll(desk, replies)))
        lines.append(_gap(desk, f"sorted by each of {COLUMNS} columns", lambda: _sort(desk, replies)))
        lines.append(
            _gap(desk, "filtered by lane, outcome, pressure and text", lambda: _filter(desk, replies))
        )
    return lines


def _gap(desk: Desk, what: str, run: Callable[[], None]) -> Line:
    desk.heart.start()
    run()
    desk.heart.stop()
    name = f"a trial of {ROWS:,} replies {what}, longest gap"
    return Line.at_most(name, desk.heart.longest, "ms", GAP_LIMIT_MILLISECONDS, desk.heart.note)


def _open(desk: Desk, replies: TrialReplies) -> None:
    """From another room to the last row in the table."""
    evidence = desk.window.evidence
    evidence.trials.open_trial.tabs.setCurrentWidget(replies)
    evidence.tabs.setCurrentWidget(evidence.trials)
    desk.window.show_room("evidence")
    desk.until(lambda: evidence.trials.table.model().rowCount() > 0)
    evidence.trials.table.selectRow(0)
    desk.until(lambda: replies.rows.rowCount() == ROWS)
    desk.rest(1.0)


def _scroll(desk: Desk, replies: TrialReplies) -> None:
    """From the first row to the last, a step every 10 ms, and back by the page."""
    bar = replies.table.verticalScrollBar()
    begin = time.perf_counter()
    while (done := (time.perf_counter() - begin) / SCROLL_SECONDS) < 1:
        bar.setValue(round(bar.maximum() * done))
        desk.rest(0.01)
    for page in range(40, -1, -1):
        bar.setValue(bar.maximum() * page // 40)
        desk.rest(0.02)


def _sort(desk: Desk, replies: TrialReplies) -> None:
    for column in range(COLUMNS):
        for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
            replies.table.sortByColumn(column, order)
            desk.rest(0.1)


def _filter(desk: Desk, replies: TrialReplies) -> None:
    """As an operator does it: in the choices, and letter by letter."""
    for choice in (replies.lane_choice, replies.outcome_choice, replies.pressure_choice):
        for index in (1, 2, 0):
            choice.setCurrentIndex(index)
            choice.activated.emit(index)
            desk.rest(0.1)
    for length in range(1, 8):
        replies.text_field.setText("dollars"[:length])
        desk.rest(0.1)
    replies.text_field.clear()
    desk.rest(0.1)
