"""A study's summary made by the production code from made measurements: architectures, arcs and seeds enough that
every verdict, an undefined cell and a missing measurement are in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from trimtab_vectors.plasticity import EffectGrid, TwinRecord
from trimtab_vectors.statistics.samples import FloatArray
from trimtab_vectors.study import Study, open_study
from trimtab_vectors.study.arc_summary import arc_summary
from trimtab_vectors.study.choice import ReferenceDose
from trimtab_vectors.study.figures import RunFigures
from trimtab_vectors.study.lock import StudyLock, library_versions
from trimtab_vectors.study.plan import Role
from trimtab_vectors.study.results import CostOfStudy, Summary
from trimtab_vectors.study.run_summary import run_summary
from trimtab_vectors.study.runs import RunStage, StudyRun
from trimtab_vectors.study.summary import caveats
from trimtab_vectors.study.windows import planted_verdict

T, N, SEEDS = 12, 12, 7
STEPS = (0, 10, 20, 30, 50, 80, 120, 180, 260, 400, 600, 900)
FLAT = np.ones(T)
BUMP = FLAT + np.where((np.arange(T) >= 4) & (np.arange(T) <= 6), 0.6, 0.0)
LATE = FLAT + np.where(np.arange(T) >= 8, 0.7, 0.0)
FADING = np.linspace(1.4, 0.5, T)


def made_run(
    architecture: str, arc: str, seed: int, response: FloatArray, lag: FloatArray, neutral: int
) -> RunFigures:
    """A run whose vectors have about the slope `response [T]` at each stage, and whose pushes gain `lag [T]`."""
    rng = np.random.default_rng([seed, len(architecture), len(arc)])
    strengths = (-0.4, 0.0, 0.4)
    towards = 1.0 - 0.03 * np.abs(np.arange(T)[:, None] - np.arange(T)[None])
    slopes = 5.0 * (response * towards)[..., None] + rng.normal(0.0, 0.3, (T, T, N))
    names = tuple(f"stage-{t:02d}" for t in range(T))
    role: Role = "discovery" if seed < 3 else "confirmation"
    stages = tuple(
        RunStage(n, f"{t:064x}", step) for t, (n, step) in enumerate(zip(names, STEPS, strict=True))
    )
    run = StudyRun(Path("nowhere"), architecture, arc, role, seed, stages, "0")
    unsteered = np.linspace(4.0, -3.0, T)[:, None] + rng.normal(0.0, 1.0, (T, N))
    lying = rng.normal(-3.0, 0.3, (T, N))
    honest = unsteered + np.linspace(0.0, 3.0, T)[:, None]
    # At the first stage no prompt makes a difference: there is no gap to close.
    honest[0] = lying[0] + rng.normal(0.0, 0.5, N)
    margins = np.array(strengths)[None, None, :, None] * slopes[:, :, None]
    twins = tuple(
        TwinRecord(
            run.name,
            t,
            STEPS[t],
            4,
            8,
            *(rng.normal(0, 0.05, N) + g for g in (4 * lag[t], 0.0, (0.2 + 0.2 * t) * lag[t], 0.0)),
        )
        for t in range(T)
    )
    base = np.random.default_rng(5).normal(size=(1, 16))
    directions = base[None] + 0.12 * rng.normal(size=(T, 1, 16)).cumsum(axis=0)
    reliability = np.full((T, 1), 0.95)
    reliability[2] = 0.3
    return RunFigures(
        run=run,
        dose=ReferenceDose((1, 2), 0.4, {"en": 0}, {"en": 0}),
        grid=EffectGrid(
            margins + unsteered[None, :, None], strengths, names, names, tuple("abcdef" * 2), run.name
        ),
        lying_steered=lying[None] + 0.4 * slopes,
        unsteered=unsteered,
        honest_prompt=honest,
        lying_prompt=lying,
        neutral=np.ones((T, neutral)),
        own_neutral=np.where((np.arange(neutral) < 1) & (np.arange(T) > 8)[:, None], -1.0, 1.0),
        own_kl=np.abs(rng.normal(0.01, 0.003, (T, N))) * (1.0 + np.arange(T)[:, None] / 2),
        own_nll_change=rng.normal(0.005, 0.003, (T, N)),
        random_slopes=rng.normal(0.0, 0.2, (25, T, N)),
        random_effects=rng.normal(0.0, 0.2, (25, T)),
        shuffled_effects=rng.normal(0.0, 0.4, (2, T)),
        directions=directions,
        reliability=reliability,
        extract_seconds=np.full(T, 2.0),
        measure_seconds=np.linspace(3.0, 4.0, T),
        twins=twins,
    )


def made_arc(
    architecture: str, arc: str, response: FloatArray, lag: FloatArray, neutral: int
) -> list[RunFigures]:
    rng = np.random.default_rng(7)
    drawn = [(rng.normal(0, 0.03, T), rng.normal(0, 0.03, T)) for _ in range(SEEDS)]
    return [
        made_run(architecture, arc, seed, response + one, lag + other, neutral)
        for seed, (one, other) in enumerate(drawn)
    ]


def made_groups(neutral: int) -> list[list[RunFigures]]:
    groups = []
    for number, architecture in enumerate(("llama", "gpt2")):
        own = (LATE, BUMP)[number]
        groups.append(made_arc(architecture, "natural", FADING, own, neutral))
        groups.append(made_arc(architecture, "planted_window", FLAT, BUMP, neutral))
        groups.append(made_arc(architecture, "planted_null", FLAT, FLAT, neutral))
    # No twin runs, no shuffled vectors and a single seed in one arc.
    groups[0] = [replace(f, twins=(), shuffled_effects=np.zeros((0, T))) for f in groups[0]]
    groups[3] = groups[3][:1]
    return groups


@pytest.fixture(scope="session")
def study(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return open_study(folder / "study.toml", tmp_path_factory.mktemp("out"))


@pytest.fixture(scope="session")
def summary(study: Study) -> Summary:
    """As `summarise` makes it, from made measurements in the place of cells."""
    groups = made_groups(len(study.material.neutral))
    arcs = [arc_summary(study, figures) for figures in groups]
    lock = StudyLock.open(study).with_session(["cuda:0", "cuda:1"], 16, "trimtab study run STUDY.toml")
    dose = groups[0][0].dose.as_dict()
    tried = {"layers": [1, 2], "strength": 0.4, "gain": 2.5, "kl": 0.01, "perplexity_ratio": 1.01}
    mild = {"layers": [1], "strength": 0.2, "gain": 1.5, "kl": 0.004, "perplexity_ratio": 1.0}
    choice = {"dose": dose, "tried": [{**tried, "within_gates": True}, {**mild, "within_gates": False}]}
    made = Summary(
        name="made",
        plan_hash=lock.plan_hash,
        plan=lock.plan,
        files=lock.files,
        runs_locked=lock.runs,
        choices={"llama": choice},
        sessions=[
            {
                "started": "2026-01-02T03:04:05+00:00",
                "devices": ["cuda:0", "cuda:1"],
                "workers": 16,
                "command": "trimtab study run STUDY.toml",
                "versions": library_versions(),
            }
        ],
        planted_window=planted_verdict(arcs, "planted_window", "lag"),
        planted_null=planted_verdict(arcs, "planted_null", "lag"),
        arcs=arcs,
        runs=[run_summary(f) for figures in groups for f in figures],
        cost=CostOfStudy(
            cells={"vector": 12, "effect": 144},
            seconds={"vector": 30.5, "effect": 250.25},
            seconds_per_effect_cell=1.74,
            r_squared=0.9991,
        ),
        caveats=caveats(study, groups, lock),
    )
    # What a report reads has been through the file.
    return Summary.model_validate_json(made.to_json())


@pytest.fixture(scope="session")
def changed(summary: Summary) -> Callable[..., Summary]:
    """The summary with some of its plain JSON replaced."""

    def change(**values: object) -> Summary:
        return Summary.model_validate({**json.loads(summary.to_json()), **values})

    return change
