"""Where a prompt's state is read: one place, or the mean over a stretch.

- "last": the last token of the prompt with its reply prefix, the token before the answer;
- "prompt_end": the last token of the prompt without the reply prefix, where the reply is about to begin;
- "answer_mean": the mean over the answer's tokens;
- "all_mean": the mean over all tokens, the answer's included where there is one.

A sequence's first token is never part of a mean: whatever it is, many models park an activation there that
is hundreds of times the size of any other (arXiv:2402.17762).
"""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

from trimtab_vectors.extraction.capture import Reading
from trimtab_vectors.extraction.contrast_set import ContrastPrompt, ContrastSetError
from trimtab_vectors.extraction.prompt_tokens import prompt_tokens

Position = Literal["last", "prompt_end", "answer_mean", "all_mean"]

POSITIONS: Final[tuple[Position, ...]] = get_args(Position)


def reading(tokenizer: Any, prompt: ContrastPrompt, position: Position) -> Reading:
    """The tokens of `prompt` that `position` needs, and the stretch it reads.

    The answer's tokens are those from the first on that differs from the prompt without an answer: a token
    that holds the end of the one and the beginning of the other counts as the answer's.

    Raises ContrastSetError for a prompt without tokens to read, or, with "answer_mean", without an answer.
    """
    if position == "answer_mean" and not prompt.answer:
        raise ContrastSetError('position "answer_mean" needs an answer, and the prompt has none')
    if position in ("last", "prompt_end"):
        tokens = prompt_tokens(tokenizer, prompt, until="reply" if position == "prompt_end" else "answer")
        if not tokens:
            raise ContrastSetError("the prompt has no token")
        return Reading.last(tokens)
    tokens = prompt_tokens(tokenizer, prompt, until="end")
    if position == "answer_mean":
        start = max(1, _common_prefix(tokens, prompt_tokens(tokenizer, prompt)))
        stop = _without_specials(tokenizer, tokens)
    else:
        start, stop = 1, len(tokens)
    if start >= stop:
        raise ContrastSetError("nothing is left to average but the first token, which never counts")
    return Reading(tuple(tokens), start, stop)


def _common_prefix(tokens: list[int], beginning: list[int]) -> int:
    for index, (token, other) in enumerate(zip(tokens, beginning, strict=False)):
        if token != other:
            return index
    return min(len(tokens), len(beginning))


def _without_specials(tokenizer: Any, tokens: list[int]) -> int:
    """How many tokens there are before the special ones that a tokenizer puts behind any text."""
    specials = set(tokenizer.all_special_ids)
    stop = len(tokens)
    while stop and tokens[stop - 1] in specials:
        stop -= 1
    return stop
