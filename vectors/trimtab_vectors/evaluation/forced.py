"""Log-probabilities of given texts under a model, steered or not: what it would say, without letting it talk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from trimtab_vectors.evaluation.batching import (
    Progress,
    Prompt,
    Treatment,
    as_contrast_prompt,
    logits_of,
    prompt_ids,
)
from trimtab_vectors.extraction.capture import BATCH_TOKENS, TokenBatch, evaluating, token_batches
from trimtab_vectors.extraction.contrast_set import ContrastPrompt
from trimtab_vectors.extraction.prompt_tokens import text_tokens
from trimtab_vectors.steering import Steer
from trimtab_vectors.steering_vector import Positions


@dataclass(frozen=True)
class ForcedText:
    """A prompt and its answer as one sequence of tokens.

    tokens: of both. start: index of the answer's first token, at least 1. merged: the tokenizer joined the
    end of the prompt and the beginning of the answer into one token, so the answer's tokens begin with some
    of the prompt's last characters.
    """

    tokens: tuple[int, ...]
    start: int
    merged: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.start < len(self.tokens):
            raise ValueError(
                f"the answer starts at token {self.start} of {len(self.tokens)}; both the prompt and the answer "
                "need at least one token"
            )

    @property
    def answer(self) -> tuple[int, ...]:
        return self.tokens[self.start :]


@dataclass(frozen=True)
class ForcedAnswer:
    """What a model gives an answer. log_probs: natural logarithm of each of its tokens' probabilities given
    all before it, one for each of `tokens`. merged as in `ForcedText`."""

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    merged: bool

    @property
    def total(self) -> float:
        """log p(answer | prompt)."""
        return sum(self.log_probs)

    @property
    def mean(self) -> float:
        """Per token: comparable across lengths, and biased towards long answers of likely tokens."""
        return self.total / len(self.log_probs)


def forced_text(tokenizer: Any, prompt: Prompt, answer: str) -> ForcedText:
    """Tokenise prompt and answer together, as the model would meet them.

    The answer's tokens are those after the longest common beginning with the prompt's own tokens. Where a
    merge runs across the boundary ("is" + "land"), that beginning is shorter than the prompt: the merged
    token then counts as the answer's, and `merged` says so. Two answers to one prompt are comparable only
    from a common start: `common_start`.

    Raises ValueError if the answer adds no token, ContrastSetError for a prompt that cannot be rendered.
    """
    asked = as_contrast_prompt(prompt)
    if asked.text:
        joined = ContrastPrompt(text=asked.text + answer)
    else:
        joined = ContrastPrompt(messages=asked.messages, reply_prefix=asked.reply_prefix + answer)
    before, whole = prompt_ids(tokenizer, [asked, joined])
    closing = _closing_specials(tokenizer) if asked.text else 0
    before, whole = before[: len(before) - closing], whole[: len(whole) - closing]
    start = next(
        (i for i, (a, b) in enumerate(zip(before, whole, strict=False)) if a != b),
        min(len(before), len(whole)),
    )
    if start >= len(whole):
        raise ValueError(f"the answer {answer!r} adds no token to its prompt; give a text to be scored")
    # A text without a special token at its beginning may merge from its first token on: nothing predicts that.
    return ForcedText(tuple(whole), max(1, start), start < len(before))


def common_start(texts: Sequence[ForcedText]) -> list[ForcedText]:
    """Answers to one prompt, each scored from the earliest start among them, so that all are conditioned on
    the same tokens. Without merges nothing changes."""
    start = min(text.start for text in texts)
    return [ForcedText(text.tokens, start, text.merged) for text in texts]


def forced_log_probs(
    model: nn.Module,
    tokenizer: Any,
    prompts: Sequence[Prompt],
    answers: Sequence[str],
    *,
    steering: Sequence[Steer] = (),
    residual_norms: Mapping[int, float] | None = None,
    positions: Positions = "all",
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> list[ForcedAnswer]:
    """log p(answers[i] | prompts[i]) for each i, in the caller's order. Steering as in `greedy_replies`, with
    rows `[N, H]` for N answers; positions "reply" steers from the token that predicts the answer's first."""
    texts = [forced_text(tokenizer, p, a) for p, a in zip(prompts, answers, strict=True)]
    treatment = Treatment(tuple(steering), residual_norms or {}, positions)
    return score_forced(model, texts, treatment, batch_tokens=batch_tokens, progress=progress)


def score_forced(
    model: nn.Module,
    texts: Sequence[ForcedText],
    treatment: Treatment,
    *,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> list[ForcedAnswer]:
    """`forced_log_probs` of texts that are tokens already."""
    answers: list[ForcedAnswer | None] = [None] * len(texts)
    done = 0
    for batch, logits in _passes(model, texts, treatment, batch_tokens):
        for row, index in enumerate(batch.indices):
            text = texts[index]
            # Left-padded: row's last column predicts what would come after the text.
            own = logits[row, -len(text.answer) - 1 : -1]
            target = torch.tensor(text.answer, device=own.device)[:, None]
            values = own.gather(1, target)[:, 0] - own.logsumexp(dim=1)
            answers[index] = ForcedAnswer(text.answer, tuple(values.tolist()), text.merged)
        done += len(batch.indices)
        if progress is not None:
            progress(done, len(texts))
    return [answer for answer in answers if answer is not None]


def next_token_log_probs(
    model: nn.Module,
    texts: Sequence[ForcedText],
    treatment: Treatment,
    *,
    batch_tokens: int = BATCH_TOKENS,
) -> Iterator[tuple[int, Tensor]]:
    """The whole next-token distribution at each token that predicts one of the answer's.

    Yields (index of the text, log-probabilities `[len(answer), V]` float32 on the model's device), by length
    and not in the caller's order: whoever wants little of it should keep little of it.
    """
    for batch, logits in _passes(model, texts, treatment, batch_tokens):
        for row, index in enumerate(batch.indices):
            yield index, logits[row, -len(texts[index].answer) - 1 : -1].log_softmax(dim=-1)


def _passes(
    model: nn.Module, texts: Sequence[ForcedText], treatment: Treatment, batch_tokens: int
) -> Iterator[tuple[TokenBatch, Tensor]]:
    """Each batch with the logits of as many last columns as its longest answer needs."""
    treatment.check_rows(len(texts))
    for batch in token_batches([t.tokens for t in texts], batch_tokens=batch_tokens, left=True):
        chosen = [texts[index] for index in batch.indices]
        starts = [text.start for text in chosen]
        with evaluating(model), torch.no_grad(), treatment.applied(model, batch, starts):
            logits = logits_of(model, batch, keep=max(len(text.answer) for text in chosen) + 1)
        yield batch, logits


def _closing_specials(tokenizer: Any) -> int:
    """How many special tokens the tokenizer puts after any raw text: they are neither prompt nor answer."""
    specials = set(tokenizer.all_special_ids)
    tokens = text_tokens(tokenizer, "a")
    return next((i for i, token in enumerate(reversed(tokens)) if token not in specials), 0)
