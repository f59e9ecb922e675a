"""Lets replies go first: work on a copy of a stage that waits, pass by pass, while somebody is being answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from torch import nn

#: Told what is done of how much, of which phase, and the seconds left where that is known.
Report = Callable[..., None]

_LOOK_AGAIN: Final = 0.01


class JobCancelled(Exception):
    """Nobody wants the result any more."""


class SpareTime:
    """What replies leave of the machine. While there are any, a forward pass is put off for up to `patience`
    seconds: under a load that never ends the work still comes to its end, and takes one pass of it at a time.

    Setting `cancelled` ends the work before its next pass.
    """

    def __init__(
        self, is_busy: Callable[[], bool], cancelled: threading.Event, patience: float = 0.25
    ) -> None:
        self._is_busy = is_busy
        self._cancelled = cancelled
        self._patience = patience

    def wait(self) -> None:
        """Raises JobCancelled."""
        until = time.monotonic() + self._patience
        while not self._cancelled.is_set() and self._is_busy() and time.monotonic() < until:
            self._cancelled.wait(_LOOK_AGAIN)
        if self._cancelled.is_set():
            raise JobCancelled

    @contextmanager
    def on(self, stage: nn.Module) -> Iterator[None]:
        """Every pass through `stage`, a transformers model, waits here first."""
        embedding = stage.get_input_embeddings()  # type: ignore[operator]
        handle = embedding.register_forward_pre_hook(self._before_pass)
        try:
            yield
        finally:
            handle.remove()

    def _before_pass(self, _module: nn.Module, _arguments: Any) -> None:
        self.wait()
