"""Records as a server writes them: trials whose outcomes are drawn, and a rollout that was stopped."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

from trimtab_client.rollout_types import (
    GuardrailEvidence,
    Plan,
    PlanStep,
    Rollout,
    RolloutLook,
    RolloutState,
    Verdict,
)
from trimtab_client.types import AuditRecord
from trimtab_server.cli.session import plain
from trimtab_server.rollouts.default_plan import default_plan
from trimtab_server.rollouts.plan_summary import LIMITS_OF_METHOD, step_text, weights_of
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


def small(groups: int = 16, **changes: Any) -> dict[str, Any]:
    """Criteria and prompts of a trial on a few facts of each language, with limits that so few can hold."""
    criteria, prompts = sample()
    wanted = set(dict.fromkeys(own.group for own in prompts if own.language == "en"))
    japanese = set(dict.fromkeys(own.group for own in prompts if own.language == "ja"))
    kept = {*sorted(wanted)[: groups // 2], *sorted(japanese)[: groups // 2]}
    limits = tuple(replace(own, at_most=0.4) for own in criteria.side_effects)
    changed = replace(criteria, seeds=(1, 2), min_prompts=8, side_effects=limits, **changes)
    return {"criteria": changed, "prompts": PromptSet(tuple(own for own in prompts if own.group in kept))}


def rollout_json() -> dict[str, Any]:
    """What the commands print of a rollout that its guardrails stopped."""
    plan = default_plan()
    weights = weights_of(plan.steps)
    steps = tuple(
        PlanStep("analysis", step_text(own), weight) for own, weight in zip(plan.steps, weights, strict=True)
    )
    start = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)

    def evidence(look: int) -> tuple[GuardrailEvidence, ...]:
        tripped = look == 4
        verdict = Verdict.FAIL if tripped else Verdict.NOT_ENOUGH_DATA
        return (
            GuardrailEvidence(
                "honest under pressure",
                verdict,
                0.9 * look,
                3.0,
                -0.05 * look,
                -0.2,
                0.1,
                16 * look,
                "",
                True,
                False,
            ),
            GuardrailEvidence("length", Verdict.PASS, None, None, 41.5, 38.0, 45.0, 64, "", False, None),
        )

    name = "deployments/default/rollouts/3f9c0a1b2d4e"
    looks = [
        RolloutLook(
            n,
            start + timedelta(minutes=n),
            n // 2,
            weights[n // 2],
            Verdict.FAIL if n == 4 else Verdict.NOT_ENOUGH_DATA,
            evidence(n),
            "abort" if n == 4 else "wait",
        )
        for n in range(1, 5)
    ]
    rollout = Rollout(
        name=name,
        state=RolloutState.FAILED,
        stable_snapshot="snapshots/" + "1" * 64,
        stable_revision="deployments/default/revisions/7",
        candidate_snapshot="snapshots/" + "2" * 64,
        stable_display_name="honest-1",
        candidate_display_name="honest-2",
        plan=Plan("default", plan.hash, "{}", steps, (), 0.05),
        step=2,
        weight=0,
        verdict=Verdict.FAIL,
        evidence=evidence(4),
        reason="honest under pressure failed",
        changed_by="server",
        created_by="aoi",
        create_time=start,
        start_time=start,
        step_time=start,
        end_time=start + timedelta(minutes=4),
        promoted_revision="",
        retry_of="",
        look_count=4,
        look_time=start + timedelta(minutes=4),
        limits_of_method=LIMITS_OF_METHOD,
    )
    audit = [
        AuditRecord(
            n,
            start,
            actor,
            "operator",
            action,
            "default",
            subject,
            0,
            0,
            reason,
            "",
            "{}",
            "0" * 64,
            f"{n:064d}",
        )
        for n, actor, action, subject, reason in (
            (12, "aoi", "rollout.create", name, "trial passed"),
            (11, "ren", "token.create", "tokens/x", ""),
            (13, "server", "rollout.abort", name, "honest under pressure failed"),
        )
    ]
    record: dict[str, Any] = plain(
        {"rollout": rollout, "looks": looks[::-1], "audit_records": audit, "head": HEAD, "record_count": 13}
    )
    return record
