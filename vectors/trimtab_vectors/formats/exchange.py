"""Every format in one place: read whatever file is handed in, write whichever is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from trimtab_vectors.formats.detection import FileFormat, check_format
from trimtab_vectors.formats.foreign import Adoption, ForeignDirections, LayerConvention, adopt
from trimtab_vectors.formats.gguf import read_gguf, write_gguf
from trimtab_vectors.formats.layer_pt import read_layer_pt, write_layer_pt
from trimtab_vectors.formats.safetensors import read_vector, write_vector
from trimtab_vectors.formats.scale import Scale
from trimtab_vectors.formats.svec import read_svec, write_svec
from trimtab_vectors.steering_vector import SteeringVector, VectorError

#: What can be written: the two libraries that share the suffix .svec read different files.
WrittenFormat = Literal["safetensors", "gguf", "svec", "svec_ibm", "layer_pt"]

SUFFIXES: Final[Mapping[WrittenFormat, str]] = {
    "safetensors": ".safetensors",
    "gguf": ".gguf",
    "svec": ".svec",
    "svec_ibm": ".svec",
    "layer_pt": ".zip",
}

_READERS: Final[Mapping[FileFormat, Callable[[bytes, LayerConvention | None], ForeignDirections]]] = {
    "gguf": read_gguf,
    "svec": read_svec,
    "layer_pt": read_layer_pt,
}


@dataclass(frozen=True)
class Imported:
    """A vector read from a file; `foreign` is what a file without a manifest said, else None."""

    vector: SteeringVector
    format: FileFormat
    foreign: ForeignDirections | None


@dataclass(frozen=True)
class Exported:
    """A file, and the layers of the vector that its format has no place for."""

    content: bytes
    dropped_layers: tuple[int, ...] = ()


def import_vector(
    content: bytes,
    *,
    file_format: FileFormat | None = None,
    layer_convention: LayerConvention | None = None,
    adoption: Callable[[ForeignDirections], Adoption] | None = None,
) -> Imported:
    """Read a vector file of any format.

    file_format: refuse any other; None takes what the content is. adoption: asked only for a foreign file, once
    it has been read and found whole, for what such a file does not say (so a stage is measured only then).

    Raises VectorError: the reader's reasons; FIELD_INVALID where a foreign file comes without `adoption`, or
    a file with a manifest comes with a layer convention.
    """
    found = check_format(content, file_format)
    if found == "safetensors":
        if layer_convention is not None:
            raise VectorError(
                "FIELD_INVALID",
                "the file's own manifest says what its layers are; leave layer_convention out",
                field="layer_convention",
            )
        return Imported(read_vector(content), found, None)
    foreign = _READERS[found](content, layer_convention)
    if adoption is None:
        raise VectorError(
            "FIELD_INVALID",
            f"a {found} file does not say its concept, its stage or its model; state them",
            field="concept",
        )
    return Imported(adopt(foreign, adoption(foreign)), found, foreign)


def export_vector(
    vector: SteeringVector,
    file_format: WrittenFormat,
    *,
    scale: Scale | None = None,
    model_type: str = "",
    drop_layer_zero: bool = False,
) -> Exported:
    """Write a vector file.

    scale: has to be said for every format but safetensors, which holds unit directions and the norms beside
    them. model_type: the model's Hugging Face `model_type`; gguf and svec name it. drop_layer_zero: for gguf.

    Raises VectorError (FIELD_INVALID).
    """
    if file_format not in SUFFIXES:
        raise VectorError(
            "FIELD_INVALID",
            f"the format {file_format!r} is unknown; {', '.join(SUFFIXES)} are written",
            field="format",
        )
    if drop_layer_zero and file_format != "gguf":
        raise VectorError(
            "FIELD_INVALID",
            f"drop_layer_zero is for gguf; a {file_format} file holds layer 0",
            field="drop_layer_zero",
        )
    if file_format == "safetensors":
        if scale is not None:
            raise VectorError(
                "FIELD_INVALID", "safetensors holds unit directions; leave the scale out", field="scale"
            )
        return Exported(write_vector(vector))
    if scale is None:
        raise VectorError(
            "FIELD_INVALID",
            f"say at which scale the directions go into a {file_format} file, which holds no relative "
            "strength: unit, raw_norm, or dose with a strength",
            field="scale",
        )
    if file_format == "gguf":
        content = write_gguf(vector, scale=scale, model_hint=model_type, drop_layer_zero=drop_layer_zero)
        return Exported(content, tuple(layer for layer in vector.layers if layer == 0))
    if file_format == "layer_pt":
        return Exported(write_layer_pt(vector, scale=scale))
    kind: Literal["aisteer360", "ibm"] = "ibm" if file_format == "svec_ibm" else "aisteer360"
    return Exported(write_svec(vector, kind=kind, scale=scale, model_type=model_type))


def model_type_of(architecture: str) -> str:
    """The Hugging Face `model_type` of a causal model's class, such as "llama" of "LlamaForCausalLM".

    Raises VectorError (FIELD_INVALID) for a class that transformers does not have.
    """
    import transformers
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    # The name may come from a file: only classes of that table are ever looked up.
    if architecture not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values():
        raise VectorError(
            "FIELD_INVALID",
            f"transformers has no causal model {architecture[:80]!r}, so its model_type is not known; give it",
            field="model_type",
        )
    return str(getattr(transformers, architecture).config_class.model_type)
