"""Steering a model in a notebook or a measurement: hooks on block outputs, for as long as a `with` lasts.

    with steered(model, [Steer(vector.directions, Add(0.35), layers=(1, 2))], norms, where=mask):
        model.generate(...)

The server's engine does the same from a table, many requests at once; this is the plain form, and the
reference that measurements use.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from trimtab_vectors.decoder import DecoderError, DecoderLayers, find_decoder, hidden_of, with_hidden
from trimtab_vectors.operators import NOTHING, Add, Condition, Operator
from trimtab_vectors.steering_vector import SteeringVector


@dataclass(frozen=True, eq=False)
class Steer:
    """One operator along one concept's directions, at some layers.

    directions: layer -> unit direction `[H]`, or `[B, H]`, one for each row of the batches it will steer (so
    that many directions are measured in one pass). layers None means every layer the directions hold.
    """

    directions: Mapping[int, Tensor]
    operator: Operator
    layers: tuple[int, ...] | None = None
    condition: Condition | None = None

    @classmethod
    def of(cls, vector: SteeringVector, strength: float, layers: Sequence[int] | None = None) -> Steer:
        """The ordinary case: add `strength` times the residual norm along a vector."""
        return cls(vector.directions, Add(strength), None if layers is None else tuple(layers))

    @property
    def at(self) -> tuple[int, ...]:
        return tuple(sorted(self.directions if self.layers is None else set(self.layers)))


@dataclass
class Applications:
    """What happened inside a `with`, so that steering that never took place is noticed."""

    passes: dict[int, int] = field(default_factory=dict)
    """Hooked layer -> forward passes through it."""
    gates: dict[int, Tensor] = field(default_factory=dict)
    """Index of a conditional `Steer` -> `[B]` bool, which rows its condition let through."""


@contextmanager
def steered(
    model: nn.Module,
    steering: Sequence[Steer],
    residual_norms: Mapping[int, float],
    where: Tensor | None = None,
    prompt: Tensor | None = None,
) -> Iterator[Applications]:
    """Steer `model` inside the `with`. At one layer every steer reads the block's own output and the deltas are
    summed; a later layer sees what earlier ones did. `with`s may be nested: the inner one reads what the outer
    one left.

    residual_norms: layer -> median residual norm of the stage being steered, the unit of strengths.
    where: `[B, T]`, nonzero at the tokens of the first forward pass, the one over the prompt (or over a whole
    teacher-forced text), that are steered; None means all. Every token after those T is steered, whether it
    comes alone with the cache or with the whole text again. prompt: `[B, T]`, the tokens a `Condition` reads in
    the first pass; None means those that the attention mask shows. A condition reads its block's output before
    that block is steered, decides in the first pass, row by row, and its gates stay as they are.

    With `where`, a condition or directions per row, one `with` is one batch of prompts, which may be run again
    and continued; another batch is refused (ValueError), since its rows would get the steering of these. Without,
    any number of batches may pass. Not for two threads on one model at the same time.

    Raises ValueError for a layer the model or the directions do not have, for a direction of another width or
    of other rows than the batch, for a layer without a residual norm, for a condition that is read at or after
    a layer it gates, and for a mask of another shape than the first pass.
    """
    decoder = find_decoder(model)
    for steer in steering:
        _check(steer, len(decoder.blocks), decoder.hidden_size, residual_norms)
    passes = _Passes(decoder, steering, residual_norms, where, prompt)
    with ExitStack() as hooks:
        handle = decoder.trunk.register_forward_pre_hook(passes.begin, with_kwargs=True)
        hooks.callback(handle.remove)
        for layer in passes.layers:
            hooks.callback(decoder.blocks[layer].register_forward_hook(passes.hook(layer)).remove)
        yield passes.applications


@dataclass(frozen=True)
class _Pass:
    """A forward pass under way. start: its first token's column, counted from the first pass's first one."""

    start: int
    first: bool
    attention_mask: Any


class _Passes:
    """What the hooks of one `with` share."""

    def __init__(
        self,
        decoder: DecoderLayers,
        steering: Sequence[Steer],
        residual_norms: Mapping[int, float],
        where: Tensor | None,
        prompt: Tensor | None,
    ) -> None:
        self.steering, self.norms, self.where, self.prompt = tuple(steering), residual_norms, where, prompt
        self.conditional = {i: s.condition for i, s in enumerate(self.steering) if s.condition is not None}
        self.layers = sorted(
            {layer for s in self.steering for layer in s.at} | {c.layer for c in self.conditional.values()}
        )
        by_row = any(s.directions[layer].dim() == 2 for s in self.steering for layer in s.at)
        self.one_batch = by_row or where is not None or bool(self.conditional)
        self.applications = Applications()
        self._parameters = inspect.signature(decoder.trunk.forward)
        self._directions: dict[tuple[int, int], Tensor] = {}
        self._inputs: Tensor | None = None
        self._cached_before = 0
        self._pass: _Pass | None = None

    def begin(self, trunk: nn.Module, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        """Before every pass: where in its text it stands."""
        if not self.one_batch:
            return
        given = self._parameters.bind_partial(*arguments, **keywords).arguments
        ids: Tensor | None = given.get("input_ids")
        inputs: Tensor = given["inputs_embeds"] if ids is None else ids
        cached = _cached(given.get("past_key_values"))
        if self._inputs is None:
            for name, mask in (("where", self.where), ("prompt", self.prompt)):
                _check_mask(name, mask, inputs)
            self._inputs, self._cached_before = inputs.detach().clone(), cached
            self._pass = _Pass(0, True, given.get("attention_mask"))
            return
        if "past_key_values" not in self._parameters.parameters:
            raise DecoderError(
                f"{type(trunk).__name__} does not say how much of its text is cached, so that where a second "
                "pass stands is unknown; steer one pass to a `with`, or everywhere and unconditionally"
            )
        start = cached - self._cached_before
        if len(inputs) != len(self._inputs) or (start <= 0 and not _continues(self._inputs, inputs)):
            raise ValueError(
                f"a second batch {tuple(inputs.shape[:2])} begins inside a `with` whose masks, conditions or "
                f"directions per row belong to the first {tuple(self._inputs.shape[:2])}; give it a `with` of "
                "its own"
            )
        self._pass = _Pass(max(0, start), False, None)

    def hook(self, layer: int) -> Any:
        here = [(index, steer) for index, steer in enumerate(self.steering) if layer in steer.at]

        def on_output(_block: nn.Module, _inputs: Any, output: Any) -> Any:
            hidden = hidden_of(output)
            self.applications.passes[layer] = self.applications.passes.get(layer, 0) + 1
            self._decide(layer, hidden)
            moved = hidden
            for index, steer in here:
                moved = moved + self._masked(index, steer, layer, hidden)
            return with_hidden(output, moved)

        return on_output

    def _decide(self, layer: int, hidden: Tensor) -> None:
        for index, condition in self.conditional.items():
            if condition.layer == layer and index not in self.applications.gates:
                weight = self._read(hidden)[..., None]
                mean = (hidden.float() * weight).sum(1) / weight.sum(1).clamp(min=1.0)
                self.applications.gates[index] = condition.open(mean)

    def _read(self, hidden: Tensor) -> Tensor:
        """`[B, T]` float, 1 at the tokens that conditions read."""
        mask = self.prompt
        if mask is None and self._pass is not None:
            mask = self._pass.attention_mask
        if mask is None:
            return torch.ones(hidden.shape[:2], device=hidden.device)
        if mask.shape != hidden.shape[:2]:
            raise ValueError(
                f"the attention mask has shape {tuple(mask.shape)}, from which padding cannot be told; say "
                "with `prompt` which tokens a condition reads"
            )
        return mask.to(hidden.device).ne(0).float()

    def _masked(self, index: int, steer: Steer, layer: int, hidden: Tensor) -> Tensor:
        delta = steer.operator.delta(hidden, self._direction(index, layer, hidden), self.norms[layer])
        keep = self._where(hidden)
        if index in self.conditional:
            gate = self.applications.gates[index][:, None].to(hidden.device)
            keep = gate if keep is None else keep & gate
        if keep is None:
            return delta
        # Selection, not a product: 0 * inf is NaN.
        nothing = torch.full((), NOTHING, dtype=delta.dtype, device=delta.device)
        return torch.where(keep[..., None], delta, nothing)

    def _where(self, hidden: Tensor) -> Tensor | None:
        """`[B, T]` bool of the pass under way: what `where` says, and everything after it."""
        if self.where is None or self._pass is None:
            return None
        start, length = self._pass.start, hidden.shape[1]
        known = self.where[:, start : start + length].to(hidden.device).ne(0)
        after = known.new_ones((len(known), length - known.shape[1]))
        return torch.cat((known, after), dim=1)

    def _direction(self, index: int, layer: int, hidden: Tensor) -> Tensor:
        """On the layer's device; copied there once."""
        held = self._directions.get((index, layer))
        if held is None or held.device != hidden.device:
            held = self.steering[index].directions[layer].to(hidden.device, torch.float32)
            if held.dim() == 2:
                held = held[:, None, :]
            self._directions[index, layer] = held
        if held.dim() == 3 and len(held) != len(hidden):
            raise ValueError(
                f"there are {len(held)} directions at layer {layer} for {len(hidden)} rows; give one for each row"
            )
        return held


def _cached(cache: Any) -> int:
    """Columns that a pass with this cache does not have to compute again."""
    return 0 if cache is None else int(cache.get_seq_length())


def _continues(earlier: Tensor, inputs: Tensor) -> bool:
    """Whether a pass from the beginning is over the same texts, perhaps longer by now."""
    width = earlier.shape[1]
    return inputs.shape[1] >= width and torch.equal(inputs[:, :width], earlier)


def _check_mask(name: str, mask: Tensor | None, inputs: Tensor) -> None:
    if mask is not None and mask.shape != inputs.shape[:2]:
        raise ValueError(
            f"`{name}` has shape {tuple(mask.shape)}, the first forward pass {tuple(inputs.shape[:2])}; give one "
            "value for each of its tokens, padding included"
        )


def _check(steer: Steer, layer_count: int, hidden_size: int, norms: Mapping[int, float]) -> None:
    if not steer.at:
        raise ValueError("a steer names no layer; give at least one")
    for layer in steer.at:
        if not 0 <= layer < layer_count:
            raise ValueError(f"layer {layer} is asked for; the model has layers 0 to {layer_count - 1}")
        if layer not in steer.directions:
            held = sorted(steer.directions)
            raise ValueError(f"layer {layer} has no direction; the vector holds layers {held}")
        direction = steer.directions[layer]
        if direction.dim() not in (1, 2):
            raise ValueError(
                f"the direction of layer {layer} has shape {tuple(direction.shape)}; [H] or [B, H] is expected"
            )
        _check_width(f"the direction of layer {layer}", direction, hidden_size)
        if layer not in norms:
            raise ValueError(
                f"no residual norm is given for layer {layer}; measure it on the stage being steered "
                "(median_residual_norms)"
            )
    condition = steer.condition
    if condition is not None:
        _check_width("the condition's direction", condition.direction, hidden_size)
        if not 0 <= condition.layer < steer.at[0]:
            raise ValueError(
                f"the condition is read after block {condition.layer} and would gate block {steer.at[0]}; "
                "read it at an earlier block, or steer later ones"
            )


def _check_width(what: str, direction: Tensor, hidden_size: int) -> None:
    if direction.shape[-1] != hidden_size:
        raise ValueError(
            f"{what} has {direction.shape[-1]} components, the residual stream {hidden_size}; use a vector made "
            "for this model"
        )
