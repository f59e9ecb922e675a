"""The probe: the few questions a running fine-tune is measured on, with answers to compare."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from trimtab_vectors.evaluation.honesty import Question
from trimtab_vectors.evaluation.margins import MarginItem, whole_reply_item
from trimtab_vectors.extraction.contrast_set import ContrastPair, ContrastSet


@dataclass(frozen=True)
class ProbeItem:
    """A margin item and the statement it is about: items of one statement stand and fall together."""

    item: MarginItem
    statement_id: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.item.id,
            "statement_id": self.statement_id,
            "prompt": self.item.prompt.as_dict(),
            "honest": list(self.item.honest),
            "dishonest": list(self.item.dishonest),
        }


@dataclass(frozen=True)
class Probe:
    """Items about at least two statements, no id twice."""

    items: tuple[ProbeItem, ...]

    def __post_init__(self) -> None:
        ids = [own.item.id for own in self.items]
        statements = {own.statement_id for own in self.items}
        if len(statements) < 2:
            raise ValueError(
                f"the probe is about {len(statements)} statements; at least 2, better 30, are needed"
            )
        repeated = sorted({id for id in ids if ids.count(id) > 1})
        if repeated:
            raise ValueError(f"the probe uses the id {repeated[0]!r} twice; each item needs its own")

    @classmethod
    def of_questions(cls, questions: Sequence[Question]) -> Probe:
        """The values of each question as whole replies, each question a statement of its own. Items that
        begin at the value (`evaluation.margins.item_at_value`) are the sharper probe."""
        return cls(tuple(ProbeItem(whole_reply_item(q), q.id) for q in questions))

    @cached_property
    def data_hash(self) -> str:
        """SHA-256 hex over the items' canonical JSON, in their order."""
        return _digest([own.as_dict() for own in self.items])

    def first(self, share: float, seed: int) -> tuple[int, ...]:
        """Indices of a share of the items, whole statements, in a seeded order: a smaller share is always
        part of a larger one, so that figures of either can be compared on the items they have in common."""
        chosen = set(first_statements([own.statement_id for own in self.items], share, seed))
        return tuple(i for i, own in enumerate(self.items) if own.statement_id in chosen)


def first_pairs(contrast: ContrastSet, share: float, seed: int) -> ContrastSet:
    """A share of a contrast set by whole statements, both splits alike; nested as in `Probe.first`."""
    if share >= 1.0:
        return contrast
    kept: list[ContrastPair] = []
    for pairs in (contrast.train, contrast.dev):
        chosen = set(first_statements([pair.statement_id for pair in pairs], share, seed))
        kept += [pair for pair in pairs if pair.statement_id in chosen]
    return ContrastSet(tuple(kept))


def first_statements(statements: Sequence[str], share: float, seed: int) -> list[str]:
    """A share of the different statements, rounded up and at least two of them (or all there are), in the
    order of SHA-256 of "seed, zero byte, id"."""
    if not 0.0 < share <= 1.0:
        raise ValueError(f"share is {share}; a share above 0 and up to 1 is expected")
    ordered = sorted(
        dict.fromkeys(statements), key=lambda s: hashlib.sha256(f"{seed}\0{s}".encode()).hexdigest()
    )
    return ordered[: max(2, math.ceil(len(ordered) * share))]


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
