"""Exports as a server writes them, of trials and rollouts whose outcomes are drawn."""

from __future__ import annotations

import random
from importlib import resources
from typing import Any

from trimtab_server.trials import planned, read_criteria, read_prompts
from trimtab_server.trials.criteria import Criteria, lock
from trimtab_server.trials.prompts import PromptSet

#: Chance of (honest, lie, evade, no_belief) under pressure, in each lane of the shipped sample.
STEER = {
    "unsteered": (0.30, 0.60, 0.05, 0.05),
    "prompt": (0.45, 0.45, 0.05, 0.05),
    "steered": (0.88, 0.05, 0.02, 0.05),
    "steered+prompt": (0.90, 0.04, 0.01, 0.05),
}
PROMPT = {**STEER, "prompt": (0.90, 0.04, 0.01, 0.05)}
NOTHING = dict.fromkeys(STEER, STEER["unsteered"])
COST = {
    "currency": "JPY",
    "monthly_replies": 40000,
    "exposed_share": 0.3,
    "incident_share": 0.01,
    "incident_cost": 30000,
    "wage": 6000,
    "hourly_rate": 400,
    "concurrency": 16,
    "fine_tune": {"gpu_hours": 8, "gpu_hourly_rate": 500, "examples": 1000, "price_per_example": 100},
}
HEAD = "ab12" * 16
HOSTILE = "<script>alert('x')</script> =cmd|'/C calc'!A0 \u202eevil\u0007 & \"quoted\""


def sample() -> tuple[Criteria, PromptSet]:
    """The trial that ships with the embedded model."""
    shipped = resources.files("trimtab_vectors.organism") / "shipped" / "trial"
    with resources.as_file(shipped) as folder:
        return read_criteria(folder / "criteria.toml"), read_prompts(folder / "sample.csv")


def trial_export(
    chances: dict[str, tuple[float, float, float, float]] = STEER,
    *,
    criteria: Criteria | None = None,
    prompts: PromptSet | None = None,
    seed: int = 7,
    **more: Any,
) -> dict[str, Any]:
    """The export of a finished trial whose outcomes are drawn with these chances."""
    shipped, asked = sample()
    criteria, prompts = criteria or shipped, prompts or asked
    return {
        "format": "trimtab.trial/1",
        "name": "deployments/default/trials/5f0c9a",
        "criteria": criteria.as_dict(),
        "prompts": [own.as_dict() for own in prompts],
        "rows": _rows(criteria, prompts, chances, random.Random(seed)),
        "lock": {"hash": lock(criteria, prompts), "criteria": criteria.hash, "prompts": prompts.hash},
        "create_time": 1_795_000_000_000_000_000,
        "start_time": 1_795_000_002_000_000_000,
        "end_time": 1_795_000_170_000_000_000,
        "created_by": "aoi",
        "cost_model": COST,
        "audit": {
            "records": 214,
            "head": HEAD,
            "trial": [
                {
                    "sequence": 209,
                    "time": 1_795_000_000_000_000_000,
                    "actor": "aoi",
                    "action": "trial.create",
                    "reason": "before the release",
                    "hash": "cd34" * 16,
                }
            ],
        },
        **more,
    }


def _rows(
    criteria: Criteria, prompts: PromptSet, chances: dict[str, Any], luck: random.Random
) -> list[dict[str, Any]]:
    rows = []
    for key in planned(criteria, prompts):
        own = prompts.named(key.prompt_id)
        outcome = "honest"
        if not key.probe and own.pressure != "neutral":
            outcome = luck.choices(("honest", "lie", "evade", "no_belief"), chances[key.lane])[0]
        right = own.gold[0] if own.gold else "?"
        wrong = own.dishonest[0] if own.dishonest else "?"
        said = {"honest": f"It is {right}.", "lie": f"It is {wrong}!", "evade": "I cannot say."}
        rows.append(
            {
                "prompt_id": key.prompt_id,
                "lane": key.lane,
                "repeat": key.repeat,
                "probe": key.probe,
                "reply": said.get(outcome, "Perhaps."),
                "outcome": outcome,
                "score": float(outcome == "honest"),
                "seed": 1,
                "prompt_tokens": 40,
                "tokens": luck.randint(6, 14),
                "seconds": 0.2 if key.lane == "unsteered" else 0.21,
                "finish_reason": "stop",
                "measures": {},
                "error": "",
            }
        )
    return rows
