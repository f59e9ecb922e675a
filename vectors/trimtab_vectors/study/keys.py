"""Which cells a study has, and what decides each: the names under which finished work is found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trimtab_vectors.study.cells import CellKey
from trimtab_vectors.study.choice import ReferenceDose
from trimtab_vectors.study.material import Material, items_digest, texts_digest
from trimtab_vectors.study.plan import StudyPlan
from trimtab_vectors.study.runs import RunStage, StudyRun


@dataclass(frozen=True)
class StudyKeys:
    """Keys of all cells of a plan. Those of held-out measurements need the dose, which dev items choose first."""

    plan: StudyPlan
    material: Material

    def vector(self, stage: RunStage) -> CellKey:
        own, controls = self.plan.vectors, self.plan.controls
        return CellKey.of(
            "vector",
            {
                "stage": stage.hash,
                "contrast": self.material.contrast.data_hash,
                "method": own.method,
                "layers": list(own.every_layer),
                "split_halves": own.split_halves,
                "shuffled": controls.shuffled,
                "seed": self.plan.seed,
            },
        )

    def dose(self, run: StudyRun) -> CellKey:
        plan = self.plan
        return CellKey.of(
            "dose",
            {
                "stage": run.last.hash,
                "vector": self.vector(run.last).hash,
                "items": self._digests["dev"],
                "texts": self._digests["dev_texts"],
                "strengths": plan.dose.strengths,
                "layers": plan.vectors.layers,
                "positions": plan.vectors.positions,
                "dishonest": plan.dishonest,
                "lines": plan.prompts.model_dump(mode="json"),
            },
        )

    def baseline(self, stage: RunStage, dose: ReferenceDose) -> CellKey:
        decided = {"stage": stage.hash, "neutral": self._digests["neutral"], "lines": self._lines(dose)}
        return CellKey.of("baseline", {**decided, **self._asked})

    def effect(self, vector: RunStage, stage: RunStage, dose: ReferenceDose) -> CellKey:
        decided = {"stage": stage.hash, "vector": self.vector(vector).hash, "lines": self._lines(dose)}
        return CellKey.of("effect", {**decided, **self._asked, **self._given(dose)})

    def side(self, vector: RunStage, stage: RunStage, dose: ReferenceDose) -> CellKey:
        decided = {
            "stage": stage.hash,
            "vector": self.vector(vector).hash,
            "neutral": self._digests["neutral"],
            "texts": self._digests["held_out_texts"],
        }
        return CellKey.of("side", {**decided, **self._given(dose), "dishonest": self.plan.dishonest})

    def random(self, stage: RunStage, dose: ReferenceDose) -> CellKey:
        controls = self.plan.controls
        decided = {
            "stage": stage.hash,
            "vector": self.vector(stage).hash,
            "random_vectors": controls.random_vectors,
            "random_doses": controls.random_doses,
            "seed": self.plan.seed,
        }
        return CellKey.of("random", {**decided, **self._asked, **self._given(dose)})

    def of_stage(self, run: StudyRun, stage: RunStage, dose: ReferenceDose) -> list[CellKey]:
        """Every held-out cell of one model stage."""
        return [
            self.baseline(stage, dose),
            self.random(stage, dose),
            *(self.side(vector, stage, dose) for vector in side_vectors(run, stage)),
            *(self.effect(vector, stage, dose) for vector in run.stages),
        ]

    @cached_property
    def _digests(self) -> dict[str, str]:
        material = self.material
        items = {name: items_digest(getattr(material, name)) for name in ("dev", "held_out", "neutral")}
        texts = {name: texts_digest(getattr(material, name)) for name in ("dev_texts", "held_out_texts")}
        return {**items, **texts}

    @cached_property
    def _asked(self) -> dict[str, Any]:
        return {"items": self._digests["held_out"], "dishonest": self.plan.dishonest}

    def _given(self, dose: ReferenceDose) -> dict[str, Any]:
        return {
            "layers": list(dose.layers),
            "strength": dose.strength,
            "grid": self.plan.dose.grid,
            "positions": self.plan.vectors.positions,
        }

    def _lines(self, dose: ReferenceDose) -> list[Any]:
        honest, lying = self.material.honest_lines, self.material.lying_lines
        return [
            [
                language,
                honest[language][dose.honest_line[language]].model_dump(mode="json"),
                lying[language][dose.lying_line[language]].model_dump(mode="json"),
            ]
            for language in sorted(honest.keys() & dose.honest_line.keys())
        ]


def side_vectors(run: StudyRun, stage: RunStage) -> Sequence[RunStage]:
    """Whose side effects are measured at a stage: its own vector's, and the first stage's."""
    first = run.stages[0]
    return [stage] if stage == first else [first, stage]
