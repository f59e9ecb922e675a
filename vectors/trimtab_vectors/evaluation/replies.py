"""Replies of a model to many conversations at once, greedy or sampled, with or without steering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trimtab_vectors.evaluation.batching import Progress, Prompt, Treatment, prompt_ids
from trimtab_vectors.extraction.capture import BATCH_TOKENS, TokenBatch, evaluating, token_batches
from trimtab_vectors.steering import Steer
from trimtab_vectors.steering_vector import Positions


@dataclass(frozen=True)
class Sampling:
    """Draw each token from the distribution at this temperature, reproducibly.

    The draw of a token depends on (seed, number of the conversation, number of the token) and on the model's
    logits alone: which conversations share a batch makes no difference.
    """

    seed: int
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 1 << 64:
            raise ValueError(f"seed is {self.seed}; a whole number from 0 to 2^64 - 1 is expected")
        if not 0.0 < self.temperature < float("inf"):
            raise ValueError(
                f"temperature is {self.temperature}; a positive number is expected (for greedy replies leave "
                "sampling out)"
            )


def greedy_replies(
    model: nn.Module,
    tokenizer: Any,
    conversations: Sequence[Prompt],
    *,
    steering: Sequence[Steer] = (),
    residual_norms: Mapping[int, float] | None = None,
    positions: Positions = "all",
    max_new_tokens: int = 64,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> list[str]:
    """The model's most likely continuation of each conversation, token by token, in the caller's order.

    conversations: N of them; messages are rendered with the chat template, and a `ContrastPrompt` may hold
    the beginning of the reply (what is returned goes on from there). steering: directions `[H]`, or `[N, H]`
    with one row for each conversation; residual_norms as in `steered`, needed if there is steering.
    positions: "reply" leaves the prompt alone up to its last token, the one that opens the reply; tokens
    generated after it are steered either way. batch_tokens: padded prompt tokens of one batch.

    Nothing of the model's own generation settings but its end-of-sequence tokens takes part.

    Raises ContrastSetError for a conversation that cannot be rendered, ValueError for steering that does not fit.
    """
    treatment = Treatment(tuple(steering), residual_norms or {}, positions)
    return replies_under(
        model,
        tokenizer,
        conversations,
        treatment,
        max_new_tokens=max_new_tokens,
        batch_tokens=batch_tokens,
        progress=progress,
    )


def sampled_replies(
    model: nn.Module,
    tokenizer: Any,
    conversations: Sequence[Prompt],
    sampling: Sampling,
    *,
    steering: Sequence[Steer] = (),
    residual_norms: Mapping[int, float] | None = None,
    positions: Positions = "all",
    max_new_tokens: int = 64,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> list[str]:
    """Like `greedy_replies`, each token drawn as `sampling` says. For k samples of each, vary the seed."""
    treatment = Treatment(tuple(steering), residual_norms or {}, positions)
    return replies_under(
        model,
        tokenizer,
        conversations,
        treatment,
        sampling=sampling,
        max_new_tokens=max_new_tokens,
        batch_tokens=batch_tokens,
        progress=progress,
    )


def replies_under(
    model: nn.Module,
    tokenizer: Any,
    conversations: Sequence[Prompt],
    treatment: Treatment,
    *,
    sampling: Sampling | None = None,
    max_new_tokens: int = 64,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> list[str]:
    """The same for a `Treatment`: greedy without `sampling`."""
    treatment.check_rows(len(conversations))
    sequences = prompt_ids(tokenizer, conversations)
    replies = [""] * len(sequences)
    done = 0
    with evaluating(model):
        for batch in token_batches(sequences, batch_tokens=batch_tokens, left=True):
            lengths = [len(sequences[index]) for index in batch.indices]
            with treatment.applied(model, batch, lengths):
                made = _continued(model, tokenizer, batch, sampling, max_new_tokens)
            for index, tokens in zip(batch.indices, made, strict=True):
                replies[index] = tokenizer.decode(tokens, skip_special_tokens=True)
            done += len(batch.indices)
            if progress is not None:
                progress(done, len(sequences))
    return replies


def _continued(
    model: Any, tokenizer: Any, batch: TokenBatch, sampling: Sampling | None, max_new_tokens: int
) -> list[list[int]]:
    """New tokens of each row, up to and without its first end-of-sequence token."""
    device = next(model.parameters()).device
    ends = _end_tokens(model, tokenizer)
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else (ends or [0])[0]
    with torch.no_grad():
        made = model.generate(
            input_ids=batch.input_ids.to(device),
            attention_mask=batch.attention_mask.to(device),
            logits_processor=[] if sampling is None else [_GumbelNoise(sampling, batch)],
            max_new_tokens=max_new_tokens,
            eos_token_id=ends or None,
            pad_token_id=padding,
            # Said in full, since what is left open is taken from the model's generation settings.
            do_sample=False,
            num_beams=1,
            repetition_penalty=1.0,
            no_repeat_ngram_size=0,
            temperature=1.0,
            top_p=1.0,
            top_k=50,
        )
    return [_until(row, ends) for row in made[:, batch.input_ids.shape[1] :].tolist()]


def _end_tokens(model: Any, tokenizer: Any) -> list[int]:
    own = getattr(model.generation_config, "eos_token_id", None)
    if own is None:
        own = tokenizer.eos_token_id
    if own is None:
        return []
    return [int(token) for token in own] if isinstance(own, list | tuple) else [int(own)]


def _until(tokens: list[int], ends: Sequence[int]) -> list[int]:
    first = next((i for i, token in enumerate(tokens) if token in ends), len(tokens))
    return tokens[:first]


class _GumbelNoise:
    """Turns the greedy choice into a draw: argmax(logits / temperature + Gumbel noise) is distributed as the
    softmax (Maddison et al., arXiv:1411.0030, section 2). Noise of its own for each row and token."""

    def __init__(self, sampling: Sampling, batch: TokenBatch) -> None:
        self.sampling, self.rows, self.width = sampling, batch.indices, batch.input_ids.shape[1]

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        token = input_ids.shape[1] - self.width
        noise = torch.stack([self._noise(row, token, scores.shape[-1]) for row in self.rows])
        return scores.float() / self.sampling.temperature + noise.to(scores.device)

    def _noise(self, row: int, token: int, size: int) -> Tensor:
        # A counter-based generator keyed by all three; torch's own keeps 32 bits of a seed.
        bits = np.random.Philox(key=[self.sampling.seed, (row << 32) | token])
        return torch.from_numpy(np.random.Generator(bits).gumbel(size=size).astype(np.float32))
