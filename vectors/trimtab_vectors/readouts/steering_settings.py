"""What a read-out has to stand: the vector as it should be used, and the mistakes people make with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from torch import Tensor

from trimtab_vectors.evaluation.batching import UNSTEERED, Treatment
from trimtab_vectors.evaluation.controls import random_directions
from trimtab_vectors.operators import Add
from trimtab_vectors.steering import Steer
from trimtab_vectors.steering_vector import Positions, SteeringVector

#: Times the good strength.
OVERDOSE: Final = 3.0
RANDOM_VECTORS: Final = 8


@dataclass(frozen=True)
class GoodSetting:
    """How the vector is meant to be used."""

    strength: float
    layers: tuple[int, ...]
    positions: Positions = "reply"


def steering_settings(
    vector: SteeringVector,
    good: GoodSetting,
    residual_norms: Mapping[int, float],
    questions: int,
    seed: int = 0,
) -> dict[str, Treatment]:
    """Name -> treatment of `questions` questions: unsteered, good, overdosed, negated, random, wrong_layer.

    random: one of several random vectors of the good one's strength and layers for each question. wrong_layer: the
    last layer the vector holds and the good setting does not use. Raises ValueError if there is none.
    """
    others = [layer for layer in vector.layers if layer not in good.layers]
    if not others:
        raise ValueError("the vector holds no layer beside the good ones; a wrong layer cannot be tried")

    def add(directions: Mapping[int, Tensor], strength: float, layers: tuple[int, ...]) -> Treatment:
        return Treatment((Steer(directions, Add(strength), layers),), residual_norms, good.positions)

    drawn = random_directions(good.layers, vector.hidden_size, RANDOM_VECTORS, seed)
    turn = [i % RANDOM_VECTORS for i in range(questions)]
    return {
        "unsteered": UNSTEERED,
        "good": add(vector.directions, good.strength, good.layers),
        "overdosed": add(vector.directions, OVERDOSE * good.strength, good.layers),
        "negated": add(vector.directions, -good.strength, good.layers),
        "random": add({n: table[turn] for n, table in drawn.items()}, good.strength, good.layers),
        "wrong_layer": add(vector.directions, good.strength, (others[-1],)),
    }
