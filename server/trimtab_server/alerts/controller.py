"""What is told when nobody judges a rollout any more."""

from __future__ import annotations

from trimtab_server.alerts.alert import Alert, Kind, Severity, State


def controller_dead(deployment: str, rollout: str, why: str, time: int) -> Alert:
    """The controller of a deployment died or hangs; `time` is UTC nanoseconds."""
    return Alert(
        kind=Kind.CONTROLLER_DEAD,
        severity=Severity.CRITICAL,
        deployment=deployment,
        title="nobody judges the rollout",
        text="The rollout's controller died, so no guardrail can end the rollout by itself. The server pauses it; "
        f"abort and roll back work. Why it died: {why}",
        facts={"rollout": rollout},
        time=time,
        subject=rollout,
        state=State.RAISED,
    )


def controller_back(deployment: str, rollout: str, time: int) -> Alert:
    """It judges again."""
    return Alert(
        kind=Kind.CONTROLLER_DEAD,
        severity=Severity.CRITICAL,
        deployment=deployment,
        title="the rollout is judged again",
        text="The rollout's controller runs again. What paused the rollout is for a person to undo.",
        facts={"rollout": rollout},
        time=time,
        subject=rollout,
        state=State.RECOVERED,
    )
