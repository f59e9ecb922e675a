"""Writing stages while a model trains, in the layout a server hosts; whatever kills the run, the list is whole.

    MODEL_DIR/stages.json         the list, in the order written
    MODEL_DIR/base/               the model before the first step, with its tokenizer
    MODEL_DIR/stages/stage-NN/    a PEFT adapter, or a full checkpoint
    MODEL_DIR/vectors/            the vector of each stage
    MODEL_DIR/training.jsonl      the journal
    MODEL_DIR/training/           the first stage's reference; the marker of a pause

A directory is written beside its place and moved there when it is complete; then the journal says so; then
the list is made from the journal.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from trimtab_vectors.fingerprint import fingerprint_model
from trimtab_vectors.formats.safetensors import write_vector
from trimtab_vectors.organism.layout import ModelLayout, Stage, StageList
from trimtab_vectors.steering_vector import ModelFingerprint, SteeringVector
from trimtab_vectors.training.journal import Journal, latest
from trimtab_vectors.training.weights import (
    does_nothing,
    load_adapter,
    load_full,
    save_adapter,
    save_base,
    save_full,
)


class StageError(ValueError):
    """A stage cannot be written, found or put back; the message says which and why."""


@dataclass(frozen=True)
class StageStore:
    """The stages of one run under `root`. Several branches share one list; names are never used again.

    base_dir: as in a plan.
    """

    root: Path
    journal: Journal
    base_dir: Path | None = None

    @property
    def layout(self) -> ModelLayout:
        return ModelLayout(self.root)

    def write_base(self, model: nn.Module, tokenizer: Any) -> ModelFingerprint:
        """The base all stages share, once; its fingerprint. Raises StageError if another one lies there."""
        place = self.layout.base
        if not place.is_dir():
            _complete(place, lambda partial: save_base(partial, model, tokenizer, self.base_dir))
        elif self.base_dir is not None and fingerprint_model(self.base_dir) != fingerprint_model(place):
            raise StageError(f"{place} holds another base than {self.base_dir}; name a new model directory")
        return fingerprint_model(place)

    def name_of(self, step: int, branch: int) -> str:
        """The stage's name: the one it has from before the run was killed, else the next."""
        written = self._written()
        for record in written:
            if (record["step"], record["branch"]) == (step, branch):
                return str(record["name"])
        return f"stage-{len({r['name'] for r in written}):02d}"

    def write(self, model: nn.Module, step: int, branch: int, parent: str | None) -> str:
        """Write the model as it is now and list it; returns the stage's name.

        The first stage is the base itself where the adapter does nothing yet, or there is none.
        """
        name = self.name_of(step, branch)
        place = self.root / "stages" / name
        adapter = hasattr(model, "peft_config")
        is_base = (not self._written() or self._is_base(name)) and (
            does_nothing(model) if adapter else step == 0 or self.base_dir is None
        )
        kind = "base" if is_base else "adapter" if adapter else "full"
        digest = None
        if adapter or not is_base:
            # An adapter that does nothing yet is kept too: a revert to the first stage needs its values.
            save = save_adapter if adapter else save_full
            _complete(place, lambda partial: save(model, partial))
            digest = _digest(place)
        self.journal.append(
            "stage",
            step,
            branch,
            name=name,
            stage_kind=kind,
            path=None if is_base else f"stages/{name}",
            parent=parent,
            sha256=digest,
        )
        self.write_list()
        return name

    def write_list(self) -> None:
        """stages.json from the journal, atomically."""
        named = {record["name"]: record for record in self._written()}
        stages = tuple(
            Stage(name, record["stage_kind"], record["path"], record["step"] or None)
            for name, record in sorted(named.items(), key=lambda item: int(item[0].rpartition("-")[2]))
        )
        if not stages:
            return
        partial = ModelLayout(self.root / "training")
        partial.root.mkdir(parents=True, exist_ok=True)
        partial.write_stages(StageList(self.root.resolve().name, "base", stages, stages[-1].name))
        _sync(partial.stage_file)
        partial.stage_file.replace(self.layout.stage_file)

    def write_vector(self, vector: SteeringVector, stage: str) -> Path:
        """MODEL_DIR/vectors/CONCEPT-STAGE.safetensors, atomically."""
        concept = "".join(c if c.isalnum() else "-" for c in vector.concept)
        place = self.layout.vectors / f"{concept}-{stage}.safetensors"
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = place.with_suffix(".partial")
        partial.write_bytes(write_vector(vector))
        _sync(partial)
        partial.replace(place)
        return place

    def load(self, model: nn.Module, name: str) -> None:
        """Put a stage's weights into the model in training, bit for bit. Raises StageError."""
        record = next((r for r in self._written() if r["name"] == name), None)
        if record is None:
            known = ", ".join(sorted({r["name"] for r in self._written()}))
            raise StageError(f"there is no stage {name!r} to go back to; there are {known}")
        if hasattr(model, "peft_config"):
            load_adapter(model, self.root / "stages" / name)
        else:
            where = self.layout.base if record["path"] is None else self.root / record["path"]
            load_full(model, where)

    def recover(self) -> None:
        """Finish or undo what a killed run was in the middle of."""
        for place in (self.layout.base, *sorted((self.root / "stages").glob("stage-*"))):
            if ".partial" in place.name or ".former" in place.name:
                continue
            _settle(place)
        for former in sorted((self.root / "stages").glob("stage-*.former")):
            _settle(former.with_suffix(""))
        for leftover in (self.root / "stages").glob("*.partial"):
            shutil.rmtree(leftover)
        self.write_list()

    def _written(self) -> list[Any]:
        return [record for record in latest(self.journal.read(), "stage")]

    def _is_base(self, name: str) -> bool:
        return any(r["name"] == name and r["stage_kind"] == "base" for r in self._written())


def checkpoint_of(model_dir: Path | str, stage: str) -> Path:
    """The Trainer checkpoint written at a stage, for `trainer.train(resume_from_checkpoint=...)`: training
    goes on from it as it did then, optimiser and data included, and the stages from there on get new names.

    Raises StageError if none was written (`SteeringPlan(checkpoint_stages=True)`) or it was removed since.
    """
    journal = Journal(Path(model_dir) / "training.jsonl")
    records = journal.read()
    found = [r for r in latest(records, "stage") if r["name"] == stage]
    if not found:
        raise StageError(f"{model_dir} has no stage {stage!r}")
    at = (found[-1]["step"], found[-1]["branch"])
    paths = [r["path"] for r in latest(records, "checkpoint") if (r["step"], r["branch"]) == at]
    if not paths:
        raise StageError(
            f"the Trainer wrote no checkpoint at {stage!r}; plan the run with checkpoint_stages=True"
        )
    if not Path(paths[-1]).is_dir():
        raise StageError(
            f"{paths[-1]}, the checkpoint of {stage!r}, is gone (save_total_limit removes old ones)"
        )
    return Path(paths[-1])


def _complete(place: Path, write: Callable[[Path], None]) -> None:
    """Write a directory beside `place` and put it there once all of it is on the disk."""
    partial, former = place.with_name(f"{place.name}.partial"), place.with_name(f"{place.name}.former")
    _settle(place)
    if partial.exists():
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    write(partial)
    for file in partial.rglob("*"):
        if file.is_file():
            _sync(file)
    if place.exists():
        place.rename(former)
    partial.rename(place)
    if former.exists():
        shutil.rmtree(former)
    _sync(place.parent)


def _settle(place: Path) -> None:
    """A kill between the two renames of `_complete` left the former directory alone."""
    former = place.with_name(f"{place.name}.former")
    if former.exists() and not place.exists():
        former.rename(place)
    elif former.exists():
        shutil.rmtree(former)


def _digest(directory: Path) -> str:
    """SHA-256 hex over the names and contents of the weight files."""
    digest = hashlib.sha256()
    for file in sorted(directory.glob("*.safetensors")):
        digest.update(f"{file.name}\n".encode())
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
