"""A snapshot's content address."""

from __future__ import annotations

import itertools
import json
from hashlib import sha256
from typing import Any

import pytest
from trimtab_server.steering.snapshot import (
    Bound,
    Condition,
    Configuration,
    Opens,
    Operator,
    Positions,
    PreserveStateNorm,
    Sampling,
)
from trimtab_server.steering.validation import DraftTerm

A, B = "a" * 64, "b" * 64
GATE = Condition(A, 1, 0.25, Opens.SCORE_ABOVE)
GATED: dict[str, Any] = {"vector": A, "strength": 0.5, "layers": (3,), "condition": GATE}
CLAMP: dict[str, Any] = {"vector": A, "strength": 0.5, "operator": Operator.CLAMP, "level": 0.5}


def test_the_id_can_be_repeated_from_the_written_form(checked: Any) -> None:
    configuration = checked(DraftTerm(A, 1, (3, 1)), system_prompt="正直に").configuration
    body = (
        '{"sampling":{"max_tokens":0,"seed":0,"stop":[],"temperature":0.0,"top_k":0,"top_p":1.0},'
        '"steering":{"stage":"models/desk/stages/stage-02","system_prompt":"正直に","terms":['
        f'{{"force":false,"layers":[1,3],"operator":"add","positions":"all","strength":1.0,"vector":"vectors/{A}"}}'
        "]}}"
    )
    assert configuration.body() == body
    assert configuration.id == sha256(body.encode()).hexdigest()


def test_a_snapshot_of_an_earlier_release_has_the_id_it_had(checked: Any) -> None:
    """Fields added since are absent where they say nothing."""
    steering = checked(
        DraftTerm(A, 0.35, (1, 2), positions=Positions.REPLY),
        DraftTerm(B, 1, operator=Operator.ABLATE, force=True),
    )
    assert steering.configuration.id == "d5f9c268c4517be669f0361c82a88fe58edec7f1ba396c34a26b869de7eac69e"
    assert Configuration.from_body(steering.configuration.body()) == steering.configuration


def test_what_a_clamp_a_kept_norm_and_a_condition_say_is_written(checked: Any) -> None:
    term = DraftTerm(
        **{**CLAMP, "layers": (3,), "condition": GATE}, preserve_state_norm=PreserveStateNorm.GROWN
    )
    (body,) = json.loads(checked(term).configuration.body())["steering"]["terms"]
    assert body == {
        "bound": "exactly",
        "condition": {"layer": 1, "opens": "score_above", "threshold": 0.25, "vector": f"vectors/{A}"},
        "force": False,
        "layers": [3],
        "level": 0.5,
        "operator": "clamp",
        "positions": "all",
        "preserve_state_norm": "grown",
        "strength": 0.5,
        "vector": f"vectors/{A}",
    }


def test_the_same_configuration_written_differently_has_one_id(checked: Any) -> None:
    explicit = checked(
        DraftTerm(A, 0.25, (3, 2, 1, 1)),
        DraftTerm(B, -0.0, (0, 3), force=True),
        stage="models/desk/stages/stage-02",
        sampling=Sampling(top_p=1.0),
    )
    terse = checked(DraftTerm(B, 0.0, force=True), DraftTerm(A, 0.25), sampling=Sampling(top_p=0.0))
    assert explicit.configuration.id == terse.configuration.id


@pytest.mark.parametrize(
    "other",
    [
        {"strength": 0.5000001},
        {"layers": (1, 2)},
        {"operator": Operator.ABLATE},
        {"positions": Positions.REPLY},
        {"force": True},
    ],
)
def test_every_field_of_a_term_changes_the_id(checked: Any, other: dict[str, Any]) -> None:
    base: dict[str, Any] = {"vector": A, "strength": 0.5}
    assert checked(DraftTerm(**base)).configuration.id != checked(DraftTerm(**base | other)).configuration.id


def test_every_field_of_a_clamp_a_kept_norm_and_a_condition_changes_the_id(checked: Any) -> None:
    terms = [
        CLAMP,
        CLAMP | {"operator": Operator.ABLATE, "level": 0.0},
        CLAMP | {"level": 0.25},
        CLAMP | {"bound": Bound.AT_LEAST},
        CLAMP | {"bound": Bound.AT_MOST},
        CLAMP | {"preserve_state_norm": PreserveStateNorm.ALWAYS},
        CLAMP | {"preserve_state_norm": PreserveStateNorm.GROWN},
        {"vector": A, "strength": 0.5, "layers": (3,)},
        GATED,
        GATED | {"condition": Condition(A, 2, 0.25, Opens.SCORE_ABOVE)},
        GATED | {"condition": Condition(A, 1, 0.5, Opens.SCORE_ABOVE)},
        GATED | {"condition": Condition(A, 1, 0.25, Opens.SCORE_BELOW)},
        GATED | {"condition": Condition(B, 0, 0.25, Opens.SCORE_ABOVE), "force": True},
    ]
    assert len({checked(DraftTerm(**term)).configuration.id for term in terms}) == len(terms)


def test_terms_have_one_order_whatever_they_say(checked: Any) -> None:
    """Terms that differ in nothing but a condition, too."""
    terms = [
        DraftTerm(**GATED),
        DraftTerm(A, 0.5, (3,)),
        DraftTerm(**GATED | {"condition": Condition(A, 2, 0.25, Opens.SCORE_ABOVE)}),
        DraftTerm(A, 0.5, (3,), preserve_state_norm=PreserveStateNorm.ALWAYS),
    ]
    ids = {checked(*order).configuration.id for order in itertools.permutations(terms)}
    assert len(ids) == 1


def test_the_vectors_of_conditions_are_vectors_that_are_used(checked: Any) -> None:
    term = DraftTerm(A, 0.5, (3,), force=True, condition=Condition(B, 0, 0.1, Opens.SCORE_BELOW))
    assert checked(term).configuration.steering.vectors == (A, B)


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(temperature=1.0),
        Sampling(top_p=0.9),
        Sampling(top_k=5),
        Sampling(seed=1),
        Sampling(max_tokens=9),
        Sampling(stop=("x",)),
    ],
)
def test_every_field_of_the_sampling_changes_the_id(checked: Any, sampling: Sampling) -> None:
    assert checked(sampling=sampling).configuration.id != checked().configuration.id


def test_stage_and_system_prompt_change_the_id(checked: Any) -> None:
    ids = {
        checked(**steering).configuration.id
        for steering in ({}, {"stage": "stage-01"}, {"system_prompt": "Be honest."})
    }
    assert len(ids) == 3


def test_a_body_reads_back_to_the_same_configuration(checked: Any) -> None:
    configuration = checked(
        DraftTerm(A, 0.3, (1, 2), operator=Operator.ABLATE, positions=Positions.REPLY),
        DraftTerm(B, -0.7, force=True),
        DraftTerm(**GATED, preserve_state_norm=PreserveStateNorm.ALWAYS),
        DraftTerm(A, 0.5, (3,), Operator.CLAMP, level=-0.1, bound=Bound.AT_MOST),
        system_prompt='quote " and \\ and \n',
        sampling=Sampling(0.7, 0.9, 40, 2**64 - 1, 99, ("。", "\n")),
    ).configuration
    assert Configuration.from_body(configuration.body()) == configuration
