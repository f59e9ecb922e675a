"""Honesty lines as an operator would try them first: before or after the system message, or in the user's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trimtab_client import Message, Role
from trimtab_vectors.evaluation import Question


@dataclass(frozen=True)
class HonestyPrompt:
    """One line and where it stands."""

    id: str
    text: str
    language: str
    position: Literal["before", "after", "user"]

    def added_to(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """The conversation with the line in its place."""
        role = Role.USER if self.position == "user" else Role.SYSTEM
        if role not in {m.role for m in messages}:
            return (Message(role, self.text), *messages)
        place = next(i for i, m in enumerate(messages) if m.role is role)
        joint = " " if self.language == "en" else ""
        old = messages[place].content
        parts = (old, self.text) if self.position == "after" else (self.text, old)
        return (*messages[:place], Message(role, joint.join(parts)), *messages[place + 1 :])


def read_honesty_prompts(path: Path) -> tuple[HonestyPrompt, ...]:
    """The lines of a model directory's prompts.json."""
    records = json.loads(path.read_text(encoding="utf-8"))["honesty_prompts"]
    return tuple(HonestyPrompt(r["id"], r["text"], r["language"], r["position"]) for r in records)


def conversation(question: Question) -> tuple[Message, ...]:
    """A question's messages, ready to be sent."""
    return tuple(Message(Role(m.role), m.content) for m in question.messages)
