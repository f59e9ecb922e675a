"""Log-odds of honest answers and drift on neutral text, for many steering settings in each forward pass.

A setting is one row of pushes: layer -> dose * unit direction. All settings of a pass share the question's context,
which is computed once; only the tokens from the first steered one on are run for each of them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from trimtab_vectors.operators import Add
from trimtab_vectors.steering import Steer, steered
from trimtab_vectors.study.packed_answers import PackedTrees, TokenTree, packed

#: Layer -> `[S, H]`: for each of S settings the dose (relative to the residual norm) times the unit direction.
Pushes = Mapping[int, Tensor]


@dataclass(frozen=True)
class PassBudget:
    """How much goes into one forward pass: fed tokens, logits, and questions packed together."""

    tokens: int
    logits: int
    trees: int

    @classmethod
    def of(cls, device: torch.device, sharing: int = 1) -> PassBudget:
        """Enough to keep the device busy, and no more than its memory bears.

        sharing: processes that use the device at the same time. A CUDA pass takes about 40 bytes for each logit,
        11 GB at most; several processes share three such passes.
        """
        if device.type == "cuda":
            share = max(1, -(-sharing // 3))
            return cls(tokens=2**17 // share, logits=2**28 // share, trees=256)
        return cls(tokens=2**12, logits=2**24, trees=64)


@dataclass(frozen=True, eq=False)
class TextDrift:
    """Per setting and text: mean KL(unsteered || steered) in nats per token, and the mean negative log-likelihood
    of the text's own tokens, steered and unsteered. kl, steered_nll `[S, n]`; nll `[n]`; tokens `[n]`."""

    kl: Tensor
    steered_nll: Tensor
    nll: Tensor
    tokens: Tensor


class Scorer:
    """One loaded stage, ready to score trees. residual_norms: of this stage, the unit of doses."""

    def __init__(
        self, model: Any, residual_norms: Mapping[int, float], budget: PassBudget | None = None
    ) -> None:
        self.model, self.norms = model, dict(residual_norms)
        self.device = next(model.parameters()).device
        self.budget = budget or PassBudget.of(self.device)
        self.passes = 0

    @torch.inference_mode()
    def log_odds(self, trees: Sequence[TokenTree], pushes: Pushes | None = None) -> Tensor:
        """`[S, n]` float64 on the CPU: log p(an honest answer) - log p(a dishonest one) among the answers given,
        for each setting and tree; unsteered, without any hook, where `pushes` is None (S = 1).

        With several answers on a side the side's probability is their sum.
        """
        count = _settings(pushes)
        found = torch.empty((count, len(trees)), dtype=torch.float64)
        for pack in packed(trees, self.budget.trees):
            on_device = pack.to(self.device)
            for chosen, logits in self._logits(on_device, pushes):
                found[chosen[:, None], torch.tensor(pack.indices)] = (
                    _log_odds(on_device, logits).T.double().cpu()
                )
        return found

    @torch.inference_mode()
    def text_drift(self, trees: Sequence[TokenTree], pushes: Pushes) -> TextDrift:
        """What S settings do to neutral texts (trees of one branch)."""
        count, n = _settings(pushes), len(trees)
        kl, moved = torch.empty((count, n), dtype=torch.float64), torch.empty((count, n), dtype=torch.float64)
        nll, tokens = torch.empty(n, dtype=torch.float64), torch.empty(n, dtype=torch.int64)
        for pack in packed(trees, self.budget.trees):
            on_device, rows = pack.to(self.device), torch.tensor(pack.indices)
            ((_, plain),) = list(self._logits(on_device, None))
            lengths = torch.bincount(on_device.scored_row, minlength=len(rows)).double()
            before = plain[:, 0].log_softmax(-1)
            likelihood = before.gather(-1, on_device.target_token[:, None])[:, 0]
            nll[rows] = (-_by_row(on_device, likelihood[:, None])[:, 0] / lengths).cpu()
            tokens[rows] = lengths.long().cpu()
            for chosen, logits in self._logits(on_device, pushes):
                after = logits.log_softmax(-1)
                difference = (before.exp()[:, None] * (before[:, None] - after)).sum(-1)
                own = after.gather(-1, on_device.target_token[:, None, None].expand(-1, len(chosen), 1))[
                    ..., 0
                ]
                kl[chosen[:, None], rows] = (_by_row(on_device, difference) / lengths[:, None]).T.cpu()
                moved[chosen[:, None], rows] = (-_by_row(on_device, own) / lengths[:, None]).T.cpu()
        return TextDrift(kl, moved, nll, tokens)

    def _logits(self, pack: PackedTrees, pushes: Pushes | None) -> Iterator[tuple[Tensor, Tensor]]:
        """Yields (settings `[s]`, logits `[M, s, V]` of the scored tokens), as many settings as the budget bears."""
        context = self._context(pack)
        count, n = _settings(pushes), len(pack.indices)
        vocabulary = int(self.model.get_output_embeddings().weight.shape[0])
        by_tokens = self.budget.tokens // (n * pack.ids.shape[1])
        by_logits = self.budget.logits // (len(pack.scored_row) * vocabulary)
        step = max(1, min(by_tokens, by_logits))
        for begin in range(0, count, step):
            chosen = torch.arange(begin, min(begin + step, count))
            yield chosen, self._pass(pack, context, pushes, chosen)

    def _context(self, pack: PackedTrees) -> Any:
        """The keys and values of every tree's context, or None where there is none."""
        if not pack.context_ids.shape[1]:
            return None
        from transformers import DynamicCache

        cache: Any = DynamicCache(config=self.model.config)
        positions = (pack.context_mask.long().cumsum(1) - 1).clamp(min=0)
        self.passes += 1
        self.model(
            input_ids=pack.context_ids,
            attention_mask=pack.context_mask.long(),
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return cache

    def _pass(self, pack: PackedTrees, context: Any, pushes: Pushes | None, chosen: Tensor) -> Tensor:
        """Rows go tree by tree, each with its settings side by side: row = tree * settings + setting."""
        settings, n, width = len(chosen), len(pack.indices), pack.ids.shape[1]
        cache: Any = None
        if context is not None:
            cache = copy.deepcopy(context)
            cache.batch_repeat_interleave(settings)
        seen = pack.mask.repeat_interleave(settings, 0)[:, None]
        dtype = next(self.model.parameters()).dtype
        bias = torch.zeros(seen.shape, dtype=dtype, device=self.device).masked_fill_(
            ~seen, torch.finfo(dtype).min
        )
        row = pack.scored_row[:, None] * settings + torch.arange(settings, device=self.device)
        scored = (row * width + pack.scored_column[:, None]).flatten()
        steering = [] if pushes is None else [_steer(pushes, chosen.to(self.device), n)]
        self.passes += 1
        with steered(self.model, steering, self.norms), _logits_of(self.model, scored):
            logits: Tensor = self.model(
                input_ids=pack.ids.repeat_interleave(settings, 0),
                attention_mask=bias,
                position_ids=pack.positions.repeat_interleave(settings, 0),
                past_key_values=cache,
                use_cache=cache is not None,
            ).logits
        return logits.reshape(len(pack.scored_row), settings, -1).float()


@contextmanager
def _logits_of(model: Any, positions: Tensor) -> Iterator[None]:
    """Only these of the B * T states reach the unembedding: its product is the largest of a small model's."""

    def select(_head: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        hidden = inputs[0]
        return (hidden.reshape(-1, hidden.shape[-1])[positions][None], *inputs[1:])

    handle = model.get_output_embeddings().register_forward_pre_hook(select)
    try:
        yield
    finally:
        handle.remove()


def _steer(pushes: Pushes, chosen: Tensor, trees: int) -> Steer:
    # The dose is part of each row's direction, so that one pass holds many doses.
    rows = {layer: push.to(chosen.device)[chosen].repeat(trees, 1) for layer, push in pushes.items()}
    return Steer(rows, Add(1.0))


def _log_odds(pack: PackedTrees, logits: Tensor) -> Tensor:
    """`[n, s]` of logits `[M, s, V]`."""
    totals = logits.logsumexp(-1)
    at_target = logits[pack.target_scored, :, pack.target_token] - totals[pack.target_scored]
    answers = torch.zeros((pack.given.numel(), logits.shape[1]), dtype=torch.float64, device=logits.device)
    answers.index_add_(0, pack.target_slot, at_target.double())
    answers = answers.reshape(*pack.given.shape, -1)
    nothing = torch.full((), -torch.inf, dtype=torch.float64, device=logits.device)
    honest = torch.where(pack.honest[..., None], answers, nothing).logsumexp(1)
    dishonest = torch.where((pack.given & ~pack.honest)[..., None], answers, nothing).logsumexp(1)
    return honest - dishonest


def _by_row(pack: PackedTrees, values: Tensor) -> Tensor:
    """`[n, s]` float64: sums of `[M, s]` over each tree's tokens."""
    sums = torch.zeros((len(pack.indices), values.shape[1]), dtype=torch.float64, device=values.device)
    return sums.index_add_(0, pack.scored_row, values.double())


def _settings(pushes: Pushes | None) -> int:
    return 1 if pushes is None else len(next(iter(pushes.values())))
