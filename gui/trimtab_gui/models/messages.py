"""Failures in the operator's language: what was wrong and what to do."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QCoreApplication, QLocale
from trimtab_client import abbreviated

from trimtab_gui.bridge.failure import Failure
from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.server_sentences import say

_TEXTS: Final = {
    "NOT_CONNECTED": QT_TRANSLATE_NOOP("Failure", "There is no connection to a server."),
    "SERVER_UNREACHABLE": QT_TRANSLATE_NOOP(
        "Failure", "No server answers at this address. Check the address, or start the server."
    ),
    "CONNECTION_LOST": QT_TRANSLATE_NOOP("Failure", "The connection to the server broke."),
    "OUTCOME_UNKNOWN": QT_TRANSLATE_NOOP(
        "Failure",
        "The connection broke before the answer came. Whether it was done shows once it is back.",
    ),
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
    "MEASUREMENT_NOT_FOUND": QT_TRANSLATE_NOOP(
        "Failure", "This steering vector has not been measured at this stage."
    ),
    "CONTRAST_SET_NOT_FOUND": QT_TRANSLATE_NOOP("Failure", "The server does not know this contrast set."),
    "QUESTIONS_MISSING": QT_TRANSLATE_NOOP(
        "Failure", "The model carries no questions with known answers. Choose a file of them."
    ),
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
    "MODEL_NOT_FOUND": QT_TRANSLATE_NOOP("Failure", "The server does not host {name}."),
    "DEPLOYMENT_NOT_FOUND": QT_TRANSLATE_NOOP("Failure", "The server has no {deployment}."),
    "TOKEN_NOT_FOUND": QT_TRANSLATE_NOOP("Failure", "The server does not know this token."),
    "TRIAL_NOT_FOUND": QT_TRANSLATE_NOOP("Failure", "The server does not know this trial."),
    "TRIAL_SAMPLE_MISSING": QT_TRANSLATE_NOOP(
        "Failure", "This model comes without a sample set. Use prompts of your own."
    ),
    "TRIAL_CHANGED": QT_TRANSLATE_NOOP(
        "Failure", "The trial was locked with other criteria or prompts. Start a new trial."
    ),
    "TRIAL_BLIND": QT_TRANSLATE_NOOP(
        "Failure", "The trial is graded blind: lanes and outcomes are shown when the rating is finished."
    ),
    "CASE_NOT_FOUND": QT_TRANSLATE_NOOP("Failure", "The server does not know this case."),
    "CASE_TEMPLATE_NOT_FOUND": QT_TRANSLATE_NOOP("Failure", "The server has no template {template}."),
    "CASE_CONFLICT": QT_TRANSLATE_NOOP(
        "Failure", "Somebody else has just changed this case. Look at it again, then decide."
    ),
    "CASE_LOCKED": QT_TRANSLATE_NOOP(
        "Failure", "Goal and criteria of this case are locked ({hash}). Make another case for other criteria."
    ),
    "CASE_CHANGED": QT_TRANSLATE_NOOP(
        "Failure",
        "What was locked in this case has changed, or the criteria come to another hash. Look at them again.",
    ),
    "CASE_DECIDED": QT_TRANSLATE_NOOP(
        "Failure", "This case was closed by {actor}. Make a new one for a new question."
    ),
    "CASE_STEP": QT_TRANSLATE_NOOP("Failure", "The case is not there yet: {missing}"),
    "CASE_PART_TAKEN": QT_TRANSLATE_NOOP(
        "Failure", "{part} is part of {case} already; it can be part of one case only."
    ),
    "CASE_PART_TOO_EARLY": QT_TRANSLATE_NOOP(
        "Failure", "{part} is older than what it should follow, so it cannot count. Create another one."
    ),
    "CASE_CRITERIA_DIFFER": QT_TRANSLATE_NOOP(
        "Failure",
        "The trial has criteria {trial_hash}, the case {case_hash}. Create the trial with the criteria of the case.",
    ),
    "CASE_LANES_DIFFER": QT_TRANSLATE_NOOP(
        "Failure", "The trial does not try what the case locked: {changes}"
    ),
    "CASE_PROMPTS_REPEATED": QT_TRANSLATE_NOOP(
        "Failure",
        "{count} of {total} prompts were asked in this case before ({ids}). A confirmation needs fresh ones.",
    ),
    "CASE_CANDIDATE_DIFFERS": QT_TRANSLATE_NOOP(
        "Failure", "The rollout does not release what the confirmation recommends, lane {lane}: {detail}"
    ),
    "LAYER_OUT_OF_RANGE": QT_TRANSLATE_NOOP(
        "Failure", "Layer {layer} cannot be steered: the model has {layer_count} layers."
    ),
    "VECTOR_IN_USE": QT_TRANSLATE_NOOP(
        "Failure", "{snapshot_count} snapshot(s) use this vector. Snapshots are for ever, and so is it."
    ),
    "REQUEST_ID_REUSED": QT_TRANSLATE_NOOP("Failure", "This request was made before. Try again."),
    "REFERENCE_NOT_FINITE": QT_TRANSLATE_NOOP(
        "Failure", "A reply's {signal} is not finite, so these replies are no reference. Find out why first."
    ),
    "REFERENCE_NOT_ANSWERED": QT_TRANSLATE_NOOP(
        "Failure", "Canary question {question} was not answered, so there is no reference. Record again."
    ),
    "TOKEN_ENDED": QT_TRANSLATE_NOOP("Failure", "This token was revoked or has expired. Create another one."),
    "SECRET_ALREADY_SENT": QT_TRANSLATE_NOOP(
        "Failure", "The token's secret was sent once and is kept nowhere. Revoke it and create another one."
    ),
    "OBSERVATIONS_GONE": QT_TRANSLATE_NOOP(
        "Failure", "Of the {counted} observations behind this verdict, {kept} are still kept."
    ),
    "CONSUMER_STALLED": QT_TRANSLATE_NOOP(
        "Failure", "The reply was not read in time and was cancelled. Ask again."
    ),
    "MESSAGE_TOO_LARGE": QT_TRANSLATE_NOOP(
        "Failure", "This is larger than the server takes: {bytes} bytes, at most {limit}."
    ),
    "REQUEST_NOT_SENT": QT_TRANSLATE_NOOP("Failure", "The request did not reach the server in time."),
    "CHAT_TEMPLATE_MISSING": QT_TRANSLATE_NOOP(
        "Failure", "The model has no chat template, so it cannot take a conversation."
    ),
    "BLOB_DAMAGED": QT_TRANSLATE_NOOP("Failure", "A file in the server's store is damaged."),
}


# {detail} is the server's own words, which say where the fault is.
_INTRODUCTIONS: Final = {
    "REQUEST_UNDECODABLE": QT_TRANSLATE_NOOP(
        "Failure", "Client and server do not understand each other. Are their versions the same? {detail}"
    ),
    "FIELD_INVALID": QT_TRANSLATE_NOOP("Failure", "The server does not take this value: {detail}"),
    "PLAN_INVALID": QT_TRANSLATE_NOOP("Failure", "The plan cannot be used: {detail}"),
    "PLAN_UNREADABLE": QT_TRANSLATE_NOOP("Failure", "The plan file cannot be read: {detail}"),
    "ROLLOUT_STATE": QT_TRANSLATE_NOOP("Failure", "The rollout does not allow this now: {detail}"),
    "PROMPTS_INVALID": QT_TRANSLATE_NOOP("Failure", "The prompts cannot be used: {detail}"),
    "CRITERIA_INVALID": QT_TRANSLATE_NOOP("Failure", "The criteria cannot be used: {detail}"),
    "REPORT_NOT_MADE": QT_TRANSLATE_NOOP("Failure", "No report can be made: {detail}"),
    "TRIAL_STATE": QT_TRANSLATE_NOOP("Failure", "The trial does not allow this now: {detail}"),
    "VECTOR_CORRUPT": QT_TRANSLATE_NOOP("Failure", "The vector file is damaged: {detail}"),
    "VECTOR_NOT_FINITE": QT_TRANSLATE_NOOP(
        "Failure", "The vector holds numbers that are not finite: {detail}"
    ),
    "VECTOR_SHAPE": QT_TRANSLATE_NOOP("Failure", "The vector does not fit the model: {detail}"),
    "VECTOR_TOO_LARGE": QT_TRANSLATE_NOOP("Failure", "The vector file is too large: {detail}"),
    "VECTOR_INVALID": QT_TRANSLATE_NOOP("Failure", "The vector cannot be used: {detail}"),
    "CONTRAST_SET_INVALID": QT_TRANSLATE_NOOP("Failure", "The contrast set cannot be used: {detail}"),
    "QUESTIONS_INVALID": QT_TRANSLATE_NOOP("Failure", "The questions cannot be used: {detail}"),
    "MEASUREMENT_IMPOSSIBLE": QT_TRANSLATE_NOOP("Failure", "The vector cannot be measured: {detail}"),
    "MODEL_UNSUPPORTED": QT_TRANSLATE_NOOP("Failure", "This model cannot be hosted: {detail}"),
    "MODEL_NOT_LOADABLE": QT_TRANSLATE_NOOP("Failure", "The model cannot be loaded: {detail}"),
}

# Reasons with a text of their own.
REASONS: Final = frozenset({*_TEXTS, *_INTRODUCTIONS})


class _Facts(dict[str, str]):
    """What a sentence names; content hashes in short, and a mark where the server has sent nothing."""

    def __init__(self, failure: Failure) -> None:
        super().__init__({name: abbreviated(value) for name, value in failure.metadata.items()})
        self["detail"] = say(failure.metadata.get("detail") or failure.message)
        if QLocale().language() == QLocale.Language.Japanese:
            # Some facts are sentences, which the server says in both languages.
            said = {name: value for name, value in failure.metadata.items() if name.endswith("_ja")}
            self.update({name.removesuffix("_ja"): value for name, value in said.items()})

    def __missing__(self, name: str) -> str:
        return "?"


def source_text(reason: str) -> str:
    """The English text of a reason, with its placeholders; "" where there is none."""
    return _TEXTS.get(reason) or _INTRODUCTIONS.get(reason, "")


def describe(failure: Failure) -> str:
    """One sentence or two for the operator; the server's own words when the reason is not known here."""
    source = source_text(failure.reason)
    if not source:
        return failure.message
    return QCoreApplication.translate("Failure", source).format_map(_Facts(failure))


def in_the_servers_words(failure: Failure) -> str:
    """What the server said, with its own word for the reason: for a tooltip, and for whoever reads its log."""
    return f"{failure.reason}: {failure.message}" if failure.message else failure.reason
