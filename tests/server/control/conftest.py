"""Rollouts as the store would hand them out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from trimtab_server.store.rollouts import RUNNING, RolloutRecord

Make = Callable[..., RolloutRecord]


@pytest.fixture
def secret() -> str:
    return "5a" * 32


@pytest.fixture
def record(secret: str) -> Make:
    """Makes a running rollout at 10 percent, but for what is said."""
    return lambda **values: _record(**{"secret": secret} | values)


def _record(**values: Any) -> RolloutRecord:
    facts: dict[str, Any] = {
        "id": "a1b2c3d4e5f6",
        "deployment": "default",
        "stable_revision": 1,
        "stable_snapshot": "5" * 64,
        "candidate_snapshot": "c" * 64,
        "plan": "{}",
        "plan_hash": "0" * 64,
        "created_by": "tokens/test",
        "create_time": 1,
        "state": RUNNING,
        "weight": 10,
    }
    return RolloutRecord(**facts | values)
