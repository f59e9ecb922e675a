"""The check of false alarms and delays that `make promises` runs."""

from __future__ import annotations

import json

import pytest
from trimtab_server.sequential import check as checking


def test_the_check_prints_one_json_object_and_keeps_its_limits(capsys: pytest.CaptureFixture[str]) -> None:
    assert checking.main(["--seed", "5", "--streams", "12"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True
    names = {(row["method"], row["distribution"]) for row in report["rows"]}
    assert ("conformal drift", "AR(1)") in names
    assert ("non-inferior outcomes", "margin 10%") in names
    assert all(0 <= row["false_alarms"] <= row["tolerated"] < row["streams"] for row in report["rows"])


def test_the_check_fails_for_a_method_that_alarms_too_often() -> None:
    always = checking.Method(
        "always", "normal", lambda _: lambda *_values: True, lambda rng, _: rng.random((5, 1))
    )
    row = checking._row(always, checking.np.random.default_rng(1), 40)
    assert row.false_alarms == 40
    assert not row.ok
