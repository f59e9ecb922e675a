"""The steps as a state machine: a table, and every short history of every small plan."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

import pytest
from rollout_facts import PLAN, plan
from trimtab_server.rollouts import NextAction, Verdict
from trimtab_server.rollouts.plan import Analysis, AnalysisPlan, Pause, SetWeight, Shadow, Step
from trimtab_server.rollouts.progress import (
    ENDED,
    Abort,
    ActivateCandidate,
    ApplyWeight,
    BeginStep,
    Effect,
    Event,
    Looked,
    NotPossible,
    PauseAsked,
    Progress,
    Promote,
    PromoteFull,
    Resume,
    ReturnToStable,
    Start,
    State,
    advance,
)

OWN = plan(steps=(Shadow(5), SetWeight(5), SetWeight(10), Pause(60), Pause(None), SetWeight(50), Analysis()))
FAILED = Looked(NextAction.ABORT, Verdict.FAIL, "kl: too high")
ONWARD = Looked(NextAction.ADVANCE, Verdict.PASS)
GOOD = Looked(NextAction.PROMOTE, Verdict.PASS, "shown")
MORE = Looked(NextAction.CONTINUE, Verdict.NOT_ENOUGH_DATA)
LITTLE = Looked(NextAction.PAUSE, Verdict.NOT_ENOUGH_DATA, "not enough data")
_ENDING = (ApplyWeight(0), ReturnToStable("kl: too high"))
R, A, S = State.RUNNING, State.ABORTED, State.PAUSED


@pytest.mark.parametrize(
    ("before", "event", "after", "effects"),
    [
        (Progress(), Start(), Progress(R, 0, 0), (BeginStep(0),)),
        (Progress(), Abort("x"), Progress(A, 0, 0, "x"), (ApplyWeight(0), ReturnToStable("x"))),
        (Progress(R, 0, 0), MORE, Progress(R, 0, 0), ()),
        (Progress(R, 0, 0), ONWARD, Progress(R, 3, 10), (ApplyWeight(5), ApplyWeight(10), BeginStep(3))),
        (Progress(R, 3, 10), ONWARD, Progress(S, 4, 10, "the plan waits here for a person"), (BeginStep(4),)),
        (Progress(S, 4, 10), Resume(), Progress(R, 6, 50), (ApplyWeight(50), BeginStep(6))),
        (Progress(S, 4, 10), Promote(), Progress(R, 6, 50), (ApplyWeight(50), BeginStep(6))),
        (Progress(S, 4, 10), FAILED, Progress(State.FAILED, 4, 0, "kl: too high"), _ENDING),
        (Progress(S, 4, 10), GOOD, Progress(S, 4, 10), ()),
        (Progress(R, 6, 50), LITTLE, Progress(S, 6, 50, "not enough data"), ()),
        (Progress(S, 6, 50, "x"), Resume(), Progress(R, 6, 50), (BeginStep(6),)),
        (Progress(R, 6, 50), PauseAsked("lunch"), Progress(S, 6, 50, "lunch"), ()),
        (Progress(R, 6, 50), FAILED, Progress(State.FAILED, 6, 0, "kl: too high"), _ENDING),
        (
            Progress(R, 6, 50),
            GOOD,
            Progress(State.PROMOTED, 6, 100, "shown"),
            (ApplyWeight(100), ActivateCandidate("shown")),
        ),
        (
            Progress(R, 0, 0),
            PromoteFull("boss"),
            Progress(State.PROMOTED, 0, 100, "boss"),
            (ApplyWeight(100), ActivateCandidate("boss")),
        ),
    ],
)
def test_what_follows_what(
    before: Progress, event: Event, after: Progress, effects: tuple[Effect, ...]
) -> None:
    assert advance(OWN, before, event) == (after, effects)


@pytest.mark.parametrize(
    ("before", "event", "said"),
    [
        (Progress(), Resume(), "has not started"),
        (Progress(), GOOD, "has not started"),
        (Progress(R), Start(), "is running already"),
        (Progress(R), Resume(), "only a paused one"),
        (Progress(R, 6, 50), Promote(), "last step"),
        (Progress(S, 6, 50), Promote(), "last step"),
        (Progress(R, 0, 0), GOOD, "only a pass at the last"),
        (Progress(R, 6, 50), Looked(NextAction.PROMOTE, Verdict.NOT_ENOUGH_DATA), "only a pass at the last"),
        *[
            (Progress(state), event, "start a new one")
            for state in ENDED
            for event in (Abort("x"), Start(), GOOD)
        ],
    ],
)
def test_what_is_not_possible_says_what_is(before: Progress, event: Event, said: str) -> None:
    with pytest.raises(NotPossible, match=said):
        advance(OWN, before, event)


def _small_plans() -> Iterator[AnalysisPlan]:
    """Every pair of weights, multiples of each other or not, with and without pauses."""
    for first, second in product((0, 1, 5, 7, 10, 33, 50, 99, 100), repeat=2):
        if second < first:
            continue
        for middle in ((), (Pause(1),), (Pause(None),), (Analysis(),)):
            steps: tuple[Step, ...] = (Shadow(1), SetWeight(first), *middle, SetWeight(second), Analysis())
            yield plan(steps=steps)


def test_a_rollout_whose_looks_all_pass_ends_at_100_with_the_candidate_active() -> None:
    for own in _small_plans():
        progress, done = advance(own, Progress(), Start())
        effects = [*done]
        for _ in range(20):
            if progress.state in ENDED:
                break
            last = progress.step == len(own.steps) - 1
            event: Event = Resume() if progress.state is S else GOOD if last else ONWARD
            progress, done = advance(own, progress, event)
            effects += done
        assert (progress.state, progress.weight) == (State.PROMOTED, 100)
        assert [effect for effect in effects if isinstance(effect, ActivateCandidate)] == [effects[-1]]
        weights = [effect.percent for effect in effects if isinstance(effect, ApplyWeight)]
        assert weights == sorted(weights)


def test_no_history_promotes_without_the_candidate_or_aborts_without_stable() -> None:
    rng = random.Random(1)
    events: list[Event] = [
        *[ONWARD] * 4,
        GOOD,
        GOOD,
        MORE,
        LITTLE,
        PauseAsked("x"),
        Resume(),
        Resume(),
        Promote(),
        PromoteFull("y"),
        Abort("z"),
        FAILED,
        Looked(NextAction.PROMOTE, Verdict.NOT_ENOUGH_DATA),
    ]
    plans = list(_small_plans())
    ends = dict.fromkeys(ENDED, 0)
    for _ in range(4000):
        own = rng.choice(plans)
        progress, done = advance(own, Progress(), Start())
        effects = [*done]
        for _ in range(25):
            try:
                progress, done = advance(own, progress, rng.choice(events))
            except NotPossible:
                continue
            effects += done
            assert 0 <= progress.step < len(own.steps)
        activated = any(isinstance(effect, ActivateCandidate) for effect in effects)
        returned = any(isinstance(effect, ReturnToStable) for effect in effects)
        assert activated == (progress.state is State.PROMOTED)
        assert returned == (progress.state in (State.ABORTED, State.FAILED))
        applied = [effect.percent for effect in effects if isinstance(effect, ApplyWeight)]
        assert progress.weight == (applied[-1] if applied else 0)
        if progress.state in ENDED:
            ends[progress.state] += 1
            assert progress.weight == (100 if activated else 0)
    assert all(count > 50 for count in ends.values())


def test_the_machine_never_steps_onto_a_weight() -> None:
    for own in _small_plans():
        progress, _ = advance(own, Progress(), Start())
        while progress.step < len(own.steps) - 1:
            assert not isinstance(own.steps[progress.step], SetWeight)
            progress, _ = advance(own, progress, Promote())


def test_the_shared_plan_begins_with_its_shadow_step() -> None:
    assert advance(PLAN, Progress(), Start()) == (Progress(R, 0, 0), (BeginStep(0),))
