"""The Record room: the audit records, newest first, with a search and the whole of one record; and approvals."""

from __future__ import annotations

import json
from typing import Final

from PySide6.QtCore import QSortFilterProxyModel, Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)
from trimtab_client import abbreviated
from trimtab_client.types import AuditRecord

from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.messages import describe
from trimtab_gui.models.table import ROW_ROLE, SORT_ROLE, Column, RowsModel
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.views.approvals_page import ApprovalsPage
from trimtab_gui.views.elements import ElidedLabel, Panel, Table, clock, label
from trimtab_gui.views.lengths import limit_width
from trimtab_gui.views.pages import Pages


def _step(record: AuditRecord) -> str:
    if not record.to_revision:
        return ""
    return f"{record.from_revision} → {record.to_revision}"


_COLUMNS: Final = (
    Column[AuditRecord](
        QT_TRANSLATE_NOOP("Tables", "No."), lambda row: str(row.sequence), key=lambda row: row.sequence
    ),
    Column[AuditRecord](
        QT_TRANSLATE_NOOP("Tables", "Time"), lambda row: clock(row.time), key=lambda row: row.sequence
    ),
    Column[AuditRecord](QT_TRANSLATE_NOOP("Tables", "Who"), lambda row: row.actor),
    Column[AuditRecord](QT_TRANSLATE_NOOP("Tables", "Role"), lambda row: row.role),
    Column[AuditRecord](QT_TRANSLATE_NOOP("Tables", "Action"), lambda row: row.action),
    Column[AuditRecord](
        QT_TRANSLATE_NOOP("Tables", "Subject"),
        lambda row: abbreviated(row.subject),
        tooltip=lambda row: row.subject,
    ),
    Column[AuditRecord](QT_TRANSLATE_NOOP("Tables", "Revision"), _step, key=lambda row: row.to_revision),
    Column[AuditRecord](QT_TRANSLATE_NOOP("Tables", "Reason"), lambda row: row.reason),
)


class RecordRoom(Panel):
    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._audit = workspace.audit
        self._workspace = workspace
        self._records: RowsModel[AuditRecord] = RowsModel(_COLUMNS, self)
        self._shown = QSortFilterProxyModel(self)
        self._shown.setSourceModel(self._records)
        self._shown.setSortRole(SORT_ROLE)
        self._shown.setFilterKeyColumn(-1)
        self._shown.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._title = label("title")
        self._explanation = label("muted", wrap=True)
        self.search_field = QLineEdit()
        self.search_field.setClearButtonEnabled(True)
        limit_width(self.search_field, 360)
        self.refresh_button = QPushButton()
        self._count = label("muted")
        self.table = Table()
        self.table.setModel(self._shown)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(0, Qt.SortOrder.DescendingOrder)
        self._facts = {name: label("muted") for name in ("subject", "request", "details", "hash", "previous")}
        self._values = {name: ElidedLabel() for name in self._facts}
        self._detail_title = label("heading")
        self.copy_button = QPushButton()
        self._problem = label("error", wrap=True)
        self.approvals = ApprovalsPage(workspace)
        self._records_page = QWidget()
        self.tabs = Pages()
        for page in (self._records_page, self.approvals):
            self.tabs.add(page)
        self._build()
        self._audit.changed.connect(self._show_records)
        self.search_field.textChanged.connect(self._search)
        self.refresh_button.clicked.connect(self._audit.refresh)
        self.table.selectionModel().selectionChanged.connect(self._show_record)
        self.copy_button.clicked.connect(self.copy_record)
        self.retranslate()

    def _build(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(10)
        tools.addWidget(self.search_field, 1)
        tools.addWidget(self._count)
        tools.addStretch(1)
        tools.addWidget(self.refresh_button)
        card = Panel("card")
        facts = QGridLayout(card)
        facts.setContentsMargins(16, 12, 16, 12)
        facts.setHorizontalSpacing(14)
        facts.setVerticalSpacing(4)
        facts.setColumnStretch(1, 1)
        head = QHBoxLayout()
        head.addWidget(self._detail_title, 1)
        head.addWidget(self.copy_button)
        facts.addLayout(head, 0, 0, 1, 2)
        for row, name in enumerate(self._facts, start=1):
            facts.addWidget(self._facts[name], row, 0)
            facts.addWidget(self._values[name], row, 1)
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._problem)
        column.addWidget(self.table, 1)
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.setHandleWidth(8)
        halves.setChildrenCollapsible(False)
        halves.addWidget(upper)
        halves.addWidget(card)
        halves.setStretchFactor(0, 1)
        page = QVBoxLayout(self._records_page)
        page.setContentsMargins(0, 8, 0, 0)
        page.setSpacing(10)
        page.addWidget(self._explanation)
        page.addLayout(tools)
        page.addWidget(halves, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 16, 14)
        layout.setSpacing(10)
        layout.addWidget(self._title)
        layout.addWidget(self.tabs, 1)

    def retranslate(self) -> None:
        self._title.setText(self.tr("Record"))
        self.tabs.setTabText(0, self.tr("Audit"))
        self.tabs.setTabText(1, self.tr("Approvals"))
        self.tabs.setAccessibleName(self.tr("Pages of the Record room"))
        self.tabs.tabBar().setAccessibleName(self.tr("Pages of the Record room"))
        self._explanation.setText(
            self.tr(
                "Every change of state, in a chain that nobody can edit unseen: each record carries the hash of the"
                " one before."
            )
        )
        self.search_field.setPlaceholderText(self.tr("Search the records"))
        self.search_field.setAccessibleName(self.tr("Search the records"))
        self.refresh_button.setText(self.tr("Read again"))
        self.table.setAccessibleName(self.tr("Audit records"))
        self.copy_button.setText(self.tr("Copy the record"))
        texts = {
            "subject": self.tr("Subject"),
            "request": self.tr("Request"),
            "details": self.tr("Details"),
            "hash": self.tr("Hash"),
            "previous": self.tr("Hash before"),
        }
        for name, text in texts.items():
            self._facts[name].setText(text)
        self._records.retranslate()
        self._show_records()
        self._show_record()

    def show_approvals(self) -> None:
        self.tabs.setCurrentWidget(self.approvals)

    @Slot()
    def _show_records(self) -> None:
        refusal = self._audit.refusal
        self._problem.setText("" if refusal is None else describe(refusal))
        self._problem.setVisible(refusal is not None)
        self._records.replace(self._audit.records)
        self.table.fit_columns()
        count, shown = self._audit.record_count, len(self._audit.records)
        text = self.tr("{0} records").format(count)
        if shown < count:
            text = self.tr("the newest {0} of {1} records").format(shown, count)
        self._count.setText(text)

    @Slot(str)
    def _search(self, text: str) -> None:
        self._shown.setFilterFixedString(text)

    def _chosen(self) -> AuditRecord | None:
        rows = self.table.selectionModel().selectedRows()
        record = rows[0].data(ROW_ROLE) if rows else None
        return record if isinstance(record, AuditRecord) else None

    @Slot()
    def _show_record(self) -> None:
        record = self._chosen()
        self.copy_button.setEnabled(record is not None)
        for fact in (*self._facts.values(), *self._values.values()):
            fact.setVisible(record is not None)
        if record is None:
            self._detail_title.setText(self.tr("Choose a record to see all of it"))
            for value in self._values.values():
                value.setText("")
            return
        self._detail_title.setText(self.tr("Record {0}: {1}").format(record.sequence, record.action))
        values = {
            "subject": record.subject,
            "request": record.request_id,
            "details": record.details,
            "hash": record.hash,
            "previous": record.previous_hash,
        }
        for name, text in values.items():
            self._values[name].setText(text)

    @Slot()
    def copy_record(self) -> None:
        """The whole record as JSON."""
        record = self._chosen()
        if record is not None:
            plain = dict(vars(record), time="" if record.time is None else record.time.isoformat())
            QGuiApplication.clipboard().setText(json.dumps(plain, ensure_ascii=False, indent=2))
