"""The one exception of this library, and how a gRPC failure becomes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

_STATUS_DETAILS = "grpc-status-details-bin"


@dataclass(frozen=True)
class FieldViolation:
    """A field of the request that the server refused, and why."""

    field: str
    description: str


class TrimtabError(Exception):
    """A call that did not succeed.

    Attributes:
        code: the gRPC status, e.g. "NOT_FOUND".
        reason: what went wrong, for programs: "SNAPSHOT_NOT_FOUND". Failures that never reached the server
            have SERVER_UNREACHABLE, CONNECTION_LOST, DEADLINE_EXCEEDED, CANCELLED, MESSAGE_TOO_LARGE,
            CLIENT_CLOSED, TARGET_UNKNOWN, TARGET_INVALID, TLS_FAILED, TLS_FILE_UNREADABLE,
            TLS_FILES_INCOMPLETE or TOKEN_FILE_UNREADABLE.
        message: what was wrong, what was expected, what to do; one line.
        metadata: every variable of the message.
        field_violations: which fields of the request were refused.
        retry_after_seconds: when trying again makes sense; None if the server did not say.
    """

    def __init__(
        self,
        code: str,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        field_violations: Iterable[FieldViolation] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.field_violations = tuple(field_violations)
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        return f"{self.message} [{self.reason}]"


def from_rpc_error(error: grpc.RpcError, target: str, timeout: float | None = None) -> TrimtabError:
    """Convert a failed call. `timeout` is the deadline it ran under, in seconds."""
    if not isinstance(error, grpc.aio.AioRpcError | grpc.Call):
        return TrimtabError("UNKNOWN", "UNKNOWN", f"the call to {target} failed: {error}")
    code: grpc.StatusCode = error.code()
    text = error.details() or ""
    details = _status_details(error.trailing_metadata() or ())
    info, violations, retry_after = _unpack(details)
    if info is None:
        reason, message = _without_details(code, text, target, timeout)
        return TrimtabError(code.name, reason, message, metadata={"target": target})
    return TrimtabError(
        code.name,
        info.reason,
        text,
        metadata=info.metadata,
        field_violations=violations,
        retry_after_seconds=retry_after,
    )


def cancelled(target: str) -> TrimtabError:
    """The call was ended by the server's side or by closing the client."""
    return TrimtabError(
        "CANCELLED", "CANCELLED", f"the call to {target} was cancelled", metadata={"target": target}
    )


def client_closed(target: str) -> TrimtabError:
    """A call on a client that was closed."""
    return TrimtabError(
        "CANCELLED",
        "CLIENT_CLOSED",
        f"the client of {target} is closed; make a new one",
        metadata={"target": target},
    )


def unreachable(target: str) -> TrimtabError:
    """Nothing listens at the target, or it cannot be reached from here."""
    return TrimtabError(
        "UNAVAILABLE",
        "SERVER_UNREACHABLE",
        f"no server answers at {target}; start one with `trimtab serve` or give its address with --target",
        metadata={"target": target},
    )


def _status_details(metadata: Iterable[tuple[str, str | bytes]]) -> status_pb2.Status | None:
    for key, value in metadata:
        if key == _STATUS_DETAILS and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                return None
    return None


def _unpack(
    status: status_pb2.Status | None,
) -> tuple[error_details_pb2.ErrorInfo | None, tuple[FieldViolation, ...], float | None]:
    info: error_details_pb2.ErrorInfo | None = None
    violations: list[FieldViolation] = []
    retry_after: float | None = None
    for detail in () if status is None else status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad_request = error_details_pb2.BadRequest()
            detail.Unpack(bad_request)
            violations += (FieldViolation(v.field, v.description) for v in bad_request.field_violations)
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo()
            detail.Unpack(retry)
            retry_after = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    return info, tuple(violations), retry_after


def _last_part(text: str) -> str:
    """The cause at the end of gRPC's account of every address that it tried."""
    return text.rpartition("last error: ")[2][:300]


def _without_details(code: grpc.StatusCode, text: str, target: str, timeout: float | None) -> tuple[str, str]:
    """Reason and message of a failure that carries no ErrorInfo: it came from the transport."""
    if code is grpc.StatusCode.UNAVAILABLE:
        if "handshake failed" in text.lower() or "CERTIFICATE" in text:
            return (
                "TLS_FAILED",
                f"no secure connection to {target}: {_last_part(text)}; check the authority (--tls-ca), that the "
                "server's certificate is valid and names this host, and your own certificate if it asks for one",
            )
        lost = any(mark in text for mark in ("Socket closed", "Stream removed", "GOAWAY", "Connection reset"))
        if lost:
            return "CONNECTION_LOST", f"the connection to {target} broke during the call; try again"
        return "SERVER_UNREACHABLE", unreachable(target).message
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        within = "in time" if timeout is None else f"within {timeout:g} s"
        return (
            "DEADLINE_EXCEEDED",
            f"{target} did not answer {within}; is it busy? try again or allow more time",
        )
    if code is grpc.StatusCode.CANCELLED:
        return "CANCELLED", f"the call to {target} was cancelled"
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in text:
        return "MESSAGE_TOO_LARGE", f"a message is larger than the 64 MiB that are allowed: {text}"
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return (
            "METHOD_UNKNOWN",
            f"the server at {target} does not know this call; its version is another one than this client's",
        )
    return code.name, text or f"the call to {target} failed with {code.name}"
