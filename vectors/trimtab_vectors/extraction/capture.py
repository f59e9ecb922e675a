"""Reading the residual stream: forward hooks on block outputs.

Hooks read what a block returns, so a captured state is exactly what a steering delta is added to, at the
last layer too (`hidden_states[-1]` would be after the final norm).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from trimtab_vectors.decoder import find_decoder, hidden_of

#: Called with (sequences done, sequences in all).
Progress = Callable[[int, int], None]

#: Padded tokens of one forward pass: bounds the memory of activations, whatever the lengths.
BATCH_TOKENS: Final = 4096


@dataclass(frozen=True)
class TokenBatch:
    """Sequences padded to one length. indices: which of the caller's sequences they are.

    input_ids, attention_mask: int64 `[B, T]`; the mask is 1 on real tokens. The padding may be on either
    side: positions are counted from the mask.
    """

    indices: tuple[int, ...]
    input_ids: torch.Tensor
    attention_mask: torch.Tensor

    @property
    def last(self) -> torch.Tensor:
        """`[B]`, index of each row's last real token."""
        width = self.attention_mask.shape[1]
        return width - 1 - self.attention_mask.flip(1).argmax(dim=1)

    @property
    def after_first(self) -> torch.Tensor:
        """`[B, T]` bool: real tokens but each row's first."""
        real = self.attention_mask.bool()
        return real & (self.attention_mask.cumsum(dim=1) > 1)


def token_batches(
    sequences: Sequence[Sequence[int]], *, batch_tokens: int = BATCH_TOKENS, left: bool = False
) -> Iterator[TokenBatch]:
    """Pad sequences of like length together, longest first, at most `batch_tokens` a batch (one sequence at
    the least). The longest first: what does not fit into memory fails at once, not at the end.

    Raises ValueError for an empty sequence.
    """
    order = sorted(range(len(sequences)), key=lambda index: -len(sequences[index]))
    if order and not sequences[order[-1]]:
        raise ValueError(f"sequence {order[-1]} has no token; a prompt needs at least one")
    while order:
        rows = max(1, batch_tokens // len(sequences[order[0]]))
        chosen, order = order[:rows], order[rows:]
        yield _padded(chosen, sequences, left)


def capture_last(
    model: nn.Module,
    sequences: Sequence[Sequence[int]],
    layers: Sequence[int] | None = None,
    *,
    batch_tokens: int = BATCH_TOKENS,
    left: bool = False,
    progress: Progress | None = None,
) -> Iterator[tuple[tuple[int, ...], dict[int, torch.Tensor]]]:
    """The state at each sequence's last token, batch by batch.

    Yields (indices, {layer: float32 `[B, H]` on the CPU}), row b belonging to sequence indices[b]. Batches
    come by length, not in the caller's order; `layers` None means all.
    """
    done = 0
    for batch in token_batches(sequences, batch_tokens=batch_tokens, left=left):
        yield batch.indices, block_outputs(model, batch, layers, _at_last(batch))
        done += len(batch.indices)
        if progress is not None:
            progress(done, len(sequences))


def block_outputs(
    model: nn.Module,
    batch: TokenBatch,
    layers: Sequence[int] | None = None,
    select: Callable[[torch.Tensor], torch.Tensor] = lambda hidden: hidden,
) -> dict[int, torch.Tensor]:
    """One forward pass; `select` of every wanted block's output `[B, T, H]`, as float32 on the CPU.

    `select` runs in the hook on the model's device, so that only what is wanted is copied.
    """
    blocks = find_decoder(model).blocks
    wanted = checked_layers(layers, len(blocks))
    states: dict[int, torch.Tensor] = {}

    def reader(layer: int) -> Callable[[nn.Module, Any, Any], None]:
        def read(_block: nn.Module, _inputs: Any, output: Any) -> None:
            states[layer] = select(hidden_of(output)).detach().float().cpu()

        return read

    handles = [blocks[layer].register_forward_hook(reader(layer)) for layer in wanted]
    try:
        with evaluating(model), torch.no_grad():
            model(**_arguments(model, batch))
    finally:
        for handle in handles:
            handle.remove()
    return {layer: states[layer] for layer in wanted}


def checked_layers(layers: Sequence[int] | None, layer_count: int) -> tuple[int, ...]:
    """Ascending, each once; all of them for None. Raises ValueError for one the model does not have."""
    if layers is None:
        return tuple(range(layer_count))
    wrong = [layer for layer in layers if not 0 <= layer < layer_count]
    if wrong or not layers:
        raise ValueError(f"layers {list(layers)} asked for; the model has layers 0 to {layer_count - 1}")
    return tuple(sorted(set(layers)))


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """No dropout inside; the model's own mode is restored."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _at_last(batch: TokenBatch) -> Callable[[torch.Tensor], torch.Tensor]:
    rows, last = torch.arange(len(batch.indices)), batch.last
    return lambda hidden: hidden[rows.to(hidden.device), last.to(hidden.device)]


def _padded(chosen: Sequence[int], sequences: Sequence[Sequence[int]], left: bool) -> TokenBatch:
    width = max(len(sequences[index]) for index in chosen)
    # Padding repeats a real token id: it is masked, and not every tokenizer has a pad token.
    ids = torch.full((len(chosen), width), int(sequences[chosen[0]][0]), dtype=torch.long)
    mask = torch.zeros((len(chosen), width), dtype=torch.long)
    for row, index in enumerate(chosen):
        tokens = torch.tensor(sequences[index], dtype=torch.long)
        place = slice(width - len(tokens), width) if left else slice(0, len(tokens))
        ids[row, place] = tokens
        mask[row, place] = 1
    return TokenBatch(tuple(chosen), ids, mask)


def _arguments(model: nn.Module, batch: TokenBatch) -> Mapping[str, Any]:
    """What the model's forward takes of: positions from the mask, no cache, logits of one position only."""
    device = next(model.parameters()).device
    accepted = inspect.signature(_innermost(model).forward).parameters
    positions = (batch.attention_mask.cumsum(dim=1) - 1).clamp(min=0)
    offered: dict[str, Any] = {"position_ids": positions.to(device), "use_cache": False, "logits_to_keep": 1}
    return {
        "input_ids": batch.input_ids.to(device),
        "attention_mask": batch.attention_mask.to(device),
        **{name: value for name, value in offered.items() if name in accepted},
    }


def _innermost(model: nn.Module) -> nn.Module:
    """The model inside an adapter wrapper, whose own forward takes anything and says nothing."""
    base = getattr(model, "get_base_model", None)
    return base() if callable(base) else model
