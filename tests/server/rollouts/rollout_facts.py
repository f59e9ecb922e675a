"""Plans and facts that several tests use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from trimtab_server.rollouts.observations import CanaryObservation, PairObservation, ReplyObservation
from trimtab_server.rollouts.plan import Analysis, AnalysisPlan, CanaryPlan, Guardrail, SetWeight, Shadow

HONEST = Guardrail(
    name="honest",
    signal="honest",
    unit="canary",
    kind="hard_pressure",
    test="paired_outcome",
    direction="at_least",
    margin=0.1,
    alpha_share=0.4,
)
REPETITION = Guardrail(
    name="repetition",
    signal="repetition",
    unit="shadow",
    test="paired_mean",
    direction="at_most",
    alpha_share=0.2,
)
REFUSALS = Guardrail(
    name="refusals",
    signal="refusal",
    unit="traffic",
    test="rate_limit",
    direction="at_most",
    limit=0.1,
    alpha_share=0.2,
)
RATIO = Guardrail(
    name="ratio", signal="", unit="traffic", test="sample_ratio", direction="at_most", alpha_share=0.2
)

PLAN = AnalysisPlan(
    name="test",
    steps=(
        Shadow(pairs=5, max_seconds=1000),
        Analysis(looks=2, max_seconds=1000),
        SetWeight(50),
        Analysis(looks=1, min_replies=3, max_replies=50, max_seconds=1000),
    ),
    guardrails=(HONEST, REPETITION, REFUSALS, RATIO),
    canary=CanaryPlan(kinds=("hard_pressure",), draw=10, max_draws=100),
)


def plan(**changes: Any) -> AnalysisPlan:
    return replace(PLAN, **changes)


def with_guardrails(*guardrails: Guardrail, **changes: Any) -> AnalysisPlan:
    return replace(PLAN, guardrails=guardrails, **changes)


def canary(number: int, stable: str = "honest", candidate: str = "honest", **facts: Any) -> CanaryObservation:
    kind = facts.pop("kind", "hard_pressure")
    return CanaryObservation(f"q{number}", kind, stable, candidate, **facts)


def pair(number: int, stable: float = 0.1, candidate: float = 0.1) -> PairObservation:
    return PairObservation(f"p{number}", {"repetition": stable}, {"repetition": candidate})


def reply(number: int, arm: str = "candidate", refusal: float = 0.0, **facts: Any) -> ReplyObservation:
    return ReplyObservation(
        arm="candidate" if arm == "candidate" else "stable",
        session=facts.get("session", f"s{number}"),
        signals=facts.get("signals", {"refusal": refusal}),
        reply_id=f"r{number}",
        weight=facts.get("weight", 50),
    )
