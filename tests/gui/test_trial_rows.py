"""The table of a trial's replies: sorted, filtered and grown without losing its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from PySide6.QtCore import QItemSelectionModel, QPersistentModelIndex, Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QApplication, QTableView
from trimtab_client.trial_types import TrialPrompt, TrialRow
from trimtab_gui.models.trial_rows import TrialRowsFilter, TrialRowsModel

OUTCOMES = ("honest", "lie", "evade")
EVERYTHING: dict[str, Any] = {"lane": None, "outcome": None, "pressure": None, "text": ""}


def prompt(place: int) -> TrialPrompt:
    pressure = ("neutral", "soft", "hard")[place % 3]
    return TrialPrompt(f"p{place}", f"Question {place % 7}", "", (), (), (), (), pressure, "en", "")


PROMPTS = {own.id: own for own in map(prompt, range(60))}


def row(number: int, reply: str = "") -> TrialRow:
    return TrialRow(
        number=number,
        prompt_id=f"p{number * 37 % 60}",
        lane=("unsteered", "steered")[number % 2],
        repeat=number % 4,
        probe=0,
        reply=reply or f"It costs {number * 7919 % 1000} dollars.",
        outcome=OUTCOMES[number % 3],
        score=number * 31 % 100 / 100,
        seed=0,
        prompt_tokens=1,
        tokens=number * 53 % 90,
        seconds=0.1,
        finish_reason="stop",
        measures={},
        error="",
        key="",
    )


@pytest.fixture
def rows(qapp: QApplication) -> Iterator[tuple[TrialRowsModel, TrialRowsFilter]]:
    """Two hundred rows, with Qt's own watch over the promises of a model."""
    model = TrialRowsModel(PROMPTS.get)
    shown = TrialRowsFilter(model)
    tester = QAbstractItemModelTester(shown, QAbstractItemModelTester.FailureReportingMode.Fatal)
    model.take(row(number) for number in range(1, 201))
    yield model, shown
    tester.deleteLater()


@pytest.mark.parametrize("order", [Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder])
@pytest.mark.parametrize(
    ("column", "key"),
    [
        (0, lambda own: own.number),
        (1, lambda own: PROMPTS[own.prompt_id].prompt),
        (4, lambda own: own.repeat),
        (6, lambda own: own.score),
        (7, lambda own: own.tokens),
        (8, lambda own: own.reply),
    ],
)
def test_a_column_sorts_by_what_it_means_and_keeps_the_order_of_equals(
    rows: tuple[TrialRowsModel, TrialRowsFilter],
    column: int,
    order: Qt.SortOrder,
    key: Callable[[TrialRow], Any],
) -> None:
    _, shown = rows
    shown.sort(column, order)
    everything = [row(number) for number in range(1, 201)]
    backwards = order is Qt.SortOrder.DescendingOrder
    assert shown.shown() == sorted(everything, key=key, reverse=backwards)
    shown.sort(-1)
    assert shown.shown() == everything


def test_filters_and_rows_that_come_later_agree_with_asking_each_row(
    rows: tuple[TrialRowsModel, TrialRowsFilter],
) -> None:
    model, shown = rows
    shown.choose(lane="steered", outcome="lie", pressure="soft", text="7")
    model.take(row(number) for number in range(201, 301))

    def passes(own: TrialRow) -> bool:
        asked = PROMPTS[own.prompt_id]
        text = f"{own.reply} {own.prompt_id} {asked.prompt}"
        return (own.lane, own.outcome, asked.pressure) == ("steered", "lie", "soft") and "7" in text

    expected = [own for own in map(row, range(1, 301)) if passes(own)]
    assert 3 < len(expected) < 60 and shown.shown() == expected
    shown.sort(7, Qt.SortOrder.AscendingOrder)
    model.take(row(number) for number in range(301, 401))
    expected = sorted((own for own in map(row, range(1, 401)) if passes(own)), key=lambda own: own.tokens)
    assert shown.shown() == expected


def test_a_selected_row_stays_selected_while_the_table_is_sorted_and_filtered(
    rows: tuple[TrialRowsModel, TrialRowsFilter],
) -> None:
    model, shown = rows
    table = QTableView()
    table.setSelectionBehavior(QTableView.SelectionBehavior.SelectRows)
    table.setModel(shown)
    table.selectRow(149)
    table.selectionModel().setCurrentIndex(shown.index(149, 0), QItemSelectionModel.SelectionFlag.NoUpdate)
    held = QPersistentModelIndex(shown.index(149, 8))

    def selected() -> list[str]:
        return [str(index.data()) for index in table.selectionModel().selectedRows()]

    assert selected() == ["150"]
    shown.sort(6, Qt.SortOrder.DescendingOrder)
    assert selected() == ["150"] and held.data() == row(150).reply and held.row() != 149
    shown.choose(**EVERYTHING | {"lane": row(150).lane})
    assert selected() == ["150"]
    model.take([row(150, reply="Asked again.")])
    assert selected() == ["150"] and held.data() == "Asked again."
    shown.choose(**EVERYTHING | {"lane": row(151).lane})
    assert selected() == [] and not held.isValid()
    model.clear()
    assert shown.rowCount() == 0
    table.deleteLater()
