"""From finished cells to DIR/summary.json."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np

from trimtab_vectors.study.arc_summary import arc_summary
from trimtab_vectors.study.cells import write_atomically
from trimtab_vectors.study.figures import RunFigures, run_figures
from trimtab_vectors.study.lock import StudyLock, read_lock
from trimtab_vectors.study.results import CostOfStudy, Summary, number
from trimtab_vectors.study.run_summary import run_summary
from trimtab_vectors.study.runs import arcs_of
from trimtab_vectors.study.study import Study
from trimtab_vectors.study.windows import planted_verdict


def summarise(study: Study) -> Summary:
    """All indices and verdicts of a finished study, written to its directory.

    Raises:
        CellError: the study is not finished, or a cell is damaged.
        LockError: the directory is no study, or its dose is not locked.
    """
    lock = read_lock(study.out)
    doses = lock.doses(study)
    groups = [
        [run_figures(study, run, doses[run.architecture]) for run in runs]
        for runs in arcs_of(study.runs).values()
    ]
    arcs = [arc_summary(study, figures) for figures in groups]
    judged = study.plan.window.judges_planted
    summary = Summary(
        name=study.plan.name,
        plan_hash=lock.plan_hash,
        plan=lock.plan,
        files=lock.files,
        runs_locked=lock.runs,
        choices=lock.choices,
        sessions=list(lock.sessions),
        planted_window=planted_verdict(arcs, "planted_window", judged),
        planted_null=planted_verdict(arcs, "planted_null", judged),
        arcs=arcs,
        runs=[run_summary(f) for figures in groups for f in figures],
        cost=_cost(study),
        caveats=caveats(study, groups, lock),
    )
    write_atomically(study.out / "summary.json", summary.to_json())
    return summary


def caveats(study: Study, groups: Sequence[Sequence[RunFigures]], lock: StudyLock) -> list[str]:
    """What a reader has to know before any figure: general, and of this study."""
    said = [
        "A seed here is a fine-tune seed: the runs of an architecture share one base model, so nothing is said about "
        "other bases, however many seeds agree.",
        "Small models made for the purpose are a test of the method. They are no evidence about large models.",
        "The stage by stage question goes back to a preprint (arXiv:2410.06225) whose released code and numbers do "
        "not support a critical window: its training labels are shifted twice, its push is one optimiser step at the "
        "last layer, its score rewards refusals, and later pushes had fewer steps to wash out. It is taken as the "
        "question, not as evidence.",
        "Effects are changes of log-odds between given answers, not of generated replies; lie rates are forced "
        "choices between those answers.",
        "Intervals over seeds are bootstrap intervals for plots; with fewer than five seeds they are too narrow. "
        "Verdicts come from t tests over seeds.",
        "The reference strength, layers and lines were chosen on dev items at the last stage of discovery runs, and "
        "suit that stage best.",
    ]
    for figures in groups:
        roles = Counter(f.run.role for f in figures)
        if roles["discovery"] < 3 or roles["confirmation"] < 4:
            run = figures[0].run
            said.append(
                f"{run.architecture}/{run.arc}: {roles['discovery']} discovery and {roles['confirmation']} "
                "confirmation runs; fewer than 3 and 4 never confirm a window."
            )
    controls = study.plan.controls
    if controls.why_fewer:
        said.append(f"{controls.random_vectors} random vectors only: {controls.why_fewer}")
    if controls.random_doses == "reference":
        said.append(
            "Slopes of random vectors rest on the reference strength, its negative and 0 alone, those of the real "
            "vectors on the whole grid."
        )
    if any(f.twins and f.twins[0].lag_steps == 0 for figures in groups for f in figures):
        said.append("The twin runs do not record their lag; it is taken to be the same for all.")
    versions = {json.dumps(session["versions"], sort_keys=True) for session in lock.sessions}
    if len(versions) > 1:
        said.append("The study was worked on with different versions of its libraries; see `sessions`.")
    return said


def _cost(study: Study) -> CostOfStudy:
    cells: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    effects: list[tuple[float, float]] = []
    for kind, path in study.store.finished():
        took = float(json.loads(path.read_text(encoding="utf-8"))["seconds"])
        cells[kind] += 1
        seconds[kind] = seconds.get(kind, 0.0) + took
        if kind == "effect":
            effects.append((path.stat().st_mtime, took))
    done = np.cumsum([took for _, took in sorted(effects)])
    count = np.arange(1, len(done) + 1)
    slope, offset = np.polyfit(count, done, 1) if len(done) > 1 else (done[0], 0.0)
    left = float(((done - slope * count - offset) ** 2).sum())
    spread = float(((done - done.mean()) ** 2).sum())
    return CostOfStudy(
        cells=dict(cells),
        seconds={kind: round(total, 2) for kind, total in seconds.items()},
        seconds_per_effect_cell=number(float(slope)) or 0.0,
        r_squared=round(1.0 - left / spread, 6) if spread > 0 else 1.0,
    )
