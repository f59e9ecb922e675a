"""What people type for vectors, doses and layers."""

from __future__ import annotations

from typing import Any, cast

import pytest
from trimtab_client import Client, SteeringTerm, Vector
from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.references import find_vector, parse_layers, resolve_terms
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


def test_a_vector_without_a_suggestion_needs_a_strength() -> None:
    with pytest.raises(CommandFailed, match=r"other:0\.3"):
        terms("other")


def test_layers_are_read_and_written_alike() -> None:
    assert parse_layers("2-4,7") == (2, 3, 4, 7)
    assert spans((2, 3, 4, 7)) == "2-4,7"
    with pytest.raises(CommandFailed, match="no list of layers"):
        parse_layers("2-")
