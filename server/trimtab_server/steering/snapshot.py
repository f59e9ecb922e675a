"""What a snapshot says, and the hash that names it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from trimtab_server.store.canonical_json import canonical_json, sha256_hex

#: What the wire's 0 stands for; the server's default length is not part of a snapshot.
NO_CUT: Final = 1.0


class Operator(StrEnum):
    """How a direction changes the residual stream at one layer."""

    ADD = "add"
    ABLATE = "ablate"
    CLAMP = "clamp"


class Bound(StrEnum):
    """Which way a clamp may move the component."""

    EXACTLY = "exactly"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class PreserveStateNorm(StrEnum):
    """Whether a steered state is scaled back to the norm it had."""

    NEVER = "never"
    ALWAYS = "always"
    GROWN = "grown"


class Opens(StrEnum):
    """On which side of its threshold a condition lets a reply through."""

    SCORE_ABOVE = "score_above"
    SCORE_BELOW = "score_below"


class Positions(StrEnum):
    """Which tokens of a row are steered."""

    ALL = "all"
    REPLY = "reply"


@dataclass(frozen=True, order=True)
class Condition:
    """A gate on the prompt: its mean state after block `layer`, scored against a vector (its id)."""

    vector: str
    layer: int
    threshold: float
    opens: Opens


@dataclass(frozen=True)
class Term:
    """One steering vector (its id) with its dose. `layers` are explicit, ascending block indices.

    `level` and `bound` are a clamp's, and are left as they are here for other operators.
    """

    vector: str
    strength: float
    layers: tuple[int, ...]
    operator: Operator = Operator.ADD
    positions: Positions = Positions.ALL
    force: bool = False
    level: float = 0.0
    bound: Bound = Bound.EXACTLY
    preserve_state_norm: PreserveStateNorm = PreserveStateNorm.NEVER
    condition: Condition | None = None

    @property
    def vectors(self) -> tuple[str, ...]:
        """Ids of the vectors it names."""
        return (self.vector,) if self.condition is None else (self.vector, self.condition.vector)

    @property
    def place(self) -> tuple[object, ...]:
        """The key of the one order that the terms of a configuration have."""
        conditions = () if self.condition is None else (self.condition,)
        dose = (self.vector, self.strength, self.layers, self.operator, self.positions, self.force)
        return (*dose, self.level, self.bound, self.preserve_state_norm, conditions)


def ordered(terms: Iterable[Term]) -> tuple[Term, ...]:
    """In the order in which a configuration has them."""
    return tuple(sorted(terms, key=lambda term: term.place))


@dataclass(frozen=True)
class Steering:
    """A steering configuration at one stage. No terms and no system prompt: unsteered."""

    model: str
    stage: str
    terms: tuple[Term, ...] = ()
    system_prompt: str = ""

    @property
    def stage_name(self) -> str:
        """ "models/{model}/stages/{stage}"."""
        return f"models/{self.model}/stages/{self.stage}"

    @property
    def vectors(self) -> tuple[str, ...]:
        """Ids of the vectors used, each once."""
        return tuple(sorted({vector for term in self.terms for vector in term.vectors}))


@dataclass(frozen=True)
class Sampling:
    """Temperature 0 is greedy; `top_p` 1 and `top_k` 0 cut nothing; `max_tokens` 0: the server's default."""

    temperature: float = 0.0
    top_p: float = NO_CUT
    top_k: int = 0
    seed: int = 0
    max_tokens: int = 0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Configuration:
    """Everything a snapshot fixes. Equal configurations have equal ids, whoever wrote them down, and how."""

    steering: Steering
    sampling: Sampling = Sampling()

    @property
    def steers(self) -> bool:
        """Whether anything is put on the model, be it a vector or a system prompt."""
        return bool(self.steering.terms or self.steering.system_prompt)

    def body(self) -> str:
        """The canonical JSON: terms in one order, numbers as floats, no field left to a default, but for those
        that earlier releases did not have: they are there only where they say something."""
        steering = self.steering
        terms = [_term_body(term) for term in ordered(steering.terms)]
        sampling = self.sampling
        return canonical_json(
            {
                "sampling": {
                    "max_tokens": sampling.max_tokens,
                    "seed": sampling.seed,
                    "stop": list(sampling.stop),
                    "temperature": _plain(sampling.temperature),
                    "top_k": sampling.top_k,
                    "top_p": _plain(sampling.top_p),
                },
                "steering": {
                    "stage": steering.stage_name,
                    "system_prompt": steering.system_prompt,
                    "terms": terms,
                },
            }
        )

    @property
    def id(self) -> str:
        """sha256 of `body()`: 64 hexadecimal digits."""
        return sha256_hex(self.body())

    @classmethod
    def from_body(cls, body: str) -> Configuration:
        """Reads what `body()` wrote."""
        value: dict[str, Any] = json.loads(body)
        steering, sampling = value["steering"], value["sampling"]
        model, _, stage = steering["stage"].removeprefix("models/").rpartition("/stages/")
        terms = tuple(
            Term(
                vector=term["vector"].removeprefix("vectors/"),
                strength=term["strength"],
                layers=tuple(term["layers"]),
                operator=Operator(term["operator"]),
                positions=Positions(term["positions"]),
                force=term["force"],
                level=term.get("level", 0.0),
                bound=Bound(term.get("bound", Bound.EXACTLY)),
                preserve_state_norm=PreserveStateNorm(
                    term.get("preserve_state_norm", PreserveStateNorm.NEVER)
                ),
                condition=_condition_from_body(term.get("condition")),
            )
            for term in steering["terms"]
        )
        return cls(
            Steering(model, stage, terms, steering["system_prompt"]),
            Sampling(**{**sampling, "stop": tuple(sampling["stop"])}),
        )


def _term_body(term: Term) -> dict[str, Any]:
    body: dict[str, Any] = {
        "force": term.force,
        "layers": list(term.layers),
        "operator": term.operator.value,
        "positions": term.positions.value,
        "strength": _plain(term.strength),
        "vector": f"vectors/{term.vector}",
    }
    if term.operator is Operator.CLAMP:
        body |= {"level": _plain(term.level), "bound": term.bound.value}
    if term.preserve_state_norm is not PreserveStateNorm.NEVER:
        body["preserve_state_norm"] = term.preserve_state_norm.value
    if term.condition is not None:
        body["condition"] = {
            "layer": term.condition.layer,
            "opens": term.condition.opens.value,
            "threshold": _plain(term.condition.threshold),
            "vector": f"vectors/{term.condition.vector}",
        }
    return body


def _condition_from_body(body: dict[str, Any] | None) -> Condition | None:
    if body is None:
        return None
    vector = body["vector"].removeprefix("vectors/")
    return Condition(vector, body["layer"], body["threshold"], Opens(body["opens"]))


def _plain(number: float) -> float:
    """1 and 1.0, 0.0 and -0.0 are one number each."""
    return float(number) + 0.0
