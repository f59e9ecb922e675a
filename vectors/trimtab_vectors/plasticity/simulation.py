"""Simulated timelines through the production rule: how often it errs, how often it finds what is there.

Ten stages; between seeds an autoregressive deviation (standard deviation .05, correlation .5 from one stage to
the next), on top measurement noise of .02. A flat timeline stays at .30; a decaying one falls evenly to .15; a
planted window adds .12 for two or three stages, at any place that has two stages before and after it. With
that decay a plain t test over 4 confirmation seeds finds the planted window in about three of four
timelines, the usual figure for such a design, so the task is neither easier nor harder than it should be.
Gates are about side effects and controls, which have no part in a timeline: they are not simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from trimtab_vectors.evaluation.honesty import wilson_interval
from trimtab_vectors.plasticity.window_plan import ConfirmationSeeds, DiscoverySeeds, WindowPlan
from trimtab_vectors.plasticity.window_rule import WindowVerdicts, judge_all
from trimtab_vectors.plasticity.window_verdict import Verdict, Word
from trimtab_vectors.statistics.samples import FloatArray

#: The most false windows, and the least power, that the rule may show.
FALSE_WINDOWS_LIMIT: Final = 0.06
POWER_LIMIT: Final = 0.75
LEAST_TIMELINES: Final = 10_000
_AT_ONCE: Final = 2_000

#: Tells how far a run is: scenario, timelines done, timelines in all.
Progress: TypeAlias = Callable[[str, int, int], None]


@dataclass(frozen=True)
class TimelineModel:
    """How timelines are made; theta in units of the normalised effect."""

    stages: int = 10
    level: float = 0.30
    decayed_to: float = 0.15
    bump: float = 0.12
    seed_sd: float = 0.05
    correlation: float = 0.5
    item_error: float = 0.02
    discovery_seeds: int = 3
    confirmation_seeds: int = 4

    def plan(self) -> WindowPlan:
        """The rule as a study would fix it: a fifth of the first stage's theta is the smallest effect."""
        return WindowPlan(smallest_effect=0.2 * self.level, required_gates=frozenset())

    def trend(self, name: str) -> FloatArray:
        """Mean timeline `[T]` without a planted window: flat, decaying, shoulder or late rise."""
        stage = np.arange(self.stages)
        half = stage >= self.stages // 2
        trends: dict[str, FloatArray] = {
            "flat": np.full(self.stages, self.level),
            "decaying": np.linspace(self.level, self.decayed_to, self.stages, dtype=np.float64),
            "shoulder": np.where(half, self.decayed_to, self.level),
            "late rise": np.where(half, self.level + self.bump, self.level),
        }
        if name not in trends:
            raise ValueError(f"trend is {name!r}; use one of {', '.join(trends)}")
        return trends[name]

    def planted(self, timelines: int, rng: np.random.Generator) -> FloatArray:
        """The planted window alone, `[N, T]`: two or three stages, two before and two after."""
        width = rng.integers(2, 4, size=timelines)
        start = rng.integers(2, self.stages - 2 - width + 1)
        stage = np.arange(self.stages)
        inside = (stage >= start[:, None]) & (stage < (start + width)[:, None])
        return np.where(inside, self.bump, 0.0)

    def noise(self, timelines: int, seeds: int, rng: np.random.Generator) -> FloatArray:
        """Deviations of seeds and measurement, `[N, G, T]`."""
        shocks = rng.standard_normal((timelines, seeds, self.stages))
        drift = np.empty_like(shocks)
        drift[..., 0] = shocks[..., 0]
        fresh = np.sqrt(1.0 - self.correlation**2)
        for t in range(1, self.stages):
            drift[..., t] = self.correlation * drift[..., t - 1] + fresh * shocks[..., t]
        measured = rng.standard_normal(drift.shape)
        return self.seed_sd * drift + self.item_error * measured


@dataclass(frozen=True)
class SimulatedShare:
    """Share of simulated timelines, with the 95% interval that their number leaves (Wilson)."""

    share: float
    low: float
    high: float
    timelines: int


@dataclass(frozen=True)
class SimulationCheck:
    """false_windows: confirmed on a timeline without a window, whatever the word; by trend. power: confirmed and
    called a window, by the trend it was planted on. late_rises_called_window: of timelines that rise and stay.
    verdicts: share of each verdict, by scenario. missed_as_none: planted windows of which the rule says "none"."""

    seed: int
    timelines: int
    discovery_seeds: int
    confirmation_seeds: int
    false_windows: dict[str, SimulatedShare]
    power: dict[str, SimulatedShare]
    late_rises_called_window: SimulatedShare
    missed_as_none: dict[str, SimulatedShare]
    verdicts: dict[str, dict[str, float]]

    @property
    def least_power(self) -> float:
        """Power on the harder of the two trends."""
        return min(found.share for found in self.power.values())

    @property
    def limits(self) -> dict[str, float]:
        """The most false windows and the least power."""
        return {"false_windows": FALSE_WINDOWS_LIMIT, "power": POWER_LIMIT}

    @property
    def limited_trends(self) -> tuple[str, ...]:
        """The trends on which false windows are limited."""
        return ("flat", "decaying")

    @property
    def ok(self) -> bool:
        """Whether the rule meets its limits on flat and on decaying timelines."""
        honest = all(self.false_windows[t].share <= FALSE_WINDOWS_LIMIT for t in self.limited_trends)
        return honest and self.least_power >= POWER_LIMIT


def run_check(
    seed: int = 0,
    timelines: int = LEAST_TIMELINES,
    model: TimelineModel | None = None,
    progress: Progress | None = None,
) -> SimulationCheck:
    """Judge `timelines` simulated timelines of each kind; every random number comes from `seed`."""
    if timelines < 1:
        raise ValueError(f"timelines is {timelines}; at least 1 is expected, {LEAST_TIMELINES} for a figure")
    made = model or TimelineModel()
    scenarios = [("flat", False), ("decaying", False), ("shoulder", False), ("late rise", False)]
    scenarios += [("flat", True), ("decaying", True)]
    streams = np.random.SeedSequence(seed).spawn(len(scenarios))
    parts: dict[tuple[str, bool], list[WindowVerdicts]] = {}
    for scenario, stream in zip(scenarios, streams, strict=True):
        said = f"{scenario[0]}, planted window" if scenario[1] else scenario[0]
        parts[scenario] = _judged(made, *scenario, timelines, np.random.default_rng(stream), said, progress)
    none = ("flat", "decaying", "shoulder")
    hidden = ("flat", "decaying")
    return SimulationCheck(
        seed=seed,
        timelines=timelines,
        discovery_seeds=made.discovery_seeds,
        confirmation_seeds=made.confirmation_seeds,
        false_windows={t: _share(parts[t, False], Verdict.CONFIRMED) for t in none},
        power={t: _share(parts[t, True], Verdict.CONFIRMED, "window") for t in hidden},
        late_rises_called_window=_share(parts["late rise", False], Verdict.CONFIRMED, "window"),
        missed_as_none={t: _share(parts[t, True], Verdict.NONE) for t in hidden},
        verdicts={
            f"{t} + window" if planted else t: {v.value: _share(found, v).share for v in Verdict}
            for (t, planted), found in parts.items()
        },
    )


def _judged(
    model: TimelineModel,
    trend: str,
    planted: bool,
    timelines: int,
    rng: np.random.Generator,
    said: str,
    progress: Progress | None,
) -> list[WindowVerdicts]:
    plan, found = model.plan(), []
    names = [f"run {g}" for g in range(model.discovery_seeds + model.confirmation_seeds)]
    for start in range(0, timelines, _AT_ONCE):
        count = min(_AT_ONCE, timelines - start)
        mean = np.tile(model.trend(trend), (count, 1))
        if planted:
            mean = mean + model.planted(count, rng)
        theta = mean[:, None] + model.noise(count, len(names), rng)
        split = model.discovery_seeds
        found.append(
            judge_all(
                DiscoverySeeds(names[:split], theta[:, :split]),
                ConfirmationSeeds(names[split:], theta[:, split:]),
                plan,
            )
        )
        if progress is not None:
            progress(said, start + count, timelines)
    return found


def _share(parts: list[WindowVerdicts], verdict: Verdict, word: Word | None = None) -> SimulatedShare:
    hits = sum(int(part.matches(verdict, word).sum()) for part in parts)
    n = sum(len(part) for part in parts)
    low, high = wilson_interval(hits, n)
    return SimulatedShare(hits / n, low, high, n)
