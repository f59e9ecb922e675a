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
    "INTERNAL": QT_TRANSLATE_NOOP("Failure", "The server failed. Its log has the details."),
}


def describe(failure: Failure) -> str:
    """One sentence or two for the operator; the server's own words when the reason is not known here."""
    source = _TEXTS.get(failure.reason)
    if source is None:
        return failure.message
    return QCoreApplication.translate("Failure", source)
