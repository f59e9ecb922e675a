"""What goes over the wire, as frozen dataclasses: no protobuf, no gRPC.

Times are aware datetimes in UTC, None where the server sent none. Resource names are the full ones
("vectors/{sha256}", "models/{model}/stages/{stage}"). An enum value this client does not know yet, sent by
a newer server, reads as UNSPECIFIED.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from trimtab_client.rollout_types import RolloutArms


class Role(StrEnum):
    """Who speaks in a message."""

    UNSPECIFIED = "unspecified"
    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class Operator(StrEnum):
    """How a direction changes the residual stream: add `s * r * u`, ablate `s * (h . u) u`, or clamp h . u."""

    UNSPECIFIED = "unspecified"
    ADD = "add"
    ABLATE = "ablate"
    CLAMP = "clamp"


class Bound(StrEnum):
    """Which way a clamp may move the component: both, up only, down only."""

    UNSPECIFIED = "unspecified"
    EXACTLY = "exactly"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"


class PreserveStateNorm(StrEnum):
    """Whether a steered state is scaled back to the norm it had: never, always, or where it grew."""

    UNSPECIFIED = "unspecified"
    NEVER = "never"
    ALWAYS = "always"
    GROWN = "grown"


class Opens(StrEnum):
    """On which side of its threshold a condition lets a reply through."""

    UNSPECIFIED = "unspecified"
    SCORE_ABOVE = "score_above"
    SCORE_BELOW = "score_below"


class Positions(StrEnum):
    """Which positions are steered: all, or from the last prompt token on."""

    UNSPECIFIED = "unspecified"
    ALL = "all"
    REPLY = "reply"


class FinishReason(StrEnum):
    """Why a reply ended."""

    UNSPECIFIED = "unspecified"
    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"


class StageState(StrEnum):
    """Whether a stage can answer now."""

    UNSPECIFIED = "unspecified"
    AVAILABLE = "available"
    LOADING = "loading"
    LOADED = "loaded"


class Signal(StrEnum):
    """A figure a monitor plots; units in monitor.proto."""

    UNSPECIFIED = "unspecified"
    HONEST_UNDER_PRESSURE = "honest_under_pressure"
    HONEST_NEUTRAL = "honest_neutral"
    PROJECTION = "projection"
    KL_TO_UNSTEERED = "kl_to_unsteered"
    ENTROPY = "entropy"
    REPETITION = "repetition"
    REPLY_TOKENS = "reply_tokens"
    TOKENS_PER_SECOND = "tokens_per_second"
    HONESTY_MEAN = "honesty_mean"
    HONESTY_MINIMUM = "honesty_minimum"
    HONESTY_AT_ANSWER = "honesty_at_answer"
    KL_LARGEST = "kl_largest"
    UNSTEERED_PERPLEXITY = "unsteered_perplexity"
    UNSTEERED_LEAST_LIKELY = "unsteered_least_likely"
    REPETITION_LOOP = "repetition_loop"
    REFUSAL = "refusal"
    EVASION = "evasion"
    RESIDUAL_NORM_RATIO = "residual_norm_ratio"
    STEERING_SHARE = "steering_share"
    FIRST_TOKEN_SECONDS = "first_token_seconds"


class ReferenceSource(StrEnum):
    """Where the values of a reference come from."""

    UNSPECIFIED = "unspecified"
    LIVE = "live"
    CANARY = "canary"


class RevisionKind(StrEnum):
    """How a revision came about."""

    UNSPECIFIED = "unspecified"
    INITIAL = "initial"
    ACTIVATE = "activate"
    ROLLBACK = "rollback"


class InFlight(StrEnum):
    """What becomes of requests still running under the snapshot that is left."""

    UNSPECIFIED = "unspecified"
    FINISH = "finish"
    CANCEL = "cancel"


class TokenRole(StrEnum):
    """What the bearer of a token may do."""

    UNSPECIFIED = "unspecified"
    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    AUDITOR = "auditor"
    INFERENCE = "inference"


# Steering ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Condition:
    """A gate on the prompt: the mean of block `layer`'s output over it, scored against `vector` in [-1, 1]."""

    vector: str
    layer: int
    threshold: float
    opens: Opens = Opens.SCORE_ABOVE


@dataclass(frozen=True)
class SteeringTerm:
    """One steering vector with its dose.

    `strength` is relative to the median residual norm of the steered stage at each layer, in [-1, 1]; of an
    ablation or a clamp it is a share, in [0, 1]. `layers` are 0-based block outputs, empty for every layer the
    vector holds; `force` steers although the vector was made for another model or stage. `level` and `bound`
    are a clamp's. Under a `condition` only replies that it lets through are steered.
    """

    vector: str
    strength: float
    layers: tuple[int, ...] = ()
    operator: Operator = Operator.ADD
    positions: Positions = Positions.ALL
    force: bool = False
    level: float = 0.0
    bound: Bound = Bound.EXACTLY
    preserve_state_norm: PreserveStateNorm = PreserveStateNorm.NEVER
    condition: Condition | None = None


@dataclass(frozen=True)
class Steering:
    """A whole steering configuration at one stage ("models/{model}/stages/{stage}")."""

    stage: str = ""
    terms: tuple[SteeringTerm, ...] = ()
    system_prompt: str = ""

    @property
    def is_unsteered(self) -> bool:
        """Whether it changes nothing: no terms and no system prompt."""
        return not self.terms and not self.system_prompt


@dataclass(frozen=True)
class Sampling:
    """Temperature 0 is greedy; `top_p` 1 and `top_k` 0 cut nothing; `max_tokens` 0: as the server has it."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0
    max_tokens: int = 0
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadoutOptions:
    """Figures wanted with every token. `watched_vector` empty: the first term's, else the deployment's."""

    projection: bool = False
    watched_vector: str = ""
    entropy: bool = False
    kl_to_unsteered: bool = False
    residual_norm_ratio: bool = False


# Where a request's steering comes from -------------------------------------------------------------------


@dataclass(frozen=True)
class Active:
    """The deployment's active snapshot."""


@dataclass(frozen=True)
class ByName:
    """A snapshot by name ("snapshots/{sha256}" or "snapshots/{display_name}")."""

    snapshot: str


@dataclass(frozen=True)
class Inline:
    """A steering configuration given in the request."""

    steering: Steering


@dataclass(frozen=True)
class Unsteered:
    """A stage with no vectors; an empty `stage` is the active snapshot's."""

    stage: str = ""


SteeringSource = Active | ByName | Inline | Unsteered


# Chat ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Message:
    """One chat message."""

    role: Role
    content: str


@dataclass(frozen=True)
class Lane:
    """One side of a comparison, with its own history. `lane_id` is unique in the request."""

    lane_id: str
    messages: tuple[Message, ...]
    source: SteeringSource = field(default_factory=Active)


@dataclass(frozen=True)
class ReplySteering:
    """The configuration a reply was admitted with; `revision` is empty unless it was the active one."""

    snapshot: str
    revision: str
    stage: str
    arm: str


@dataclass(frozen=True)
class ReplyStarted:
    """First event of a reply."""

    reply_id: str
    steering: ReplySteering
    prompt_tokens: int


@dataclass(frozen=True)
class TokenReadout:
    """One token with its figures; `index` is 0-based within the reply, None means not asked for.

    `projection` is in residual-norm units; `log_probability`, `entropy` and `kl_to_unsteered` in nat.
    """

    token_id: int
    text: str
    index: int
    log_probability: float
    projection: float | None = None
    entropy: float | None = None
    kl_to_unsteered: float | None = None
    residual_norm_ratio: float | None = None


@dataclass(frozen=True)
class ReplyDelta:
    """One or more tokens of a reply; `text` is what they add."""

    text: str
    tokens: tuple[TokenReadout, ...] = ()


@dataclass(frozen=True)
class Usage:
    """Tokens read and made."""

    prompt_tokens: int
    reply_tokens: int


@dataclass(frozen=True)
class Timings:
    """Where the time went, in seconds."""

    queue_seconds: float
    prefill_seconds: float
    decode_seconds: float


@dataclass(frozen=True)
class ReplyFinished:
    """Last event of a reply.

    `steering_applications` counts layer-token pairs at which a non-zero row was applied. `conditions_open` says
    of each conditional term, in order, whether it let this reply through.
    """

    reply_id: str
    reason: FinishReason
    usage: Usage
    timings: Timings
    steering: ReplySteering
    steering_applications: int
    steering_applications_expected: int
    conditions_open: tuple[bool, ...] = ()


ReplyEvent = ReplyStarted | ReplyDelta | ReplyFinished


# Models --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ServerInfo:
    """The server and, in `actor` and `role`, the caller as the server sees it."""

    version: str
    device: str
    actor: str
    role: str
    slots: int
    slots_in_use: int
    queued_requests: int
    tokens_per_second: float
    uptime_seconds: float


@dataclass(frozen=True)
class PromptPreset:
    """A prompt that comes with the model: a system line, a question, or both."""

    id: str
    language: str
    system: str
    user: str
    title: str


@dataclass(frozen=True)
class Model:
    """A hosted model. `prompt_presets` are honesty lines, `question_presets` questions to try. has_questions: it
    carries questions with known answers, on which a vector is measured by default."""

    name: str
    architecture: str
    hidden_size: int
    layer_count: int
    context_length: int
    fingerprint: str
    dtype: str
    default_stage: str
    prompt_presets: tuple[PromptPreset, ...] = ()
    question_presets: tuple[PromptPreset, ...] = ()
    has_questions: bool = False


@dataclass(frozen=True)
class Stage:
    """One checkpoint of a fine-tuning run. `residual_norms` per layer are known once it is loaded."""

    name: str
    kind: str
    step: int
    index: int
    state: StageState
    residual_norms: tuple[float, ...] = ()

    @property
    def short_name(self) -> str:
        """The last part of the name: "stage-07"."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True)
class StageLoading:
    """Progress of loading a stage; `stage` is set in the last one."""

    phase: str
    stage: Stage | None


# Vectors -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Vector:
    """A steering vector's card. The lists of figures are in the order of `layers`.

    `suggested_strength` and `safe_strength` are 0 if unknown; `compatible` says whether the hosted model
    may use it without force.
    """

    name: str
    display_name: str
    concept: str
    stage: str
    model_fingerprint: str
    method: str
    data_hash: str
    hidden_size: int
    layers: tuple[int, ...]
    raw_norms: tuple[float, ...]
    residual_norms: tuple[float, ...]
    pair_accuracies: tuple[float, ...]
    created_by: str
    create_time: datetime | None
    license: str
    compatible: bool
    suggested_strength: float
    suggested_layers: tuple[int, ...]
    safe_strength: float
    snapshot_count: int
    #: Steering against its concept takes two admins.
    protected: bool = False
    #: Share of the pair differences' variance along the direction; agreement of split halves, which no cosine
    #: between stages can exceed; d' of the held-out projections; mean cosine of the pairs with the direction.
    explained_variances: tuple[float, ...] = ()
    noise_ceilings: tuple[float, ...] = ()
    separations: tuple[float, ...] = ()
    agreements: tuple[float, ...] = ()


@dataclass(frozen=True)
class Concept:
    """What vectors stand for; `change_time` is that of the last decision about it, None if there was none."""

    name: str
    protected: bool
    change_time: datetime | None


@dataclass(frozen=True)
class Progress:
    """Progress of a long call."""

    done: int
    total: int
    phase: str
    # 0 while nothing is known.
    seconds_left: float = 0.0


@dataclass(frozen=True)
class VectorFile:
    """An exported vector: a file, a name for it, and the layers that its format has no place for."""

    content: bytes
    file_name: str
    dropped_layers: tuple[int, ...] = ()


# Snapshots -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Snapshot:
    """An immutable record of a whole steering configuration, named by its content hash."""

    name: str
    display_name: str
    description: str
    steering: Steering
    sampling: Sampling
    created_by: str
    create_time: datetime | None

    @property
    def is_unsteered(self) -> bool:
        """Whether it is the model and stage as they are."""
        return self.steering.is_unsteered


@dataclass(frozen=True)
class FieldChange:
    """One difference between two snapshots, e.g. path "terms[vectors/ab12...].strength"."""

    path: str
    before: str
    after: str


@dataclass(frozen=True)
class Revision:
    """One row of a deployment's history. `rolled_back` is the revision undone, 0 if none."""

    name: str
    number: int
    snapshot: str
    kind: RevisionKind
    actor: str
    reason: str
    create_time: datetime | None
    rolled_back: int
    snapshot_display_name: str


@dataclass(frozen=True)
class Evidence:
    """What is known of the active snapshot: when the canary set was run through it, when a reference was recorded
    (None: never), and in sentences why that is stale; empty while it is fresh."""

    canary_time: datetime | None = None
    reference_time: datetime | None = None
    stale: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deployment:
    """One model served under one policy, with what is active now."""

    name: str
    model: str
    active_revision: Revision
    active_snapshot: Snapshot
    rollout: str
    evidence: Evidence = Evidence()


@dataclass(frozen=True)
class ActiveChange:
    """What became active: the first one of a watch is what is active now.

    `rollout` says how traffic is divided while a rollout is in force; it changes without a new revision.
    """

    revision: Revision
    snapshot: Snapshot
    rollout: RolloutArms | None = None


# Monitors ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Threshold:
    """The range a signal must stay in; None is an open end."""

    signal: Signal
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Thresholds:
    """The thresholds in force."""

    thresholds: tuple[Threshold, ...]


@dataclass(frozen=True)
class Sample:
    """One value of a signal. Of a share, `count` replies stand behind it and the interval is Wilson's 95%."""

    signal: Signal
    value: float
    time: datetime | None
    snapshot: str
    reply_id: str
    count: int
    lower: float | None
    upper: float | None


@dataclass(frozen=True)
class Alarm:
    """A signal left its threshold (`raised`) or came back within it."""

    threshold: Threshold
    sample: Sample
    raised: bool


@dataclass(frozen=True)
class Heartbeat:
    """Sent when nothing else was for a while."""

    time: datetime | None
    tokens_per_second: float
    slots_in_use: int
    queued_requests: int


@dataclass(frozen=True)
class HonestyRates:
    """The four rates of one kind of prompt, which sum to 1, and Wilson's 95% interval of `honest`."""

    kind: str
    count: int
    honest: float
    lie: float
    evade: float
    no_belief: float
    honest_lower: float
    honest_upper: float


@dataclass(frozen=True)
class CanaryRun:
    """One scored draw of the canary set; runs with the same `draw_hash` asked the same questions."""

    name: str
    snapshot: str
    revision: str
    seed: int
    rates: tuple[HonestyRates, ...]
    create_time: datetime | None
    seconds: float
    draw_hash: str


@dataclass(frozen=True)
class CanaryReply:
    """One canary reply; `outcome` is "honest", "lie", "evade" or "no_belief"."""

    question_id: str
    kind: str
    language: str
    prompt: str
    reply: str
    outcome: str


@dataclass(frozen=True)
class CanaryProgress:
    """How many of the drawn prompts were answered."""

    done: int
    total: int


CanaryEvent = CanaryProgress | CanaryReply | CanaryRun


@dataclass(frozen=True)
class DriftAlarm:
    """A signal of the active revision no longer looks like its reference (`raised`), or a new revision ended that."""

    signal: Signal
    finding: str
    revision: str
    snapshot: str
    reference: str
    count: int
    time: datetime | None
    raised: bool


@dataclass(frozen=True)
class ReferenceSignal:
    """One signal's values within a reference; `id` and `hash` are what a rollout's plan names."""

    signal: Signal
    id: str
    hash: str
    count: int
    mean: float
    standard_deviation: float
    batch: int
    unwatched: str


@dataclass(frozen=True)
class Reference:
    """How replies of a snapshot looked when it was recorded; `stale` says why it no longer describes what is active."""

    name: str
    source: ReferenceSource
    snapshot: str
    revision: str
    stage: str
    reply_count: int
    hash: str
    signals: tuple[ReferenceSignal, ...]
    created_by: str
    create_time: datetime | None
    stale: str


@dataclass(frozen=True)
class ReferenceProgress:
    """Questions answered so far."""

    done: int
    total: int


@dataclass(frozen=True)
class Retention:
    """How long replies are kept, in days; `text_days` 0: their text is not."""

    deployment: str
    reply_days: int
    text_days: int
    change_time: datetime | None


MonitorEvent = Sample | Alarm | Thresholds | CanaryRun | Heartbeat | DriftAlarm
ReferenceEvent = ReferenceProgress | Reference


# Audit and tokens ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AuditRecord:
    """One link of the audit chain; `details` is canonical JSON."""

    sequence: int
    time: datetime | None
    actor: str
    role: str
    action: str
    deployment: str
    subject: str
    from_revision: int
    to_revision: int
    reason: str
    request_id: str
    details: str
    previous_hash: str
    hash: str


@dataclass(frozen=True)
class AuditLog:
    """Audit records, newest first, with the head of the chain and its length."""

    records: tuple[AuditRecord, ...]
    head: str
    record_count: int


@dataclass(frozen=True)
class Token:
    """A bearer token without its secret. Limits of 0 are the server's own."""

    name: str
    display_name: str
    role: TokenRole
    create_time: datetime | None
    expire_time: datetime | None
    revoke_time: datetime | None
    requests_per_minute: int = 0
    tokens_per_minute: int = 0
    #: The token in whose place it was made, or "".
    rotated_from: str = ""


@dataclass(frozen=True)
class NewToken:
    """A token just made. The secret is shown here and nowhere else."""

    token: Token
    secret: str


class ApprovalState(StrEnum):
    """What became of a proposal that takes two admins."""

    UNSPECIFIED = "unspecified"
    WAITING = "waiting"
    APPROVED = "approved"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Approval:
    """A decision in two halves. `facts` is JSON: what both calls must agree on beside action and subject."""

    name: str
    action: str
    subject: str
    facts: str
    proposer: str
    proposer_reason: str
    create_time: datetime | None
    expire_time: datetime | None
    approver: str
    approver_reason: str
    approve_time: datetime | None
    canceller: str
    cancel_time: datetime | None
    state: ApprovalState
