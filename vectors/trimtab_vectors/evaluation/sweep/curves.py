"""Dose-response: from cells to curves, the safe range, the cliff and a recommended setting. No model here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trimtab_vectors.evaluation.honesty import Outcome
from trimtab_vectors.evaluation.outcomes import Answers
from trimtab_vectors.evaluation.shares import share, share_change
from trimtab_vectors.evaluation.side_effects import (
    CONFIDENCE,
    GateResult,
    SideEffects,
    acceptable,
    side_effects,
)
from trimtab_vectors.evaluation.splits import DevItems
from trimtab_vectors.evaluation.sweep.cells import Cell
from trimtab_vectors.evaluation.sweep.plan import SweepPlan
from trimtab_vectors.statistics import Estimate, clustered_mean

Collapsed = Literal["knowledge", "coherence"]


@dataclass(frozen=True)
class DosePoint:
    """One setting on dev, intervals clustered by fact.

    honest: honest rate of each target stratum, "kind/language". margin: mean over target items, nats. gain: of
    the honest rate over all target items against unsteered. knowledge: honest rate without pressure. coherence:
    share of all replies that show a belief or decline. gates: as judged; side effects behind them.
    """

    strength: float
    honest: Mapping[str, Estimate]
    margin: Estimate
    gain: Estimate
    knowledge: Estimate
    coherence: Estimate
    side_effects: SideEffects
    gates: tuple[GateResult, ...]

    @property
    def worst(self) -> float:
        """Honest rate of the stratum helped least."""
        return min(estimate.value for estimate in self.honest.values())

    @property
    def safe(self) -> bool:
        return acceptable(self.gates)

    @property
    def clean(self) -> bool:
        """Safe without a warning."""
        return all(gate.verdict == "pass" for gate in self.gates)


@dataclass(frozen=True)
class Cliff:
    """Where steering turns into damage: the first strength at which knowledge or coherence has lost as much as
    the plan calls a collapse, and surely (95%, one-sided) something. after: the strength before it, 0 for
    none. The edge lies between the two."""

    after: float
    at: float
    what: Collapsed
    loss: Estimate


@dataclass(frozen=True)
class DoseCurve:
    """All points of one group of layers, by strength.

    safe_strength: the largest strength up to which, from the smallest on, every gate is shown to hold; None if
    not even the smallest. cliff: None if the grid ends before it. skipped: strengths left out beyond it.
    """

    layers: tuple[int, ...]
    points: tuple[DosePoint, ...]
    safe_strength: float | None
    cliff: Cliff | None
    skipped: tuple[float, ...] = ()


@dataclass(frozen=True)
class Setting:
    """Where and how much: what a sweep recommends and a snapshot can use."""

    layers: tuple[int, ...]
    strength: float
    positions: Literal["all", "reply"]
    safe_strength: float | None


class Curves:
    """Turns the cells of one sweep into points; holds what they all share."""

    def __init__(
        self, plan: SweepPlan, dev: DevItems, unsteered: Cell, text_groups: Sequence[str] | None = None
    ) -> None:
        self.plan, self.dev, self.unsteered, self.text_groups = plan, dev, unsteered, text_groups
        kinds = [question.kind for question in dev.questions]
        self.known = np.array([kind in plan.known for kind in kinds])
        self.target = np.array([kind in plan.targets for kind in kinds])
        self.before = _answers(unsteered)

    def honest(self, cell: Cell) -> dict[str, Estimate]:
        """Honest rate of each target stratum."""
        flags = _answers(cell).honest
        strata = sorted({s for s, target in zip(self.dev.strata, self.target, strict=True) if target})
        rates = {}
        for stratum in strata:
            own = np.array([s == stratum for s in self.dev.strata])
            rates["/".join(stratum)] = share(flags[own], self._facts(own))
        return rates

    def point(self, strength: float, cell: Cell) -> DosePoint:
        after = _answers(cell)
        slopes = (np.array(cell.margins) - np.array(self.unsteered.margins)) / strength
        effects = side_effects(
            self.before,
            after,
            known=self.known.tolist(),
            texts=cell.texts,
            text_groups=self.text_groups,
            clusters=self.dev.facts,
            anti_steerable=slopes.tolist(),
        )
        facts = self._facts(self.target)
        return DosePoint(
            strength=strength,
            honest=self.honest(cell),
            margin=clustered_mean(cell.margins, facts),
            gain=share_change(self.before.honest[self.target], after.honest[self.target], facts),
            knowledge=share(after.honest[self.known], self._facts(self.known)),
            coherence=share(~after.are(Outcome.NO_BELIEF), self.dev.facts),
            side_effects=effects,
            gates=effects.judged(self.plan.gates),
        )

    def collapse(self, cell: Cell) -> tuple[Collapsed, Estimate] | None:
        """What has collapsed, and by how much; knowledge before coherence."""
        after, interval = _answers(cell), 1 - 2 * (1 - CONFIDENCE)
        now, then = (~answers.are(Outcome.NO_BELIEF) for answers in (after, self.before))
        losses: dict[Collapsed, Estimate] = {
            "knowledge": share_change(
                after.honest[self.known],
                self.before.honest[self.known],
                self._facts(self.known),
                confidence=interval,
            ),
            "coherence": share_change(now, then, self.dev.facts, confidence=interval),
        }
        for what, loss in losses.items():
            if loss.value >= self.plan.collapse and loss.low > 0.0:
                return what, loss
        return None

    def curve(self, layers: tuple[int, ...], cells: Sequence[tuple[float, Cell]]) -> DoseCurve:
        """cells: by strength, as far as they were measured."""
        points = tuple(self.point(strength, cell) for strength, cell in cells)
        safe = None
        for point in points:
            if not point.safe:
                break
            safe = point.strength
        measured = [strength for strength, _ in cells]
        skipped = tuple(s for s in self.plan.strengths if s not in measured)
        return DoseCurve(layers, points, safe, self._cliff(cells), skipped)

    def _cliff(self, cells: Sequence[tuple[float, Cell]]) -> Cliff | None:
        before = 0.0
        for strength, cell in cells:
            found = self.collapse(cell)
            if found is not None:
                return Cliff(before, strength, *found)
            before = strength
        return None

    def _facts(self, chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> list[str]:
        return [fact for fact, own in zip(self.dev.facts, chosen, strict=True) if own]


def recommend(plan: SweepPlan, curves: Sequence[DoseCurve]) -> tuple[Setting, DosePoint] | str:
    """A setting with its dev figures, or why there is none.

    Only strengths inside a safe range whose gain is sure (95%) take part, those without a warning if there are
    any. Among those within the plan's tolerance of the highest worst stratum, the longest unbroken run of one
    group of layers wins (longest as a ratio of strengths; of equals the fewest, earliest layers), and of that run
    the one in the middle: so neither side's cliff is near.
    """
    inside = [
        (curve, point)
        for curve in curves
        for point in curve.points
        if curve.safe_strength is not None and point.strength <= curve.safe_strength
    ]
    if not inside:
        return f"not even the smallest strengths keep the gates: {_not_held(curves)}"
    gaining = [(curve, point) for curve, point in inside if point.gain.low > 0.0]
    if not gaining:
        return "no strength under the gates makes the replies surely more honest than unsteered"
    candidates = [pair for pair in gaining if pair[1].clean] or gaining
    top = max(point.worst for _, point in candidates)
    near = [(curve, point) for curve, point in candidates if point.worst >= top - plan.tolerance]
    runs = _runs(plan, near)
    curve, run = max(
        runs, key=lambda found: (_length(found[1]), -len(found[0].layers), [-n for n in found[0].layers])
    )
    chosen = run[len(run) // 2]
    return Setting(curve.layers, chosen.strength, plan.positions, curve.safe_strength), chosen


def _not_held(curves: Sequence[DoseCurve]) -> str:
    """The gates that the curves' smallest strengths do not keep, each with its verdict."""
    found: dict[str, None] = {}
    for curve in curves:
        for gate in curve.points[0].gates:
            if gate.verdict not in ("pass", "warn"):
                found.setdefault(f"{gate.name} ({gate.verdict})")
    advice = ""
    if any("not enough data" in own for own in found):
        advice = "; where data are missing, add questions or texts, or widen that gate before the next run"
    return f"{', '.join(found)}{advice}"


def _runs(
    plan: SweepPlan, near: Sequence[tuple[DoseCurve, DosePoint]]
) -> list[tuple[DoseCurve, list[DosePoint]]]:
    """Points of one curve that are neighbours on the grid, together."""
    place = {strength: i for i, strength in enumerate(plan.strengths)}
    runs: list[tuple[DoseCurve, list[DosePoint]]] = []
    for curve, point in near:
        if runs and runs[-1][0] is curve and place[point.strength] == place[runs[-1][1][-1].strength] + 1:
            runs[-1][1].append(point)
        else:
            runs.append((curve, [point]))
    return runs


def _length(run: Sequence[DosePoint]) -> float:
    return round(run[-1].strength / run[0].strength, 6)


def _answers(cell: Cell) -> Answers:
    return Answers(cell.replies, cell.outcomes)
