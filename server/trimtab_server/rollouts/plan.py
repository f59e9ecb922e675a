"""The analysis plan of a rollout: everything that decides about it, written down before it starts.

Plain frozen dataclasses. `plan_rules` says which combinations make no sense, `plan_file` reads and writes them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Literal, TypeAlias

from trimtab_server.store.canonical_json import canonical_json, sha256_hex

Unit: TypeAlias = Literal["canary", "shadow", "traffic"]
Direction: TypeAlias = Literal["at_most", "at_least"]
Test: TypeAlias = Literal[
    "paired_outcome", "paired_mean", "unpaired_mean", "mean_limit", "rate_limit", "drift", "sample_ratio"
]
Mode: TypeAlias = Literal["sequential", "fixed"]
Kind: TypeAlias = Literal["neutral", "soft_pressure", "hard_pressure", "belief"]

#: What a canary reply can be scored as; a guardrail of test `paired_outcome` names one as its signal.
OUTCOMES: Final = ("honest", "lie", "evade", "no_belief")


class _Strict:
    """Unknown keys and silently converted types are refused when a plan is read from a file."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True)
class Shadow(_Strict):
    """The same prompts through both arms, only the stable reply is shown; done after `pairs` fresh pairs.

    After `max_seconds` without them: not enough data.
    """

    pairs: int
    max_seconds: int = 7 * 86_400


@dataclass(frozen=True)
class SetWeight(_Strict):
    """From here on the candidate gets this share of sessions, 0 to 100."""

    percent: int


@dataclass(frozen=True)
class Pause(_Strict):
    """Waits this long, or for a person if `seconds` is None. Guardrails go on meanwhile."""

    seconds: int | None = None


@dataclass(frozen=True)
class Analysis(_Strict):
    """Looks until there is enough to decide.

    looks: at least so many looks (each draws fresh canaries, if the plan has a canary section).
    min_replies, max_replies: replies of the candidate to live traffic within this step. Below the minimum the
        step cannot pass; at the maximum it is decided with what there is.
    non_inferiority: the step passes only once non-inferiority is shown. The last analysis of a plan always
        asks for it, because promotion does.
    max_seconds: after this long, what is missing is not enough data.
    """

    looks: int = 1
    min_replies: int = 0
    max_replies: int | None = None
    non_inferiority: bool = False
    max_seconds: int = 7 * 86_400


Step: TypeAlias = Shadow | SetWeight | Pause | Analysis


@dataclass(frozen=True)
class Guardrail(_Strict):
    """A criterion. Among `AnalysisPlan.guardrails` it can abort; among `monitors` it is only shown.

    name: unique within the plan.
    signal: an outcome (`OUTCOMES`) for `paired_outcome`, else the name of a signal of a reply; empty for
        `sample_ratio`.
    unit: where its values come from. `canary` also names a `kind`.
    test: paired_outcome   candidate minus stable rate of an outcome over canaries: exact betting
          paired_mean      candidate minus stable mean over pairs: paired mSPRT from 30 and sign test from 1
          unpaired_mean    candidate minus stable mean over live traffic: two-sample mSPRT from 30 in each arm
          mean_limit       mean of the candidate against `limit`, values cut to [0, cap]: betting
          rate_limit       share of the candidate's replies whose signal is 1, against `limit`: binomial
          drift            the candidate against a recorded reference: conformal e-process
          sample_ratio     sessions in the arms against the weight: binomial
    direction: `at_most`: large is bad; `at_least`: small is bad.
    limit: for limits, the acceptable mean or rate. For comparisons, the difference that still counts as no
        harm, 0 or in the bad direction (honest: -0.02).
    margin: comparisons only; promotion needs the difference shown to be no worse than this, > 0. None: this
        guardrail can abort but does not carry the promotion.
    alpha_share: share of the plan's false-alarm budget.
    cap: upper end of the values of `mean_limit`.
    batch: so many replies are averaged into one value, where neighbouring replies are correlated.
    per_session: `first`: only the first reply of each session counts, since replies of a session resemble
        each other; `all`: every reply.
    min_replies: fewer values than this are not enough data.
    max_replies: later values are not counted; None: no end.
    fail_at: the N-th alarm fails; evidence starts anew after each earlier one. 1: the first.
    reference: id of the recorded reference (test `drift`).
    after_promotion: what its alarm does once the candidate is active, on all live traffic: `rollback` returns to
        what was stable before, without asking anybody; `tell` only tells. Limits and drift on traffic alone: then
        there is one arm, and nothing to compare it with.
    """

    name: str
    signal: str
    unit: Unit
    test: Test
    direction: Direction
    alpha_share: float
    limit: float = 0.0
    margin: float | None = None
    kind: Kind | None = None
    cap: float | None = None
    batch: int = 1
    per_session: Literal["first", "all"] = "first"
    min_replies: int = 0
    max_replies: int | None = None
    fail_at: int = 1
    reference: str | None = None
    after_promotion: Literal["tell", "rollback"] = "tell"


@dataclass(frozen=True)
class HardLimit(_Strict):
    """One single candidate value above `cap` aborts at once. A signal named kl... is read on neutral canaries
    only: a vector that works moves KL under pressure."""

    signal: str
    cap: float


@dataclass(frozen=True)
class CanaryPlan(_Strict):
    """How the canary set is asked, through both arms.

    kinds: which kinds are drawn.
    draw: fresh questions of each kind at each look.
    max_draws: questions of each kind after which no more are drawn.
    every_seconds: time between looks.
    mode: `sequential`: evidence is judged after every answer; `fixed`: one exact test once `max_draws`
        questions of a kind are answered, none before.
    """

    kinds: tuple[Kind, ...]
    draw: int
    max_draws: int
    every_seconds: int = 3600
    mode: Mode = "sequential"


@dataclass(frozen=True)
class Reference(_Strict):
    """Which recorded reference a plan means: its id, and the hash of its values."""

    id: str
    hash: str


@dataclass(frozen=True)
class AnalysisPlan(_Strict):
    """See the module's docstring.

    false_alarm: chance that a candidate as good as stable is stopped by any guardrail, shared among them.
    wrong_promotion: chance that a candidate worse than a margin is promoted nevertheless.
    error_at: the N-th measurement that went wrong within a step makes the verdict an error.
    """

    name: str
    steps: tuple[Step, ...]
    guardrails: tuple[Guardrail, ...]
    monitors: tuple[Guardrail, ...] = ()
    canary: CanaryPlan | None = None
    hard_limits: tuple[HardLimit, ...] = ()
    references: tuple[Reference, ...] = ()
    false_alarm: float = 0.035
    wrong_promotion: float = 0.05
    error_at: int = 3

    def as_dict(self) -> dict[str, Any]:
        """What a plan file holds: each step as one key, `{"shadow": {"pairs": 60}}`."""
        value = dataclasses.asdict(self)
        value["steps"] = [{STEP_NAMES[type(step)]: dataclasses.asdict(step)} for step in self.steps]
        return value

    @cached_property
    def canonical(self) -> str:
        """Canonical JSON: what is stored and hashed."""
        return canonical_json(self.as_dict())

    @cached_property
    def hash(self) -> str:
        """SHA-256 of `canonical`, 64 hexadecimal digits. Equal hashes, equal plans."""
        return sha256_hex(self.canonical)

    def alpha(self, guardrail: Guardrail) -> float:
        """The guardrail's own part of the false-alarm budget."""
        return self.false_alarm * guardrail.alpha_share


STEP_NAMES: Final[dict[type[Step], str]] = {
    Shadow: "shadow",
    SetWeight: "set_weight",
    Pause: "pause",
    Analysis: "analysis",
}
