"""Rollouts as they come over the wire: frozen dataclasses, as in `trimtab_client.types`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RolloutState(StrEnum):
    """Where a rollout is. Running and paused ones are in force: their candidate may get sessions."""

    UNSPECIFIED = "unspecified"
    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    PROMOTED = "promoted"
    ABORTED = "aborted"
    FAILED = "failed"

    @property
    def in_force(self) -> bool:
        return self in (RolloutState.RUNNING, RolloutState.PAUSED)

    @property
    def ended(self) -> bool:
        return self in (RolloutState.PROMOTED, RolloutState.ABORTED, RolloutState.FAILED)


class Verdict(StrEnum):
    """The one set of verdicts; UNSPECIFIED before the first look of a step."""

    UNSPECIFIED = "unspecified"
    PASS = "pass"
    FAIL = "fail"
    NOT_ENOUGH_DATA = "not_enough_data"
    ERROR = "error"


@dataclass(frozen=True)
class PlanFile:
    """The text of a plan file; `format` is "toml", "yaml" or "json". Empty: the server's default plan."""

    text: str = ""
    format: str = ""


@dataclass(frozen=True)
class PlanStep:
    """One step: `kind` is "shadow", "set_weight", "pause" or "analysis", `weight` the share from here on."""

    kind: str
    text: str
    weight: int


@dataclass(frozen=True)
class PlanGuardrail:
    """One criterion of a plan; one that does not act is a monitor, which is only shown.

    `alpha` is its share of the false-alarm budget, as a rate. `margin` is None where no margin is asked.
    """

    name: str
    signal: str
    unit: str
    test: str
    direction: str
    limit: float | None
    margin: float | None
    alpha: float
    acts: bool
    kind: str


@dataclass(frozen=True)
class Plan:
    """A plan as it was locked: `hash` is the sha256 of `canonical_json`."""

    name: str
    hash: str
    canonical_json: str
    steps: tuple[PlanStep, ...]
    guardrails: tuple[PlanGuardrail, ...]
    false_alarm_budget: float


@dataclass(frozen=True)
class GuardrailEvidence:
    """How one guardrail stands.

    `evidence` is the natural logarithm of the evidence against "no harm", which trips at `threshold`; both are
    None for a rule that is no statistic. `estimate` with `lower` and `upper` is what was measured over `count`.
    """

    guardrail: str
    verdict: Verdict
    evidence: float | None
    threshold: float | None
    estimate: float | None
    lower: float | None
    upper: float | None
    count: int
    text: str
    acts: bool
    non_inferior: bool | None


@dataclass(frozen=True)
class Rollout:
    """From `stable_snapshot` to `candidate_snapshot` under a locked plan.

    `step` is the 0-based place in `plan.steps`, `weight` the candidate's share of sessions in percent.
    `reason` says why it is in this state, `limits_of_method` what the figures do not show.
    """

    name: str
    state: RolloutState
    stable_snapshot: str
    stable_revision: str
    candidate_snapshot: str
    stable_display_name: str
    candidate_display_name: str
    plan: Plan
    step: int
    weight: int
    verdict: Verdict
    evidence: tuple[GuardrailEvidence, ...]
    reason: str
    changed_by: str
    created_by: str
    create_time: datetime | None
    start_time: datetime | None
    step_time: datetime | None
    end_time: datetime | None
    promoted_revision: str
    retry_of: str
    look_count: int
    look_time: datetime | None
    limits_of_method: tuple[str, ...]


@dataclass(frozen=True)
class RolloutLook:
    """One reading of the evidence. `action` is what it asked for, such as "continue" or "abort"."""

    number: int
    time: datetime | None
    step: int
    weight: int
    verdict: Verdict
    evidence: tuple[GuardrailEvidence, ...]
    action: str


@dataclass(frozen=True)
class RolloutChange:
    """What a watch sends: the rollout, and the look that changed it, if one did."""

    rollout: Rollout
    look: RolloutLook | None


@dataclass(frozen=True)
class DetectionPower:
    """Chance that a candidate with `loss` fewer honest answers is stopped within so many questions, where the
    share `discordance` of questions is answered differently by the two arms."""

    guardrail: str
    questions: int
    loss: float
    discordance: float
    power: float


@dataclass(frozen=True)
class Foresight:
    """What a plan will take at `replies_per_day`.

    `earliest_promotion_seconds` is None where traffic never brings the replies asked for, `worst_detection_*`
    where there are no canaries. `false_alarm_rate` is the chance that a candidate as good as stable is stopped,
    `wrong_promotion_rate` that one worse than a margin is promoted.
    """

    replies_per_day: float
    earliest_promotion_seconds: float | None
    needed_looks: int
    replies_needed: int
    worst_detection_looks: int | None
    worst_detection_seconds: float | None
    false_alarm_rate: float
    wrong_promotion_rate: float
    powers: tuple[DetectionPower, ...]


@dataclass(frozen=True)
class PlanCheck:
    """A plan, what it will take, and what its figures will not show."""

    plan: Plan
    foresight: Foresight
    limits_of_method: tuple[str, ...]


@dataclass(frozen=True)
class RolloutArms:
    """How traffic is divided while a rollout is in force."""

    rollout: str
    stable_snapshot: str
    candidate_snapshot: str
    weight: int
    step: int
    paused: bool
