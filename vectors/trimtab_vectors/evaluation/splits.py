"""Items to choose on and items to report on, kept apart by type and by fact.

A layer, a strength or a prompt is chosen on `DevItems` and reported on `HeldOutItems`. What is chosen comes
as a `Choice`, which remembers the facts it was chosen on; a report about it on any of those facts raises
`LeakError`.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from trimtab_vectors.evaluation.honesty import Question, normalise, question_to_dict

T = TypeVar("T")

#: A kind and a language: what rates are reported by, and the worst of which counts.
Stratum = tuple[str, str]


class LeakError(ValueError):
    """Something would be reported on what it was chosen on."""


@dataclass(frozen=True)
class DevRecord:
    """Which items a choice was made on. digest: SHA-256 hex of the items. facts: hashes of their facts."""

    digest: str
    facts: frozenset[str]

    def as_dict(self) -> dict[str, Any]:
        return {"digest": self.digest, "facts": sorted(self.facts)}

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> DevRecord:
        return cls(record["digest"], frozenset(record["facts"]))


@dataclass(frozen=True)
class Choice(Generic[T]):
    """What was chosen, and on which items. Only choosing functions make one."""

    chosen: T
    dev: DevRecord


@dataclass(frozen=True)
class _Items:
    """questions: with ids of their own. facts: for each question the fact (or statement) it is about, so that
    several wordings of one fact stay together. Left out, it is each question's own `fact`; of questions without
    one, two are about one fact if the same was said before the reply, which is all that can be told."""

    questions: tuple[Question, ...]
    facts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "questions", tuple(self.questions))
        if not self.questions:
            raise ValueError("there is no item; give at least one question")
        repeated = len(self.questions) - len({question.id for question in self.questions})
        if repeated:
            raise ValueError(f"{repeated} of the questions repeat another one's id; each needs its own")
        facts = tuple(self.facts) or tuple(fact_of(question) for question in self.questions)
        if len(facts) != len(self.questions):
            raise ValueError(
                f"{len(facts)} facts are given for {len(self.questions)} questions; one each is expected"
            )
        object.__setattr__(self, "facts", facts)

    def __len__(self) -> int:
        return len(self.questions)

    @cached_property
    def digest(self) -> str:
        """SHA-256 hex over questions and facts, whatever their order."""
        lines = sorted(
            json.dumps([fact, question_to_dict(question)], ensure_ascii=False, sort_keys=True)
            for fact, question in zip(self.facts, self.questions, strict=True)
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @cached_property
    def fact_hashes(self) -> frozenset[str]:
        return frozenset(_hash(fact) for fact in self.facts)

    @cached_property
    def strata(self) -> tuple[Stratum, ...]:
        """For each question its kind and language."""
        return tuple((question.kind, question.language) for question in self.questions)


@dataclass(frozen=True)
class DevItems(_Items):
    """Items to choose on; never reported on."""

    @property
    def record(self) -> DevRecord:
        return DevRecord(self.digest, self.fact_hashes)

    def choice(self, chosen: T) -> Choice[T]:
        return Choice(chosen, self.record)

    def of_kinds(self, kinds: Iterable[str]) -> DevItems:
        """Raises ValueError if none is left."""
        wanted = set(kinds)
        kept = [i for i, question in enumerate(self.questions) if question.kind in wanted]
        if not kept:
            raise ValueError(f"there is no dev item of the kinds {', '.join(sorted(wanted))}")
        return DevItems(tuple(self.questions[i] for i in kept), tuple(self.facts[i] for i in kept))


@dataclass(frozen=True)
class HeldOutItems(_Items):
    """Items to report on. apart_from: the dev items of which none's fact may be asked again.

    Raises LeakError if one is.
    """

    apart_from: DevRecord | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.apart_from is None:
            raise TypeError(
                "held-out items need apart_from, the record of the dev items they are held out from "
                "(dev.record)"
            )
        self._check(self.apart_from)

    def reports_on(self, choice: Choice[T]) -> T:
        """What was chosen, once it is sure that none of these items took part in the choice."""
        if not isinstance(choice, Choice):
            raise TypeError(
                f"a {type(choice).__name__} is to be reported on; a Choice is expected, made on dev items by a "
                "choosing function"
            )
        self._check(choice.dev)
        return choice.chosen

    def _check(self, dev: DevRecord) -> None:
        shared = self.fact_hashes & dev.facts
        if shared:
            asked = [
                question.id
                for question, fact in zip(self.questions, self.facts, strict=True)
                if _hash(fact) in shared
            ]
            raise LeakError(
                f"{len(shared)} facts are asked both in the dev items and in the held-out items (such as in "
                f"{', '.join(asked[:3])}); a figure on them would flatter what was chosen. Take other items"
            )


def split_items(
    questions: Sequence[Question], facts: Sequence[str] = (), *, held_out: float = 0.5, seed: int = 0
) -> tuple[DevItems, HeldOutItems]:
    """Split by fact, never by question: about the share `held_out` of the facts is held out.

    Raises ValueError if that leaves one side empty.
    """
    own = tuple(facts) or tuple(fact_of(question) for question in questions)
    names = sorted(set(own))
    random.Random(f"split/{seed}").shuffle(names)
    kept = set(names[: round(held_out * len(names))])
    if not kept or len(kept) == len(names):
        raise ValueError(
            f"a share of {held_out} of {len(names)} facts leaves one side empty; give more facts, or another "
            "share"
        )
    sides: dict[bool, tuple[list[Question], list[str]]] = {True: ([], []), False: ([], [])}
    for question, fact in zip(questions, own, strict=True):
        side = sides[fact in kept]
        side[0].append(question)
        side[1].append(fact)
    dev = DevItems(tuple(sides[False][0]), tuple(sides[False][1]))
    return dev, HeldOutItems(tuple(sides[True][0]), tuple(sides[True][1]), dev.record)


def fact_of(question: Question) -> str:
    """The fact a question names, else what was said before the reply, system messages apart."""
    said = " / ".join(message.content for message in question.messages if message.role != "system")
    return question.fact or normalise(said)


def _hash(fact: str) -> str:
    return hashlib.sha256(fact.encode()).hexdigest()[:32]
