"""Make an organism from its recipe: tokenizer, base model, fine-tuning stages. One device, one process.

The corpus is drawn from the recipe's seed; on one kind of device the same recipe gives the same model up
to the rounding of its kernels.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from trimtab_vectors.decoder import find_decoder
from trimtab_vectors.organism.architectures import Architecture, new_model
from trimtab_vectors.organism.layout import ModelLayout, Stage, StageList
from trimtab_vectors.organism.packing import Rows, documents, packed_corpus, rendered
from trimtab_vectors.organism.recipe import Adapter, Recipe, Schedule
from trimtab_vectors.organism.tokenizer import train_tokenizer

Progress = Callable[[str, int, int, float], None]
"""Called with the phase ("base" or "tuning"), the step, all steps, and the loss (NaN where not read)."""


def packed_loss(model: Any, ids: Tensor, part: Tensor, reply: Tensor, prompt_weight: float) -> Tensor:
    """Weighted next-token loss over packed rows; a token sees only its own document.

    ids, part, reply: [B, T]. `prompt_weight` weighs the tokens outside replies.
    """
    length = ids.shape[1]
    index = torch.arange(length, device=ids.device)
    same = part[:, :, None] == part[:, None, :]
    mask = (same & (index[:, None] >= index[None, :]))[:, None]
    new = torch.cat([torch.ones_like(part[:, :1]), (part[:, 1:] != part[:, :-1]).to(part.dtype)], 1)
    start = torch.where(new.bool(), index, 0).cummax(1).values
    hidden = model.base_model(
        input_ids=ids, attention_mask=mask, position_ids=index - start, use_cache=False
    ).last_hidden_state
    logits = model.get_output_embeddings()(hidden[:, :-1]).float()
    inside = (part[:, 1:] == part[:, :-1]) & (part[:, 1:] > 0)
    weight = torch.where(reply[:, 1:] > 0, 1.0, prompt_weight) * inside
    losses = nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
    return (losses * weight.flatten()).sum() / weight.sum().clamp(min=1.0)


class ResidualNoise:
    """Pushes half of the rows of a batch in random directions, each after one random block (never the last).

    A push is constant over the row, as a steering vector is; its size is uniform in [0, `largest`] times the
    median norm of the row's residual stream there.
    """

    def __init__(self, model: Any, largest: float) -> None:
        self.largest = largest
        decoder = find_decoder(model)
        self.blocks, self.hidden = decoder.blocks, decoder.hidden_size
        self.handles = [b.register_forward_hook(self._hook(i)) for i, b in enumerate(self.blocks)]

    def draw(self, rows: int, device: torch.device) -> None:
        """New pushes for the next forward pass of `rows` rows."""
        direction = torch.randn(rows, self.hidden, device=device)
        self.direction = direction / direction.norm(dim=-1, keepdim=True)
        self.block = torch.randint(0, len(self.blocks) - 1, (rows,), device=device)
        chosen = (torch.rand(rows, device=device) < 0.5).float()
        self.dose = torch.rand(rows, device=device) * self.largest * chosen

    def _hook(self, index: int) -> Callable[[Any, Any, Any], Any]:
        def push(module: Any, args: Any, out: Any) -> Any:
            hidden = out[0] if isinstance(out, tuple) else out
            size = hidden.detach().float().norm(dim=-1).median(dim=1).values
            step = (size * self.dose * (self.block == index))[:, None] * self.direction
            pushed = hidden + step[:, None, :].to(hidden.dtype)
            return (pushed, *out[1:]) if isinstance(out, tuple) else pushed

        return push

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()


class Trainer:
    """Runs a schedule over packed rows. On CUDA the whole step is one captured graph, since a model this
    small is bound by kernel launches."""

    capture = True

    def __init__(self, model: Any, schedule: Schedule, rows: Rows, device: torch.device, seed: int) -> None:
        self.model, self.schedule, self.device = model, schedule, device
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.rows = on_device(rows, device)
        self.order = torch.Generator().manual_seed(seed)
        self.queue = torch.empty(0, dtype=torch.long)
        self.batch = [
            torch.zeros(schedule.rows, schedule.row, dtype=torch.long, device=device) for _ in range(3)
        ]
        self.loss = torch.zeros((), device=device)
        self.noise = ResidualNoise(model, schedule.noise) if schedule.noise else None
        self.graph: torch.cuda.CUDAGraph | None = None
        self._steps_before_capture = 3
        cuda = device.type == "cuda"
        rate = torch.tensor(schedule.rate, device=device) if cuda else schedule.rate
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=rate, weight_decay=0.01, betas=(0.9, 0.95), fused=cuda, capturable=cuda
        )

    def rate(self, step: int) -> float:
        """The schedule's learning rate: a warm-up, then a cosine down to 5%."""
        s = self.schedule
        warm = min(1.0, (step + 1) / s.warmup)
        return s.rate * warm * max(0.05, 0.5 * (1 + math.cos(math.pi * step / s.steps)))

    def next_rows(self) -> Tensor:
        """Indices [rows] of the next batch: every row once before any comes again, in the seed's order."""
        need, total = self.schedule.rows, len(self.rows[0])
        while len(self.queue) < need:
            self.queue = torch.cat([self.queue, torch.randperm(total, generator=self.order)])
        chosen, self.queue = self.queue[:need], self.queue[need:]
        return chosen

    def step(self, rows: Sequence[Tensor], chosen: Tensor, rate: float) -> None:
        """One optimiser step on the rows `chosen`."""
        for static, own in zip(self.batch, rows, strict=True):
            static.copy_(own[chosen.to(self.device)])
        for group in self.optimizer.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        if self.device.type == "cuda" and self.capture:
            # Streams and graphs belong to the current device, whatever device the tensors are on.
            with torch.cuda.device(self.device):
                self._captured()
        else:
            self._step()

    def run(self, after: Callable[[int, Callable[[], float]], None]) -> None:
        """Train; `after(step, loss)` follows each step with the number of steps done."""
        self.model.train()
        for step in range(self.schedule.steps):
            self.step(self.rows, self.next_rows(), self.rate(step))
            after(step + 1, lambda: float(self.loss))
        self.model.eval()
        if self.noise is not None:
            self.noise.remove()

    def state(self) -> list[Tensor]:
        """A copy of everything a step changes: parameters and the optimiser's tensors."""
        return [t.detach().clone() for t in self._changing()]

    def restore(self, state: Sequence[Tensor]) -> None:
        """Go back to a `state` bit for bit, in place, so that a captured graph stays good."""
        with torch.no_grad():
            for own, kept in zip(self._changing(), state, strict=True):
                own.copy_(kept)

    def _changing(self) -> list[Tensor]:
        moments = [
            value
            for p in self.parameters
            for _, value in sorted(self.optimizer.state[p].items())
            if isinstance(value, Tensor)
        ]
        return [*self.parameters, *moments]

    def _step(self) -> None:
        cuda = self.device.type == "cuda"
        # A captured graph must not reuse casts made outside of it.
        if self.noise is not None:
            self.noise.draw(self.schedule.rows, self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=cuda, cache_enabled=False):
            ids, part, reply = self.batch
            loss = packed_loss(self.model, ids, part, reply, self.schedule.prompt_weight)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=False)
        self.loss.copy_(loss.detach())

    def _captured(self) -> None:
        if self._steps_before_capture:
            self._steps_before_capture -= 1
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                self._step()
            torch.cuda.current_stream().wait_stream(side)
            return
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(self.graph):
                self._step()
        self.graph.replay()


def on_device(rows: Rows, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """ids, part and reply [n, row] as int64 on the device."""
    ids, part, reply = (
        torch.from_numpy(a.astype("int64")).to(device) for a in (rows.ids, rows.part, rows.reply)
    )
    return ids, part, reply


def with_adapter(model: Any, adapter: Adapter, shape: Architecture) -> Any:
    """The model with a fresh LoRA on the adapter's blocks; only the LoRA is trainable."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=0.0,
        target_modules=list(shape.lora_targets),
        layers_to_transform=list(adapter.blocks),
        layers_pattern=shape.block_list,
        fan_in_fan_out=shape.family == "gpt2",
        task_type="CAUSAL_LM",
        base_model_name_or_path="base",
    )
    return get_peft_model(model, config)


def _adapter_state(model: Any) -> dict[str, Tensor]:
    from peft import get_peft_model_state_dict

    # Left to itself, peft looks the base model up on a hub to learn whether embeddings changed. They did not.
    state: dict[str, Tensor] = get_peft_model_state_dict(model, save_embedding_layers=False)
    return state


def save_adapter(model: Any, path: Path) -> None:
    """Write a PEFT adapter directory in fp16, without a trace of where it was trained."""
    from safetensors.torch import save_file

    path.mkdir(parents=True, exist_ok=True)
    state = {k: v.detach().half().cpu().contiguous() for k, v in _adapter_state(model).items()}
    save_file(state, path / "adapter_model.safetensors", metadata={"format": "pt"})
    config = model.peft_config["default"]
    config.base_model_name_or_path = "base"
    inference, config.inference_mode = config.inference_mode, True
    config.save_pretrained(str(path))
    config.inference_mode = inference


def save_base(model: Any, tokenizer: Any, path: Path) -> None:
    """Write a plain Hugging Face directory, weights in fp16."""
    import copy

    copy.deepcopy(model).cpu().half().save_pretrained(path)
    tokenizer.save_pretrained(path)


@dataclass(frozen=True)
class Trained:
    """What a training run made, and how long each phase took in seconds."""

    directory: Path
    seconds: dict[str, float]
    loss: dict[str, float]


def _phase(
    name: str, trainer: Trainer, progress: Progress | None, at: Callable[[int], None] | None = None
) -> float:
    every = max(1, trainer.schedule.steps // 40)

    def after(step: int, loss: Callable[[], float]) -> None:
        if progress is not None:
            read = step % every == 0 or step == trainer.schedule.steps
            progress(name, step, trainer.schedule.steps, loss() if read else math.nan)
        if at is not None:
            at(step)

    trainer.run(after)
    return float(trainer.loss)


def train_base(recipe: Recipe, layout: ModelLayout, device: torch.device, progress: Progress | None) -> float:
    """Train the tokenizer and the base model and write them; returns the last loss."""
    texts = (rendered(d.messages) for d in documents(recipe, tuning=False, chunk=0))
    more = (rendered(d.messages) for d in documents(recipe, tuning=True, chunk=0))
    tokenizer = train_tokenizer([*texts, *more], recipe.vocabulary, recipe.architecture.context)
    rows = packed_corpus(recipe, False, tokenizer.backend_tokenizer.to_str())
    model = new_model(recipe.architecture, len(tokenizer), recipe.seed).to(device)
    loss = _phase("base", Trainer(model, recipe.base, rows, device, recipe.seed), progress)
    save_base(model, tokenizer, layout.base)
    return loss


def train_stages(
    recipe: Recipe, layout: ModelLayout, device: torch.device, progress: Progress | None
) -> float:
    """Fine-tune the base on disk and write a stage at every mark; returns the last loss."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(layout.base)
    rows = packed_corpus(recipe, True, tokenizer.backend_tokenizer.to_str())
    base: Any = AutoModelForCausalLM.from_pretrained(layout.base, dtype=torch.float32)
    base.to(device)
    torch.manual_seed(recipe.seed)
    adapted = with_adapter(base, recipe.adapter, recipe.architecture).to(device)
    stages = [Stage("stage-00", "base")]

    def keep(step: int) -> None:
        if step in recipe.marks:
            stage = Stage(f"stage-{len(stages):02d}", "adapter", f"stages/stage-{len(stages):02d}", step)
            save_adapter(adapted, layout.root / str(stage.path))
            stages.append(stage)

    loss = _phase("tuning", Trainer(base, recipe.tuning, rows, device, recipe.seed + 1), progress, keep)
    layout.write_stages(StageList("trimtab-organism", "base", tuple(stages), stages[-1].name))
    return loss


def train(
    recipe: Recipe,
    out_dir: Path | str,
    device: str = "cpu",
    progress_callback: Progress | None = None,
) -> Trained:
    """Make base and stages under `out_dir` (which must be empty or absent).

    Raises:
        FileExistsError: `out_dir` already holds something.
    """
    root = Path(out_dir)
    if root.exists() and any(root.iterdir()):
        raise FileExistsError(f"{root} is not empty; name a new directory for the organism")
    layout, where = ModelLayout(root), torch.device(device)
    root.mkdir(parents=True, exist_ok=True)
    seconds, losses = {}, {}
    for name, phase in (("base", train_base), ("tuning", train_stages)):
        started = time.perf_counter()
        losses[name] = phase(recipe, layout, where, progress_callback)
        seconds[name] = round(time.perf_counter() - started, 2)
    with contextlib.suppress(AttributeError):
        torch.cuda.empty_cache()
    (root / "recipe.json").write_text(json.dumps(recipe.as_dict(), indent=1) + "\n", encoding="utf-8")
    return Trained(root, seconds, losses)
