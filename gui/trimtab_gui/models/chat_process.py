"""Which run of the client has a chat open, and whether that run still goes on."""

from __future__ import annotations

import os
from pathlib import Path


def this_process() -> str:
    """Names this process, so that no later one is taken for it."""
    return f"{os.getpid()} {_started(os.getpid())}"


def is_running(process: str) -> bool:
    """Whether the process that `this_process` named still runs."""
    number, _, started = process.partition(" ")
    if not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        # Somebody else's: the number was given again.
        return False
    return _started(int(number)) == started


def _started(number: int) -> str:
    """When a process began, as Linux counts it; empty elsewhere, where the number alone has to do."""
    try:
        # The name, in brackets, may hold anything; the fields after it are numbers. The 22nd is the start.
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    # A dead process that nobody has waited for is still listed.
    return "" if fields[0] == "Z" else fields[19]
