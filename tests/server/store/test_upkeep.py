"""What a store needs while a server runs."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from promises.store_world import Store, activate_new, opened, prepare, roll_back_once, server_event
from trimtab_server.store import audit
from trimtab_server.store.audit_heads import HeadFile, HeadKey
from trimtab_server.store.clock import ClockWatch
from trimtab_server.store.reserve import Reserve
from trimtab_server.store.upkeep import Upkeep

SECOND = 1_000_000_000


class Clock:
    """A wall clock that can be set."""

    def __init__(self) -> None:
        self.offset = 0

    def __call__(self) -> int:
        return time.monotonic_ns() + self.offset


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    prepare(tmp_path / "data")
    with opened(tmp_path / "data") as store:
        yield store


def upkeep(store: Store, folder: Path, **options: object) -> Upkeep:
    key, heads = HeadKey.at(folder / "audit.key"), HeadFile(folder / "heads.jsonl")
    return Upkeep(store.database, store.blobs, key, heads, **options)  # type: ignore[arg-type]


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < end, "it did not come about within ten seconds"
        time.sleep(0.01)


def exported(folder: Path) -> list[int]:
    file = HeadFile(folder / "heads.jsonl")
    return [head.sequence for head in file.read()] if file.path.exists() else []


def records(store: Store, action: str) -> list[audit.AuditRecord]:
    with store.database.read() as connection:
        return audit.records(connection, action=action)


def count(store: Store) -> int:
    with store.database.read() as connection:
        return audit.head(connection)[0]


def test_a_head_goes_out_at_the_start_after_each_move_and_at_the_end(store: Store, tmp_path: Path) -> None:
    with upkeep(store, tmp_path):
        eventually(lambda: exported(tmp_path) == [2])
        activate_new(store, 2)
        after = count(store)
        eventually(lambda: exported(tmp_path)[-1] == after)
        roll_back_once(store, 3)
        eventually(lambda: exported(tmp_path)[-1] == after + 1)
        server_event(store, 4)
        time.sleep(0.1)
        assert exported(tmp_path)[-1] == after + 1, "what changes nothing for users can wait"
    assert exported(tmp_path)[-1] == after + 2
    with store.database.read() as connection:
        heads = HeadFile(tmp_path / "heads.jsonl").read()
        assert audit.verify(connection, [head.witness for head in heads]).ok


def test_a_head_goes_out_regularly_when_nothing_happens(store: Store, tmp_path: Path) -> None:
    with upkeep(store, tmp_path, head_seconds=0.5):
        eventually(lambda: len(exported(tmp_path)) >= 2)


def test_a_place_that_cannot_be_written_delays_no_change_and_is_an_error_in_the_log(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key = HeadKey.at(tmp_path / "audit.key")
    with Upkeep(store.database, store.blobs, key, HeadFile(Path("/dev/full"))):
        assert activate_new(store, 2).revision == 2
        eventually(lambda: any(r.message == "audit_head_not_exported" for r in caplog.records))
        assert roll_back_once(store, 3).revision == 3


@pytest.mark.parametrize("jump", [6 * SECOND, -3600 * SECOND])
def test_a_wall_clock_that_is_set_is_in_the_audit(store: Store, tmp_path: Path, jump: int) -> None:
    clock = Clock()
    with upkeep(store, tmp_path, now=clock):
        eventually(lambda: exported(tmp_path) == [2])
        clock.offset += jump
        eventually(lambda: len(records(store, "server.clock_jump")) == 1)
    (record,) = records(store, "server.clock_jump")
    assert abs(int(record.details.split('"nanoseconds":')[1].rstrip("}")) - jump) < SECOND // 100


def test_small_corrections_of_the_clock_are_none(store: Store) -> None:
    wall, monotonic = 0, 0
    watch = ClockWatch(lambda: wall, lambda: monotonic)
    for _ in range(10):
        wall, monotonic = wall + 3 * SECOND, monotonic + SECOND
        assert watch.jump() == 0
    wall += 6 * SECOND
    assert watch.jump() == 6 * SECOND
    assert watch.jump() == 0, "told once"


def test_orphans_are_removed_and_the_blobs_of_vectors_stay(store: Store, tmp_path: Path) -> None:
    activate_new(store, 2)
    (named,) = store.blobs.digests()
    orphan = store.blobs.put(b"nobody's")
    for digest in (named, orphan):
        os.utime(store.blobs.path(digest), (1, 1))
    with upkeep(store, tmp_path):
        eventually(lambda: list(store.blobs.digests()) == [named])


def test_space_is_taken_at_the_start_and_again_after_it_was_given_up(store: Store, tmp_path: Path) -> None:
    store.database.reserve = reserve = Reserve(tmp_path / "reserve", 1 << 16)
    with upkeep(store, tmp_path):
        assert reserve.held
        assert reserve.give_up()
        eventually(lambda: reserve.held)


def test_the_end_waits_for_nothing_and_leaves_no_thread(store: Store, tmp_path: Path) -> None:
    with upkeep(store, tmp_path):
        pass
    assert not any(thread.name == "trimtab-upkeep" for thread in threading.enumerate())
    assert store.database.listeners == []
