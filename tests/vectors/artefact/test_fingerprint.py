"""Which changes of a base are another model, and which are not."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import torch
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM
from trimtab_vectors.fingerprint import FingerprintError, fingerprint_model


def llama(**changes: Any) -> LlamaForCausalLM:
    torch.manual_seed(0)
    shape = {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "vocab_size": 50,
    }
    return LlamaForCausalLM(LlamaConfig(**{**shape, **changes}))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    llama().save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def edit_config(directory: Path, **changes: Any) -> None:
    path = directory / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_it_is_the_documented_hash_of_config_and_tensors(base: Path) -> None:
    tensors = safetensors.numpy.load_file(base / "model.safetensors")
    record = {
        "form": "trimtab.weights/1",
        "config": {
            "model_type": "llama",
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
        },
        "tensors": sorted(
            [name, "F32", list(t.shape), hashlib.sha256(np.ascontiguousarray(t).tobytes()).hexdigest()]
            for name, t in tensors.items()
        ),
    }
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    fingerprint = fingerprint_model(base)
    assert fingerprint.weights == hashlib.sha256(text.encode()).hexdigest()
    assert (fingerprint.architecture, fingerprint.hidden_size, fingerprint.layer_count) == (
        "LlamaForCausalLM",
        16,
        2,
    )


@pytest.mark.parametrize("tied", [False, True])
def test_a_loaded_module_has_its_directorys_fingerprint(tmp_path: Path, tied: bool) -> None:
    for name, model in (
        ("llama", llama(tie_word_embeddings=tied)),
        ("gpt2", GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=2, n_head=2, vocab_size=50))),
    ):
        model.save_pretrained(tmp_path / name)
        loaded = AutoModelForCausalLM.from_pretrained(tmp_path / name)
        assert fingerprint_model(loaded) == fingerprint_model(model) == fingerprint_model(tmp_path / name)


def test_neither_sharding_nor_place_nor_unrelated_settings_matter(base: Path, tmp_path: Path) -> None:
    expected = fingerprint_model(base)
    sharded = tmp_path / "elsewhere"
    llama().save_pretrained(sharded, max_shard_size="4KB")
    assert len(list(sharded.glob("*.safetensors"))) > 1
    assert fingerprint_model(sharded) == expected
    edit_config(base, use_cache=False, transformers_version="5.0.0", bos_token_id=3)
    assert fingerprint_model(base) == expected


def test_one_changed_weight_or_another_dtype_is_another_model(base: Path, tmp_path: Path) -> None:
    expected = fingerprint_model(base)
    model = llama()
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[0, 0].add_(1e-6)
    assert fingerprint_model(model).weights != expected.weights
    llama().half().save_pretrained(tmp_path / "half")
    assert fingerprint_model(tmp_path / "half").weights != expected.weights


def test_the_same_weights_with_other_heads_are_another_model(base: Path) -> None:
    expected = fingerprint_model(base)
    edit_config(base, num_attention_heads=2, num_key_value_heads=1, head_dim=8)
    assert fingerprint_model(base).weights != expected.weights


def test_a_cached_fingerprint_is_used_until_a_file_changes(base: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    hashed: list[int] = []
    first = fingerprint_model(base, cache_dir=cache, progress=lambda done, total: hashed.append(done))
    assert hashed
    hashed.clear()
    again = fingerprint_model(base, cache_dir=cache, progress=lambda done, total: hashed.append(done))
    assert again == first and not hashed
    model = llama()
    with torch.no_grad():
        model.lm_head.weight.mul_(2)
    model.save_pretrained(base)
    changed = fingerprint_model(base, cache_dir=cache)
    assert changed == fingerprint_model(base) != first


def test_progress_ends_at_the_whole(base: Path) -> None:
    seen: list[tuple[int, int]] = []
    fingerprint_model(base, progress=lambda done, total: seen.append((done, total)))
    size = (base / "model.safetensors").stat().st_size
    assert seen[-1] == (size, size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_a_base_of_pickles_is_hashed_without_being_opened(base: Path) -> None:
    (base / "model.safetensors").unlink()
    pickle = base / "pytorch_model.bin"
    # Unpickling this would raise: it is no pickle at all.
    pickle.write_bytes(b"not a pickle")
    first = fingerprint_model(base)
    pickle.write_bytes(b"not a pickle either")
    assert fingerprint_model(base).weights != first.weights


def test_only_the_files_that_would_be_loaded_count(base: Path, tmp_path: Path) -> None:
    expected = fingerprint_model(base)
    for other in ("model.fp16.safetensors", "consolidated.safetensors", "pytorch_model.bin"):
        (base / other).write_bytes(b"another form of the same weights")
    assert fingerprint_model(base) == expected


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    llama().save_pretrained(tmp_path, max_shard_size="4KB")
    gone = sorted(tmp_path.glob("model-*.safetensors"))[1]
    gone.unlink()
    with pytest.raises(FingerprintError, match=f"lacks the shard {gone.name}"):
        fingerprint_model(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(FingerprintError, match="lists no shards"):
        fingerprint_model(tmp_path)


def test_a_damaged_or_missing_shard_is_refused(base: Path) -> None:
    path = base / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FingerprintError, match="cut off"):
        fingerprint_model(base)
    path.unlink()
    with pytest.raises(FingerprintError, match="no weights"):
        fingerprint_model(base)
    with pytest.raises(FingerprintError, match=r"config\.json"):
        fingerprint_model(base.parent)


def test_a_model_with_adapters_is_refused() -> None:
    import peft

    wrapped = peft.get_peft_model(llama(), peft.LoraConfig(target_modules=["q_proj"], r=2))
    with pytest.raises(FingerprintError, match="fingerprint the base"):
        fingerprint_model(wrapped)
