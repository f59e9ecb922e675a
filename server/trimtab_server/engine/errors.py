"""What the engine refuses, and why: every error carries a reason and the figures behind it."""

from __future__ import annotations

from collections.abc import Mapping


class EngineError(Exception):
    """A refusal. `reason` is UPPER_SNAKE and stable; `metadata` holds every variable of the message."""

    reason = "ENGINE_ERROR"

    def __init__(self, message: str, **metadata: object) -> None:
        super().__init__(message)
        self.message = message
        self.metadata: Mapping[str, str] = {key: str(value) for key, value in metadata.items()}


class QueueFull(EngineError):
    """The queue's bound on requests or on prompt tokens is reached; worth another try later."""

    reason = "QUEUE_FULL"

    def __init__(self, message: str, *, retry_after_seconds: float, **metadata: object) -> None:
        super().__init__(message, retry_after_seconds=f"{retry_after_seconds:.3f}", **metadata)
        self.retry_after_seconds = retry_after_seconds


class Draining(EngineError):
    """The engine finishes what it has and takes nothing new."""

    reason = "SERVER_DRAINING"

    def __init__(self, message: str, *, retry_after_seconds: float = 1.0, **metadata: object) -> None:
        super().__init__(message, retry_after_seconds=f"{retry_after_seconds:.3f}", **metadata)
        self.retry_after_seconds = retry_after_seconds


class DeadlineImpossible(EngineError):
    """The first token could not be had before the deadline."""

    reason = "DEADLINE_IMPOSSIBLE"


class PromptTooLong(EngineError):
    """The prompt leaves no room for one token of reply."""

    reason = "PROMPT_TOO_LONG"


class InvalidRequest(EngineError):
    """A field of the request cannot be honoured; `field` names it."""

    def __init__(self, message: str, *, reason: str, field: str, **metadata: object) -> None:
        super().__init__(message, field=field, **metadata)
        self.reason = reason
        self.field = field


class StageNotFound(EngineError):
    """The hosted model has no stage of this name."""

    reason = "STAGE_NOT_FOUND"


class StageLoading(EngineError):
    """The stage is known but its engine is not ready."""

    reason = "STAGE_LOADING"


class ModelNotLoadable(EngineError):
    """The directory or hub id does not hold a model that can be opened safely."""

    reason = "MODEL_NOT_LOADABLE"


class ModelUnsupported(EngineError):
    """The architecture cannot be served exactly, so it is not served at all."""

    reason = "MODEL_UNSUPPORTED"


class ChatTemplateMissing(EngineError):
    """The tokenizer does not say how messages become a prompt."""

    reason = "CHAT_TEMPLATE_MISSING"
