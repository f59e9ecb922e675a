"""From files and a few words to a trial that can be locked."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, cast

from pydantic import BaseModel, ConfigDict, ValidationError
from trimtab_protos.v1 import trial_pb2

from trimtab_server.api import wire
from trimtab_server.api.library import VectorLibrary
from trimtab_server.api.plans import Planner
from trimtab_server.api.presets import PresetFileError
from trimtab_server.api.trial_lanes import LanePinner
from trimtab_server.jobs.trial_margins import measurable
from trimtab_server.steering.pinned_lanes import PinnedLane
from trimtab_server.steering.snapshot import Configuration, Operator, PreserveStateNorm, Term
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.trials.criteria import (
    REPLY_EFFECTS,
    Criteria,
    CriteriaError,
    Sampling,
    ScorerKind,
    check_criteria,
    default_criteria,
)
from trimtab_server.trials.criteria_file import parse_criteria
from trimtab_server.trials.lanes import LaneKind, LaneSpec, LaneTerm, Place, PromptLine
from trimtab_server.trials.prompt_file import PromptFileError, parse_prompts
from trimtab_server.trials.prompts import PromptSet

#: Measures that a row gets where a side effect asks for them, beside those that `trials.effects` reads off replies.
MEASURES: Final = frozenset({"kl", "entropy", "residual_norm_ratio"})
#: Repeats at temperature 0 would all be the same.
_TEMPERATURE: Final = 0.2
_DEFAULT_LANES: Final = ("unsteered", "prompt", "steered")
_MADE: Final = ("unsteered", "prompt", "steered", "steered+prompt")
_FORMATS: Final[dict[str, Literal["toml", "json"]]] = {"toml": "toml", "json": "json"}


@dataclass(frozen=True)
class Draft:
    """A trial that can be locked. remarks: worth knowing, and no fault."""

    deployment: str
    display_name: str
    criteria: Criteria
    prompts: PromptSet
    lanes: tuple[PinnedLane, ...]
    remarks: tuple[str, ...]


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore")
    text: str
    language: str = ""
    position: Place = "before"


class _Lines(BaseModel):
    model_config = ConfigDict(extra="ignore")
    honesty_prompts: tuple[_Line, ...]


class TrialDrafts:
    """Reads drafts. `read` blocks; `sample` too."""

    def __init__(
        self,
        *,
        database: Database,
        library: VectorLibrary,
        planner: Planner,
        watched: Callable[[str], str],
        model_directory: Path,
    ) -> None:
        self._pinner = LanePinner(database, library, planner)
        self._library = library
        self._planner = planner
        self._watched = watched
        self._directory = model_directory

    def sample(self) -> trial_pb2.TrialSample:
        """Raises: Refusal: TRIAL_SAMPLE_MISSING."""
        prompts, criteria = (
            self._directory / "trial" / "sample.csv",
            self._directory / "trial" / "criteria.toml",
        )
        if not (prompts.is_file() and criteria.is_file()):
            raise Refusal("TRIAL_SAMPLE_MISSING", model=self._planner.facts.name)
        return trial_pb2.TrialSample(
            prompts=trial_pb2.PromptFile(name=prompts.name, content=prompts.read_bytes()),
            criteria=trial_pb2.CriteriaFile(text=criteria.read_text(encoding="utf-8"), format="toml"),
        )

    def read(self, draft: trial_pb2.TrialDraft, active: Configuration) -> Draft:
        """The trial that a draft asks for. active: what its deployment serves now.

        Raises:
            Refusal: PROMPTS_INVALID, CRITERIA_INVALID, or what a lane is refused for.
        """
        deployment = wire.deployment_id(draft.deployment)
        prompts = _prompts(draft.prompts)
        remarks: list[str] = []
        given = _given(draft.criteria)
        criteria = given or self._default(prompts, remarks)
        wanted = tuple(draft.lanes) or (() if given else _DEFAULT_LANES)
        criteria, stage = self._with_lanes(criteria, wanted, draft.snapshot, deployment, active)
        criteria = _repeated(criteria, draft.repeats)
        try:
            check_criteria(criteria, prompts)
        except CriteriaError as error:
            raise criteria_refused(error) from error
        _check_measures(criteria)
        lanes = self._pinner.pin(criteria, stage)
        if criteria.scorer.kind == "margin":
            _check_margins(lanes)
        name = draft.display_name.strip() or criteria.name
        return Draft(deployment, name, criteria, prompts, lanes, tuple(remarks))

    def settle(
        self,
        file: trial_pb2.CriteriaFile,
        lanes: Sequence[str],
        snapshot: str,
        goal: str,
        deployment: str,
        active: Configuration,
    ) -> tuple[Criteria, tuple[PinnedLane, ...]]:
        """Criteria without prompts, written out in full: whoever makes a trial by them gets these lanes, whatever
        becomes of names and of what is active meanwhile. goal: of criteria that say none.

        Raises:
            Refusal: CRITERIA_INVALID, or what a lane is refused for.
        """
        given = _given(file)
        if given is None:
            raise Refusal(
                "CRITERIA_INVALID",
                field="draft.criteria",
                detail="there are none; write them, or take a template's",
            )
        criteria, stage = self._with_lanes(given, tuple(lanes), snapshot, deployment, active)
        criteria = _repeated(
            replace(criteria, stage=criteria.stage or stage, goal=criteria.goal.strip() or goal), 0
        )
        try:
            check_criteria(criteria)
        except CriteriaError as error:
            raise criteria_refused(error) from error
        _check_measures(criteria)
        criteria = self._pinner.in_full(criteria)
        pinned = self._pinner.pin(criteria, stage)
        if criteria.scorer.kind == "margin":
            _check_margins(pinned)
        return criteria, pinned

    def _with_lanes(
        self,
        criteria: Criteria,
        wanted: tuple[str, ...],
        snapshot: str,
        deployment: str,
        active: Configuration,
    ) -> tuple[Criteria, str]:
        """The lanes that are wanted, made where the criteria have none; and the stage of lanes that name none."""
        stage = active.steering.stage
        if wanted:
            source = _Source(self, snapshot, deployment, active)
            criteria = replace(criteria, lanes=tuple(self._lane(own, criteria, source) for own in wanted))
            stage = source.stage or stage
            if criteria.lane not in {own.name for own in criteria.lanes if own.kind != "prompt"}:
                criteria = replace(criteria, lane="")
        return criteria, stage

    def steering_of(
        self, snapshot: str, deployment: str, active: Configuration
    ) -> Configuration | VectorTerm:
        """What lanes made here steer with: the named snapshot, the active one, or the watched vector."""
        if snapshot:
            return self._pinner.snapshot(snapshot, "draft.snapshot")
        if active.steering.terms:
            return active
        watched = self._watched(deployment)
        if not watched:
            raise Refusal(
                "CRITERIA_INVALID",
                field="draft.lanes",
                detail="a steered lane is asked for and nothing steers here: name a snapshot, or give the lane its "
                "vectors in the criteria",
            )
        vector = self._library.vector(watched)
        suggested = vector.suggested
        strength = 0.0 if suggested is None else suggested.strength
        if suggested is None or not strength:
            raise Refusal(
                "CRITERIA_INVALID",
                field="draft.lanes",
                detail=f"vectors/{watched} suggests no strength: sweep it, or name a snapshot",
            )
        term = LaneTerm(
            f"vectors/{vector.id}", strength, tuple(suggested.layers), positions=suggested.positions
        )
        return VectorTerm(term, vector.stage)

    def _default(self, prompts: PromptSet, remarks: list[str]) -> Criteria:
        kind: ScorerKind = "honesty"
        if not all(own.gold for own in prompts):
            kind = "rating"
            remarks.append("Not every prompt has a gold answer, so people grade the replies.")
        elif not all(own.dishonest for own in prompts):
            kind = "contains"
            remarks.append(
                "Not every prompt has a dishonest answer, so a reply is right if it names a gold one."
            )
        criteria = default_criteria(kind, prompts=prompts)
        remarks.append(
            f"No criteria were given: the gain to be shown is {criteria.margin:g}, on {criteria.min_prompts} prompts "
            "or more."
        )
        lines = self._lines()
        if lines:
            lanes = tuple(
                replace(own, system_prompt=lines) if own.kind == "prompt" else own for own in criteria.lanes
            )
            criteria = replace(criteria, lanes=lanes)
        return criteria

    def _lines(self) -> tuple[PromptLine, ...]:
        """The model's own honesty line of each language. Raises PresetFileError."""
        path = self._directory / "prompts.json"
        if not path.is_file():
            return ()
        try:
            read = _Lines.model_validate(json.loads(path.read_bytes())).honesty_prompts
        except (ValidationError, json.JSONDecodeError) as error:
            raise PresetFileError(f"{path} is no list of honesty prompts: {error}") from error
        first: dict[str, PromptLine] = {}
        for own in read:
            first.setdefault(own.language, PromptLine(own.text, own.language, own.position))
        return tuple(first.values())

    def _lane(self, wanted: str, criteria: Criteria, source: _Source) -> LaneSpec:
        """The lane of that name, else the first of that kind, else one that is made."""
        named = [own for own in criteria.lanes if own.name == wanted]
        for own in (*named, *(own for own in criteria.lanes if own.kind == wanted)):
            return own
        if wanted not in _MADE:
            raise Refusal(
                "CRITERIA_INVALID",
                field="draft.lanes",
                detail=f"there is no lane {wanted!r}: use a name from the criteria, or {', '.join(_MADE)}",
            )
        lines = next((own.system_prompt for own in criteria.lanes if own.system_prompt), ())
        if wanted in ("prompt", "steered+prompt") and not lines:
            lines = self._lines() or default_criteria().prompt_lanes[0].system_prompt
        if wanted == "unsteered":
            return LaneSpec(wanted, "unsteered")
        if wanted == "prompt":
            return LaneSpec(wanted, "prompt", lines)
        return source.lane(cast(LaneKind, wanted), lines)


@dataclass(frozen=True)
class VectorTerm:
    """A vector as it is suggested, at the stage it was made at."""

    term: LaneTerm
    stage: str


class _Source:
    """Steered lanes that no criteria describe, all from one place, which is looked up when it is needed."""

    def __init__(self, drafts: TrialDrafts, snapshot: str, deployment: str, active: Configuration) -> None:
        self._drafts = drafts
        self._deployment = deployment
        self._name = snapshot
        self._active = active
        #: Of what the lanes steer with; "" while there are none.
        self.stage = ""

    def lane(self, kind: LaneKind, lines: tuple[PromptLine, ...]) -> LaneSpec:
        """Raises: Refusal: CRITERIA_INVALID, the snapshot cannot be a lane of this kind."""
        found = self._drafts.steering_of(self._name, self._deployment, self._active)
        prompt = lines if kind == "steered+prompt" else ()
        if isinstance(found, VectorTerm):
            self.stage = found.stage
            return LaneSpec(kind, kind, prompt, (found.term,))
        self.stage = found.steering.stage
        if not found.steering.terms:
            raise self._refused(kind, "does not steer: name one that does")
        if found.steering.system_prompt or not all(map(_plain, found.steering.terms)):
            if kind == "steered+prompt":
                raise self._refused(
                    kind, "has a prompt, conditions or clamps of its own: leave that lane out"
                )
            return LaneSpec(kind, "snapshot", snapshot=f"snapshots/{found.id}")
        return LaneSpec(kind, kind, prompt, tuple(map(_lane_term, found.steering.terms)))

    def _refused(self, kind: str, why: str) -> Refusal:
        name = self._name or "the active snapshot"
        return Refusal("CRITERIA_INVALID", field="draft.snapshot", detail=f"lane {kind!r}: {name} {why}")


def _plain(term: Term) -> bool:
    """Whether a lane can say it (`LaneTerm`)."""
    return (
        term.operator in (Operator.ADD, Operator.ABLATE)
        and term.preserve_state_norm is PreserveStateNorm.NEVER
        and term.condition is None
        and not term.force
    )


def _lane_term(term: Term) -> LaneTerm:
    return LaneTerm(
        f"vectors/{term.vector}",
        term.strength,
        term.layers,
        cast(Literal["add", "ablate"], term.operator.value),
        term.positions.value,
    )


def _prompts(file: trial_pb2.PromptFile) -> PromptSet:
    if not file.content:
        raise Refusal(
            "PROMPTS_INVALID", field="draft.prompts", detail="there is no file of prompts; give one"
        )
    try:
        return parse_prompts(file.content, Path(file.name).name)
    except PromptFileError as error:
        raise Refusal("PROMPTS_INVALID", field="draft.prompts", detail=str(error)) from error


def _given(file: trial_pb2.CriteriaFile) -> Criteria | None:
    if not file.text and not file.format:
        return None
    written_in = _FORMATS.get(file.format)
    if written_in is None:
        raise Refusal(
            "FIELD_INVALID",
            field="draft.criteria.format",
            detail=f"draft.criteria.format is {file.format!r}; use toml or json",
        )
    try:
        return parse_criteria(file.text, written_in)
    except CriteriaError as error:
        raise criteria_refused(error) from error


def _repeated(criteria: Criteria, repeats: int) -> Criteria:
    if not 0 <= repeats <= 1000:
        raise Refusal(
            "FIELD_INVALID", field="draft.repeats", detail=f"draft.repeats is {repeats}; use 0 to 1000"
        )
    if repeats and repeats != criteria.repeats:
        criteria = replace(criteria, seeds=tuple(range(1, repeats + 1)))
    if criteria.repeats > 1 and criteria.sampling == Sampling():
        criteria = replace(criteria, sampling=replace(criteria.sampling, temperature=_TEMPERATURE))
    return criteria


def _check_measures(criteria: Criteria) -> None:
    for place, limit in enumerate(criteria.side_effects):
        if limit.measure not in REPLY_EFFECTS and limit.measure not in MEASURES:
            known = ", ".join((*REPLY_EFFECTS, *sorted(MEASURES)))
            raise Refusal(
                "CRITERIA_INVALID",
                field="draft.criteria",
                detail=f"side_effects[{place}].measure is {limit.measure!r}; use one of {known}",
            )


def _check_margins(lanes: tuple[PinnedLane, ...]) -> None:
    for lane in lanes:
        if not measurable(lane.configuration):
            raise Refusal(
                "CRITERIA_INVALID",
                field="draft.criteria",
                detail=f"lane {lane.name!r} has clamps, conditions or positions of two kinds, under which margins are "
                "not read; use another scorer",
            )


def criteria_refused(error: CriteriaError) -> Refusal:
    return Refusal(
        "CRITERIA_INVALID",
        field="draft.criteria",
        violations=[(f"draft.criteria.{fault.key}", f"{fault.fault}; {fault.fix}") for fault in error.faults],
        detail="; ".join(str(error).splitlines()),
    )
