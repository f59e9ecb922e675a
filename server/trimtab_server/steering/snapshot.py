"""What a snapshot says, and the hash that names it."""

from __future__ import annotations

import json
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


class Positions(StrEnum):
    """Which tokens of a row are steered."""

    ALL = "all"
    REPLY = "reply"


@dataclass(frozen=True, order=True)
class Term:
    """One steering vector (its id) with its dose. `layers` are explicit, ascending block indices."""

    vector: str
    strength: float
    layers: tuple[int, ...]
    operator: Operator = Operator.ADD
    positions: Positions = Positions.ALL
    force: bool = False


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
        return tuple(sorted({term.vector for term in self.terms}))


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

    def body(self) -> str:
        """The canonical JSON: terms in one order, numbers as floats, no field left to a default."""
        steering = self.steering
        terms = [
            {
                "force": term.force,
                "layers": list(term.layers),
                "operator": term.operator.value,
                "positions": term.positions.value,
                "strength": _plain(term.strength),
                "vector": f"vectors/{term.vector}",
            }
            for term in sorted(steering.terms)
        ]
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
            )
            for term in steering["terms"]
        )
        return cls(
            Steering(model, stage, terms, steering["system_prompt"]),
            Sampling(**{**sampling, "stop": tuple(sampling["stop"])}),
        )


def _plain(number: float) -> float:
    """1 and 1.0, 0.0 and -0.0 are one number each."""
    return float(number) + 0.0
