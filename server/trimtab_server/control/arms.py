"""Which arm of a rollout a session gets: always the same one, and nobody can choose it."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from trimtab_server.rollouts.observations import Arm
from trimtab_server.store.rollouts import RolloutRecord

_BITS: Final = 53  # what a float holds exactly, so that no place is rounded up to 100


@dataclass(frozen=True)
class Assignment:
    """One reply's place in a rollout.

    weight: the candidate's share of sessions when the arm was chosen, in percent. session: a keyed hash of
    the session's id, enough to tell sessions apart and nothing else.
    """

    rollout: str
    arm: Arm
    weight: int
    session: str


def place_of(secret: str, session: str) -> float:
    """Where a session stands between 0 and 100, evenly spread: HMAC-SHA256 under the rollout's secret.

    It does not depend on the process, and a session of one rollout is drawn anew in the next.
    """
    digest = _digest(secret, "place", session)
    return 100.0 * (int.from_bytes(digest[:8], "big") >> (64 - _BITS)) / (1 << _BITS)


def choose_arm(rollout: RolloutRecord, session: str) -> Arm:
    """The candidate for the lowest `weight` percent of places.

    A session that got the candidate keeps it while the weight grows, as one that got stable does while it
    falls.
    """
    return "candidate" if place_of(rollout.secret, session) < rollout.weight else "stable"


def assign(rollout: RolloutRecord, session: str) -> Assignment:
    """The session's arm now, with what the evidence has to know of it."""
    key = keyed_hash(rollout.secret, "session", session)
    return Assignment(rollout.id, choose_arm(rollout, session), rollout.weight, key)


def keyed_hash(secret: str, purpose: str, text: str) -> str:
    """16 hexadecimal digits: enough to tell texts apart, nothing to read them from."""
    return _digest(secret, purpose, text).hex()[:16]


def _digest(secret: str, purpose: str, text: str) -> bytes:
    message = f"{purpose}\0{text}".encode()
    return hmac.digest(bytes.fromhex(secret), message, "sha256")
