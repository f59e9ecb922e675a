"""What a plan will take, before it starts."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QScrollArea, QVBoxLayout, QWidget
from trimtab_client.rollout_types import DetectionPower, Foresight, PlanCheck

from trimtab_gui.bridge import Failure
from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.messages import describe
from trimtab_gui.models.rollout_words import (
    duration,
    figure,
    guardrail_name,
    limit_of_method,
    percent,
    plan_name,
)
from trimtab_gui.models.table import Column, RowsModel
from trimtab_gui.views.elements import Panel, Table, label, number
from trimtab_gui.views.rollout_track import StepTrack, facts_of

_POWER_COLUMNS: Final = (
    Column[DetectionPower](
        QT_TRANSLATE_NOOP("Tables", "Guardrail"), lambda row: guardrail_name(row.guardrail)
    ),
    Column[DetectionPower](
        QT_TRANSLATE_NOOP("Tables", "Questions"), lambda row: str(row.questions), align_right=True
    ),
    Column[DetectionPower](
        QT_TRANSLATE_NOOP("Tables", "Loss"), lambda row: figure(row.loss), align_right=True
    ),
    Column[DetectionPower](
        QT_TRANSLATE_NOOP("Tables", "Differ"),
        lambda row: percent(row.discordance),
        align_right=True,
    ),
    Column[DetectionPower](QT_TRANSLATE_NOOP("Tables", "Found in"), lambda row: percent(row.power)),
)
_FACTS: Final = ("plan", "traffic", "earliest", "detection", "replies", "looks", "alarms", "wrong")


class ForesightCard(Panel):
    """The server's answer to CheckPlan: time, replies, and how often it decides wrongly."""

    def __init__(self) -> None:
        super().__init__("card")
        self._check: PlanCheck | None = None
        self._refusal: Failure | None = None
        self._title = label("heading")
        self._names = {name: label("muted") for name in _FACTS}
        self.values = {name: label(wrap=True) for name in _FACTS}
        self.track = StepTrack()
        self._powers: RowsModel[DetectionPower] = RowsModel(_POWER_COLUMNS, self)
        self.powers_table = Table()
        self.powers_table.setModel(self._powers)
        self._powers_title = label("heading")
        self._limits_title = label("heading")
        self.limits = label("muted", wrap=True)
        self.problem = label("error", wrap=True)
        self._body = QWidget()
        self._build()
        self.retranslate()

    def _build(self) -> None:
        facts = QGridLayout()
        facts.setHorizontalSpacing(14)
        facts.setVerticalSpacing(4)
        facts.setColumnStretch(1, 1)
        for row, name in enumerate(_FACTS):
            facts.addWidget(self._names[name], row, 0, Qt.AlignmentFlag.AlignTop)
            facts.addWidget(self.values[name], row, 1)
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(8)
        column.addLayout(facts)
        column.addWidget(self.track)
        column.addWidget(self._powers_title)
        column.addWidget(self.powers_table)
        column.addWidget(self._limits_title)
        column.addWidget(self.limits)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(self._body)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 14, 10, 14)
        layout.setSpacing(8)
        layout.addWidget(self._title)
        layout.addWidget(self.problem)
        layout.addWidget(scroll, 1)

    def retranslate(self) -> None:
        self._title.setText(self.tr("What to expect, before it starts"))
        names = {
            "plan": self.tr("Plan"),
            "traffic": self.tr("Traffic"),
            "earliest": self.tr("Earliest promotion"),
            "detection": self.tr("Harm found within"),
            "replies": self.tr("Replies needed"),
            "looks": self.tr("Canary looks needed"),
            "alarms": self.tr("Good candidates stopped"),
            "wrong": self.tr("Bad candidates promoted"),
        }
        for name, text in names.items():
            self._names[name].setText(text)
        self._powers_title.setText(self.tr("How likely a loss is noticed"))
        self.powers_table.setAccessibleName(self.tr("How likely a loss is noticed"))
        self._limits_title.setText(self.tr("What the figures do not show"))
        self._powers.retranslate()
        self.show_check(self._check, self._refusal)

    def show_check(self, check: PlanCheck | None, refusal: Failure | None) -> None:
        """Shows an answer, or why there is none."""
        self._check, self._refusal = check, refusal
        self.problem.setText("" if refusal is None else describe(refusal))
        self.problem.setVisible(refusal is not None)
        self._body.setVisible(check is not None)
        if check is None:
            return
        for name, text in self._texts(check).items():
            self.values[name].setText(text)
        self.track.show_steps(facts_of(check.plan))
        self.track.retranslate()
        self._powers.replace(check.foresight.powers)
        self.powers_table.fit_columns()
        self.powers_table.fit_rows()
        self.limits.setText("\n".join(f"· {limit_of_method(limit)}" for limit in check.limits_of_method))

    def _texts(self, check: PlanCheck) -> dict[str, str]:
        ahead = check.foresight
        return {
            "plan": f"{plan_name(check.plan.name)} ({check.plan.hash[:12]})",
            "traffic": self.tr("{0} replies a day").format(number(ahead.replies_per_day, 0)),
            "earliest": self._earliest(ahead),
            "detection": self._detection(ahead),
            "replies": str(ahead.replies_needed),
            "looks": str(ahead.needed_looks),
            "alarms": self.tr("{0} at most, as planned").format(percent(ahead.false_alarm_rate, 1)),
            "wrong": self.tr("{0} at most, as planned").format(percent(ahead.wrong_promotion_rate, 1)),
        }

    def _earliest(self, ahead: Foresight) -> str:
        if ahead.earliest_promotion_seconds is None:
            return self.tr("⚠ never: there is too little traffic for the replies it asks for")
        return self.tr("{0} after the start, waiting for a person not counted").format(
            duration(ahead.earliest_promotion_seconds)
        )

    def _detection(self, ahead: Foresight) -> str:
        if ahead.worst_detection_looks is None or ahead.worst_detection_seconds is None:
            return self.tr("⚠ never: the plan asks no canaries")
        return self.tr("{0} looks, {1}, at the latest").format(
            ahead.worst_detection_looks, duration(ahead.worst_detection_seconds)
        )
