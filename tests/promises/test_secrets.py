"""Prompts, sessions and secrets are in nothing that a server writes or sends; and they would be found if they were."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from promises import secrets


@pytest.mark.parametrize("before", [b"", b"x", b"xy", b"xyz and more"])
def test_a_canary_is_found_in_every_spelling(before: bytes) -> None:
    [(place, text)] = list(secrets.canaries(5).items())[:1]
    for written in (
        text.encode(),
        text.upper().encode(),
        text.encode().hex().encode(),
        text.encode("utf-16-le"),
        base64.b64encode(before + text.encode() + b"."),
    ):
        assert secrets.hits({place: text}, {"file": b"..." + written + b"..."}) == [f"{place} in file"]
    assert secrets.hits({place: text}, {"file": text[:-3].encode()}) == []


def test_no_canary_gets_into_logs_store_metrics_or_traces(tmp_path: Path) -> None:
    calls, places, found, blind = secrets.measure(tmp_path, seed=6)
    assert (found, blind) == ([], [])
    assert calls > 30 and places > 8
