"""Greedy replies of a stage, with or without a push on the residual stream, many rows at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from trimtab_vectors.decoder import find_decoder
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.organism.layout import ModelLayout

Positions = Literal["all", "reply"]
Push = Mapping[int, Tensor]
"""Per block (0-based), what is added to its output: [hidden] for all rows, or [rows, hidden]."""


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
    def blocks(self) -> Any:
        return find_decoder(self.model).blocks

    def prompt(self, messages: Sequence[Message], prefix: str = "") -> str:
        """The text whose continuation is the reply; `prefix` is the part of the reply already given."""
        chat = [{"role": m.role, "content": m.content} for m in messages]
        text: str = self.tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        return text + prefix

    def encode(self, texts: Sequence[str], left: bool) -> tuple[Tensor, Tensor]:
        """Token ids and attention mask [rows, length], padded on one side."""
        rows = [self.tokenizer(t, add_special_tokens=False).input_ids for t in texts]
        width = max(map(len, rows))
        ids = torch.full((len(rows), width), self.tokenizer.pad_token_id, dtype=torch.long)
        mask = torch.zeros(len(rows), width, dtype=torch.long)
        for i, row in enumerate(rows):
            where = slice(width - len(row), width) if left else slice(0, len(row))
            ids[i, where] = torch.tensor(row)
            mask[i, where] = 1
        return ids.to(self.device), mask.to(self.device)

    @contextmanager
    def pushed(self, push: Push | None, where: Tensor | None = None) -> Iterator[None]:
        """Add `push` to the outputs of its blocks. `where` [rows, length] restricts the first pass, the one over
        the prompt, to some of its tokens; tokens generated after it are always pushed."""
        handles = []
        for block, delta in (push or {}).items():
            table = delta.to(self.device)
            table = table[:, None, :] if table.dim() == 2 else table[None, None, :]

            def hook(module: Any, args: Any, out: Any, table: Tensor = table) -> Any:
                hidden = out[0] if isinstance(out, tuple) else out
                first = where is not None and hidden.shape[1] == where.shape[1]
                pushed = hidden + (table * where[:, :, None] if first and where is not None else table)
                return (pushed, *out[1:]) if isinstance(out, tuple) else pushed

            handles.append(self.blocks[block].register_forward_hook(hook))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @torch.no_grad()
    def replies(
        self,
        conversations: Sequence[Sequence[Message]],
        push: Push | None = None,
        batch: int | None = None,
        longest: int = 40,
        positions: Positions = "all",
    ) -> list[str]:
        """Greedy replies, in the order of the conversations. A push with rows has one for each of them.

        `positions`: "all", or "reply" to leave the prompt alone up to its last token, the one that opens the reply."""
        batch = batch or (4096 if self.device.type == "cuda" else 128)
        texts = [self.prompt(c) for c in conversations]
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        out = [""] * len(texts)
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            ids, mask = self.encode([texts[i] for i in chosen], left=True)
            rows = {b: d[chosen] if d.dim() == 2 else d for b, d in (push or {}).items()}
            where = None
            if positions == "reply":
                where = torch.zeros_like(mask)
                where[:, -1] = 1
            with self.pushed(rows, where):
                made = self.model.generate(
                    input_ids=ids,
                    attention_mask=mask,
                    do_sample=False,
                    max_new_tokens=longest,
                    pad_token_id=self.tokenizer.pad_token_id,
                )
            for i, row in zip(chosen, made[:, ids.shape[1] :], strict=True):
                out[i] = self.tokenizer.decode(row, skip_special_tokens=True)
        return out

    @torch.no_grad()
    def residuals(self, texts: Sequence[str], batch: int = 256) -> Tensor:
        """Block outputs at the last token of each text: [texts, blocks, hidden], float32 on the CPU."""
        kept: list[Tensor] = []
        for start in range(0, len(texts), batch):
            ids, mask = self.encode(texts[start : start + batch], left=True)
            kept.append(torch.stack([b[:, -1] for b in self._block_outputs(ids, mask)], 1).cpu())
        return torch.cat(kept)

    def _block_outputs(self, ids: Tensor, mask: Tensor) -> list[Tensor]:
        seen: list[Tensor] = []

        def keep(module: Any, args: Any, out: Any) -> None:
            seen.append(out[0] if isinstance(out, tuple) else out)

        handles = [block.register_forward_hook(keep) for block in self.blocks]
        try:
            self.model(input_ids=ids, attention_mask=mask, use_cache=False)
        finally:
            for handle in handles:
                handle.remove()
        return seen

    @torch.no_grad()
    def norms(self, texts: Sequence[str]) -> list[float]:
        """Median residual norm of each block's output over all tokens of the texts."""
        ids, mask = self.encode(texts, left=False)
        return [float(h[mask.bool()].norm(dim=-1).median()) for h in self._block_outputs(ids, mask)]

    @torch.no_grad()
    def log_probs(
        self, texts: Sequence[str], push: Push | None = None, positions: Positions = "all"
    ) -> list[Tensor]:
        """Next-token log-probabilities of each text: [length, vocabulary] each, at every token, or with
        positions "reply" at the tokens of the last reply alone (and only those are pushed)."""
        ids, mask = self.encode(texts, left=False)
        where = mask if positions == "all" else mask * self._last_reply(ids)
        with self.pushed(push, where):
            logits = self.model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        rows = logits.float().log_softmax(-1)
        return [row[w.bool()] for row, w in zip(rows, where, strict=True)]

    def _last_reply(self, ids: Tensor) -> Tensor:
        opens = (ids == self.tokenizer.convert_tokens_to_ids("<|assistant|>")).long()
        last: Tensor = opens.cumsum(1) == opens.sum(1, keepdim=True)
        return last.long()
