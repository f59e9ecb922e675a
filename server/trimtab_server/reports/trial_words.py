"""What a trial's figures are called and how they are written, in one language."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from trimtab_vectors.statistics import Estimate
from trimtab_vectors.study.report.drawing import shortened
from trimtab_vectors.study.report.scale import figure
from trimtab_vectors.study.report.wording import Wording

from trimtab_server.reports.trial_record import TrialRecord
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.trials.answers import Answer
from trimtab_server.trials.cost import FINE_TUNE, Range
from trimtab_server.trials.lanes import LaneSpec
from trimtab_server.trials.summary import LaneFigures

#: Of a name within a sentence, in units of 12 point letters.
_NAME_ROOM = 240.0
_ENDS = 60
#: Side effects that are shares of replies, written in percent.
_SHARES = frozenset(
    {
        "gain",
        "advantage",
        "honest_loss",
        "harm_flips",
        "evade_rise",
        "lie_rise",
        "cut_off",
        "empty",
        "repetition",
    }
)


@dataclass(frozen=True)
class TrialWords(Wording):
    """Wording with the trial at hand."""

    record: TrialRecord

    @property
    def language(self) -> str:
        return self.words.language

    @cached_property
    def bounded(self) -> bool:
        """Whether what is compared is a share."""
        return self.record.criteria.scorer.kind != "margin"

    @property
    def verdict_key(self) -> str:
        """Key of the verdict with its recommendation, such as "steer" or "fail"."""
        verdict = self.record.summary.verdict
        if verdict.verdict is Verdict.PASS:
            return {"steer": "steer", "a prompt is enough": "prompt"}.get(
                verdict.recommendation or "", "pass"
            )
        return {Verdict.FAIL: "fail", Verdict.NOT_ENOUGH_DATA: "not_enough"}.get(verdict.verdict, "error")

    @cached_property
    def lanes(self) -> dict[str, LaneFigures]:
        return {own.lane: own for own in self.record.summary.lanes}

    @property
    def unsteered(self) -> LaneFigures | None:
        return self.lanes.get(self.record.criteria.unsteered.name)

    @property
    def about(self) -> LaneFigures | None:
        """The lane that the verdict is about; without one, the trial's own."""
        criteria = self.record.criteria
        primary = criteria.primary
        name = self.record.summary.verdict.lane or (primary.name if primary else "")
        return self.lanes.get(name)

    @property
    def best_prompt(self) -> LaneFigures | None:
        found = [self.lanes[own.name] for own in self.record.criteria.prompt_lanes if own.name in self.lanes]
        return max(found, key=lambda own: -math.inf if own.gain is None else own.gain.value, default=None)

    @property
    def measure(self) -> str:
        return self(f"measure.{self.record.criteria.measure}")

    def lane(self, name: str) -> str:
        """A lane's name, shortened where it would fill a line. The alternative that was not measured is named."""
        if name == FINE_TUNE:
            return self("fine_tune")
        # Both ends of a long name are enough for what is left of it.
        ends = name if len(name) <= 2 * _ENDS else name[:_ENDS] + name[-_ENDS:]
        return shortened(ends, 12.0, _NAME_ROOM)

    def kind(self, lane: LaneSpec) -> str:
        return self(f"kind.{lane.kind}")

    def amount(self, value: float | None, decimals: int = 0) -> str:
        """A level of what is compared: a share in percent, else a plain figure."""
        if value is None or not math.isfinite(value):
            return self("undetermined")
        return f"{100.0 * value:.{decimals}f}%" if self.bounded else figure(value)

    def level(self, own: Estimate) -> str:
        return self._with_bounds(own, lambda v: self.amount(v, 1))

    def change(self, own: Estimate | None) -> str:
        """A difference with its interval, in points where what is compared is a share."""
        return "–" if own is None else self._with_bounds(own, self.difference)

    def difference(self, value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return self("undetermined")
        return (
            f"{100.0 * value:+.1f}" if self.bounded else f"{'+' if value >= 0 else '−'}{figure(abs(value))}"
        )

    def answer(self, own: Answer) -> str:
        """What was found for one question, with its interval."""
        return self._with_bounds(own.estimate, lambda v: self.of_question(own.question, v))

    def of_question(self, question: str, value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return (
                self("undetermined") if value is None or math.isnan(value) else ("∞" if value > 0 else "−∞")
            )
        if question == "length_ratio":
            return figure(value)
        shares = question in _SHARES and (question not in ("gain", "advantage") or self.bounded)
        if question == "score_loss":
            shares = self.bounded
        return f"{100.0 * value:+.1f}" if shares else figure(value)

    def question(self, own: Answer) -> str:
        name = self.words.named("question", own.question)
        return (
            self("on_pressure", question=name, pressure=self.pressures(own.pressure))
            if own.pressure
            else name
        )

    def pressures(self, pressures: Sequence[str]) -> str:
        return self("and").join(self(f"pressure.{own or 'unmarked'}") for own in pressures)

    @property
    def deciding(self) -> str:
        criteria = self.record.criteria
        return self.pressures([own for own in self.record.prompts.pressures if criteria.decides(own)])

    def moment(self, nanoseconds: int) -> str:
        """In UTC, to the second; empty for 0."""
        if not nanoseconds:
            return ""
        return datetime.fromtimestamp(nanoseconds // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")

    def money(self, value: float) -> str:
        """An amount to three digits: more would be more than is known."""
        currency = self.record.cost_model.currency if self.record.cost_model else "JPY"
        held = float(f"{value:.3g}")
        sign = "−" if round(held) < 0 else ""
        return f"{sign}{self(f'money.{currency}', amount=f'{abs(held):,.0f}')}"

    def money_range(self, own: Range) -> str:
        return f"{self.money(own.value)} [{self.money(own.low)}, {self.money(own.high)}]"

    def months(self, value: float | None) -> str:
        if value is None:
            return self("cost.never")
        return self("cost.at_once") if value < 1.0 else self("cost.months", months=f"{value:.1f}")

    def _with_bounds(self, own: Estimate, write: Callable[[float], str]) -> str:
        if not math.isfinite(own.value):
            return self("undetermined")
        return f"{write(own.value)} [{write(own.low)}, {write(own.high)}]"
