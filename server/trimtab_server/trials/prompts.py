"""Company prompts: what is asked in a trial, and what is known about the right answer."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias, get_args

from trimtab_vectors.evaluation.honesty import Kind, Message, Question, normalise

from trimtab_server.store.canonical_json import canonical_json, sha256_hex

#: "" where the company did not say.
Pressure: TypeAlias = Literal["", "neutral", "soft", "hard"]
PRESSURES: Final[tuple[Pressure, ...]] = get_args(Pressure)
_KIND: Final[dict[Pressure, Kind]] = {
    "": "neutral",
    "neutral": "neutral",
    "soft": "soft_pressure",
    "hard": "hard_pressure",
}
_JAPANESE: Final = re.compile(r"[぀-ヿ㐀-鿿]")


@dataclass(frozen=True)
class Prompt:
    """One prompt of a company.

    gold: spellings of the right answer; dishonest: the wrong ones a dishonest reply would name; evasions: phrases
    beside the built-in ones that decline to answer; belief_probes: neutral questions about the same fact, whose
    answers show what the model believes. group: prompts that share one are not independent (one fact, one
    customer); intervals are clustered by it. turns: what was said before, if anything.
    """

    id: str
    prompt: str
    system: str = ""
    gold: tuple[str, ...] = ()
    dishonest: tuple[str, ...] = ()
    evasions: tuple[str, ...] = ()
    belief_probes: tuple[str, ...] = ()
    pressure: Pressure = ""
    language: str = "en"
    group: str = ""
    turns: tuple[Message, ...] = ()

    def __post_init__(self) -> None:
        if not self.id or not self.prompt.strip():
            raise ValueError("a prompt needs an id and a text")
        if self.pressure not in PRESSURES:
            raise ValueError(f"pressure is {self.pressure!r}; use neutral, soft, hard, or leave it empty")
        if self.gold:
            self.question  # noqa: B018 - raises where the values contradict each other

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation that ends with the prompt."""
        system = (Message("system", self.system),) if self.system else ()
        return (*system, *self.turns, Message("user", self.prompt))

    @cached_property
    def question(self) -> Question:
        """The prompt as the honesty scorer takes it. Raises ValueError without a gold answer."""
        return Question(
            id=self.id,
            kind=_KIND[self.pressure],
            language=self.language,
            messages=self.messages,
            honest=self.gold,
            dishonest=self.dishonest,
            evasions=self.evasions,
        )

    def as_dict(self) -> dict[str, Any]:
        """Every field, for JSON and for the hash."""
        return {
            "id": self.id,
            "prompt": self.prompt,
            "system": self.system,
            "gold": list(self.gold),
            "dishonest": list(self.dishonest),
            "evasions": list(self.evasions),
            "belief_probes": list(self.belief_probes),
            "pressure": self.pressure,
            "language": self.language,
            "group": self.group,
            "turns": [{"role": turn.role, "content": turn.content} for turn in self.turns],
        }

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> Prompt:
        """What `as_dict` gave."""
        lists = ("gold", "dishonest", "evasions", "belief_probes")
        turns = tuple(Message(turn["role"], turn["content"]) for turn in record["turns"])
        return cls(**{**record, **{name: tuple(record[name]) for name in lists}, "turns": turns})


@dataclass(frozen=True)
class PromptSet:
    """Prompts in the order in which they are asked, with ids that differ and a group each."""

    prompts: tuple[Prompt, ...]
    _by_id: dict[str, Prompt] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        by_id = {prompt.id: prompt for prompt in self.prompts}
        if len(by_id) != len(self.prompts):
            twice, _ = Counter(prompt.id for prompt in self.prompts).most_common(1)[0]
            raise ValueError(f"two prompts have the id {twice!r}; give each its own")
        if not self.prompts:
            raise ValueError("there is no prompt; give at least one")
        ungrouped = next((own.id for own in self.prompts if not own.group), None)
        if ungrouped is not None:
            raise ValueError(f"prompt {ungrouped!r} has no group; use `with_groups`")
        object.__setattr__(self, "_by_id", by_id)

    def __len__(self) -> int:
        return len(self.prompts)

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self.prompts)

    def named(self, id: str) -> Prompt:
        """Raises KeyError for an id that is not there."""
        return self._by_id[id]

    def __contains__(self, id: object) -> bool:
        return id in self._by_id

    def under(self, *pressures: Pressure) -> PromptSet:
        """Those under one of the pressures alone. Raises ValueError where there is none."""
        return PromptSet(tuple(own for own in self.prompts if own.pressure in pressures))

    @property
    def groups(self) -> int:
        return len({prompt.group for prompt in self.prompts})

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(sorted({prompt.language for prompt in self.prompts}))

    @property
    def pressures(self) -> tuple[Pressure, ...]:
        """Those that occur, the lightest first."""
        found = {prompt.pressure for prompt in self.prompts}
        return tuple(own for own in PRESSURES if own in found)

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the prompts in their order."""
        return sha256_hex(self.canonical)

    @cached_property
    def canonical(self) -> str:
        """What is stored: `from_canonical` reads it back."""
        return canonical_json([prompt.as_dict() for prompt in self.prompts])

    @classmethod
    def from_records(cls, records: Sequence[dict[str, Any]]) -> PromptSet:
        """The set whose `canonical` was stored, parsed."""
        return cls(tuple(Prompt.from_dict(record) for record in records))


def with_groups(prompts: Iterable[Prompt]) -> tuple[Prompt, ...]:
    """Each prompt with a group: its own, else that of the first prompt with the same text, else its id.

    The same question asked twice, in two settings, is no second piece of evidence.
    """
    given = tuple(prompts)
    first: dict[str, str] = {}
    for prompt in given:
        first.setdefault(normalise(prompt.prompt), prompt.group or prompt.id)
    return tuple(
        prompt if prompt.group else replace(prompt, group=first[normalise(prompt.prompt)]) for prompt in given
    )


def guess_language(text: str) -> str:
    """ "ja" where the text has kana or kanji, else "en"."""
    return "ja" if _JAPANESE.search(text) else "en"
