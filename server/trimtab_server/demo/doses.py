"""The doses of the embedded model: the recommended one, and the bad vector's."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab_client import Positions, SteeringTerm, Vector

from trimtab_server.cli.failure import CommandFailed


@dataclass(frozen=True)
class Dose:
    """How much of a vector, where."""

    strength: float
    layers: tuple[int, ...]
    positions: Positions

    def of(self, vector: Vector) -> SteeringTerm:
        return SteeringTerm(vector.name, self.strength, layers=self.layers, positions=self.positions)


@dataclass(frozen=True)
class Doses:
    """From a model directory's settings.json."""

    good: Dose
    bad: Dose


def read_doses(path: Path, bad: str = "labels-swapped") -> Doses:
    """The recommended setting, and the bad one of that name."""
    record = json.loads(path.read_text(encoding="utf-8"))
    worse = next(r for r in record["bad"] if r["name"] == bad)
    return Doses(_dose(record["recommended"]), _dose(worse))


def _dose(record: dict[str, Any]) -> Dose:
    return Dose(float(record["strength"]), tuple(record["layers"]), Positions(record["positions"]))


def recommended_vector(vectors: Iterable[Vector]) -> Vector:
    """The honesty vector that came with the model: its maker suggests a strength for it."""
    known = list(vectors)
    found = [v for v in known if v.compatible and v.concept == "honesty" and v.suggested_strength > 0]
    if not found:
        names = ", ".join(v.display_name for v in known) or "none"
        raise CommandFailed(
            "VECTOR_NOT_FOUND",
            f"the server has no honesty vector with a suggested strength (it has: {names}); "
            "start over with `trimtab demo --fresh`",
        )
    return max(found, key=lambda v: v.suggested_strength)
