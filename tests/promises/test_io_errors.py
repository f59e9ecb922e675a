"""A disk that fails is a clean error, and the store is as it was."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from trimtab_server.store import blobs
from trimtab_server.store.failure import StorageFailure

from promises.io_errors import OPERATIONS, Trial, calls_of, fault_of
from promises.power import memory_folder


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with memory_folder() as folder:
        yield folder


@pytest.mark.parametrize("persistent", [False, True], ids=["once", "persistent"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_whichever_call_fails_nothing_is_half_done(
    operation: str, persistent: bool, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    calls = calls_of(operation, folder, old_sqlite=True)
    assert calls > 10
    # A third of the calls, each kind of error in turn; `make promises` tries them all.
    for at in range(1, calls + 1, 3):
        number = (errno.EIO, errno.ENOSPC)[at % 2]
        trial = Trial(operation, at, persistent, number, old_sqlite=at % 4 < 2)
        assert fault_of(trial, folder) == "", str(trial)


def test_an_error_that_is_swallowed_is_found_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(path: Path, content: bytes, mode: int) -> None:
        try:
            real(path, content, mode)
        except OSError:
            path.write_bytes(b"")

    real = blobs.write_durably
    monkeypatch.setattr(blobs, "write_durably", careless)
    calls = calls_of("activate", folder, old_sqlite=True)
    faults = [fault_of(Trial("activate", at, False, errno.EIO, True), folder) for at in range(1, calls + 1)]
    assert any("blob" in fault for fault in faults)


def test_an_error_of_another_kind_is_no_clean_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def raw(error: BaseException | None) -> None:
        return None

    monkeypatch.setattr(StorageFailure, "of_database", raw)
    calls = calls_of("rollback", folder, old_sqlite=True)
    faults = [fault_of(Trial("rollback", at, False, errno.EIO, True), folder) for at in range(1, calls + 1)]
    assert any(fault.startswith("no clean error: OperationalError") for fault in faults)
