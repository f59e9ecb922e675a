"""Conversion of costs between the wire's messages and `trimtab_server.trials.cost`."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Final, Literal, TypeAlias, get_args

from trimtab_protos.v1 import trial_pb2

from trimtab_server.api import wire_trials
from trimtab_server.store.refusal import Refusal
from trimtab_server.trials.cost import CostModel, CostReport, FineTune, OptionCost, Range, Work

_PLAIN: Final = (
    "prompt_token_price",
    "reply_token_price",
    "hourly_rate",
    "monthly_replies",
    "incident_cost",
    "wage",
)
_Optional: TypeAlias = Literal["concurrency", "exposed_share", "incident_share", "months"]
_OPTIONAL: Final[tuple[_Optional, ...]] = get_args(_Optional)


def figures_in(message: trial_pb2.CostFigures, field: str) -> CostModel:
    """The company's figures; what is unset is as `CostModel` has it.

    Raises:
        Refusal: FIELD_INVALID, with the figure at fault.
    """
    given: dict[str, Any] = {name: getattr(message, name) for name in _PLAIN}
    given |= {name: getattr(message, name) for name in _OPTIONAL if message.HasField(name)}
    if message.currency:
        given["currency"] = message.currency
    for name in ("prompt_work", "steering_work"):
        if message.HasField(name):
            given[name] = _work(getattr(message, name), f"{field}.{name}")
    if message.HasField("fine_tune"):
        given["fine_tune"] = _fine_tune(message.fine_tune, f"{field}.fine_tune")
    try:
        return CostModel(**given)
    except ValueError as fault:
        raise Refusal("FIELD_INVALID", field=field, detail=f"{field}: {fault}") from fault


def _work(message: trial_pb2.CostWork, field: str) -> Work:
    for name in ("hours", "money", "monthly"):
        _require(getattr(message, name), f"{field}.{name}")
    return Work(message.hours, message.money, message.monthly)


def _fine_tune(message: trial_pb2.FineTuneFigures, field: str) -> FineTune:
    for name in ("gpu_hours", "gpu_hourly_rate", "examples", "price_per_example", "bad_rate"):
        _require(getattr(message, name), f"{field}.{name}")
    if message.bad_rate > 1.0:
        detail = f"{field}.bad_rate is {message.bad_rate:g}; give a share from 0 to 1"
        raise Refusal("FIELD_INVALID", field=f"{field}.bad_rate", detail=detail)
    default = FineTune()
    return FineTune(
        work=_work(message.work, f"{field}.work") if message.HasField("work") else default.work,
        gpu_hours=message.gpu_hours,
        gpu_hourly_rate=message.gpu_hourly_rate,
        examples=message.examples,
        price_per_example=message.price_per_example,
        bad_rate=message.bad_rate if message.HasField("bad_rate") else None,
    )


def _require(value: float, field: str) -> None:
    if not (math.isfinite(value) and value >= 0.0):
        detail = f"{field} is {value}; give 0 or a positive number"
        raise Refusal("FIELD_INVALID", field=field, detail=detail)


def cost_out(report: CostReport) -> trial_pb2.TrialCost:
    return trial_pb2.TrialCost(
        currency=report.currency,
        months=report.months,
        base_rate=report.base_rate,
        best=report.best,
        options=[_option_out(own) for own in report.options],
        increments=[
            trial_pb2.CostIncrement(
                option=own.option,
                against=own.against,
                extra_cost=own.extra_cost,
                extra_effect=wire_trials.estimate_out(own.extra_effect.as_dict()),
                cost_per_prevented=wire_trials.estimate_out(own.icer.as_dict()),
                dominated=own.dominated,
            )
            for own in report.increments
        ],
    )


def _option_out(option: OptionCost) -> trial_pb2.CostOption:
    given: dict[str, Any] = {
        own.name: _range_out(value) if isinstance(value, Range) else value
        for own in dataclasses.fields(option)
        if (value := getattr(option, own.name)) is not None
    }
    return trial_pb2.CostOption(**given)


def _range_out(value: Range) -> trial_pb2.CostRange:
    return trial_pb2.CostRange(value=value.value, low=value.low, high=value.high)
