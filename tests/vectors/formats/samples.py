"""The vector that the tests of foreign formats write and read."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from trimtab_vectors.formats.foreign import Adoption
from trimtab_vectors.steering_vector import ModelFingerprint, SteeringVector

#: No multiple of eight, so that every GGUF tensor needs padding.
HIDDEN = 10
LAYERS = (1, 3, 11)
FINGERPRINT = ModelFingerprint("LlamaForCausalLM", HIDDEN, 12, "a" * 64)


def sample(layers: tuple[int, ...] = LAYERS, **changes: Any) -> SteeringVector:
    rng = np.random.default_rng(7)
    directions = {}
    for layer in layers:
        raw = rng.standard_normal(HIDDEN)
        directions[layer] = torch.from_numpy(raw / np.linalg.norm(raw)).float()
    fields: dict[str, Any] = {
        "concept": "honesty",
        "stage": "stage-07",
        "model": FINGERPRINT,
        "method": "diff_mean",
        "data_hash": "d" * 64,
        "directions": directions,
        "raw_norms": {layer: 0.5 + layer / 4 for layer in layers},
        "residual_norms": {layer: 10.0 * (layer + 1) for layer in layers},
        "license": "Apache-2.0",
        "display_name": "正直さ",
    }
    return SteeringVector(**{**fields, **changes})


def adoption(**changes: Any) -> Adoption:
    """What an importer states for a file of any layers of the sample's model."""
    fields: dict[str, Any] = {
        "concept": "honesty",
        "stage": "stage-07",
        "fingerprint": FINGERPRINT,
        "residual_norms": {layer: 10.0 * (layer + 1) for layer in range(12)},
        "license": "Apache-2.0",
        "display_name": "brought in",
        "created_by": "kira@example.com",
    }
    return Adoption(**{**fields, **changes})


def raw_rows(
    count: int = 3, width: int = HIDDEN, seed: int = 3
) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    """Directions of various lengths, as other tools write them."""
    rng = np.random.default_rng(seed)
    return [(rng.standard_normal(width) * (10.0**i)).astype(np.float32) for i in range(count)]
