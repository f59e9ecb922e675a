"""Run in a process of its own: extracts with a cache and says after each batch how far it is.

python interrupted_extraction.py CACHE_DIR
"""

from __future__ import annotations

import sys

import torch
from trimtab_vectors.extraction import ContrastSet, extract, read_contrast_set
from trimtab_vectors.fingerprint import fingerprint_model
from trimtab_vectors.organism import ModelLayout, shipped_model_dir
from trimtab_vectors.organism.replies import Organism
from trimtab_vectors.steering_vector import SteeringVector

#: Small batches, so that there is a middle to be killed in.
BATCH_TOKENS = 256
PAIRS = 48


def extracted(cache_dir: str | None, said: bool = False) -> SteeringVector:
    torch.set_num_threads(1)
    layout = ModelLayout(shipped_model_dir())
    stage = layout.read_stages().default_stage
    organism = Organism.load(layout.root, stage)

    def say(done: int, total: int, phase: str) -> None:
        if said:
            print(phase, done, total, flush=True)

    return extract(
        organism.model,
        organism.tokenizer,
        ContrastSet(read_contrast_set(layout.contrast / "honesty.jsonl").pairs[:PAIRS]),
        stage=stage,
        fingerprint=fingerprint_model(layout.base),
        concept="honesty",
        cache_dir=cache_dir,
        batch_tokens=BATCH_TOKENS,
        progress=say,
    )


if __name__ == "__main__":
    print(extracted(sys.argv[1], said=True).id, flush=True)
