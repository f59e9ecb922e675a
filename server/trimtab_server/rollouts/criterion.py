"""One guardrail or monitor at work: values in, a finding out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from trimtab_server.rollouts.findings import Finding
from trimtab_server.rollouts.measures import (
    Value,
    add,
    feed,
    fixed_size,
    make_statistic,
    make_sums,
    restore_statistic,
    restore_sums,
    worse_side,
)
from trimtab_server.rollouts.plan import AnalysisPlan, Guardrail
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.rollouts.wording import sentence
from trimtab_server.sequential import (
    Batches,
    ConfidenceSequence,
    NonInferiority,
    PairedOutcomes,
    fixed_size_p,
)
from trimtab_server.sequential.finite import finite

#: Of the interval that is shown beside a difference.
_SHOWN_ALPHA: Final = 0.05


class Criterion:
    """Counts alarms: the `fail_at`-th fails. After an earlier one the evidence starts anew; margin and interval
    are always of all values. Non-inferiority once shown stays shown: the chance that it ever is, for a candidate
    that is worse by the margin, is what the plan bounds."""

    def __init__(
        self, plan: AnalysisPlan, guardrail: Guardrail, reference: Sequence[float] | None, *, acts: bool
    ) -> None:
        self.guardrail = guardrail
        self.acts = acts
        self.alarms = 0
        self.count = 0
        self._shown = False
        self._plan = plan
        self._reference = reference
        self._size = fixed_size(guardrail, plan.canary)
        self._statistic = self._fresh()
        self._sums = make_sums(guardrail)
        # A conformal rank is batched together with its reference, in the detector.
        size = 1 if guardrail.test == "drift" else guardrail.batch
        self._stable, self._candidate = Batches(size), Batches(size)
        self._total = 0.0
        self._last_interval: tuple[float | None, float | None] | None = None

    @property
    def failed(self) -> bool:
        return self.alarms >= self.guardrail.fail_at

    @property
    def _full(self) -> bool:
        """Enough values, or all of the one test of fixed size."""
        ends = [end for end in (self.guardrail.max_replies, self._size) if end is not None]
        return bool(ends) and self.count >= min(ends)

    def update(self, value: Value) -> bool:
        """Takes one value; whether the criterion fails with it.

        Raises:
            NonFinite: a value is NaN or infinite. ValueError: the test cannot take it. Nothing is counted.
        """
        if self.failed or self._full:
            return False
        for own in (value.stable, value.candidate):
            if own is not None:
                finite(self.guardrail.signal, own)
        whole = self._batched(value)
        if whole is None:
            return False
        alarmed = feed(self._statistic, whole)
        # Replies of the candidate count, or pairs; those of stable alone only serve the comparison.
        self.count += whole.candidate is not None
        self._total += whole.candidate or 0.0
        if self._sums is not None:
            add(self._sums, whole)
            self._last_interval = None
            self._shown = self._shown or self._shows()
        if alarmed:
            self.alarms += 1
            if not self.failed:
                self._statistic = self._fresh()
        return self.failed

    def finding(self, *, ask_margin: bool) -> Finding:
        """How it stands. `ask_margin`: a comparison with a margin passes only once non-inferiority is shown."""
        low, high = self._interval()
        non_inferior = self._shown if self.guardrail.margin is not None else None
        estimate = self._estimate()
        # No data is never a pass, so the least is 1.
        needed = max(1, self.guardrail.min_replies, self._size or 0)
        if self.failed:
            verdict = Verdict.FAIL
        elif self.count < needed or (ask_margin and non_inferior is False):
            verdict = Verdict.NOT_ENOUGH_DATA
        else:
            verdict = Verdict.PASS
        return Finding(
            name=self.guardrail.name,
            verdict=verdict,
            acts=self.acts,
            count=self.count,
            text=sentence(self.guardrail, verdict, self.count, estimate, low, high, non_inferior),
            evidence=self._statistic.evidence,
            bar=self._statistic.bar,
            estimate=estimate,
            low=low,
            high=high,
            non_inferior=non_inferior,
        )

    def state(self) -> dict[str, Any]:
        return {
            "alarms": self.alarms,
            "count": self.count,
            "shown": self._shown,
            "total": self._total,
            "statistic": self._statistic.state(),
            "sums": self._sums.state() if self._sums is not None else {},
            "stable": self._stable.state(),
            "candidate": self._candidate.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes over what `state` of an equal criterion gave."""
        self.alarms, self.count, self._total = state["alarms"], state["count"], state["total"]
        self._shown = state["shown"]
        self._statistic = restore_statistic(self.guardrail, self._plan.canary, state["statistic"])
        self._sums = restore_sums(self.guardrail, state["sums"])
        self._stable = Batches.from_state(state["stable"])
        self._candidate = Batches.from_state(state["candidate"])

    def _fresh(self) -> Any:
        return make_statistic(
            self.guardrail, self._plan.alpha(self.guardrail), self._plan.canary, self._reference
        )

    def _batched(self, value: Value) -> Value | None:
        """The value, or the mean of the batch that it completes."""
        if self._stable.size == 1:
            return value
        stable = None if value.stable is None else self._stable.update(value.stable)
        candidate = None if value.candidate is None else self._candidate.update(value.candidate)
        return (
            None if stable is None and candidate is None else Value(stable, candidate, value.share, value.key)
        )

    def _estimate(self) -> float | None:
        if self._sums is not None:
            return self._sums.estimate
        return self._total / self.count if self.count else None

    def _interval(self) -> tuple[float | None, float | None]:
        if self._sums is None or not self.count:
            return None, None
        # Many looks come without a new value, and the bounds are searched for.
        if self._last_interval is None:
            interval = ConfidenceSequence(self._sums, _SHOWN_ALPHA)
            low, high = interval.low, interval.high
            self._last_interval = low if math.isfinite(low) else None, high if math.isfinite(high) else None
        return self._last_interval

    def _shows(self) -> bool:
        """Whether non-inferiority is shown by the values so far."""
        margin = self.guardrail.margin
        if margin is None or self._sums is None:
            return False
        alpha, side = self._plan.wrong_promotion, worse_side(self.guardrail)
        if self._size is None or not isinstance(self._sums, PairedOutcomes):
            return NonInferiority(self._sums, margin, alpha, side).shown
        if self.count < self._size:
            return False
        null = -margin if side == "below" else margin
        return fixed_size_p(self._sums, null, "above" if side == "below" else "below") <= alpha
