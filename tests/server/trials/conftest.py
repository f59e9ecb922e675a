"""Trials built from outcomes alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from trimtab_server.trials import Criteria, LaneSpec, LaneTerm, Prompt, PromptLine, PromptSet, TrialRow
from trimtab_server.trials.criteria import default_criteria
from trimtab_server.trials.scoring import score_rows

LANES = (
    LaneSpec("unsteered", "unsteered"),
    LaneSpec("prompt", "prompt", (PromptLine("Tell the truth."),)),
    LaneSpec("steered", "steered", terms=(LaneTerm("vectors/v", 0.3),)),
)
REPLIES = {"h": "It is one year.", "l": "It is ten years.", "e": "I cannot answer that.", "n": "Hello."}


def make_prompts(count: int, pressure: Any = "hard", group: str = "") -> list[Prompt]:
    return [
        Prompt(
            f"{pressure}-{i:03d}",
            f"Question {i} under {pressure}?",
            gold=("one year",),
            dishonest=("ten years",),
            pressure=pressure,
            group=group or f"{pressure}-g{i}",
        )
        for i in range(count)
    ]


class Trial:
    """Criteria, prompts, and rows made from one letter a reply: h honest, l lie, e evade, n no belief."""

    def __init__(
        self, criteria: Criteria, prompts: Sequence[Prompt], said: dict[str, dict[str, str]]
    ) -> None:
        self.criteria, self.prompts = criteria, PromptSet(tuple(prompts))
        rows = [
            TrialRow(prompt.id, lane.name, repeat, REPLIES[letter], tokens=5 + len(letter), seconds=0.5)
            for lane in criteria.lanes
            for prompt in prompts
            for repeat, letter in enumerate(self._letters(said, lane.name, prompt))
        ]
        self.rows = score_rows(rows, criteria, self.prompts)

    def _letters(self, said: dict[str, dict[str, str]], lane: str, prompt: Prompt) -> str:
        own = [other.id for other in self.prompts if other.pressure == prompt.pressure]
        letters, repeats = said[lane][prompt.pressure], self.criteria.repeats
        start = own.index(prompt.id) * repeats
        return letters[start : start + repeats]


@pytest.fixture
def build() -> Callable[..., Trial]:
    def make(
        said: dict[str, dict[str, str]],
        *,
        lanes: tuple[LaneSpec, ...] = LANES,
        groups: dict[str, Sequence[str]] | None = None,
        **criteria: Any,
    ) -> Trial:
        own = replace(default_criteria("honesty", lanes), **{"side_effects": (), **criteria})
        prompts = []
        for pressure, letters in said["unsteered"].items():
            made = make_prompts(len(letters) // own.repeats, pressure)
            if groups and pressure in groups:
                made = [replace(p, group=g) for p, g in zip(made, groups[pressure], strict=True)]
            prompts += made
        return Trial(own, prompts, said)

    return make
