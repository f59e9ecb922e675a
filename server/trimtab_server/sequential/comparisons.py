"""Candidate minus stable, in three forms: mean over pairs, means of two samples, yes/no outcomes of pairs.

Each answers one question, `evidence_against(null, side)`: how strongly do the values so far speak against "the
difference is at most `null`" (side above) or "at least `null`" (side below)? Harm, non-inferiority and intervals
are that question at different nulls.
"""

from __future__ import annotations

import math
from typing import Any, Final, Protocol

from trimtab_server.sequential.betting import Side
from trimtab_server.sequential.finite import log_mean_exp
from trimtab_server.sequential.mixture import FIRST_LOOK, TAU, last_excluded, log_half_normal
from trimtab_server.sequential.moments import Moments

#: From small losses among many changed answers to losses only; with the bold last one half a hundred equal
#: outcomes show non-inferiority.
OUTCOME_STAKES: Final = (0.1, 0.25, 0.5, 0.75, 0.95)


class Comparison(Protocol):
    @property
    def count(self) -> int:
        """Values that count towards a first look: pairs, or replies of the smaller arm."""

    @property
    def estimate(self) -> float | None:
        """The difference so far."""

    def evidence_against(self, null: float, side: Side) -> float:
        """Natural logarithm of the e-value; 0 before the first look."""

    def bound(self, alpha: float, side: Side) -> float:
        """The nulls on this side of the estimate are excluded from here on: with side above, a lower bound of the
        difference that is wrong at any time with chance at most alpha. Infinite before the first look."""

    def state(self) -> dict[str, Any]: ...


class PairedMeans:
    """Mean of paired differences, by the paired mSPRT.

    With differences d of standard deviation s, `S = sum (d - null) / s` and the half-normal mixture of
    `exp(t S - t^2 n / 2)`, tau = 0.5; nothing before `first_look` pairs. mSPRT: Johari, Koomen, Pekelis & Walsh
    2022, "Always valid inference" (Operations Research 70:1806), with the spread estimated. s is at least
    `|mean - null|`, so that a run of equal differences is no infinite evidence.

    Can tell: a shift of the mean. Two equal arms give differences symmetric about 0, for which the level holds
    from 30 on, heavy tails or not. Cannot tell: anything exact for skewed differences, for which it holds only as
    n grows (measured in `check`).
    """

    def __init__(self, first_look: int = FIRST_LOOK) -> None:
        self.first_look = first_look
        self._moments = Moments()

    def update(self, difference: float) -> None:
        self._moments.update(difference)

    @property
    def count(self) -> int:
        return self._moments.count

    @property
    def estimate(self) -> float | None:
        return self._moments.mean if self.count else None

    def evidence_against(self, null: float, side: Side) -> float:
        if self.count < self.first_look:
            return 0.0
        n, shift = self.count, self._moments.mean - null
        spread = max(self._moments.sd, abs(shift))
        total = n * shift / spread if spread else 0.0
        return log_half_normal(total if side == "above" else -total, n, TAU)

    def bound(self, alpha: float, side: Side) -> float:
        away = -1.0 if side == "above" else 1.0
        if self.count < self.first_look:
            return away * math.inf
        mean, sd = self._moments.mean, self._moments.sd
        reach = max(sd, abs(mean), 1e-12)
        outside = mean + away * 1e6 * reach
        found = last_excluded(lambda null: self.evidence_against(null, side), -math.log(alpha), mean, outside)
        return found if found != outside else away * math.inf

    def state(self) -> dict[str, Any]:
        return {"first_look": self.first_look, "moments": self._moments.state()}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> PairedMeans:
        own = cls(state["first_look"])
        own._moments = Moments.from_state(state["moments"])
        return own


class TwoSampleMeans:
    """Difference of the means of two samples (candidate minus stable), by the two-sample mSPRT.

    `Z = (difference - null) / se`, se^2 the larger of Welch's `s^2 / n + t^2 / m` and the pooled
    `s_pooled^2 (1 / n + 1 / m)`; information `1 / (1/n + 1/m)`, `S = Z sqrt(information)`, then as `PairedMeans`.
    Nothing before `first_look` values in each arm. With Welch's error alone a small arm of skewed values has its
    spread underestimated just when its mean is low, and alarms at six times the level; the pooled one comes from
    the large arm.

    Can tell: a shift of the mean, whatever each arm's spread. Cannot tell: as quickly as pairs (35 replies of the
    candidate for half a standard deviation, and ten times as many in all at weight 10); nor exactly for skewed
    values while an arm is small.
    """

    def __init__(self, first_look: int = FIRST_LOOK) -> None:
        self.first_look = first_look
        self._stable = Moments()
        self._candidate = Moments()

    def update(self, value: float, *, candidate: bool) -> None:
        (self._candidate if candidate else self._stable).update(value)

    @property
    def count(self) -> int:
        return min(self._stable.count, self._candidate.count)

    @property
    def estimate(self) -> float | None:
        return self._candidate.mean - self._stable.mean if self.count else None

    def evidence_against(self, null: float, side: Side) -> float:
        if self.count < max(2, self.first_look):
            return 0.0
        n, m = self._candidate.count, self._stable.count
        shift = self._candidate.mean - self._stable.mean - null
        information = n * m / (n + m)
        welch = self._candidate.sd**2 / n + self._stable.sd**2 / m
        pooled = (self._candidate.squares + self._stable.squares) / (n + m - 2) / information
        spread = max(math.sqrt(max(welch, pooled)), abs(shift) / math.sqrt(information))
        total = math.sqrt(information) * shift / spread if spread else 0.0
        return log_half_normal(total if side == "above" else -total, information, TAU)

    def bound(self, alpha: float, side: Side) -> float:
        away = -1.0 if side == "above" else 1.0
        if self.count < max(2, self.first_look):
            return away * math.inf
        middle = self._candidate.mean - self._stable.mean
        reach = max(self._candidate.sd, self._stable.sd, abs(middle), 1e-12)
        outside = middle + away * 1e6 * reach
        found = last_excluded(
            lambda null: self.evidence_against(null, side), -math.log(alpha), middle, outside
        )
        return found if found != outside else away * math.inf

    def state(self) -> dict[str, Any]:
        return {
            "first_look": self.first_look,
            "stable": self._stable.state(),
            "candidate": self._candidate.state(),
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> TwoSampleMeans:
        own = cls(state["first_look"])
        own._stable = Moments.from_state(state["stable"])
        own._candidate = Moments.from_state(state["candidate"])
        return own


class PairedOutcomes:
    """Difference of two rates measured on the same questions (canaries): exact at any n.

    Each pair gives d = -1, 0 or 1. Against "mean d <= null" a stake c multiplies its wealth by
    `1 + c ((1 + d) / (1 + null) - 1)`; evidence is the mean over `OUTCOME_STAKES` (`BettingMean` on d + 1). For
    null 0 only questions whose outcome differs count, and this is a sequential McNemar test. The wealth depends on
    three counts alone.

    Can tell: a loss or a non-inferiority of the rate, without any approximation, from the first question. Cannot
    tell: what a question bank does not ask; questions that are near-copies of each other count more than they
    should.
    """

    def __init__(self) -> None:
        self.gained = 0
        self.lost = 0
        self.same = 0

    def update(self, stable: bool, candidate: bool) -> None:
        self.gained += candidate and not stable
        self.lost += stable and not candidate
        self.same += candidate == stable

    @property
    def count(self) -> int:
        return self.gained + self.lost + self.same

    @property
    def discordance(self) -> float | None:
        """Share of questions whose outcome differs between the arms."""
        return (self.gained + self.lost) / self.count if self.count else None

    @property
    def estimate(self) -> float | None:
        return (self.gained - self.lost) / self.count if self.count else None

    def evidence_against(self, null: float, side: Side) -> float:
        if side == "below":
            null, up, down = -null, self.lost, self.gained
        else:
            up, down = self.gained, self.lost
        if null <= -1.0:  # refuted by any pair that lost nothing
            return math.inf if up + self.same else 0.0
        return log_mean_exp([_log_wealth(stake, null, up, self.same, down) for stake in OUTCOME_STAKES])

    def bound(self, alpha: float, side: Side) -> float:
        away = -1.0 if side == "above" else 1.0
        if not self.count:
            return away
        return last_excluded(
            lambda null: self.evidence_against(null, side), -math.log(alpha), self.estimate or 0.0, away
        )

    def state(self) -> dict[str, Any]:
        return {"gained": self.gained, "lost": self.lost, "same": self.same}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> PairedOutcomes:
        own = cls()
        own.gained, own.lost, own.same = state["gained"], state["lost"], state["same"]
        return own


def _log_wealth(stake: float, null: float, up: int, same: int, down: int) -> float:
    return (
        up * math.log1p(stake * (2.0 / (1.0 + null) - 1.0))
        + same * math.log1p(stake * (1.0 / (1.0 + null) - 1.0))
        + down * math.log1p(-stake)
    )
