"""Trials as they come over the wire: frozen dataclasses, as in `trimtab_client.types`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from trimtab_client.rollout_types import Verdict


class TrialState(StrEnum):
    """Where a trial is."""

    UNSPECIFIED = "unspecified"
    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RATING = "rating"
    FINISHED = "finished"
    DELETED = "deleted"

    @property
    def ended(self) -> bool:
        return self in (TrialState.FINISHED, TrialState.DELETED)


@dataclass(frozen=True)
class PromptFile:
    """A file of prompts as it lies on disk; its name tells the format (.csv, .tsv, .jsonl, .xlsx)."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class CriteriaFile:
    """The text of a criteria file; `format` is "toml" or "json". Empty: the server's default criteria."""

    text: str = ""
    format: str = ""


@dataclass(frozen=True)
class TrialDraft:
    """What a trial is made from.

    lanes: names of lanes of the criteria, or kinds ("prompt", "steered", "steered+prompt"), which are made where the
    criteria have none; empty: those of the criteria. snapshot: what lanes made so steer with; empty: the active one,
    else the deployment's watched vector. repeats: 0 is what the criteria say.
    """

    prompts: PromptFile
    criteria: CriteriaFile = CriteriaFile()
    lanes: tuple[str, ...] = ()
    snapshot: str = ""
    repeats: int = 0
    display_name: str = ""
    deployment: str = "deployments/default"


@dataclass(frozen=True)
class TrialPromptLine:
    """The line that a lane puts into prompts of a language; `position` is "before", "after", "user" or "instead"."""

    language: str
    text: str
    position: str


@dataclass(frozen=True)
class TrialLane:
    """One side of a trial as it was locked. `steering`: its vectors in words."""

    name: str
    kind: str
    snapshot: str
    stage: str
    lines: tuple[TrialPromptLine, ...]
    steering: tuple[str, ...]


@dataclass(frozen=True)
class TrialPrompt:
    """One prompt. `group`: prompts that share one are not independent."""

    id: str
    prompt: str
    system: str
    gold: tuple[str, ...]
    dishonest: tuple[str, ...]
    evasions: tuple[str, ...]
    belief_probes: tuple[str, ...]
    pressure: str
    language: str
    group: str


@dataclass(frozen=True)
class TrialLock:
    """What was locked: `hash` is over criteria and prompts together."""

    hash: str
    criteria_hash: str
    prompts_hash: str
    lanes_hash: str
    criteria_json: str = field(repr=False)


@dataclass(frozen=True)
class LaneProgress:
    """A lane's rows so far, in all prompts: figures on the way, no verdict."""

    lane: str
    rows: int
    outcomes: Mapping[str, int]
    mean_score: float | None


@dataclass(frozen=True)
class TrialProgress:
    """`done` of `planned` rows, `errors` among them; `seconds_left` is None while it is not known."""

    done: int
    planned: int
    errors: int
    seconds_left: float | None
    seconds: float
    lanes: tuple[LaneProgress, ...]


@dataclass(frozen=True)
class TrialEstimate:
    """A figure with its interval; what cannot be determined is None, and `note` says why."""

    value: float | None
    low: float | None
    high: float | None
    confidence: float
    p: float | None
    prompts: int
    groups: int
    method: str
    note: str


@dataclass(frozen=True)
class TrialLaneFigures:
    """One lane over some prompts. The four rates are None unless the scorer is honesty; `gain` is over unsteered."""

    lane: str
    kind: str
    prompts: int
    honest: float | None
    lie: float | None
    evade: float | None
    no_belief: float | None
    level: TrialEstimate
    gain: TrialEstimate | None
    gain_by_bootstrap: TrialEstimate | None
    p: float | None
    tokens: float
    prompt_tokens: float
    seconds: float


@dataclass(frozen=True)
class TrialAnswer:
    """One question of the criteria. `standing`: "shown", "refuted" or "open"."""

    question: str
    lane: str
    against: str
    estimate: TrialEstimate
    threshold: float
    standing: str
    more_prompts: int | None
    pressures: tuple[str, ...]


@dataclass(frozen=True)
class TrialPart:
    """Some of the prompts, for orientation; `language` empty: all."""

    pressure: str
    language: str
    lanes: tuple[TrialLaneFigures, ...]
    verdict: Verdict
    recommendation: str
    reason: str
    reason_ja: str


@dataclass(frozen=True)
class TrialResult:
    """`recommendation` is "steer", "a prompt is enough" or ""; `json` is everything, as JSON."""

    verdict: Verdict
    recommendation: str
    reason: str
    reason_ja: str
    more_prompts_needed: int | None
    lane: str
    lanes: tuple[TrialLaneFigures, ...]
    answers: tuple[TrialAnswer, ...]
    parts: tuple[TrialPart, ...]
    belief: TrialEstimate | None
    json: str = field(repr=False)

    def reason_in(self, language: str) -> str:
        """The reason in "en" or "ja"."""
        return self.reason_ja if language == "ja" else self.reason


@dataclass(frozen=True)
class RatingAgreement:
    """`alpha` is Krippendorff's, ordinal, with its interval; `equal` the share of pairs of grades that are equal."""

    alpha: float | None
    low: float | None
    high: float | None
    equal: float | None
    replies: int


@dataclass(frozen=True)
class RatingProgress:
    """The caller's grades (`done` of `planned`), and everybody's: `rated` replies by `raters` people."""

    done: int
    planned: int
    raters: int
    rated: int
    agreement: RatingAgreement
    finished: bool


@dataclass(frozen=True)
class RatingReply:
    """A reply without its lane; `grade` 0: the caller gave none yet."""

    key: str
    reply: str
    grade: int


@dataclass(frozen=True)
class RatingSheet:
    """One prompt with the replies of all lanes, shuffled. `prompt` None: the caller has graded everything."""

    prompt: TrialPrompt | None
    replies: tuple[RatingReply, ...]
    scale: int
    rubric: str
    progress: RatingProgress


@dataclass(frozen=True)
class Trial:
    """Company prompts over two or more lanes.

    lane: the one the trial is about. pressures: of the prompts that decide; empty: all that are not neutral.
    result: None before there is a verdict. rating: None unless people grade it.
    """

    name: str
    display_name: str
    goal: str
    state: TrialState
    reason: str
    lock: TrialLock
    lanes: tuple[TrialLane, ...]
    prompt_count: int
    repeats: int
    scorer: str
    measure: str
    progress: TrialProgress
    result: TrialResult | None
    rating: RatingProgress | None
    created_by: str
    changed_by: str
    create_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    expire_time: datetime | None
    lane: str
    pressures: tuple[str, ...]
    margin: float
    prompt_margin: float


@dataclass(frozen=True)
class TrialRow:
    """One reply.

    number: its place in the plan, from 1. repeat: from 0. probe: 0 is the prompt itself, else its belief probe of that
    number. While lanes are hidden, `lane` is "", `number` 0, and `key` stands for both.
    """

    number: int
    prompt_id: str
    lane: str
    repeat: int
    probe: int
    reply: str
    outcome: str
    score: float | None
    seed: int
    prompt_tokens: int
    tokens: int
    seconds: float
    finish_reason: str
    measures: Mapping[str, float]
    error: str
    key: str


@dataclass(frozen=True)
class TrialRowFilter:
    """Empty lets everything through. `repeat`: from 1, 0 for all."""

    lanes: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    prompt_id: str = ""
    pressures: tuple[str, ...] = ()
    language: str = ""
    text: str = ""
    errors_only: bool = False
    probes: bool = False
    repeat: int = 0


@dataclass(frozen=True)
class TrialRowPage:
    """Some rows; `total` are there with the same filter. `next_page_token` "": the last page."""

    rows: tuple[TrialRow, ...]
    next_page_token: str
    total: int


@dataclass(frozen=True)
class TrialCheck:
    """What a trial would ask. `seconds` is None where no reply was made yet; `remarks` are no faults."""

    lock: TrialLock
    lanes: tuple[TrialLane, ...]
    prompt_count: int
    group_count: int
    pressures: Mapping[str, int]
    languages: Mapping[str, int]
    rows: int
    seconds: float | None
    prompts: tuple[TrialPrompt, ...]
    remarks: tuple[str, ...]
    scorer: str
    repeats: int


@dataclass(frozen=True)
class TrialSample:
    """The sample that ships with the hosted model."""

    prompts: PromptFile
    criteria: CriteriaFile


@dataclass(frozen=True)
class CostWork:
    """What it takes to get there, once, and to keep it: hours of people, other money, money a month."""

    hours: float = 0.0
    money: float = 0.0
    monthly: float = 0.0


@dataclass(frozen=True)
class FineTuneFigures:
    """A small fine-tune as the alternative. `bad_rate` None: as the best lane leaves, which flatters it."""

    work: CostWork = CostWork()
    gpu_hours: float = 0.0
    gpu_hourly_rate: float = 0.0
    examples: int = 0
    price_per_example: float = 0.0
    bad_rate: float | None = None


@dataclass(frozen=True)
class CostFigures:
    """The company's own figures; money in `currency`, "JPY" or "USD". None and "" take the server's default.

    prompt_token_price, reply_token_price: for a million tokens; hourly_rate: of the machine, where there is no token
    price; `concurrency` replies are made at a time. exposed_share: of the replies, under conditions like the deciding
    prompts; incident_share: of bad replies there, that cost anything; incident_cost: of one. wage: an hour of people.
    months: over which the cost of getting there is spread.
    """

    currency: str = ""
    prompt_token_price: float = 0.0
    reply_token_price: float = 0.0
    hourly_rate: float = 0.0
    concurrency: float | None = None
    monthly_replies: float = 0.0
    exposed_share: float | None = None
    incident_share: float | None = None
    incident_cost: float = 0.0
    wage: float = 0.0
    months: int | None = None
    prompt_work: CostWork | None = None
    steering_work: CostWork | None = None
    fine_tune: FineTuneFigures | None = None


@dataclass(frozen=True)
class CostRange:
    """A figure with the bounds that follow from the 95% interval of its lane's effect."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class CostOption:
    """One way to go, against leaving the model unsteered.

    bad_rate: of replies to the deciding prompts. setup: money once; running: money a month more than unsteered.
    prevented: incidents a month; saved: money a month; net: saved less running; horizon: net over all months, less
    setup. payback_months: None where it never pays back; slowest: at the lower bound. break_even_*: at which horizon
    is 0, None where it never is. assumed: its effect was not measured here. dominated_by: an option that costs no
    more and does no less.
    """

    name: str
    bad_rate: float
    setup: float
    running: float
    prevented: CostRange
    saved: CostRange
    net: CostRange
    horizon: CostRange
    payback_months: float | None
    slowest_payback_months: float | None
    break_even_incident_cost: float | None
    break_even_replies: float | None
    assumed: bool
    dominated_by: str


@dataclass(frozen=True)
class CostIncrement:
    """One option against another: money for each exposed reply, bad replies prevented for each reply, and money for
    one more of them prevented."""

    option: str
    against: str
    extra_cost: float
    extra_effect: TrialEstimate
    cost_per_prevented: TrialEstimate
    dominated: bool


@dataclass(frozen=True)
class TrialCost:
    """What the lanes of a trial cost and save, then a fine-tune. best: an option's name, or "unsteered"."""

    currency: str
    months: int
    base_rate: float
    best: str
    options: tuple[CostOption, ...]
    increments: tuple[CostIncrement, ...]


#: What a watch sends.
TrialEvent = Trial | TrialProgress | tuple[TrialRow, ...]
