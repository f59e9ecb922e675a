"""Where and by what a change was written."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Node:
    """One server process. `model_digest` is the fingerprint of the model it hosts, "" if it hosts none.

    `monotonic` gives nanoseconds since an arbitrary moment: within one run of a machine it orders records
    and measures between them also where the wall clock was set.
    """

    name: str = ""
    version: str = ""
    model_digest: str = ""
    monotonic: Callable[[], int] = field(default=time.monotonic_ns, compare=False)

    @classmethod
    def here(cls, version: str = "", model_digest: str = "") -> Node:
        """This machine, by its own name for itself."""
        return cls(socket.gethostname(), version, model_digest)
