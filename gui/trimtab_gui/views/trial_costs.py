"""Costs: what the company's figures come to, and below it the figures."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QSignalBlocker, Qt, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)
from trimtab_client.trial_types import CostIncrement, CostOption, TrialCost

from trimtab_gui.models.messages import describe
from trimtab_gui.models.trial_costs import CostEntry, TrialCostsModel, money
from trimtab_gui.models.trial_words import percent
from trimtab_gui.views.elements import Panel, label
from trimtab_gui.views.trial_cost_table import CostTable

#: Fields in their groups; the largest value and the decimals of each.
_MONEY, _COUNT, _SHARE, _HOURS, _MONTHS = (1e12, 2), (1e12, 0), (100.0, 1), (1e6, 1), (600.0, 0)
GROUPS: Final[dict[str, dict[str, tuple[float, int]]]] = {
    "volume": {"monthly_replies": _COUNT, "exposed": _SHARE},
    "incident": {"incident": _SHARE, "incident_cost": _MONEY},
    "replies": {
        "prompt_token_price": _MONEY,
        "reply_token_price": _MONEY,
        "hourly_rate": _MONEY,
        "concurrency": _COUNT,
    },
    "work": {
        "wage": _MONEY,
        "prompt_hours": _HOURS,
        "steering_hours": _HOURS,
        "steering_monthly": _MONEY,
        "months": _MONTHS,
    },
    "tune": {
        "tune_hours": _HOURS,
        "tune_gpu_hours": _HOURS,
        "tune_gpu_rate": _MONEY,
        "tune_examples": _COUNT,
        "tune_example_price": _MONEY,
        "assumed": _SHARE,
    },
}
_BY_TOKENS: Final = ("prompt_token_price", "reply_token_price")
_BY_HOUR: Final = ("hourly_rate", "concurrency")
#: Fields beside each other.
_COLUMNS: Final = 3


class CostPanel(Panel):
    """Every change is reckoned by the server, with the very model that the report uses."""

    def __init__(self, model: TrialCostsModel) -> None:
        super().__init__()
        self._model = model
        self.currency = QComboBox()
        self.pays = QComboBox()
        self.fields = {
            name: _amount(most, digits) for group in GROUPS.values() for name, (most, digits) in group.items()
        }
        self.fields["concurrency"].setMinimum(1.0)
        self.fields["months"].setMinimum(1.0)
        self.fields["assumed"].setMinimum(-1.0)
        self._headings = {name: label("heading") for name in (*GROUPS, "result")}
        self._labels = {name: label("muted", wrap=True) for name in ("currency", "pays", *self.fields)}
        self.answer = label("", wrap=True)
        self.answer.setProperty("role", "title")
        self.fault = label("error", wrap=True)
        self.hint = label("muted", wrap=True)
        self.table = CostTable()
        self.increments = label("", wrap=True)
        self._note = label("caption", wrap=True)
        self._build()
        self._wire()
        self.retranslate()

    # Building ---------------------------------------------------------------------------------------------

    def _build(self) -> None:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 6, 0)
        column.setSpacing(10)
        for widget in (self.fault, self.answer, self.hint, self.table, self.increments, self._note):
            column.addWidget(widget)
        column.addWidget(self._make_fields())
        column.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 8, 0, 0)
        layout.addWidget(_scrolling(inside))

    def _make_fields(self) -> QWidget:
        """Groups below each other, each with its fields side by side under their labels."""
        card = Panel("card")
        column = QVBoxLayout(card)
        column.setContentsMargins(16, 12, 16, 14)
        column.setSpacing(6)
        for group, names in GROUPS.items():
            column.addWidget(self._headings[group])
            grid = QGridLayout()
            grid.setHorizontalSpacing(14)
            grid.setVerticalSpacing(3)
            fields: list[QWidget] = [self.fields[name] for name in names]
            titles = list(names)
            if group == "volume":
                titles, fields = ["currency", *titles], [self.currency, *fields]
            if group == "replies":
                titles, fields = ["pays", *titles], [self.pays, *fields]
            for place, (title, field) in enumerate(zip(titles, fields, strict=True)):
                self._labels[title].setAlignment(Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft)
                self._labels[title].setBuddy(field)
                grid.addWidget(self._labels[title], 2 * (place // _COLUMNS), place % _COLUMNS)
                grid.addWidget(field, 2 * (place // _COLUMNS) + 1, place % _COLUMNS)
            for place in range(_COLUMNS):
                grid.setColumnStretch(place, 1)
            column.addLayout(grid)
            column.addSpacing(6)
        return card

    def _wire(self) -> None:
        self._model.changed.connect(self._show)
        self.currency.activated.connect(self._choose_currency)
        self.pays.activated.connect(self._choose_payment)
        for name, field in self.fields.items():
            field.setProperty("figure", name)
            field.valueChanged.connect(self._set)

    def retranslate(self) -> None:
        headings = {
            "volume": self.tr("How much is asked"),
            "incident": self.tr("What a bad reply costs"),
            "replies": self.tr("What replies cost"),
            "work": self.tr("What it takes to get there"),
            "tune": self.tr("A small fine-tune instead"),
        }
        for name, text in headings.items():
            self._headings[name].setText(text)
        texts = {
            "currency": self.tr("Currency"),
            "pays": self.tr("Replies are paid"),
            "monthly_replies": self.tr("Replies a month"),
            "exposed": self.tr("Of these under pressure, as in the prompts that decide"),
            "incident": self.tr("Of the bad replies there, those that cost anything"),
            "incident_cost": self.tr("Cost of one incident"),
            "prompt_token_price": self.tr("A million prompt tokens"),
            "reply_token_price": self.tr("A million reply tokens"),
            "hourly_rate": self.tr("An hour of the machine"),
            "concurrency": self.tr("Replies at a time"),
            "wage": self.tr("An hour of work"),
            "prompt_hours": self.tr("Hours to find a prompt"),
            "steering_hours": self.tr("Hours to introduce steering"),
            "steering_monthly": self.tr("Care of the steering a month"),
            "months": self.tr("Months to look ahead"),
            "tune_hours": self.tr("Hours of work"),
            "tune_gpu_hours": self.tr("Hours of a GPU"),
            "tune_gpu_rate": self.tr("An hour of the GPU"),
            "tune_examples": self.tr("Examples"),
            "tune_example_price": self.tr("One example"),
            "assumed": self.tr("Bad replies it would leave"),
        }
        for name, text in texts.items():
            self._labels[name].setText(text)
        for name, field in self.fields.items():
            field.setAccessibleName(texts[name])
        self.fields["assumed"].setSpecialValueText(self.tr("as the best lane"))
        for choice, name, items in (
            (self.currency, "currency", {"JPY": self.tr("Yen (¥)"), "USD": self.tr("US dollars ($)")}),
            (
                self.pays,
                "pays",
                {"tokens": self.tr("by the token"), "hour": self.tr("by the machine's hour")},
            ),
        ):
            choice.setAccessibleName(texts[name])
            with QSignalBlocker(choice):
                choice.clear()
                for key, text in items.items():
                    choice.addItem(text, key)
        self._note.setText(
            self.tr(
                "Against leaving the model unsteered. Ranges follow from the 95% interval of each lane's effect; a"
                " fine-tune was not measured here, its effect is assumed. Reports use these figures too."
            )
        )
        self._show()

    # Entering ---------------------------------------------------------------------------------------------

    @Slot(int)
    def _choose_currency(self, _index: int) -> None:
        self._model.set("currency", self.currency.currentData())

    @Slot(int)
    def _choose_payment(self, _index: int) -> None:
        self._model.set("pays", self.pays.currentData())

    @Slot(float)
    def _set(self, value: float) -> None:
        field = self.sender()
        if isinstance(field, QDoubleSpinBox):
            self._model.set(str(field.property("figure")), value)

    # Showing ----------------------------------------------------------------------------------------------

    @Slot()
    def _show(self) -> None:
        entry, cost, failure = self._model.entry, self._model.cost, self._model.failure
        self._show_entry(entry)
        self.fault.setVisible(failure is not None)
        self.fault.setText("" if failure is None else describe(failure))
        shown = cost is not None and entry.says_something
        for widget in (self.table, self.increments, self._note):
            widget.setVisible(shown)
        self.answer.setVisible(shown)
        self.hint.setVisible(not shown)
        if not self._model.is_finished:
            self.hint.setText(self.tr("Costs are known once the trial is finished."))
        elif not entry.says_something:
            self.hint.setText(
                self.tr(
                    "Enter how many replies are made a month and what an incident costs: the server then reckons what"
                    " each lane saves, when it pays back, and how a prompt and a fine-tune compare."
                )
            )
        else:
            self.hint.setText(self.tr("The server reckons…") if failure is None else "")
        if cost is not None and shown:
            self._show_cost(cost)
        # What is of earlier figures is not shown as that of these.
        for widget in (self.table, self.increments):
            widget.setEnabled(not self._model.is_reckoning)
        if shown and self._model.is_reckoning:
            self.answer.setText(self.tr("The server reckons…"))

    def _show_entry(self, entry: CostEntry) -> None:
        self.currency.setCurrentIndex(self.currency.findData(entry.currency))
        self.pays.setCurrentIndex(self.pays.findData(entry.pays))
        sign = "$" if entry.currency == "USD" else "¥"
        for group in GROUPS.values():
            for name, form in group.items():
                field = self.fields[name]
                with QSignalBlocker(field):
                    if form is _MONEY:
                        field.setDecimals(2 if entry.currency == "USD" else 0)
                        field.setPrefix(sign)
                    elif form is _SHARE:
                        field.setSuffix("%")
                    field.setValue(getattr(entry, name))
        by_tokens = entry.pays == "tokens"
        for name in (*_BY_TOKENS, *_BY_HOUR):
            shown = (name in _BY_TOKENS) == by_tokens
            self.fields[name].setVisible(shown)
            self._labels[name].setVisible(shown)

    def _show_cost(self, cost: TrialCost) -> None:
        best = next((own for own in cost.options if own.name == cost.best), None)
        if best is None:
            self.answer.setText(
                self.tr("Over {0} months no option leaves any money: unsteered costs least.").format(
                    cost.months
                )
            )
        else:
            self.answer.setText(
                self.tr("Over {0} months “{1}” leaves most: {2}.").format(
                    cost.months, best.name, money(best.horizon.value, cost.currency)
                )
            )
        self.table.show_cost(cost)
        lines = [
            self.tr("Unsteered, {0} of the replies to the prompts that decide are bad.").format(
                percent(cost.base_rate)
            ),
            *(self._increment(own, cost) for own in cost.increments),
            *(self._dominated(own) for own in cost.options if own.dominated_by),
        ]
        self.increments.setText("\n".join(lines))

    def _increment(self, own: CostIncrement, cost: TrialCost) -> str:
        price = own.cost_per_prevented
        if own.dominated:
            return self.tr("“{0}” costs more than “{1}” and does no more.").format(own.option, own.against)
        if price.value is None:
            return self.tr("“{0}” against “{1}”: the trial does not tell their effects apart.").format(
                own.option, own.against
            )
        return self.tr("“{0}” against “{1}”: {2} for each further bad reply prevented.").format(
            own.option, own.against, money(price.value, cost.currency)
        )

    def _dominated(self, own: CostOption) -> str:
        return self.tr("“{0}” is dominated: “{1}” costs no more and does no less.").format(
            own.name, own.dominated_by
        )


def _amount(most: float, digits: int) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setRange(0.0, most)
    field.setDecimals(digits)
    field.setGroupSeparatorShown(True)
    field.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
    field.setKeyboardTracking(True)
    field.lineEdit().setTextMargins(6, 0, 0, 0)
    return field


def _scrolling(widget: QWidget) -> QScrollArea:
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    scroll.setWidget(widget)
    return scroll
