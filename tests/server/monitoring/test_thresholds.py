"""Alarms."""

from __future__ import annotations

import math

import pytest
from trimtab_server.monitoring.signals import Signal
from trimtab_server.monitoring.thresholds import AlarmBoard, Threshold
from trimtab_server.store.samples import SampleRecord


def sample(value: float, signal: Signal = Signal.HONEST_UNDER_PRESSURE) -> SampleRecord:
    return SampleRecord("default", signal.value, value, 1, "s")


def test_an_alarm_is_raised_once_and_cleared_once() -> None:
    board = AlarmBoard([Threshold(Signal.HONEST_UNDER_PRESSURE, lower=0.6)])
    told = [[alarm.raised for alarm in board.judge(sample(value))] for value in (0.9, 0.5, 0.4, 0.6, 0.7)]
    assert told == [[], [True], [], [False], []]
    assert board.standing == ()


def test_a_sample_of_another_signal_changes_nothing() -> None:
    board = AlarmBoard([Threshold(Signal.ENTROPY, upper=1.0)])
    assert board.judge(sample(9.0, Signal.KL_TO_UNSTEERED)) == []
    assert [alarm.raised for alarm in board.judge(sample(9.0, Signal.ENTROPY))] == [True]
    assert len(board.standing) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_is_alarming(value: float) -> None:
    assert not Threshold(Signal.ENTROPY, lower=0.0, upper=1.0).holds(value)


def test_the_limits_themselves_hold() -> None:
    threshold = Threshold(Signal.ENTROPY, lower=0.0, upper=1.0)
    assert [threshold.holds(value) for value in (0.0, 1.0, -0.001, 1.001)] == [True, True, False, False]
