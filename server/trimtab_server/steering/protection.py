"""The misuse rule: what steers against a protected concept, such as honesty, takes two admins."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from trimtab_server.steering.approvals import require_second_person
from trimtab_server.steering.snapshot import Bound, Configuration, Operator, Term
from trimtab_server.store import audit, concepts
from trimtab_server.store.concepts import LONGEST_NAME, ConceptRecord
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin, Result, once

PROTECT: Final = "concept.protect"
UNPROTECT: Final = "concept.unprotect"


def lowers(term: Term) -> bool:
    """Whether a term can only, or may, take away from what its vector stands for.

    A negative addition does, and so does an ablation. A clamp may, unless it moves the component up only.
    What a term's condition is read from is not steered.
    """
    if term.operator is Operator.ADD:
        return term.strength < 0
    if term.strength == 0:
        return False
    return term.operator is Operator.ABLATE or term.bound is not Bound.AT_LEAST


def lowered_concepts(connection: Connection, configuration: Configuration) -> tuple[str, ...]:
    """The protected concepts that a configuration steers against, by name.

    It goes by what a vector's author says the vector stands for: a vector whose labels were exchanged, or
    whose concept was stated wrongly, is not recognised here. Finding those is what the canary set is for.
    """
    suspects = {term.vector for term in configuration.steering.terms if lowers(term)}
    return tuple(sorted(set(concepts.protected_of(connection, suspects).values()))) if suspects else ()


def require_allowed(
    database: Database,
    configuration: Configuration,
    *,
    action: str,
    deployment: str,
    origin: Origin,
    reason: str,
    time: int,
    lasting: bool = False,
) -> None:
    """Returns if the configuration steers against nothing protected, or once two admins have asked for it.

    Call it wherever a configuration is about to reach users: activation, the start of a rollout, replies under
    steering that is not the active one. See `require_second_person` for when and where.

    Args:
        action: "snapshot.activate", "rollout.create", "chat.steer", ...
        lasting: for replies: the approval holds for an hour instead of one call.

    Raises:
        Refusal: CONCEPT_PROTECTED (who asks is no admin), SECOND_PERSON_NEEDED, REASON_REQUIRED.
    """
    if not any(lowers(term) for term in configuration.steering.terms):
        return
    with database.read() as connection:
        lowered = lowered_concepts(connection, configuration)
    if not lowered:
        return
    subject = f"snapshots/{configuration.id}"
    if origin.role != "admin":
        raise Refusal(
            "CONCEPT_PROTECTED", concepts=", ".join(lowered), subject=subject, action=action, role=origin.role
        )
    require_second_person(
        database,
        action=action,
        subject=subject,
        origin=origin,
        reason=reason,
        time=time,
        facts={"concepts": list(lowered), "deployment": deployment},
        lasting=lasting,
    )


def set_protection(
    database: Database, *, concept: str, protected: bool, origin: Origin, reason: str, time: int
) -> ConceptRecord:
    """Puts a concept under the rule, or takes it out; both need two admins. What is so already stays.

    Raises:
        Refusal: FIELD_INVALID, ROLE_NOT_ALLOWED, REASON_REQUIRED, SECOND_PERSON_NEEDED.
    """
    name = concepts.normal(concept)
    if not name or not name.isprintable() or len(concept) > LONGEST_NAME:
        raise Refusal(
            "FIELD_INVALID",
            field="concept",
            detail=f"concept must be 1 to {LONGEST_NAME} printable characters",
        )
    with database.read() as connection:
        held = concepts.find(connection, name)
    if held.protected == protected:
        return held
    action = PROTECT if protected else UNPROTECT
    require_second_person(
        database, action=action, subject=f"concepts/{name}", origin=origin, reason=reason, time=time
    )
    with database.write() as connection:

        def change() -> Result:
            concepts.protect(connection, name, protected, time)
            audit.append(
                connection, time=time, origin=origin, action=action, subject=f"concepts/{name}", reason=reason
            )
            return {"concept": name}

        once(connection, origin, time, change)
        return concepts.find(connection, name)
