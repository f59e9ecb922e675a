"""VectorService: hostile files, identity, export, deletion, extraction."""

from __future__ import annotations

import json
import struct
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
import torch
from trimtab_protos.v1 import audit_pb2, model_pb2, snapshot_pb2, vector_pb2
from trimtab_vectors.formats.safetensors import read_vector, write_vector
from trimtab_vectors.organism import shipped_model_dir
from trimtab_vectors.steering_vector import FIGURES, ModelFingerprint

from .conftest import Failure, Stubs, chat_request, make_vector, refused, steering


def upload(client: Stubs, content: bytes, **fields: Any) -> vector_pb2.Vector:
    return client.vector.ImportVector(vector_pb2.ImportVectorRequest(content=content, **fields))


def safetensors(header: dict[str, Any] | bytes, payload: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + payload


def with_floats(content: bytes, value: float) -> bytes:
    """The same file with its last component changed."""
    return content[:-4] + struct.pack("<f", value)


def with_shape(content: bytes, shape: list[int]) -> bytes:
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header["layer.2"]["shape"] = shape
    return safetensors(header, content[8 + length :])


@pytest.fixture(scope="module")
def good(fingerprint: ModelFingerprint) -> bytes:
    return write_vector(make_vector(fingerprint, seed=7))


def test_hostile_files_are_refused_with_their_reason_and_the_server_goes_on(
    client: Stubs, good: bytes
) -> None:
    terabyte = {"layer.0": {"dtype": "F32", "shape": [1 << 38], "data_offsets": [0, 1 << 40]}}
    cases = {
        "nothing": (b"", "VECTOR_CORRUPT"),
        "not a vector": (b"\x80\x04pickle", "VECTOR_CORRUPT"),
        "truncated": (good[: len(good) // 2], "VECTOR_CORRUPT"),
        "truncated by a byte": (good[:-1], "VECTOR_CORRUPT"),
        "header cut off": (good[:20], "VECTOR_CORRUPT"),
        "NaN": (with_floats(good, float("nan")), "VECTOR_NOT_FINITE"),
        "infinity": (with_floats(good, float("inf")), "VECTOR_NOT_FINITE"),
        "another width": (with_shape(good, [8, 32]), "VECTOR_SHAPE"),
        "a shape of a terabyte": (safetensors(terabyte), "VECTOR_SHAPE"),
        "a header of a terabyte": (struct.pack("<Q", 1 << 40) + b"{}", "VECTOR_TOO_LARGE"),
        "no manifest": (
            safetensors({"layer.0": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}, bytes(4)),
            "VECTOR_CORRUPT",
        ),
    }
    found: dict[str, Failure] = {
        name: refused(lambda c=c: upload(client, c)) for name, (c, _) in cases.items()
    }
    assert {name: failure.reason for name, failure in found.items()} == {
        name: reason for name, (_, reason) in cases.items()
    }
    assert {failure.code for failure in found.values()} == {"INVALID_ARGUMENT"}
    assert {failure.fields for failure in found.values()} == {("content",)}
    assert client.model.GetServerInfo(model_pb2.GetServerInfoRequest()).version


def test_a_vector_comes_back_as_it_went_in(client: Stubs, good: bytes) -> None:
    vector = upload(client, good)
    again = upload(client, good, display_name="another name")
    assert again == vector, "content names a vector, not who sent it"
    exported = client.vector.ExportVector(vector_pb2.ExportVectorRequest(name=vector.name))
    assert exported.content == good
    assert exported.file_name == f"v7-{vector.name[8:20]}.safetensors"
    assert vector.name == f"vectors/{read_vector(good).id}"
    assert vector.compatible
    assert list(vector.layers) == [2, 3]


def test_another_models_vector_is_kept_and_its_use_refused_unless_forced(
    client: Stubs, fingerprint: ModelFingerprint
) -> None:
    other = upload(client, write_vector(make_vector(replace(fingerprint, weights="0" * 64), seed=8)))
    assert not other.compatible
    request = snapshot_pb2.CreateSnapshotRequest(steering=steering(other.name))
    failure = refused(lambda: client.snapshot.CreateSnapshot(request))
    assert (failure.code, failure.reason) == ("FAILED_PRECONDITION", "VECTOR_MODEL_MISMATCH")
    assert failure.metadata["vector"] == other.name
    forced = snapshot_pb2.CreateSnapshotRequest(steering=steering(other.name, force=True))
    snapshot = client.snapshot.CreateSnapshot(forced)
    records = client.audit.ListAuditRecords(audit_pb2.ListAuditRecordsRequest(action="snapshot.create"))
    newest = records.audit_records[0]
    assert newest.subject == snapshot.name
    assert json.loads(newest.details)["forced"] == {other.name.removeprefix("vectors/"): "model"}


def test_another_width_cannot_be_forced(client: Stubs, fingerprint: ModelFingerprint) -> None:
    narrow = upload(client, write_vector(make_vector(replace(fingerprint, hidden_size=16), seed=9)))
    request = snapshot_pb2.CreateSnapshotRequest(steering=steering(narrow.name, force=True))
    failure = refused(lambda: client.snapshot.CreateSnapshot(request))
    assert (failure.code, failure.reason) == ("INVALID_ARGUMENT", "VECTOR_SHAPE")


def test_a_vector_in_use_is_kept_and_a_free_one_can_go(
    client: Stubs, fingerprint: ModelFingerprint, vector: vector_pb2.Vector, snapshots: tuple[str, str]
) -> None:
    failure = refused(lambda: client.vector.DeleteVector(vector_pb2.DeleteVectorRequest(name=vector.name)))
    assert (failure.code, failure.reason) == ("FAILED_PRECONDITION", "VECTOR_IN_USE")
    free = upload(client, write_vector(make_vector(fingerprint, seed=10)))
    request = vector_pb2.DeleteVectorRequest(name=free.name, request_id="delete-1")
    client.vector.DeleteVector(request)
    client.vector.DeleteVector(request)
    failure = refused(lambda: client.vector.GetVector(vector_pb2.GetVectorRequest(name=free.name)))
    assert (failure.code, failure.reason) == ("NOT_FOUND", "VECTOR_NOT_FOUND")
    failure = refused(lambda: client.vector.DeleteVector(vector_pb2.DeleteVectorRequest(name=free.name)))
    assert failure.reason == "VECTOR_NOT_FOUND"


def test_vectors_are_listed_in_pages(client: Stubs, fingerprint: ModelFingerprint) -> None:
    names = {
        upload(client, write_vector(make_vector(fingerprint, seed=seed, concept="paging"))).name
        for seed in range(20, 25)
    }
    seen, token = [], ""
    while True:
        request = vector_pb2.ListVectorsRequest(page_size=2, page_token=token, concept="paging")
        page = client.vector.ListVectors(request)
        assert len(page.vectors) <= 2
        seen += [vector.name for vector in page.vectors]
        token = page.next_page_token
        if not token:
            break
    assert len(seen) == len(names)
    assert set(seen) == names


def extraction(**fields: Any) -> vector_pb2.ExtractVectorRequest:
    lines = (shipped_model_dir() / "contrast" / "honesty.jsonl").read_bytes().splitlines(keepends=True)
    return vector_pb2.ExtractVectorRequest(
        **{
            "stage": "models/trimtab-organism/stages/stage-11",
            "concept": "honesty",
            "contrast_set": b"".join(lines[:20]),
            "layers": [3],
        }
        | fields
    )


def test_extraction_reports_progress_and_swapped_labels_turn_the_vector_round(client: Stubs) -> None:
    vectors = []
    for swap in (False, True):
        events = list(client.vector.ExtractVector(extraction(swap_labels=swap, display_name=f"swap {swap}")))
        assert {event.progress.phase for event in events[:-1]} >= {"loading", "directions"}
        vectors.append(events[-1].vector)
    directions = [
        read_vector(
            client.vector.ExportVector(vector_pb2.ExportVectorRequest(name=vector.name)).content
        ).directions[3]
        for vector in vectors
    ]
    assert float(directions[0] @ directions[1]) == pytest.approx(-1.0, abs=1e-5)
    assert vectors[0].data_hash != vectors[1].data_hash
    assert list(vectors[0].layers) == [3]


def test_extraction_takes_a_table_a_method_a_position_and_a_seed(client: Stubs) -> None:
    rows = [f"s{i},Say what is true: {i}?,Say what sells: {i}?,It is {i}." for i in range(10)]
    table = "\n".join(["statement_id,positive,negative,answer", *rows]).encode()
    made = []
    for seed in (3, 3, 4):
        request = extraction(
            contrast_set=table, method="lat", position="answer_mean", seed=seed, concept=f"truth {len(made)}"
        )
        vector = list(client.vector.ExtractVector(request))[-1].vector
        content = client.vector.ExportVector(vector_pb2.ExportVectorRequest(name=vector.name)).content
        made.append(read_vector(content))
    first, same, other = made
    assert (first.method, first.position, first.seed) == ("lat", "answer_mean", 3)
    assert torch.equal(first.directions[3], same.directions[3])
    assert first.data_hash == same.data_hash != other.data_hash, "the seed splits a table without a split"
    for figure in FIGURES:
        held = getattr(other, figure)
        assert list(getattr(vector, figure)) == [held[layer] for layer in vector.layers], figure
    assert not torch.equal(first.directions[3], other.directions[3])
    assert set(first.noise_ceilings) == {3}


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"stage": "models/x/stages/y"}, "STAGE_NOT_FOUND", None),
        ({"method": "magic"}, "FIELD_INVALID", "method"),
        ({"position": "first"}, "FIELD_INVALID", "position"),
        ({"position": "answer_mean"}, "FIELD_INVALID", "contrast_set"),
        ({"concept": " "}, "FIELD_INVALID", "concept"),
        ({"layers": [99]}, "LAYER_OUT_OF_RANGE", "layers"),
        ({"contrast_set": b"{}"}, "FIELD_INVALID", "contrast_set"),
        ({"contrast_set": b"\xff\xfe"}, "FIELD_INVALID", "contrast_set"),
    ],
)
def test_an_extraction_that_cannot_work_is_refused(
    client: Stubs, fields: dict[str, Any], reason: str, field: str | None
) -> None:
    failure = refused(lambda: client.vector.ExtractVector(extraction(**fields)))
    assert failure.reason == reason
    assert failure.fields == ((field,) if field else ())


def test_chat_goes_on_while_a_vector_is_extracted(client: Stubs) -> None:
    lines = (shipped_model_dir() / "contrast" / "honesty.jsonl").read_bytes()
    ended: list[float] = []

    def extract() -> None:
        list(client.vector.ExtractVector(extraction(contrast_set=lines, layers=[], concept="long")))
        ended.append(time.monotonic())

    thread = threading.Thread(target=extract)
    thread.start()
    replies = []
    while not ended:
        assert list(client.chat.Chat(chat_request(max_tokens=4)))[-1].HasField("finished")
        replies.append(time.monotonic())
    thread.join()
    assert sum(at < ended[0] for at in replies) >= 3
