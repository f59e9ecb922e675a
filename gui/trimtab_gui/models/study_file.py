"""The summary of a study, read from its JSON file: what the Studies page shows of it.

The file is written by `trimtab study run`; stages index every list, in the order of fine-tuning, and a matrix is
`[vector's stage][model's stage]`. A null was not measured.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

SCHEMA: Final = 1
LARGEST_BYTES: Final = 64 * 1024 * 1024
Series = tuple[float | None, ...]


class StudyFileError(ValueError):
    """A file that cannot be shown; `fault` is a text of the context "Study", `detail` fills its place."""

    def __init__(self, fault: str, detail: str = "") -> None:
        self.fault, self.detail = fault, detail
        super().__init__(f"{fault} {detail}".strip())


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Timeline(_Part):
    """One figure for each stage with its 95% interval."""

    value: Series
    low: Series
    high: Series


class Matrix(_Part):
    """One figure for each pair of stages with its 95% interval."""

    value: tuple[Series, ...]
    low: tuple[Series, ...]
    high: tuple[Series, ...]

    def cell(self, vector: int, model: int) -> tuple[float | None, float | None, float | None]:
        """Value, lower and upper end."""
        return self.value[vector][model], self.low[vector][model], self.high[vector][model]


class Window(_Part):
    """What the window rule says of one statistic: confirmed, candidate, none or undecided."""

    statistic: str
    verdict: str
    word: str | None = None
    first_stage: str | None = None
    last_stage: str | None = None
    reasons: tuple[str, ...] = ()


class Interventions(_Part):
    lag: Timeline | None = None


class Arc(_Part):
    """The runs of one architecture over one fine-tuning arc, taken together."""

    architecture: str
    arc: str
    stages: tuple[str, ...]
    steps: tuple[int, ...] = ()
    discovery_seeds: tuple[int, ...] = ()
    confirmation_seeds: tuple[int, ...] = ()
    layers: tuple[int, ...] = ()
    strength: float
    lie_rate: Timeline | None = None
    effect: Matrix
    specific_slope: Matrix | None = None
    normalised_effect: Matrix | None = None
    transfer: Matrix | None = None
    stability: Matrix | None = None
    receptivity: Timeline | None = None
    intervention: Interventions | None = None
    windows: tuple[Window, ...] = ()

    @model_validator(mode="after")
    def _sizes_agree(self) -> Arc:
        size = len(self.stages)
        if size == 0:
            raise ValueError("an arc has no stages")
        for name in MATRICES:
            matrix = self.matrix(name)
            rows = () if matrix is None else (*matrix.value, *matrix.low, *matrix.high)
            if any(len(row) != size for row in rows) or len(rows) not in (0, 3 * size):
                raise ValueError(f"'{name}' is not {size} x {size}, as the {size} stages ask for")
        for name in ("lie_rate", *STATISTICS):
            timeline = self.lie_rate if name == "lie_rate" else self.timeline(name)
            ends = () if timeline is None else (timeline.value, timeline.low, timeline.high)
            if any(len(own) != size for own in ends):
                raise ValueError(f"'{name}' has not one figure for each of {size} stages")
        return self

    def matrix(self, name: str) -> Matrix | None:
        """One of `MATRICES`; None where the study has none."""
        found: Matrix | None = getattr(self, name)
        return found

    def timeline(self, statistic: str) -> Timeline | None:
        """One of `STATISTICS`; None where the study has none."""
        if statistic == "receptivity":
            return self.receptivity
        return None if self.intervention is None else self.intervention.lag

    def window(self, statistic: str) -> Window | None:
        return next((own for own in self.windows if own.statistic == statistic), None)


MATRICES: Final = ("effect", "specific_slope", "normalised_effect", "transfer", "stability")
STATISTICS: Final = ("receptivity", "lag")


class StudySummary(_Part):
    schema_version: int
    name: str
    plan_hash: str
    arcs: tuple[Arc, ...] = Field(min_length=1)
    caveats: tuple[str, ...] = ()


def _stability(arc: Any) -> Any:
    """Older summaries keep the cosines apart from their intervals; such a matrix is left out."""
    if isinstance(arc, dict) and "value" not in (arc.get("stability") or {}):
        return {key: value for key, value in arc.items() if key != "stability"}
    return arc


def read_study(path: Path) -> StudySummary:
    """The study of a `summary.json`.

    Raises:
        StudyFileError: it cannot be read, or is no summary of a study.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise StudyFileError("too_large")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise StudyFileError("unreadable", error.strerror or str(error)) from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, StudyFileError):
            raise
        raise StudyFileError("not_json", str(error)) from error
    if not isinstance(content, dict) or "arcs" not in content or "schema_version" not in content:
        raise StudyFileError("no_study")
    if content["schema_version"] != SCHEMA:
        raise StudyFileError("schema", str(content["schema_version"]))
    if isinstance(content["arcs"], list):
        content["arcs"] = [_stability(arc) for arc in content["arcs"]]
    try:
        return StudySummary.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise StudyFileError(
            "damaged", f"{'.'.join(str(own) for own in first['loc'])}: {first['msg']}"
        ) from error
