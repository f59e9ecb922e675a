"""Failures in the operator's language: what was wrong and what to do."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication

from trimtab_gui.bridge.failure import Failure
from trimtab_gui.i18n import QT_TRANSLATE_NOOP

_TEXTS: Final = {
    "NOT_CONNECTED": QT_TRANSLATE_NOOP("Failure", "There is no connection to a server."),
    "SERVER_UNREACHABLE": QT_TRANSLATE_NOOP(
        "Failure", "No server answers at this address. Check the address, or start the server."
    ),
    "CONNECTION_LOST": QT_TRANSLATE_NOOP("Failure", "The connection to the server broke."),
    "CANCELLED": QT_TRANSLATE_NOOP("Failure", "The connection to the server was closed."),
    "NO_ANSWER": QT_TRANSLATE_NOOP("Failure", "The server did not answer in time."),
    "DEADLINE_EXCEEDED": QT_TRANSLATE_NOOP("Failure", "The server did not answer in time."),
    "TARGET_INVALID": QT_TRANSLATE_NOOP(
        "Failure", "This is not the address of a server. Write it as HOST:PORT, such as 127.0.0.1:7460."
    ),
    "TARGET_UNKNOWN": QT_TRANSLATE_NOOP("Failure", "Enter the address of a server."),
    "TOKEN_FILE_UNREADABLE": QT_TRANSLATE_NOOP("Failure", "The token file cannot be read."),
    "TOKEN_MISSING": QT_TRANSLATE_NOOP(
        "Failure", "The server asks for a token. Enter the one you were given."
    ),
    "TOKEN_INVALID": QT_TRANSLATE_NOOP("Failure", "The server does not know this token."),
    "TOKEN_EXPIRED": QT_TRANSLATE_NOOP("Failure", "This token has expired. Ask for a new one."),
    "TOKEN_REVOKED": QT_TRANSLATE_NOOP("Failure", "This token has been revoked. Ask for a new one."),
    "ROLE_NOT_ALLOWED": QT_TRANSLATE_NOOP("Failure", "Your role does not allow this."),
    "REVISION_CONFLICT": QT_TRANSLATE_NOOP(
        "Failure", "Somebody else has just changed the active snapshot. Look at it, then decide again."
    ),
    "QUEUE_FULL": QT_TRANSLATE_NOOP("Failure", "The server is busy: its queue is full. Try again shortly."),
    "SERVER_DRAINING": QT_TRANSLATE_NOOP("Failure", "The server is shutting down and takes no new requests."),
    "STAGE_LOADING": QT_TRANSLATE_NOOP("Failure", "The stage is still being loaded. Try again shortly."),
    "STAGE_NOT_FOUND": QT_TRANSLATE_NOOP("Failure", "The server does not know this stage."),
    "VECTOR_NOT_FOUND": QT_TRANSLATE_NOOP("Failure", "The server does not know this steering vector."),
    "VECTOR_MODEL_MISMATCH": QT_TRANSLATE_NOOP(
        "Failure", "A steering vector was made for another model and cannot be used here."
    ),
    "VECTOR_STAGE_MISMATCH": QT_TRANSLATE_NOOP(
        "Failure", "A steering vector was extracted at another stage. Choose its stage or switch it off."
    ),
    "STRENGTH_OUT_OF_RANGE": QT_TRANSLATE_NOOP("Failure", "The strength is outside the allowed range."),
    "SNAPSHOT_NOT_FOUND": QT_TRANSLATE_NOOP("Failure", "The server does not know this snapshot."),
    "NAME_TAKEN": QT_TRANSLATE_NOOP("Failure", "Another snapshot has this name. Choose a different one."),
    "NO_EARLIER_REVISION": QT_TRANSLATE_NOOP("Failure", "There is no earlier revision to go back to."),
    "REASON_REQUIRED": QT_TRANSLATE_NOOP("Failure", "Say why: the reason goes into the audit."),
    "PROMPT_EMPTY": QT_TRANSLATE_NOOP("Failure", "The message is empty."),
    "PROMPT_TOO_LONG": QT_TRANSLATE_NOOP(
        "Failure", "The conversation is longer than the model's context. Start a new one or shorten it."
    ),
    "DEADLINE_IMPOSSIBLE": QT_TRANSLATE_NOOP("Failure", "The server is too busy to answer in time."),
    "PLAN_CHANGED": QT_TRANSLATE_NOOP(
        "Failure", "The rollout was locked with another plan. Look at it, then decide again."
    ),
    "ROLLOUT_NOT_FOUND": QT_TRANSLATE_NOOP("Failure", "The server does not know this rollout."),
    "ROLLOUT_CONFLICT": QT_TRANSLATE_NOOP(
        "Failure", "The rollout has moved on meanwhile. Look at where it is now, then decide again."
    ),
    "ROLLOUT_RUNNING": QT_TRANSLATE_NOOP(
        "Failure", "A rollout is in force. Abort it or let it end, then try again."
    ),
    "CANDIDATE_IS_STABLE": QT_TRANSLATE_NOOP(
        "Failure", "This snapshot is the active one already. Choose another one as the candidate."
    ),
    "SECOND_PERSON_NEEDED": QT_TRANSLATE_NOOP(
        "Failure", "This takes two admins: another one has to do the same within the hour."
    ),
    "APPROVAL_NOT_FOUND": QT_TRANSLATE_NOOP("Failure", "The server does not know this proposal."),
    "APPROVAL_CLOSED": QT_TRANSLATE_NOOP(
        "Failure", "This proposal is decided already: only one that waits can be taken back."
    ),
    "CONCEPT_PROTECTED": QT_TRANSLATE_NOOP(
        "Failure", "This steers against a protected concept, which takes two admins."
    ),
    "CANARY_SET_MISSING": QT_TRANSLATE_NOOP("Failure", "The model has no canary set."),
    "REFERENCE_TOO_SHORT": QT_TRANSLATE_NOOP(
        "Failure",
        "There are too few replies for a reference. Wait for more, or record one on the canary set.",
    ),
    "SNAPSHOT_EXISTS": QT_TRANSLATE_NOOP(
        "Failure", "There is a snapshot with the same contents already. Use that one."
    ),
    "SNAPSHOT_DAMAGED": QT_TRANSLATE_NOOP(
        "Failure", "The snapshot is damaged in the server's store and is served to nobody."
    ),
    "REQUEST_LIMIT": QT_TRANSLATE_NOOP("Failure", "You ask too often. Wait a moment, then try again."),
    "TOKEN_LIMIT": QT_TRANSLATE_NOOP(
        "Failure", "You have used your tokens of this minute. Wait a moment, then try again."
    ),
    "STREAM_LIMIT": QT_TRANSLATE_NOOP("Failure", "You have too many streams open. Close one, or wait."),
    "CERTIFICATE_UNKNOWN": QT_TRANSLATE_NOOP(
        "Failure", "The server does not know whose certificate this is. Ask its admin, or use a token."
    ),
    "TOO_MANY_REFUSED_LOGINS": QT_TRANSLATE_NOOP(
        "Failure", "Too many calls from here showed no valid token. Wait a minute, then try again."
    ),
    "STORE_LOCKED": QT_TRANSLATE_NOOP("Failure", "The server's store is busy. Try again shortly."),
    "STORE_FULL": QT_TRANSLATE_NOOP("Failure", "The server's disk is full: nothing was changed."),
    "STORE_IO_FAILED": QT_TRANSLATE_NOOP(
        "Failure", "The server could not write to its store: nothing was changed."
    ),
    "STORE_DAMAGED": QT_TRANSLATE_NOOP("Failure", "The server's store is damaged. Its log has the details."),
    "INTERNAL": QT_TRANSLATE_NOOP("Failure", "The server failed. Its log has the details."),
}


# Followed by the server's own words, which say where the fault is.
_INTRODUCTIONS: Final = {
    "PLAN_INVALID": QT_TRANSLATE_NOOP("Failure", "The plan cannot be used: {0}"),
    "PLAN_UNREADABLE": QT_TRANSLATE_NOOP("Failure", "The plan file cannot be read: {0}"),
    "ROLLOUT_STATE": QT_TRANSLATE_NOOP("Failure", "The rollout does not allow this now: {0}"),
}


def describe(failure: Failure) -> str:
    """One sentence or two for the operator; the server's own words when the reason is not known here."""
    introduction = _INTRODUCTIONS.get(failure.reason)
    if introduction is not None:
        detail = failure.metadata.get("detail") or failure.message
        return QCoreApplication.translate("Failure", introduction).format(detail)
    source = _TEXTS.get(failure.reason)
    if source is None:
        return failure.message
    return QCoreApplication.translate("Failure", source)
