"""Checks a steering configuration against the hosted model and the vectors it names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from trimtab_server.steering.snapshot import (
    NO_CUT,
    Configuration,
    Operator,
    Positions,
    Sampling,
    Steering,
    Term,
)
from trimtab_server.store.refusal import Refusal

MAX_TERMS: Final = 16
MAX_SYSTEM_PROMPT: Final = 8_192
MAX_TOKENS: Final = 4_096
MAX_STOPS: Final = 8
MAX_STOP_LENGTH: Final = 64
MAX_TEMPERATURE: Final = 5.0


@dataclass(frozen=True)
class VectorFacts:
    """What steering has to know of a vector."""

    id: str
    layers: tuple[int, ...]
    stage: str
    model_fingerprint: str
    hidden_size: int


@dataclass(frozen=True)
class ModelFacts:
    """What steering has to know of the hosted model. `fingerprint` is a digest."""

    name: str
    fingerprint: str
    hidden_size: int
    layer_count: int
    stages: tuple[str, ...]
    default_stage: str


class VectorCatalogue(Protocol):
    """Where vectors are looked up."""

    def facts(self, vector: str) -> VectorFacts | None:
        """By id; None if there is no such vector."""


@dataclass(frozen=True)
class DraftTerm:
    """A term as a caller wrote it: `layers` empty means every layer of the vector."""

    vector: str
    strength: float
    layers: tuple[int, ...] = ()
    operator: Operator = Operator.ADD
    positions: Positions = Positions.ALL
    force: bool = False


@dataclass(frozen=True)
class DraftSteering:
    """A configuration as a caller wrote it: an empty `stage` means the model's default one."""

    stage: str = ""
    terms: tuple[DraftTerm, ...] = ()
    system_prompt: str = ""


@dataclass(frozen=True)
class Checked:
    """A valid configuration. `forced` says of each vector that needed force what does not fit."""

    configuration: Configuration
    forced: Mapping[str, str]


def check(
    draft: DraftSteering,
    sampling: Sampling,
    model: ModelFacts,
    catalogue: VectorCatalogue,
    *,
    path: str = "steering",
    sampling_path: str = "sampling",
) -> Checked:
    """The draft with everything implicit written out.

    Raises:
        Refusal: STAGE_NOT_FOUND, VECTOR_NOT_FOUND, VECTOR_MODEL_MISMATCH, VECTOR_STAGE_MISMATCH,
            VECTOR_SHAPE, STRENGTH_OUT_OF_RANGE, LAYER_OUT_OF_RANGE or FIELD_INVALID, with the field at fault.
    """
    stage = stage_of(draft.stage, model, f"{path}.stage")
    if len(draft.terms) > MAX_TERMS:
        raise _invalid(f"{path}.terms", f"holds {len(draft.terms)} terms; at most {MAX_TERMS} are allowed")
    if len(draft.system_prompt) > MAX_SYSTEM_PROMPT:
        raise _invalid(f"{path}.system_prompt", f"is longer than {MAX_SYSTEM_PROMPT} characters")
    terms, forced = [], {}
    for number, term in enumerate(draft.terms):
        checked, misfit = _check_term(term, stage, model, catalogue, f"{path}.terms[{number}]")
        terms.append(checked)
        if misfit:
            forced[checked.vector] = misfit
    steering = Steering(model.name, stage, tuple(sorted(terms)), draft.system_prompt)
    return Checked(Configuration(steering, check_sampling(sampling, sampling_path)), forced)


def stage_of(name: str, model: ModelFacts, field: str) -> str:
    """The stage's short name, from "models/{model}/stages/{stage}", "{stage}" or "" (the default one)."""
    if not name:
        return model.default_stage
    # The name of a model from the hub has a slash of its own.
    stage = name.removeprefix(f"models/{model.name}/stages/")
    if stage not in model.stages:
        raise Refusal("STAGE_NOT_FOUND", field=field, stage=name, model=model.name)
    return stage


def check_sampling(sampling: Sampling, path: str = "sampling") -> Sampling:
    """The same, with the wire's 0 for `top_p` written out.

    Raises:
        Refusal: FIELD_INVALID, with the field at fault.
    """
    if not (math.isfinite(sampling.temperature) and 0 <= sampling.temperature <= MAX_TEMPERATURE):
        raise _invalid(f"{path}.temperature", f"is {sampling.temperature}; use 0 to {MAX_TEMPERATURE:g}")
    if not (math.isfinite(sampling.top_p) and 0 <= sampling.top_p <= 1):
        raise _invalid(f"{path}.top_p", f"is {sampling.top_p}; use a share above 0 and at most 1")
    if sampling.top_k < 0:
        raise _invalid(f"{path}.top_k", f"is {sampling.top_k}; use 0 for no cut, or a positive number")
    if not 0 <= sampling.max_tokens <= MAX_TOKENS:
        raise _invalid(f"{path}.max_tokens", f"is {sampling.max_tokens}; use 0 to {MAX_TOKENS}")
    if len(sampling.stop) > MAX_STOPS or not all(0 < len(stop) <= MAX_STOP_LENGTH for stop in sampling.stop):
        raise _invalid(
            f"{path}.stop", f"must be at most {MAX_STOPS} texts of 1 to {MAX_STOP_LENGTH} characters"
        )
    return Sampling(
        temperature=sampling.temperature,
        top_p=sampling.top_p or NO_CUT,
        top_k=sampling.top_k,
        seed=sampling.seed,
        max_tokens=sampling.max_tokens,
        stop=tuple(sampling.stop),
    )


def _check_term(
    term: DraftTerm, stage: str, model: ModelFacts, catalogue: VectorCatalogue, path: str
) -> tuple[Term, str]:
    lowest = 0.0 if term.operator is Operator.ABLATE else -1.0
    if not (math.isfinite(term.strength) and lowest <= term.strength <= 1.0):
        raise Refusal(
            "STRENGTH_OUT_OF_RANGE",
            field=f"{path}.strength",
            strength=term.strength,
            lowest=f"{lowest:g}",
            highest="1",
            operator=term.operator.value,
        )
    vector = catalogue.facts(term.vector)
    if vector is None:
        raise Refusal("VECTOR_NOT_FOUND", field=f"{path}.vector", vector=f"vectors/{term.vector}")
    misfit = _misfit(vector, stage, model, path, force=term.force)
    layers = tuple(sorted(set(term.layers))) or vector.layers
    for layer in layers:
        if layer not in vector.layers or not 0 <= layer < model.layer_count:
            raise Refusal(
                "LAYER_OUT_OF_RANGE",
                field=f"{path}.layers",
                layer=layer,
                vector=f"vectors/{vector.id}",
                vector_layers=",".join(map(str, vector.layers)),
                layer_count=model.layer_count,
            )
    return Term(
        vector.id, float(term.strength) + 0.0, layers, term.operator, term.positions, term.force
    ), misfit


def _misfit(vector: VectorFacts, stage: str, model: ModelFacts, path: str, *, force: bool) -> str:
    """What of the vector does not fit and was let through by force; "" if it fits."""
    if vector.model_fingerprint != model.fingerprint:
        if not force:
            raise Refusal(
                "VECTOR_MODEL_MISMATCH",
                field=f"{path}.vector",
                vector=f"vectors/{vector.id}",
                vector_model=vector.model_fingerprint,
                hosted_model=model.fingerprint,
            )
        if vector.hidden_size != model.hidden_size:
            # No force makes a direction of another length fit.
            raise Refusal(
                "VECTOR_SHAPE",
                field=f"{path}.vector",
                detail=f"vectors/{vector.id} has {vector.hidden_size} components, "
                f"the hosted model's residual stream has {model.hidden_size}",
                vector=f"vectors/{vector.id}",
            )
        return "model"
    if vector.stage != stage:
        if not force:
            raise Refusal(
                "VECTOR_STAGE_MISMATCH",
                field=f"{path}.vector",
                vector=f"vectors/{vector.id}",
                vector_stage=vector.stage,
                stage=stage,
            )
        return "stage"
    return ""


def _invalid(field: str, detail: str) -> Refusal:
    return Refusal("FIELD_INVALID", field=field, detail=f"{field} {detail}")
