"""kill -9 of a writer loses nothing that was acknowledged."""

from __future__ import annotations

from pathlib import Path

from trimtab_server.store import blobs

from promises.durability import run_once
from promises.store_world import Acknowledged, activate_new, faults_of, opened, prepare


def test_a_killed_writer_loses_no_acknowledged_write(tmp_path: Path) -> None:
    killed = run_once(1, 3, tmp_path / "data", longest=0.3)
    assert killed.faults == []
    assert killed.writes > 0


def test_a_lost_write_is_found_out(tmp_path: Path) -> None:
    prepare(tmp_path)
    with opened(tmp_path) as store:
        kept = activate_new(store, 2)
        assert faults_of(store, [kept], pending=0) == []
        lost = Acknowledged(3, 3, "0" * 64)
        other = Acknowledged(2, 2, "0" * 64)
        without_vector = Acknowledged(2, 2, kept.snapshot, "0" * 64)
        for told in (lost, other, without_vector):
            assert faults_of(store, [told], pending=0)
        blobs_of_it = next(store.blobs.digests())
        path = blobs.BlobStore(tmp_path / "blobs").path(blobs_of_it)
        path.chmod(0o644)
        path.write_bytes(b"another content")
        assert faults_of(store, [kept], pending=0)
