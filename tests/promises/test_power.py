"""Simulated power cuts lose nothing that was acknowledged, and would show it if they did."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from trimtab_server.store import blobs, durable

from promises.disk import Disk
from promises.power import memory_folder, run_once


def test_a_power_cut_loses_no_acknowledged_write() -> None:
    with memory_folder() as folder:
        cuts = run_once(1, 60, folder)
    assert cuts.images >= 50
    assert cuts.faults == []


@pytest.mark.parametrize("setting", ["NORMAL", "OFF"])
def test_a_database_that_flushes_less_is_found_out(setting: str) -> None:
    faults = _faults(synchronous=setting)
    assert any("acknowledged" in fault for fault in faults)


@pytest.mark.parametrize("module", [blobs, durable])
def test_a_blob_whose_name_or_content_is_not_flushed_is_found_out(
    monkeypatch: pytest.MonkeyPatch, module: object
) -> None:
    if module is blobs:
        monkeypatch.setattr(blobs, "flush_directory", lambda directory: None)
    else:
        monkeypatch.setattr(blobs, "write_durably", _written_only)
    faults = _faults()
    assert any(fault.split(": ", 1)[1].startswith("blobs:") for fault in faults)


def _faults(**settings: str) -> list[str]:
    with memory_folder() as folder:
        return run_once(2, 40, folder, moves=15, **settings).faults


def _written_only(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    durable.write_all(descriptor, content)
    os.close(descriptor)


def test_the_disk_keeps_what_was_flushed_and_may_lose_each_sector_of_what_was_not(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    path = tmp_path / "file"
    disk.create(path)
    disk.write(path, 0, b"a" * 1024)
    disk.sync(path)
    disk.sync_directory(tmp_path)
    disk.write(path, 0, b"b" * 1024)
    found = set()
    for seed in range(64):
        image = tmp_path.parent / f"{tmp_path.name}-image-{seed}"
        disk.cut(image, random.Random(seed))
        content = (image / "file").read_bytes()
        found.add((content[:1], content[512:513]))
        assert set(content[:512]) <= {content[0]}, "a sector is torn within"
    assert found == {(one, two) for one in (b"a", b"b") for two in (b"a", b"b")}


def test_a_name_that_was_not_flushed_may_be_missing_and_a_moved_file_is_never_in_two_places(
    tmp_path: Path,
) -> None:
    disk = Disk(tmp_path)
    old, new = tmp_path / "old", tmp_path / "new"
    disk.create(old)
    disk.sync_directory(tmp_path)
    disk.move(old, new)
    found = set()
    for seed in range(32):
        image = tmp_path.parent / f"{tmp_path.name}-image-{seed}"
        image.mkdir()
        disk.cut(image, random.Random(seed))
        found.add(tuple(sorted(path.name for path in image.iterdir())))
    assert found == {("old",), ("new",)}
