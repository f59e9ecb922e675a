"""Decisions that take two admins: what waits, for whom, until when, and what to do."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout
from trimtab_client import abbreviated
from trimtab_client.types import Approval, ApprovalState

from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.messages import describe
from trimtab_gui.models.rollout_words import action_name
from trimtab_gui.models.table import Column, RowsModel
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.views.elements import Panel, Table, clock, label, set_tone
from trimtab_gui.views.rollout_actions import PROMOTE_FULL

_STATES: Final = {
    ApprovalState.WAITING: QT_TRANSLATE_NOOP("Tables", "◔ waits"),
    ApprovalState.APPROVED: QT_TRANSLATE_NOOP("Tables", "✓ approved"),
    ApprovalState.CANCELLED: QT_TRANSLATE_NOOP("Tables", "■ taken back"),
    ApprovalState.EXPIRED: QT_TRANSLATE_NOOP("Tables", "○ expired"),
}


def _state(row: Approval) -> str:
    known = _STATES.get(row.state)
    return row.state.value if known is None else QCoreApplication.translate("Tables", known)


_COLUMNS: Final = (
    Column[Approval](QT_TRANSLATE_NOOP("Tables", "State"), _state),
    Column[Approval](QT_TRANSLATE_NOOP("Tables", "What"), lambda row: action_name(row.action)),
    Column[Approval](
        QT_TRANSLATE_NOOP("Tables", "Subject"),
        lambda row: abbreviated(row.subject),
        tooltip=lambda row: row.subject,
    ),
    Column[Approval](QT_TRANSLATE_NOOP("Tables", "Proposed by"), lambda row: row.proposer),
    Column[Approval](QT_TRANSLATE_NOOP("Tables", "At"), lambda row: clock(row.create_time)),
    Column[Approval](QT_TRANSLATE_NOOP("Tables", "Until"), lambda row: clock(row.expire_time)),
    Column[Approval](QT_TRANSLATE_NOOP("Tables", "Approved by"), lambda row: row.approver or "–"),
    Column[Approval](QT_TRANSLATE_NOOP("Tables", "Reason"), lambda row: row.proposer_reason),
)


class ApprovalsPage(Panel):
    # An Approval: somebody wants to make the same call, or to take it back.
    agreeRequested = Signal(object)
    cancelRequested = Signal(object)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self._model = workspace.approvals
        self._rows: RowsModel[Approval] = RowsModel(_COLUMNS, self)
        self._explanation = label("muted", wrap=True)
        self._problem = label("error", wrap=True)
        self.table = Table()
        self.table.setModel(self._rows)
        self.advice = label(wrap=True)
        self.agree_button = QPushButton()
        set_tone(self.agree_button, "accent")
        self.cancel_button = QPushButton()
        self.refresh_button = QPushButton()
        tools = QHBoxLayout()
        tools.setSpacing(10)
        tools.addWidget(self.agree_button)
        tools.addWidget(self.cancel_button)
        tools.addStretch(1)
        tools.addWidget(self.refresh_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.setSpacing(10)
        layout.addWidget(self._explanation)
        layout.addWidget(self._problem)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.advice)
        layout.addLayout(tools)
        self._model.changed.connect(self._show)
        workspace.connection.changed.connect(self._show_chosen)
        self.table.selectionModel().selectionChanged.connect(self._show_chosen)
        self._rows.modelReset.connect(self._show_chosen)
        self.agree_button.clicked.connect(self._agree)
        self.cancel_button.clicked.connect(self._cancel)
        self.refresh_button.clicked.connect(self._model.refresh)
        self.retranslate()

    def retranslate(self) -> None:
        self._explanation.setText(
            self.tr(
                "What takes two admins: the first one's call is kept here as a proposal, and the same call by another"
                " admin within its time does it. Both are in the audit."
            )
        )
        self.table.setAccessibleName(self.tr("Approvals"))
        self.agree_button.setText(self.tr("Agree…"))
        self.cancel_button.setText(self.tr("Take back…"))
        self.refresh_button.setText(self.tr("Read again"))
        self._rows.retranslate()
        self._show()

    def showEvent(self, event: object) -> None:
        if self._workspace.connection.is_live:
            self._model.refresh()

    @Slot()
    def _show(self) -> None:
        refusal = self._model.refusal
        self._problem.setText("" if refusal is None else describe(refusal))
        self._problem.setVisible(refusal is not None)
        self._rows.replace(self._model.approvals)
        self.table.fit_columns()
        if self._model.waiting and self._chosen() is None:
            self.table.selectRow(self._rows.rows.index(self._model.waiting[0]))
        self._show_chosen()

    def _chosen(self) -> Approval | None:
        rows = self.table.selectionModel().selectedRows()
        return self._rows.rows[rows[0].row()] if rows else None

    def _is_mine(self, approval: Approval) -> bool:
        info = self._workspace.connection.status.info
        return info is not None and info.actor == approval.proposer

    @Slot()
    def _show_chosen(self) -> None:
        chosen = self._chosen()
        waits = chosen is not None and chosen.state is ApprovalState.WAITING
        live = self._workspace.connection.is_live
        self.agree_button.setEnabled(
            live and waits and chosen.action == PROMOTE_FULL and not self._is_mine(chosen)
            if chosen is not None
            else False
        )
        self.cancel_button.setEnabled(live and waits)
        self.advice.setText(self._advice(chosen))

    def _advice(self, chosen: Approval | None) -> str:
        if not self._model.approvals:
            return self.tr("Nothing was proposed yet.")
        if chosen is None:
            return self.tr("Choose one to see what to do about it.")
        if chosen.state is not ApprovalState.WAITING:
            return self.tr("This is decided; there is nothing to do.")
        until = clock(chosen.expire_time)
        if self._is_mine(chosen):
            return self.tr("This is your own proposal. Another admin has to do the same before {0}.").format(
                until
            )
        if chosen.action == PROMOTE_FULL:
            return self.tr(
                "{0} has proposed this. If you agree, do the same before {1}; if not, take it back and say why."
            ).format(chosen.proposer, until)
        return self.tr(
            "{0} has proposed this. If you agree, make the same call as an admin before {1}: “{2}” of {3}."
        ).format(chosen.proposer, until, action_name(chosen.action), abbreviated(chosen.subject))

    @Slot()
    def _agree(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self.agreeRequested.emit(chosen)

    @Slot()
    def _cancel(self) -> None:
        chosen = self._chosen()
        if chosen is not None:
            self.cancelRequested.emit(chosen)
