"""What the options cost and save, side by side: an option in each column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel
from trimtab_client.trial_types import CostOption, CostRange, TrialCost

from trimtab_gui.models.trial_costs import money, money_in_short
from trimtab_gui.models.trial_words import figure, percent
from trimtab_gui.views.elements import Panel, label


@dataclass(frozen=True)
class _Line:
    title: str
    text: Callable[[CostOption], str]
    strong: bool = False


class CostTable(Panel):
    """Made anew for each answer: there are a few options, and a dozen lines."""

    def __init__(self) -> None:
        super().__init__("card")
        self._cost: TrialCost | None = None
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(16, 12, 16, 14)
        self._grid.setHorizontalSpacing(20)
        self._grid.setVerticalSpacing(7)
        self.cells: dict[tuple[int, int], QLabel] = {}

    def retranslate(self) -> None:
        self.setAccessibleName(self.tr("What the options cost and save"))
        if self._cost is not None:
            self.show_cost(self._cost)

    def show_cost(self, cost: TrialCost) -> None:
        self._cost = cost
        lines = self._lines(cost)
        for cell in self.cells.values():
            self._grid.removeWidget(cell)
            cell.hide()
            cell.deleteLater()
        self.cells = {}
        for column, option in enumerate(cost.options, start=1):
            title = self.tr("fine-tune (assumed)") if option.assumed else option.name
            mark = "★ " if option.name == cost.best else ""
            self._put(0, column, f"{mark}{title}", "heading")
        for row, line in enumerate(lines, start=1):
            self._put(row, 0, line.title, "muted")
            for column, option in enumerate(cost.options, start=1):
                self._put(row, column, line.text(option), "heading" if line.strong else "")
        self._grid.setColumnStretch(0, 3)
        for column in range(1, len(cost.options) + 1):
            self._grid.setColumnStretch(column, 2)

    def text(self, title: str, option: str) -> str:
        """One figure, by the words beside and above it; KeyError if it is not shown."""
        rows = [row for (row, column), cell in self.cells.items() if column == 0 and cell.text() == title]
        columns = [column for (row, column), cell in self.cells.items() if row == 0 and option in cell.text()]
        return self.cells[rows[0], columns[0]].text()

    def _put(self, row: int, column: int, text: str, role: str) -> None:
        cell = label(role, wrap=column == 0)
        cell.setText(text)
        cell.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        if column:
            cell.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._grid.addWidget(cell, row, column)
        self.cells[row, column] = cell

    def _lines(self, cost: TrialCost) -> list[_Line]:
        def amount(value: float) -> str:
            return money(value, cost.currency)

        def span(own: CostRange) -> str:
            low, high = (money_in_short(bound, cost.currency) for bound in (own.low, own.high))
            return f"{amount(own.value)}\n({low} – {high})"

        def known(value: float | None, text: Callable[[float], str]) -> str:
            return "–" if value is None else text(value)

        def payback(option: CostOption) -> str:
            never = self.tr("never")
            first, last = (
                known(own, lambda value: self.tr("{0} months").format(figure(value, 1)))
                for own in (option.payback_months, option.slowest_payback_months)
            )
            if option.payback_months is None:
                return never
            return f"{first} ({never if option.slowest_payback_months is None else last})"

        return [
            _Line(self.tr("Bad replies left"), lambda own: percent(own.bad_rate)),
            _Line(self.tr("To get there, once"), lambda own: amount(own.setup)),
            _Line(self.tr("More a month"), lambda own: amount(own.running)),
            _Line(self.tr("Incidents prevented a month"), lambda own: figure(own.prevented.value, 1)),
            _Line(self.tr("Saved a month"), lambda own: span(own.saved)),
            _Line(self.tr("Left a month"), lambda own: amount(own.net.value)),
            _Line(self.tr("Left over {0} months").format(cost.months), lambda own: span(own.horizon), True),
            _Line(self.tr("Pays back after (at worst)"), payback),
            _Line(
                self.tr("Breaks even if an incident costs"),
                lambda own: known(own.break_even_incident_cost, amount),
            ),
            _Line(
                self.tr("Breaks even at replies a month"),
                lambda own: known(own.break_even_replies, lambda value: figure(value, 0)),
            ),
        ]
