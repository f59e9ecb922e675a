"""Do replies still look like the recorded reference? One detector for each signal, and alarms that stay.

Pure: the same reference and the same replies in the same order give the same alarms, so that evidence can be
replayed from the stored signals.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from trimtab_vectors.evaluation.honesty import wilson_interval

from trimtab_server.monitoring.signals import FLAGS, Signal
from trimtab_server.sequential.batches import batch_size
from trimtab_server.sequential.conformal import MINIMUM_REFERENCE, ConformalDrift, Sides
from trimtab_server.sequential.rates import RateDrift, RateLimit

#: Signals whose drift is watched, and which side is looked at. Speed is not: it drifts with the load. What only
#: canaries have is not: live traffic has none of it.
WATCHED: Final[Mapping[str, Sides]] = {
    Signal.HONESTY_MEAN: "below",
    Signal.HONESTY_MINIMUM: "below",
    Signal.PROJECTION: "two",
    Signal.KL_TO_UNSTEERED: "two",
    Signal.UNSTEERED_PERPLEXITY: "two",
    Signal.ENTROPY: "two",
    Signal.RESIDUAL_NORM_RATIO: "two",
    Signal.REPETITION: "above",
    Signal.REPLY_TOKENS: "two",
    Signal.REPETITION_LOOP: "above",
    Signal.REFUSAL: "above",
}

#: One-sided 95%: a rate of the reference is taken at the upper end of its interval, since its true value may
#: stand there and a detector set below it would alarm falsely.
_UPPER: Final = 1.644854


class Finding(StrEnum):
    """What was found of a signal."""

    FROM_START = "from the first reply"
    LATER = "a later change"
    NOT_FINITE = "not finite"


@dataclass(frozen=True)
class DriftSettings:
    """horizon: replies of one revision within which false alarms are counted. false_alarm: chance of one within
    the horizon by the detectors of later change, all signals together, and again by those of the first reply."""

    horizon: int = 2_000
    false_alarm: float = 0.05

    def __post_init__(self) -> None:
        if self.horizon < 1 or not 0 < self.false_alarm < 1:
            raise ValueError(
                f"horizon is {self.horizon} and false_alarm {self.false_alarm}; 1 or more and a number between "
                "0 and 1 are expected"
            )


@dataclass(frozen=True)
class Raised:
    """An alarm of one signal, latched. count: values behind it (batches, where replies are batched);
    evidence and bar: natural logarithms."""

    signal: str
    finding: Finding
    count: int
    evidence: float
    bar: float
    reply_id: str


class DriftMonitor:
    """One revision's replies against one reference.

    Each signal with enough reference values gets a conformal detector (flags: binomial ones). Single values are
    averaged into batches where the reference's neighbours are correlated (`sequential.batches.batch_size`). With
    k signals watched, alpha is false_alarm / k and the average run length to a false alarm
    k * horizon / false_alarm: 20 times the horizon for one signal at the default, and more for several.

    Can tell and cannot tell: see `ConformalDrift` and `RateDrift`. It sees a change, not whether the change is
    bad, and a change of the customers' questions moves the signals as well as one of the model.
    """

    def __init__(self, reference: Mapping[str, Sequence[float]], settings: DriftSettings) -> None:
        self.settings = settings
        self.count = 0
        #: Signal -> why its drift is not watched.
        self.unwatched: dict[str, str] = {}
        self._standing: dict[str, Raised] = {}
        usable: dict[str, tuple[float, ...]] = {}
        for name in WATCHED:
            values = tuple(reference.get(name, ()))
            if len(values) < MINIMUM_REFERENCE:
                self.unwatched[name] = (
                    f"the reference has {len(values)} values of it; {MINIMUM_REFERENCE} are needed"
                )
            elif not all(math.isfinite(value) for value in values):
                self.unwatched[name] = "the reference holds values that are not finite"
            else:
                usable[name] = values
        share = settings.false_alarm / max(1, len(usable))
        self._detectors: dict[str, _Detector] = {
            name: (_Rate if name in FLAGS else _Level).of(name, values, share, settings.horizon)
            for name, values in usable.items()
        }

    @property
    def watched(self) -> tuple[str, ...]:
        return tuple(self._detectors)

    @property
    def standing(self) -> tuple[Raised, ...]:
        """Alarms that were raised; nothing clears them but a new revision."""
        return tuple(self._standing.values())

    def observe(self, reply_id: str, signals: Mapping[str, float]) -> list[Raised]:
        """Takes one reply; the alarms that it raised."""
        self.count += 1
        raised = []
        for name, detector in self._detectors.items():
            value = signals.get(name)
            if value is None or name in self._standing:
                continue
            found = self._found(name, detector, value, reply_id)
            if found is not None:
                self._standing[name] = found
                raised.append(found)
        return raised

    def _found(self, name: str, detector: _Detector, value: float, reply_id: str) -> Raised | None:
        if not math.isfinite(value):
            return Raised(name, Finding.NOT_FINITE, detector.count, math.inf, 0.0, reply_id)
        found = detector.update(value, reply_id)
        if found is None:
            return None
        finding, evidence, bar = found
        return Raised(name, finding, detector.count, evidence, bar, reply_id)

    def state(self) -> dict[str, Any]:
        """Plain JSON; the reference's values are not in it."""
        return {
            "horizon": self.settings.horizon,
            "false_alarm": self.settings.false_alarm,
            "count": self.count,
            "detectors": {name: detector.state() for name, detector in self._detectors.items()},
            "standing": [
                vars(one) | {"finding": one.finding.value, "evidence": _finite(one.evidence)}
                for one in self._standing.values()
            ],
        }

    @classmethod
    def from_state(cls, reference: Mapping[str, Sequence[float]], state: dict[str, Any]) -> DriftMonitor:
        """The inverse of `state`, for the same reference.

        Raises:
            ValueError: the state is of another reference.
        """
        own = cls(reference, DriftSettings(state["horizon"], state["false_alarm"]))
        if own._detectors.keys() != state["detectors"].keys():
            raise ValueError(
                f"the evidence is about {sorted(state['detectors'])}, the reference has {sorted(own._detectors)}"
            )
        own.count = state["count"]
        for name, detector in own._detectors.items():
            detector.restore(state["detectors"][name])
        for one in state["standing"]:
            evidence = math.inf if one["evidence"] is None else one["evidence"]
            own._standing[one["signal"]] = Raised(
                **one | {"finding": Finding(one["finding"]), "evidence": evidence}
            )
        return own


class _Detector(Protocol):
    """Both kinds of evidence about one signal."""

    @classmethod
    def of(cls, name: str, values: Sequence[float], alpha: float, horizon: int) -> _Detector: ...

    @property
    def count(self) -> int: ...

    def update(self, value: float, reply_id: str) -> tuple[Finding, float, float] | None: ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class _Level:
    """A number for each reply: its rank within the reference."""

    def __init__(self, ranks: ConformalDrift) -> None:
        self._ranks = ranks

    @classmethod
    def of(cls, name: str, values: Sequence[float], alpha: float, horizon: int) -> _Level:
        return cls(
            ConformalDrift(
                values, alpha, horizon / alpha, WATCHED[name], batch=batch_size(values), salt=str(name)
            )
        )

    @property
    def count(self) -> int:
        return self._ranks.count

    def update(self, value: float, reply_id: str) -> tuple[Finding, float, float] | None:
        if not self._ranks.update(value, reply_id):
            return None
        if self._ranks.from_start:
            return Finding.FROM_START, self._ranks.evidence, self._ranks.bar
        return Finding.LATER, self._ranks.drift, self._ranks.drift_bar

    def state(self) -> dict[str, Any]:
        return {name: value for name, value in self._ranks.state().items() if name != "reference"}

    def restore(self, state: dict[str, Any]) -> None:
        self._ranks = ConformalDrift.from_state({**state, "reference": list(self._ranks.reference)})


class _Rate:
    """0 or 1 for each reply: ranks would say little."""

    def __init__(self, limit: RateLimit, later: RateDrift) -> None:
        self._limit = limit
        self._later = later

    @classmethod
    def of(cls, name: str, values: Sequence[float], alpha: float, horizon: int) -> _Rate:
        _, upper = wilson_interval(sum(value == 1.0 for value in values), len(values), _UPPER)
        # Of nothing but ones no rise can be seen; the detectors need a rate below 1.
        rate = min(upper, 1.0 - 1e-6)
        return cls(RateLimit(rate, alpha), RateDrift(rate, horizon / alpha))

    @property
    def count(self) -> int:
        return self._limit.count

    def update(self, value: float, reply_id: str) -> tuple[Finding, float, float] | None:
        first, later = self._limit.update(value), self._later.update(value)
        if first:
            return Finding.FROM_START, self._limit.evidence, self._limit.bar
        return (Finding.LATER, self._later.evidence, self._later.bar) if later else None

    def state(self) -> dict[str, Any]:
        return {"limit": self._limit.state(), "later": self._later.state()}

    def restore(self, state: dict[str, Any]) -> None:
        self._limit = RateLimit.from_state(state["limit"])
        self._later = RateDrift.from_state(state["later"])


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
