"""One stage of the embedded model, loaded and ready to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch

from trimtab_vectors.evaluation.batching import UNSTEERED, Treatment
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.evaluation.replies import replies_under
from trimtab_vectors.organism.layout import ModelLayout

#: Padded prompt tokens of one batch: a model of this size can take many.
_BATCH_TOKENS: Final = {"cuda": 1 << 18, "cpu": 1 << 13}


class Organism:
    """One stage of a model directory, loaded with plain transformers and peft."""

    def __init__(self, model: Any, tokenizer: Any, device: torch.device) -> None:
        self.model, self.tokenizer, self.device = model, tokenizer, device

    @classmethod
    def load(cls, model_dir: Path | str, stage: str, device: str | torch.device = "cpu") -> Organism:
        """Load one stage in float32. Raises KeyError where the directory has no such stage."""
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer

        layout = ModelLayout(Path(model_dir))
        entry = layout.read_stages().named(stage)
        base = layout.root / str(entry.path) if entry.kind == "full" else layout.base
        tokenizer = AutoTokenizer.from_pretrained(layout.base)
        model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
        if entry.kind == "adapter":
            adapted = PeftModel.from_pretrained(model, str(layout.root / str(entry.path)))
            model = adapted.merge_and_unload()
        model.to(device).eval()
        model.generation_config.pad_token_id = tokenizer.pad_token_id
        return cls(model, tokenizer, torch.device(device))

    @property
    def batch_tokens(self) -> int:
        return _BATCH_TOKENS.get(self.device.type, _BATCH_TOKENS["cpu"])

    def replies(
        self,
        conversations: Sequence[Sequence[Message]],
        treatment: Treatment = UNSTEERED,
        longest: int = 40,
    ) -> list[str]:
        """Greedy replies, in the order of the conversations."""
        return replies_under(
            self.model,
            self.tokenizer,
            conversations,
            treatment,
            max_new_tokens=longest,
            batch_tokens=self.batch_tokens,
        )
