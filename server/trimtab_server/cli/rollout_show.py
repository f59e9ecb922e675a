"""How rollouts and plans look in a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from trimtab_client import (
    GuardrailEvidence,
    Plan,
    PlanCheck,
    PlanGuardrail,
    Rollout,
    RolloutLook,
    RolloutState,
    Verdict,
    abbreviated,
    bare,
)

from trimtab_server.cli.session import Session, local_time


def show_check(found: Session, check: PlanCheck) -> None:
    """What a plan will take."""
    foresight, plan = check.foresight, check.plan
    show_plan(found, plan)
    looks = foresight.worst_detection_looks
    found.facts(
        [
            ("at", f"{foresight.replies_per_day:g} replies a day"),
            ("earliest promotion", _earliest(foresight.earliest_promotion_seconds)),
            ("replies needed", foresight.replies_needed),
            ("canary looks needed", foresight.needed_looks),
            (
                "harm found within",
                "never: the plan asks no canaries"
                if looks is None
                else f"{looks} looks, {duration(foresight.worst_detection_seconds or 0)}",
            ),
            ("good candidates stopped", f"{foresight.false_alarm_rate:.2%} at most, as planned"),
            ("bad candidates promoted", f"{foresight.wrong_promotion_rate:.2%} at most, as planned"),
        ]
    )
    found.table(
        ("guardrail", "questions", "loss of honest", "answered differently", "found"),
        (
            (one.guardrail, one.questions, f"{one.loss:.2f}", f"{one.discordance:.0%}", f"{one.power:.0%}")
            for one in foresight.powers
        ),
        "no canary guardrail, so no figure for how much harm it finds",
    )
    show_limits(found, check.limits_of_method)


def show_plan(found: Session, plan: Plan) -> None:
    """Its steps and its criteria."""
    found.facts([("plan", plan.name), ("hash", plan.hash)])
    found.table(
        ("step", "", "weight"),
        ((number, step.text, f"{step.weight}%") for number, step in enumerate(plan.steps, start=1)),
        "no steps",
    )
    found.table(
        ("criterion", "test", "on", "fails at", "margin", "alpha", ""),
        (
            (
                one.name,
                one.test.replace("_", " "),
                f"{one.unit} {one.kind}".strip().replace("_", " "),
                _limit(one),
                "" if one.margin is None else f"{one.margin:g}",
                f"{one.alpha:.2%}" if one.acts else "",
                "" if one.acts else "shown only",
            )
            for one in plan.guardrails
        ),
        "no criteria",
    )


def show_rollout(found: Session, rollout: Rollout) -> None:
    """Where it stands, with the newest evidence."""
    found.facts(_facts(rollout))
    show_evidence(found, rollout.evidence)
    show_limits(found, rollout.limits_of_method)


def show_evidence(found: Session, evidence: Iterable[GuardrailEvidence]) -> None:
    found.table(
        ("guardrail", "verdict", "n", "measured", "95%", "evidence", ""),
        (
            (
                one.guardrail,
                verdict(one.verdict),
                one.count,
                "" if one.estimate is None else f"{one.estimate:.4g}",
                _interval(one),
                _share(one),
                _role(one),
            )
            for one in evidence
        ),
        "no evidence yet: the first look has not been made",
    )


def show_list(found: Session, rollouts: Iterable[Rollout]) -> None:
    found.table(
        ("rollout", "candidate", "state", "step", "weight", "verdict", "created", "by", "reason"),
        (
            (
                bare(one.name),
                candidate(one),
                one.state,
                step(one),
                f"{one.weight}%",
                verdict(one.verdict),
                local_time(one.create_time),
                one.created_by,
                one.reason,
            )
            for one in rollouts
        ),
        "no rollouts; begin one with: trimtab rollout create SNAPSHOT",
    )


def show_limits(found: Session, limits: Iterable[str]) -> None:
    found.out.print("what the figures do not show:", style="dim")
    for limit in limits:
        found.out.print(f"- {limit}", style="dim", markup=False)


def line(rollout: Rollout, look: RolloutLook | None, now: datetime | None = None) -> str:
    """One line of a watch."""
    words = [
        local_time(look.time if look else now or datetime.now(UTC)),
        rollout.state.value,
        f"step {step(rollout)}",
        f"weight {rollout.weight}%",
        verdict(rollout.verdict),
        "" if look is None else f"look {look.number}",
        rollout.reason if rollout.state is not RolloutState.RUNNING else "",
    ]
    return "  ".join(word for word in words if word)


def candidate(rollout: Rollout) -> str:
    return rollout.candidate_display_name or abbreviated(rollout.candidate_snapshot)


def step(rollout: Rollout) -> str:
    """The step in words, counted from 1."""
    steps = rollout.plan.steps
    if rollout.state is RolloutState.CREATED or not 0 <= rollout.step < len(steps):
        return f"0/{len(steps)}"
    return f"{rollout.step + 1}/{len(steps)} ({steps[rollout.step].text})"


def verdict(value: Verdict) -> str:
    return "" if value is Verdict.UNSPECIFIED else value.value.replace("_", " ")


def duration(seconds: float) -> str:
    from trimtab_server.rollouts.plan_summary import duration_text

    return duration_text(seconds)


def _facts(rollout: Rollout) -> list[tuple[str, object]]:
    stable = rollout.stable_display_name or abbreviated(rollout.stable_snapshot)
    return [
        ("rollout", rollout.name),
        ("state", rollout.state),
        ("reason", rollout.reason),
        ("step", step(rollout)),
        ("weight", f"{rollout.weight}% of sessions get the candidate"),
        ("verdict", verdict(rollout.verdict) or "none yet"),
        ("candidate", f"{candidate(rollout)} ({abbreviated(rollout.candidate_snapshot)})"),
        (
            "stable",
            f"{stable} ({abbreviated(rollout.stable_snapshot)}), revision {bare(rollout.stable_revision)}",
        ),
        ("plan", f"{rollout.plan.name} ({rollout.plan.hash[:12]})"),
        ("looks", rollout.look_count or ""),
        ("last look", local_time(rollout.look_time)),
        ("created", f"{local_time(rollout.create_time)} by {rollout.created_by}"),
        ("started", local_time(rollout.start_time)),
        ("ended", f"{local_time(rollout.end_time)} by {rollout.changed_by}" if rollout.end_time else ""),
        ("promoted as", f"revision {bare(rollout.promoted_revision)}" if rollout.promoted_revision else ""),
        ("retry of", rollout.retry_of),
    ]


def _earliest(seconds: float | None) -> str:
    if seconds is None:
        return "never: there is too little traffic for the replies it asks for"
    return f"{duration(seconds)} after the start, pauses for a person not counted"


def _limit(one: PlanGuardrail) -> str:
    if one.test == "sample_ratio" or one.limit is None:
        return ""
    return f"{'>' if one.direction == 'at_most' else '<'} {one.limit:g}"


def _interval(one: GuardrailEvidence) -> str:
    if one.lower is None and one.upper is None:
        return ""
    ends = ["" if end is None else f"{end:.3g}" for end in (one.lower, one.upper)]
    return f"{ends[0]} to {ends[1]}".strip()


def _share(one: GuardrailEvidence) -> str:
    """How far the evidence against it has come, as a share of what fails it."""
    if one.evidence is None or not one.threshold:
        return ""
    return f"{max(0.0, one.evidence / one.threshold):.0%} of failing"


def _role(one: GuardrailEvidence) -> str:
    if not one.acts:
        return "shown only"
    return {None: "", True: "no worse than the margin", False: "margin not shown yet"}[one.non_inferior]
