"""The one set of verdicts, and how several become one."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final


class Verdict(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    NOT_ENOUGH_DATA = "not enough data"
    ERROR = "error"


#: The most telling first: a part that failed decides, whatever else went wrong.
PRECEDENCE: Final = (Verdict.FAIL, Verdict.ERROR, Verdict.NOT_ENOUGH_DATA, Verdict.PASS)


def combine(verdicts: Iterable[Verdict]) -> Verdict:
    """Fail > error > not enough data > pass. Nothing at all is not enough data: no data is never a pass."""
    given = set(verdicts)
    return next((verdict for verdict in PRECEDENCE if verdict in given), Verdict.NOT_ENOUGH_DATA)
