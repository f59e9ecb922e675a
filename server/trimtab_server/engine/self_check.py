"""Before an engine takes requests: do the slots give the plain model's logits? If not, it is not served."""

from __future__ import annotations

import numpy as np
import torch

from trimtab_server.engine.errors import ModelUnsupported
from trimtab_server.engine.slot_forward import Chunk, SlotForward

#: Root mean square difference of logits allowed, relative to their spread; the reference is the same model.
_TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-6}
_HALF_TOLERANCE = 0.1

_LENGTHS = (7, 4)


def check_against_plain(forward: SlotForward) -> None:
    """Prefill two prompts of different length in two chunks each, decode one token, compare.

    Catches every architecture that needs more than positions, a mask and per-layer keys and values: relative
    position biases derived from a 2-D mask, recurrent state, learned biases per batch position. Raises
    ModelUnsupported.
    """
    try:
        difference = _difference(forward)
    except Exception as error:
        raise ModelUnsupported(
            f"{type(forward.model).__name__} does not run with per-row positions, a ready 4-D mask and a "
            f"slot cache ({type(error).__name__}: {error}): it cannot be served by this engine",
            architecture=type(forward.model).__name__,
        ) from error
    allowed = _TOLERANCE.get(forward.dtype, _HALF_TOLERANCE)
    if not difference <= allowed:
        raise ModelUnsupported(
            f"{type(forward.model).__name__} gives other logits in slots than alone (difference "
            f"{difference:.2g} of their spread, {allowed:.2g} allowed): it is not served wrongly",
            architecture=type(forward.model).__name__,
            difference=f"{difference:.3g}",
            allowed=f"{allowed:.3g}",
        )


@torch.inference_mode()
def _difference(forward: SlotForward) -> float:
    """The worst row's. A mean, not a maximum: in bfloat16 some logit out of 100,000 is always far off."""
    count = min(len(_LENGTHS), forward.slots)
    vocabulary = int(forward.model.get_input_embeddings().weight.shape[0])  # type: ignore[operator]
    draw = np.random.default_rng(0)
    prompts = [draw.integers(0, vocabulary, length + 1).tolist() for length in _LENGTHS[:count]]
    try:
        for start, end in ((0, 3), (3, None)):
            chunks = [
                Chunk(slot, start, prompt[start : end or len(prompt) - 1], len(prompt))
                for slot, prompt in enumerate(prompts)
                if len(prompt) - 1 > start
            ]
            forward.prefill(chunks)
        lengths = np.array([len(prompt) - 1 for prompt in prompts], dtype=np.int64)
        tokens = np.array([prompt[-1] for prompt in prompts], dtype=np.int64)
        ours = forward.decode(tokens, lengths, np.ones(count, dtype=np.bool_)).logits
    finally:
        for slot in range(count):
            forward.release(slot)
    worst = 0.0
    for row, prompt in enumerate(prompts):
        ids = torch.tensor([prompt], device=forward.device)
        plain = forward.model(input_ids=ids, use_cache=False).logits[0, -1].float()
        error = (ours[row] - plain).square().mean().sqrt() / plain.std().clamp_min(1e-12)
        worst = max(worst, float(error))
    return worst
