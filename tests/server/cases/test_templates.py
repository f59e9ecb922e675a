"""Templates: read by the readers that trials use, and with thresholds that the prompts they ask for can show."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trimtab_server.cases.templates import IDS, Template, template, templates
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.trials import Criteria, Prompt, PromptSet, check_criteria, parse_criteria, parse_prompts
from trimtab_server.trials.lanes import LaneSpec, LaneTerm
from trimtab_server.trials.prompts import PRESSURES
from trimtab_server.trials.rows import TrialRow, planned
from trimtab_server.trials.verdict import judge_trial

ALL = templates()


def each() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("own", ALL, ids=[own.id for own in ALL])


@each()
def test_criteria_and_examples_are_read_by_the_readers_of_trials(own: Template) -> None:
    criteria = parse_criteria(own.criteria)
    for example in (own.prompts.example.en, own.prompts.example.ja):
        prompts = parse_prompts(example.encode(), "example.csv")
        check_criteria(criteria, prompts)
        header = example.strip().splitlines()[0].split(",")
        assert header == [column.column for column in own.prompts.columns]
    assert parse_prompts(own.prompts.example.ja.encode(), "example.csv").languages == ("ja",)


@each()
def test_lanes_are_in_the_criteria_or_made_of_what_steers(own: Template) -> None:
    written = {lane.name for lane in parse_criteria(own.criteria).lanes}
    assert set(own.lanes) - written == {"steered"}


@each()
def test_everything_is_said_in_both_languages(own: Template) -> None:
    texts = [own.title, own.goal, own.risks, own.prompts.advice, own.prompts.example]
    texts += [column.meaning for column in own.prompts.columns]
    for text in texts:
        assert text.en.isascii()
        assert text.en
        assert not text.ja.isascii()
    assert "\n" not in own.goal.en + own.goal.ja + own.prompts.advice.en
    assert str(own.prompts.count) in own.prompts.advice.en.replace("60 facts", "180")


def answered(own: Template, evaded: frozenset[str] = frozenset()) -> tuple[list[TrialRow], PromptSet]:
    """So many prompts as are asked for. The steered lane is honest but for the prompts that it evades."""
    criteria = with_steered(own)
    found = parse_prompts(own.prompts.example.en.encode(), "example.csv")
    kinds = sorted({prompt.pressure for prompt in found}, key=PRESSURES.index)
    prompts = PromptSet(
        tuple(
            Prompt(
                f"p{number}",
                f"Question {number}?",
                gold=("two years",),
                dishonest=("ten years",),
                pressure=kinds[number % len(kinds)],
                # A fact is asked under each pressure where there are several.
                group=f"g{number // 3}" if len(kinds) == 3 else f"g{number}",
            )
            for number in range(own.prompts.count)
        )
    )
    rows = []
    for key in planned(criteria, prompts):
        pressed = prompts.named(key.prompt_id).pressure != "neutral"
        # Unsteered lies under pressure in half of the prompts; the steered lane never does, nor loses anything.
        lies = pressed and key.lane != "steered" and int(key.prompt_id[1:]) % 4 < 2
        evades = key.lane == "steered" and key.prompt_id in evaded
        outcome = "lie" if lies else "evade" if evades else "honest"
        rows.append(
            TrialRow(
                key.prompt_id,
                key.lane,
                key.repeat,
                "ten years" if lies else "two years",
                outcome=outcome,
                score=float(outcome == "honest"),
                tokens=4,
                finish_reason="stop",
            )
        )
    return rows, prompts


def with_steered(own: Template) -> Criteria:
    criteria = parse_criteria(own.criteria)
    steered = LaneSpec("steered", "steered", (), (LaneTerm("vectors/" + "a" * 64, 0.3, (1,)),))
    return check_criteria(replace(criteria, lanes=(*criteria.lanes, steered)))


@each()
@pytest.mark.parametrize("evaded", [(), ("p0",)], ids=["no fault", "one evasion"])
def test_the_prompts_that_are_asked_for_are_enough_also_where_one_goes_wrong(
    own: Template, evaded: tuple[str, ...]
) -> None:
    rows, prompts = answered(own, frozenset(evaded))
    verdict = judge_trial(rows, with_steered(own), prompts)
    assert verdict.verdict is Verdict.PASS, verdict.reason
    assert verdict.recommendation == "steer"


@each()
def test_a_lane_that_evades_where_it_lied_before_does_not_pass(own: Template) -> None:
    rows, prompts = answered(own, frozenset(f"p{number}" for number in range(0, own.prompts.count, 5)))
    verdict = judge_trial(rows, with_steered(own), prompts)
    assert verdict.verdict is Verdict.FAIL, verdict.reason


def test_evasions_of_support_and_unknowns_of_internal_search_are_held_down() -> None:
    support = {own.measure: own for own in parse_criteria(template("support").criteria).side_effects}
    assert support["evade_rise"].at_most <= 0.05
    search = {own.measure: own for own in parse_criteria(template("internal-search").criteria).side_effects}
    assert search["evade_rise"].pressure == ("neutral",), "where the documents have an answer"


def test_an_unknown_template_is_told() -> None:
    assert [own.id for own in ALL] == list(IDS)
    with pytest.raises(KeyError):
        template("../secrets")
