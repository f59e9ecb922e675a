"""What went wrong with a call, as the views need it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from trimtab_client import TrimtabError

# What the client says of a transport that broke; every other reason is the server's own.
_UNREACHABLE: Final = frozenset({"SERVER_UNREACHABLE", "CONNECTION_LOST", "TLS_FAILED"})


@dataclass(frozen=True)
class Failure:
    """A refused or broken call. `code` is the gRPC status name, `reason` the server's own word for it."""

    code: str
    reason: str
    message: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry_after_seconds: float | None = None
    # Fields of the request that are at fault, each with its own sentence.
    violations: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        if isinstance(error, TrimtabError):
            return cls(
                code=error.code,
                reason=error.reason,
                message=error.message,
                metadata=dict(error.metadata),
                retry_after_seconds=error.retry_after_seconds,
                violations=tuple((own.field, own.description) for own in error.field_violations),
            )
        if isinstance(error, TimeoutError):
            return cls(
                code="DEADLINE_EXCEEDED", reason="NO_ANSWER", message="The server did not answer in time."
            )
        return cls(code="UNKNOWN", reason=type(error).__name__, message=str(error) or type(error).__name__)

    @property
    def means_unreachable(self) -> bool:
        """Whether the server itself is gone, as opposed to refusing this call, which it can do as UNAVAILABLE too."""
        return self.code == "UNAVAILABLE" and self.reason in _UNREACHABLE

    @property
    def means_connection_ended(self) -> bool:
        """Whether the connection's state, shown elsewhere, already says all there is to say."""
        return self.means_unreachable or self.reason in ("CANCELLED", "NOT_CONNECTED", "CLIENT_CLOSED")


NOT_CONNECTED = Failure(
    code="UNAVAILABLE", reason="NOT_CONNECTED", message="There is no connection to a server."
)
