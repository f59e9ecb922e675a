"""A snapshot's content address."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from trimtab_server.steering.snapshot import Configuration, Operator, Positions, Sampling
from trimtab_server.steering.validation import DraftTerm

A, B = "a" * 64, "b" * 64


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
        DraftTerm(A, 0.3, operator=Operator.ABLATE, positions=Positions.REPLY),
        DraftTerm(B, -0.7, force=True),
        system_prompt='quote " and \\ and \n',
        sampling=Sampling(0.7, 0.9, 40, 2**64 - 1, 99, ("。", "\n")),
    ).configuration
    assert Configuration.from_body(configuration.body()) == configuration
