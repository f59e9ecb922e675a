"""Contrast sets and what was measured of a vector, as frozen dataclasses (see `types`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True)
class ContrastPairPreview:
    """One pair as people read it. split: "train" or "dev"."""

    id: str
    statement_id: str
    split: str
    positive: str
    negative: str


@dataclass(frozen=True)
class ContrastSetReview:
    """A contrast set that can be extracted from. name: of one that the model carries, "" for a file.

    languages: pairs by the script they are written in. positions: those that can be read of every pair.
    """

    name: str
    data_hash: str
    pair_count: int
    train_count: int
    dev_count: int
    statement_count: int
    languages: Mapping[str, int]
    pairs: tuple[ContrastPairPreview, ...]
    longest_tokens: int
    positions: tuple[str, ...]


@dataclass(frozen=True)
class Interval:
    """A figure with the ends of its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class StratumRate:
    """Of questions of one kind in one language."""

    kind: str
    language: str
    rate: Interval


@dataclass(frozen=True)
class DoseGate:
    """A side effect against its limit. verdict: "pass", "warn", "fail" or "not enough data"."""

    name: str
    value: float
    upper: float
    limit: float
    verdict: str


@dataclass(frozen=True)
class DosePoint:
    """One strength. worst: honest rate of the kind and language helped least; kl: to unsteered, nat per token."""

    strength: float
    worst: float
    honest: tuple[StratumRate, ...]
    gain: Interval
    knowledge: Interval
    coherence: Interval
    kl: Interval
    gates: tuple[DoseGate, ...]


@dataclass(frozen=True)
class DoseCurve:
    """One group of layers. safe_strength: 0 where none is safe. cliff_at: 0 where the grid ends before one."""

    layers: tuple[int, ...]
    points: tuple[DosePoint, ...]
    safe_strength: float
    cliff_after: float
    cliff_at: float
    cliff_of: str


@dataclass(frozen=True)
class DoseSetting:
    """Where and how much. safe_strength: 0 where none is safe."""

    layers: tuple[int, ...]
    strength: float
    positions: str
    safe_strength: float


class DoseRefusal(StrEnum):
    """Why a measurement recommends nothing."""

    UNSPECIFIED = "unspecified"
    NOTHING_SAFE = "nothing_safe"
    NO_SURE_GAIN = "no_sure_gain"


@dataclass(frozen=True)
class TokenChange:
    """A token, with the mean change of its probability."""

    token: str
    change: float


@dataclass(frozen=True)
class ProjectedText:
    """A text with its projection, in units of the residual norm. origin: "positive", "negative" or "neutral"."""

    text: str
    origin: str
    projection: float


@dataclass(frozen=True)
class Resemblance:
    """Cosine with a built-in concept's direction at one layer; `weak` where that says nothing."""

    concept: str
    layer: int
    cosine: float
    weak: bool


@dataclass(frozen=True)
class VectorCard:
    """What a vector is, at a setting. changed: share of `contexts` prompts whose likeliest next token is another."""

    setting: DoseSetting | None
    contexts: int
    changed: float
    kl: float
    raised: tuple[TokenChange, ...]
    lowered: tuple[TokenChange, ...]
    highest: tuple[ProjectedText, ...]
    lowest: tuple[ProjectedText, ...]
    resemblances: tuple[Resemblance, ...]
    chance_cosine: float
    extremes_layer: int


@dataclass(frozen=True)
class VectorMeasurement:
    """A vector's sweep and card at a stage. recommended: None where `refusal` says why.

    Figures are of the questions that the setting was chosen on: good for choosing, too good for reporting.
    """

    vector: str
    stage: str
    question_count: int
    unsteered: tuple[StratumRate, ...]
    curves: tuple[DoseCurve, ...]
    recommended: DoseSetting | None
    refusal: DoseRefusal
    card: VectorCard | None
    created_by: str
    create_time: datetime | None
    seconds: float

    def curve(self, layers: tuple[int, ...]) -> DoseCurve | None:
        """Of one group of layers; None for one that was not swept."""
        return next((curve for curve in self.curves if curve.layers == layers), None)
