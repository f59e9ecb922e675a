"""The journal of a fine-tune: JSON lines, one for each thing that happened, each on the disk before the next.

Every record has

    form      "trimtab.training/1"
    kind      what it is, below
    time      UTC, ISO 8601
    step      optimiser steps done
    branch    0, and a new one for each revert and for each return to an older checkpoint

and by kind

    plan          hash, concept, layers, strengths, seed, actions: what is being run
    measurement   the figures at a stage, `measurement.Figures`; sizes, seconds, whether it was shrunk
    skipped       a measurement that did not fit into the time budget: needed_seconds, allowed_seconds
    stage         a stage was written: name, path, parent (the stage it was trained on from), sha256
    checkpoint    the Trainer wrote one from which training can be resumed: path
    resumed       training went on from a checkpoint or began anew: from_branch, from_step
    action        something was done to the run: action, plan_index (its number in the plan), why, cost (steps,
                  seconds), and its own figures
    refused       something was to be done and was not: action, plan_index, why

A number that does not exist is null. A later record of the same kind, step and branch stands in place of the
earlier one (the run was killed and went over the step again); `latest` keeps the last of each. Nothing is
ever changed in the file, so a reader may follow it while it grows. This module needs no torch.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

FORM: Final = "trimtab.training/1"

KINDS: Final = (
    "plan",
    "measurement",
    "skipped",
    "stage",
    "checkpoint",
    "resumed",
    "action",
    "refused",
)

Record = Mapping[str, Any]


class JournalError(ValueError):
    """The file is no journal; the message names the line."""


@dataclass
class Journal:
    """One run's file, and the only thing that writes it."""

    path: Path
    _records: list[dict[str, Any]] = field(default_factory=list, repr=False)
    _size: int = -1

    def append(self, kind: str, step: int, branch: int, **figures: Any) -> dict[str, Any]:
        """Write one record and return it once it is on the disk. What a killed run left of a line is cut off."""
        if kind not in KINDS:
            raise ValueError(f"kind is {kind!r}; use one of {', '.join(KINDS)}")
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        whole = {"form": FORM, "kind": kind, "time": now, "step": step, "branch": branch, **figures}
        record: dict[str, Any] = _plain(whole)
        line = json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab+") as file:
            file.truncate(_whole_length(file.tell(), self.path))
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
        return record

    def read(self) -> list[dict[str, Any]]:
        """Every record so far; empty before the first. The file is read again only if it changed: a trigger
        may ask after every step."""
        size = self.path.stat().st_size if self.path.is_file() else 0
        if size != self._size:
            self._records = read_journal(self.path) if size else []
            self._size = size
        return list(self._records)


def read_journal(path: Path | str) -> list[dict[str, Any]]:
    """The records of a file in their order; an unfinished last line is left out: it is being written.

    Raises JournalError for any other line that is no record, FileNotFoundError without a file.
    """
    content = Path(path).read_bytes()
    lines = content[: content.rfind(b"\n") + 1].split(b"\n")[:-1]
    return [_record(line, number, Path(path)) for number, line in enumerate(lines, start=1)]


def latest(records: Iterable[Record], kind: str | None = None) -> list[Record]:
    """Of records with the same kind, branch and step the last, in order of branch and step. Actions are all
    kept: two may happen at one step."""
    found: dict[tuple[Any, ...], Record] = {}
    for number, record in enumerate(records):
        if kind is None or record["kind"] == kind:
            own = number if record["kind"] in ("action", "refused") else -1
            found[(record["branch"], record["step"], record["kind"], own)] = record
    return [found[key] for key in sorted(found, key=lambda k: (k[0], k[1], k[3]))]


def current_path(records: Sequence[Record], kind: str | None = None) -> list[Record]:
    """The records that led to where the run is now, one branch after another: of a branch that was left, those
    up to the step the next one came from; of a killed attempt, those that were not gone over again."""
    if not records:
        return []
    until: dict[int, float] = {records[-1]["branch"]: math.inf}
    origins = {r["branch"]: r for r in records if r.get("from_branch", r["branch"]) != r["branch"]}
    branch = records[-1]["branch"]
    while branch in origins:
        origin = origins[branch]
        branch = origin["from_branch"]
        if branch in until:
            break
        until[branch] = origin["from_step"]
    kept: list[Record] = []
    for record in records:
        if record["kind"] == "resumed" and record["from_branch"] == record["branch"]:
            again = (record["branch"], record["from_step"])
            kept = [r for r in kept if r["branch"] != again[0] or r["step"] <= again[1]]
        if record["step"] <= until.get(record["branch"], -1):
            kept.append(record)
    return latest(kept, kind)


def _record(line: bytes, number: int, path: Path) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise JournalError(f"{path}:{number}: not JSON: {error}") from error
    if not isinstance(record, dict) or record.get("form") != FORM:
        raise JournalError(f"{path}:{number}: no record of the form {FORM}; give a journal of a training run")
    return record


def _whole_length(size: int, path: Path) -> int:
    """Bytes up to the end of the last whole line."""
    with path.open("rb") as file:
        end = size
        while end:
            start = max(0, end - 65536)
            file.seek(start)
            cut = file.read(end - start).rfind(b"\n")
            if cut >= 0:
                return start + cut + 1
            end = start
    return 0


def _plain(value: Any) -> Any:
    """JSON's own types; what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(v) for key, v in value.items()}
    if isinstance(value, str | bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, Iterable):
        return [_plain(v) for v in value]
    raise TypeError(f"{type(value).__name__} has no place in a journal; convert it to a number or a text")


def follow(path: Path) -> Iterator[list[dict[str, Any]]]:
    """What was appended since the last `next`, for ever: nothing new (or no file yet) is an empty list."""
    offset = 0
    while True:
        records: list[dict[str, Any]] = []
        if path.is_file():
            with path.open("rb") as file:
                # A journal that became shorter lost a torn line, never a whole one that was read.
                file.seek(offset)
                content = file.read()
            whole = content[: content.rfind(b"\n") + 1]
            records = [_record(line, n, path) for n, line in enumerate(whole.split(b"\n")[:-1], start=1)]
            offset += len(whole)
        yield records
