"""From prompts to padded batches, and which rows and positions of a batch are steered.

What every measurement here shares: prompts are rendered as they are when the model is served, and a steer
may hold one direction for each of the prompts (`[N, H]`), so that many vectors are measured in one pass.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, nn

from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.extraction.capture import TokenBatch
from trimtab_vectors.extraction.contrast_set import ContrastPrompt
from trimtab_vectors.extraction.prompt_tokens import prompt_tokens
from trimtab_vectors.steering import Steer, steered
from trimtab_vectors.steering_vector import Positions

#: A conversation that ends with the user's turn, the same with the beginning of its reply, or raw text.
Prompt = str | ContrastPrompt | Sequence[Message]

#: Called with (prompts done, prompts in all).
Progress = Callable[[int, int], None]


def as_contrast_prompt(prompt: Prompt) -> ContrastPrompt:
    """Raises ContrastSetError for an empty prompt, or messages that do not end with the user's."""
    if isinstance(prompt, ContrastPrompt):
        return prompt
    if isinstance(prompt, str):
        return ContrastPrompt(text=prompt)
    return ContrastPrompt(messages=tuple(prompt))


def prompt_ids(tokenizer: Any, prompts: Sequence[Prompt]) -> list[list[int]]:
    """Token ids of each prompt, up to where the reply goes on."""
    return [prompt_tokens(tokenizer, as_contrast_prompt(prompt)) for prompt in prompts]


@dataclass(frozen=True, eq=False)
class Treatment:
    """How a model is steered in a measurement; the default is unsteered.

    steering: directions `[H]`, or `[N, H]` with a row for each of the N prompts measured. residual_norms:
    layer -> median residual norm of the stage. positions: "reply" leaves the prompt alone up to its last
    token, the one that opens the reply.
    """

    steering: tuple[Steer, ...] = ()
    residual_norms: Mapping[int, float] = field(default_factory=dict)
    positions: Positions = "all"

    def check_rows(self, count: int) -> None:
        """Raises ValueError for a steer with a direction per row whose rows are not `count`."""
        for steer in self.steering:
            for layer in steer.at:
                direction = steer.directions.get(layer)
                if direction is not None and direction.dim() == 2 and len(direction) != count:
                    raise ValueError(
                        f"the steer holds {len(direction)} directions at layer {layer} for {count} prompts; give "
                        "one direction [H], or one for each prompt"
                    )

    def of_rows(self, indices: Sequence[int]) -> Treatment:
        """The same for some of the prompts, in this order: directions per row are picked, others shared."""
        rows = list(indices)
        picked = tuple(
            Steer(
                {n: d[rows] if d.dim() == 2 else d for n, d in steer.directions.items()},
                steer.operator,
                steer.layers,
                steer.condition,
            )
            for steer in self.steering
        )
        return Treatment(picked, self.residual_norms, self.positions)

    @contextmanager
    def applied(self, model: nn.Module, batch: TokenBatch, starts: Sequence[int]) -> Iterator[None]:
        """Steer one batch of the prompts. starts: for each of its rows the number of its prompt's tokens; what
        follows them is a forced reply."""
        own = self.of_rows(batch.indices)
        where = from_token(batch, [start - 1 for start in starts]) if self.positions == "reply" else None
        prompt = batch.attention_mask - from_token(batch, starts)
        with steered(model, own.steering, own.residual_norms, where, prompt):
            yield


def from_token(batch: TokenBatch, starts: Sequence[int]) -> Tensor:
    """`[B, T]`, 1 on the real tokens of each row from its own `starts[row]` on (counted from its first)."""
    number = batch.attention_mask.cumsum(dim=1) - 1
    first = torch.tensor(list(starts), dtype=torch.long)[:, None]
    return batch.attention_mask * (number >= first)


def logits_of(model: nn.Module, batch: TokenBatch, keep: int | None = None) -> Tensor:
    """One forward pass: float32 logits `[B, T, V]`, or of the last `keep` columns alone."""
    device = next(model.parameters()).device
    accepted = inspect.signature(innermost(model).forward).parameters
    positions = (batch.attention_mask.cumsum(dim=1) - 1).clamp(min=0)
    offered: Mapping[str, Any] = {
        "position_ids": positions.to(device),
        "use_cache": False,
        **({} if keep is None else {"logits_to_keep": keep}),
    }
    output = model(
        input_ids=batch.input_ids.to(device),
        attention_mask=batch.attention_mask.to(device),
        **{name: value for name, value in offered.items() if name in accepted},
    )
    logits: Tensor = output.logits if keep is None else output.logits[:, -keep:]
    return logits.float()


#: No vector at all.
UNSTEERED: Final = Treatment()


def innermost(model: nn.Module) -> nn.Module:
    """The model inside an adapter wrapper, whose own forward takes anything and says nothing."""
    base = getattr(model, "get_base_model", None)
    found = base() if callable(base) else model
    return found if isinstance(found, nn.Module) else model
