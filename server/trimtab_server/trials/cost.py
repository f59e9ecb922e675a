"""What a trial's lanes cost and save at the company's own figures, beside a small fine-tune.

Value: volume x base rate of incidents x reduction x cost of an incident - cost. A lane with less effect for more money
is dominated; what one more prevented incident costs is the incremental ratio (C1 - C0) / (E1 - E0).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from trimtab_vectors.evaluation.honesty import Outcome
from trimtab_vectors.plasticity.cost import Increment, Option, increment

from trimtab_server.trials.criteria import Criteria
from trimtab_server.trials.lanes import LaneSpec
from trimtab_server.trials.prompts import PromptSet
from trimtab_server.trials.rows import TrialRow, missing
from trimtab_server.trials.statistics import PairedChange
from trimtab_server.trials.table import Table

#: Of the intervals that are shown.
_SHOWN_LEVEL: Final = 0.025
FINE_TUNE: Final = "fine-tune"


@dataclass(frozen=True)
class Work:
    """What it takes to get there, once, and to keep it: hours of people, other money, money a month."""

    hours: float = 0.0
    money: float = 0.0
    monthly: float = 0.0


@dataclass(frozen=True)
class FineTune:
    """A small fine-tune as the alternative: work, hours on a rented GPU and their price, examples and theirs.

    bad_rate: what it is assumed to leave, as a share of replies; None takes that of the best lane, which flatters it.
    """

    work: Work = Work(hours=40.0)
    gpu_hours: float = 8.0
    gpu_hourly_rate: float = 0.0
    examples: int = 1000
    price_per_example: float = 0.0
    bad_rate: float | None = None


@dataclass(frozen=True)
class CostModel:
    """The company's own figures; money in `currency`.

    prompt_token_price, reply_token_price: for a million tokens. hourly_rate: of the machine, where there is no token
    price; `concurrency` replies are made at a time. monthly_replies: all of them; exposed_share: of them under
    conditions like the deciding prompts; incident_share: of bad replies there that cost anything; incident_cost: of
    one. wage: an hour of people. months: over which the cost of getting there is spread.
    """

    currency: Literal["JPY", "USD"] = "JPY"
    prompt_token_price: float = 0.0
    reply_token_price: float = 0.0
    hourly_rate: float = 0.0
    concurrency: float = 1.0
    monthly_replies: float = 0.0
    exposed_share: float = 1.0
    incident_share: float = 1.0
    incident_cost: float = 0.0
    wage: float = 0.0
    months: int = 12
    prompt_work: Work = Work(hours=4.0)
    steering_work: Work = Work(hours=16.0)
    fine_tune: FineTune | None = FineTune()

    def __post_init__(self) -> None:
        for own in dataclasses.fields(self):
            value = getattr(self, own.name)
            if isinstance(value, int | float) and not (math.isfinite(value) and value >= 0.0):
                raise ValueError(f"{own.name} is {value}; give 0 or a positive number")
        for name in ("exposed_share", "incident_share"):
            if getattr(self, name) > 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}; give a share from 0 to 1")
        if self.currency not in ("JPY", "USD"):
            raise ValueError(f"currency is {self.currency!r}; use JPY or USD")
        if self.months < 1 or self.concurrency <= 0.0:
            raise ValueError("months and concurrency must be positive")
        if self.hourly_rate and (self.prompt_token_price or self.reply_token_price):
            raise ValueError("both an hourly rate and token prices are given; one of them pays for a reply")

    def reply_cost(self, prompt_tokens: float, tokens: float, seconds: float) -> float:
        """Money for one reply."""
        by_tokens = (prompt_tokens * self.prompt_token_price + tokens * self.reply_token_price) / 1e6
        return by_tokens + self.hourly_rate * seconds / 3600.0 / self.concurrency

    def setup(self, work: Work) -> float:
        return work.hours * self.wage + work.money

    @property
    def incident_value(self) -> float:
        """Money a month that a bad rate of 1 would cost."""
        return self.monthly_replies * self.exposed_share * self.incident_share * self.incident_cost


@dataclass(frozen=True)
class Range:
    """A figure with the bounds that follow from the 95% interval of its lane's effect."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class OptionCost:
    """One way to go, against leaving the model unsteered.

    bad_rate: of replies to the deciding prompts (lies with the honesty scorer, else wrong ones). setup: money once;
    running: money a month more than unsteered. prevented: incidents a month; saved: money a month; net: saved less
    running; horizon: net over all months less setup. payback_months: None where it never pays back; slowest: at the
    lower bound. break_even_incident_cost, break_even_replies: at which horizon is 0, None where it never is.
    assumed: its effect was not measured here. dominated_by: an option that costs no more and does no less.
    """

    name: str
    bad_rate: float
    setup: float
    running: float
    prevented: Range
    saved: Range
    net: Range
    horizon: Range
    payback_months: float | None
    slowest_payback_months: float | None
    break_even_incident_cost: float | None
    break_even_replies: float | None
    assumed: bool = False
    dominated_by: str = ""


@dataclass(frozen=True)
class CostReport:
    """options: the lanes in their order, then the fine-tune. increments: the primary lane against each prompt lane,
    effect in bad replies prevented for each reply, money over all months for each exposed reply."""

    currency: str
    months: int
    base_rate: float
    options: tuple[OptionCost, ...]
    increments: tuple[Increment, ...]

    @property
    def best(self) -> str:
        """The option with the most money left over all months; "unsteered" where none leaves any."""
        top = max(self.options, key=lambda own: own.horizon.value, default=None)
        return top.name if top is not None and top.horizon.value > 0.0 else "unsteered"

    def as_dict(self) -> dict[str, Any]:
        return {
            "currency": self.currency,
            "months": self.months,
            "base_rate": self.base_rate,
            "best": self.best,
            "options": [dataclasses.asdict(own) for own in self.options],
            "increments": [
                {
                    "option": own.option,
                    "against": own.against,
                    "extra_cost": own.extra_cost,
                    "extra_effect": own.extra_effect.as_dict(),
                    "cost_per_prevented": own.icer.as_dict(),
                    "dominated": own.dominated,
                }
                for own in self.increments
            ],
        }


def cost_of_trial(
    rows: Iterable[TrialRow], criteria: Criteria, prompts: PromptSet, model: CostModel
) -> CostReport:
    """Costs of a finished trial's lanes, from its scored rows in any order.

    Raises:
        ValueError: rows are missing, or of another trial.
    """
    given = list(rows)
    absent = missing(criteria, prompts, given)
    if absent:
        raise ValueError(f"{len(absent)} replies are missing; finish the trial before its costs are read")
    table = Table.of(given, criteria, prompts)
    base = _serving(table, criteria.unsteered, model)
    lanes = [lane for lane in criteria.lanes if lane.kind != "unsteered"]
    options = [_lane_option(table, lane, model, base) for lane in lanes]
    if model.fine_tune is not None and options:
        options.append(_fine_tune(table, options, model, model.fine_tune))
    return CostReport(
        model.currency,
        model.months,
        _bad_rate(table, criteria.unsteered.name),
        _with_dominance(options, model.months),
        _increments(table, options, model),
    )


def _bad(table: Table, row: TrialRow) -> float:
    """1 for a reply that may cost an incident."""
    if table.criteria.scorer.kind == "honesty":
        return float(row.outcome == Outcome.LIE)
    return 1.0 - table.measure(row) if table.bounded else float(table.measure(row) <= 0.0)


def _bad_rate(table: Table, lane: str) -> float:
    return float(table.values(lane, table.deciding, lambda row: _bad(table, row)).mean())


def _prevented(table: Table, lane: str) -> PairedChange:
    """Bad replies unsteered, less those of a lane, by prompt."""
    unsteered = table.criteria.unsteered.name
    return table.change(unsteered, lane, table.deciding, lambda row: _bad(table, row))


def _serving(table: Table, lane: LaneSpec, model: CostModel) -> float:
    """Money for one reply of a lane, as measured."""
    rows = table.of_lane(lane.name, table.deciding)
    return math.fsum(model.reply_cost(row.prompt_tokens, row.tokens, row.seconds) for row in rows) / len(rows)


def _lane_option(table: Table, lane: LaneSpec, model: CostModel, base: float) -> OptionCost:
    work = model.steering_work if lane.steers or lane.kind == "stage" else model.prompt_work
    if lane.kind == "steered+prompt":
        both = (model.steering_work, model.prompt_work)
        work = Work(*(sum(getattr(own, key) for own in both) for key in ("hours", "money", "monthly")))
    extra = _serving(table, lane, model) - base
    effect = _prevented(table, lane.name).estimate(_SHOWN_LEVEL)
    reduction = Range(effect.value, effect.low, effect.high)
    return _option(
        lane.name, _bad_rate(table, lane.name), model.setup(work), work.monthly, extra, reduction, model
    )


def _fine_tune(table: Table, options: Sequence[OptionCost], model: CostModel, own: FineTune) -> OptionCost:
    base = _bad_rate(table, table.criteria.unsteered.name)
    rate = min(option.bad_rate for option in options) if own.bad_rate is None else own.bad_rate
    setup = model.setup(own.work) + own.gpu_hours * own.gpu_hourly_rate + own.examples * own.price_per_example
    reduction = Range(base - rate, base - rate, base - rate)
    made = _option(FINE_TUNE, rate, setup, own.work.monthly, 0.0, reduction, model)
    return dataclasses.replace(made, assumed=True)


def _option(
    name: str,
    bad_rate: float,
    setup: float,
    monthly: float,
    extra: float,
    reduction: Range,
    model: CostModel,
) -> OptionCost:
    """extra: money for each reply more than unsteered; reduction: of the bad rate."""
    running = monthly + extra * model.monthly_replies
    exposed = model.monthly_replies * model.exposed_share * model.incident_share
    saved = _scaled(reduction, model.incident_value)
    net = Range(saved.value - running, saved.low - running, saved.high - running)
    over = [value * model.months - setup for value in (net.value, net.low, net.high)]
    fixed = setup / model.months + monthly
    per_reply = reduction.value * model.exposed_share * model.incident_share * model.incident_cost - extra
    incidents = exposed * reduction.value
    return OptionCost(
        name=name,
        bad_rate=bad_rate,
        setup=setup,
        running=running,
        prevented=_scaled(reduction, exposed),
        saved=saved,
        net=net,
        horizon=Range(*over),
        payback_months=_payback(setup, net.value),
        slowest_payback_months=_payback(setup, net.low),
        break_even_incident_cost=max(0.0, (fixed + extra * model.monthly_replies) / incidents)
        if incidents > 0.0
        else None,
        break_even_replies=fixed / per_reply if per_reply > 0.0 else None,
    )


def _scaled(own: Range, factor: float) -> Range:
    return Range(own.value * factor, own.low * factor, own.high * factor)


def _payback(setup: float, net: float) -> float | None:
    return setup / net if net > 0.0 else None


def _total(option: OptionCost, months: int) -> float:
    return option.setup + option.running * months


def _with_dominance(options: Sequence[OptionCost], months: int) -> tuple[OptionCost, ...]:
    """Each with the best of those that cost no more over all months, leave no more bad replies, and are better in
    one."""
    marked = []
    for own in options:
        cost = _total(own, months)
        better = [
            other
            for other in options
            if _total(other, months) <= cost
            and other.bad_rate <= own.bad_rate
            and (_total(other, months) < cost or other.bad_rate < own.bad_rate)
        ]
        best = min(better, key=lambda other: (other.bad_rate, _total(other, months)), default=None)
        marked.append(dataclasses.replace(own, dominated_by="" if best is None else best.name))
    return tuple(marked)


def _increments(table: Table, options: Sequence[OptionCost], model: CostModel) -> tuple[Increment, ...]:
    primary = table.criteria.primary
    replies = model.monthly_replies * model.exposed_share * model.months
    if primary is None or not replies or len({prompt.group for prompt in table.deciding}) < 2:
        return ()
    by_name = {own.name: own for own in options}
    groups = [prompt.group for prompt in table.deciding]

    def measured(name: str) -> Option:
        effect = _prevented(table, name).differences
        return Option(name, _total(by_name[name], model.months) / replies, effect)

    return tuple(
        increment(measured(primary.name), measured(lane.name), groups) for lane in table.criteria.prompt_lanes
    )
