"""The plan of a study: one TOML file that says beforehand what will be run and how it will be judged.

Read strictly: an unknown key, a wrong type or a value that cannot work is refused with the key's name. The
plan's hash is over its content, not over its spelling, and not over the files it names: those are hashed one by
one when a study starts (`lock`).
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

Role = Literal["discovery", "confirmation"]
Statistic = Literal["receptivity", "lag"]
LinePosition = Literal["before", "after", "user", "alone"]

#: Fewer random vectors than this need a reason: the 95th percentile of a handful is no control.
ENOUGH_RANDOM: Final = 50

Name = Annotated[str, Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Layers = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]


class StudyError(Exception):
    """A study cannot go on, for a reason that the message tells and the user can mend."""


class PlanError(StudyError, ValueError):
    """A plan cannot be used. The message names the file and the key, says what was expected and what to do."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Runs(_Part):
    """One fine-tuning run, or with wildcards in `directory` several of one kind.

    directory: of a model (stages.json, base/, stages/), relative to the plan. seed: the fine-tune seed; left out,
    it is the number the directory's name ends with. arc: what kind of fine-tune, such as natural, planted_window
    or planted_null. twins: file of recorded twin runs inside the directory. stages: some of its stages, in order.
    """

    directory: Annotated[str, Field(min_length=1)]
    architecture: Name
    arc: Name
    role: Role
    seed: Annotated[int, Field(ge=0)] | None = None
    twins: str | None = None
    stages: Annotated[list[str], Field(min_length=2)] | None = None

    @model_validator(mode="after")
    def _one_seed_one_directory(self) -> Runs:
        if self.seed is not None and any(c in self.directory for c in "*?["):
            raise ValueError(
                "seed is given for a directory with wildcards; leave it out, or name one directory"
            )
        return self


class Vectors(_Part):
    """How vectors are extracted. layers: the candidates, each one block or a small band of blocks."""

    contrast_set: Annotated[str, Field(min_length=1)]
    method: Literal["diff_mean", "paired_pca", "logistic"] = "diff_mean"
    layers: Annotated[list[Layers], Field(min_length=1)]
    positions: Literal["reply", "all"] = "reply"
    split_halves: Annotated[int, Field(ge=50)] = 50

    @property
    def every_layer(self) -> tuple[int, ...]:
        return tuple(sorted({layer for band in self.layers for layer in band}))


class Dose(_Part):
    """The reference strength a* and the doses around it.

    choose "dev": a* and the layers are chosen among `strengths` and the candidate layers, for each architecture,
    on dev items at the last stage of its discovery runs. choose "fixed": one strength and one layer candidate.
    grid: the doses that are measured, as multiples of a*; with 0, and with -1 and 1.
    """

    choose: Literal["dev", "fixed"]
    strengths: Annotated[list[Positive], Field(min_length=1)]
    grid: Annotated[list[Finite], Field(min_length=3)] = [-1.0, -0.5, 0.0, 0.5, 1.0]

    @field_validator("grid")
    @classmethod
    def _around_zero(cls, grid: list[float]) -> list[float]:
        if sorted(set(grid)) != grid or not {-1.0, 0.0, 1.0} <= set(grid):
            raise ValueError(
                "multiples of the reference strength in ascending order with -1, 0 and 1 expected"
            )
        return grid


class Items(_Part):
    """Question files. neutral: questions without pressure, for what steering costs. limits: use fewer, drawn
    by whole facts with the plan's seed."""

    dev: Annotated[str, Field(min_length=1)]
    held_out: Annotated[str, Field(min_length=1)]
    neutral: Annotated[str, Field(min_length=1)]
    dev_limit: Annotated[int, Field(ge=2)] | None = None
    held_out_limit: Annotated[int, Field(ge=2)] | None = None
    neutral_limit: Annotated[int, Field(ge=2)] | None = None


class Texts(_Part):
    """Neutral texts for KL and perplexity: those the dose is chosen with, and those it is reported on."""

    dev: Annotated[str, Field(min_length=1)]
    held_out: Annotated[str, Field(min_length=1)]
    dev_limit: Annotated[int, Field(ge=1)] | None = None
    held_out_limit: Annotated[int, Field(ge=1)] | None = None


class Line(_Part):
    """A sentence put into a conversation: before or after the system message, in front of the user's, or alone
    in the place of the system message."""

    text: Annotated[str, Field(min_length=1)]
    language: Annotated[str, Field(min_length=1)]
    position: LinePosition = "before"


class Prompts(_Part):
    """Lines that ask for honesty (the best is chosen on dev items) and lines that ask for lies, by language."""

    honest: Annotated[list[Line], Field(min_length=1)]
    lying: Annotated[list[Line], Field(min_length=1)]


class Controls(_Part):
    """random_vectors: of the same norm, at the same layers and doses. why_fewer: why there are fewer than 50.
    random_doses: all of the grid, or the reference strength and its negative alone. shuffled: vectors of the same
    contrast set with its labels permuted within pairs."""

    random_vectors: Annotated[int, Field(ge=20)] = ENOUGH_RANDOM
    why_fewer: str = ""
    random_doses: Literal["grid", "reference"] = "grid"
    shuffled: Annotated[int, Field(ge=0)] = 5

    @model_validator(mode="after")
    def _enough(self) -> Controls:
        if self.random_vectors < ENOUGH_RANDOM and not self.why_fewer.strip():
            raise ValueError(
                f"{self.random_vectors} random vectors are fewer than {ENOUGH_RANDOM}; use more, or say why in "
                "why_fewer"
            )
        return self


class Gates(_Part):
    """Upper limits of what steering at a* may cost. kl: nats per token on neutral text. capability_loss: upper
    bound of the share of neutral questions lost. anti_steerable: share of items with a negative slope."""

    kl: Positive = 0.05
    perplexity_ratio: Positive = 1.05
    capability_loss: Positive = 0.02
    harm_flips: Positive = 0.02
    anti_steerable: Positive = 0.30


class Window(_Part):
    """The window rule: which statistics it judges, the smallest effect of interest as a share of the first
    stage's (`relative_delta`) or in the statistic's own unit (`delta`), and the sizes of windows in stages. planted:
    the statistic for the planted arcs; left out, "lag" if it is judged."""

    statistics: Annotated[list[Statistic], Field(min_length=1)] = ["receptivity"]
    relative_delta: Positive = 0.2
    delta: Positive | None = None
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    sizes: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=1)] = [2, 3]
    planted: Statistic | None = None

    @model_validator(mode="after")
    def _planted_is_judged(self) -> Window:
        if self.planted is not None and self.planted not in self.statistics:
            raise ValueError(f"planted is {self.planted!r}, which is not among statistics")
        return self

    @property
    def judges_planted(self) -> Statistic:
        """The statistic that the planted arcs are judged by."""
        if self.planted is not None:
            return self.planted
        return "lag" if "lag" in self.statistics else self.statistics[0]


class Cost(_Part):
    """Prices, in any one currency. per_second: of the machine. replies: how many the deployment gives over its
    life. per_lie: what one costs. per_capability_loss: what one unit of lost capability costs."""

    per_second: Annotated[float, Field(ge=0)] = 0.0
    replies: Annotated[int, Field(ge=0)] = 0
    per_lie: Annotated[float, Field(ge=0)] = 0.0
    per_capability_loss: Annotated[float, Field(ge=0)] = 0.0


class StudyPlan(_Part):
    """Everything that decides a study's result, apart from the files it names."""

    name: Name
    seed: Annotated[int, Field(ge=0)]
    runs: Annotated[list[Runs], Field(min_length=1)]
    vectors: Vectors
    dose: Dose
    items: Items
    texts: Texts
    prompts: Prompts
    controls: Controls = Controls()
    gates: Gates = Gates()
    window: Window = Window()
    cost: Cost = Cost()
    resamples: Annotated[int, Field(ge=200)] = 2000
    dishonest: Literal["all", "first"] = "all"

    @model_validator(mode="after")
    def _fixed_means_one(self) -> StudyPlan:
        if self.dose.choose == "fixed" and (len(self.dose.strengths) > 1 or len(self.vectors.layers) > 1):
            raise ValueError(
                'dose.choose is "fixed", so dose.strengths and vectors.layers must hold one entry each'
            )
        return self

    @property
    def hash(self) -> str:
        """SHA-256 hex of the canonical JSON of the whole plan, defaults filled in."""
        return hashlib.sha256(canonical_json(self.model_dump(mode="json"))).hexdigest()


def read_plan(path: Path) -> StudyPlan:
    """Raises FileNotFoundError, or PlanError for what is no plan; the message lists every wrong key."""
    try:
        record = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: no TOML: {error}") from error
    try:
        return StudyPlan.model_validate(record)
    except ValidationError as error:
        raise PlanError(f"{path}: " + "; ".join(_told(e) for e in error.errors())) from error


def canonical_json(value: Any) -> bytes:
    """One byte string per value: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def _told(error: Any) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "the plan"
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key; take it out or mend its spelling"
    message = str(error["msg"]).removeprefix("Value error, ")
    given = error.get("input")
    shown = f" (found {given!r})" if isinstance(given, (str, int, float, bool)) else ""
    return f"{key}: {message[:1].lower()}{message[1:]}{shown}"
