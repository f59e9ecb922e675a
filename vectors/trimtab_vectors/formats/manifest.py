"""What a vector file says beside its directions: the pydantic edge of `SteeringVector`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import torch
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    model_serializer,
)

from trimtab_vectors.steering_vector import ModelFingerprint, SteeringVector, Suggested, VectorError

#: The manifest's own version; a reader refuses any other.
FORM: Final = "trimtab.vector/1"

_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Text = Annotated[str, StringConstraints(max_length=4096)]
_Layer = Annotated[int, Field(ge=0, lt=4096)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ModelManifest(_Strict):
    architecture: _Text
    hidden_size: Annotated[int, Field(gt=0)]
    layer_count: Annotated[int, Field(gt=0)]
    weights: _Sha256


class LayerManifest(_Strict):
    """One layer's figures; those from `pair_accuracy` on are None if they were not measured."""

    layer: _Layer
    raw_norm: Annotated[float, Field(ge=0)]
    residual_norm: Annotated[float, Field(ge=0)]
    pair_accuracy: Annotated[float, Field(ge=0, le=1)] | None = None
    explained_variance: Annotated[float, Field(ge=0, le=1)] | None = None
    noise_ceiling: Annotated[float, Field(ge=0, le=1)] | None = None
    separation: float | None = None
    agreement: Annotated[float, Field(ge=-1, le=1)] | None = None

    @model_serializer(mode="wrap")
    def _without_absent_figures(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without(dump(self), ("explained_variance", "noise_ceiling", "separation", "agreement"))


class SuggestedManifest(_Strict):
    strength: float
    layers: list[_Layer]
    positions: Literal["all", "reply"] = "all"
    safe_strength: float | None = None

    @classmethod
    def of(cls, suggested: Suggested) -> SuggestedManifest:
        return cls(
            strength=suggested.strength,
            layers=list(suggested.layers),
            positions=suggested.positions,
            safe_strength=suggested.safe_strength,
        )

    def suggestion(self) -> Suggested:
        return Suggested(self.strength, tuple(self.layers), self.positions, self.safe_strength)


class VectorManifest(_Strict):
    """Everything of a steering vector but its directions, and the id they must add up to."""

    form: Literal["trimtab.vector/1"]
    id: _Sha256
    concept: _Text
    stage: _Text
    model: ModelManifest
    method: _Text
    data_hash: _Sha256
    layers: list[LayerManifest]
    display_name: _Text = ""
    created_by: _Text = ""
    license: _Text = ""
    suggested: SuggestedManifest | None = None
    position: _Text = ""
    seed: int | None = None

    @model_serializer(mode="wrap")
    def _without_absent_origin(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _without(dump(self), ("position", "seed"))

    @classmethod
    def of(cls, vector: SteeringVector) -> VectorManifest:
        """Raises VectorError (FIELD_INVALID) for a text or a layer beyond what a file may hold."""
        try:
            return cls._of(vector)
        except ValidationError as error:
            place, message = _first(error)
            raise VectorError(
                "FIELD_INVALID", f"the vector's {place} cannot be stored: {message}", field=place
            ) from error

    @classmethod
    def _of(cls, vector: SteeringVector) -> VectorManifest:
        return cls(
            form=FORM,
            id=vector.id,
            concept=vector.concept,
            stage=vector.stage,
            model=ModelManifest(**vector.model.as_dict()),
            method=vector.method,
            data_hash=vector.data_hash,
            layers=[
                LayerManifest(
                    layer=layer,
                    raw_norm=vector.raw_norms[layer],
                    residual_norm=vector.residual_norms[layer],
                    pair_accuracy=vector.pair_accuracies.get(layer),
                    explained_variance=vector.explained_variances.get(layer),
                    noise_ceiling=vector.noise_ceilings.get(layer),
                    separation=vector.separations.get(layer),
                    agreement=vector.agreements.get(layer),
                )
                for layer in vector.layers
            ],
            display_name=vector.display_name,
            created_by=vector.created_by,
            license=vector.license,
            suggested=None if vector.suggested is None else SuggestedManifest.of(vector.suggested),
            position=vector.position,
            seed=vector.seed,
        )

    @classmethod
    def parse(cls, text: str) -> VectorManifest:
        """Raises VectorError (VECTOR_CORRUPT) that names the field at fault."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            place, message = _first(error)
            raise VectorError(
                "VECTOR_CORRUPT", f"the manifest is not valid at {place}: {message}", field=place
            ) from error

    def vector(self, directions: Mapping[int, torch.Tensor]) -> SteeringVector:
        """Join with the directions (float32 [H] on the CPU). Raises VectorError."""
        layers = [figures.layer for figures in self.layers]
        if sorted(layers) != sorted(directions):
            raise VectorError(
                "VECTOR_CORRUPT",
                f"the manifest lists layers {layers}, the file holds directions of {sorted(directions)}",
            )
        return SteeringVector(
            concept=self.concept,
            stage=self.stage,
            model=ModelFingerprint(**self.model.model_dump()),
            method=self.method,
            data_hash=self.data_hash,
            directions=directions,
            raw_norms={f.layer: f.raw_norm for f in self.layers},
            residual_norms={f.layer: f.residual_norm for f in self.layers},
            pair_accuracies=self._figures("pair_accuracy"),
            explained_variances=self._figures("explained_variance"),
            noise_ceilings=self._figures("noise_ceiling"),
            separations=self._figures("separation"),
            agreements=self._figures("agreement"),
            position=self.position,
            seed=self.seed,
            display_name=self.display_name,
            created_by=self.created_by,
            license=self.license,
            suggested=None if self.suggested is None else self.suggested.suggestion(),
        )

    def _figures(self, name: str) -> dict[int, float]:
        found = {figures.layer: getattr(figures, name) for figures in self.layers}
        return {layer: value for layer, value in found.items() if value is not None}


def _without(dumped: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """What was written before these names existed is written as it was, to the byte."""
    return {key: value for key, value in dumped.items() if key not in names or value not in (None, "")}


def _first(error: ValidationError) -> tuple[str, str]:
    """Place and message of the first fault."""
    first = error.errors(include_url=False, include_input=False)[0]
    return ".".join(str(part) for part in first["loc"]) or "manifest", first["msg"]
