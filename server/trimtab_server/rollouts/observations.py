"""What the Judge sees: facts, in the order in which they happened. Nothing else decides.

Each has `as_dict` (plain JSON) so that a stored list of them can be replayed to the same verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

Arm: TypeAlias = Literal["stable", "candidate"]
Signals: TypeAlias = Mapping[str, float]

_NO_SIGNALS: Final[Signals] = MappingProxyType({})


@dataclass(frozen=True)
class StepStarted:
    """The rollout entered this step of the plan (from 0), at this time in seconds."""

    step: int
    time: float


@dataclass(frozen=True)
class ReplyObservation:
    """One reply to live traffic.

    weight: the candidate's share of sessions, in percent, when the session's arm was chosen.
    signals: those that were read; a signal that was not read is left out.
    """

    arm: Arm
    session: str
    signals: Signals
    reply_id: str
    weight: int


@dataclass(frozen=True)
class PairObservation:
    """One shadow pair: the same prompt in both arms. `seed` is None for greedy replies.

    The same greedy prompt again brings nothing new and is not counted again, nor is the same seed.
    """

    prompt_id: str
    stable: Signals
    candidate: Signals
    seed: int | None = None


@dataclass(frozen=True)
class CanaryObservation:
    """One canary question, asked in both arms and scored (`plan.OUTCOMES`). Counted once per seed."""

    question_id: str
    kind: str
    stable_outcome: str
    candidate_outcome: str
    stable: Signals = field(default_factory=lambda: _NO_SIGNALS)
    candidate: Signals = field(default_factory=lambda: _NO_SIGNALS)
    seed: int | None = None


@dataclass(frozen=True)
class HardFault:
    """Something of the candidate's that no statistics is needed for: a non-finite score, a repetition loop.

    Do not report KL on live traffic this way: a vector that works moves it.
    """

    reason: str
    reply_id: str


@dataclass(frozen=True)
class MeasurementError:
    """A measurement could not be made (a canary was not answered, a read-out was refused)."""

    reason: str


@dataclass(frozen=True)
class CanariesExhausted:
    """The pool has no fresh question of any kind left, before the plan's `max_draws` was reached."""


Observation: TypeAlias = (
    StepStarted
    | ReplyObservation
    | PairObservation
    | CanaryObservation
    | CanariesExhausted
    | HardFault
    | MeasurementError
)

OBSERVATION_NAMES: Final[dict[type[Observation], str]] = {
    StepStarted: "step",
    ReplyObservation: "reply",
    PairObservation: "pair",
    CanaryObservation: "canary",
    CanariesExhausted: "canaries_exhausted",
    HardFault: "hard_fault",
    MeasurementError: "error",
}
_TYPES: Final = {name: kind for kind, name in OBSERVATION_NAMES.items()}


def to_dict(observation: Observation) -> dict[str, Any]:
    """Plain JSON. Non-finite signals are written as text ("nan"), since JSON has no form for them."""
    value: dict[str, Any] = {"observation": OBSERVATION_NAMES[type(observation)]}
    for name, fact in vars(observation).items():
        value[name] = _signals_out(fact) if isinstance(fact, Mapping) else fact
    return value


def from_dict(value: Mapping[str, Any]) -> Observation:
    """The inverse of `to_dict`.

    Raises:
        ValueError: no observation of ours.
    """
    facts = dict(value)
    kind = _TYPES.get(facts.pop("observation", ""))
    if kind is None:
        raise ValueError(
            f"observation is {value.get('observation')!r}; one of {', '.join(_TYPES)} is expected"
        )
    facts = {name: _signals_in(fact) if isinstance(fact, Mapping) else fact for name, fact in facts.items()}
    try:
        observation: Observation = kind(**facts)
    except TypeError as fault:
        raise ValueError(f"a stored {value['observation']} observation does not fit: {fault}") from fault
    return observation


def _signals_out(signals: Signals) -> dict[str, float | str]:
    return {name: value if math.isfinite(value) else repr(float(value)) for name, value in signals.items()}


def _signals_in(signals: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in signals.items()}
