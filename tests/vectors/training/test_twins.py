"""Twin runs: the same batches and dropout for both, by the formula, and nothing left behind."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from trimtab_vectors.plasticity import twin_effect
from trimtab_vectors.training.recording import Recording, Replay, replayable
from trimtab_vectors.training.state import RandomState, TrainingState, undisturbed
from trimtab_vectors.training.twins import run_twins


class Line(nn.Module):
    """y = w x with the loss (y - t)^2: its training is arithmetic."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.tensor([0.0, 1.0], dtype=torch.float64))

    def loss(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return ((self.w * batch["x"] - batch["t"]) ** 2).sum()


def batches() -> Iterator[dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(3)
    while True:
        yield {
            "x": torch.rand(2, generator=generator, dtype=torch.float64),
            "t": torch.rand(2, generator=generator, dtype=torch.float64),
        }


def push(model: Any) -> int:
    with torch.no_grad():
        model.w += 1.0
    torch.rand(100)  # What a push draws must not reach the steps after it.
    return 4


def sgd(parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.1)


def margins(model: Any) -> np.ndarray:
    return model.w.detach().numpy().copy()


def by_hand(pushed: bool, steps: int) -> np.ndarray:
    w = np.array([0.0, 1.0]) + pushed
    for batch, _ in zip(batches(), range(steps), strict=False):
        x, t = batch["x"].numpy(), batch["t"].numpy()
        w = w - 0.1 * 2 * x * (w * x - t)
    return w


def test_arm_and_twin_are_gradient_descent_from_one_state_on_the_same_batches() -> None:
    found = run_twins(
        Line(),
        batches(),
        push,
        margins,
        make_optimizer=sgd,
        lag=3,
        end=7,
        loss=lambda model, batch: model.loss(batch),
    )
    for values, pushed, steps in (
        (found.twin_lag, False, 3),
        (found.twin_end, False, 7),
        (found.arm_lag, True, 3),
        (found.arm_end, True, 7),
    ):
        np.testing.assert_allclose(values, by_hand(pushed, steps), rtol=1e-12)
    assert found.budget_steps == 4
    expected = float(np.mean(by_hand(True, 3) - by_hand(False, 3))) / 4
    assert found.lag_effect == pytest.approx(expected, rel=1e-12)
    effect = twin_effect(found.record("seed 1", stage=2, step=40))
    assert effect.lag is not None and effect.end is not None
    assert (effect.lag.value, effect.end.value) == pytest.approx((found.lag_effect, found.end_effect))


def test_the_model_its_modes_gradients_and_random_numbers_are_as_before() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 1))
    model[1].eval()  # One module in another mode than the rest.
    model(torch.ones(1, 4)).sum().backward()
    before = copy.deepcopy(model.state_dict())
    gradient = model[0].weight.grad.clone()
    state = RandomState.take()
    run_twins(
        model,
        ({"x": torch.randn(8, 4)} for _ in range(5)),
        lambda m: (m[0].weight.data.add_(1.0), 1)[1],
        lambda m: m(torch.ones(3, 4)).detach().numpy()[:, 0],
        make_optimizer=lambda ps: torch.optim.AdamW(ps),
        lag=2,
        end=4,
        loss=lambda m, b: m(b["x"]).square().mean(),
    )
    after = RandomState.take()
    state.restore()  # The batches above drew; what the runs drew is seen below.
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert torch.equal(gradient, model[0].weight.grad)
    assert model.training and not model[1].training
    for _ in range(4):
        torch.randn(8, 4)
    assert torch.equal(torch.get_rng_state(), after.cpu)


def test_arm_and_twin_see_the_same_dropout() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 6), nn.Dropout(0.5), nn.Linear(6, 2))
    data = [{"x": torch.randn(8, 6)} for _ in range(6)]

    def nothing(model: nn.Module) -> int:
        torch.rand(1000)
        return 1

    found = run_twins(
        model,
        data,
        nothing,
        lambda m: m(torch.ones(1, 6)).detach().numpy()[0],
        make_optimizer=lambda ps: torch.optim.AdamW(ps, lr=0.1),
        lag=6,
        loss=lambda m, b: m(b["x"]).square().mean(),
    )
    np.testing.assert_array_equal(found.arm_lag, found.twin_lag)
    assert np.isnan(found.arm_end).all() and np.isnan(found.twin_end).all()


@pytest.mark.parametrize(
    ("lag", "end", "steps", "message"),
    [(3, 2, 1, "lag"), (0, None, 1, "lag"), (3, 50, 1, "batches"), (3, None, 0, "no optimiser step")],
)
def test_a_comparison_that_means_nothing_is_refused(
    lag: int, end: int | None, steps: int, message: str
) -> None:
    few = [batch for batch, _ in zip(batches(), range(10), strict=False)]
    with pytest.raises(ValueError, match=message):
        run_twins(
            Line(),
            few,
            lambda model: steps,
            margins,
            make_optimizer=sgd,
            lag=lag,
            end=end,
            loss=lambda model, batch: model.loss(batch),
        )


def test_a_training_state_comes_back_bit_for_bit_and_the_run_repeats() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 5), nn.Dropout(0.3), nn.BatchNorm1d(5), nn.Linear(5, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05, amsgrad=True)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))

    def train(steps: int) -> None:
        for _ in range(steps):
            model(torch.randn(6, 5)).square().mean().backward()
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad()

    train(3)
    state = TrainingState.take(model, optimizer, scheduler)
    moments = copy.deepcopy(optimizer.state_dict())
    train(4)
    first = copy.deepcopy(model.state_dict())
    assert not state.same_weights(model)
    state.restore(model, optimizer, scheduler)
    assert state.same_weights(model)
    for mine, saved in zip(optimizer.state_dict()["state"].values(), moments["state"].values(), strict=True):
        assert all(torch.equal(mine[k], saved[k]) for k in saved)
    assert optimizer.state_dict()["param_groups"] == moments["param_groups"]
    train(4)
    assert all(torch.equal(first[k], v) for k, v in model.state_dict().items())


def test_a_state_taken_before_the_first_step_forgets_the_moments() -> None:
    model = nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    state = TrainingState.take(model, optimizer)
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    state.restore(model, optimizer)
    assert not optimizer.state


def test_nothing_measured_leaves_a_trace_even_after_an_error() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    before = RandomState.take()
    with pytest.raises(RuntimeError, match="half way"), undisturbed(model):
        model.eval()
        torch.rand(3)
        np.random.rand(3)
        raise RuntimeError("half way")
    assert model.training and model[1].training
    assert torch.equal(torch.get_rng_state(), before.cpu)
    assert np.array_equal(np.random.get_state()[1], before.numpy[1])


def test_replayed_passes_are_averaged_where_the_model_was_not_told_of_their_number() -> None:
    """Gradient accumulation without `num_items_in_batch`: the loss of a step is the mean over its passes."""

    class Model(Line):
        def forward(self, x: torch.Tensor, labels: torch.Tensor) -> SimpleNamespace:
            return SimpleNamespace(loss=self.loss({"x": x, "t": labels}))

    model = Model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    state = TrainingState.take(model, optimizer)
    recording = Recording(model)
    recording.start()
    passes = [{"x": batch["x"], "labels": batch["t"]} for batch, _ in zip(batches(), range(4), strict=False)]
    expected = np.array([0.0, 1.0])
    for number, inputs in enumerate(passes):
        model(**inputs)
        with torch.no_grad():
            model(**inputs)  # Without gradients: no training pass.
        if number % 2:
            recording.close_step()
            x, t = (
                np.stack([p[k].numpy() for p in passes[number - 1 : number + 1]]) for k in ("x", "labels")
            )
            expected = expected - 0.1 * (2 * x * (expected * x - t)).mean(0)
    recording.stop()
    assert replayable(recording.steps) is None and [len(step) for step in recording.steps] == [2, 2]
    replay = Replay(model, optimizer, None, state, recording.steps, max_grad_norm=0.0)
    replay.begin()
    replay.advance(1)
    replay.advance(1)
    np.testing.assert_allclose(model.w.detach().numpy(), expected, rtol=1e-12)
