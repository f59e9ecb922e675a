"""Reading the residual stream: forward hooks on block outputs.

Hooks read what a block returns, so a captured state is exactly what a steering delta is added to, at the
last layer too (`hidden_states[-1]` would be after the final norm).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

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


@dataclass(frozen=True)
class Reading:
    """A token sequence and the stretch of it whose states are averaged: tokens start to stop, stop excluded.

    One token is read as it is.
    """

    tokens: tuple[int, ...]
    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop <= len(self.tokens):
            raise ValueError(
                f"tokens {self.start} to {self.stop} are to be read of {len(self.tokens)}; a stretch of at "
                "least one token inside the sequence is expected"
            )

    @classmethod
    def last(cls, tokens: Sequence[int]) -> Reading:
        """Of the last token alone."""
        return cls(tuple(tokens), len(tokens) - 1, len(tokens))


class StateStore(Protocol):
    """Keeps the states of batches, so that an interrupted capture goes on where it was."""

    def states(
        self,
        batch: TokenBatch,
        read: torch.Tensor,
        layers: tuple[int, ...],
        compute: Callable[[], dict[int, torch.Tensor]],
    ) -> dict[int, torch.Tensor]:
        """The batch's states, kept or computed. read: `[B, T]` bool, the tokens averaged."""
        ...


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


def capture(
    model: nn.Module,
    readings: Sequence[Reading],
    layers: Sequence[int] | None = None,
    *,
    batch_tokens: int = BATCH_TOKENS,
    left: bool = False,
    store: StateStore | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[tuple[int, ...], dict[int, torch.Tensor]]]:
    """The mean state over each reading's stretch, batch by batch, the mean in float32.

    Yields (indices, {layer: float32 `[B, H]` on the CPU}), row b belonging to readings[indices[b]]. Batches
    come by length, not in the caller's order; `layers` None means all. With a `store`, batches it has kept
    are not computed again.
    """
    wanted = checked_layers(layers, len(find_decoder(model).blocks))
    done = 0
    for batch in token_batches([r.tokens for r in readings], batch_tokens=batch_tokens, left=left):
        read = _read(batch, [readings[index] for index in batch.indices])

        def compute(batch: TokenBatch = batch, read: torch.Tensor = read) -> dict[int, torch.Tensor]:
            return block_outputs(model, batch, wanted, _mean_over(read))

        yield batch.indices, compute() if store is None else store.states(batch, read, wanted, compute)
        done += len(batch.indices)
        if progress is not None:
            progress(done, len(readings))


def capture_last(
    model: nn.Module,
    sequences: Sequence[Sequence[int]],
    layers: Sequence[int] | None = None,
    *,
    batch_tokens: int = BATCH_TOKENS,
    left: bool = False,
    progress: Progress | None = None,
) -> Iterator[tuple[tuple[int, ...], dict[int, torch.Tensor]]]:
    """The state at each sequence's last token, as `capture` gives it."""
    return capture(
        model,
        [Reading.last(tokens) for tokens in sequences],
        layers,
        batch_tokens=batch_tokens,
        left=left,
        progress=progress,
    )


def block_outputs(
    model: nn.Module,
    batch: TokenBatch,
    layers: Sequence[int] | None = None,
    select: Callable[[torch.Tensor], torch.Tensor] = lambda hidden: hidden,
) -> dict[int, torch.Tensor]:
    """One forward pass; `select` of every wanted block's output `[B, T, H]`, as float32 on the CPU.

    `select` runs in the hook on the model's device, so that only what is wanted is copied, after the pass:
    a copy inside it would make an accelerator wait at every block.
    """
    blocks = find_decoder(model).blocks
    wanted = checked_layers(layers, len(blocks))
    states: dict[int, torch.Tensor] = {}

    def reader(layer: int) -> Callable[[nn.Module, Any, Any], None]:
        def read(_block: nn.Module, _inputs: Any, output: Any) -> None:
            states[layer] = select(hidden_of(output)).detach()

        return read

    handles = [blocks[layer].register_forward_hook(reader(layer)) for layer in wanted]
    try:
        with evaluating(model), torch.no_grad():
            model(**_arguments(model, batch))
    finally:
        for handle in handles:
            handle.remove()
    return {layer: states[layer].float().cpu() for layer in wanted}


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


def _read(batch: TokenBatch, readings: Sequence[Reading]) -> torch.Tensor:
    """`[B, T]` bool: the tokens of each row's stretch, wherever its padding is."""
    position = batch.attention_mask.cumsum(dim=1) - 1
    start, stop = (torch.tensor([[getattr(r, end)] for r in readings]) for end in ("start", "stop"))
    return batch.attention_mask.bool() & (position >= start) & (position < stop)


def _mean_over(read: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    """`[B, T, H]` -> `[B, H]`. Padding is selected away, not multiplied by zero: it may hold NaN."""
    single = bool((read.sum(dim=1) == 1).all())
    rows, places = torch.arange(len(read)), read.int().argmax(dim=1)
    moved: dict[torch.device, tuple[torch.Tensor, ...]] = {}

    def mean(hidden: torch.Tensor) -> torch.Tensor:
        if hidden.device not in moved:
            moved[hidden.device] = tuple(t.to(hidden.device) for t in (rows, places, read[..., None]))
        row, place, stretch = moved[hidden.device]
        if single:
            return hidden[row, place]
        return torch.where(stretch, hidden.float(), 0.0).sum(dim=1) / stretch.sum(dim=1)

    return mean


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
