"""What goes into the engine and what comes out of it: frozen dataclasses, no tensors on the way out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import torch
from trimtab_vectors.operators import Bound, Condition, NormKept
from trimtab_vectors.steering_vector import SteeringVector


class Operator(StrEnum):
    """How a direction changes the residual stream; each is a delta on a block's output."""

    ADD = "add"
    ABLATE = "ablate"
    CLAMP = "clamp"


class Positions(StrEnum):
    """Which absolute positions of a row are steered."""

    ALL = "all"
    REPLY = "reply"  # from the last prompt token on: everything that decides the reply


@dataclass(frozen=True)
class SteeringTerm:
    """One vector with its dose; `layers` are 0-based block indices, all of them held by the vector.

    strength: of an addition, relative to the residual norm; of an ablation or a clamp, the share of it. At 0
    nothing is steered. level and bound are a clamp's (`trimtab_vectors.operators.Clamp`). preserve_state_norm:
    which steered states are scaled back to the length they had. condition: read on the prompt at prefill; only
    a reply that it lets through is steered by this term, prompt and reply alike.
    """

    vector: SteeringVector
    strength: float
    layers: tuple[int, ...]
    operator: Operator = Operator.ADD
    positions: Positions = Positions.ALL
    level: float = 0.0
    bound: Bound = "exactly"
    preserve_state_norm: NormKept | None = None
    condition: Condition | None = None


@dataclass(frozen=True)
class Sampling:
    """Temperature 0 is greedy; `top_p` 1 and `top_k` 0 cut nothing; `stop` are strings."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0
    max_tokens: int = 256
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class AffineReadout:
    """A probe: score(h) = (direction . h - offset) / scale of a block's output h [H], read after steering.

    direction: unit [H] float32.
    """

    layer: int
    direction: torch.Tensor
    offset: float
    scale: float


@dataclass(frozen=True)
class Readouts:
    """Figures wanted per token. `watched` gives the direction that the projection is read on, `probe` that of
    the honesty read-out. kl_to_unsteered: from a shadow row, and with it the log-probability of the token there."""

    watched: SteeringVector | None = None
    entropy: bool = False
    kl_to_unsteered: bool = False
    residual_norm_ratio: bool = False
    probe: AffineReadout | None = None


@dataclass(frozen=True)
class GenerationRequest:
    """One reply to make.

    `prompt_ids` is the whole rendered prompt; `deadline` is on time.monotonic()'s clock, None for none;
    `tag` groups requests, e.g. by snapshot id, so that all with one tag can be cancelled together. `spare`
    asks for a slot that nobody else wants: refused with QueueFull where there is none, and ended as CANCELLED
    as soon as a request that is not spare would have to wait for it.
    """

    prompt_ids: tuple[int, ...]
    steering: tuple[SteeringTerm, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    readouts: Readouts = field(default_factory=Readouts)
    deadline: float | None = None
    tag: str = ""
    spare: bool = False


@dataclass(frozen=True)
class Token:
    """One sampled token. `text` may be empty while a character's bytes are incomplete."""

    id: int
    text: str
    index: int
    log_probability: float
    projection: float | None = None
    entropy: float | None = None
    kl_to_unsteered: float | None = None
    residual_norm_ratio: float | None = None
    unsteered_log_probability: float | None = None
    honesty: float | None = None


class FinishReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"
    ERROR = "error"


@dataclass(frozen=True)
class Finished:
    """The end of a reply; `error` is set with FinishReason.ERROR only. Times in seconds.

    `steering_applications` counts the layer-token pairs at which a non-zero row was applied,
    `steering_applications_expected` those at which the request asked for one. `gates`: of each conditional
    term, in the request's order, whether its condition let the reply through; None where the prompt was not read
    to its end. `spare`: the request was.
    """

    reason: FinishReason
    prompt_tokens: int
    reply_tokens: int
    queue_seconds: float
    prefill_seconds: float
    decode_seconds: float
    steering_applications: int
    steering_applications_expected: int
    error: str = ""
    gates: tuple[bool | None, ...] = ()
    spare: bool = False


@dataclass(frozen=True)
class Event:
    """Addressed to one request: its tokens of one step, and its end if it ended."""

    ticket: int
    tokens: tuple[Token, ...] = ()
    finished: Finished | None = None


#: Called on the engine thread once per step with every event of that step.
StepListener = Callable[[tuple[Event, ...]], None]
