"""From cells to curves: safe range, cliff, recommendation, on cells whose answers are known by construction."""

from __future__ import annotations

import numpy as np
import pytest
from trimtab_vectors.evaluation.honesty import Message, Outcome, Question
from trimtab_vectors.evaluation.neutral import TextEffect
from trimtab_vectors.evaluation.splits import DevItems
from trimtab_vectors.evaluation.sweep import DoseCurve, SweepPlan, layer_groups, recommend
from trimtab_vectors.evaluation.sweep.cells import Cell
from trimtab_vectors.evaluation.sweep.curves import Curves

KNOWN, HARD = 200, 60
STRENGTHS = (0.1, 0.2, 0.3, 0.4, 0.5)


def _question(i: int) -> Question:
    kind = "neutral" if i < KNOWN else "hard_pressure"
    return Question(f"q{i}", kind, "en" if i % 2 else "ja", (Message("user", f"{i}?"),), ("x",), ("y",))


DEV = DevItems(tuple(_question(i) for i in range(KNOWN + HARD)))


def _cell(known: float = 1.0, honest: float = 0.0, kl: float = 0.001, margin: float = 0.0) -> Cell:
    """Shares of honest answers: of the known questions (the others show no belief) and under pressure."""

    def outcomes(count: int, share: float, other: Outcome) -> list[Outcome]:
        kept = round(share * count)
        return [Outcome.HONEST] * kept + [other] * (count - kept)

    spread = np.linspace(0.9, 1.1, 30)
    texts = tuple(TextEffect(10, 10 * kl * x, 10, 20.0, 20.0, {0: 1.0}) for x in spread)
    said = outcomes(KNOWN, known, Outcome.NO_BELIEF) + outcomes(HARD, honest, Outcome.LIE)
    margins = tuple(margin + 0.01 * i for i in range(HARD))
    return Cell(tuple(said), margins, texts, 1.0)


def _plan(**changes: object) -> SweepPlan:
    base = {
        "layers": ((1,), (2,)),
        "strengths": STRENGTHS,
        "targets": ("hard_pressure",),
        "known": ("neutral",),
    }
    return SweepPlan(**{**base, **changes})  # type: ignore[arg-type]


def _curve(plan: SweepPlan, layers: tuple[int, ...], cells: list[Cell]) -> DoseCurve:
    unsteered = Cell(_cell().outcomes, _cell().margins, (), 1.0)
    return Curves(plan, DEV, unsteered).curve(layers, list(zip(STRENGTHS, cells, strict=False)))


def test_the_safe_range_ends_before_the_first_strength_that_breaks_a_gate() -> None:
    cells = [_cell(honest=0.5, margin=1)] * 2 + [_cell(kl=0.3, margin=1)] + [_cell(margin=1)] * 2
    curve = _curve(_plan(), (1,), cells)
    assert [point.safe for point in curve.points] == [True, True, False, True, True]
    assert curve.safe_strength == 0.2
    assert _curve(_plan(), (1,), [_cell(kl=0.3, margin=1)] * 5).safe_strength is None


def test_the_cliff_is_where_knowledge_or_coherence_collapses() -> None:
    steady, fallen = _cell(margin=1), _cell(known=0.7, margin=1)
    curve = _curve(_plan(), (1,), [steady, steady, _cell(known=0.85, margin=1), fallen, fallen])
    assert curve.cliff is not None
    assert (curve.cliff.after, curve.cliff.at, curve.cliff.what) == (0.3, 0.4, "knowledge")
    assert curve.cliff.loss.value == pytest.approx(0.3)
    assert _curve(_plan(), (1,), [steady] * 5).cliff is None
    # Lies without pressure are knowledge lost; replies that say nothing at all under pressure, coherence.
    mute = Cell((Outcome.HONEST,) * KNOWN + (Outcome.NO_BELIEF,) * HARD, steady.margins, steady.texts, 1.0)
    found = _curve(_plan(), (1,), [mute]).cliff
    assert found is not None and (found.what, found.after, found.at) == ("coherence", 0.0, 0.1)


def test_strengths_never_measured_are_named() -> None:
    assert _curve(_plan(), (1,), [_cell(margin=1)] * 3).skipped == (0.4, 0.5)


def test_the_middle_of_the_longest_safe_run_near_the_top_is_recommended() -> None:
    def cell(honest: float, kl: float = 0.001) -> Cell:
        return _cell(honest=honest, kl=kl, margin=1)

    short = _curve(_plan(), (1,), [cell(0.2), cell(0.3), cell(0.4), cell(0.5), cell(1.0)])
    long = _curve(_plan(), (2,), [cell(0.3), cell(1.0), cell(1.0), cell(1.0), cell(1.0, kl=0.3)])
    found = recommend(_plan(), [short, long])
    assert not isinstance(found, str)
    setting, point = found
    assert (setting.layers, setting.strength, setting.safe_strength) == ((2,), 0.3, 0.4)
    assert point.worst == 1.0 and point.gain.low > 0.9


def test_a_setting_that_warns_is_taken_only_where_none_is_clean() -> None:
    warned = _cell(honest=1.0, kl=0.1, margin=1)
    clean = _cell(honest=0.8, margin=1)
    mixed = _curve(_plan(), (1,), [clean, warned, warned, warned, warned])
    found = recommend(_plan(), [mixed])
    assert not isinstance(found, str) and found[0].strength == 0.1
    only = recommend(_plan(), [_curve(_plan(), (1,), [warned] * 5)])
    assert not isinstance(only, str) and only[0].strength == 0.3


def test_no_setting_is_recommended_without_safety_or_without_a_gain() -> None:
    unsafe = recommend(_plan(), [_curve(_plan(), (1,), [_cell(honest=1.0, kl=0.3, margin=1)] * 5)])
    assert isinstance(unsafe, str) and unsafe.endswith("gates: kl (fail)")
    idle = recommend(_plan(), [_curve(_plan(), (1,), [_cell(honest=0.0, margin=1)] * 5)])
    assert isinstance(idle, str) and "more honest" in idle


def test_the_worst_stratum_counts_and_not_the_mean() -> None:
    curve = _curve(_plan(), (1,), [_cell(honest=0.5, margin=1)])
    point = curve.points[0]
    assert set(point.honest) == {"hard_pressure/en", "hard_pressure/ja"}
    assert point.worst == min(e.value for e in point.honest.values())


def test_layers_are_tried_alone_and_with_their_neighbour() -> None:
    assert layer_groups((0, 1, 2)) == ((0,), (1,), (2,), (0, 1), (1, 2))
    many = layer_groups(range(32), most=8)
    assert len([group for group in many if len(group) == 1]) == 8 and len(many) == 15
    assert (31,) in many and all(b == a + 1 for a, b in (g for g in many if len(g) == 2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strengths": (0.2, 0.1)}, "ascending"),
        ({"strengths": (0.0, 0.1)}, "above 0"),
        ({"layers": ()}, "groups of different blocks"),
        ({"layers": ((1,), (1,))}, "named twice"),
        ({"targets": ("neutral",)}, "none may be both"),
        ({"known": ("nonsense",)}, "known kinds"),
        ({"collapse": 0.0}, "collapse must lie"),
    ],
)
def test_a_plan_that_cannot_work_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        _plan(**change)


def test_a_plan_is_the_same_after_a_round_trip() -> None:
    plan = _plan(tolerance=0.01)
    assert SweepPlan.from_dict(plan.as_dict()) == plan
