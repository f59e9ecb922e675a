"""The fine-tuning runs of a study: which directories, which stages, and the hash of every stage's weights."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from trimtab_vectors.organism.layout import ModelLayout, Stage, StageList
from trimtab_vectors.study.plan import PlanError, Role, Runs, StudyPlan, canonical_json

#: Files that decide what a stage says.
_WEIGHTS: Final = ("*.safetensors", "config.json", "adapter_config.json")
_TOKENIZER: Final = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "*.model",
)


@dataclass(frozen=True)
class RunStage:
    """One stage of a run. hash: SHA-256 hex over every file that decides what it says. step: optimiser steps of
    the fine-tune so far, or its number where the directory names none."""

    name: str
    hash: str
    step: int


@dataclass(frozen=True)
class StudyRun:
    """One fine-tuning run. name: architecture/arc/seed-N, unique in a study. tokenizer: SHA-256 hex over the
    tokenizer's files, which all stages share."""

    directory: Path
    architecture: str
    arc: str
    role: Role
    seed: int
    stages: tuple[RunStage, ...]
    tokenizer: str
    twins: Path | None = None

    @property
    def name(self) -> str:
        return f"{self.architecture}/{self.arc}/seed-{self.seed}"

    @property
    def last(self) -> RunStage:
        return self.stages[-1]

    def stage(self, name: str) -> RunStage:
        return next(stage for stage in self.stages if stage.name == name)


@dataclass
class FileHashes:
    """SHA-256 of files, each read once however many runs share it through links."""

    known: dict[Path, str] = field(default_factory=dict)

    def of(self, path: Path) -> str:
        real = path.resolve()
        if real not in self.known:
            digest = hashlib.sha256()
            with real.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
            self.known[real] = digest.hexdigest()
        return self.known[real]


def find_runs(plan: StudyPlan, folder: Path, hashes: FileHashes | None = None) -> list[StudyRun]:
    """Every run the plan names, in the plan's order; directories are relative to `folder`, where the plan lies.

    Raises PlanError for a pattern without a match, a directory that is no model, a stage it does not have, a seed
    that cannot be told, and two runs of one architecture, arc and seed.
    """
    own = hashes or FileHashes()
    runs: list[StudyRun] = []
    for index, group in enumerate(plan.runs):
        key = f"runs.{index}"
        for directory in _directories(folder, group.directory, key):
            runs.append(_run(directory, group, key, own))
    names: dict[str, Path] = {}
    for run in runs:
        if run.name in names:
            raise PlanError(
                f"runs: {run.directory} and {names[run.name]} are both {run.name}; give each run of an "
                "architecture and arc a seed of its own"
            )
        names[run.name] = run.directory
    return runs


def arcs_of(runs: Sequence[StudyRun]) -> dict[tuple[str, str], list[StudyRun]]:
    """(architecture, arc) -> its runs by seed. Raises PlanError where they do not have the same stages: seeds are
    compared stage by stage."""
    groups: dict[tuple[str, str], list[StudyRun]] = {}
    for run in runs:
        groups.setdefault((run.architecture, run.arc), []).append(run)
    for (architecture, arc), group in groups.items():
        stages = {tuple((s.name, s.step) for s in run.stages) for run in group}
        if len(stages) > 1:
            raise PlanError(
                f"runs: the runs of {architecture}/{arc} do not have the same stages; seeds are compared stage by "
                "stage, so keep the same steps in each, or choose common ones with `stages`"
            )
        group.sort(key=lambda run: run.seed)
    return groups


def _directories(folder: Path, pattern: str, key: str) -> list[Path]:
    wanted = Path(pattern)
    root, relative = (
        (Path(wanted.anchor), wanted.relative_to(wanted.anchor)) if wanted.anchor else (folder, wanted)
    )
    found = sorted(path for path in root.glob(str(relative)) if path.is_dir())
    if not found:
        raise PlanError(f"{key}.directory: nothing matches {pattern!r} in {folder}")
    return found


def _run(directory: Path, group: Runs, key: str, hashes: FileHashes) -> StudyRun:
    try:
        listed = ModelLayout(directory).read_stages()
    except (OSError, KeyError, ValueError) as error:
        raise PlanError(f"{key}.directory: {directory} is no model directory ({error})") from error
    wanted = group.stages or [stage.name for stage in listed.stages]
    known = {stage.name: (index, stage) for index, stage in enumerate(listed.stages)}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise PlanError(f"{key}.stages: {directory} has no {', '.join(unknown)}; it has {', '.join(known)}")
    if [known[name][0] for name in wanted] != sorted({known[name][0] for name in wanted}):
        raise PlanError(f"{key}.stages: name each stage once, in the order of fine-tuning")
    if len(wanted) < 2:
        raise PlanError(f"{key}.directory: {directory} has one stage; a study compares stages")
    stages = tuple(_stage(directory, listed, *known[name], hashes) for name in wanted)
    twins = None if group.twins is None else directory / group.twins
    if twins is not None and not twins.is_file():
        raise PlanError(f"{key}.twins: there is no {twins}")
    return StudyRun(
        directory=directory,
        architecture=group.architecture,
        arc=group.arc,
        role=group.role,
        seed=_seed(directory, group, key),
        stages=stages,
        tokenizer=_files_hash({"tokenizer": directory / listed.base}, _TOKENIZER, hashes),
        twins=twins,
    )


def _seed(directory: Path, group: Runs, key: str) -> int:
    if group.seed is not None:
        return group.seed
    number = re.search(r"(\d+)$", directory.name)
    if number is None:
        raise PlanError(f"{key}.seed: {directory.name} does not end with a number; give the seed")
    return int(number[1])


def _stage(directory: Path, listed: StageList, index: int, stage: Stage, hashes: FileHashes) -> RunStage:
    base = directory / listed.base
    own: dict[str, Path] = {} if stage.path is None else {stage.kind: directory / stage.path}
    # A full checkpoint has weights of its own and takes the base's tokenizer.
    weights = own if stage.kind == "full" else {"base": base, **own}
    for part, folder in weights.items():
        if not any(folder.glob("*.safetensors")):
            raise PlanError(
                f"{directory}: stage {stage.name} has no .safetensors weights in its {part} folder"
            )
    digest = hashlib.sha256(
        f"{_files_hash(weights, _WEIGHTS, hashes)} {_files_hash({'base': base}, _TOKENIZER, hashes)}".encode()
    )
    return RunStage(stage.name, digest.hexdigest(), index if stage.step is None else stage.step)


def _files_hash(folders: dict[str, Path], patterns: Sequence[str], hashes: FileHashes) -> str:
    record = {
        f"{part}/{file.name}": hashes.of(file)
        for part, folder in folders.items()
        for pattern in patterns
        for file in folder.glob(pattern)
    }
    return hashlib.sha256(canonical_json(record)).hexdigest()


def read_json(path: Path) -> Any:
    """Raises PlanError for a file that is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PlanError(f"{path}: no JSON: {error}") from error
