"""Which prompt tokens go into the next prefill chunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trimtab_server.engine.reply import Reply
from trimtab_server.engine.slot_forward import Chunk


@dataclass(frozen=True)
class PrefillPlan:
    """chunks: one per row, a reply's shadow beside it. counts: prompt tokens taken per reply.
    row_of: slot -> row of the batch. tokens: all tokens of all rows, padding left out."""

    chunks: tuple[Chunk, ...]
    counts: tuple[tuple[Reply, int], ...]
    row_of: Mapping[int, int]
    tokens: int


def plan_prefill(waiting: Sequence[Reply], budget: int) -> PrefillPlan:
    """Take replies in order while the padded batch stays within `budget` tokens.

    The first reply always goes in, with as much of its prompt as fits, so that every call makes progress; one
    whose prompt may not be cut goes in whole, whatever its length. A reply and its shadow advance together.
    """
    chosen: list[Reply] = []
    rows = width = 0
    for reply in waiting:
        more = rows + len(reply.slots)
        left = len(reply.request.prompt_ids) - reply.filled
        wanted = max(width, left if reply.whole_prompt else min(left, max(1, budget // more)))
        if chosen and more * wanted > budget and not reply.whole_prompt:
            wanted = width
        if chosen and more * wanted > budget:
            break
        chosen.append(reply)
        rows, width = more, wanted
    counts = tuple((r, min(width, len(r.request.prompt_ids) - r.filled)) for r in chosen)
    chunks = tuple(_chunk(reply, slot, count) for reply, count in counts for slot in reply.slots)
    return PrefillPlan(
        chunks=chunks,
        counts=counts,
        row_of={chunk.slot: row for row, chunk in enumerate(chunks)},
        tokens=sum(len(chunk.tokens) for chunk in chunks),
    )


def _chunk(reply: Reply, slot: int, count: int) -> Chunk:
    prompt = reply.request.prompt_ids
    return Chunk(slot, reply.filled, prompt[reply.filled : reply.filled + count], len(prompt) - 1)
