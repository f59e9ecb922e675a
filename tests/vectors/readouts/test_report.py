"""The whole flow on the shipped model: what is fitted is independent, what is tempting is refused."""

from __future__ import annotations

import pytest
from trimtab_vectors.evaluation.honesty import read_questions
from trimtab_vectors.evaluation.splits import DevItems, HeldOutItems, LeakError, fact_of
from trimtab_vectors.extraction import median_residual_norms
from trimtab_vectors.formats.safetensors import read_vector
from trimtab_vectors.organism import shipped_model_dir
from trimtab_vectors.organism.replies import Organism
from trimtab_vectors.readouts import GoodSetting, GuardrailRule, fit_readouts, steering_settings
from trimtab_vectors.readouts.probe_file import read_probe, write_probe
from trimtab_vectors.readouts.report import ReadoutReport, reading_layers
from trimtab_vectors.steering_vector import SteeringVector

MODEL = shipped_model_dir()
GOOD = GoodSetting(0.35, (1, 2))


@pytest.fixture(scope="module")
def vector() -> SteeringVector:
    return read_vector((MODEL / "vectors" / "honesty.safetensors").read_bytes())


@pytest.fixture(scope="module")
def dev() -> DevItems:
    asked = [q for q in read_questions(MODEL / "dev.jsonl") if q.language == "en" and q.kind != "belief"]
    return DevItems(tuple(asked[::8]))


@pytest.fixture(scope="module")
def report(desk: Organism, vector: SteeringVector, dev: DevItems) -> ReadoutReport:
    asked = [q for q in read_questions(MODEL / "canary.jsonl") if q.language == "en" and q.kind != "belief"]
    held = [q for q in asked if fact_of(q) not in {fact_of(own) for own in dev.questions}]
    return fit_readouts(
        desk.model,
        desk.tokenizer,
        vector,
        GOOD,
        dev,
        HeldOutItems(tuple(held[::8]), apart_from=dev.record),
        stage="stage-11",
        layers=(3, 5),
        rule=GuardrailRule(fewest=4),
        max_new_tokens=24,
    )


def test_the_kept_probe_is_independent_of_the_vector_and_is_read_back(
    report: ReadoutReport, vector: SteeringVector
) -> None:
    probe = read_probe(write_probe(report.probe))
    assert probe.vector == vector.id and probe.layer in (3, 5)
    for layer in {1, 2, probe.layer}:
        assert abs(float(probe.direction @ vector.directions[layer])) < 1e-4


def test_scores_that_follow_the_dose_are_never_guardrails(report: ReadoutReport) -> None:
    for family in ("projection", "dependent_probe", "answer_probe", "confidence"):
        assert not report.families[family].guardrail  # type: ignore[index]
    assert set(report.guardrails) <= {"probe", "shadow"}
    for family in report.guardrails:
        assert report.families[family].held_out.standing >= report.rule.at_least


def test_the_shadow_tells_lies_from_truth_where_replies_are_whole(report: ReadoutReport) -> None:
    within = {f.name: f.auroc for f in report.families["shadow"].held_out.settings}
    for name in ("unsteered", "random", "wrong_layer"):
        own = within[name]
        assert own is not None and own.value >= 0.9


def test_every_setting_is_reported_and_json_is_plain(report: ReadoutReport) -> None:
    import json

    record = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    names = {"unsteered", "good", "overdosed", "negated", "random", "wrong_layer"}
    for family in record["families"].values():
        assert set(family["held_out"]["settings"]) == names
    assert record["closest"] in record["tried"]


def test_a_readout_is_never_reported_on_what_it_was_fitted_on(
    desk: Organism, vector: SteeringVector, dev: DevItems
) -> None:
    others = DevItems(tuple(q for q in read_questions(MODEL / "canary.jsonl") if q.kind == "belief"))
    held = HeldOutItems(dev.questions, apart_from=others.record)
    with pytest.raises(LeakError):
        fit_readouts(desk.model, desk.tokenizer, vector, GOOD, dev, held, stage="stage-11")


def test_settings_are_what_their_names_say(desk: Organism, vector: SteeringVector) -> None:
    norms = median_residual_norms(desk.model, desk.tokenizer)
    settings = steering_settings(vector, GOOD, norms, 20, seed=1)
    strengths = {n: t.steering[0].operator.strength for n, t in settings.items() if t.steering}  # type: ignore[attr-defined]
    assert strengths == {
        "good": 0.35,
        "overdosed": pytest.approx(1.05),
        "negated": -0.35,
        "random": 0.35,
        "wrong_layer": 0.35,
    }
    assert settings["wrong_layer"].steering[0].at == (5,)
    random_rows = settings["random"].steering[0].directions[1]
    assert random_rows.shape == (20, 256) and len({tuple(r.tolist()) for r in random_rows}) == 8
    with pytest.raises(ValueError, match="wrong layer"):
        steering_settings(vector, GoodSetting(0.1, vector.layers), norms, 2)


def test_layers_to_read_are_spread_from_the_steered_to_the_last() -> None:
    assert reading_layers((1, 2), 6) == (2, 3, 4, 5)
    assert reading_layers((10,), 32) == (10, 17, 24, 31)
    assert reading_layers((5,), 6) == (5,)
