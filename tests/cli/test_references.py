"""What people type for vectors, doses and layers."""

from __future__ import annotations

from typing import Any, cast

import pytest
from trimtab_client import (
    Bound,
    Client,
    Condition,
    Opens,
    Operator,
    Positions,
    PreserveStateNorm,
    SteeringTerm,
    Vector,
)
from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.references import find_vector, parse_layers, resolve_terms
from trimtab_server.cli.term_options import operation
from trimtab_server.cli.vectors import spans


def card(identity: str, display_name: str, strength: float = 0.0, layers: tuple[int, ...] = ()) -> Vector:
    return Vector(
        name=f"vectors/{identity}", display_name=display_name, concept="honesty", stage="stage-11",
        model_fingerprint="f", method="diff_mean", data_hash="d", hidden_size=8, layers=(2, 3, 4),
        raw_norms=(), residual_norms=(), pair_accuracies=(), created_by="", create_time=None, license="",
        compatible=True, suggested_strength=strength, suggested_layers=layers, safe_strength=0.0,
        snapshot_count=0,
    )  # fmt: skip


GOOD = card("ab" * 32, "honesty", 0.8, (3,))
OTHER = card("ac" * 32, "other")
TWIN = card("ad" * 32, "other")


class Library:
    def vectors(self) -> tuple[Vector, ...]:
        return (GOOD, OTHER)


def terms(*texts: str) -> tuple[SteeringTerm, ...]:
    return resolve_terms(cast(Client, cast(Any, Library())), texts)


@pytest.mark.parametrize("reference", ["honesty", "ab" * 32, f"vectors/{'ab' * 32}", "abab"])
def test_a_vector_is_found_by_name_hash_and_start_of_the_hash(reference: str) -> None:
    assert find_vector(reference, (GOOD, OTHER)) is GOOD


def test_a_name_that_two_vectors_have_is_refused() -> None:
    with pytest.raises(CommandFailed, match="give the hash") as caught:
        find_vector("other", (GOOD, OTHER, TWIN))
    assert caught.value.reason == "VECTOR_AMBIGUOUS"


def test_an_unknown_name_shows_what_there_is() -> None:
    with pytest.raises(CommandFailed, match="honesty, other"):
        find_vector("hones", (GOOD, OTHER))


@pytest.mark.parametrize(
    ("text", "strength", "layers"),
    [
        ("honesty", 0.8, (3,)),
        ("honesty:0.5", 0.5, (3,)),
        ("honesty:-.5:2,4", -0.5, (2, 4)),
        ("honesty:1e-3:2-4", 0.001, (2, 3, 4)),
        ("other:0", 0.0, ()),
    ],
)
def test_a_term_is_name_strength_and_layers(text: str, strength: float, layers: tuple[int, ...]) -> None:
    (term,) = terms(text)
    assert (term.strength, term.layers) == (strength, layers)


def test_options_behind_the_dose_say_how_it_steers() -> None:
    (term,) = terms("honesty:0.5:3-4 clamp>=-0.25 reply norm=grown if=other@2<1e-1")
    assert term == SteeringTerm(
        GOOD.name,
        0.5,
        layers=(3, 4),
        operator=Operator.CLAMP,
        positions=Positions.REPLY,
        level=-0.25,
        bound=Bound.AT_LEAST,
        preserve_state_norm=PreserveStateNorm.GROWN,
        condition=Condition(OTHER.name, 2, 0.1, Opens.SCORE_BELOW),
    )
    assert operation(term, lambda name: "other") == "clamp>=-0.25 norm=grown if=other@2<0.1"


@pytest.mark.parametrize(
    ("text", "operator", "strength"),
    [
        ("other ablate", Operator.ABLATE, 1.0),
        ("honesty ablate", Operator.ABLATE, 1.0),
        ("other:0.25 clamp=0.5", Operator.CLAMP, 0.25),
        ("honesty norm=always", Operator.ADD, 0.8),
    ],
)
def test_all_of_a_component_is_meant_where_no_share_is_given(
    text: str, operator: Operator, strength: float
) -> None:
    (term,) = terms(text)
    assert (term.operator, term.strength) == (operator, strength)


def test_a_name_with_spaces_may_carry_options() -> None:
    named = card("ae" * 32, "the evening one", 0.4)
    library = cast(Client, cast(Any, type("L", (), {"vectors": lambda _: (named,)})()))
    (term,) = resolve_terms(library, ["the evening one reply"])
    assert (term.vector, term.positions) == (named.name, Positions.REPLY)


def test_a_condition_on_an_unknown_vector_is_refused_by_its_name() -> None:
    with pytest.raises(CommandFailed, match="no vector is called 'sales'"):
        terms("honesty if=sales@1>0.2")


def test_a_vector_without_a_suggestion_needs_a_strength() -> None:
    with pytest.raises(CommandFailed, match=r"other:0\.3"):
        terms("other")


def test_layers_are_read_and_written_alike() -> None:
    assert parse_layers("2-4,7") == (2, 3, 4, 7)
    assert spans((2, 3, 4, 7)) == "2-4,7"
    with pytest.raises(CommandFailed, match="no list of layers"):
        parse_layers("2-")
