"""Choosing the next token of every row at once."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from trimtab_server.engine.random_numbers import uniforms
from trimtab_server.engine.request import Sampling


def choose(logits: torch.Tensor, settings: Sequence[Sampling], indices: Sequence[int]) -> torch.Tensor:
    """The next token id of each row, [R].

    logits: [R, V] float32. settings: R samplings. indices: the token's index in its reply, which is the
    position that its random number is tied to, so that lanes with different prompts draw alike.
    A row's choice depends on its own logits and settings only. Order of cuts: temperature, top_k, top_p.
    """
    tokens = logits.argmax(-1)
    drawn = [row for row, sampling in enumerate(settings) if sampling.temperature > 0]
    if drawn:
        chosen = [settings[row] for row in drawn]
        numbers = uniforms([s.seed for s in chosen], [indices[row] for row in drawn])
        rows = torch.tensor(drawn, device=logits.device)
        tokens[rows] = _draw(logits[rows], chosen, torch.from_numpy(numbers).to(logits.device))
    return tokens


def log_probabilities(logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """[R] natural log-probability of `tokens` under the model itself: before temperature and cuts."""
    return logits.log_softmax(-1).gather(-1, tokens[:, None])[:, 0]


def _draw(logits: torch.Tensor, settings: Sequence[Sampling], numbers: torch.Tensor) -> torch.Tensor:
    temperatures = torch.tensor([s.temperature for s in settings], device=logits.device)
    scaled = logits / temperatures[:, None].to(logits.dtype)
    for row, sampling in enumerate(settings):
        if sampling.top_k > 0 or sampling.top_p < 1:
            _cut(scaled[row], sampling)
    # Inverse of the cumulative distribution in token order; float64, as 128k float32 terms drift.
    cumulative = torch.softmax(scaled.double(), -1).cumsum(-1)
    total = cumulative[:, -1:]
    target = torch.minimum(numbers[:, None] * total, torch.nextafter(total, torch.zeros_like(total)))
    # The first token whose cumulative probability exceeds the target: never one of probability zero.
    return torch.searchsorted(cumulative, target, right=True)[:, 0]


def _cut(logits: torch.Tensor, sampling: Sampling) -> None:
    """Set everything outside top_k and top_p to -inf, in place; [V]. Ties fall to the lower rank."""
    count = logits.shape[-1]
    keep = min(sampling.top_k, count) if sampling.top_k > 0 else count
    values, order = torch.topk(logits, keep) if keep < count else torch.sort(logits, descending=True)
    if sampling.top_p < 1:
        probabilities = torch.softmax(values.double(), -1)
        before = probabilities.cumsum(-1) - probabilities
        keep = max(1, int((before < sampling.top_p).sum()))
    kept = order[:keep]
    saved = logits[kept]
    logits.fill_(float("-inf"))
    logits[kept] = saved
