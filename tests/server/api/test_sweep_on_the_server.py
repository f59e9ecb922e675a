"""VectorService: contrast sets before they are used, and what a vector does and is, measured on the server."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import torch
from trimtab_protos.v1 import audit_pb2, model_pb2, vector_pb2
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.jobs.spare_time import JobCancelled, SpareTime
from trimtab_server.jobs.sweep import part_of, plan_of
from trimtab_vectors.evaluation.honesty import read_questions
from trimtab_vectors.evaluation.splits import DevItems
from trimtab_vectors.evaluation.sweep import sweep
from trimtab_vectors.formats.safetensors import read_vector, write_vector
from trimtab_vectors.organism import shipped_model_dir

from .conftest import Stubs, chat_request, make_vector, refused

SHIPPED = shipped_model_dir()
STAGE = "models/trimtab-organism/stages/stage-11"
#: So few that a cell takes a second.
SMALL = {"layers": [vector_pb2.LayerGroup(layers=[2])], "strengths": [0.1, 0.3], "questions_per_kind": 2}


@pytest.fixture(scope="module")
def honesty(client: Stubs) -> vector_pb2.Vector:
    """The shipped honesty vector under a name of its own: a copy with other raw norms, so that what is measured of
    it here is seen by no other test."""
    from dataclasses import replace

    own = read_vector((SHIPPED / "vectors" / "honesty.safetensors").read_bytes())
    norms = {layer: norm * 1.5 for layer, norm in own.raw_norms.items()}
    content = write_vector(replace(own, raw_norms=norms, suggested=None))
    return client.vector.ImportVector(
        vector_pb2.ImportVectorRequest(content=content, display_name="measured here")
    )


def measuring(name: str, **fields: Any) -> vector_pb2.MeasureVectorRequest:
    return vector_pb2.MeasureVectorRequest(name=name, **{**SMALL, **fields})


@pytest.fixture(scope="module")
def events(client: Stubs, honesty: vector_pb2.Vector) -> list[vector_pb2.MeasureVectorResponse]:
    return list(client.vector.MeasureVector(measuring(honesty.name)))


def test_a_measurement_streams_progress_and_is_kept(
    client: Stubs, honesty: vector_pb2.Vector, events: list[vector_pb2.MeasureVectorResponse]
) -> None:
    assert {"loading", "sweep", "card"} <= {event.progress.phase for event in events[:-1]}
    made = events[-1].measurement
    assert (made.vector, made.stage, made.question_count) == (honesty.name, "stage-11", 16)
    assert [tuple(curve.layers) for curve in made.curves] == [(2,)]
    kept = client.vector.GetVectorMeasurement(vector_pb2.GetVectorMeasurementRequest(name=honesty.name))
    assert kept == made
    record = client.audit.ListAuditRecords(audit_pb2.ListAuditRecordsRequest(page_size=1000)).audit_records
    assert any(own.action == "vector.measure" and own.subject == honesty.name for own in record)


def test_the_figures_are_those_of_the_sweep_itself(
    honesty: vector_pb2.Vector, events: list[vector_pb2.MeasureVectorResponse]
) -> None:
    """Against `trimtab_vectors` in this process, on the same questions."""
    model = HostedModel.open(SHIPPED, "cpu")
    own = read_vector((SHIPPED / "vectors" / "honesty.safetensors").read_bytes())
    questions = part_of(read_questions(SHIPPED / "dev.jsonl"), 2)
    with torch.no_grad():
        result = sweep(
            model.load_stage("stage-11"),
            model.tokenizer,
            own,
            DevItems(questions),
            plan_of(own, [(2,)], [0.1, 0.3]),
        )
    made = events[-1].measurement
    assert len(made.curves[0].points) == len(result.curves[0].points) == 2
    for wire, point in zip(made.curves[0].points, result.curves[0].points, strict=True):
        assert wire.strength == point.strength
        assert wire.worst == pytest.approx(point.worst, abs=1e-9)
        assert wire.kl.value == pytest.approx(point.side_effects.kl.value, rel=1e-3)
        assert [gate.verdict for gate in wire.gates] == [gate.verdict for gate in point.gates]
    # Sixteen questions cannot show that a gate holds.
    assert result.recommended is None
    assert not made.HasField("recommended")
    assert made.refusal == vector_pb2.DOSE_REFUSAL_NOTHING_SAFE


def test_the_card_says_what_the_vector_resembles_and_shows_texts_of_its_own_set(
    events: list[vector_pb2.MeasureVectorResponse],
) -> None:
    card = events[-1].measurement.card
    assert {own.concept for own in card.resemblances} == {"length", "refusal", "language", "sentiment"}
    assert all(-1.0 <= own.cosine <= 1.0 for own in card.resemblances)
    assert len(card.raised) and all(own.change > 0 for own in card.raised)
    assert "positive" in {own.origin for own in card.highest}, "the set with the vector's data hash was found"
    assert card.highest[0].projection > card.lowest[0].projection


def test_the_prompts_of_a_trial_can_be_what_it_is_measured_on(client: Stubs, fingerprint: Any) -> None:
    assert client.model.ListModels(model_pb2.ListModelsRequest()).models[0].has_questions
    vector = client.vector.ImportVector(
        vector_pb2.ImportVectorRequest(content=write_vector(make_vector(fingerprint, seed=4712)))
    )
    prompts = (SHIPPED / "trial" / "sample.csv").read_bytes()
    request = measuring(vector.name, questions=prompts, questions_name="sample.csv")
    made = list(client.vector.MeasureVector(request))[-1].measurement
    # Two of each kind, neutral, soft and hard, in each of two languages.
    assert made.question_count == 12
    assert {(own.kind, own.language) for own in made.unsteered} == {
        ("soft_pressure", "en"),
        ("soft_pressure", "ja"),
        ("hard_pressure", "en"),
        ("hard_pressure", "ja"),
    }
    client.vector.DeleteVector(vector_pb2.DeleteVectorRequest(name=vector.name))


def test_a_cancelled_measurement_goes_on_where_it_was(
    client: Stubs, fingerprint: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = write_vector(make_vector(fingerprint, seed=4711))
    vector = client.vector.ImportVector(vector_pb2.ImportVectorRequest(content=content))
    request = measuring(vector.name, strengths=[0.1, 0.2, 0.3])
    stream = client.vector.MeasureVector(request)
    for event in stream:
        if event.progress.phase == "sweep" and event.progress.done == 1:
            break
    stream.cancel()
    nothing = refused(
        lambda: client.vector.GetVectorMeasurement(vector_pb2.GetVectorMeasurementRequest(name=vector.name))
    )
    assert (nothing.code, nothing.reason) == ("NOT_FOUND", "MEASUREMENT_NOT_FOUND")
    again = list(client.vector.MeasureVector(request))
    # A cell that was kept takes no time, so it does not count for the pace.
    first = next(own.progress for own in again if own.progress.phase == "sweep" and own.progress.done == 1)
    assert first.seconds_left == 0.0
    assert len(again[-1].measurement.curves[0].points) == 3
    client.vector.DeleteVector(vector_pb2.DeleteVectorRequest(name=vector.name))


def test_replies_are_made_while_a_vector_is_measured(client: Stubs, honesty: vector_pb2.Vector) -> None:
    stream = client.vector.MeasureVector(
        measuring(honesty.name, strengths=[0.15, 0.25], questions_per_kind=3)
    )
    assert next(iter(stream)).progress.phase == "loading"
    reply = list(client.chat.Chat(chat_request(max_tokens=8)))
    assert reply[-1].WhichOneof("event") == "finished"
    stream.cancel()
    with pytest.raises(grpc.RpcError) as caught:
        list(stream)
    assert caught.value.code() is grpc.StatusCode.CANCELLED


@pytest.mark.parametrize(
    ("fields", "reason", "code"),
    [
        ({"name": "vectors/" + "0" * 64}, "VECTOR_NOT_FOUND", "NOT_FOUND"),
        (
            {"stage": "models/trimtab-organism/stages/stage-03"},
            "VECTOR_STAGE_MISMATCH",
            "FAILED_PRECONDITION",
        ),
        ({"strengths": [0.5, 1.2]}, "FIELD_INVALID", "INVALID_ARGUMENT"),
        ({"strengths": [0.5, 0.2]}, "FIELD_INVALID", "INVALID_ARGUMENT"),
        ({"questions": b"{}"}, "QUESTIONS_INVALID", "INVALID_ARGUMENT"),
        (
            {"questions": b"prompt,gold\nQ?,yes\n", "questions_name": "a.csv"},
            "QUESTIONS_INVALID",
            "INVALID_ARGUMENT",
        ),
        ({"questions_per_kind": -1}, "FIELD_INVALID", "INVALID_ARGUMENT"),
        ({"layers": [vector_pb2.LayerGroup(layers=[77])]}, "MEASUREMENT_IMPOSSIBLE", "FAILED_PRECONDITION"),
        ({"contrast_set": b"statement_id,user\na,b\n"}, "FIELD_INVALID", "INVALID_ARGUMENT"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    client: Stubs, honesty: vector_pb2.Vector, fields: dict[str, Any], reason: str, code: str
) -> None:
    failure = refused(lambda: client.vector.MeasureVector(measuring(**{"name": honesty.name, **fields})))
    assert (failure.reason, failure.code) == (reason, code), failure.message


def test_the_models_own_sets_are_listed_and_can_be_named(client: Stubs) -> None:
    sets = client.vector.ListContrastSets(vector_pb2.ListContrastSetsRequest()).contrast_sets
    files = {path.stem: path for path in (SHIPPED / "contrast").glob("*.jsonl")}
    assert {own.name for own in sets} == set(files)
    for own in sets:
        records = [json.loads(line) for line in files[own.name].read_text("utf-8").splitlines()]
        assert own.pair_count == len(records)
        assert own.dev_count == sum(record["split"] == "dev" for record in records)
        assert sum(own.languages.values()) == len(records)
    named = vector_pb2.ExtractVectorRequest(
        stage=STAGE, concept="language", contrast_set_name="language", layers=[1]
    )
    made = list(client.vector.ExtractVector(named))[-1].vector
    assert made.data_hash == next(own.data_hash for own in sets if own.name == "language")
    unknown = vector_pb2.ReviewContrastSetRequest(contrast_set_name="nothing")
    failure = refused(lambda: client.vector.ReviewContrastSet(unknown))
    assert failure.reason == "CONTRAST_SET_NOT_FOUND"
    assert "honesty" in failure.metadata["known"]


def test_a_file_is_reviewed_as_an_extraction_would_read_it(client: Stubs) -> None:
    rows = [f"s{i},Say what is true: {i}?,Say what sells: {i}?,It is {i}." for i in range(8)]
    rows += ["s8,本当のことを言ってください。,売れることを言ってください。,はい。"]
    table = "\n".join(["statement_id,positive,negative,answer", *rows]).encode()
    own = client.vector.ReviewContrastSet(
        vector_pb2.ReviewContrastSetRequest(content=table, position="answer_mean", seed=3)
    )
    assert (own.pair_count, own.statement_count, own.train_count + own.dev_count) == (9, 9, 9)
    assert dict(own.languages) == {"en": 8, "ja": 1}
    assert list(own.positions) == ["last", "prompt_end", "all_mean", "answer_mean"]
    assert own.pairs[0].positive == "Say what is true: 0?"
    request = vector_pb2.ExtractVectorRequest(
        stage=STAGE, concept="truth", contrast_set=table, position="answer_mean", seed=3, layers=[1]
    )
    assert list(client.vector.ExtractVector(request))[-1].vector.data_hash == own.data_hash


@pytest.mark.parametrize(
    ("content", "position", "line", "says"),
    [
        (b"statement_id,positive,negative\na,x,y\nb,,z\n", "", "3", "the positive side is empty"),
        (b"statement_id,positiv,negative\n", "", "1", "positiv"),
        (b'{"id": "1"}\n', "", "1", "statement_id"),
        (b"statement_id,positive,negative\na,x,y\n", "answer_mean", None, "pair 'row-2', positive side"),
    ],
)
def test_a_review_names_what_is_wrong_and_where(
    client: Stubs, content: bytes, position: str, line: str | None, says: str
) -> None:
    request = vector_pb2.ReviewContrastSetRequest(content=content, position=position)
    failure = refused(lambda: client.vector.ReviewContrastSet(request))
    assert (failure.reason, failure.fields) == ("FIELD_INVALID", ("contrast_set",))
    assert failure.metadata.get("line") == line
    assert says in failure.message


class Pass(torch.nn.Module):
    """As much of a transformers model as waiting needs."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = torch.nn.Embedding(4, 2)

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.embedding


@pytest.fixture
def stage() -> Iterator[Pass]:
    yield Pass()


def test_a_pass_waits_while_somebody_is_answered_but_not_for_ever(stage: Pass) -> None:
    answers = itertools.chain([True, True, True], itertools.repeat(False))
    asked = []

    def busy() -> bool:
        asked.append(next(answers))
        return asked[-1]

    with SpareTime(busy, threading.Event(), patience=60.0).on(stage):
        stage.embedding(torch.tensor([0]))
    assert asked == [True, True, True, False], "it went on as soon as nobody was answered"
    begin = time.monotonic()
    with SpareTime(lambda: True, threading.Event(), patience=0.05).on(stage):
        stage.embedding(torch.tensor([0]))
    assert time.monotonic() - begin >= 0.05
    stage.embedding(torch.tensor([0]))
    assert len(asked) == 4, "outside, nothing waits"


def test_a_cancelled_job_ends_before_its_next_pass(stage: Pass) -> None:
    cancelled = threading.Event()
    with SpareTime(lambda: False, cancelled).on(stage):
        stage.embedding(torch.tensor([0]))
        cancelled.set()
        with pytest.raises(JobCancelled):
            stage.embedding(torch.tensor([0]))


def test_a_part_of_the_questions_is_as_many_of_each_kind_and_language() -> None:
    questions = read_questions(SHIPPED / "dev.jsonl")
    part = part_of(questions, 3)
    counts = {
        stratum: sum((own.kind, own.language) == stratum for own in part)
        for stratum in {(own.kind, own.language) for own in questions}
    }
    assert set(counts.values()) == {3}
    assert part_of(questions, 0) == tuple(questions)
