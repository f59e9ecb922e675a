"""`.svec` files: JSON, of two libraries that share the suffix and not the layout.

IBM's activation-steering writes a direction as a list of H numbers and always "explained_variances"; AISteer360
writes a list of K such lists, one for a plain steering vector. Layer numbers are block outputs in both.
AISteer360's conditional steering applies a vector that was fitted at a block's output to that block's input;
a vector read here steers the output, where it was fitted.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, Final, Literal

import numpy as np
import torch

from trimtab_vectors.formats.foreign import (
    MAX_HIDDEN_SIZE,
    ForeignDirections,
    LayerConvention,
    check_file_size,
    check_layer_count,
    checked_direction,
    content_hash,
    in_our_layers,
    only_block_output,
    unreadable,
)
from trimtab_vectors.formats.scale import Scale
from trimtab_vectors.steering_vector import SteeringVector, VectorError

#: Numbers in JSON take several times their bytes while they are read.
MAX_FILE_BYTES: Final = 32 * 2**20

SvecKind = Literal["aisteer360", "ibm"]

_WHAT: Final = ".svec steering vector"
_KEYS: Final = frozenset(
    {
        "model_type",
        "directions",
        "explained_variances",
        "num_heads",
        "head_dim",
        "probe_accuracies",
        "meta",
    }
)
_LAYER: Final = re.compile(r"0|[1-9][0-9]{0,3}")


def read_svec(content: bytes, layer_convention: LayerConvention | None = None) -> ForeignDirections:
    """Read either kind, told apart by the depth of the lists.

    Raises VectorError: VECTOR_SHAPE (several directions a layer, directions per head, ragged lists),
    VECTOR_NOT_FINITE, VECTOR_TOO_LARGE, FIELD_INVALID (layer_convention), VECTOR_CORRUPT (all else).
    """
    check_file_size(len(content), MAX_FILE_BYTES, _WHAT)
    convention = only_block_output(layer_convention, "a .svec file")
    record = _parsed(content)
    directions = record.get("directions")
    if not isinstance(directions, dict):
        raise unreadable(_WHAT, "it has no 'directions' that map layers to lists of numbers")
    if record.get("num_heads") is not None or record.get("head_dim") is not None:
        raise VectorError(
            "VECTOR_SHAPE",
            "the file holds directions per attention head (num_heads, head_dim); Trimtab steers the residual "
            "stream, so only a vector with one direction a layer can be read",
        )
    check_layer_count(len(directions), _WHAT)
    kinds = {_kind(layer, rows) for layer, rows in directions.items()}
    if len(kinds) != 1:
        raise VectorError("VECTOR_SHAPE", "some directions are lists of numbers and some lists of lists")
    (kind,) = kinds
    flat = {layer: rows if kind == "ibm" else rows[0] for layer, rows in directions.items()}
    width = len(next(iter(flat.values())))
    return ForeignDirections(
        f"svec:{kind}",
        content_hash(content),
        in_our_layers({int(layer): _direction(layer, row, width) for layer, row in flat.items()}, convention),
        convention,
        {"model_type": str(record.get("model_type", ""))[:4096]},
    )


def write_svec(vector: SteeringVector, *, kind: SvecKind, scale: Scale, model_type: str) -> bytes:
    """The vector for AISteer360 or for IBM's activation-steering.

    model_type: the model's Hugging Face `model_type`. IBM's reader insists on explained variances; they are those
    of the vector, and no number is made up for a layer where none was measured.
    Raises VectorError (FIELD_INVALID).
    """
    if kind not in ("aisteer360", "ibm"):
        raise VectorError(
            "FIELD_INVALID", f"the kind of .svec is {kind!r}; aisteer360 or ibm is expected", field="format"
        )
    if not model_type.strip():
        raise VectorError(
            "FIELD_INVALID",
            "model_type is empty; give the model's Hugging Face model_type, such as llama",
            field="model_type",
        )
    rows = {str(layer): direction.tolist() for layer, direction in scale.apply(vector).items()}
    record: dict[str, Any] = {"model_type": model_type}
    if kind == "ibm":
        explained = {str(layer): vector.explained_variances[layer] for layer in vector.explained_variances}
        record |= {"directions": rows, "explained_variances": explained}
    else:
        record["directions"] = {layer: [row] for layer, row in rows.items()}
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _parsed(content: bytes) -> dict[str, Any]:
    try:
        record = json.loads(
            content.decode("utf-8"), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except VectorError:
        raise
    except (ValueError, RecursionError) as error:
        raise unreadable(_WHAT, f"it is no JSON ({str(error)[:200] or 'nested too deeply'})") from error
    if not isinstance(record, dict):
        raise unreadable(_WHAT, "it is JSON, and no object")
    unknown = sorted(record.keys() - _KEYS)
    if unknown:
        raise unreadable(_WHAT, f"it has the unknown key {unknown[0][:80]!r}, which may change what is meant")
    return record


def _kind(layer: str, rows: Any) -> SvecKind:
    if not _LAYER.fullmatch(layer):
        raise unreadable(_WHAT, f"it has a layer {layer[:80]!r}; a number such as '15' is expected")
    if not isinstance(rows, list) or not rows:
        raise unreadable(_WHAT, f"the direction of layer {layer} is no list of numbers")
    if not isinstance(rows[0], list):
        return "ibm"
    if len(rows) != 1:
        raise VectorError(
            "VECTOR_SHAPE",
            f"layer {layer} holds {len(rows)} directions; a steering vector has one a layer (several are a "
            "rotation's basis, one direction a token or one a head, which cannot be added as one)",
            layer=layer,
            actual=len(rows),
        )
    return "aisteer360"


def _direction(layer: str, row: Any, width: int) -> torch.Tensor:
    name = f"the direction of layer {layer}"
    if not isinstance(row, list) or len(row) != width or not 0 < width <= MAX_HIDDEN_SIZE:
        raise VectorError(
            "VECTOR_SHAPE",
            f"{name} is no list of the one length H that all of them must have, at most {MAX_HIDDEN_SIZE}",
            layer=layer,
        )
    if not all(type(number) in (float, int) for number in row):
        raise unreadable(_WHAT, f"{name} holds something that is no number")
    try:
        numbers = np.array(row, dtype=np.float64)
    except OverflowError as error:
        raise VectorError(
            "VECTOR_NOT_FINITE", f"{name} holds a number beyond float64; make the file again", layer=layer
        ) from error
    return checked_direction(name, torch.from_numpy(numbers), width)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record = dict(pairs)
    if len(record) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise unreadable(_WHAT, f"it has the key {twice[:80]!r} twice; which one holds cannot be known")
    return record


def _refuse_constant(name: str) -> Any:
    raise VectorError("VECTOR_NOT_FINITE", f"the file holds {name}, which is no number; make it again")
