"""The one exception of the server's own rules."""

from __future__ import annotations

from collections.abc import Sequence


class Refusal(Exception):
    """A request that a rule of ours turns down.

    `reason` is a key of the error catalogue (`trimtab_server.api.errors`), which gives the status and the
    sentence; `metadata` holds every variable of that sentence. `field` names the request's field at fault;
    `violations` are fields within it, each with its own sentence, where there are several.
    `retry_after_seconds` is set where waiting helps.
    """

    def __init__(
        self,
        reason: str,
        *,
        field: str = "",
        retry_after_seconds: float | None = None,
        violations: Sequence[tuple[str, str]] = (),
        **metadata: object,
    ) -> None:
        self.reason = reason
        self.field = field
        self.violations = tuple(violations)
        self.retry_after_seconds = retry_after_seconds
        self.metadata = {key: str(value) for key, value in metadata.items()}
        facts = ", ".join(f"{key}={value}" for key, value in self.metadata.items())
        super().__init__(f"{reason}: {facts}" if facts else reason)
