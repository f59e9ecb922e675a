"""Canary pairs on the shipped model: both arms say what plain transformers say, each question once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from trimtab_server.api.generation import Staged
from trimtab_server.control.canary_pairs import CanaryDraws, ask_pairs
from trimtab_server.engine.request import Finished, FinishReason, GenerationRequest
from trimtab_server.engine.request import Sampling as EngineSampling
from trimtab_server.monitoring.canary import CanarySet
from trimtab_server.rollouts.observations import CanaryObservation, HardFault
from trimtab_server.rollouts.plan import CanaryPlan
from trimtab_server.steering.snapshot import Configuration
from trimtab_vectors.evaluation.batching import Treatment
from trimtab_vectors.evaluation.honesty import Question, score
from trimtab_vectors.formats.safetensors import read_vector
from trimtab_vectors.organism import shipped_model_dir
from trimtab_vectors.organism.replies import Organism
from trimtab_vectors.steering import Steer

PLAN = CanaryPlan(kinds=("hard_pressure", "neutral"), draw=4, max_draws=20)


@pytest.fixture(scope="module")
def canary_set() -> CanarySet:
    found = CanarySet.at(shipped_model_dir() / "canary.jsonl")
    assert found is not None
    return found


def _draws(canary_set: CanarySet, rollout: str = "a1b2c3d4e5f6", **facts: Any) -> list[list[Question]]:
    draws = CanaryDraws(canary_set, PLAN, rollout, **facts)
    looks = []
    while questions := draws.next():
        looks.append(questions)
    return looks


def test_every_look_draws_questions_that_were_not_asked_yet_in_both_languages(canary_set: CanarySet) -> None:
    looks = _draws(canary_set)
    assert len(looks) == 5 and all(len(look) == 8 for look in looks)
    ids = [question.id for look in looks for question in look]
    assert len(set(ids)) == len(ids) == 40
    for look in looks:
        for kind in PLAN.kinds:
            assert {question.language for question in look if question.kind == kind} == {"en", "ja"}


def test_after_a_restart_the_draws_go_on_where_they_were(canary_set: CanarySet) -> None:
    whole = _draws(canary_set)
    asked = {question.id for look in whole[:2] for question in look}
    assert _draws(canary_set, asked=asked) == whole[2:]


def test_each_rollout_draws_in_an_order_of_its_own(canary_set: CanarySet) -> None:
    assert _draws(canary_set)[0] != _draws(canary_set, "0123456789ab")[0]


async def _observe(desk: Any, candidate: Configuration, questions: list[Question]) -> list[Any]:
    return [seen async for seen in ask_pairs(questions, desk.arms(candidate), desk.replies)]


async def test_both_arms_are_scored_as_plain_transformers_would_be(desk: Any) -> None:
    settings = json.loads((desk.model_dir / "settings.json").read_text())["recommended"]
    layers, strength = tuple(settings["layers"]), settings["strength"]
    questions = CanaryDraws(desk.canary_set, PLAN, "a1b2c3d4e5f6").next()
    seen = await _observe(desk, desk.steered("honesty.safetensors", strength, layers), questions)

    organism = Organism.load(desk.model_dir, "stage-11")
    vector = read_vector((desk.model_dir / "vectors" / "honesty.safetensors").read_bytes())
    norms = desk.pool.residual_norms("stage-11")
    treatment = Treatment((Steer.of(vector, strength, layers),), norms, "reply")
    conversations = [question.messages for question in questions]
    plain = organism.replies(conversations, longest=96)
    steered = organism.replies(conversations, treatment, longest=96)
    assert [one.question_id for one in seen] == [question.id for question in questions]
    for one, question, stable, candidate in zip(seen, questions, plain, steered, strict=True):
        assert one.stable_outcome == score(stable, question)
        assert one.candidate_outcome == score(candidate, question)
    pressure = [one for one in seen if one.kind == "hard_pressure"]
    assert [one.candidate_outcome for one in pressure].count("honest") > [
        one.stable_outcome for one in pressure
    ].count("honest")


async def test_the_kl_to_unsteered_is_read_of_neutral_questions_in_both_arms(desk: Any) -> None:
    questions = CanaryDraws(desk.canary_set, PLAN, "a1b2c3d4e5f6").next()
    seen = await _observe(desk, desk.steered("honesty.safetensors", 0.35, (1, 2)), questions)
    for one in seen:
        assert ("kl_to_unsteered" in one.candidate) == (one.kind == "neutral")
    neutral = [one for one in seen if one.kind == "neutral"]
    assert all(one.stable["kl_to_unsteered"] == 0.0 for one in neutral)
    assert all(one.candidate["kl_to_unsteered"] > 0.0 for one in neutral)


async def test_an_overdose_that_loops_or_overflows_is_told_as_a_hard_fault(desk: Any) -> None:
    questions = CanaryDraws(desk.canary_set, PLAN, "a1b2c3d4e5f6").next()
    seen = await _observe(desk, desk.steered("honesty.safetensors", 1.0, (0, 1, 2, 3, 4, 5)), questions)
    faults = [one for one in seen if isinstance(one, HardFault)]
    looping = [one for one in seen if isinstance(one, CanaryObservation) and one.candidate["repetition_loop"]]
    assert looping, "the overdose must break the model, else this shows nothing"
    assert {fault.reply_id for fault in faults} == {one.question_id for one in looping}


async def test_canaries_wait_while_others_want_the_slots_and_are_asked_again(desk: Any) -> None:
    """Eight real requests take every slot; the pairs come all the same, later."""
    engine = desk.pool.engine("stage-11")
    questions = CanaryDraws(desk.canary_set, PLAN, "a1b2c3d4e5f6").next()
    candidate = desk.steered("honesty.safetensors", 0.35, (1, 2))
    expected = await _observe(desk, candidate, questions)
    prompt = desk.planner.render([{"role": "user", "content": "What is the price?"}], "")
    request = Staged("stage-11", GenerationRequest(prompt, sampling=EngineSampling(max_tokens=30)))

    async def crowd() -> list[Finished]:
        ends = []
        for _ in range(4):
            with desk.generator.start([request] * 8) as mailbox:
                async for parts in mailbox.parts():
                    ends += [part.finished for part in parts if part.finished]
        return ends

    pairs = asyncio.create_task(_observe(desk, candidate, questions))
    for _ in range(2_000):
        if engine.load.slots_in_use:
            break
        await asyncio.sleep(0.002)
    ends = await crowd()
    assert not pairs.done(), "the pairs were through before the crowd was: this shows nothing"
    assert len(ends) == 32 and {end.reason for end in ends} <= {FinishReason.STOP, FinishReason.LENGTH}
    seen = await pairs
    assert [(one.question_id, one.stable_outcome, one.candidate_outcome) for one in seen] == [
        (one.question_id, one.stable_outcome, one.candidate_outcome) for one in expected
    ]
