"""The embedded model answering the lanes of a trial with plain transformers, for measurements without a server.

Importing this loads torch.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from trimtab_vectors.evaluation.batching import UNSTEERED, Treatment
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.evaluation.replies import Sampling, replies_under
from trimtab_vectors.extraction import median_residual_norms
from trimtab_vectors.formats.safetensors import read_vector
from trimtab_vectors.organism.layout import ModelLayout
from trimtab_vectors.organism.replies import Organism
from trimtab_vectors.steering import Steer
from trimtab_vectors.steering_vector import SteeringVector

from trimtab_server.trials.lanes import LaneSpec


class ShippedAnswers:
    """One stage of a model directory and its vectors, by their ids."""

    def __init__(self, model_directory: Path, temperature: float, max_tokens: int) -> None:
        layout = ModelLayout(model_directory)
        setting = json.loads(layout.settings.read_text(encoding="utf-8"))["recommended"]
        self.organism = Organism.load(layout.root, setting["stage"])
        self.norms = median_residual_norms(self.organism.model, self.organism.tokenizer)
        self.temperature, self.max_tokens = temperature, max_tokens
        self._vectors = {own.id: own for own in _vectors(layout)}

    def __call__(self, conversations: Sequence[Sequence[Message]], lane: LaneSpec, seed: int) -> list[str]:
        """Replies in the order of the conversations. Raises KeyError for a vector that the model does not have."""
        sampling = Sampling(seed, self.temperature) if self.temperature else None
        return replies_under(
            self.organism.model,
            self.organism.tokenizer,
            conversations,
            self._treatment(lane),
            sampling=sampling,
            max_new_tokens=self.max_tokens,
            batch_tokens=self.organism.batch_tokens,
        )

    def _treatment(self, lane: LaneSpec) -> Treatment:
        if not lane.terms:
            return UNSTEERED
        steers = tuple(
            Steer.of(self._vectors[term.vector.removeprefix("vectors/")], term.strength, term.layers)
            for term in lane.terms
        )
        return Treatment(steers, self.norms, lane.terms[0].positions)


def _vectors(layout: ModelLayout) -> list[SteeringVector]:
    return [read_vector(path.read_bytes()) for path in sorted(layout.vectors.glob("*.safetensors"))]
