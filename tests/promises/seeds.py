"""The seeds of trials that failed once: one file a promise, tried first in every later run."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

DIRECTORY = Path(__file__).parent / "seeds"


def kept_seeds(row: int, directory: Path = DIRECTORY) -> list[int]:
    """Seeds that broke promise `row` once, in the order in which they were found."""
    path = _path(row, directory)
    return list(json.loads(path.read_text())["seeds"]) if path.exists() else []


def keep_seeds(row: int, found: Iterable[int], directory: Path = DIRECTORY) -> list[int]:
    """Adds seeds that broke promise `row`; those that were new."""
    before = kept_seeds(row, directory)
    new = [seed for seed in dict.fromkeys(found) if seed not in before]
    if new:
        directory.mkdir(parents=True, exist_ok=True)
        _path(row, directory).write_text(json.dumps({"row": row, "seeds": before + new}) + "\n")
    return new


def _path(row: int, directory: Path) -> Path:
    return directory / f"row-{row:02d}.json"
