"""A read-out's file: safetensors, tensors "direction" [H] and "removed" [K, H], the manifest in the header.

Reading trusts nothing, as with vectors: sizes and the whole header are checked before the safetensors library
sees the file, the id is computed again, and the independence from what was removed is measured again.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal

import safetensors.torch
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from trimtab_vectors.formats.manifest import ModelManifest
from trimtab_vectors.formats.safetensors_header import (
    LENGTH_BYTES,
    HeaderError,
    SafetensorsHeader,
    check_tiling,
    header_length,
    parse_header,
)
from trimtab_vectors.readouts.probe import Probe, ProbeError, ProbeMethod
from trimtab_vectors.readouts.reply_states import Place
from trimtab_vectors.steering_vector import ModelFingerprint, VectorError, direction_bytes

MANIFEST_KEY: Final = "trimtab.readout"
MAX_FILE_BYTES: Final = 64 * 2**20
MAX_HEADER_BYTES: Final = 2**20

_ALIGNMENT: Final = 8
_NAMES: Final = ("direction", "removed")

_Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]


class ProbeManifest(BaseModel):
    """Everything of a read-out but its tensors, and the id they must add up to."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    form: Literal["trimtab.readout/1"]
    id: _Sha256
    concept: _Text
    stage: _Text
    model: ModelManifest
    vector: _Sha256
    layer: Annotated[int, Field(ge=0, lt=4096)]
    place: Place
    method: ProbeMethod
    offset: float
    scale: Annotated[float, Field(gt=0)]
    data_hash: _Sha256
    guardrail: bool
    figures: dict[str, Any]


def write_probe(probe: Probe) -> bytes:
    """The read-out as a file; one read-out with one set of figures is one file, to the byte."""
    size, rows = 4 * probe.model.hidden_size, len(probe.removed)
    manifest = ProbeManifest(
        form="trimtab.readout/1",
        id=probe.id,
        concept=probe.concept,
        stage=probe.stage,
        model=ModelManifest(**probe.model.as_dict()),
        vector=probe.vector,
        layer=probe.layer,
        place=probe.place,
        method=probe.method,
        offset=probe.offset,
        scale=probe.scale,
        data_hash=probe.data_hash,
        guardrail=probe.guardrail,
        figures=dict(probe.figures),
    )
    header: dict[str, Any] = {
        "direction": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]},
        "removed": {"dtype": "F32", "shape": [rows, size // 4], "data_offsets": [size, size * (1 + rows)]},
        "__metadata__": {MANIFEST_KEY: _json(manifest.model_dump(mode="json"))},
    }
    text = _json(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    data = direction_bytes(probe.direction) + b"".join(direction_bytes(row) for row in probe.removed)
    return len(text).to_bytes(LENGTH_BYTES, "little") + text + data


def read_probe(content: bytes) -> Probe:
    """Raises ProbeError that says what of the file is not a read-out's."""
    if len(content) > MAX_FILE_BYTES:
        raise ProbeError(f"the file has {len(content)} bytes; at most {MAX_FILE_BYTES} are accepted")
    manifest, header = _checked(content)
    try:
        tensors = safetensors.torch.load(content)
    except safetensors.SafetensorError as error:
        raise ProbeError(f"safetensors refuses the file: {error}") from error
    width = manifest.model.hidden_size
    shapes = {entry.name: entry.shape for entry in header.tensors}
    if shapes["direction"] != (width,) or len(shapes["removed"]) != 2 or shapes["removed"][1] != width:
        raise ProbeError(f"the tensors have shapes {shapes}; the model's width is {width}")
    if shapes["removed"][0] < 1:
        raise ProbeError("nothing is removed; a read-out is independent of at least one direction")
    try:
        fingerprint = ModelFingerprint(**manifest.model.model_dump())
    except VectorError as error:
        raise ProbeError(f"the manifest's model is not valid: {error}") from error
    fields = manifest.model_dump(exclude={"form", "id", "model"})
    probe = Probe(
        **fields,
        model=fingerprint,
        direction=tensors["direction"].float(),
        removed=tensors["removed"].float(),
    )
    if probe.id != manifest.id:
        raise ProbeError(
            f"the content's id is {probe.id}, the manifest states {manifest.id}; the file was changed after it "
            "was written"
        )
    return probe


def _checked(content: bytes) -> tuple[ProbeManifest, SafetensorsHeader]:
    try:
        length = header_length(content[:32], len(content), MAX_HEADER_BYTES)
        header = parse_header(content[LENGTH_BYTES : LENGTH_BYTES + length], len(_NAMES))
        names = sorted(entry.name for entry in header.tensors)
        if names != sorted(_NAMES) or any(entry.dtype != "F32" for entry in header.tensors):
            raise ProbeError(f"the file holds {names}; exactly {', '.join(_NAMES)}, both F32, are expected")
        check_tiling(header, len(content))
    except HeaderError as error:
        raise ProbeError(str(error)) from error
    text = header.metadata.get(MANIFEST_KEY)
    if text is None:
        raise ProbeError(f"the file has no manifest ({MANIFEST_KEY!r} in its metadata); is it a vector?")
    try:
        return ProbeManifest.model_validate_json(text), header
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "manifest"
        raise ProbeError(f"the manifest is not valid at {place}: {first['msg']}") from error


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
