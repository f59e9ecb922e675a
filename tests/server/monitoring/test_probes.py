"""Which read-out is read for a reply, what it has earned, and which replies get a shadow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from trimtab_server.engine.engine import EngineLoad
from trimtab_server.monitoring.probes import ProbeShelf, engine_form, may_guard
from trimtab_server.monitoring.shadow_share import wants_shadow
from trimtab_vectors.readouts import Probe
from trimtab_vectors.readouts.probe_file import write_probe
from trimtab_vectors.steering_vector import ModelFingerprint

MODEL = ModelFingerprint("LlamaForCausalLM", 8, 4, "a" * 64)
OTHER = ModelFingerprint("LlamaForCausalLM", 8, 4, "b" * 64)


def probe(vector: str = "1" * 64, **values: object) -> Probe:
    made = Probe(
        concept="honesty",
        stage="stage-11",
        model=MODEL,
        vector=vector,
        layer=2,
        place="reply_mean",
        method="diff_mean",
        direction=torch.eye(8)[0],
        offset=0.5,
        scale=2.0,
        removed=torch.eye(8)[1:2],
        data_hash="c" * 64,
    )
    return replace(made, **values)


def test_a_read_out_is_read_only_where_it_is_independent_of_what_is_injected() -> None:
    one, two = probe("1" * 64), probe("2" * 64)
    shelf = ProbeShelf([one, two], MODEL.digest)
    assert shelf.find("stage-11", ["1" * 64]) is one
    assert shelf.find("stage-11", ["2" * 64]) is two
    assert shelf.find("stage-11", ["3" * 64]) is None
    assert shelf.find("stage-11", ["1" * 64, "2" * 64]) is None, "independent of one, moved by the other"
    assert shelf.find("stage-11", []) in (one, two)
    assert shelf.find("stage-10", ["1" * 64]) is None


def test_of_several_the_one_that_earned_a_guardrail_is_read() -> None:
    earned = probe(guardrail=True, offset=0.25)
    for order in ([probe(), earned], [earned, probe()]):
        assert ProbeShelf(order, MODEL.digest).find("stage-11", ["1" * 64]) is earned


def test_files_of_another_model_and_damaged_ones_are_left_out(tmp_path: Path) -> None:
    directory = tmp_path / "readouts" / "honesty"
    directory.mkdir(parents=True)
    (directory / "a.safetensors").write_bytes(write_probe(probe(model=OTHER)))
    (directory / "b.safetensors").write_bytes(write_probe(probe("2" * 64))[:-4])
    assert ProbeShelf.at([tmp_path, tmp_path / "none"], MODEL.digest).find("stage-11", []) is None
    (directory / "c.safetensors").write_bytes(write_probe(probe()))
    found = ProbeShelf.at([tmp_path], MODEL.digest).find("stage-11", [])
    assert found is not None and found.id == probe().id
    form = engine_form(found)
    state = torch.arange(8.0)
    assert (float(state @ form.direction) - form.offset) / form.scale == pytest.approx(
        float(found.read(state))
    )


def test_the_honesty_read_out_guards_only_as_its_figures_were_recorded() -> None:
    earned = probe(guardrail=True)
    assert may_guard("honesty_mean", earned)
    assert not may_guard("honesty_minimum", earned), "another figure than the recorded one"
    assert not may_guard("honesty_mean", probe(guardrail=True, place="reply_end"))
    assert not may_guard("honesty_mean", probe()) and not may_guard("honesty_mean", None)
    assert not may_guard("projection", earned), "it follows the dose"
    assert may_guard("repetition", None)


def load(in_use: int, queued: int = 0, slots: int = 16) -> EngineLoad:
    fields = {name: 0 for name in EngineLoad.__dataclass_fields__}
    return EngineLoad(**fields | {"slots": slots, "slots_in_use": in_use, "queued_requests": queued})


def test_the_sampled_share_is_the_share_and_is_drawn_from_the_id() -> None:
    chosen = [wants_shadow(f"reply-{n}", 0.05, load(0)) for n in range(20_000)]
    assert 0.05 - 0.0062 < sum(chosen) / len(chosen) < 0.05 + 0.0062  # four standard errors
    assert chosen == [wants_shadow(f"reply-{n}", 0.05, load(0)) for n in range(20_000)]
    assert not any(wants_shadow(f"reply-{n}", 0.0, load(0)) for n in range(1_000))
    assert all(wants_shadow(f"reply-{n}", 1.0, load(0)) for n in range(1_000))


@pytest.mark.parametrize("busy", [load(8), load(3, queued=1), load(0, slots=1), load(1, slots=2)])
def test_a_shadow_never_takes_what_somebody_may_need(busy: EngineLoad) -> None:
    assert not wants_shadow("reply", 1.0, busy)
