"""An interrupted capture goes on where it was, and what it gives is what an unbroken one gives, to the bit."""

from __future__ import annotations

import copy
import importlib.util
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn
from trimtab_vectors.extraction import Reading, StateCache, StateCacheError, capture
from trimtab_vectors.steering_vector import ModelFingerprint

MODEL = ModelFingerprint("LlamaForCausalLM", 32, 4, "a" * 64)
SCRIPT = Path(__file__).with_name("interrupted_extraction.py")
READINGS = [Reading.last([5, 9, 3, i]) for i in range(10)]


class Stopped(Exception):
    pass


def counted(model: nn.Module) -> tuple[list[int], Any]:
    passes = [0]

    def count(*_: Any) -> None:
        passes[0] += 1

    return passes, model.register_forward_pre_hook(count)


def captured(
    model: nn.Module, store: StateCache | None, readings: Any = READINGS, stop_after: int = 99, **options: Any
) -> tuple[dict[int, torch.Tensor], int]:
    """Layer -> states in the order of the readings, and the number of forward passes they took."""

    def progress(done: int, total: int) -> None:
        if done >= stop_after:
            raise Stopped

    passes, handle = counted(model)
    found: dict[int, torch.Tensor] = {}
    try:
        for indices, states in capture(
            model, readings, batch_tokens=8, store=store, progress=progress, **options
        ):
            for layer, state in states.items():
                found.setdefault(layer, torch.empty((len(readings), 32)))[list(indices)] = state
    finally:
        handle.remove()
    return found, passes[0]


def store(directory: Path, model: nn.Module, stage: str = "stage-01", fingerprint: Any = MODEL) -> StateCache:
    return StateCache.of(directory, model, fingerprint, stage)


def test_a_resumed_capture_equals_an_unbroken_one_and_computes_only_what_is_missing(
    llama: nn.Module, tmp_path: Path
) -> None:
    unbroken, passes = captured(llama, None)
    assert passes == 5
    with pytest.raises(Stopped):
        captured(llama, store(tmp_path, llama), stop_after=6)
    resumed, passes = captured(llama, store(tmp_path, llama))
    assert passes == 2
    again, passes = captured(llama, store(tmp_path, llama))
    assert passes == 0
    for layer in unbroken:
        assert torch.equal(resumed[layer], unbroken[layer]) and torch.equal(again[layer], unbroken[layer])


def other_weights(model: nn.Module) -> nn.Module:
    trained = copy.deepcopy(model)
    with torch.no_grad():
        trained.get_submodule("model.layers.1.mlp.up_proj").weight.add_(0.01)
    return trained


@pytest.mark.parametrize(
    "change", ["stage", "base", "weights", "dtype", "layers", "tokens", "read", "padding"]
)
def test_states_of_anything_else_are_not_taken_for_these(
    llama: nn.Module, tmp_path: Path, change: str
) -> None:
    ragged = [*READINGS[:-1], Reading.last([5, 9])]
    captured(llama, store(tmp_path, llama), ragged)
    model, options, readings = llama, {}, ragged
    cache = store(tmp_path, llama)
    if change == "stage":
        cache = store(tmp_path, llama, "stage-02")
    elif change == "base":
        cache = store(tmp_path, llama, fingerprint=ModelFingerprint("LlamaForCausalLM", 32, 4, "b" * 64))
    elif change in ("weights", "dtype"):
        model = other_weights(llama) if change == "weights" else copy.deepcopy(llama).double()
        cache = store(tmp_path, model)
    elif change == "layers":
        options = {"layers": [1]}
    elif change == "tokens":
        readings = [Reading.last([6, *r.tokens[1:]]) for r in ragged]
    elif change == "read":
        readings = [Reading(r.tokens, 0, 1) for r in ragged]
    elif change == "padding":
        options, readings = {"left": True}, [ragged[-1], *ragged[:1]]
        captured(llama, cache, readings)
    _, passes = captured(model, cache, readings, **options)
    assert passes == len(readings) // 2


def test_a_file_appears_whole_or_not_at_all(
    llama: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: Any) -> Any:
        raise OSError("no space left")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="no space left"):
        patched.setattr("os.fsync", die)
        captured(llama, store(tmp_path, llama))
    assert not list(tmp_path.glob("*.safetensors"))
    _, passes = captured(llama, store(tmp_path, llama))
    assert passes == 5


def test_a_damaged_file_is_named_and_its_states_are_not_used(llama: nn.Module, tmp_path: Path) -> None:
    captured(llama, store(tmp_path, llama))
    victim, other = sorted(tmp_path.glob("*.safetensors"))[:2]
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-7])
    with pytest.raises(StateCacheError, match=rf"{victim.name} is damaged .*delete it"):
        captured(llama, store(tmp_path, llama))
    one_layer, _ = captured(llama, store(tmp_path / "one", llama), layers=[0])
    assert list(one_layer) == [0]
    victim.write_bytes(next((tmp_path / "one").glob("*.safetensors")).read_bytes())
    with pytest.raises(StateCacheError, match="other states than its name says"):
        captured(llama, store(tmp_path, llama))
    victim.unlink()
    _, passes = captured(llama, store(tmp_path, llama))
    assert passes == 1 and other.exists()


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("interrupted_extraction", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_an_extraction_killed_in_the_middle_goes_on_and_makes_the_same_vector(
    script: ModuleType, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            phase, done, total = line.rsplit(" ", 2)
            if phase == "directions" and int(done) * 2 > int(total):
                process.send_signal(signal.SIGKILL)
                break
        process.wait(timeout=60)
    assert process.returncode == -signal.SIGKILL
    kept = {path.name for path in tmp_path.glob("*.safetensors")}
    assert kept

    resumed = script.extracted(str(tmp_path))
    assert kept < {path.name for path in tmp_path.glob("*.safetensors")}
    unbroken = script.extracted(None)
    assert resumed.id == unbroken.id
    assert resumed.noise_ceilings == unbroken.noise_ceilings
    assert resumed.separations == unbroken.separations
