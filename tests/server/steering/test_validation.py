"""What a steering configuration may say."""

from __future__ import annotations

import math
from typing import Any

import pytest
from trimtab_server.steering.snapshot import Bound, Condition, Opens, Operator, Sampling
from trimtab_server.steering.validation import DraftTerm
from trimtab_server.store.refusal import Refusal

A, B, C, D = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


ABOVE = Opens.SCORE_ABOVE


def gated(condition: Condition) -> DraftTerm:
    return DraftTerm(A, 0.5, (3,), condition=condition)


@pytest.mark.parametrize(
    ("term", "reason", "field"),
    [
        (DraftTerm(A, 1.01), "STRENGTH_OUT_OF_RANGE", "strength"),
        (DraftTerm(A, -1.01), "STRENGTH_OUT_OF_RANGE", "strength"),
        (DraftTerm(A, math.nan), "STRENGTH_OUT_OF_RANGE", "strength"),
        (DraftTerm(A, math.inf), "STRENGTH_OUT_OF_RANGE", "strength"),
        (DraftTerm(A, -0.1, operator=Operator.ABLATE), "STRENGTH_OUT_OF_RANGE", "strength"),
        (DraftTerm("e" * 64, 0.5), "VECTOR_NOT_FOUND", "vector"),
        (DraftTerm("../../etc/passwd", 0.5), "VECTOR_NOT_FOUND", "vector"),
        (DraftTerm(A, 0.5, (0,)), "LAYER_OUT_OF_RANGE", "layers"),
        (DraftTerm(A, 0.5, (-1,)), "LAYER_OUT_OF_RANGE", "layers"),
        (DraftTerm(C, 0.5, force=True), "LAYER_OUT_OF_RANGE", "layers"),
        (DraftTerm(B, 0.5), "VECTOR_STAGE_MISMATCH", "vector"),
        (DraftTerm(C, 0.5), "VECTOR_MODEL_MISMATCH", "vector"),
        (DraftTerm(D, 0.5, force=True), "VECTOR_SHAPE", "vector"),
        (DraftTerm(A, -0.1, operator=Operator.CLAMP), "STRENGTH_OUT_OF_RANGE", "strength"),
        (DraftTerm(A, 1.1, operator=Operator.CLAMP), "STRENGTH_OUT_OF_RANGE", "strength"),
        (DraftTerm(A, 1, operator=Operator.CLAMP, level=math.nan), "FIELD_INVALID", "level"),
        (DraftTerm(A, 1, operator=Operator.CLAMP, level=10.1), "FIELD_INVALID", "level"),
        (DraftTerm(A, 0.5, level=0.1), "FIELD_INVALID", "level"),
        (DraftTerm(A, 0.5, operator=Operator.ABLATE, bound=Bound.AT_MOST), "FIELD_INVALID", "bound"),
        (gated(Condition("e" * 64, 1, 0.1, ABOVE)), "VECTOR_NOT_FOUND", "condition.vector"),
        (gated(Condition("", 1, 0.1, ABOVE)), "VECTOR_NOT_FOUND", "condition.vector"),
        (gated(Condition(B, 0, 0.1, ABOVE)), "VECTOR_STAGE_MISMATCH", "condition.vector"),
        (gated(Condition(C, 1, 0.1, ABOVE)), "VECTOR_MODEL_MISMATCH", "condition.vector"),
        (gated(Condition(A, 0, 0.1, ABOVE)), "LAYER_OUT_OF_RANGE", "condition.layer"),
        (gated(Condition(A, 3, 0.1, ABOVE)), "FIELD_INVALID", "condition.layer"),
        (gated(Condition(A, 1, math.nan, ABOVE)), "FIELD_INVALID", "condition.threshold"),
        (gated(Condition(A, 1, -1.1, ABOVE)), "FIELD_INVALID", "condition.threshold"),
    ],
)
def test_a_term_that_does_not_fit_is_refused_by_its_field(
    checked: Any, term: DraftTerm, reason: str, field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        checked(DraftTerm(A, 0.1), term)
    assert (refused.value.reason, refused.value.field) == (reason, f"steering.terms[1].{field}")


@pytest.mark.parametrize(("strength", "operator"), [(1, "add"), (-1, "add"), (0, "ablate"), (1, "ablate")])
def test_the_ends_of_the_range_are_allowed(checked: Any, strength: float, operator: str) -> None:
    checked(DraftTerm(A, strength, operator=Operator(operator)))


def test_force_is_allowed_and_reported(checked: Any) -> None:
    result = checked(
        DraftTerm(A, 0.1, force=True), DraftTerm(B, 0.1, force=True), DraftTerm(C, 0.1, (1,), force=True)
    )
    assert result.forced == {B: "stage", C: "model"}, "A fits, so nothing was forced"


def test_force_covers_the_vector_of_a_condition_and_is_reported_for_it(checked: Any) -> None:
    result = checked(DraftTerm(A, 0.1, (3,), force=True, condition=Condition(B, 0, 0.1, ABOVE)))
    assert result.forced == {B: "stage"}


def test_two_terms_that_ablate_or_clamp_at_one_layer_are_refused_when_written_down(checked: Any) -> None:
    """Not with every request made under the snapshot."""
    with pytest.raises(Refusal) as refused:
        checked(DraftTerm(A, 1, (1, 2), Operator.ABLATE), DraftTerm(A, 1, (2, 3), Operator.CLAMP, level=0.1))
    assert (refused.value.reason, refused.value.field) == ("FIELD_INVALID", "steering.terms[1].layers")
    checked(
        DraftTerm(A, 1, (1,), Operator.ABLATE), DraftTerm(A, 1, (2, 3), Operator.CLAMP), DraftTerm(A, 0.5)
    )


def test_layers_left_out_are_those_of_the_vector(checked: Any) -> None:
    assert checked(DraftTerm(A, 0.1)).configuration.steering.terms[0].layers == (1, 2, 3)


@pytest.mark.parametrize(
    "stage", ["stage-09", "models/other/stages/stage-01", "models/desk", "x/y/z/stage-01"]
)
def test_an_unknown_stage_is_refused(checked: Any, stage: str) -> None:
    with pytest.raises(Refusal) as refused:
        checked(stage=stage)
    assert refused.value.reason == "STAGE_NOT_FOUND"


@pytest.mark.parametrize(
    ("sampling", "field"),
    [
        (Sampling(temperature=-0.1), "temperature"),
        (Sampling(temperature=math.nan), "temperature"),
        (Sampling(temperature=5.1), "temperature"),
        (Sampling(top_p=1.1), "top_p"),
        (Sampling(top_p=math.nan), "top_p"),
        (Sampling(top_k=-1), "top_k"),
        (Sampling(max_tokens=-1), "max_tokens"),
        (Sampling(max_tokens=4_097), "max_tokens"),
        (Sampling(stop=("",)), "stop"),
        (Sampling(stop=("x",) * 9), "stop"),
    ],
)
def test_a_sampling_that_cannot_be_is_refused_by_its_field(
    checked: Any, sampling: Sampling, field: str
) -> None:
    with pytest.raises(Refusal) as refused:
        checked(sampling=sampling)
    assert (refused.value.reason, refused.value.field) == ("FIELD_INVALID", f"sampling.{field}")
