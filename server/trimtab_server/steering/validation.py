"""Checks a steering configuration against the hosted model and the vectors it names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from trimtab_server.steering.snapshot import (
    NO_CUT,
    Bound,
    Condition,
    Configuration,
    Operator,
    Positions,
    PreserveStateNorm,
    Sampling,
    Steering,
    Term,
    ordered,
)
from trimtab_server.store.refusal import Refusal

MAX_TERMS: Final = 16
MAX_SYSTEM_PROMPT: Final = 8_192
MAX_TOKENS: Final = 4_096
MAX_STOPS: Final = 8
MAX_STOP_LENGTH: Final = 64
MAX_TEMPERATURE: Final = 5.0
MAX_LEVEL: Final = 10.0


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
    level: float = 0.0
    bound: Bound = Bound.EXACTLY
    preserve_state_norm: PreserveStateNorm = PreserveStateNorm.NEVER
    condition: Condition | None = None

    @classmethod
    def of(cls, term: Term) -> DraftTerm:
        """A checked term as somebody could have written it."""
        return cls(
            term.vector,
            term.strength,
            term.layers,
            term.operator,
            term.positions,
            term.force,
            term.level,
            term.bound,
            term.preserve_state_norm,
            term.condition,
        )


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
    terms: list[Term] = []
    forced: dict[str, str] = {}
    for number, term in enumerate(draft.terms):
        checked, misfits = _check_term(term, stage, model, catalogue, f"{path}.terms[{number}]")
        terms.append(checked)
        forced |= misfits
    _refuse_two_projections(terms, path)
    steering = Steering(model.name, stage, ordered(terms), draft.system_prompt)
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
) -> tuple[Term, dict[str, str]]:
    """The term with its layers written out, and by vector what does not fit and was let through by force."""
    _check_numbers(term, path)
    vector = _vector(term.vector, catalogue, f"{path}.vector")
    forced = {vector.id: _misfit(vector, stage, model, f"{path}.vector", force=term.force)}
    layers = tuple(sorted(set(term.layers))) or vector.layers
    for layer in layers:
        _check_layer(layer, vector, model, f"{path}.layers")
    condition = term.condition
    if condition is not None:
        where = f"{path}.condition"
        other = _vector(condition.vector, catalogue, f"{where}.vector")
        forced[other.id] = _misfit(other, stage, model, f"{where}.vector", force=term.force)
        _check_layer(condition.layer, other, model, f"{where}.layer")
        if condition.layer >= layers[0]:
            raise _invalid(
                f"{where}.layer",
                f"is {condition.layer}, and layer {layers[0]} is steered under it: a condition must be read at "
                "an earlier layer",
            )
        threshold = float(condition.threshold) + 0.0
        condition = Condition(other.id, condition.layer, threshold, condition.opens)
    checked = Term(
        vector.id,
        float(term.strength) + 0.0,
        layers,
        term.operator,
        term.positions,
        term.force,
        float(term.level) + 0.0,
        term.bound,
        term.preserve_state_norm,
        condition,
    )
    return checked, {name: misfit for name, misfit in forced.items() if misfit}


def _check_numbers(term: DraftTerm, path: str) -> None:
    lowest = -1.0 if term.operator is Operator.ADD else 0.0
    if not (math.isfinite(term.strength) and lowest <= term.strength <= 1.0):
        raise Refusal(
            "STRENGTH_OUT_OF_RANGE",
            field=f"{path}.strength",
            strength=term.strength,
            lowest=f"{lowest:g}",
            highest="1",
            operator=term.operator.value,
        )
    if not (math.isfinite(term.level) and abs(term.level) <= MAX_LEVEL):
        raise _invalid(f"{path}.level", f"is {term.level}; use {-MAX_LEVEL:g} to {MAX_LEVEL:g}")
    if term.operator is not Operator.CLAMP:
        # What would be ignored is refused: somebody meant something by it.
        for name, given in (("level", term.level != 0.0), ("bound", term.bound is not Bound.EXACTLY)):
            if given:
                raise _invalid(f"{path}.{name}", f"belongs to a clamp; the operator is {term.operator.value}")
    if term.condition is not None and not abs(term.condition.threshold) <= 1.0:
        raise _invalid(f"{path}.condition.threshold", f"is {term.condition.threshold}; scores lie in [-1, 1]")


def _vector(name: str, catalogue: VectorCatalogue, field: str) -> VectorFacts:
    vector = catalogue.facts(name)
    if vector is None:
        raise Refusal("VECTOR_NOT_FOUND", field=field, vector=f"vectors/{name}")
    return vector


def _check_layer(layer: int, vector: VectorFacts, model: ModelFacts, field: str) -> None:
    if layer not in vector.layers or not 0 <= layer < model.layer_count:
        raise Refusal(
            "LAYER_OUT_OF_RANGE",
            field=field,
            layer=layer,
            vector=f"vectors/{vector.id}",
            vector_layers=",".join(map(str, vector.layers)),
            layer_count=model.layer_count,
        )


def _refuse_two_projections(terms: Sequence[Term], path: str) -> None:
    """Both would be measured on the block's own output, and what one leaves the other would put back."""
    taken: set[int] = set()
    for number, term in enumerate(terms):
        if term.operator is Operator.ADD:
            continue
        both = taken & set(term.layers)
        if both:
            raise _invalid(
                f"{path}.terms[{number}].layers",
                f"names layer {min(both)}, where another term ablates or clamps already; one term a layer may",
            )
        taken |= set(term.layers)


def _misfit(vector: VectorFacts, stage: str, model: ModelFacts, field: str, *, force: bool) -> str:
    """What of the vector does not fit and was let through by force; "" if it fits."""
    if vector.model_fingerprint != model.fingerprint:
        if not force:
            raise Refusal(
                "VECTOR_MODEL_MISMATCH",
                field=field,
                vector=f"vectors/{vector.id}",
                vector_model=vector.model_fingerprint,
                hosted_model=model.fingerprint,
            )
        if vector.hidden_size != model.hidden_size:
            # No force makes a direction of another length fit.
            raise Refusal(
                "VECTOR_SHAPE",
                field=field,
                detail=f"vectors/{vector.id} has {vector.hidden_size} components, "
                f"the hosted model's residual stream has {model.hidden_size}",
                vector=f"vectors/{vector.id}",
            )
        return "model"
    if vector.stage != stage:
        if not force:
            raise Refusal(
                "VECTOR_STAGE_MISMATCH",
                field=field,
                vector=f"vectors/{vector.id}",
                vector_stage=vector.stage,
                stage=stage,
            )
        return "stage"
    return ""


def _invalid(field: str, detail: str) -> Refusal:
    return Refusal("FIELD_INVALID", field=field, detail=f"{field} {detail}")
