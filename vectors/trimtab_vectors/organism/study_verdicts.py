"""The shipped study's twin runs, and what the window rule says of them.

    python -m trimtab_vectors.organism.study_verdicts OUT

keeps beside the code what `organism.study_runs` and `study run` left in OUT: the twin runs (`study/shipped/twins.json`)
and the study's summary (`study/shipped/summary.json`). The verdicts on twin runs can be derived from the twins alone,
with the numbers of the study's plan: a share of the first stage's effect as the smallest effect of interest, windows
of two or three stages.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from trimtab_vectors.organism.architectures import FAMILIES
from trimtab_vectors.organism.arcs import ARCS
from trimtab_vectors.organism.study_runs import CONFIRMATION_SEEDS, DISCOVERY_SEEDS, study_arcs
from trimtab_vectors.plasticity import ConfirmationSeeds, DiscoverySeeds, WindowPlan, judge
from trimtab_vectors.plasticity.intervention import InterventionTimelines, TwinRecord, intervention_timelines

SHIPPED: Final = Path(__file__).parents[1] / "study" / "shipped"

#: As in the plan that `study_runs` writes (its defaults).
RELATIVE_DELTA: Final = 0.2
_MARGINS: Final = ("arm_lag", "twin_lag", "arm_end", "twin_end")


def collect(out: Path) -> dict[str, Any]:
    """The twin runs of every arc under OUT/runs; margins to a thousandth of a nat, those at the end only where the
    arms were followed that far."""
    arcs = []
    for family, arc in study_arcs(FAMILIES):
        runs = []
        for seed in (*DISCOVERY_SEEDS, *CONFIRMATION_SEEDS):
            path = out / "runs" / family / arc / f"seed-{seed}" / "twins.json"
            twins = [_rounded(twin) for twin in json.loads(path.read_text(encoding="utf-8"))]
            role = "discovery" if seed in DISCOVERY_SEEDS else "confirmation"
            runs.append({"seed": seed, "role": role, "twins": twins})
        arcs.append({"architecture": family, "arc": arc, "lag_steps": ARCS[arc].lag, "runs": runs})
    return {"items": _items(out), "arcs": arcs}


def timelines(arc: Mapping[str, Any]) -> InterventionTimelines:
    """Gain per step of the push, nats, `[seeds, stages]`: at the lag and, where measured, at the end."""
    records = []
    for run in arc["runs"]:
        for stage, twin in enumerate(run["twins"]):
            nothing = np.full(len(twin["arm_lag"]), np.nan)
            margins = [np.array(twin.get(name, nothing), dtype=np.float64) for name in _MARGINS]
            records.append(
                TwinRecord(
                    seed=str(run["seed"]),
                    stage=stage,
                    step=twin["step"],
                    budget_steps=twin["budget_steps"],
                    lag_steps=arc["lag_steps"],
                    arm_lag=margins[0],
                    twin_lag=margins[1],
                    arm_end=margins[2],
                    twin_end=margins[3],
                )
            )
    return intervention_timelines(records)


def verdict(arc: Mapping[str, Any]) -> dict[str, Any]:
    """The rule on one arc, with the timelines it judged."""
    found = timelines(arc)
    roles = {str(run["seed"]): run["role"] for run in arc["runs"]}
    sides = {
        role: [i for i, seed in enumerate(found.seeds) if roles[seed] == role]
        for role in ("discovery", "confirmation")
    }
    smallest = RELATIVE_DELTA * float(found.lag[sides["discovery"], 0].mean())
    # A push is no vector: the gates of a vector do not apply to it.
    plan = WindowPlan(smallest_effect=smallest, required_gates=frozenset())
    discovery, confirmation = ([found.seeds[i] for i in sides[role]] for role in sides)
    judged = judge(
        DiscoverySeeds(discovery, found.lag[sides["discovery"]]),
        ConfirmationSeeds(confirmation, found.lag[sides["confirmation"]]),
        plan,
    )
    twins = arc["runs"][0]["twins"]
    return {
        "architecture": arc["architecture"],
        "arc": arc["arc"],
        "verdict": judged.verdict.value,
        "word": judged.word,
        "window": [twins[judged.first]["stage"], twins[judged.last]["stage"]],
        "smallest_effect": round(smallest, 6),
        "rule": judged.as_dict(),
        "stages": [twin["stage"] for twin in twins],
        "steps": [twin["step"] for twin in twins],
        "seeds": list(found.seeds),
        "lag": _series(found.lag),
        "end": _series(found.end),
    }


def read_twins(folder: Path = SHIPPED) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((folder / "twins.json").read_text(encoding="utf-8"))
    return record


def _rounded(twin: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {key: twin[key] for key in ("stage", "step", "budget_steps")}
    followed = not any(math.isnan(value) for value in twin["arm_end"])
    for name in _MARGINS if followed else _MARGINS[:2]:
        kept[name] = [round(value, 3) for value in twin[name]]
    return kept


def _items(out: Path) -> list[str]:
    lines = (out / "items" / "held-out.jsonl").read_text(encoding="utf-8").splitlines()
    return [str(json.loads(line)["id"]) for line in lines]


def _series(values: np.ndarray) -> list[list[float | None]]:
    return [[round(float(v), 5) if math.isfinite(v) else None for v in row] for row in values]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path)
    given = parser.parse_args(arguments)
    SHIPPED.mkdir(exist_ok=True)
    found = json.loads((given.out / "results" / "summary.json").read_text(encoding="utf-8"))
    for name, record in (("twins", collect(given.out)), ("summary", found)):
        text = json.dumps(record, separators=(",", ":"), ensure_ascii=False)
        (SHIPPED / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
