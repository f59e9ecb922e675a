"""The company's own figures, and what the server reckons of them for the open trial."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

from PySide6.QtCore import QLocale, QObject, QTimer, Signal, Slot
from trimtab_client.trial_types import (
    CostFigures,
    CostWork,
    FineTuneFigures,
    Trial,
    TrialCost,
    TrialState,
)

from trimtab_gui.bridge import Failure, Gateway
from trimtab_gui.settings import SettingsFile

#: Changes that come together are reckoned together.
PAUSE_MILLISECONDS: Final = 300


@dataclass(frozen=True)
class CostEntry:
    """What the operator enters. Shares in percent; hours of people; prices of tokens for a million.

    pays: "tokens" or "hour", whichever pays for replies. assumed: bad replies that a fine-tune would leave, in
    percent; below 0: as many as the best lane leaves.
    """

    currency: str = "JPY"
    pays: str = "tokens"
    prompt_token_price: float = 0.0
    reply_token_price: float = 0.0
    hourly_rate: float = 0.0
    concurrency: float = 1.0
    monthly_replies: float = 0.0
    exposed: float = 100.0
    incident: float = 100.0
    incident_cost: float = 0.0
    wage: float = 0.0
    months: float = 12.0
    prompt_hours: float = 4.0
    steering_hours: float = 16.0
    steering_monthly: float = 0.0
    tune_hours: float = 40.0
    tune_gpu_hours: float = 8.0
    tune_gpu_rate: float = 0.0
    tune_examples: float = 1000.0
    tune_example_price: float = 0.0
    assumed: float = -1.0

    @property
    def says_something(self) -> bool:
        """Whether there is anything to reckon with: how much is asked, and what a bad reply costs."""
        return self.monthly_replies > 0.0 and self.incident_cost > 0.0

    def figures(self) -> CostFigures:
        by_tokens = self.pays == "tokens"
        return CostFigures(
            currency=self.currency,
            prompt_token_price=self.prompt_token_price if by_tokens else 0.0,
            reply_token_price=self.reply_token_price if by_tokens else 0.0,
            hourly_rate=0.0 if by_tokens else self.hourly_rate,
            concurrency=self.concurrency,
            monthly_replies=self.monthly_replies,
            exposed_share=self.exposed / 100.0,
            incident_share=self.incident / 100.0,
            incident_cost=self.incident_cost,
            wage=self.wage,
            months=round(self.months),
            prompt_work=CostWork(hours=self.prompt_hours),
            steering_work=CostWork(hours=self.steering_hours, monthly=self.steering_monthly),
            fine_tune=FineTuneFigures(
                work=CostWork(hours=self.tune_hours),
                gpu_hours=self.tune_gpu_hours,
                gpu_hourly_rate=self.tune_gpu_rate,
                examples=round(self.tune_examples),
                price_per_example=self.tune_example_price,
                bad_rate=self.assumed / 100.0 if self.assumed >= 0.0 else None,
            ),
        )


class TrialCostsModel(QObject):
    """The figures outlive the trial and the client: they are the company's, not the trial's."""

    changed = Signal()

    def __init__(self, gateway: Gateway, files: SettingsFile, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._files = files
        self._entry = remembered_entry(files.settings.cost_figures)
        self._trial = ""
        self._cost: TrialCost | None = None
        self._failure: Failure | None = None
        self._asked = self._answered = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MILLISECONDS)
        self._timer.timeout.connect(self._ask)

    @property
    def entry(self) -> CostEntry:
        return self._entry

    @property
    def cost(self) -> TrialCost | None:
        """Of the open trial at these figures; None until the server has reckoned."""
        return self._cost

    @property
    def is_reckoning(self) -> bool:
        """Whether `cost` is of earlier figures than `entry`."""
        return bool(self._trial) and self._answered != self._asked

    @property
    def failure(self) -> Failure | None:
        return self._failure

    @property
    def is_finished(self) -> bool:
        """Whether the open trial has costs."""
        return bool(self._trial)

    def set(self, name: str, value: Any) -> None:
        """One figure of `CostEntry`."""
        fresh = dataclasses.replace(self._entry, **{name: value})
        if fresh == self._entry:
            return
        self._entry = fresh
        self._files.settings.cost_figures = dataclasses.asdict(fresh)
        self._asked += 1
        self._timer.start()
        self.changed.emit()

    def show_trial(self, trial: Trial | None) -> None:
        """Costs are known once a trial is finished."""
        name = trial.name if trial is not None and trial.state is TrialState.FINISHED else ""
        if name != self._trial:
            self._trial, self._cost, self._failure = name, None, None
            self._ask()
            self.changed.emit()

    def stop(self) -> None:
        self._timer.stop()

    @Slot()
    def _ask(self) -> None:
        self._asked += 1
        self._files.save()
        name, figures = self._trial, self._entry.figures()
        if not name:
            return
        answer = _Answer(self, self._asked)
        self._gateway.call(lambda client: client.trials.cost(figures, name), answer.done, answer.failed)

    def answered(self, number: int, cost: TrialCost | None, failure: Failure | None) -> None:
        """Only the latest counts."""
        if number == self._asked:
            self._answered = number
            self._cost, self._failure = cost, failure
            self.changed.emit()


class _Answer:
    """Where one answer of the server goes."""

    def __init__(self, model: TrialCostsModel, number: int) -> None:
        self._model, self._number = model, number

    def done(self, cost: TrialCost) -> None:
        self._model.answered(self._number, cost, None)

    def failed(self, failure: Failure) -> None:
        if not failure.means_connection_ended:
            self._model.answered(self._number, None, failure)


def remembered_entry(kept: dict[str, float | str]) -> CostEntry:
    """Figures from the settings; those of another version of the client that do not fit are as they were at first."""
    known = {
        own.name: kept[own.name]
        for own in dataclasses.fields(CostEntry)
        if own.name in kept and isinstance(kept[own.name], type(own.default))
    }
    return CostEntry(**known)  # type: ignore[arg-type]


def money(value: float, currency: str) -> str:
    """An amount as it is written in the operator's language."""
    locale = QLocale()
    digits = 0 if currency == "JPY" else 2
    text = str(locale.toString(abs(value), "f", digits))
    sign = "−" if value < 0 and any(own in "123456789" for own in text) else ""
    if currency != "JPY":
        return f"{sign}${text}"
    return f"{sign}{text} 円" if locale.language() == QLocale.Language.Japanese else f"{sign}¥{text}"


def money_in_short(value: float, currency: str) -> str:
    """An amount with three digits or so: ¥72.5M, 7,250 万円."""
    japanese = QLocale().language() == QLocale.Language.Japanese
    units = ((1e8, "億"), (1e4, "万")) if japanese else ((1e9, "B"), (1e6, "M"), (1e3, "k"))
    unit, name = next((own for own in units if abs(value) >= own[0]), (1.0, ""))
    if unit == 1.0:
        return money(value, currency)
    scaled = abs(value) / unit
    text = str(QLocale().toString(scaled, "f", 0 if scaled >= 100.0 else 1)) + name
    sign = "−" if value < 0 else ""
    if currency != "JPY":
        return f"{sign}${text}"
    return f"{sign}{text}円" if japanese else f"{sign}¥{text}"
