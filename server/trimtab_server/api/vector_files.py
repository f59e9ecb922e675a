"""Vector files on the wire: what an upload states beside its bytes, and what a download asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

from trimtab_protos.v1 import vector_pb2
from trimtab_vectors.formats.detection import FileFormat
from trimtab_vectors.formats.exchange import (
    SUFFIXES,
    WrittenFormat,
    export_vector,
    import_vector,
    model_type_of,
)
from trimtab_vectors.formats.foreign import Adoption, ForeignDirections, LayerConvention
from trimtab_vectors.formats.scale import Scale
from trimtab_vectors.steering_vector import ModelFingerprint, SteeringVector, VectorError

from trimtab_server.steering.validation import ModelFacts, stage_of
from trimtab_server.store.refusal import Refusal

#: An error about anything else is one about the file.
_IMPORT_FIELDS: Final = frozenset({"format", "concept", "stage", "layer_convention"})


@dataclass(frozen=True)
class Upload:
    """A vector read, and what the audit says of its file."""

    vector: SteeringVector
    details: Mapping[str, str]


@dataclass(frozen=True)
class Download:
    """A file to hand out, its suffix, and the layers that the format has no place for."""

    content: bytes
    suffix: str
    dropped_layers: tuple[int, ...] = ()


def read_upload(
    request: vector_pb2.ImportVectorRequest,
    *,
    model: ModelFacts,
    fingerprint: ModelFingerprint,
    residual_norms: Callable[[str], Mapping[int, float]],
    created_by: str,
) -> Upload:
    """The vector of an uploaded file. Blocks: a stage may have to be measured for another tool's file.

    residual_norms: of a stage by its short name; asked only once such a file has been read and found whole.

    Raises:
        Refusal: a VECTOR_* reason or LAYER_OUT_OF_RANGE (field content), FIELD_INVALID, STAGE_NOT_FOUND.
    """

    def adoption(found: ForeignDirections) -> Adoption:
        for field in ("concept", "stage"):
            if not getattr(request, field).strip():
                raise _missing(field, found.origin)
        stage = stage_of(request.stage, model, "stage")
        return Adoption(
            concept=request.concept,
            stage=stage,
            fingerprint=fingerprint,
            residual_norms=residual_norms(stage),
            license=request.license,
            display_name=request.display_name,
            created_by=created_by,
        )

    try:
        imported = import_vector(
            request.content,
            file_format=cast(FileFormat | None, _one_of("format", request.format, FileFormat)),
            layer_convention=cast(
                LayerConvention | None,
                _one_of("layer_convention", request.layer_convention, LayerConvention),
            ),
            adoption=adoption,
        )
    except VectorError as error:
        field = error.metadata.get("field", "")
        raise _refusal(error, field if field in _IMPORT_FIELDS else "content") from error
    if imported.foreign is None:
        _check_not_contradicted(request)
        return Upload(imported.vector, {"format": imported.format})
    details = {
        "format": imported.format,
        "origin": imported.foreign.origin,
        "layer_convention": imported.foreign.convention,
    }
    return Upload(imported.vector, details)


def is_plain_download(request: vector_pb2.ExportVectorRequest) -> bool:
    """Whether the vector's own file answers the request, as it was stored."""
    asked = (request.scale, request.strength, request.drop_layer_zero, request.model_type)
    return request.format in ("", "safetensors") and not any(asked)


def write_download(
    request: vector_pb2.ExportVectorRequest, vector: SteeringVector, hosted_model_type: str
) -> Download:
    """The vector in the format asked for.

    hosted_model_type: of the hosted model if the vector is one of its own, else "".

    Raises:
        Refusal: FIELD_INVALID, with the field at fault.
    """
    file_format = cast(WrittenFormat, _one_of("format", request.format, WrittenFormat) or "safetensors")
    model_type = request.model_type or hosted_model_type
    try:
        if file_format in ("gguf", "svec", "svec_ibm") and not model_type:
            model_type = model_type_of(vector.model.architecture)
        written = export_vector(
            vector,
            file_format,
            scale=_scale(request),
            model_type=model_type,
            drop_layer_zero=request.drop_layer_zero,
        )
    except VectorError as error:
        raise _refusal(error, error.metadata.get("field", "format")) from error
    return Download(written.content, SUFFIXES[file_format], written.dropped_layers)


def _scale(request: vector_pb2.ExportVectorRequest) -> Scale | None:
    if not request.scale:
        if request.strength:
            raise _invalid("strength", "a strength is written with scale 'dose'; say that, or leave it out")
        return None
    if request.scale == "dose":
        return Scale.dose(request.strength)
    # The wire's 0 stands for a strength that was not given.
    return Scale(cast(Any, request.scale), request.strength or 1.0)


def _check_not_contradicted(request: vector_pb2.ImportVectorRequest) -> None:
    for field in ("concept", "stage", "license"):
        if getattr(request, field):
            raise _invalid(
                field, f"the file's own manifest states its {field}; leave {field} out of the request"
            )


def _one_of(field: str, value: str, literal: Any) -> str | None:
    """The value, None if it is empty. Raises Refusal: FIELD_INVALID."""
    known = get_args(literal)
    if value and value not in known:
        raise _invalid(field, f"{field} {value!r} is unknown; use one of {', '.join(known)}")
    return value or None


def _missing(field: str, origin: str) -> Refusal:
    what = {
        "concept": "say what its directions stand for, such as honesty",
        "stage": "name the stage of the hosted model at which it is to steer",
    }[field]
    return _invalid(field, f"{field} is empty, and the file ({origin}) does not state it: {what}")


def _refusal(error: VectorError, field: str) -> Refusal:
    facts: dict[str, Any] = {"detail": str(error), **error.metadata, "field": field}
    return Refusal(error.reason, **facts)


def _invalid(field: str, detail: str) -> Refusal:
    return Refusal("FIELD_INVALID", field=field, detail=detail)
