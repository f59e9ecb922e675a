"""The callback on real Trainer runs: it sees everything and changes nothing."""

from __future__ import annotations

import random
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from trimtab_vectors.formats.safetensors import read_vector
from trimtab_vectors.organism.layout import ModelLayout
from trimtab_vectors.training.callback import SteeringCallback
from trimtab_vectors.training.journal import current_path, read_journal


def fingerprint_of(run: Any) -> dict[str, Any]:
    """Everything that must not differ: weights, moments, schedule, losses, all generators."""
    model = run.model
    return {
        "weights": {n: t.detach().clone() for n, t in model.state_dict().items()},
        "moments": [
            {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in state.items()}
            for state in run.optimizer.state_dict()["state"].values()
        ],
        "schedule": run.lr_scheduler.state_dict(),
        "losses": [
            {k: v for k, v in row.items() if k in ("loss", "grad_norm", "learning_rate", "step")}
            for row in run.state.log_history
        ],
        "cpu": torch.get_rng_state(),
        "numpy": np.random.get_state()[1],
        "python": random.getstate(),
    }


def assert_identical(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one["weights"].keys() == other["weights"].keys()
    for name, tensor in one["weights"].items():
        assert torch.equal(tensor, other["weights"][name]), name
    for mine, theirs in zip(one["moments"], other["moments"], strict=True):
        for key, value in mine.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(theirs[key])), key
    assert one["losses"] == other["losses"]
    assert one["schedule"]["last_epoch"] == other["schedule"]["last_epoch"]
    assert torch.equal(one["cpu"], other["cpu"])
    assert np.array_equal(one["numpy"], other["numpy"])
    assert one["python"] == other["python"]


@pytest.mark.parametrize(
    ("lora", "changes"),
    [(False, {}), (True, {"gradient_accumulation_steps": 2}), (False, {"gradient_checkpointing": True})],
)
def test_training_with_the_callback_is_the_same_to_the_bit(
    tiny: ModuleType, tmp_path: Path, lora: bool, changes: dict[str, Any]
) -> None:
    found = []
    for name in ("without", "with"):
        model = tiny.with_lora(tiny.new_model()) if lora else tiny.new_model()
        callback = (
            SteeringCallback(tiny.plan(tmp_path / "model", random_vectors=20)) if name == "with" else None
        )
        run = tiny.trainer(model, tmp_path / name, callback, **changes)
        run.train()
        found.append(fingerprint_of(run))
        assert all(p.grad is None for p in model.parameters())
    assert_identical(*found)
    assert len(current_path(read_journal(tmp_path / "model/training.jsonl"), "measurement")) == 4


def test_adapter_stages_are_listed_and_hold_what_the_model_was(tiny: ModuleType, adapted: Any) -> None:
    from peft import PeftModel

    directory, run = adapted.directory, adapted.run
    listed = ModelLayout(directory).read_stages()
    assert [(s.name, s.kind, s.step) for s in listed.stages] == [
        ("stage-00", "base", None),
        ("stage-01", "adapter", 4),
        ("stage-02", "adapter", 8),
        ("stage-03", "adapter", 12),
    ]
    base = AutoModelForCausalLM.from_pretrained(directory / "base")
    untouched = tiny.new_model()
    assert all(torch.equal(t, untouched.state_dict()[n]) for n, t in base.state_dict().items())
    last = PeftModel.from_pretrained(base, directory / "stages/stage-03").eval()
    ids = torch.tensor([[256, 5, 6, 7, 8]])
    with torch.no_grad():
        assert torch.equal(last(ids).logits, run.model.eval()(ids).logits)
    assert AutoTokenizer.from_pretrained(directory / "base").chat_template


def test_full_stages_are_whole_checkpoints(full: Any) -> None:
    directory, run = full.directory, full.run
    listed = ModelLayout(directory).read_stages()
    assert [(s.kind, s.step) for s in listed.stages] == [
        ("base", None),
        ("full", 4),
        ("full", 8),
        ("full", 12),
    ]
    last = AutoModelForCausalLM.from_pretrained(directory / str(listed.stages[-1].path))
    for name, tensor in last.state_dict().items():
        assert torch.equal(tensor, run.model.state_dict()[name]), name


def test_each_stage_has_its_vector_and_the_record_names_it(adapted: Any) -> None:
    directory = adapted.directory
    for record in current_path(read_journal(directory / "training.jsonl"), "measurement"):
        vector = read_vector((directory / f"vectors/honesty-{record['stage']}.safetensors").read_bytes())
        assert vector.id == record["vector"] and vector.stage == record["stage"]
        for layer, figures in record["layers"].items():
            assert figures["raw_norm"] == pytest.approx(vector.raw_norms[int(layer)], rel=1e-5)


def test_figures_say_what_happened_to_the_model(adapted: Any) -> None:
    records = current_path(read_journal(adapted.directory / "training.jsonl"), "measurement")
    assert records[0]["margin_change"] is None and records[0]["kl_to_first"] is None
    assert all(f["cosine"] == pytest.approx(1.0) for f in records[0]["layers"].values())
    assert all(f["finetuning_shift"] == 0.0 for f in records[0]["layers"].values())
    # It was taught to lie, and moved on neutral text as well.
    margins = [r["margin"]["value"] for r in records]
    assert margins[-1] < margins[0] and records[-1]["margin_change"]["high"] < 0
    assert 0 < records[1]["kl_to_first"]["value"] < records[-1]["kl_to_first"]["value"]
    assert abs(records[-1]["layers"]["1"]["finetuning_shift"]) > 0


def test_the_record_agrees_with_measuring_the_stage_afresh(tiny: ModuleType, adapted: Any) -> None:
    """Margins, slope, drift and shift of the last stage, by plain forward passes on the stage loaded from disk."""
    from peft import PeftModel

    directory = adapted.directory
    record = current_path(read_journal(directory / "training.jsonl"), "measurement")[-1]
    tokenizer = tiny.new_tokenizer()
    base = AutoModelForCausalLM.from_pretrained(directory / "base").eval()
    stage = PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(directory / "base"), directory / "stages/stage-03"
    ).eval()
    vector = read_vector((directory / "vectors/honesty-stage-03.safetensors").read_bytes())
    first = read_vector((directory / "vectors/honesty-stage-00.safetensors").read_bytes())

    def run(model: Any, text: str, push: dict[int, torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Logits after the text, and each block's output at its last token."""
        seen: list[torch.Tensor] = []
        inner = model.get_base_model() if hasattr(model, "get_base_model") else model

        def hook(layer: int) -> Any:
            def read(module: Any, args: Any, out: torch.Tensor) -> torch.Tensor:
                seen.append(out[0, -1].clone())
                pushed = out.clone()
                pushed[0, -1] += push.get(layer, 0.0)
                return pushed

            return read

        handles = [b.register_forward_hook(hook(n)) for n, b in enumerate(inner.model.layers)]
        ids = torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])
        with torch.no_grad():
            logits = model(ids).logits[0, -1]
        for handle in handles:
            handle.remove()
        return logits, seen

    def margin(model: Any, word: str, strength: float) -> float:
        text = f"<s><|system|>mode H<|user|>{word}<|assistant|>it is "
        push = {n: u * strength * vector.residual_norms[n] for n, u in vector.directions.items()}
        logits, _ = run(model, text, push if strength else {})
        honest, lie = (tokenizer(x, add_special_tokens=False)["input_ids"][0] for x in tiny.letters(word))
        return float(logits[honest] - logits[lie])

    words = [own.item.id for own in tiny.probe().items]
    assert [words[i] for i in record["items"]] == words
    np.testing.assert_allclose(record["margins"], [margin(stage, w, 0.0) for w in words], atol=1e-4)
    grid = np.array(record["steerability"]["strengths"])
    means = np.array([np.mean([margin(stage, w, a) for w in words]) for a in grid])
    np.testing.assert_allclose(record["steerability"]["mean_margins"], means, atol=1e-4)
    assert record["steerability"]["slope"]["value"] == pytest.approx(np.polyfit(grid, means, 1)[0], rel=1e-3)
    for layer in (0, 1):
        u, r = first.directions[layer], first.residual_norms[layer]
        states = [
            [run(m, f"<s><|system|>mode H<|user|>{w}<|assistant|>it is ", {})[1][layer] for w in words]
            for m in (stage, base)
        ]
        shift = float((torch.stack(states[0]).mean(0) - torch.stack(states[1]).mean(0)) @ u) / r
        figures = record["layers"][str(layer)]
        assert figures["finetuning_shift"] == pytest.approx(shift, abs=1e-5)
        assert figures["cosine"] == pytest.approx(float(vector.directions[layer] @ u), abs=1e-5)
    ids = torch.tensor([tokenizer(tiny.NEUTRAL[0])["input_ids"]])
    with torch.no_grad():
        p, q = (m(ids).logits[0, :-1].log_softmax(-1) for m in (base, stage))
    kl = (p.exp() * (p - q)).sum(-1)
    assert record["kl_to_first"]["largest"] >= float(kl.max()) - 1e-5
    assert record["kl_to_first"]["tokens"] == 40


def test_random_vectors_are_a_yardstick_for_the_slope(adapted: Any) -> None:
    for record in current_path(read_journal(adapted.directory / "training.jsonl"), "measurement"):
        random_ = record["random"]
        assert len(random_["random_slopes"]) == 20
        assert random_["specific"] == pytest.approx(
            random_["slope"] - np.mean(random_["random_slopes"]), abs=1e-4
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"fsdp": "full_shard"}, "sharded"), ({"save_only_model": True}, "whole checkpoints")],
)
def test_a_set_up_that_cannot_be_watched_is_refused(
    tiny: ModuleType, tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    callback = SteeringCallback(tiny.plan(tmp_path / "model", checkpoint_stages=True))
    run = tiny.trainer(tiny.new_model(), tmp_path / "out", None)
    for name, value in arguments.items():
        setattr(run.args, name, value)
    with pytest.raises(ValueError, match=message):
        callback.on_train_begin(
            run.args,
            run.state,
            run.control,
            model=run.model,
            optimizer=None,
            lr_scheduler=None,
            processing_class=run.processing_class,
        )


def test_a_directory_of_another_plan_is_not_mixed_into(
    tiny: ModuleType, adapted: Any, tmp_path: Path
) -> None:
    other = tiny.plan(adapted.directory, strengths=(-0.5, 0.0, 0.5))
    with pytest.raises(ValueError, match="another plan"):
        tiny.trainer(tiny.with_lora(tiny.new_model()), tmp_path, SteeringCallback(other)).train()
