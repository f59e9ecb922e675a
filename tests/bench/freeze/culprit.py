"""What the window's thread was doing while it stood still: its stack, taken from outside every few milliseconds."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter

EVERY_SECONDS = 0.004
#: Innermost calls that are told of each stack.
DEPTH = 9


class Culprit:
    """Samples one thread until `stop`; says what filled a span of time. It costs time itself: not for a verdict."""

    def __init__(self, thread: int) -> None:
        self._thread = thread
        self._samples: list[tuple[float, tuple[str, ...]]] = []
        self._stopping = threading.Event()
        self._runner = threading.Thread(target=self._run, daemon=True)
        self._runner.start()

    def stop(self) -> None:
        self._stopping.set()
        self._runner.join()

    def told(self, begin: float, end: float) -> str:
        """The commonest stacks between two moments of `time.perf_counter`."""
        seen = Counter(stack for moment, stack in self._samples if begin <= moment <= end)
        return "\n".join(f"  {count:4} x {' < '.join(stack)}" for stack, count in seen.most_common(6))

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_SECONDS):
            frame = sys._current_frames().get(self._thread)
            stack: list[str] = []
            while frame is not None and len(stack) < DEPTH:
                code = frame.f_code
                stack.append(f"{code.co_filename.rsplit('/', 1)[-1]}:{frame.f_lineno} {code.co_name}")
                frame = frame.f_back
            self._samples.append((time.perf_counter(), tuple(stack)))
