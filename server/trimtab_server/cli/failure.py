"""Expected failures: one clear line on standard error, never a traceback."""

from __future__ import annotations

import json
import sys
from typing import Any

import typer
from trimtab_client import TrimtabError
from typer.core import TyperGroup

from trimtab_server.cli.session import Session

INTERRUPTED = 130


class CommandFailed(Exception):
    """A command that cannot do what it was asked; the message says why and what to do, in one line."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class CheckFailed(Exception):
    """What the command checks does not hold; it has already said so. Exit code 1."""


class CommandGroup(TyperGroup):
    """The root of all commands: turns expected failures into a line and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (TrimtabError, CommandFailed) as failure:
            _report(failure, ctx.obj)
            raise typer.Exit(1) from failure
        except CheckFailed as failure:
            raise typer.Exit(1) from failure
        except KeyboardInterrupt as interrupt:
            raise typer.Exit(INTERRUPTED) from interrupt
        except BrokenPipeError as gone:
            # The reader of our output went away (`trimtab audit list | head`): nobody is left to tell.
            sys.stderr.close()
            raise typer.Exit(1) from gone


def _report(failure: TrimtabError | CommandFailed, session: object) -> None:
    message = " ".join(failure.message.split())
    lines = [f"error: {message} [{failure.reason}]"]
    details: dict[str, Any] = {"reason": failure.reason, "message": message}
    if isinstance(failure, TrimtabError):
        shown = [v for v in failure.field_violations if v.description not in message]
        lines += [f"  {v.field}: {v.description}" for v in shown]
        if failure.retry_after_seconds is not None:
            lines.append(f"  try again in {failure.retry_after_seconds:g} s")
        details |= {"code": failure.code, "metadata": failure.metadata}
    print("\n".join(lines), file=sys.stderr)
    if isinstance(session, Session) and session.json:
        print(json.dumps({"error": details}, ensure_ascii=False))
