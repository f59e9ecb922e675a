"""The short contrastive fine-tune of a push, with an optimiser of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from trimtab_vectors.evaluation.batching import logits_of
from trimtab_vectors.evaluation.forced import ForcedText, common_start, forced_text
from trimtab_vectors.extraction import token_batches
from trimtab_vectors.training.actions import ContrastivePush


@dataclass(frozen=True)
class Pusher:
    """Applies one push to a model: trainable weights change, nothing else does.

    Calling it takes `push.steps` optimiser steps and returns their number. Random numbers are drawn (dropout):
    keep them if the run must not see that (`twins.compare_twins` does).
    """

    push: ContrastivePush
    tokenizer: Any

    def __call__(self, model: nn.Module) -> int:
        parameters = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=self.push.learning_rate, weight_decay=0.0)
        pairs = [
            common_start([forced_text(self.tokenizer, own.item.prompt, answer) for answer in answers])
            for own in self.push.data
            for answers in [(own.item.honest[0], own.item.dishonest[0])]
        ]
        modes = [(module, module.training) for module in model.modules()]
        model.train()
        for chosen in self._batches(len(pairs)):
            contrastive_loss(model, [pairs[i] for i in chosen], self.push.contrast).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
        for module, training in modes:
            module.training = training
        return self.push.steps

    def _batches(self, count: int) -> Iterator[list[int]]:
        """Item numbers of each step: seeded passes over all of them, one after another."""
        generator = torch.Generator().manual_seed(self.push.seed)
        queue: list[int] = []
        for _ in range(self.push.steps):
            while len(queue) < self.push.batch_size:
                queue += torch.randperm(count, generator=generator).tolist()
            yield queue[: self.push.batch_size]
            queue = queue[self.push.batch_size :]


def contrastive_loss(model: nn.Module, pairs: list[list[ForcedText]], contrast: float) -> Tensor:
    """Mean over pairs (wanted, unwanted) of the loss of `ContrastivePush`, one forward pass for all."""
    texts = [text for pair in pairs for text in pair]
    width = max(len(text.tokens) for text in texts)
    # One batch whatever its size: a pair's two sides must meet in one loss.
    (batch,) = token_batches([t.tokens for t in texts], batch_tokens=width * len(texts), left=True)
    logits = logits_of(model, batch, keep=max(len(text.answer) for text in texts) + 1)
    totals: dict[int, Tensor] = {}
    for row, index in enumerate(batch.indices):
        own = logits[row, -len(texts[index].answer) - 1 : -1]
        target = torch.tensor(texts[index].answer, device=own.device)[:, None]
        totals[index] = (own.gather(1, target)[:, 0] - own.logsumexp(dim=1)).sum()
    losses = []
    for number in range(len(pairs)):
        wanted, unwanted = totals[2 * number], totals[2 * number + 1]
        length = len(texts[2 * number].answer)
        apart = torch.nn.functional.softplus((unwanted - wanted) / length)
        losses.append(-wanted / length + contrast * apart)
    return torch.stack(losses).mean()
