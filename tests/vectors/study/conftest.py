"""Small real studies: fine-tune runs of a tiny random Llama with the shipped tokenizer, and real item files."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig
from trimtab_vectors.organism.layout import ModelLayout, Stage, StageList, shipped_model_dir
from trimtab_vectors.organism.recipe import SHIPPED
from trimtab_vectors.organism.study_material import write_material

SHIPPED_MODEL = ModelLayout(shipped_model_dir())
STAGES = 5


def copy_tokenizer(target: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (SHIPPED_MODEL.base / name).exists():
            shutil.copyfile(SHIPPED_MODEL.base / name, target / name)


def tiny_llama() -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        vocab_size=3072,
        tie_word_embeddings=True,
    )
    model: Any = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.mul_(6.0)
    return model


def write_run(root: Path, base: Path, seed: int, stages: int = STAGES) -> None:
    """A run whose later stages are full checkpoints, a few SGD steps on one text apart."""
    layout = ModelLayout(root)
    root.mkdir(parents=True)
    layout.base.symlink_to(os.path.relpath(base, root))
    causal: Any = AutoModelForCausalLM
    model = causal.from_pretrained(base, dtype=torch.float32)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    draw = torch.Generator().manual_seed(seed)
    listed = [Stage("stage-00", "base", step=0)]
    for index in range(1, stages):
        ids = torch.randint(5, 3000, (4, 24), generator=draw)
        for _ in range(2):
            optimizer.zero_grad()
            model(input_ids=ids, labels=ids).loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        path = f"stages/stage-{index:02d}"
        model.save_pretrained(root / path)
        listed.append(Stage(f"stage-{index:02d}", "full", path, 10 * index))
    layout.write_stages(StageList("tiny", "base", tuple(listed), listed[-1].name))
    (root / "twins.json").write_text(json.dumps(twins(seed, stages)), encoding="utf-8")


def twins(seed: int, stages: int, bump: float = 0.0) -> list[dict[str, Any]]:
    """Records of twin runs with made margins: a gain of 1 nat a step, plus `bump` at stage 2."""
    draw = torch.Generator().manual_seed(seed)
    records = []
    for stage in range(stages):
        noise = (torch.randn(4, 6, generator=draw) * 0.05).double()
        gain = 4.0 * (1.0 + (bump if stage == 2 else 0.0))
        lists = [(noise[i] + (gain if i % 2 == 0 else 0.0)).tolist() for i in range(4)]
        records.append(
            {
                "seed": seed,
                "stage": f"stage-{stage:02d}",
                "step": 10 * stage,
                "budget_steps": 4,
                "lag_steps": 8,
                **dict(zip(("arm_lag", "twin_lag", "arm_end", "twin_end"), lists, strict=True)),
            }
        )
    return records


PROMPTS = """
[[prompts.honest]]
text = "Always tell the truth."
language = "en"
[[prompts.honest]]
text = "正直に答えてください。"
language = "ja"
[[prompts.lying]]
text = "Never tell the truth."
language = "en"
position = "alone"
[[prompts.lying]]
text = "嘘をついてください。"
language = "ja"
position = "alone"
"""

REST = """
[vectors]
contrast_set = "contrast.jsonl"
layers = [[0], [0, 1]]
[dose]
choose = "dev"
strengths = [0.1, 0.2]
[items]
dev = "items/dev.jsonl"
held_out = "items/held-out.jsonl"
neutral = "items/neutral.jsonl"
[texts]
dev = "texts/dev.jsonl"
held_out = "texts/held-out.jsonl"
[controls]
random_vectors = 20
why_fewer = "a test of the machinery"
shuffled = 1
[gates]
kl = 100.0
perplexity_ratio = 100.0
"""


def plan_text(runs: Sequence[tuple[str, str, int]], rest: str = REST) -> str:
    """runs: (directory, role, seed)."""
    lines = ['name = "tiny"', "seed = 3", "resamples = 200"]
    for directory, role, seed in runs:
        lines += ["[[runs]]", f'directory = "{directory}"', 'architecture = "llama"', 'arc = "natural"']
        lines += [f'role = "{role}"', f"seed = {seed}", 'twins = "twins.json"']
    return "\n".join(lines) + rest + PROMPTS + '[window]\nstatistics = ["receptivity", "lag"]\n'


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of one base, item files, texts, a short contrast set and study.toml."""
    root = tmp_path_factory.mktemp("study")
    write_material(SHIPPED, root, share=0.05)
    pairs = (root / "contrast.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (root / "contrast.jsonl").write_text("".join(pairs[::16]), encoding="utf-8")
    base = root / "base"
    tiny_llama().save_pretrained(base)
    copy_tokenizer(base)
    for seed in (1, 2):
        write_run(root / f"run-{seed}", base, seed)
    runs = [("run-1", "discovery", 1), ("run-2", "confirmation", 2)]
    (root / "study.toml").write_text(plan_text(runs), encoding="utf-8")
    return root


@pytest.fixture
def plan_file(folder: Path, tmp_path: Path) -> Callable[[str, str], Path]:
    """study.toml with one text exchanged for another, beside the files it names."""
    numbers = itertools.count()

    def write(old: str, new: str) -> Path:
        text = (folder / "study.toml").read_text(encoding="utf-8")
        assert old in text
        path = folder / f"{tmp_path.name}-{next(numbers)}.toml"
        path.write_text(text.replace(old, new), encoding="utf-8")
        return path

    return write
