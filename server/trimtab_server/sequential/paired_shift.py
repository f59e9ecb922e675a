"""Is one arm worse on the same prompts? The exact sign test and the mSPRT as one test."""

from __future__ import annotations

import math
from typing import Any, Final

from trimtab_server.sequential.betting import Side
from trimtab_server.sequential.finite import chance
from trimtab_server.sequential.msprt import PairedMsprt
from trimtab_server.sequential.sign import SignTest

#: Enough to catch an obvious harm before the mSPRT's first look, at the price of two pairs later.
SIGN_WEIGHT: Final = 0.2


class PairedShift:
    """A weighted mean of the e-values of `SignTest` and `PairedMsprt`: an e-value again, whatever their dependence
    (Vovk & Wang 2021, "E-values: calibration, combination and applications", Ann. Stat. 49:1736, section 3).

    Before the mSPRT's first look its e-value counts as 0, so that only the exact test can alarm.

    Can tell: a shift of the paired differences beyond `null`, from the first pair if the sign is clear. Cannot
    tell: which of mean and median moved.
    """

    def __init__(self, alpha: float, side: Side = "above", null: float = 0.0) -> None:
        self.alpha = chance("alpha", alpha)
        self.alarmed = False
        self._sign = SignTest(alpha, side, null)
        self._msprt = PairedMsprt(alpha, side, null)

    def update(self, difference: float) -> bool:
        """Takes candidate minus stable; whether the alarm stands.

        Raises:
            NonFinite: NaN or an infinity.
        """
        self._sign.update(difference)
        self._msprt.update(difference)
        self.alarmed = self.alarmed or self.evidence >= self.bar
        return self.alarmed

    @property
    def count(self) -> int:
        return self._sign.count

    @property
    def evidence(self) -> float:
        """Natural logarithm of the e-value."""
        looking = self._msprt.count >= self._msprt.means.first_look
        sign = self._sign.evidence + math.log(SIGN_WEIGHT)
        if not looking:
            return sign
        mean = self._msprt.evidence + math.log(1.0 - SIGN_WEIGHT)
        return max(sign, mean) + math.log1p(math.exp(-abs(sign - mean)))

    @property
    def bar(self) -> float:
        return -math.log(self.alpha)

    def state(self) -> dict[str, Any]:
        return {
            "alpha": self.alpha,
            "alarmed": self.alarmed,
            "sign": self._sign.state(),
            "msprt": self._msprt.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> PairedShift:
        own = cls(state["alpha"])
        own.alarmed = state["alarmed"]
        own._sign = SignTest.from_state(state["sign"])
        own._msprt = PairedMsprt.from_state(state["msprt"])
        return own
