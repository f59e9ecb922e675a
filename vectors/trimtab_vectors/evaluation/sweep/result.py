"""What a sweep found, as one record that can be written down and read back."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from trimtab_vectors.evaluation.side_effects import GateResult, SideEffects
from trimtab_vectors.evaluation.splits import Choice, DevRecord
from trimtab_vectors.evaluation.sweep.curves import Cliff, DoseCurve, DosePoint, Setting
from trimtab_vectors.evaluation.sweep.plan import SweepPlan
from trimtab_vectors.statistics import Estimate
from trimtab_vectors.steering_vector import Suggested

FORM: Final = "trimtab.sweep/1"


class SweepFileError(ValueError):
    """A file is not the result of a sweep."""


@dataclass(frozen=True)
class SweepResult:
    """Figures are dev figures: good for choosing, too good for reporting (`confirm` reports).

    vector: id of the vector. model: digest of the stage's weights, as the caller names it. neutral: SHA-256 hex of
    the neutral texts. unsteered: honest rate of each target stratum. recommended: None where `reason` says why.
    seconds: of measuring, over all runs that it took.
    """

    vector: str
    concept: str
    stage: str
    model: str
    neutral: str
    plan: SweepPlan
    dev: DevRecord
    unsteered: Mapping[str, Estimate]
    curves: tuple[DoseCurve, ...]
    recommended: Setting | None
    reason: str
    seconds: float

    @property
    def choice(self) -> Choice[Setting]:
        """The recommended setting, to be confirmed on held-out items. Raises ValueError if there is none."""
        if self.recommended is None:
            raise ValueError(f"the sweep recommends no setting: {self.reason}")
        return Choice(self.recommended, self.dev)

    @property
    def suggested(self) -> Suggested:
        """The same for the vector's own record. Raises ValueError if there is none."""
        own = self.choice.chosen
        return Suggested(own.strength, own.layers, own.positions, own.safe_strength)

    def curve(self, layers: tuple[int, ...]) -> DoseCurve:
        """Raises KeyError for layers that were not swept."""
        for curve in self.curves:
            if curve.layers == layers:
                return curve
        raise KeyError(f"layers {list(layers)} were not swept")

    @property
    def point(self) -> DosePoint:
        """Dev figures at the recommended setting. Raises ValueError if there is none."""
        own = self.choice.chosen
        points = self.curve(own.layers).points
        return next(point for point in points if point.strength == own.strength)

    def as_dict(self) -> dict[str, Any]:
        return {
            "form": FORM,
            "vector": self.vector,
            "concept": self.concept,
            "stage": self.stage,
            "model": self.model,
            "neutral": self.neutral,
            "plan": self.plan.as_dict(),
            "dev": self.dev.as_dict(),
            "unsteered": _estimates(self.unsteered),
            "curves": [_curve_dict(curve) for curve in self.curves],
            "recommended": None if self.recommended is None else setting_dict(self.recommended),
            "reason": self.reason,
            "seconds": round(self.seconds, 3),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> SweepResult:
        """Raises SweepFileError with what is missing or wrong."""
        if not isinstance(record, Mapping) or record.get("form") != FORM:
            raise SweepFileError(f'not the result of a sweep: its "form" should be {FORM!r}')
        try:
            own = record["recommended"]
            return cls(
                plan=SweepPlan.from_dict(record["plan"]),
                dev=DevRecord.from_dict(record["dev"]),
                unsteered={name: read_estimate(e) for name, e in record["unsteered"].items()},
                curves=tuple(_read_curve(curve) for curve in record["curves"]),
                recommended=None if own is None else read_setting(own),
                **{
                    n: record[n]
                    for n in ("vector", "concept", "stage", "model", "neutral", "reason", "seconds")
                },
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SweepFileError(f"the sweep's record is damaged: {type(error).__name__}: {error}") from error


def write_sweep(path: Path | str, result: SweepResult) -> None:
    """Write a result as JSON; `read_sweep` reads it back to equal figures."""
    text = json.dumps(result.as_dict(), ensure_ascii=False, indent=1, allow_nan=False)
    Path(path).write_text(text + "\n", encoding="utf-8")


def read_sweep(path: Path | str) -> SweepResult:
    """Raises SweepFileError for what is not a sweep's result, OSError if the file cannot be read."""
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise SweepFileError(f"{path} is not JSON: {error}") from error
    return SweepResult.from_dict(record)


def read_estimate(record: Mapping[str, Any]) -> Estimate:
    """An `Estimate` from its dict, in which figures that are not finite became None."""
    undefined = {name for name in ("value", "low", "high", "p", "standard_error") if record[name] is None}
    return Estimate(**{**record, **dict.fromkeys(undefined, math.nan)})


def setting_dict(setting: Setting) -> dict[str, Any]:
    return {
        "layers": list(setting.layers),
        "strength": setting.strength,
        "positions": setting.positions,
        "safe_strength": setting.safe_strength,
    }


def read_setting(record: Mapping[str, Any]) -> Setting:
    return Setting(tuple(record["layers"]), record["strength"], record["positions"], record["safe_strength"])


def _estimates(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: estimate.as_dict() for name, estimate in estimates.items()}


def _curve_dict(curve: DoseCurve) -> dict[str, Any]:
    cliff = curve.cliff
    return {
        "layers": list(curve.layers),
        "points": [_point_dict(point) for point in curve.points],
        "safe_strength": curve.safe_strength,
        "cliff": None
        if cliff is None
        else {"after": cliff.after, "at": cliff.at, "what": cliff.what, "loss": cliff.loss.as_dict()},
        "skipped": list(curve.skipped),
    }


def _read_curve(record: Mapping[str, Any]) -> DoseCurve:
    cliff = record["cliff"]
    return DoseCurve(
        tuple(record["layers"]),
        tuple(_read_point(point) for point in record["points"]),
        record["safe_strength"],
        None if cliff is None else Cliff(**{**cliff, "loss": read_estimate(cliff["loss"])}),
        tuple(record["skipped"]),
    )


def _point_dict(point: DosePoint) -> dict[str, Any]:
    return {
        "strength": point.strength,
        "honest": _estimates(point.honest),
        "margin": point.margin.as_dict(),
        "gain": point.gain.as_dict(),
        "knowledge": point.knowledge.as_dict(),
        "coherence": point.coherence.as_dict(),
        "side_effects": point.side_effects.as_dict(),
        "gates": [gate.as_dict() for gate in point.gates],
    }


def _read_point(record: Mapping[str, Any]) -> DosePoint:
    effects = record["side_effects"]
    named = {own.name for own in fields(SideEffects)} - {"residual_norms"}
    figures = {name: read_estimate(effects[name]) for name in named if name in effects}
    norms = {int(layer): ratio for layer, ratio in effects["residual_norms"].items()}
    gates = [
        GateResult(**{**gate, **{n: math.nan for n in ("value", "upper") if gate[n] is None}})
        for gate in record["gates"]
    ]
    return DosePoint(
        strength=record["strength"],
        honest={name: read_estimate(e) for name, e in record["honest"].items()},
        side_effects=SideEffects(**figures, residual_norms=norms),
        gates=tuple(gates),
        **{name: read_estimate(record[name]) for name in ("margin", "gain", "knowledge", "coherence")},
    )
