"""With the disk full everything is refused but the way back."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from trimtab_server.store.failure import StorageFailure
from trimtab_server.store.reserve import Reserve

from promises.disk import Disk
from promises.durability import environment
from promises.full_disk import ROLLBACKS
from promises.recorder import Failing, Recorder
from promises.store_world import activate_new, faults_of, opened, prepare, roll_back_once

#: A file system of 8 MiB that only this process and its children see.
ON_A_SMALL_DISK = 'mount -t tmpfs -o size=8m small "$1" && exec "$2" -m promises.full_disk "$1"/data'


def small_disk(mount_point: Path) -> subprocess.CompletedProcess[str]:
    shell = ["sh", "-c", ON_A_SMALL_DISK, "sh", str(mount_point), sys.executable]
    command = ["unshare", "--user", "--map-root-user", "--mount", *shell]
    return subprocess.run(command, capture_output=True, text=True, env=environment())


def may_mount() -> bool:
    """Some containers forbid user namespaces; the simulated disk below is then all there is."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "true"]
    return (
        shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0
    )


@pytest.mark.skipif(not may_mount(), reason="this machine lets nobody mount a small file system")
def test_on_a_full_disk_rollbacks_go_on_and_everything_else_is_refused(tmp_path: Path) -> None:
    ran = small_disk(tmp_path)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told.pop("free_when_full") == 0
    assert told == {
        "held": True,
        "refused": "STORE_FULL",
        "still_held": True,
        "rolled_back": ROLLBACKS,
        "given_up": True,
        "refused_again": "STORE_FULL",
        "faults": [],
        "held_again": True,
        "activated_again": True,
    }


class FullWhileHeld(Failing):
    """Every write fails for want of space while the reserve is there: a quota, which statvfs does not show."""

    def __init__(self, reserve: Reserve) -> None:
        super().__init__(number=errno.ENOSPC)
        self._reserve = reserve
        self.armed = False

    def fails(self, what: str) -> bool:
        hit = self.armed and self._reserve.held and what.startswith("write")
        self.failed += [what] if hit else []
        return hit


def test_a_rollback_that_meets_a_quota_takes_the_reserve_and_is_tried_again(tmp_path: Path) -> None:
    prepare(tmp_path)
    reserve = Reserve(tmp_path / "reserve", 1 << 20)
    failing = FullWhileHeld(reserve)
    recorder = Recorder(Disk(tmp_path), failing)
    with recorder.system_calls(), opened(tmp_path, driver=recorder.driver) as store:
        store.database.reserve = reserve
        assert reserve.hold()
        first = activate_new(store, 2)
        failing.armed = True
        with pytest.raises(StorageFailure, match="free some space"):
            activate_new(store, 3)
        assert reserve.held, "an ordinary write took what is kept for rollbacks"
        back = roll_back_once(store, 4, unsteered=True)
        assert failing.failed and not reserve.held
        assert faults_of(store, [first, back], pending=0) == []
    recorder.close()
