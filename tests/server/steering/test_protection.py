"""Steering against a protected concept takes two admins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from trimtab_server.steering.protection import lowered_concepts, lowers, require_allowed, set_protection
from trimtab_server.steering.snapshot import (
    Bound,
    Condition,
    Configuration,
    Opens,
    Operator,
    Steering,
    Term,
)
from trimtab_server.store import audit, concepts, tokens, vectors
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin

ADA, BO = Origin("tokens/ada", "admin"), Origin("tokens/bo", "admin")
OPERATOR = Origin("tokens/op", "operator")
Keep = Callable[..., str]


@pytest.fixture(autouse=True)
def _known_admins(database: Database) -> None:
    """A proposal counts only while its author's token is valid."""
    with database.write() as connection:
        for name in ("ada", "bo"):
            token, _ = tokens.mint(name, "admin", 1)
            tokens.add(connection, replace(token, id=name))


@pytest.fixture
def keep(database: Database) -> Keep:
    """Puts a vector of a concept into the catalogue and returns its id."""

    def run(concept: str, letter: str) -> str:
        record = vectors.VectorRecord(
            id=letter * 64,
            blob=letter * 64,
            display_name=concept,
            concept=concept,
            stage="stage-02",
            model_fingerprint="f" * 64,
            method="diff_mean",
            data_hash="",
            hidden_size=8,
            layers=(1,),
            raw_norms=(1.0,),
            residual_norms=(1.0,),
            pair_accuracies=(),
            license="",
            created_by="",
            create_time=1,
        )
        with database.write() as connection:
            vectors.add(connection, record, 1)
        return record.id

    return run


def configuration(vector: str, **term: Any) -> Configuration:
    values = {"strength": -0.2} | term
    return Configuration(Steering("desk", "stage-02", (Term(vector=vector, layers=(1,), **values),)))


def allow(database: Database, wanted: Configuration, origin: Origin, **changed: Any) -> None:
    values = {
        "action": "snapshot.activate",
        "deployment": "default",
        "reason": "a trial",
        "time": 10,
    } | changed
    require_allowed(database, wanted, origin=origin, **values)


@pytest.mark.parametrize(
    ("term", "harmful"),
    [
        ({"strength": -0.01}, True),
        ({"strength": 0.0}, False),
        ({"strength": 0.5}, False),
        ({"operator": Operator.ABLATE, "strength": 0.1}, True),
        ({"operator": Operator.ABLATE, "strength": 0.0}, False),
        ({"operator": Operator.CLAMP, "strength": 1.0, "level": 0.5}, True),
        ({"operator": Operator.CLAMP, "strength": 1.0, "bound": Bound.AT_MOST}, True),
        ({"operator": Operator.CLAMP, "strength": 1.0, "bound": Bound.AT_LEAST}, False),
        ({"operator": Operator.CLAMP, "strength": 0.0}, False),
    ],
)
def test_what_takes_away_from_a_concept(term: dict[str, Any], harmful: bool) -> None:
    assert lowers(Term(vector="a" * 64, layers=(1,), **term)) is harmful


@pytest.mark.parametrize("spelling", ["honesty", "Honesty", "  HONESTY ", "ｈｏｎｅｓｔｙ"])
def test_honesty_is_protected_from_the_start_however_it_is_spelt(
    database: Database, keep: Keep, spelling: str
) -> None:
    wanted = configuration(keep(spelling, "e"))
    with database.read() as connection:
        assert lowered_concepts(connection, wanted) == ("honesty",)


def test_an_operator_never_steers_against_it_and_an_admin_not_alone(database: Database, keep: Keep) -> None:
    wanted = configuration(keep("honesty", "e"))
    for _ in range(2):
        with pytest.raises(Refusal) as denied:
            allow(database, wanted, OPERATOR)
        assert (denied.value.reason, denied.value.metadata["concepts"]) == ("CONCEPT_PROTECTED", "honesty")
    for _ in range(2):
        with pytest.raises(Refusal, match="SECOND_PERSON_NEEDED"):
            allow(database, wanted, ADA)
    allow(database, wanted, BO, time=11)


@pytest.mark.parametrize("changed", [{"deployment": "other"}, {"action": "rollout.create"}])
def test_an_approval_is_for_one_deployment_and_one_action(
    database: Database, keep: Keep, changed: dict[str, str]
) -> None:
    wanted = configuration(keep("honesty", "e"))
    with pytest.raises(Refusal, match="SECOND_PERSON_NEEDED"):
        allow(database, wanted, ADA)
    with pytest.raises(Refusal, match="SECOND_PERSON_NEEDED"):
        allow(database, wanted, BO, **changed)


def test_what_harms_nothing_protected_passes(database: Database, keep: Keep) -> None:
    allow(database, configuration(keep("honesty", "e"), strength=0.4), OPERATOR)
    allow(database, configuration(keep("brevity", "9")), OPERATOR)
    allow(database, Configuration(Steering("desk", "stage-02")), OPERATOR)


def test_a_vector_read_by_a_condition_alone_is_not_steered_with(database: Database, keep: Keep) -> None:
    gate = Condition(keep("honesty", "e"), 0, 0.0, Opens.SCORE_BELOW)
    allow(database, configuration(keep("brevity", "9"), condition=gate), OPERATOR)


def test_the_protection_of_a_concept_is_changed_by_two_admins_and_recorded(
    database: Database, keep: Keep
) -> None:
    wanted = configuration(keep("honesty", "e"))

    def change(origin: Origin, protected: bool, time: int) -> concepts.ConceptRecord:
        return set_protection(
            database, concept="Honesty", protected=protected, origin=origin, reason="why", time=time
        )

    assert change(OPERATOR, True, 1).protected, "what is so already needs nobody"
    with pytest.raises(Refusal, match="ROLE_NOT_ALLOWED"):
        change(OPERATOR, False, 2)
    with pytest.raises(Refusal, match="SECOND_PERSON_NEEDED"):
        change(ADA, False, 3)
    assert not change(BO, False, 4).protected
    allow(database, wanted, OPERATOR)
    with pytest.raises(Refusal, match="SECOND_PERSON_NEEDED"):
        change(BO, True, 5)
    assert change(ADA, True, 6).protected
    with pytest.raises(Refusal, match="CONCEPT_PROTECTED"):
        allow(database, wanted, OPERATOR)
    with database.read() as connection:
        actions = [(r.action, r.subject) for r in audit.records(connection, limit=6)]
    assert actions == [
        ("concept.protect", "concepts/honesty"),
        ("approval.grant", actions[1][1]),
        ("approval.propose", actions[1][1]),
        ("concept.unprotect", "concepts/honesty"),
        ("approval.grant", actions[4][1]),
        ("approval.propose", actions[4][1]),
    ]


def test_concepts_are_those_of_vectors_and_those_decided_about(database: Database, keep: Keep) -> None:
    keep("Brevity", "9")
    with database.read() as connection:
        found = {concept.name: concept.protected for concept in concepts.all_of(connection)}
    assert (found["brevity"], found["honesty"]) == (False, True)


@pytest.mark.parametrize("name", ["", "   ", "x" * 300, "a\x00b"])
def test_a_concept_needs_a_name(database: Database, name: str) -> None:
    with pytest.raises(Refusal, match="FIELD_INVALID"):
        set_protection(database, concept=name, protected=True, origin=ADA, reason="why", time=1)
