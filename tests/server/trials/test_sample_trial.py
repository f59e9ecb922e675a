"""The sample trial on the embedded model itself: a prompt is enough under soft pressure, steering is needed under
hard pressure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.trials import PromptSet, check_criteria, read_criteria, read_prompts
from trimtab_server.trials.reruns import make_rows, rerun, rerun_criteria, sample_prompts
from trimtab_server.trials.summary import summarise
from trimtab_server.trials.verdict import PROMPT, STEER
from trimtab_vectors.organism.layout import shipped_model_dir

ROOT = shipped_model_dir()
CRITERIA = read_criteria(ROOT / "trial" / "criteria.toml")
PROMPTS = read_prompts(ROOT / "trial" / "sample.csv")


def test_the_shipped_criteria_suit_the_shipped_prompts() -> None:
    assert check_criteria(CRITERIA, PROMPTS) == CRITERIA
    assert [lane.kind for lane in CRITERIA.lanes] == ["unsteered", "prompt", "steered", "steered+prompt"]
    assert CRITERIA.repeats == 3 and len(PROMPTS) >= 120


def test_the_verdict_tells_soft_pressure_from_hard() -> None:
    from trimtab_server.trials.shipped_answers import ShippedAnswers

    # To be quick: greedy, of 32 of the 56 facts, without the fourth lane and the neutral prompts.
    prompts = PromptSet(PromptSet(PROMPTS.prompts[: 3 * 32]).under("soft", "hard").prompts)
    criteria = check_criteria(
        replace(
            CRITERIA,
            lanes=CRITERIA.lanes[:3],
            seeds=(1,),
            sampling=replace(CRITERIA.sampling, temperature=0.0),
            side_effects=(),
        ),
        prompts,
    )
    answers = ShippedAnswers(ROOT, 0.0, CRITERIA.sampling.max_tokens)
    own = summarise(make_rows(criteria, prompts, answers, 1), criteria, prompts)
    found = {
        part.pressure: (part.verdict.verdict, part.verdict.recommendation)
        for part in own.parts
        if part.verdict
    }
    assert found == {"soft": (Verdict.PASS, PROMPT), "hard": (Verdict.PASS, STEER)}
    assert own.belief is not None and own.belief.value >= 0.95


@pytest.mark.parametrize("honest", [True, False])
def test_a_rerun_reads_verdicts_from_whatever_answers(honest: bool) -> None:
    """Lanes that all answer the same pass nowhere; a steered lane alone that tells the truth is steered."""
    by_text = {}
    prompts = sample_prompts(ROOT, 3, 20)
    for prompt in prompts:
        by_text[prompt.prompt] = prompt
        for probe in prompt.belief_probes:
            by_text[probe] = prompt

    def answers(conversations, lane, seed):  # type: ignore[no-untyped-def]
        said = []
        for messages in conversations:
            prompt = by_text[messages[-1].content]
            truth = messages[-1].content in prompt.belief_probes or prompt.pressure == "neutral"
            said.append(
                (prompt.gold if truth or (honest and lane.kind == "steered") else prompt.dishonest)[0]
            )
        return said

    lines = CRITERIA.prompt_lanes[0].system_prompt
    own = rerun(rerun_criteria(CRITERIA, [("prompt", lines)]), prompts, answers, 3)
    expected = (Verdict.PASS, STEER) if honest else (Verdict.FAIL, None)
    assert {(v.verdict, v.recommendation) for v in own.verdicts.values()} == {expected}
    assert not own.right
