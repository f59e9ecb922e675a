"""What the study that comes along found where a window was planted, and where none was."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trimtab_vectors.plasticity.window_verdict import Verdict

#: Said of a figure while no results of a study are there.
MISSING: Final = "missing"


class StudySummaryError(ValueError):
    """The results file of the study is not what it should be. The message names the file and the key."""


@dataclass(frozen=True)
class PlantedVerdicts:
    """The rule's verdict on the planted window and on the planted null, or "missing"."""

    planted_window: str
    planted_null: str

    @property
    def ok(self) -> bool:
        """The window is found and the null is not."""
        return self.planted_window == Verdict.CONFIRMED and self.planted_null == Verdict.NONE


def shipped_summary() -> Path:
    """Where the results of the shipped study lie."""
    return Path(__file__).resolve().parents[1] / "study" / "shipped" / "summary.json"


def read_planted(path: Path | None = None) -> PlantedVerdicts:
    """Read the verdicts from a study's summary; both "missing" where there is no such file.

    Raises:
        StudySummaryError: the file is not a JSON object with a verdict under either key.
    """
    source = shipped_summary() if path is None else path
    if not source.is_file():
        return PlantedVerdicts(MISSING, MISSING)
    try:
        found: Any = json.loads(source.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StudySummaryError(f"{source}: not JSON: {error}") from error
    if not isinstance(found, dict):
        raise StudySummaryError(f"{source}: holds a {type(found).__name__}; a JSON object is expected")
    verdicts = [v.value for v in Verdict]
    for key in ("planted_window", "planted_null"):
        if found.get(key) not in verdicts:
            raise StudySummaryError(
                f"{source}: {key!r} is {found.get(key)!r}; one of {', '.join(verdicts)} is expected"
            )
    return PlantedVerdicts(found["planted_window"], found["planted_null"])
