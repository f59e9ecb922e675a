"""What a trial has shown: the verdict, the rates of the lanes, and the questions it answers."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QLocale, QSignalBlocker, Qt, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget
from trimtab_client.rollout_types import Verdict
from trimtab_client.trial_types import LaneProgress, Trial, TrialAnswer, TrialLaneFigures, TrialResult

from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.table import Column, RowsModel
from trimtab_gui.models.trial_rows import pressure_text
from trimtab_gui.models.trial_words import (
    KINDS,
    MARKS,
    MEASURES,
    RECOMMENDATIONS,
    STANDINGS,
    TONES,
    VERDICTS,
    criteria_lines,
    estimate_text,
    figure,
    named,
    p_text,
    percent,
    question_text,
)
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import Choice, Panel, Table, label, set_tone
from trimtab_gui.views.rate_bars import LaneBar, RateBars

_OUTCOMES: Final = ("honest", "lie", "evade", "no_belief")

_LANE_COLUMNS: Final = (
    Column[TrialLaneFigures](
        QT_TRANSLATE_NOOP("Tables", "Lane"),
        lambda row: row.lane,
        tooltip=lambda row: named(KINDS, row.kind),
    ),
    Column[TrialLaneFigures](
        QT_TRANSLATE_NOOP("Tables", "Prompts"), lambda row: str(row.prompts), align_right=True
    ),
    Column[TrialLaneFigures](
        QT_TRANSLATE_NOOP("Tables", "Honest"), lambda row: percent(row.honest), align_right=True
    ),
    Column[TrialLaneFigures](
        QT_TRANSLATE_NOOP("Tables", "Lie"), lambda row: percent(row.lie), align_right=True
    ),
    Column[TrialLaneFigures](
        QT_TRANSLATE_NOOP("Tables", "Evasion"), lambda row: percent(row.evade), align_right=True
    ),
    Column[TrialLaneFigures](
        QT_TRANSLATE_NOOP("Tables", "No belief"), lambda row: percent(row.no_belief), align_right=True
    ),
    Column[TrialLaneFigures](
        QT_TRANSLATE_NOOP("Tables", "Gain over unsteered"), lambda row: estimate_text(row.gain)
    ),
    Column[TrialLaneFigures](
        QT_TRANSLATE_NOOP("Tables", "p"),
        lambda row: p_text(row.p),
        align_right=True,
    ),
    Column[TrialLaneFigures](
        QT_TRANSLATE_NOOP("Tables", "Tokens/reply"), lambda row: figure(row.tokens, 1), align_right=True
    ),
    Column[TrialLaneFigures](
        QT_TRANSLATE_NOOP("Tables", "Seconds/reply"), lambda row: figure(row.seconds, 2), align_right=True
    ),
)
_ANSWER_COLUMNS: Final = (
    Column[TrialAnswer](QT_TRANSLATE_NOOP("Tables", "Question"), question_text),
    Column[TrialAnswer](QT_TRANSLATE_NOOP("Tables", "Lane"), lambda row: row.lane),
    Column[TrialAnswer](QT_TRANSLATE_NOOP("Tables", "Against"), lambda row: row.against),
    Column[TrialAnswer](QT_TRANSLATE_NOOP("Tables", "Measured"), lambda row: estimate_text(row.estimate)),
    Column[TrialAnswer](
        QT_TRANSLATE_NOOP("Tables", "Bar"), lambda row: figure(row.threshold), align_right=True
    ),
    Column[TrialAnswer](QT_TRANSLATE_NOOP("Tables", "Answer"), lambda row: named(STANDINGS, row.standing)),
)


class TrialSummary(Panel):
    """Follows the trial it was last given; while it runs, the figures so far, and no verdict."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._trial: Trial | None = None
        self.badge = label("chip")
        self.recommendation = label("chip")
        self.reason = label("", wrap=True)
        self.more = label("", wrap=True)
        self.part_choice = Choice()
        self.bars = RateBars(theme)
        self._labels = {name: label("muted") for name in ("part",)}
        self._heading = {name: label("heading") for name in ("lanes", "answers", "criteria")}
        self._note = label("caption", wrap=True)
        self.lanes_table = Table()
        self._lanes: RowsModel[TrialLaneFigures] = RowsModel(_LANE_COLUMNS, self)
        self.lanes_table.setModel(self._lanes)
        self.answers_table = Table()
        self._answers: RowsModel[TrialAnswer] = RowsModel(_ANSWER_COLUMNS, self)
        self.answers_table.setModel(self._answers)
        self.criteria = CriteriaCard()
        self._build()
        self.part_choice.activated.connect(self._show_part)
        self.retranslate()

    def _build(self) -> None:
        verdict = Panel("card")
        chips = QHBoxLayout()
        chips.setSpacing(10)
        chips.addWidget(self.badge)
        chips.addWidget(self.recommendation)
        chips.addStretch(1)
        column = QVBoxLayout(verdict)
        column.setContentsMargins(16, 14, 16, 14)
        column.setSpacing(8)
        column.addLayout(chips)
        column.addWidget(self.reason)
        column.addWidget(self.more)
        rates = Panel("card")
        row = QHBoxLayout()
        row.addWidget(self._heading["lanes"])
        row.addStretch(1)
        row.addWidget(self._labels["part"])
        row.addWidget(self.part_choice)
        self.part_choice.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        column = QVBoxLayout(rates)
        column.setContentsMargins(16, 12, 16, 14)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.bars)
        column.addWidget(self._note)
        column.addWidget(self.lanes_table)
        answers = Panel("card")
        self._answers_card = answers
        column = QVBoxLayout(answers)
        column.setContentsMargins(16, 12, 16, 14)
        column.addWidget(self._heading["answers"])
        column.addWidget(self.answers_table)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(10)
        for card in (verdict, rates, answers, self.criteria):
            column.addWidget(card)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.addWidget(scroll)

    def retranslate(self) -> None:
        self._heading["lanes"].setText(self.tr("What the lanes did"))
        self._heading["answers"].setText(self.tr("Questions of the criteria"))
        self._labels["part"].setText(self.tr("Prompts"))
        self.part_choice.setAccessibleName(self.tr("Prompts that the figures are of"))
        self.bars.setAccessibleName(self.tr("Rates of the lanes"))
        self.lanes_table.setAccessibleName(self.tr("Figures of the lanes"))
        self.answers_table.setAccessibleName(self.tr("Questions of the criteria"))
        self._lanes.retranslate()
        self._answers.retranslate()
        self.show_trial(self._trial)

    # What is shown ----------------------------------------------------------------------------------------

    def show_trial(self, trial: Trial | None) -> None:
        """The figures of a trial; nothing for None."""
        self._trial = trial
        if trial is None:
            return
        result = trial.result
        self._show_verdict(trial, result)
        before = self.part_choice.currentData()
        with QSignalBlocker(self.part_choice):
            self.part_choice.clear()
            self.part_choice.addItem(self.tr("All that decide"), "")
            for part in result.parts if result is not None else ():
                if not part.language:
                    self.part_choice.addItem(pressure_text(part.pressure), part.pressure or "unmarked")
            self.part_choice.setCurrentIndex(max(0, self.part_choice.findData(before)))
        self.part_choice.setVisible(result is not None)
        self._labels["part"].setVisible(result is not None)
        self._answers.replace(result.answers if result is not None else ())
        self._answers_card.setVisible(bool(result is not None and result.answers))
        self.answers_table.fit_columns(300)
        _fit_height(self.answers_table)
        self.criteria.show_criteria(trial.lock.criteria_json, trial.lock.hash)
        self._show_part()

    def _show_verdict(self, trial: Trial, result: TrialResult | None) -> None:
        verdict = Verdict.UNSPECIFIED if result is None else result.verdict
        self.badge.setText(f"{MARKS.get(verdict, '…')} {named(VERDICTS, verdict)}")
        self.badge.setAccessibleName(self.tr("Verdict: {0}").format(named(VERDICTS, verdict)))
        set_tone(self.badge, TONES.get(verdict, ""))
        wanted = "" if result is None else result.recommendation
        self.recommendation.setText(
            self.tr("Recommendation: {0}").format(named(RECOMMENDATIONS, wanted)) if wanted else ""
        )
        self.recommendation.setVisible(bool(wanted))
        set_tone(self.recommendation, "good")
        if result is None:
            self.reason.setText(
                self.tr(
                    "Nothing is decided before the last reply is there: a look on the way proves nothing. The report"
                    " comes with the verdict."
                )
            )
            self.more.hide()
            return
        language = "ja" if QLocale().language() == QLocale.Language.Japanese else "en"
        self.reason.setText(result.reason_in(language))
        more = result.more_prompts_needed
        self.more.setVisible(more is not None)
        if more is not None:
            self.more.setText(
                self.tr(
                    "→ About {0} more prompts are needed. Add them to the file and start a new trial."
                ).format(more)
            )

    @Slot()
    def _show_part(self, _index: int = 0) -> None:
        trial = self._trial
        if trial is None:
            return
        if trial.result is None:
            self._lanes.replace(())
            self.lanes_table.hide()
            bars = tuple(_bar_so_far(own) for own in trial.progress.lanes)
            self._note.setText(self.tr("So far, over all prompts. Without intervals: this is no verdict."))
            self.bars.show_bars(bars, "")
            return
        wanted = self.part_choice.currentData()
        lanes = trial.result.lanes
        if wanted:
            pressure = "" if wanted == "unmarked" else wanted
            lanes = next(
                own.lanes for own in trial.result.parts if (own.pressure, own.language) == (pressure, "")
            )
            self._note.setText(self.tr("For orientation: the locked decision is on all deciding prompts."))
        else:
            self._note.setText(
                self.tr(
                    "The whisker below a bar is the 95% interval, with prompts of one group counted once."
                )
            )
        self.lanes_table.show()
        self._lanes.replace(lanes)
        self.lanes_table.fit_columns()
        _fit_height(self.lanes_table)
        self.bars.show_bars(
            tuple(_bar(own) for own in lanes),
            self.tr("{0}, 95%").format(named(MEASURES, trial.measure)),
        )


def _bar(lane: TrialLaneFigures) -> LaneBar:
    rates = (lane.honest, lane.lie, lane.evade, lane.no_belief)
    known = tuple(own for own in rates if own is not None)
    level = lane.level
    return LaneBar(lane.lane, known if len(known) == 4 else (), level.value, level.low, level.high)


def _bar_so_far(lane: LaneProgress) -> LaneBar:
    counts = [lane.outcomes.get(own, 0) for own in _OUTCOMES]
    total = sum(counts)
    rates = tuple(own / total for own in counts) if total else ()
    level = rates[0] if rates else lane.mean_score
    return LaneBar(f"{lane.lane} ({lane.rows})", rates, level, None, None)


def _fit_height(table: Table) -> None:
    """As high as its rows: the page scrolls, not the table."""
    rows = table.model().rowCount()
    height = table.horizontalHeader().sizeHint().height() + rows * table.verticalHeader().defaultSectionSize()
    table.setFixedHeight(height + table.horizontalScrollBar().sizeHint().height() + 4)


class CriteriaCard(Panel):
    """Criteria in words, with the hash that locks them."""

    def __init__(self) -> None:
        super().__init__("card")
        self._json = self._hash = ""
        self._title = label("heading")
        self.text = label("", wrap=True)
        self.lock = label("caption", wrap=True)
        self.lock.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 14)
        layout.setSpacing(8)
        for widget in (self._title, self.text, self.lock):
            layout.addWidget(widget)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("Criteria, locked before the first reply"))
        self.lock.setAccessibleName(self.tr("Criteria, locked before the first reply"))
        self.show_criteria(self._json, self._hash)

    def show_criteria(self, criteria_json: str, lock_hash: str) -> None:
        self._json, self._hash = criteria_json, lock_hash
        lines = criteria_lines(criteria_json) if criteria_json else []
        self.text.setText("\n".join(self.tr("{0}: {1}").format(*line) for line in lines))
        self.lock.setText(self.tr("Lock of criteria and prompts: {0}").format(lock_hash) if lock_hash else "")
