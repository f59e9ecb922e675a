"""The error catalogue."""

from __future__ import annotations

import re
from string import Formatter

import pytest
from google.rpc import error_details_pb2
from trimtab_server.api.errors import CATALOGUE, refusal_from, status_of
from trimtab_server.engine.errors import QueueFull, StageLoading
from trimtab_server.store.blobs import BlobDamaged
from trimtab_server.store.refusal import Refusal
from trimtab_vectors.steering_vector import VectorError


def variables(reason: str) -> dict[str, str]:
    names = [name for _, name, _, _ in Formatter().parse(CATALOGUE[reason].sentence) if name]
    return {name: f"<{name}>" for name in names}


@pytest.mark.parametrize("reason", CATALOGUE)
def test_every_variable_of_the_sentence_is_in_the_metadata(reason: str) -> None:
    assert re.fullmatch(r"[A-Z][A-Z_]{1,61}[A-Z]", reason)
    facts = variables(reason)
    status = status_of(Refusal(reason, **facts))
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    assert dict(info.metadata) == facts
    assert all(value in status.message for value in facts.values())


def test_a_status_stays_small_whatever_was_sent() -> None:
    status = status_of(Refusal("SNAPSHOT_NOT_FOUND", snapshot="x" * 100_000))
    assert len(status.SerializeToString()) < 4_000


def test_errors_of_other_parts_become_refusals_with_their_figures() -> None:
    full = refusal_from(QueueFull("full: try again in 2.5 s", retry_after_seconds=2.5, queued_requests=9))
    assert full is not None
    assert (full.reason, full.retry_after_seconds) == ("QUEUE_FULL", 2.5)
    assert full.metadata["queued_requests"] == "9"
    loading = refusal_from(StageLoading("not yet", stage="stage-01"))
    assert loading is not None
    assert loading.retry_after_seconds is not None
    shape = refusal_from(VectorError("VECTOR_SHAPE", "absurd", shape="[1]"))
    assert shape is not None
    assert status_of(shape).message == "absurd"
    damaged = refusal_from(BlobDamaged("ab", "missing"))
    assert damaged is not None
    assert "backup" in status_of(damaged).message


def test_errors_nobody_foresaw_are_no_refusals() -> None:
    assert refusal_from(KeyError("x")) is None
    assert refusal_from(OSError(28, "No space left on device")) is None
