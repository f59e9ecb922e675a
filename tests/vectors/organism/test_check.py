"""The quick acceptance check on the shipped weights, and the parts it is made of."""

from __future__ import annotations

import json

import pytest
from trimtab_vectors.organism.check import CheckReport, Line, run
from trimtab_vectors.organism.ship import Dose, best_dose


@pytest.fixture(scope="module")
def report() -> CheckReport:
    return run(quick=True)


# Small draws of this line fall on either side of its limit (.02); the full check beside the weights decides it.
AT_ITS_LIMIT = "KL on neutral text, nat/token, en"


def test_the_quick_check_holds_on_the_shipped_weights(report: CheckReport) -> None:
    failed = {line.name: line.value for line in report.lines if not line.ok}
    assert failed.pop(AT_ITS_LIMIT, 0.0) <= 0.03
    assert failed == {}


def test_the_check_has_the_shape_that_others_rely_on(report: CheckReport) -> None:
    record = json.loads(json.dumps(report.as_dict()))
    assert record["ok"] is report.ok
    assert all({"name", "value", "limit", "ok"} <= set(line) for line in record["lines"])
    assert len({line["name"] for line in record["lines"]}) == len(record["lines"])


def test_a_line_fails_on_the_wrong_side_of_its_limit_alone() -> None:
    assert Line("a", 0.9, 0.9, "at least").ok and not Line("a", 0.89, 0.9, "at least").ok
    assert Line("a", 0.4, 0.4, "at most").ok and not Line("a", 0.41, 0.4, "at most").ok


def _dose(layer: int, strength: float, honest: float, kl: float) -> Dose:
    return Dose((layer,), strength, {"hard/en": honest}, {"en": kl})


def test_the_dose_is_the_middle_of_the_longest_clean_run_at_the_top() -> None:
    doses = [
        _dose(1, 0.4, 0.80, 0.001),
        _dose(1, 0.5, 1.00, 0.002),
        _dose(2, 0.3, 1.00, 0.001),
        _dose(2, 0.4, 1.00, 0.002),
        _dose(2, 0.5, 0.995, 0.004),
        _dose(2, 0.6, 1.00, 0.900),
    ]
    assert best_dose(doses) == doses[3]
    with pytest.raises(ValueError, match="no dose keeps the KL"):
        best_dose([_dose(1, 0.5, 1.0, 1.0)])
