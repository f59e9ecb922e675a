"""The guardrails of a rollout, each with its latest evidence against its bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem
from trimtab_client.rollout_types import GuardrailEvidence, PlanGuardrail, Rollout, Verdict

from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.rollout_words import (
    bar_of,
    guardrail_name,
    measured,
    percent,
    role_of,
    share_of_failing,
    verdict_tone,
    verdict_word,
)
from trimtab_gui.models.server_sentences import say
from trimtab_gui.models.table import ROW_ROLE, Column, RowsModel
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Table

Index = QModelIndex | QPersistentModelIndex
_VERDICT_COLUMN: Final = 1
_EVIDENCE_COLUMN: Final = 5


@dataclass(frozen=True)
class GuardrailRow:
    """A criterion of the plan, and what is known of it; a rule that is in no plan has evidence alone."""

    name: str
    guardrail: PlanGuardrail | None
    evidence: GuardrailEvidence | None

    @property
    def verdict(self) -> Verdict:
        return Verdict.UNSPECIFIED if self.evidence is None else self.evidence.verdict

    @property
    def share(self) -> float | None:
        return None if self.evidence is None else share_of_failing(self.evidence)


def rows_of(rollout: Rollout) -> tuple[GuardrailRow, ...]:
    """In the plan's order, what is in no plan last."""
    known = {evidence.guardrail: evidence for evidence in rollout.evidence}
    rows = [GuardrailRow(one.name, one, known.pop(one.name, None)) for one in rollout.plan.guardrails]
    return (*rows, *(GuardrailRow(name, None, evidence) for name, evidence in known.items()))


def _share(row: GuardrailRow) -> str:
    return "" if row.share is None else percent(row.share)


def _remark(row: GuardrailRow) -> str:
    if row.evidence is not None:
        return role_of(row.evidence)
    acts = row.guardrail is None or row.guardrail.acts
    return "" if acts else role_of(_SHOWN_ONLY)


_SHOWN_ONLY: Final = GuardrailEvidence(
    "", Verdict.UNSPECIFIED, None, None, None, None, None, 0, "", False, None
)

_COLUMNS: Final = (
    Column[GuardrailRow](QT_TRANSLATE_NOOP("Tables", "Guardrail"), lambda row: guardrail_name(row.name)),
    Column[GuardrailRow](QT_TRANSLATE_NOOP("Tables", "Verdict"), lambda row: verdict_word(row.verdict)),
    Column[GuardrailRow](
        QT_TRANSLATE_NOOP("Tables", "n"),
        lambda row: "" if row.evidence is None else str(row.evidence.count),
        align_right=True,
    ),
    Column[GuardrailRow](
        QT_TRANSLATE_NOOP("Tables", "Measured (95% interval)"),
        lambda row: "" if row.evidence is None else measured(row.evidence, row.guardrail),
    ),
    Column[GuardrailRow](
        QT_TRANSLATE_NOOP("Tables", "Fails at"),
        lambda row: "" if row.guardrail is None else bar_of(row.guardrail),
    ),
    Column[GuardrailRow](QT_TRANSLATE_NOOP("Tables", "Evidence, of what trips it"), _share),
    Column[GuardrailRow](
        QT_TRANSLATE_NOOP("Tables", "Remark"),
        _remark,
        tooltip=lambda row: "" if row.evidence is None else say(row.evidence.text),
    ),
)


class _Verdicts(QStyledItemDelegate):
    """The verdict in its colour; its sign and word say the same."""

    def __init__(self, theme: Theme, parent: Table) -> None:
        super().__init__(parent)
        self._theme = theme

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        row = index.data(ROW_ROLE)
        tone = verdict_tone(row.verdict) if isinstance(row, GuardrailRow) else ""
        color = self._theme.color(tone or "muted")
        for role in (option.palette.ColorRole.Text, option.palette.ColorRole.HighlightedText):
            option.palette.setColor(role, color)
        option.font.setBold(bool(tone))


class _Evidence(QStyledItemDelegate):
    """A bar from nothing to what trips the guardrail, with the figure beside it."""

    def __init__(self, theme: Theme, parent: Table) -> None:
        super().__init__(parent)
        self._theme = theme

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(ROW_ROLE)
        share = row.share if isinstance(row, GuardrailRow) else None
        if share is None:
            super().paint(painter, option, index)
            return
        self.initStyleOption(option, index)
        text = option.text
        option.text = ""
        rect: QRect = option.rect
        option.widget.style().drawControl(
            QStyle.ControlElement.CE_ItemViewItem,
            option,
            painter,
            option.widget,
        )
        figure = option.fontMetrics.horizontalAdvance("100%") + 10
        track = QRect(rect.left() + 8, rect.center().y() - 4, max(20, rect.width() - figure - 22), 8)
        painter.save()
        painter.setPen(QPen(self._theme.color("strong_border"), 1))
        painter.setBrush(self._theme.color("surface"))
        painter.drawRect(track)
        painter.setPen(Qt.PenStyle.NoPen)
        fill = QRect(track)
        fill.setWidth(round(track.width() * min(1.0, share)))
        tone = "danger" if share >= 1 else "warning" if share >= 0.5 else "good"
        painter.setBrush(self._theme.color(tone))
        painter.drawRect(fill)
        # Where it trips.
        painter.setPen(QPen(QColor(self._theme.tokens.text), 2))
        painter.drawLine(track.right() + 1, track.top() - 3, track.right() + 1, track.bottom() + 3)
        painter.setPen(self._theme.color("text"))
        room = QRect(track.right() + 6, rect.top(), figure, rect.height())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)
        painter.restore()


class GuardrailTable(Table):
    """One row for each guardrail; the finding in a sentence is the tooltip of the last column."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.rows: RowsModel[GuardrailRow] = RowsModel(_COLUMNS, self)
        self.setModel(self.rows)
        self.setItemDelegateForColumn(_VERDICT_COLUMN, _Verdicts(theme, self))
        self.setItemDelegateForColumn(_EVIDENCE_COLUMN, _Evidence(theme, self))

    def show_rollout(self, rollout: Rollout) -> None:
        rows, chosen = rows_of(rollout), self.chosen
        self.rows.replace(rows)
        # A look replaces every row; the one that is being read stays chosen.
        names = [row.name for row in rows]
        if chosen is not None and self.chosen is None and chosen.name in names:
            self.selectRow(names.index(chosen.name))
        self.fit()

    def fit(self) -> None:
        self.fit_columns()
        self.fit_rows(9)
        self.setColumnWidth(_EVIDENCE_COLUMN, max(190, self.columnWidth(_EVIDENCE_COLUMN)))

    @property
    def chosen(self) -> GuardrailRow | None:
        rows = self.selectionModel().selectedRows()
        return self.rows.rows[rows[0].row()] if rows else None
