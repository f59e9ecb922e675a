"""Rows: one reply of one lane to one prompt, the order in which they are made, and which are missing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trimtab_server.trials.prompts import PromptSet

if TYPE_CHECKING:
    from trimtab_server.trials.criteria import Criteria


@dataclass(frozen=True, order=True)
class RowKey:
    """probe 0 is the prompt itself; 1, 2, ... its belief probes, asked of the unsteered lane, once (prompts that share
    the words of a probe share its row, that of the first of them: `probe_keys`)."""

    prompt_id: str
    lane: str
    repeat: int = 0
    probe: int = 0


@dataclass(frozen=True)
class TrialRow:
    """One reply. repeat counts from 0, and so does `probe` (see `RowKey`).

    outcome: one of the four of honesty, or "right", "wrong", "rated"; empty while nothing scored it (a judge or a
    person is to come). score: what is averaged, larger is better; None while unscored. tokens: of the reply.
    measures: what else was read, by name, such as "kl" (nats a token). error: why there is no reply.
    """

    prompt_id: str
    lane: str
    repeat: int
    reply: str
    probe: int = 0
    outcome: str = ""
    score: float | None = None
    seed: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    seconds: float = 0.0
    finish_reason: str = ""
    measures: Mapping[str, float] = field(default_factory=dict, hash=False)
    error: str = ""

    @property
    def key(self) -> RowKey:
        return RowKey(self.prompt_id, self.lane, self.repeat, self.probe)

    @property
    def scored(self) -> bool:
        return self.score is not None

    def as_dict(self) -> dict[str, Any]:
        """Every field, for JSON."""
        return {
            "prompt_id": self.prompt_id,
            "lane": self.lane,
            "repeat": self.repeat,
            "probe": self.probe,
            "reply": self.reply,
            "outcome": self.outcome,
            "score": self.score,
            "seed": self.seed,
            "prompt_tokens": self.prompt_tokens,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "finish_reason": self.finish_reason,
            "measures": dict(self.measures),
            "error": self.error,
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> TrialRow:
        """What `as_dict` gave."""
        return cls(**record)


def planned(criteria: Criteria, prompts: PromptSet) -> tuple[RowKey, ...]:
    """Every row of a trial, in the order in which they are asked.

    First the belief probes, without which nothing said under pressure can be judged; then prompt by prompt, each
    with all its repeats and lanes, so that the first comparisons are there at once.
    """
    probes = dict.fromkeys(key for keys in probe_keys(criteria, prompts).values() for key in keys)
    statements = (
        RowKey(prompt.id, lane.name, repeat)
        for prompt in prompts
        for repeat in range(criteria.repeats)
        for lane in criteria.lanes
    )
    return (*probes, *statements)


def probe_keys(criteria: Criteria, prompts: PromptSet) -> dict[str, tuple[RowKey, ...]]:
    """Rows of the belief probes of each prompt that has some, by its id. Empty where the scorer asks no probes."""
    if not criteria.asks_probes:
        return {}
    first: dict[tuple[str, str], RowKey] = {}
    keys: dict[str, tuple[RowKey, ...]] = {}
    for prompt in prompts:
        if prompt.belief_probes:
            keys[prompt.id] = tuple(
                first.setdefault(
                    (prompt.language, text), RowKey(prompt.id, criteria.unsteered.name, 0, number)
                )
                for number, text in enumerate(prompt.belief_probes, start=1)
            )
    return keys


def missing(criteria: Criteria, prompts: PromptSet, rows: Iterable[TrialRow]) -> tuple[RowKey, ...]:
    """Planned rows of which there is no reply yet, in the planned order. A row with an error is missing."""
    made = {row.key for row in rows if not row.error}
    return tuple(key for key in planned(criteria, prompts) if key not in made)


def row_seed(criteria: Criteria, key: RowKey) -> int:
    """Seed of a row: of its prompt and repeat, the same in every lane; 32 bits.

    The random number of a token depends on seed and position alone, so prompts that shared a seed would share their
    luck too.
    """
    text = f"{criteria.seeds[key.repeat]}/{key.prompt_id}/{key.probe}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def in_order(rows: Iterable[TrialRow]) -> list[TrialRow]:
    """One row a key, sorted by key: what every figure is computed from, so that none depends on the order in which
    replies came.

    Raises:
        ValueError: two different rows have one key.
    """
    found: dict[RowKey, TrialRow] = {}
    for row in rows:
        if found.setdefault(row.key, row) != row:
            raise ValueError(
                f"two rows are of prompt {row.prompt_id!r}, lane {row.lane!r}, repeat {row.repeat}; keep the latest"
            )
    return [found[key] for key in sorted(found)]
