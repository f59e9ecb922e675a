"""The steps of a rollout as a pure function: `advance(plan, progress, event)` gives what comes next and what to do.

A rollout ends PROMOTED (the candidate is active, everyone gets it), ABORTED (a person stopped it) or FAILED (the
Judge did). Neither of the last two leaves the candidate any traffic, and the first always comes with the effect
that activates it: there is no way to end well with the stable snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeAlias

from trimtab_server.rollouts.findings import NextAction
from trimtab_server.rollouts.plan import AnalysisPlan, Pause, SetWeight, Step
from trimtab_server.rollouts.verdict import Verdict


class State(StrEnum):
    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    PROMOTED = "promoted"
    ABORTED = "aborted"
    FAILED = "failed"


ENDED: Final = frozenset({State.PROMOTED, State.ABORTED, State.FAILED})


@dataclass(frozen=True)
class Progress:
    """Where a rollout is. step: index into the plan's steps; weight: the candidate's share in percent."""

    state: State = State.CREATED
    step: int = 0
    weight: int = 0
    reason: str = ""


# Events: what people and the Judge do.


@dataclass(frozen=True)
class Start:
    pass


@dataclass(frozen=True)
class Looked:
    """The Judge looked. Its `next_action` counts; `verdict` must be pass for a promotion."""

    action: NextAction
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class PauseAsked:
    """A person, or a watchdog that lost the controller, holds the rollout where it is."""

    reason: str


@dataclass(frozen=True)
class Resume:
    """Goes on with the same step; a pause for a person is over."""


@dataclass(frozen=True)
class Promote:
    """A person takes the next step, without waiting for this one. The last step cannot be left this way."""


@dataclass(frozen=True)
class PromoteFull:
    """Everything that is left is skipped and the candidate activated."""

    reason: str


@dataclass(frozen=True)
class Abort:
    reason: str


Event: TypeAlias = Start | Looked | PauseAsked | Resume | Promote | PromoteFull | Abort

# Effects: what the caller has to do, in this order.


@dataclass(frozen=True)
class ApplyWeight:
    """From now on the candidate gets this share of sessions."""

    percent: int


@dataclass(frozen=True)
class BeginStep:
    """The Judge is to be told that this step has begun (`observations.StepStarted`)."""

    step: int


@dataclass(frozen=True)
class ActivateCandidate:
    """The candidate becomes the deployment's active snapshot."""

    reason: str


@dataclass(frozen=True)
class ReturnToStable:
    """The rollout is over; the candidate gets nothing any more."""

    reason: str


Effect: TypeAlias = ApplyWeight | BeginStep | ActivateCandidate | ReturnToStable


class NotPossible(ValueError):
    """This event means nothing in this state. The message says what would be possible."""


def advance(plan: AnalysisPlan, progress: Progress, event: Event) -> tuple[Progress, tuple[Effect, ...]]:
    """The progress after an event, and what has to be done for it.

    Raises:
        NotPossible: the rollout has ended, has not started, or is at the wrong place for this event.
    """
    if progress.state in ENDED:
        raise NotPossible(f"the rollout is {progress.state}; start a new one (retry)")
    match event:
        case Abort(reason):
            return _end(progress, State.ABORTED, reason)
        case PromoteFull(reason):
            return _promote(progress, reason)
        case Start():
            if progress.state is not State.CREATED:
                raise NotPossible(f"the rollout is {progress.state} already; resume, promote or abort it")
            return _enter(plan, replace(progress, state=State.RUNNING), 0)
    if progress.state is State.CREATED:
        raise NotPossible("the rollout has not started; start or abort it")
    match event:
        case PauseAsked(reason):
            return replace(progress, state=State.PAUSED, reason=reason), ()
        case Resume():
            return _resume(plan, progress)
        case Promote():
            return _next(plan, progress)
        case Looked():
            return _looked(plan, progress, event)


def _looked(plan: AnalysisPlan, progress: Progress, look: Looked) -> tuple[Progress, tuple[Effect, ...]]:
    if look.action is NextAction.ABORT:
        return _end(progress, State.FAILED, look.reason)
    # While a person holds the rollout, looks go on and may abort it, but move nothing.
    if progress.state is State.PAUSED:
        return progress, ()
    match look.action:
        case NextAction.PROMOTE:
            if progress.step != len(plan.steps) - 1 or look.verdict is not Verdict.PASS:
                raise NotPossible(
                    f"a look promoted with verdict {look.verdict} at step {progress.step}; only a pass at the last "
                    f"step ({len(plan.steps) - 1}) does"
                )
            return _promote(progress, look.reason)
        case NextAction.ADVANCE:
            return _next(plan, progress)
        case NextAction.PAUSE | NextAction.WAIT:
            return replace(progress, state=State.PAUSED, reason=look.reason), ()
        case _:
            return progress, ()


def _resume(plan: AnalysisPlan, progress: Progress) -> tuple[Progress, tuple[Effect, ...]]:
    if progress.state is not State.PAUSED:
        raise NotPossible(f"the rollout is {progress.state}; only a paused one is resumed")
    step = plan.steps[progress.step]
    if isinstance(step, Pause) and step.seconds is None:
        return _next(plan, progress)
    # The step begins anew for the Judge: its limits of time and replies count from here.
    return replace(progress, state=State.RUNNING, reason=""), (BeginStep(progress.step),)


def _next(plan: AnalysisPlan, progress: Progress) -> tuple[Progress, tuple[Effect, ...]]:
    following = progress.step + 1
    if following == len(plan.steps):
        raise NotPossible("this is the last step: it ends with a pass, with promote full, or with abort")
    return _enter(plan, replace(progress, state=State.RUNNING, reason=""), following)


def _enter(plan: AnalysisPlan, progress: Progress, step: int) -> tuple[Progress, tuple[Effect, ...]]:
    """Enters a step; weights are set in passing, since they take no time."""
    effects: list[Effect] = []
    while isinstance(here := plan.steps[step], SetWeight):
        progress = replace(progress, weight=here.percent)
        effects.append(ApplyWeight(here.percent))
        step += 1
    progress = replace(progress, step=step)
    if _waits(here):
        progress = replace(progress, state=State.PAUSED, reason="the plan waits here for a person")
    return progress, (*effects, BeginStep(step))


def _waits(step: Step) -> bool:
    return isinstance(step, Pause) and step.seconds is None


def _promote(progress: Progress, reason: str) -> tuple[Progress, tuple[Effect, ...]]:
    ended = replace(progress, state=State.PROMOTED, weight=100, reason=reason)
    return ended, (ApplyWeight(100), ActivateCandidate(reason))


def _end(progress: Progress, state: State, reason: str) -> tuple[Progress, tuple[Effect, ...]]:
    ended = replace(progress, state=state, weight=0, reason=reason)
    return ended, (ApplyWeight(0), ReturnToStable(reason))
