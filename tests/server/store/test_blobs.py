"""Blobs are complete or absent, whatever fails and whenever."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trimtab_server.store.blobs import BlobDamaged, BlobStore
from trimtab_server.store.canonical_json import sha256_hex
from trimtab_server.store.failure import StorageFailure

CONTENT = b"direction" * 1000
CALLS = ("open", "write", "fsync", "replace")


class SystemCalls:
    """Records the store's system calls in order, and fails the n-th."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fail_at: int = -1) -> None:
        self.made: list[str] = []
        self._fail_at = fail_at
        for name in CALLS:
            monkeypatch.setattr(os, name, self._counted(name, getattr(os, name)))

    def _counted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            what = name
            if name == "open":
                what = "open directory" if Path(args[0]).is_dir() else "open file"
            elif name == "fsync":
                what = "fsync directory" if Path(f"/proc/self/fd/{args[0]}").is_dir() else "fsync file"
            if len(self.made) == self._fail_at:
                self.made.append(f"failed {what}")
                raise OSError(28, "No space left on device")
            self.made.append(what)
            return real(*args, **kwargs)

        return call


def test_a_blob_is_flushed_before_it_is_named_and_its_directory_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = BlobStore(tmp_path)
    with monkeypatch.context() as patch:
        calls = SystemCalls(patch)
        store.put(CONTENT)
    made = [name for name in calls.made if not name.startswith("open")]
    # The last directory is the one that the new prefix directory was made in.
    assert made == ["write", "fsync file", "replace", "fsync directory", "fsync directory"]


def test_what_is_held_already_is_flushed_again_before_anybody_relies_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = BlobStore(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(StorageFailure):
        SystemCalls(patch, 5)  # the directory, after the blob has its name
        store.put(CONTENT)
    with monkeypatch.context() as patch:
        calls = SystemCalls(patch)
        store.put(CONTENT)
    made = [name for name in calls.made if not name.startswith("open")]
    assert made == ["fsync directory", "fsync directory"]


@pytest.mark.parametrize("failing", range(9))
def test_whatever_call_fails_the_blob_is_whole_or_absent_and_can_be_put_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    store = BlobStore(tmp_path)
    with monkeypatch.context() as patch:
        calls = SystemCalls(patch, failing)
        try:
            store.put(CONTENT)
        except StorageFailure as failure:
            assert failure.reason == "STORE_FULL"
            assert calls.made[failing].startswith("failed")
        else:
            assert len(calls.made) <= failing, "a failed call was swallowed"
    path = store.path(sha256_hex(CONTENT))
    assert not path.exists() or path.read_bytes() == CONTENT
    assert store.get(store.put(CONTENT)) == CONTENT
    assert store.remove_leftovers() == 0


def test_what_a_kill_leaves_behind_is_removed_and_blobs_stay(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    digest = store.put(CONTENT)
    (store.path(digest).parent / ".tmp-0123").write_bytes(b"half")
    assert store.remove_leftovers() == 1
    assert store.get(digest) == CONTENT


def test_putting_twice_keeps_one_file_that_cannot_be_written(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    digest = store.put(CONTENT)
    assert store.put(CONTENT) == digest == sha256_hex(CONTENT)
    assert [file.name for file in store.path(digest).parent.iterdir()] == [digest]
    assert store.path(digest).stat().st_mode & 0o777 == 0o444


def test_a_changed_or_missing_blob_is_noticed_and_repaired_by_the_next_put(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    digest = store.put(CONTENT)
    store.path(digest).chmod(0o644)
    store.path(digest).write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(BlobDamaged, match="changed"):
        store.get(digest)
    store.put(CONTENT)
    assert store.get(digest) == CONTENT
    store.delete(digest)
    with pytest.raises(BlobDamaged, match="missing"):
        store.get(digest)


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "a" * 63, "A" * 64, "a" * 63 + "/", "/" * 64])
def test_only_digests_become_paths(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        BlobStore(tmp_path).path(name)


def test_only_old_blobs_that_nobody_names_are_collected(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    named, old, young = (store.put(content) for content in (b"named", b"old", b"young"))
    now = store.path(young).stat().st_mtime
    for digest in (named, old):
        os.utime(store.path(digest), (now - 90_000, now - 90_000))
    assert store.collect_orphans({named}.__contains__, now) == [old]
    assert sorted(store.digests()) == sorted([named, young])


def test_an_orphan_that_is_put_again_is_young_again(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    digest = store.put(CONTENT)
    now = store.path(digest).stat().st_mtime
    os.utime(store.path(digest), (now - 90_000, now - 90_000))
    store.put(CONTENT)
    assert store.collect_orphans(lambda _: False, now) == []
