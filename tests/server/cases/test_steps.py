"""Where the steps of a case stand, from facts alone."""

from __future__ import annotations

import itertools
from dataclasses import replace
from string import Formatter

import pytest
from trimtab_server.cases import CandidateFacts, CaseFacts, RolloutFacts, Step, TrialFacts, case_steps
from trimtab_server.cases.facts import Role
from trimtab_server.cases.wording import SENTENCES

EMPTY = CaseFacts()
WRITTEN = CaseFacts(goal="Honest answers", criteria=True)
LOCKED = replace(WRITTEN, criteria_hash="c0ffee" * 10 + "abcd")
CONFIRMED = replace(LOCKED, candidate=CandidateFacts("steered", "snapshots/ab12"))
SMALL: Role = "small"


def trial(
    role: Role = "small", state: str = "finished", verdict: str = "pass", **fields: object
) -> TrialFacts:
    facts = TrialFacts(
        f"deployments/default/trials/{role}", role, state, done=40, planned=90, verdict=verdict
    )
    return replace(
        facts, **{"reason": "Lane steered gains.", "reason_ja": "改善しました。", "lane": "steered"} | fields
    )


def rollout(state: str, **fields: object) -> RolloutFacts:
    return replace(RolloutFacts("deployments/default/rollouts/r1", state, "as planned"), **fields)


BOTH = (trial("small"), trial("confirmation"))
PROMOTED = rollout("promoted", promoted_revision=7)


def states(steps: tuple[Step, ...]) -> str:
    return " ".join(step.state for step in steps)


def step(kind: str, steps: tuple[Step, ...]) -> Step:
    return next(own for own in steps if own.kind == kind)


@pytest.mark.parametrize(
    ("case", "trials", "rollouts", "expected"),
    [
        (EMPTY, (), (), "next blocked blocked blocked blocked blocked"),
        (replace(EMPTY, goal="x"), (), (), "done next blocked blocked blocked blocked"),
        (WRITTEN, (), (), "done next blocked blocked blocked blocked"),
        (LOCKED, (), (), "done done next blocked blocked blocked"),
        (LOCKED, (trial(state="running", verdict=""),), (), "done done waiting blocked blocked blocked"),
        (LOCKED, (trial(),), (), "done done done next blocked blocked"),
        (LOCKED, (trial(verdict="fail"),), (), "done done failed blocked blocked next"),
        (CONFIRMED, BOTH, (), "done done done done next blocked"),
        (CONFIRMED, BOTH, (rollout("running"),), "done done done done waiting blocked"),
        (CONFIRMED, BOTH, (PROMOTED,), "done done done done done next"),
        (CONFIRMED, BOTH, (rollout("aborted"),), "done done done done failed next"),
        (CONFIRMED, BOTH, (rollout("failed"), PROMOTED), "done done done done done next"),
        (CONFIRMED, BOTH, (replace(PROMOTED, superseded=True),), "done done done done failed next"),
        (replace(CONFIRMED, decision="scale"), BOTH, (PROMOTED,), "done done done done done done"),
        (
            replace(LOCKED, decision="stop"),
            (trial(verdict="fail"),),
            (),
            "done done failed blocked blocked done",
        ),
        (replace(EMPTY, decision="stop"), (), (), "blocked blocked blocked blocked blocked done"),
    ],
)
def test_each_step_waits_for_the_one_before(
    case: CaseFacts, trials: tuple[TrialFacts, ...], rollouts: tuple[RolloutFacts, ...], expected: str
) -> None:
    assert states(case_steps(case, trials, rollouts)) == expected


@pytest.mark.parametrize(
    ("found", "state", "code", "command"),
    [
        (trial(state="created", verdict=""), "next", "trial_created", "trial.start"),
        (trial(state="running", verdict=""), "waiting", "trial_running", "trial.show"),
        (trial(state="paused", verdict=""), "next", "trial_paused", "trial.resume"),
        (trial(state="rating", verdict=""), "next", "trial_rating", "trial.rate"),
        (trial(state="deleted", verdict=""), "next", "trial_lost", "trial.new"),
        (trial(state="deleted"), "done", "trial_passed", "trial.show"),
        (trial(recommendation="a prompt is enough"), "done", "trial_prompt_enough", "trial.show"),
        (trial(verdict="fail"), "failed", "trial_failed", "trial.show"),
        (trial(verdict="error"), "next", "trial_error", "trial.resume"),
        (trial(verdict="error", state="deleted"), "next", "trial_lost", "trial.new"),
        (trial(verdict="not enough data", more_prompts=35), "next", "trial_not_enough", "trial.new"),
        (trial(verdict="not enough data"), "failed", "trial_undecidable", "trial.show"),
    ],
)
def test_a_trial_says_what_is_to_be_done_with_it(
    found: TrialFacts, state: str, code: str, command: str
) -> None:
    own = step("small_trial", case_steps(LOCKED, (found,), ()))
    assert (own.state, own.code, own.command) == (state, code, command)
    assert bool(own.subject) == (command != "trial.new")


def test_the_newest_trial_of_a_role_decides() -> None:
    trials = (trial(verdict="not enough data", more_prompts=9), trial("small"))
    assert step("small_trial", case_steps(LOCKED, trials, ())).state == "done"
    assert step("small_trial", case_steps(LOCKED, trials[::-1], ())).state == "next"


def test_where_a_prompt_is_enough_the_release_is_one_without_vectors() -> None:
    trials = (trial(), trial("confirmation", recommendation="a prompt is enough", lane="prompt"))
    bare = replace(LOCKED, candidate=CandidateFacts("prompt"))
    own = step("release", case_steps(bare, trials, ()))
    assert (own.code, own.command) == ("snapshot_missing_prompt", "release.create")
    assert "no vectors" in own.sentence_in("en")
    assert "ベクトルのない" in own.sentence_in("ja")
    kept = replace(LOCKED, candidate=CandidateFacts("prompt", "snapshots/cd"))
    own = step("release", case_steps(kept, trials, ()))
    assert (own.code, own.command, own.subject) == ("rollout_missing_prompt", "rollout.new", "snapshots/cd")


def test_a_trial_that_needs_more_prompts_says_how_many_in_both_languages() -> None:
    short = trial(verdict="not enough data", more_prompts=35)
    own = step("small_trial", case_steps(LOCKED, (short,), ()))
    assert "35 more prompts" in own.sentence_in("en")
    assert "35 件" in own.sentence_in("ja")
    confirmation = replace(short, role="confirmation")
    own = step("confirmation", case_steps(LOCKED, (trial(), confirmation), ()))
    assert "fresh" in own.sentence_in("en"), "a second look at the same prompts confirms nothing"


def every_step() -> list[Step]:
    """Of every combination of facts that differ in what a step may say."""
    cases = [
        EMPTY,
        replace(EMPTY, goal="x"),
        replace(WRITTEN, criteria_fault="margin is -1"),
        WRITTEN,
        LOCKED,
    ]
    cases += [CONFIRMED, replace(LOCKED, candidate=CandidateFacts("steered"))]
    cases += [replace(CONFIRMED, decision=own, decided_by="tokens/a") for own in ("scale", "stop")]  # type: ignore[arg-type]
    verdicts = [
        {"verdict": ""},
        {"verdict": "pass"},
        {"verdict": "pass", "recommendation": "a prompt is enough"},
        {"verdict": "fail"},
        {"verdict": "error"},
        {"verdict": "not enough data"},
        {"verdict": "not enough data", "more_prompts": 3},
    ]
    of_state = {"created", "running", "paused", "rating", "finished", "deleted"}
    kinds = [{"state": state} | own for state in sorted(of_state) for own in verdicts]
    small = [(trial("small", **own),) for own in kinds]  # type: ignore[arg-type]
    both = [(trial("small"), trial("confirmation", **own)) for own in kinds]  # type: ignore[arg-type]
    ends = [(), *((rollout(own),) for own in ("created", "running", "paused", "aborted", "failed"))]
    ends += [(PROMOTED,), (replace(PROMOTED, superseded=True),)]
    found: list[Step] = []
    for case, trials, rollouts in itertools.product(cases, [(), *small, *both], ends):
        found += case_steps(case, trials, rollouts)  # type: ignore[arg-type]
    return found


def test_every_step_can_say_itself_and_every_sentence_is_said() -> None:
    said: set[str] = set()
    for own in every_step():
        for language in ("en", "ja"):
            sentence = own.sentence_in(language)
            assert sentence
            assert "{" not in sentence
            said.add(sentence)
    leads = {code: text[1].partition("{")[0] for code, text in SENTENCES.items() if text[1].partition("{")[0]}
    unsaid = {code for code, lead in leads.items() if not any(lead in own for own in said)}
    assert unsaid == set(), "nobody ever reads these"


def test_both_languages_name_the_same_facts() -> None:
    def names(text: str) -> set[str]:
        return {name.removesuffix("_ja") for _, name, _, _ in Formatter().parse(text) if name}

    for code, (english, japanese) in SENTENCES.items():
        # A role stands in the sentence itself where it has one of its own.
        assert names(english) - {"what"} == names(japanese) - {"what"}, code


def test_what_is_next_opens_a_place_and_what_is_blocked_or_done_asks_nothing() -> None:
    for own in every_step():
        if own.state == "next":
            assert own.command, own
        if own.state == "blocked" and own.kind != "decision":
            assert not own.command, own


def test_at_most_one_step_is_next_and_none_after_the_decision() -> None:
    steps = every_step()
    for start in range(0, len(steps), 6):
        six = steps[start : start + 6]
        assert sum(own.state in ("next", "waiting") for own in six) == (
            0 if six[-1].state == "done" else 1
        ), six
