"""The tiny fine-tune of `tiny_training`, which is also run as a script, as a module for the tests."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from trimtab_vectors.training.callback import SteeringCallback
from trimtab_vectors.training.journal import read_journal


def _load() -> ModuleType:
    place = Path(__file__).with_name("tiny_training.py")
    spec = importlib.util.spec_from_file_location("tiny_training", place)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["tiny_training"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    return sys.modules.get("tiny_training") or _load()


@dataclass(frozen=True)
class Watched:
    """A finished run with the callback and no action. directory: its model directory; generator: torch's state
    at its end; losses: of each step."""

    directory: Path
    run: Any
    weights: dict[str, torch.Tensor]
    generator: torch.Tensor
    losses: list[float]

    @property
    def records(self) -> list[dict[str, Any]]:
        return read_journal(self.directory / "training.jsonl")


def _watched(tiny: ModuleType, root: Path, model: Any) -> Watched:
    plan = tiny.plan(root / "model", random_vectors=20)
    run = tiny.trainer(model, root / "out", SteeringCallback(plan))
    run.train()
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    losses = [row["loss"] for row in run.state.log_history if "loss" in row]
    return Watched(root / "model", run, weights, torch.get_rng_state(), losses)


@pytest.fixture(scope="session")
def adapted(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    return _watched(tiny, tmp_path_factory.mktemp("adapted"), tiny.with_lora(tiny.new_model()))


@pytest.fixture(scope="session")
def full(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    return _watched(tiny, tmp_path_factory.mktemp("full"), tiny.new_model())
