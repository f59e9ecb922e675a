"""What a direction does to the residual stream: each operator a small record that gives a delta.

Reference arithmetic in float32: an engine may be faster, not different. Everywhere

- h: states `[..., H]` in any float dtype; the delta has its shape and dtype, and `h + delta` is the steered state;
- u: unit direction, `[H]` or anything that broadcasts against h, such as `[B, 1, H]` for one direction a row;
- r: the steered stage's median residual norm at that layer (`extraction.residual_norms`), in h's own units.

So leaving out a position, or a row, is a choice between its delta and nothing. Nothing is -0.0, the only number
that leaves every float's bits alone (-0.0 + 0.0 is +0.0), and so a delta that changes nothing holds -0.0.

Where several operators act at one layer, each reads the block's own output and the deltas are summed: their
order means nothing. Two things that other tools call "normalise" have different names here: a *unit direction*
is part of every vector (its raw norm is kept beside it), and keeping the *state's* norm is an operator of its
own, `PreserveStateNorm`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, Protocol, get_args, runtime_checkable

import torch
from torch import Tensor

#: Below this a norm counts as zero where a formula would divide by it.
_SMALLEST_NORM: Final = 1e-12

#: A state of which an operator leaves less than this share is nothing but rounding: it is not scaled back up.
_SMALLEST_REST: Final = 1e-5

#: Added to any float, subnormal or negative zero included, it changes no bit.
NOTHING: Final = -0.0


#: Which way a `Clamp` may move the component.
Bound = Literal["exactly", "at_least", "at_most"]

#: Which states `PreserveStateNorm` scales.
NormKept = Literal["always", "grown"]

#: On which side of its threshold a `Condition` lets a row through.
Opens = Literal["score_above", "score_below"]


@runtime_checkable
class Operator(Protocol):
    """Anything that turns a state and a unit direction into a delta."""

    def delta(self, h: Tensor, u: Tensor, r: float) -> Tensor: ...


@dataclass(frozen=True)
class Add:
    """`strength * r * u`: a dose relative to the residual norm, the same at every position.

    Representation Engineering's linear combination (arXiv:2310.01405, section 4) with the dose in units of
    the residual norm, so that it is comparable across layers, vectors and stages.
    """

    strength: float

    def __post_init__(self) -> None:
        _finite("strength", self.strength)

    def delta(self, h: Tensor, u: Tensor, r: float) -> Tensor:
        step = _direction(u, h) * (self.strength * r)
        return _as_delta(step, h.dtype).expand_as(h)


@dataclass(frozen=True)
class Ablate:
    """`-share * (h . u) u`: removes this share of the component along u, all of it at 1.

    Directional ablation (Arditi et al., arXiv:2406.11717, section 2.4). share is in [0, 1].
    """

    share: float = 1.0

    def __post_init__(self) -> None:
        _share(self.share)

    def delta(self, h: Tensor, u: Tensor, r: float) -> Tensor:
        return _as_delta(-self.share * projection(h, u)[..., None] * _direction(u, h), h.dtype)


@dataclass(frozen=True)
class Clamp:
    """Moves the component along u towards `level * r` and leaves everything orthogonal to u alone.

    `share * (level * r - h . u) u`. bound: "exactly" always moves it, "at_least" only raises it, "at_most" only
    lowers it (a projection cap). level is relative to the residual norm, as a strength is. share is how much of
    the way, all of it at 1: 0 changes nothing, whereas level 0 with "exactly" is `Ablate(share)`.
    """

    level: float
    bound: Bound = "exactly"
    share: float = 1.0

    def __post_init__(self) -> None:
        _finite("level", self.level)
        _share(self.share)
        if self.bound not in get_args(Bound):
            raise ValueError(f"bound is {self.bound!r}; use exactly, at_least or at_most")

    def delta(self, h: Tensor, u: Tensor, r: float) -> Tensor:
        missing = self.level * r - projection(h, u)
        if self.bound == "at_least":
            missing = missing.clamp(min=0.0)
        elif self.bound == "at_most":
            missing = missing.clamp(max=0.0)
        return _as_delta(self.share * missing[..., None] * _direction(u, h), h.dtype)


@dataclass(frozen=True)
class PreserveStateNorm:
    """Another operator's steered state, scaled back to the length the state had.

    `(h + d) * |h| / |h + d| - h` with d the inner operator's delta (the option that Representation Engineering
    and repeng call `normalize`), norms in float32, since the sum of squares of an fp16 state overflows.
    when: "always" also scales a state back up that d made shorter; "grown" only shrinks states that d made
    longer. The two differ wherever d points against the state.

    Where d is zero the delta is too. A state of norm zero stays there. A state that d takes away whole (the
    ablation of a state that points along u) is not scaled back: its direction would be rounding alone.
    """

    inner: Operator
    when: NormKept = "always"

    def __post_init__(self) -> None:
        if self.when not in get_args(NormKept):
            raise ValueError(f"when is {self.when!r}; use always or grown")

    def delta(self, h: Tensor, u: Tensor, r: float) -> Tensor:
        change = self.inner.delta(h, u, r)
        kept = norm_preserved(h.float(), change.float(), torch.tensor(self.when == "grown", device=h.device))
        return torch.where(change.ne(0).any(-1, keepdim=True), _as_delta(kept, h.dtype), change)


@dataclass(frozen=True, eq=False)
class Condition:
    """A gate over rows: steer a conversation only if its prompt looks a certain way. Decided once, at prefill.

    layer: the block whose output is read; it must lie before every layer that is steered under it. direction:
    `[H]`, of any norm. The score of a row is CAST's: the mean state h of its prompt's tokens against its
    projection, `cos(h, tanh(P h))` with `P = c c' / (c' c)` (Lee et al., arXiv:2409.05907, section 3.2).
    The gate opens where the score is above (or below) `threshold`; a score that equals it does not open it.
    """

    layer: int
    direction: Tensor
    threshold: float
    opens: Opens = "score_above"

    def __post_init__(self) -> None:
        _finite("threshold", self.threshold)
        if self.opens not in get_args(Opens):
            raise ValueError(f"opens is {self.opens!r}; use score_above or score_below")
        if self.direction.dim() != 1 or not bool(torch.isfinite(self.direction).all()):
            raise ValueError("the condition's direction must be a finite vector [H]")
        if not bool(self.direction.any()):
            raise ValueError("the condition's direction is zero; every prompt would score the same")

    def score(self, h: Tensor) -> Tensor:
        """CAST score `[...]` of states `[..., H]`, in [-1, 1]; 0 where the projection vanishes."""
        state = h.float()
        c = self.direction.to(device=h.device, dtype=torch.float32)
        projected = torch.tanh((state @ c)[..., None] * (c / (c @ c)))
        return torch.nn.functional.cosine_similarity(state, projected, dim=-1, eps=_SMALLEST_NORM)

    def open(self, h: Tensor) -> Tensor:
        """`[...]` bool: whether a row with this mean prompt state is steered."""
        score = self.score(h)
        return score > self.threshold if self.opens == "score_above" else score < self.threshold


def norm_preserved(state: Tensor, change: Tensor, only_grown: Tensor) -> Tensor:
    """The float32 change `[..., H]` that `PreserveStateNorm` makes of another one; only_grown: bool, broadcast
    against `[..., 1]`."""
    moved = state + change
    before = torch.linalg.vector_norm(state, dim=-1, keepdim=True)
    after = torch.linalg.vector_norm(moved, dim=-1, keepdim=True)
    scaled = moved * (before / after.clamp(min=_SMALLEST_NORM))
    rescale = (after > _SMALLEST_REST * before) & ((after > before) | ~only_grown)
    return torch.where(rescale, scaled - state, change)


def projection(h: Tensor, u: Tensor) -> Tensor:
    """`h . u` per position, float32 `[...]`."""
    return (h.float() * _direction(u, h)).sum(-1)


def _direction(u: Tensor, h: Tensor) -> Tensor:
    return u.to(device=h.device, dtype=torch.float32)


def _as_delta(step: Tensor, dtype: torch.dtype) -> Tensor:
    cast = step.to(dtype)
    return torch.where(cast == 0, torch.full((), NOTHING, dtype=dtype, device=cast.device), cast)


def _share(value: float) -> None:
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"share is {value}; a share of the way from 0 to 1 is expected")


def _finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}; a finite number is expected")
