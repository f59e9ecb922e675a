"""Structured log lines on standard error: one JSON object each, no prompts, no secrets."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Final

#: The id of the call that the running code serves, "" for none.
_CALL: Final[ContextVar[str]] = ContextVar("trimtab_call", default="")


@contextlib.contextmanager
def in_call(log_id: str) -> Iterator[None]:
    """Whatever is logged within, on worker threads too, carries the call's id: the one its caller was given."""
    token = _CALL.set(log_id)
    try:
        yield
    finally:
        _CALL.reset(token)


class JsonFormatter(logging.Formatter):
    """`logger.info("event", extra={"facts": {...}})` becomes one line with the event and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        log_id = _CALL.get()
        if log_id:
            line["log_id"] = log_id
        facts = getattr(record, "facts", None)
        if isinstance(facts, dict):
            # A fact may be called "time"; when the line was written and what it is about stay readable.
            line |= {_free(name, line): value for name, value in facts.items()}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _free(name: str, line: dict[str, Any]) -> str:
    return f"fact_{name}" if name in line and name != "log_id" else name


def configure(level: str = "INFO") -> None:
    """Sends everything of ours at `level`, and others' warnings, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("trimtab").setLevel(level)
    logging.getLogger("trimtab_server").setLevel(level)
    logging.captureWarnings(True)
