"""kill -9 of the whole server in the middle of activations: nothing acknowledged is lost."""

from __future__ import annotations

from pathlib import Path

from promises.killed_server import ServerKills

#: A few here; `make promises` kills twenty, and two hundred for a release.
CYCLES = 4


def test_no_acknowledged_activation_and_no_vector_is_lost(tmp_path: Path) -> None:
    kills = ServerKills(tmp_path / "data", seed=20).run(CYCLES)
    assert kills.faults == []
    assert kills.writes > CYCLES
