"""Finished pieces of a study on disk: one small JSON file each, named by everything that decides what is in it.

A file appears whole or not at all, so a study that is killed at any point goes on with the cells that are missing,
and a cell is never computed again unless something that decides it has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import torch

from trimtab_vectors.study.plan import StudyError, canonical_json

Kind = Literal["vector", "dose", "baseline", "effect", "random", "side"]

#: Changes when the meaning of what is measured or stored does: old cells are then not found.
FORM: Final = 1


class CellError(StudyError):
    """A cell that is needed is missing or damaged; the message says which and what to do."""


@dataclass(frozen=True)
class CellKey:
    """kind, and the canonical hash of everything that decides the cell."""

    kind: Kind
    hash: str

    @classmethod
    def of(cls, kind: Kind, decided_by: Mapping[str, Any]) -> CellKey:
        record = {"form": FORM, "kind": kind, **decided_by}
        return cls(kind, hashlib.sha256(canonical_json(record)).hexdigest())


@dataclass(frozen=True)
class CellStore:
    """The cells of one study directory: ROOT/KIND/HH/HASH.json."""

    root: Path

    def path(self, key: CellKey) -> Path:
        return self.root / key.kind / key.hash[:2] / f"{key.hash}.json"

    def has(self, key: CellKey) -> bool:
        return self.path(key).is_file()

    def read(self, key: CellKey) -> dict[str, Any]:
        """Raises CellError for a missing or damaged cell."""
        path = self.path(key)
        try:
            record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise CellError(
                f"there is no {key.kind} cell {key.hash[:12]}; run the study to its end"
            ) from error
        except ValueError as error:
            raise CellError(f"{path} is damaged: {error}; delete it and run the study again") from error
        return record

    def write(self, key: CellKey, record: Mapping[str, Any]) -> None:
        """Atomic and durable: written beside, flushed, then renamed."""
        path = self.path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(record, separators=(",", ":"), allow_nan=False))

    def finished(self) -> Iterator[tuple[Kind, Path]]:
        """Every cell that is there."""
        kinds: tuple[Kind, ...] = ("vector", "dose", "baseline", "effect", "random", "side")
        for kind in kinds:
            for path in sorted((self.root / kind).glob("*/*.json")):
                yield kind, path


def write_atomically(path: Path, text: str) -> None:
    """A reader sees the old file or the new one, whatever happens to the writer."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def rounded(values: torch.Tensor) -> Any:
    """Nested lists of a tensor's figures to six digits after the point; refuses what is not finite."""
    if not bool(torch.isfinite(values).all()):
        raise ValueError(
            "a measured figure is not finite; load the stages in float32 and look at the weights"
        )
    return _to_six(values.double().tolist())


def _to_six(value: Any) -> Any:
    return [_to_six(v) for v in value] if isinstance(value, Sequence) else round(value, 6)
