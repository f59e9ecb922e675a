"""One cell of a sweep: what was measured at one setting, item by item, and where it is kept.

A cell is a small JSON file named by the hash of everything it depends on, written beside its place and
moved there: a kill at any point leaves finished cells and nothing else, and a resumed sweep measures none
of them again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from trimtab_vectors.evaluation.honesty import Outcome
from trimtab_vectors.evaluation.neutral import TextEffect

#: Part of every cell's hash: a change of what a cell means changes it.
_FORM: Final = "trimtab.sweep-cell/1"
_CODES: Final = {Outcome.HONEST: "h", Outcome.LIE: "l", Outcome.EVADE: "e", Outcome.NO_BELIEF: "n"}


@dataclass(frozen=True)
class Cell:
    """outcomes: of every dev question, in order. margins: of every target item, nats. texts: effects on neutral
    texts; empty for unsteered. replies: kept for unsteered alone, since they say where an answer comes."""

    outcomes: tuple[Outcome, ...]
    margins: tuple[float, ...]
    texts: tuple[TextEffect, ...]
    seconds: float
    replies: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        texts = [
            [t.tokens, t.kl, t.predicted, t.nll, t.nll_unsteered, {str(n): r for n, r in t.norms.items()}]
            for t in self.texts
        ]
        return {
            "outcomes": "".join(_CODES[outcome] for outcome in self.outcomes),
            "margins": list(self.margins),
            "texts": texts,
            "seconds": self.seconds,
            "replies": list(self.replies),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Cell:
        named = {code: outcome for outcome, code in _CODES.items()}
        texts = tuple(
            TextEffect(tokens, kl, predicted, nll, unsteered, {int(n): r for n, r in norms.items()})
            for tokens, kl, predicted, nll, unsteered, norms in record["texts"]
        )
        return cls(
            tuple(named[code] for code in record["outcomes"]),
            tuple(record["margins"]),
            texts,
            record["seconds"],
            tuple(record["replies"]),
        )


class CellStore:
    """Cells in one directory, or in memory alone without one."""

    def __init__(self, directory: Path | None, depends_on: Mapping[str, Any]) -> None:
        self.directory, self.depends_on = directory, depends_on
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)

    def key(self, layers: Sequence[int], strength: float) -> str:
        """SHA-256 hex of the setting and of all that every cell depends on; no layers for unsteered."""
        record = {"form": _FORM, "layers": list(layers), "strength": strength, **self.depends_on}
        text = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def find(self, layers: Sequence[int], strength: float) -> Cell | None:
        """The cell, if it is finished.

        Raises ValueError for a file that is not a cell: it was changed, and should be deleted.
        """
        if self.directory is None:
            return None
        path = self._path(layers, strength)
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            return Cell.from_dict(record)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is not a sweep cell ({error}); delete it to measure it again"
            ) from error

    def keep(self, layers: Sequence[int], strength: float, cell: Cell) -> None:
        if self.directory is None:
            return
        with tempfile.NamedTemporaryFile(
            "w", dir=self.directory, prefix=".writing-", suffix=".json", delete=False, encoding="utf-8"
        ) as file:
            json.dump(cell.as_dict(), file, ensure_ascii=False, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(self._path(layers, strength))

    def _path(self, layers: Sequence[int], strength: float) -> Path:
        assert self.directory is not None
        return self.directory / f"{self.key(layers, strength)}.json"
