"""Extraction against the bare forward passes it needs: seconds of the one over seconds of the other.

Run by hand; it measures time, so it is no part of `make test`:

    python tests/bench/extraction.py [--rounds 9] [--pairs 320] [--methods diff_mean] [--device cpu]

The bare contender holds its prompts as padded batches, and does nothing but pass them through the embedded
model's last stage: no hooks, no cache, logits of one position. Extraction renders and tokenises the prompts,
measures the residual norms, captures every block, makes the directions and all their figures. The two take turns
within every round; a ratio is the median of the rounds' own. On the CPU one thread's processor time is counted,
which a busy neighbour disturbs least. Prints one JSON object; exits non-zero where a method is below .9.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from trimtab_vectors.extraction import (
    METHODS,
    NEUTRAL_TEXTS,
    ContrastSet,
    extract,
    prompt_tokens,
    read_contrast_set,
    text_tokens,
    token_batches,
)
from trimtab_vectors.fingerprint import fingerprint_model
from trimtab_vectors.organism import ModelLayout, shipped_model_dir
from trimtab_vectors.organism.replies import Organism

LIMIT: Final = 0.9


def contenders(pairs: int, methods: Sequence[str], device: str) -> dict[str, Callable[[], Any]]:
    """What takes turns: the bare passes, and extraction by each method."""
    layout = ModelLayout(shipped_model_dir())
    stage = layout.read_stages().default_stage
    organism = Organism.load(layout.root, stage, device)
    fingerprint = fingerprint_model(layout.base)
    chosen = ContrastSet(read_contrast_set(layout.contrast / "honesty.jsonl").pairs[:pairs])
    bare = _bare(organism, chosen)

    def by(method: Any) -> Callable[[], Any]:
        return lambda: extract(
            organism.model,
            organism.tokenizer,
            chosen,
            stage=stage,
            fingerprint=fingerprint,
            concept="honesty",
            method=method,
        )

    return {"bare": bare, **{method: by(method) for method in methods}}


def _bare(organism: Organism, pairs: ContrastSet) -> Callable[[], None]:
    parts = [
        [prompt_tokens(organism.tokenizer, p) for pair in part for p in (pair.positive, pair.negative)]
        for part in (pairs.train, pairs.dev)
    ]
    neutral = [text_tokens(organism.tokenizer, text) for text in NEUTRAL_TEXTS]
    batches = [batch for part in (neutral, *parts) for batch in token_batches(part)]
    ready = [
        {
            "input_ids": batch.input_ids.to(organism.device),
            "attention_mask": batch.attention_mask.to(organism.device),
            "position_ids": (batch.attention_mask.cumsum(1) - 1).clamp(min=0).to(organism.device),
        }
        for batch in batches
    ]

    def run() -> None:
        with torch.no_grad():
            for arguments in ready:
                organism.model(**arguments, use_cache=False, logits_to_keep=1)

    return run


def measure(pairs: int, rounds: int, methods: Sequence[str], device: str) -> dict[str, Any]:
    """Every contender once a round, every second round in reverse; one round before is thrown away."""
    runs = contenders(pairs, methods, device)
    clock = time.process_time if device == "cpu" else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for index in range(rounds + 1):
        order = list(runs) if index % 2 else list(runs)[::-1]
        for name in order:
            started = clock()
            runs[name]()
            if device != "cpu":
                torch.cuda.synchronize()
            if index:
                seconds[name].append(clock() - started)
    return {
        "device": device,
        "pairs": pairs,
        "rounds": rounds,
        "ratios": {
            name: round(statistics.median(b / e for b, e in zip(seconds["bare"], own, strict=True)), 3)
            for name, own in seconds.items()
            if name != "bare"
        },
        "seconds": {name: round(statistics.median(own), 3) for name, own in seconds.items()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=320)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=["diff_mean"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    report = measure(arguments.pairs, arguments.rounds, arguments.methods, arguments.device)
    print(json.dumps(report, indent=1))
    return int(min(report["ratios"].values()) < LIMIT)


if __name__ == "__main__":
    sys.exit(main())
