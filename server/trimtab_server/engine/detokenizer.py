"""Text as it arrives: a token may hold part of a character, a character may take several tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_REPLACEMENT = "�"

#: Token ids to text, special tokens left out.
Decode = Callable[[list[int]], str]


def decode_function(tokenizer: Any) -> Decode:
    """The tokenizer's own decoding, without its clean-up of spaces: that rewrites text already sent."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        return lambda ids: str(backend.decode(ids, skip_special_tokens=True))
    return lambda ids: str(
        tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    )


class Detokenizer:
    """Turns one reply's tokens into text, piece by piece; the pieces add up to the decoding of the whole.

    A window of the last settled piece and what came after is decoded: the settled piece gives tokenizers
    that treat a first token differently (a leading space) the context they need.
    """

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._window: list[int] = []
        self._settled = 0  # tokens of the window already given out
        self._settled_text = ""

    def add(self, token: int) -> str:
        """The text that `token` completes; empty while a character's bytes are incomplete."""
        self._window.append(token)
        text = self._decode(self._window)
        if len(text) <= len(self._settled_text) or text.endswith(_REPLACEMENT):
            return ""
        return self._settle(text)

    def flush(self) -> str:
        """What is left when the reply is over, as the tokenizer shows it."""
        return self._settle(self._decode(self._window))

    def _settle(self, text: str) -> str:
        piece = text[len(self._settled_text) :]
        self._window = self._window[self._settled :]
        self._settled = len(self._window)
        self._settled_text = self._decode(self._window)
        return piece
