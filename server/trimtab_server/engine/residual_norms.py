"""The unit of strength: a stage's median residual norm per layer on neutral text, measured once and kept."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from torch import nn
from trimtab_vectors.extraction import NEUTRAL_TEXTS, median_residual_norms

from trimtab_server.engine.hosted_model import HostedModel


def stage_residual_norms(
    hosted: HostedModel, stage: str, model: nn.Module, cache: Path | None = None
) -> dict[int, float]:
    """Layer -> median norm of the block's output over the tokens of the neutral texts.

    cache: a folder in which results are kept by what they depend on: weights, dtype and texts.
    """
    if cache is None:
        return median_residual_norms(model, hosted.tokenizer)
    depends = [hosted.stage_digest(stage), str(hosted.dtype), hosted.device.type, list(NEUTRAL_TEXTS)]
    key = hashlib.sha256(json.dumps(depends).encode()).hexdigest()
    file = cache / f"{key}.json"
    if file.is_file():
        return {int(layer): float(norm) for layer, norm in json.loads(file.read_bytes()).items()}
    norms = median_residual_norms(model, hosted.tokenizer)
    cache.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".{os.getpid()}.tmp")
    draft.write_text(json.dumps({str(layer): norm for layer, norm in norms.items()}), encoding="utf-8")
    draft.replace(file)
    return norms
