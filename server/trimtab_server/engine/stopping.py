"""What ends a reply: stop tokens, and stop strings found across token boundaries and never shown."""

from __future__ import annotations

from typing import Any


def stop_token_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Every id that ends a reply: the tokenizer's, the config's and the generation config's."""
    found: set[int] = set()
    for owner in (tokenizer, getattr(model, "config", None), getattr(model, "generation_config", None)):
        ids = getattr(owner, "eos_token_id", None)
        if ids is not None:
            found.update([ids] if isinstance(ids, int) else ids)
    return frozenset(found)


class StopText:
    """Holds text back as long as it may be the beginning of a stop string."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._held = ""
        self.found = False

    def add(self, piece: str) -> str:
        """Text that may be shown now. `found` is set once a stop string is complete."""
        if not self._stops:
            return piece
        text = self._held + piece
        first = min((at for at in (text.find(stop) for stop in self._stops) if at >= 0), default=-1)
        if first >= 0:
            self.found = True
            self._held = ""
            return text[:first]
        held = max(_overlap(text, stop) for stop in self._stops)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def flush(self) -> str:
        """What was held back for a stop string that never came."""
        held, self._held = self._held, ""
        return held


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    for length in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:length]):
            return length
    return 0
