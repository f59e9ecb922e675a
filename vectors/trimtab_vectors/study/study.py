"""A study that is ready to be run: its plan with everything the plan names, and its directory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from trimtab_vectors.study.cells import CellKey, CellStore
from trimtab_vectors.study.choice import ReferenceDose
from trimtab_vectors.study.keys import StudyKeys
from trimtab_vectors.study.material import Material, read_material
from trimtab_vectors.study.plan import PlanError, StudyPlan, read_plan
from trimtab_vectors.study.runs import FileHashes, RunStage, StudyRun, arcs_of, find_runs


@dataclass(frozen=True)
class Study:
    """plan_path: the TOML file; what it names lies beside it. out: the study's directory, made when it is run."""

    plan_path: Path
    plan: StudyPlan
    material: Material
    runs: tuple[StudyRun, ...]
    out: Path

    @property
    def store(self) -> CellStore:
        return CellStore(self.out / "cells")

    @cached_property
    def keys(self) -> StudyKeys:
        return StudyKeys(self.plan, self.material)

    @property
    def architectures(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(run.architecture for run in self.runs))

    def discovery_runs(self, architecture: str) -> list[StudyRun]:
        """The runs an architecture's dose may be chosen on."""
        return [r for r in self.runs if r.architecture == architecture and r.role == "discovery"]

    @property
    def stages(self) -> list[tuple[StudyRun, RunStage]]:
        return [(run, stage) for run in self.runs for stage in run.stages]

    def all_keys(self, doses: dict[str, ReferenceDose]) -> list[CellKey]:
        """Every cell of the study once: runs of one base share those of its first stage."""
        keys = [self.keys.vector(stage) for _, stage in self.stages]
        keys += [self.keys.dose(run) for a in self.architectures for run in self.discovery_runs(a)]
        for run, stage in self.stages:
            keys += self.keys.of_stage(run, stage, doses[run.architecture])
        return list(dict.fromkeys(keys))

    @cached_property
    def expected(self) -> dict[str, int]:
        """Kind -> how many cells there will be, whatever dose is chosen."""
        languages = sorted({item.question.language for item in self.material.dev})
        any_dose = ReferenceDose(
            tuple(self.plan.vectors.layers[0]),
            self.plan.dose.strengths[0],
            dict.fromkeys(languages, 0),
            dict.fromkeys(languages, 0),
        )
        return dict(Counter(k.kind for k in self.all_keys(dict.fromkeys(self.architectures, any_dose))))


def open_study(plan_path: Path, out: Path) -> Study:
    """Read a plan and all it names; nothing is written and no model is loaded.

    Raises FileNotFoundError for a missing plan, PlanError for what cannot be studied.
    """
    plan, folder, hashes = read_plan(plan_path), plan_path.resolve().parent, FileHashes()
    runs = find_runs(plan, folder, hashes)
    study = Study(plan_path, plan, read_material(plan, folder, hashes), tuple(runs), out)
    for architecture in study.architectures:
        if not study.discovery_runs(architecture):
            raise PlanError(
                f"runs: {architecture} has no discovery run; the dose is chosen on discovery runs alone"
            )
    arcs_of(runs)
    return study
