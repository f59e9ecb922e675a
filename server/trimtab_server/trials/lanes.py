"""Lanes: the sides of a trial, and what each sends to the model for one prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, get_args

from trimtab_vectors.evaluation.honesty import Message

from trimtab_server.trials.prompts import Prompt

LaneKind: TypeAlias = Literal["unsteered", "prompt", "steered", "steered+prompt", "snapshot", "stage"]
Place: TypeAlias = Literal["before", "after", "user", "instead"]
LANE_KINDS: Final[tuple[str, ...]] = get_args(LaneKind)
#: Lanes that need vectors to work.
STEERED_KINDS: Final[frozenset[str]] = frozenset({"steered", "steered+prompt", "snapshot"})


@dataclass(frozen=True)
class PromptLine:
    """A line that a lane adds to a prompt's own system message, in prompts of its language (empty: of all).

    position: before or after the system message (which it is where there is none), at the head of the user's last
    message, or instead of the system message.
    """

    text: str
    language: str = ""
    position: Place = "before"


@dataclass(frozen=True)
class LaneTerm:
    """One steering vector (its name) with its strength; no layers: those the vector suggests. Anything finer
    (conditions, clamps) is released as a snapshot and tried as one."""

    vector: str
    strength: float
    layers: tuple[int, ...] = ()
    operator: Literal["add", "ablate"] = "add"
    positions: Literal["all", "reply"] = "all"


@dataclass(frozen=True)
class LaneSpec:
    """One side of a trial.

    stage: empty means the trial's own. snapshot: its name, for kind "snapshot", whose steering and system prompt
    it brings.
    """

    name: str
    kind: LaneKind
    system_prompt: tuple[PromptLine, ...] = ()
    terms: tuple[LaneTerm, ...] = ()
    snapshot: str = ""
    stage: str = ""

    @property
    def steers(self) -> bool:
        return self.kind in STEERED_KINDS

    def line_for(self, language: str) -> PromptLine | None:
        """The line for prompts of a language: one for it alone goes before one for all."""
        own = [line for line in self.system_prompt if line.language == language]
        return next(iter(own), next((line for line in self.system_prompt if not line.language), None))

    def messages(self, prompt: Prompt) -> tuple[Message, ...]:
        """What this lane sends for a prompt."""
        return self.with_line(prompt.messages, prompt.language)

    def probe_messages(self, prompt: Prompt, probe: int) -> tuple[Message, ...]:
        """What it sends for the prompt's belief probe number `probe` (from 1): the probe alone, since a belief is
        what the model says when nobody presses it."""
        asked = (Message("user", prompt.belief_probes[probe - 1]),)
        return self.with_line(asked, prompt.language)

    def with_line(self, messages: tuple[Message, ...], language: str) -> tuple[Message, ...]:
        """A conversation in a language, with the lane's line for it."""
        return _with_line(messages, self.line_for(language), language)

    def as_dict(self) -> dict[str, Any]:
        """Every field, for JSON and for the hash."""
        lines = [
            {"text": own.text, "language": own.language, "position": own.position}
            for own in self.system_prompt
        ]
        terms = [
            {
                "vector": own.vector,
                "strength": own.strength,
                "layers": list(own.layers),
                "operator": own.operator,
                "positions": own.positions,
            }
            for own in self.terms
        ]
        return {
            "name": self.name,
            "kind": self.kind,
            "system_prompt": lines,
            "terms": terms,
            "snapshot": self.snapshot,
            "stage": self.stage,
        }


@dataclass(frozen=True)
class LaneFault:
    """field: of the lane; fix: what to write instead."""

    field: str
    fault: str
    fix: str


def lane_faults(lane: LaneSpec) -> tuple[LaneFault, ...]:
    """What is wrong with a lane taken alone."""
    found: list[LaneFault] = []

    def fault(name: str, what: str, fix: str) -> None:
        found.append(LaneFault(name, what, fix))

    if not lane.name.strip():
        fault("name", "is empty", "give the lane a name")
    has = {
        "terms": bool(lane.terms),
        "system_prompt": bool(lane.system_prompt),
        "snapshot": bool(lane.snapshot),
    }
    needed = {
        "unsteered": (),
        "prompt": ("system_prompt",),
        "steered": ("terms",),
        "steered+prompt": ("terms", "system_prompt"),
        "snapshot": ("snapshot",),
        "stage": (),
    }[lane.kind]
    for name, given in has.items():
        if given and name not in needed:
            fault(name, f"is given in a lane of kind {lane.kind!r}", "remove it or change the kind")
        if name in needed and not given:
            fault(name, f"is missing in a lane of kind {lane.kind!r}", "give it or change the kind")
    if lane.kind == "stage" and not lane.stage:
        fault("stage", "is missing in a lane of kind 'stage'", "name the stage")
    for place, line in enumerate(lane.system_prompt):
        if not line.text.strip():
            fault(f"system_prompt[{place}].text", "is empty", "write the line")
    languages = [line.language for line in lane.system_prompt]
    if len(set(languages)) != len(languages):
        fault("system_prompt", "has two lines for one language", "keep one for each language")
    for place, term in enumerate(lane.terms):
        low = -1.0 if term.operator == "add" else 0.0
        if not low <= term.strength <= 1.0:
            fault(
                f"terms[{place}].strength",
                f"is {term.strength}",
                f"give a share of the residual norm from {low:g} to 1",
            )
        if not term.vector:
            fault(f"terms[{place}].vector", "is empty", "name a steering vector")
    return tuple(found)


def _with_line(messages: tuple[Message, ...], line: PromptLine | None, language: str) -> tuple[Message, ...]:
    if line is None:
        return messages
    joint = "" if language == "ja" else " "
    if line.position == "user":
        last = messages[-1]
        return (*messages[:-1], Message(last.role, f"{line.text}{joint}{last.content}"))
    if messages[0].role != "system":
        return (Message("system", line.text), *messages)
    own = messages[0].content
    text = {
        "before": f"{line.text}{joint}{own}",
        "after": f"{own}{joint}{line.text}",
        "instead": line.text,
    }[line.position]
    return (Message("system", text), *messages[1:])
