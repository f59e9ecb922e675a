"""Replies under a treatment with the states a read-out could look at, and how they scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from trimtab_vectors.evaluation.batching import Progress, Treatment, prompt_ids
from trimtab_vectors.evaluation.forced import forced_text
from trimtab_vectors.evaluation.honesty import Outcome, Question, named_values
from trimtab_vectors.evaluation.outcomes import Answers, ask
from trimtab_vectors.extraction.capture import BATCH_TOKENS, TokenBatch, block_outputs, token_batches
from trimtab_vectors.extraction.contrast_set import ContrastPrompt

Place = Literal["prompt_end", "reply_mean", "reply_end", "before_answer", "answer"]

PLACES: Final[tuple[Place, ...]] = get_args(Place)
#: Known while a reply is written. Where its answer stands is known only of questions with known answers.
LIVE_PLACES: Final[tuple[Place, ...]] = ("prompt_end", "reply_mean", "reply_end")


@dataclass(frozen=True)
class RepliedText:
    """A prompt with its reply as tokens. start: of the reply's first token; before_answer, answer: of the token
    that predicts the first named value, and of the one that completes it (the last token where none is named)."""

    tokens: tuple[int, ...]
    start: int
    before_answer: int
    answer: int

    @property
    def stretch(self) -> tuple[int, int]:
        """Begin and end (excluded) of the tokens averaged: the reply's, or the prompt's last for an empty one."""
        return (
            (self.start, len(self.tokens)) if self.start < len(self.tokens) else (self.start - 1, self.start)
        )


@dataclass(frozen=True, eq=False)
class ReplyStates:
    """Answers to N questions with float32 states `[N, H]` for each (layer, place)."""

    answers: Answers
    states: Mapping[tuple[int, Place], Tensor]

    @property
    def honest(self) -> NDArray[np.bool_]:
        return self.answers.honest

    @property
    def scored(self) -> NDArray[np.bool_]:
        """`[N]`, replies that are honest or a lie; the others say nothing about the truth."""
        return self.answers.honest | self.answers.are(Outcome.LIE)


def replies_with_states(
    model: nn.Module,
    tokenizer: Any,
    questions: Sequence[Question],
    treatment: Treatment,
    layers: Sequence[int],
    *,
    max_new_tokens: int = 64,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> ReplyStates:
    """Greedy replies, then one pass over each with the same treatment. States include what steering added."""
    answers = ask(
        model,
        tokenizer,
        questions,
        treatment,
        max_new_tokens=max_new_tokens,
        batch_tokens=batch_tokens,
        progress=progress,
    )
    texts = [replied_text(tokenizer, q, reply) for q, reply in zip(questions, answers.replies, strict=True)]
    return ReplyStates(answers, states_of(model, texts, treatment, layers, batch_tokens=batch_tokens))


def replied_text(tokenizer: Any, question: Question, reply: str) -> RepliedText:
    """Tokens of a question's conversation with a reply to it."""
    prompt = ContrastPrompt(messages=question.messages)
    if not reply:
        tokens = tuple(prompt_ids(tokenizer, [prompt])[0])
        return RepliedText(tokens, len(tokens), len(tokens) - 1, len(tokens) - 1)
    text = forced_text(tokenizer, prompt, reply)
    first, last = _answer_tokens(tokenizer, text.answer, question)
    return RepliedText(text.tokens, text.start, text.start + first - 1, text.start + last)


def states_of(
    model: nn.Module,
    texts: Sequence[RepliedText],
    treatment: Treatment,
    layers: Sequence[int],
    *,
    batch_tokens: int = BATCH_TOKENS,
) -> dict[tuple[int, Place], Tensor]:
    """(layer, place) -> `[N, H]`, the outputs of blocks under the treatment."""
    treatment.check_rows(len(texts))
    found: dict[tuple[int, Place], Tensor] = {}
    for batch in token_batches([text.tokens for text in texts], batch_tokens=batch_tokens):
        own = [texts[index] for index in batch.indices]
        with treatment.applied(model, batch, [text.start for text in own]):
            outputs = block_outputs(model, batch, layers, _at_places(batch, own))
        for layer, states in outputs.items():
            for i, place in enumerate(PLACES):
                table = found.setdefault((layer, place), torch.empty(len(texts), states.shape[-1]))
                table[list(batch.indices)] = states[:, i]
    return found


def _at_places(batch: TokenBatch, texts: Sequence[RepliedText]) -> Any:
    """`[B, T, H]` -> `[B, len(PLACES), H]` in float32; batches are padded on the right."""
    number = torch.arange(batch.input_ids.shape[1])[None]
    begin, end = (torch.tensor([[text.stretch[i]] for text in texts]) for i in (0, 1))
    single = torch.tensor(
        [[t.start - 1, t.stretch[1] - 1, min(t.before_answer, t.stretch[1] - 1), t.answer] for t in texts]
    )
    stretch = ((number >= begin) & (number < end))[..., None]
    rows = torch.arange(len(texts))[:, None]

    def select(hidden: Tensor) -> Tensor:
        device = hidden.device
        own = hidden[rows.to(device), single.to(device)].float()
        inside = stretch.to(device)
        mean = torch.where(inside, hidden.float(), 0.0).sum(1) / inside.sum(1)
        end_of_prompt, end_of_reply, before, answer = own.unbind(1)
        by_place = {
            "prompt_end": end_of_prompt,
            "reply_mean": mean,
            "reply_end": end_of_reply,
            "before_answer": before,
            "answer": answer,
        }
        return torch.stack([by_place[place] for place in PLACES], dim=1)

    return select


def _answer_tokens(tokenizer: Any, reply: Sequence[int], question: Question) -> tuple[int, int]:
    """Index in the reply of the token that begins the first named value, and of the one that completes it."""
    spoken = [tokenizer.decode(list(reply[: i + 1])) for i in range(len(reply))]
    last = next((i for i, text in enumerate(spoken) if named_values(text, question)), len(reply) - 1)
    whole = spoken[last].casefold()
    places = [whole.rfind(value.casefold()) for value in (*question.honest, *question.dishonest)]
    begin = min((place for place in places if place >= 0), default=len(whole))
    first = next((i for i, text in enumerate(spoken) if len(text) > begin), last)
    return min(first, last), last
