"""Processes of our own: they find the modules of these tests wherever they are started from."""

from __future__ import annotations

import os
from pathlib import Path

_TESTS = Path(__file__).resolve().parents[1]


def environment(**more: str) -> dict[str, str]:
    """This process's environment, with the folders of these tests on the path of Python's modules."""
    given = os.environ.get("PYTHONPATH", "")
    folders = [str(_TESTS), str(_TESTS / "e2e"), *([given] if given else [])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders), **more}
