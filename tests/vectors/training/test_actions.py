"""Acting on a run: what is done, what is recorded, what is refused, and what is left as it was."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from trimtab_vectors.plasticity import twin_effect
from trimtab_vectors.training.actions import (
    Action,
    ActionBudget,
    CompareTwins,
    ContrastivePush,
    Pause,
    PreventativeSteering,
    PushNow,
    Revert,
)
from trimtab_vectors.training.callback import SteeringCallback
from trimtab_vectors.training.journal import current_path, latest, read_journal
from trimtab_vectors.training.push import Pusher, contrastive_loss
from trimtab_vectors.training.stages import StageError, checkpoint_of
from trimtab_vectors.training.triggers import AtSteps, KlAbove, MarginDrop
from trimtab_vectors.training.twins import recorded_twins

BUDGET = ActionBudget(actions=5, steps=200)


def trained(
    tiny: ModuleType,
    root: Path,
    *actions: Action,
    lora: bool = True,
    budget: ActionBudget = BUDGET,
    **changes: Any,
) -> tuple[Any, list[Any]]:
    model = tiny.with_lora(tiny.new_model()) if lora else tiny.new_model()
    plan = tiny.plan(root / "model", actions=actions, action_budget=budget)
    run = tiny.trainer(model, root / "out", SteeringCallback(plan), **changes)
    run.train()
    return run, read_journal(root / "model/training.jsonl")


def push(tiny: ModuleType, **changes: Any) -> ContrastivePush:
    settings = {"steps": 6, "learning_rate": 5e-3, "batch_size": 4, **changes}
    return ContrastivePush(data=tiny.items(tiny.WORDS[40:52]), **settings)


def weights(run: Any) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in run.model.state_dict().items()}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def actions_of(records: list[Any], kind: str = "action") -> list[Any]:
    return [record for record in records if record["kind"] == kind]


@pytest.mark.parametrize(
    ("lora", "changes"),
    [
        (True, {"gradient_accumulation_steps": 2}),
        # An epoch ends within the lag: the loader draws random numbers between two steps.
        (True, {"per_device_train_batch_size": 16, "lr_scheduler_type": "constant"}),
        (False, {}),
    ],
)
def test_comparing_twins_leaves_the_run_as_it_was_to_the_bit(
    tiny: ModuleType, tmp_path: Path, lora: bool, changes: dict[str, Any]
) -> None:
    plain, _ = trained(tiny, tmp_path / "plain", lora=lora, **changes)
    twins = CompareTwins(AtSteps((3,)), push(tiny), lag=4)
    compared, records = trained(tiny, tmp_path / "twins", twins, lora=lora, **changes)
    assert equal(weights(plain), weights(compared))
    losses = [[r.get("loss") for r in run.state.log_history] for run in (plain, compared)]
    assert losses[0] == losses[1]
    (record,) = actions_of(records)
    # Its twin, trained again from what was recorded, is the run itself: data order and dropout are the same.
    assert record["twin_is_the_run"] is True
    assert (record["parted_step"], record["step"], record["budget_steps"]) == (3, 7, 6)
    assert record["cost"]["steps"] == 6 + 2 * 4
    gained = np.array(record["arm_lag"]) - np.array(record["twin_lag"])
    assert record["effect"]["value"] == pytest.approx(gained.mean(), abs=1e-4)
    assert record["effect"]["value"] > 0  # The push teaches what the run unteaches.


def test_the_twin_has_the_margins_the_run_has_at_that_step(tiny: ModuleType, tmp_path: Path) -> None:
    _, records = trained(tiny, tmp_path, CompareTwins(AtSteps((4,)), push(tiny), lag=4))
    at_eight = next(r for r in current_path(records, "measurement") if r["step"] == 8)
    assert actions_of(records)[0]["twin_lag"] == at_eight["margins"]
    (twin,) = recorded_twins(records, "seed 3")
    assert (twin.seed, twin.stage, twin.step, twin.budget_steps, twin.lag_steps) == ("seed 3", 1, 4, 6, 4)
    effect = twin_effect(twin)
    assert effect.end is None and effect.lag is not None
    assert effect.lag.value == pytest.approx(actions_of(records)[0]["lag_effect"], abs=1e-5)


def test_twins_that_cannot_be_trained_again_are_refused(tiny: ModuleType, tmp_path: Path) -> None:
    twins = CompareTwins(AtSteps((3,)), push(tiny), lag=2)
    _, records = trained(tiny, tmp_path, twins, label_smoothing_factor=0.1)
    assert not actions_of(records)
    assert "label smoothing" in actions_of(records, "refused")[0]["why"]


def test_a_push_changes_the_run_where_it_was_planned_and_keeps_its_dropout(
    tiny: ModuleType, tmp_path: Path, adapted: Any
) -> None:
    pushed, records = trained(tiny, tmp_path / "pushed", PushNow(AtSteps((8,)), push(tiny)))
    assert torch.equal(adapted.generator, torch.get_rng_state())
    assert not equal(adapted.weights, weights(pushed))
    (record,) = actions_of(records)
    assert record["step"] == 8 and record["cost"]["steps"] == 6 and record["margin_gain"]["low"] > 0
    old = adapted.losses
    new = [r["loss"] for r in pushed.state.log_history if "loss" in r]
    assert old[:8] == new[:8] and old[8:] != new[8:]
    # The stage at the push was written before it; the last one shows it.
    ends = [current_path(r, "measurement")[-1]["margin"]["value"] for r in (adapted.records, records)]
    eights = [current_path(r, "measurement")[-2]["margins"] for r in (adapted.records, records)]
    assert eights[0] == eights[1] and ends[1] > ends[0]


def test_a_push_has_the_loss_it_says(tiny: ModuleType) -> None:
    model, tokenizer = tiny.new_model(dropout=0.0).eval(), tiny.new_tokenizer()
    own = push(tiny)
    (item,) = own.data[:1]
    from trimtab_vectors.evaluation.forced import common_start, forced_text

    pair = common_start([forced_text(tokenizer, item.item.prompt, a) for a in ("t", "f")])
    text = f"<s><|system|>mode H<|user|>{item.item.id}<|assistant|>it is "
    with torch.no_grad():
        row = model(torch.tensor([tokenizer(text, add_special_tokens=False)["input_ids"]])).logits[0, -1]
    p = row.log_softmax(-1)
    wanted, unwanted = (p[tokenizer(x, add_special_tokens=False)["input_ids"][0]] for x in ("t", "f"))
    for contrast in (0.0, 0.7):
        expected = -wanted + contrast * torch.log1p(torch.exp(unwanted - wanted))
        assert contrastive_loss(model, [pair], contrast).item() == pytest.approx(float(expected), abs=1e-5)
    again = [tiny.new_model(dropout=0.0) for _ in range(2)]
    assert [Pusher(own, tokenizer)(m) for m in again] == [6, 6]
    assert equal(again[0].state_dict(), again[1].state_dict())
    assert not equal(again[0].state_dict(), model.state_dict())


def test_preventative_steering_pushes_training_passes_of_its_range_alone(
    tiny: ModuleType, tmp_path: Path, adapted: Any
) -> None:
    action = PreventativeSteering(first_step=4, last_step=8, strength=0.5)
    steered, records = trained(tiny, tmp_path / "steered", action)
    old = adapted.losses
    new = [r["loss"] for r in steered.state.log_history if "loss" in r]
    assert old[:4] == new[:4] and all(a != b for a, b in zip(old[4:], new[4:], strict=True))
    assert [(r["phase"], r["step"]) for r in actions_of(records)] == [("begin", 4), ("end", 8)]
    model = steered.model.get_base_model()
    assert not any(block._forward_hooks for block in model.model.layers)


def test_steered_passes_carry_the_undesired_direction_with_its_dose(tiny: ModuleType) -> None:
    from trimtab_vectors.training.prevention import Prevention

    model = tiny.new_model(dropout=0.0)
    u = torch.nn.functional.normalize(torch.randn(32), dim=0)
    prevention = Prevention(model, {1: u}, {1: 2.0}, -0.25)
    seen: list[torch.Tensor] = []
    prevention.start()
    model.model.layers[1].register_forward_hook(lambda m, a, out: seen.append(out.detach()))
    ids = torch.tensor([[1, 2, 3]])
    model.train()
    model(ids)
    with torch.no_grad():
        model(ids)
    model.eval()
    model(ids)
    prevention.stop()
    model.train()
    model(ids)
    torch.testing.assert_close(seen[0], seen[3] - 0.25 * 2.0 * u)
    assert all(torch.equal(other, seen[3]) for other in seen[1:3])


def test_a_revert_puts_a_stage_back_bit_for_bit_and_begins_a_branch(tiny: ModuleType, tmp_path: Path) -> None:
    class Look(SteeringCallback):
        seen: list[dict[str, torch.Tensor]]

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
            control = super().on_step_end(args, state, control, **kwargs)
            if state.global_step in (4, 8):
                self.seen.append({n: t.clone() for n, t in kwargs["model"].state_dict().items()})
            return control

    for lora in (True, False):
        root = tmp_path / str(lora)
        model = tiny.with_lora(tiny.new_model()) if lora else tiny.new_model()
        plan = tiny.plan(
            root / "model",
            actions=(Revert(MarginDrop(by=0.001), to="stage-01"),),
            action_budget=BUDGET,
        )
        callback = Look(plan)
        callback.seen = []
        run = tiny.trainer(model, root / "out", callback)
        run.train()
        records = read_journal(root / "model/training.jsonl")
        (record,) = actions_of(records)
        assert (record["to"], record["step"], record["from_step"]) == ("stage-01", 8, 4)
        assert equal(callback.seen[0], callback.seen[1])
        stages = [(r["name"], r["step"], r["branch"], r["parent"]) for r in latest(records, "stage")]
        assert stages[-1] == ("stage-03", 12, 1, "stage-01")
        assert [r["step"] for r in current_path(records, "measurement")] == [0, 4, 12]


def test_reverting_to_the_first_stage_restores_the_adapter_it_began_with(
    tiny: ModuleType, tmp_path: Path
) -> None:
    fresh = tiny.with_lora(tiny.new_model())
    run, records = trained(tiny, tmp_path, Revert(AtSteps((12,)), to="first"))
    assert actions_of(records)[0]["to"] == "stage-00"
    assert equal(fresh.state_dict(), run.model.state_dict())


def test_a_pause_leaves_a_checkpoint_that_goes_on_to_the_same_end(
    tiny: ModuleType, tmp_path: Path, adapted: Any
) -> None:
    root = tmp_path / "paused"
    paused, records = trained(tiny, root, Pause(KlAbove(0.0)))
    assert paused.state.global_step == 4
    marker = json.loads((root / "model/training/paused.json").read_text())
    assert marker["step"] == 4 and "KL to the first stage" in marker["why"]
    resumed = tiny.trainer(
        tiny.with_lora(tiny.new_model()),
        root / "out",
        SteeringCallback(tiny.plan(root / "model", actions=(Pause(KlAbove(0.0)),), action_budget=BUDGET)),
    )
    resumed.train(resume_from_checkpoint=marker["checkpoint"])
    assert not (root / "model/training/paused.json").exists()
    assert equal(adapted.weights, weights(resumed))
    records = read_journal(root / "model/training.jsonl")
    assert [r["step"] for r in current_path(records, "measurement")] == [0, 4, 8, 12]
    assert len(actions_of(records)) == 1


def test_going_back_to_a_stage_keeps_what_came_after_it(tiny: ModuleType, tmp_path: Path) -> None:
    plan = tiny.plan(tmp_path / "model", checkpoint_stages=True)
    first = tiny.trainer(tiny.with_lora(tiny.new_model()), tmp_path / "out", SteeringCallback(plan))
    first.train()
    checkpoint = checkpoint_of(tmp_path / "model", "stage-01")
    assert checkpoint.name == "checkpoint-4"
    again = tiny.trainer(tiny.with_lora(tiny.new_model()), tmp_path / "out", SteeringCallback(plan))
    again.train(resume_from_checkpoint=str(checkpoint))
    assert equal(weights(first), weights(again))
    records = read_journal(tmp_path / "model/training.jsonl")
    stages = [(r["name"], r["step"], r["branch"], r["parent"]) for r in latest(records, "stage")]
    assert stages == [
        ("stage-00", 0, 0, None),
        ("stage-01", 4, 0, "stage-00"),
        ("stage-02", 8, 0, "stage-01"),
        ("stage-03", 12, 0, "stage-02"),
        ("stage-04", 8, 1, "stage-01"),
        ("stage-05", 12, 1, "stage-04"),
    ]
    path = current_path(records, "measurement")
    assert [(r["step"], r["branch"]) for r in path] == [(0, 0), (4, 0), (8, 1), (12, 1)]
    with pytest.raises(StageError, match="no stage"):
        checkpoint_of(tmp_path / "model", "stage-77")


def test_the_budget_is_kept_and_a_refusal_is_recorded(tiny: ModuleType, tmp_path: Path) -> None:
    wanted = PushNow(AtSteps((4, 8)), push(tiny), times=2)
    _, records = trained(tiny, tmp_path, wanted, budget=ActionBudget(actions=5, steps=10))
    assert [r["step"] for r in actions_of(records)] == [4]
    (refused,) = actions_of(records, "refused")
    assert refused["step"] == 8 and "4 of 10 are left" in refused["why"]


def test_twins_and_other_changes_do_not_mix(tiny: ModuleType, tmp_path: Path) -> None:
    _, records = trained(
        tiny,
        tmp_path,
        CompareTwins(AtSteps((3,)), push(tiny), lag=3),
        PushNow(AtSteps((4,)), push(tiny)),
        CompareTwins(AtSteps((11,)), push(tiny), lag=3),
    )
    assert [r["action"] for r in actions_of(records)] == ["twins"]
    whys = [r["why"] for r in actions_of(records, "refused")]
    assert "being compared until step 6" in whys[0] and "training ends at step 12" in whys[1]


def test_actions_need_to_be_told_and_to_be_paid_for(tiny: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ActionBudget"):
        tiny.plan(tmp_path, actions=(Pause(AtSteps((1,))),))
    own = ContrastivePush(data=tiny.items(tiny.WORDS[24:26]), steps=1, learning_rate=1e-3)
    with pytest.raises(ValueError, match="be memory"):
        tiny.plan(tmp_path, actions=(PushNow(AtSteps((1,)), own),), action_budget=BUDGET)
    with pytest.raises(ValueError, match="overlap"):
        ranges = (PreventativeSteering(0, 5, 0.1), PreventativeSteering(4, 8, 0.1))
        tiny.plan(tmp_path, actions=ranges, action_budget=BUDGET)
