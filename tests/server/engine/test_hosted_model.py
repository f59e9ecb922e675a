"""Model directories: stages, adapters merged as peft merges them, refusals that say what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers import AutoModelForCausalLM
from trimtab_server.engine.errors import (
    ChatTemplateMissing,
    InvalidRequest,
    ModelNotLoadable,
    StageNotFound,
)
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.engine.lora import read_plain_lora
from trimtab_server.engine.residual_norms import stage_residual_norms
from trimtab_vectors.extraction import median_residual_norms
from trimtab_vectors.organism import shipped_model_dir

from .conftest import CONFIGS, build  # isort: skip


def _adapted(base: Path, **options: Any) -> Any:
    """The base with a random adapter, in peft."""
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    options = {"r": 4, "lora_alpha": 10, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **options}
    adapted: Any = get_peft_model(model, LoraConfig(**options))
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.05)
    return adapted


@pytest.fixture
def base(tmp_path: Path, tokenizer: Any) -> Path:
    return _save(tmp_path, "llama", tokenizer)


def _save(root: Path, name: str, tokenizer: Any) -> Path:
    base = root / "base"
    model: Any = build(CONFIGS[name]())
    model.save_pretrained(base)
    tokenizer.save_pretrained(base)
    return base


def _stages(root: Path, **entries: Any) -> Path:
    stages = [{"name": name, **entry} for name, entry in entries.items()]
    manifest = {"model": "tiny", "base": "base", "stages": stages, "default_stage": stages[-1]["name"]}
    (root / "stages.json").write_text(json.dumps(manifest))
    return root


def _same_weights(one: nn.Module, other: nn.Module) -> bool:
    ours, theirs = one.state_dict(), other.state_dict()
    return ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize("name", ["llama", "gpt2", "neox"])
def test_merged_adapters_equal_pefts_own_merge_bit_for_bit(name: str, tmp_path: Path, tokenizer: Any) -> None:
    base = _save(tmp_path, name, tokenizer)
    adapted = _adapted(base)
    adapted.save_pretrained(tmp_path / "adapter")
    assert read_plain_lora(tmp_path / "adapter") is not None, "the fast way must be the one tested"
    root = _stages(tmp_path, tuned={"kind": "adapter", "path": "adapter", "step": 3})
    merged = HostedModel.open(root, device="cpu").load_stage("tuned")
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    expected = PeftModel.from_pretrained(plain, tmp_path / "adapter").merge_and_unload()
    assert _same_weights(merged, expected)
    assert not _same_weights(merged, AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32))


def test_every_shipped_stage_equals_pefts_own_merge_bit_for_bit() -> None:
    hosted = HostedModel.open(shipped_model_dir(), device="cpu")
    for stage in hosted.stages:
        plain = AutoModelForCausalLM.from_pretrained(hosted.stage_list.base, dtype=torch.float32)
        expected = (
            plain if stage.kind == "base" else PeftModel.from_pretrained(plain, stage.path).merge_and_unload()
        )
        assert _same_weights(hosted.load_stage(stage.name), expected)


@pytest.mark.parametrize(
    "options", [{"use_rslora": True}, {"use_dora": True}, {"rank_pattern": {"q_proj": 2}}]
)
def test_adapters_that_are_more_than_plain_lora_go_through_peft(
    options: dict[str, Any], base: Path, tmp_path: Path
) -> None:
    adapted = _adapted(base, **options)
    adapted.save_pretrained(tmp_path / "adapter")
    assert read_plain_lora(tmp_path / "adapter") is None
    root = _stages(tmp_path, tuned={"kind": "adapter", "path": "adapter"})
    merged: Any = HostedModel.open(root, device="cpu").load_stage("tuned")
    ids = torch.arange(1, 9)[None]
    with torch.inference_mode():
        expected = adapted.eval()(input_ids=ids).logits
        torch.testing.assert_close(merged(input_ids=ids).logits, expected, rtol=1e-3, atol=1e-3)


def test_a_bfloat16_stage_is_merged_in_float32(base: Path, tmp_path: Path) -> None:
    _adapted(base).save_pretrained(tmp_path / "adapter")
    root = _stages(tmp_path, tuned={"kind": "adapter", "path": "adapter"})
    exact = HostedModel.open(root, device="cpu").load_stage("tuned")
    half = HostedModel.open(root, device="cpu", dtype="bfloat16").load_stage("tuned")
    for (name, one), other in zip(exact.named_parameters(), half.parameters(), strict=True):
        assert torch.equal(one.to(torch.bfloat16), other), name
    rotary: Any = half
    assert rotary.model.rotary_emb.inv_freq.dtype is torch.float32


def test_an_adapter_of_another_base_is_refused(base: Path, tmp_path: Path, tokenizer: Any) -> None:
    other = tmp_path / "other"
    other.mkdir()
    _adapted(_save(other, "gpt2", tokenizer)).save_pretrained(tmp_path / "adapter")
    root = _stages(tmp_path, tuned={"kind": "adapter", "path": "adapter"})
    with pytest.raises(ModelNotLoadable, match="another base"):
        HostedModel.open(root, device="cpu").load_stage("tuned")


def test_base_adapter_and_full_stages_of_one_model(base: Path, tmp_path: Path) -> None:
    adapted = _adapted(base)
    adapted.save_pretrained(tmp_path / "adapter")
    adapted.merge_and_unload().save_pretrained(tmp_path / "full")
    root = _stages(
        tmp_path,
        start={"kind": "base", "step": 0},
        middle={"kind": "adapter", "path": "adapter", "step": 10},
        end={"kind": "full", "path": "full", "step": 20},
    )
    hosted = HostedModel.open(root, device="cpu")
    assert [(stage.name, stage.kind, stage.step) for stage in hosted.stages] == [
        ("start", "base", 0),
        ("middle", "adapter", 10),
        ("end", "full", 20),
    ]
    assert hosted.default_stage == "end"
    assert _same_weights(hosted.load_stage("middle"), hosted.load_stage("end"))
    assert len({hosted.stage_digest(stage.name) for stage in hosted.stages}) == 3
    with pytest.raises(StageNotFound, match="start, middle, end"):
        hosted.load_stage("later")


def test_a_plain_directory_is_a_model_with_the_one_stage_base(base: Path) -> None:
    hosted = HostedModel.open(base, device="cpu")
    assert [stage.name for stage in hosted.stages] == [hosted.default_stage] == ["base"]
    assert (hosted.name, hosted.architecture) == ("base", "LlamaForCausalLM")
    assert (hosted.layer_count, hosted.hidden_size, hosted.context_length) == (4, 32, 256)
    assert hosted.fingerprint.layer_count == 4


def test_messages_become_a_prompt_through_the_chat_template(base: Path, tokenizer: Any) -> None:
    hosted = HostedModel.open(base, device="cpu")
    ids = hosted.render([{"role": "user", "content": "はい"}])
    assert tokenizer.decode(ids) == "<s><|user|>はい<|assistant|>"
    with pytest.raises(InvalidRequest) as empty:
        hosted.render([])
    assert empty.value.reason == "PROMPT_EMPTY"


def test_a_tokenizer_without_chat_template_is_named(tmp_path: Path, tokenizer: Any) -> None:
    base = _save(tmp_path, "llama", tokenizer)
    (base / "chat_template.jinja").unlink()
    with pytest.raises(ChatTemplateMissing, match=r"chat_template\.jinja"):
        HostedModel.open(base, device="cpu").render([{"role": "user", "content": "hello"}])


def test_what_the_template_refuses_is_the_callers_mistake(tmp_path: Path, tokenizer: Any) -> None:
    base = _save(tmp_path, "llama", tokenizer)
    (base / "chat_template.jinja").write_text("{{ raise_exception('no system role here') }}")
    with pytest.raises(InvalidRequest, match="no system role here") as refusal:
        HostedModel.open(base, device="cpu").render([{"role": "system", "content": "x"}])
    assert refusal.value.field == "messages"


@pytest.mark.parametrize(
    ("manifest", "complaint"),
    [
        ("{", "JSON"),
        ('{"model": "m", "base": "../other", "stages": [], "default_stage": "a"}', "leaves the model"),
        ('{"model": "m", "base": "base", "stages": [], "default_stage": "a"}', "not among"),
        (
            '{"model": "m", "base": "base", "stages": [{"name": "a", "kind": "adapter"}], "default_stage": "a"}',
            "needs a path",
        ),
    ],
)
def test_a_damaged_list_of_stages_is_refused_with_its_fault(
    manifest: str, complaint: str, base: Path, tmp_path: Path
) -> None:
    (tmp_path / "stages.json").write_text(manifest)
    with pytest.raises(ModelNotLoadable, match=complaint):
        HostedModel.open(tmp_path, device="cpu")


def test_pickled_weights_are_not_opened(base: Path, tmp_path: Path) -> None:
    torch.save({}, base / "pytorch_model.bin")
    (base / "model.safetensors").unlink()
    with pytest.raises(ModelNotLoadable):
        HostedModel.open(base, device="cpu").load_stage("base")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 1, "lora_alpha": 1}')
    torch.save({}, adapter / "adapter_model.bin")
    with pytest.raises(ModelNotLoadable, match="pickled"):
        read_plain_lora(adapter)


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotLoadable, match="no directory"):
        HostedModel.open(tmp_path / "nowhere")
    with pytest.raises(ModelNotLoadable, match=r"neither stages\.json nor config\.json"):
        HostedModel.open(tmp_path)


def test_residual_norms_are_measured_once_per_stage(base: Path, tmp_path: Path) -> None:
    hosted = HostedModel.open(base, device="cpu")
    model = hosted.load_stage("base")
    cache = tmp_path / "norms"
    measured = stage_residual_norms(hosted, "base", model, cache)
    assert measured == median_residual_norms(model, hosted.tokenizer)
    # A second look does not touch the model at all.
    assert stage_residual_norms(hosted, "base", nn.Identity(), cache) == measured
    other = HostedModel.open(base, device="cpu", dtype="bfloat16")
    assert stage_residual_norms(other, "base", other.load_stage("base"), cache) != measured
