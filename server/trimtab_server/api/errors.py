"""The whole error catalogue: every reason a caller can meet, its status and its sentence.

Each error carries exactly one ErrorInfo whose metadata holds every variable of the sentence; INVALID_ARGUMENT
adds a BadRequest that names the field, and refusals worth another try add a RetryInfo (AIP-193).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from trimtab_server.store.refusal import Refusal

DOMAIN: Final = "trimtab"
#: Trailers are limited to a few KiB in all.
_LONGEST_VALUE: Final = 400
_MOST_VIOLATIONS: Final = 8

Code = grpc.StatusCode


@dataclass(frozen=True)
class Entry:
    """A status, and a sentence with `{variables}` that the metadata fills in."""

    code: grpc.StatusCode
    sentence: str


CATALOGUE: Final[dict[str, Entry]] = {
    # What the caller wrote
    "REQUEST_UNDECODABLE": Entry(Code.INVALID_ARGUMENT, "the bytes are no {message_type}: {detail}"),
    "FIELD_INVALID": Entry(Code.INVALID_ARGUMENT, "{detail}"),
    "REASON_REQUIRED": Entry(Code.INVALID_ARGUMENT, "a reason is needed: say why; it stays in the record"),
    "REQUEST_ID_REUSED": Entry(
        Code.INVALID_ARGUMENT,
        "request_id {request_id} was used for another request; make a new one for each request",
    ),
    "PROMPT_EMPTY": Entry(Code.INVALID_ARGUMENT, "there is nothing to answer: {detail}"),
    "PROMPT_TOO_LONG": Entry(Code.INVALID_ARGUMENT, "{detail}"),
    "STRENGTH_OUT_OF_RANGE": Entry(
        Code.INVALID_ARGUMENT,
        "strength is {strength}; with operator {operator} it must be a number from {lowest} to {highest}",
    ),
    "LAYER_OUT_OF_RANGE": Entry(
        Code.INVALID_ARGUMENT,
        "layer {layer} cannot be steered: {vector} has layers {vector_layers}, the model has {layer_count}",
    ),
    "VECTOR_CORRUPT": Entry(Code.INVALID_ARGUMENT, "{detail}"),
    "VECTOR_NOT_FINITE": Entry(Code.INVALID_ARGUMENT, "{detail}"),
    "VECTOR_SHAPE": Entry(Code.INVALID_ARGUMENT, "{detail}"),
    "VECTOR_TOO_LARGE": Entry(Code.INVALID_ARGUMENT, "{detail}"),
    "VECTOR_INVALID": Entry(Code.INVALID_ARGUMENT, "{detail}"),
    "CONTRAST_SET_INVALID": Entry(Code.INVALID_ARGUMENT, "{detail}"),
    "QUESTIONS_INVALID": Entry(Code.INVALID_ARGUMENT, "{detail}"),
    # What is not there, or there already
    "CONTRAST_SET_NOT_FOUND": Entry(
        Code.NOT_FOUND, "the model carries no contrast set {contrast_set}; it carries {known}"
    ),
    "MEASUREMENT_NOT_FOUND": Entry(
        Code.NOT_FOUND, "{vector} has not been measured at stage {stage}; MeasureVector does that"
    ),
    "VECTOR_NOT_FOUND": Entry(Code.NOT_FOUND, "{vector} does not exist; ListVectors shows what does"),
    "SNAPSHOT_NOT_FOUND": Entry(Code.NOT_FOUND, "{snapshot} does not exist; ListSnapshots shows what does"),
    "STAGE_NOT_FOUND": Entry(
        Code.NOT_FOUND, "stage {stage} does not exist in models/{model}; ListStages shows what does"
    ),
    "MODEL_NOT_FOUND": Entry(Code.NOT_FOUND, "{name} is not hosted here; ListModels shows what is"),
    "DEPLOYMENT_NOT_FOUND": Entry(Code.NOT_FOUND, "{deployment} does not exist"),
    "APPROVAL_NOT_FOUND": Entry(Code.NOT_FOUND, "{approval} does not exist; ListApprovals shows what does"),
    "TOKEN_NOT_FOUND": Entry(Code.NOT_FOUND, "{token} does not exist; ListTokens shows what does"),
    "CANARY_SET_MISSING": Entry(
        Code.FAILED_PRECONDITION, "models/{model} has no canary set: put a canary.jsonl into its directory"
    ),
    "REFERENCE_TOO_SHORT": Entry(
        Code.FAILED_PRECONDITION,
        "{found} {what}; a reference needs {needed}: wait for more, or record one on the canary set",
    ),
    "REFERENCE_NOT_FINITE": Entry(
        Code.FAILED_PRECONDITION,
        "a reply's {signal} is not finite, so these replies are no reference; find out why first",
    ),
    "REFERENCE_NOT_ANSWERED": Entry(
        Code.UNAVAILABLE, "canary question {question} was not answered: {detail}; record again"
    ),
    "NAME_TAKEN": Entry(Code.ALREADY_EXISTS, "the name {display_name} belongs to {snapshot}; choose another"),
    "SNAPSHOT_EXISTS": Entry(
        Code.ALREADY_EXISTS, "the same configuration is {snapshot}, named {display_name}; use that one"
    ),
    # What does not fit
    "VECTOR_MODEL_MISMATCH": Entry(
        Code.FAILED_PRECONDITION,
        "{vector} was made for model {vector_model}, hosted is {hosted_model}; "
        "extract it again here, or set force",
    ),
    "VECTOR_STAGE_MISMATCH": Entry(
        Code.FAILED_PRECONDITION,
        "{vector} was made at stage {vector_stage}, not at {stage}; extract it again there, or set force",
    ),
    "MEASUREMENT_IMPOSSIBLE": Entry(Code.FAILED_PRECONDITION, "{detail}"),
    "QUESTIONS_MISSING": Entry(
        Code.FAILED_PRECONDITION,
        "model {model} carries no questions with known answers (dev.jsonl); send some along",
    ),
    "VECTOR_IN_USE": Entry(
        Code.FAILED_PRECONDITION,
        "{vector} is kept for {snapshot_count} snapshot(s), one of them {snapshot}; snapshots are for ever",
    ),
    "NO_EARLIER_REVISION": Entry(
        Code.FAILED_PRECONDITION,
        "{deployment} was never on {wanted}; activate a snapshot instead of rolling back",
    ),
    "TOKEN_ENDED": Entry(Code.FAILED_PRECONDITION, "{token} was revoked or has expired; create another"),
    "SECRET_ALREADY_SENT": Entry(
        Code.FAILED_PRECONDITION,
        "{token} was made by the first request with this id and its secret is kept nowhere; "
        "revoke it and create another",
    ),
    "REVISION_CONFLICT": Entry(
        Code.ABORTED,
        "{deployment} is at revision {active_revision}, not at {expected_revision}; look again, then decide",
    ),
    # Rollouts
    "PLAN_INVALID": Entry(Code.INVALID_ARGUMENT, "the plan cannot be used: {detail}"),
    "PLAN_CHANGED": Entry(
        Code.FAILED_PRECONDITION,
        "{rollout} was locked with plan {locked_hash}, this is {plan_hash}; create a rollout for the new plan",
    ),
    "ROLLOUT_NOT_FOUND": Entry(Code.NOT_FOUND, "{rollout} does not exist; ListRollouts shows what does"),
    "OBSERVATIONS_GONE": Entry(
        Code.FAILED_PRECONDITION,
        "{rollout} was judged by {counted} observations, of which {kept} are kept: their retention is over",
    ),
    "ROLLOUT_STATE": Entry(Code.FAILED_PRECONDITION, "{rollout} is {state}: {detail}"),
    "CANDIDATE_IS_STABLE": Entry(
        Code.FAILED_PRECONDITION,
        "{snapshot} is what {deployment} serves already; name another one as the candidate",
    ),
    "ROLLOUT_CONFLICT": Entry(Code.ABORTED, "{rollout} is {found}, not {expected}; look again, then decide"),
    "ROLLOUT_RUNNING": Entry(
        Code.ABORTED,
        "{rollout} is {state} with weight {weight}% on {deployment}; "
        "abort it, let it end, or activate with replace",
    ),
    # Trials
    "PROMPTS_INVALID": Entry(Code.INVALID_ARGUMENT, "the prompts cannot be used: {detail}"),
    "CRITERIA_INVALID": Entry(Code.INVALID_ARGUMENT, "the criteria cannot be used: {detail}"),
    "TRIAL_NOT_FOUND": Entry(Code.NOT_FOUND, "{trial} does not exist; ListTrials shows what does"),
    "TRIAL_STATE": Entry(Code.FAILED_PRECONDITION, "{trial} is {state}: {detail}"),
    "TRIAL_CHANGED": Entry(
        Code.FAILED_PRECONDITION,
        "{trial} was locked as {locked_hash}, and its {part} is another one; create a new trial",
    ),
    "REPORT_NOT_MADE": Entry(Code.FAILED_PRECONDITION, "no report can be made: {detail}"),
    "TRIAL_BLIND": Entry(
        Code.FAILED_PRECONDITION,
        "{trial} is graded blind: its lanes and outcomes are shown when the rating is finished",
    ),
    # Cases
    "CASE_NOT_FOUND": Entry(Code.NOT_FOUND, "{case} does not exist; ListCases shows what does"),
    "CASE_TEMPLATE_NOT_FOUND": Entry(
        Code.NOT_FOUND, "there is no template {template}; ListCaseTemplates shows what there is"
    ),
    "CASE_CONFLICT": Entry(
        Code.ABORTED,
        "{case} is at version {found}, not at {expected}: somebody changed it; look again, then decide",
    ),
    "CASE_LOCKED": Entry(Code.FAILED_PRECONDITION, "{case} has criteria locked as {hash}: {detail}"),
    "CASE_CHANGED": Entry(
        Code.FAILED_PRECONDITION,
        "the {part} of {case} is not what was locked ({locked_hash}); look at it again, or make a new case",
    ),
    "CASE_DECIDED": Entry(
        Code.FAILED_PRECONDITION,
        "{case} was closed by {actor} with {decision}; make a new case for a new question",
    ),
    "CASE_STEP": Entry(Code.FAILED_PRECONDITION, "{case} is not there yet; step {step}: {missing}"),
    "CASE_PART_TAKEN": Entry(
        Code.ALREADY_EXISTS, "{part} is part of {case} already; it can be part of one only"
    ),
    "CASE_PART_TOO_EARLY": Entry(
        Code.FAILED_PRECONDITION, "{part} was created before {what}, so it cannot count; create another one"
    ),
    "CASE_CRITERIA_DIFFER": Entry(
        Code.FAILED_PRECONDITION,
        "{trial} has criteria {trial_hash}, {case} has {case_hash}: create the trial with the criteria of the case",
    ),
    "CASE_LANES_DIFFER": Entry(
        Code.FAILED_PRECONDITION,
        "{trial} does not try what {case} locked: {changes}; create it with the criteria of the case",
    ),
    "CASE_PROMPTS_REPEATED": Entry(
        Code.FAILED_PRECONDITION,
        "{count} of {total} prompts of {trial} were asked in this case before ({ids}); a confirmation needs fresh ones",
    ),
    "CASE_CANDIDATE_DIFFERS": Entry(
        Code.FAILED_PRECONDITION,
        "{rollout} releases {snapshot}, and the confirmation recommends lane {lane}: {detail}; make a rollout of that",
    ),
    "TRIAL_SAMPLE_MISSING": Entry(
        Code.NOT_FOUND, "models/{model} ships no sample trial; bring prompts of your own"
    ),
    # Not now
    "QUEUE_FULL": Entry(Code.RESOURCE_EXHAUSTED, "{detail}"),
    "CONSUMER_STALLED": Entry(
        Code.RESOURCE_EXHAUSTED, "the reply was not read for {seconds} seconds and was cancelled"
    ),
    "REQUEST_LIMIT": Entry(
        Code.RESOURCE_EXHAUSTED, "{actor} may make {limit} requests a minute; wait {seconds} seconds"
    ),
    "TOKEN_LIMIT": Entry(
        Code.RESOURCE_EXHAUSTED,
        "{actor} may use {limit} tokens a minute, and this asks for up to {tokens}: wait {seconds} seconds, or "
        "ask for fewer with max_tokens",
    ),
    "STREAM_LIMIT": Entry(
        Code.RESOURCE_EXHAUSTED, "{actor} may have {limit} streams open at once; close one, or wait"
    ),
    "MESSAGE_TOO_LARGE": Entry(
        Code.RESOURCE_EXHAUSTED, "the request has {bytes} bytes; {method} takes at most {limit}"
    ),
    "REQUEST_NOT_SENT": Entry(
        Code.DEADLINE_EXCEEDED, "the call was opened and its request not sent within {seconds} seconds"
    ),
    "SERVER_DRAINING": Entry(Code.UNAVAILABLE, "the server is shutting down and takes no new requests"),
    "STAGE_LOADING": Entry(Code.UNAVAILABLE, "stage {stage} is being loaded; try again shortly"),
    "DEADLINE_IMPOSSIBLE": Entry(Code.DEADLINE_EXCEEDED, "{detail}"),
    # Who asks
    "TOKEN_MISSING": Entry(Code.UNAUTHENTICATED, "no token: send the metadata 'authorization: Bearer TOKEN'"),
    "TOKEN_INVALID": Entry(Code.UNAUTHENTICATED, "the token is not known here"),
    "TOKEN_EXPIRED": Entry(Code.UNAUTHENTICATED, "{token} has expired; ask an admin for a new one"),
    "TOKEN_REVOKED": Entry(Code.UNAUTHENTICATED, "{token} was revoked; ask an admin for a new one"),
    "CERTIFICATE_UNKNOWN": Entry(
        Code.UNAUTHENTICATED,
        "the certificate is valid, and no principal is one of {identities}: add it to the principals file, or "
        "show a token",
    ),
    "TOO_MANY_REFUSED_LOGINS": Entry(
        Code.UNAUTHENTICATED,
        "more than {limit} calls a minute from this address showed no valid token; wait {seconds} seconds",
    ),
    "ROLE_NOT_ALLOWED": Entry(Code.PERMISSION_DENIED, "role {role} may not call {method}"),
    "CONCEPT_PROTECTED": Entry(
        Code.PERMISSION_DENIED,
        "{subject} steers against {concepts}, which is protected: {action} takes two admins, and this is role "
        "{role}",
    ),
    "SECOND_PERSON_NEEDED": Entry(
        Code.FAILED_PRECONDITION,
        "{action} of {subject} needs two admins: {approval}, proposed by {proposer}, waits {minutes} more "
        "minutes for the same call by another one",
    ),
    "APPROVAL_CLOSED": Entry(
        Code.FAILED_PRECONDITION, "{approval} is {state}: only one that waits can be cancelled"
    ),
    # Ours
    "BLOB_DAMAGED": Entry(Code.DATA_LOSS, "{detail}"),
    "SNAPSHOT_DAMAGED": Entry(Code.DATA_LOSS, "{detail}"),
    "STORE_FULL": Entry(Code.RESOURCE_EXHAUSTED, "{detail}"),
    "STORE_LOCKED": Entry(Code.UNAVAILABLE, "{detail}"),
    "STORE_IO_FAILED": Entry(Code.UNAVAILABLE, "{detail}"),
    "STORE_DAMAGED": Entry(Code.DATA_LOSS, "{detail}"),
    "MODEL_UNSUPPORTED": Entry(Code.FAILED_PRECONDITION, "{detail}"),
    "MODEL_NOT_LOADABLE": Entry(Code.FAILED_PRECONDITION, "{detail}"),
    "CHAT_TEMPLATE_MISSING": Entry(Code.FAILED_PRECONDITION, "{detail}"),
    "INTERNAL": Entry(Code.INTERNAL, "internal error; the server's log has it under request {request_id}"),
}


@runtime_checkable
class Reasoned(Protocol):
    """Errors of the parts that know nothing of the wire: the engine's and the vector formats'."""

    reason: str

    @property
    def metadata(self) -> Any: ...


def refusal_from(error: Exception) -> Refusal | None:
    """The refusal an exception of another part amounts to; None if it is none we know."""
    if isinstance(error, Refusal):
        return error
    if not isinstance(error, Reasoned) or error.reason not in CATALOGUE:
        return None
    metadata = {"detail": str(error)} | {str(key): value for key, value in dict(error.metadata).items()}
    field = str(metadata.pop("field", ""))
    retry = metadata.get("retry_after_seconds")
    if error.reason == "STAGE_LOADING" and retry is None:
        retry = 1.0
    refusal = Refusal(error.reason, field=field, retry_after_seconds=None if retry is None else float(retry))
    refusal.metadata.update(metadata)
    return refusal


def status_of(refusal: Refusal) -> status_pb2.Status:
    """The wire form of a refusal."""
    entry = CATALOGUE[refusal.reason]
    metadata = {key: value[:_LONGEST_VALUE] for key, value in refusal.metadata.items()}
    try:
        message = entry.sentence.format_map(metadata)
    except KeyError:
        # Raised by a part that writes its own sentences.
        message = metadata["detail"]
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=refusal.reason, domain=DOMAIN, metadata=metadata)
    ]
    if entry.code is Code.INVALID_ARGUMENT:
        told = refusal.violations[:_MOST_VIOLATIONS] or ((refusal.field, message),)
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=field, description=text[:_LONGEST_VALUE])
            for field, text in told
        ]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
    if refusal.retry_after_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(max(1, round(refusal.retry_after_seconds * 1e9)))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        box = any_pb2.Any()
        box.Pack(detail)
        packed.append(box)
    return status_pb2.Status(code=entry.code.value[0], message=message, details=packed)
