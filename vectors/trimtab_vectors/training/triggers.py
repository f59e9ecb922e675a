"""When to act: conditions on the journal's measurements so far, each of which says why it holds.

All of them see one run, so none can confirm a window (that takes seeds: `plasticity`); they say "candidate".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

Measurement = Mapping[str, Any]


@runtime_checkable
class Trigger(Protocol):
    """measurements: the current path's, oldest first. Returns why to act now, or None."""

    def why(self, step: int, measurements: Sequence[Measurement]) -> str | None: ...


@dataclass(frozen=True)
class AtSteps:
    """At given steps, whatever the figures are."""

    steps: tuple[int, ...]

    def why(self, step: int, measurements: Sequence[Measurement]) -> str | None:
        return f"step {step} was asked for" if step in self.steps else None


@dataclass(frozen=True)
class SlopeRise:
    """Candidate window: the steerability slope exceeds the mean of the `over` measurements before by `by`
    (nats per unit of strength), and so does the lower end of its interval exceed that mean."""

    by: float
    over: int = 2

    def why(self, step: int, measurements: Sequence[Measurement]) -> str | None:
        if len(measurements) <= self.over or measurements[-1]["step"] != step:
            return None
        slope = measurements[-1]["steerability"]["slope"]
        before = [m["steerability"]["slope"]["value"] for m in measurements[-1 - self.over : -1]]
        mean = sum(before) / len(before)
        if slope["value"] - mean < self.by or slope["low"] <= mean:
            return None
        return f"candidate window: slope {slope['value']:.4g}, {mean:.4g} in the {self.over} stages before"


@dataclass(frozen=True)
class MarginDrop:
    """The unsteered margin fell by at least `by` nats since the first stage, on the same items, and the upper
    end of the change's interval is below 0."""

    by: float

    def why(self, step: int, measurements: Sequence[Measurement]) -> str | None:
        change = _last(step, measurements, "margin_change")
        if change is None or -change["value"] < self.by or change["high"] >= 0:
            return None
        return f"the unsteered margin fell by {-change['value']:.4g} nats since the first stage"


@dataclass(frozen=True)
class KlAbove:
    """Next-token distributions on neutral text moved more than `limit` nats per token from the first stage."""

    limit: float

    def why(self, step: int, measurements: Sequence[Measurement]) -> str | None:
        kl = _last(step, measurements, "kl_to_first")
        if kl is None or kl["value"] <= self.limit:
            return None
        return f"KL to the first stage is {kl['value']:.4g} nats per token, above {self.limit:g}"


def _last(step: int, measurements: Sequence[Measurement], name: str) -> Any:
    """A figure of this step's measurement; None where there was none (skipped) or it is the first."""
    if not measurements or measurements[-1]["step"] != step:
        return None
    return measurements[-1].get(name)
