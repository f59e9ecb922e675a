"""`layer_N.pt`: one torch file a layer, as CAA and EasyEdit write them; also one file of a {layer: tensor} map.

A folder of such files travels as a zip archive of them. A torch file is a zip archive with a pickle inside, and
a pickle can name code to run: the pickle is first scanned, without running it, for names beyond the few that a
plain tensor needs, then read by `torch.load(weights_only=True)` out of an archive that is packed afresh from
the checked members.
"""

from __future__ import annotations

import io
import pickletools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from trimtab_vectors.formats.foreign import (
    MAX_HIDDEN_SIZE,
    MAX_LAYERS,
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
from trimtab_vectors.formats.zip_members import ZipError, read_members, write_members
from trimtab_vectors.steering_vector import SteeringVector, VectorError

MAX_FILE_BYTES: Final = 64 * 2**20

_WHAT: Final = "layer_N.pt file"
_MAX_PICKLE_BYTES: Final = 2**20
_PROTOCOL: Final = 2
LAYER_FILE: Final = re.compile(r"(?:[^/\\]+/)?layer_(0|[1-9][0-9]{0,3})\.pt")
_PICKLE: Final = re.compile(r"([^/]+)/data\.pkl")
_RECORD: Final = re.compile(r"data/[0-9]+")
#: What torch.save puts beside the pickle and the numbers, the archive's own folder taken off.
_BESIDE: Final = frozenset(
    {"version", "byteorder", ".format_version", ".storage_alignment", ".data/serialization_id"}
)
#: All that a map of plain tensors names in its pickle.
_NAMES: Final = frozenset(
    {
        "torch._utils _rebuild_tensor_v2",
        "collections OrderedDict",
        "torch FloatStorage",
        "torch HalfStorage",
        "torch BFloat16Storage",
        "torch DoubleStorage",
    }
)
#: Opcodes that name things by other ways than GLOBAL, or build objects from them.
_REFUSED_OPCODES: Final = frozenset(
    {"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD", "EXT1", "EXT2", "EXT4", "PERSID"}
)
_DTYPES: Final = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def read_layer_pt(content: bytes, layer_convention: LayerConvention | None = None) -> ForeignDirections:
    """Read a zip archive of `layer_N.pt` files (`pack_layer_files`), or a torch file of a `dict[int, Tensor]`.

    Tensors are 1-D [H], floating point, of one dtype. Raises VectorError: VECTOR_SHAPE, VECTOR_NOT_FINITE,
    VECTOR_TOO_LARGE, FIELD_INVALID (layer_convention), VECTOR_CORRUPT (all else).
    """
    check_file_size(len(content), MAX_FILE_BYTES, _WHAT)
    convention = only_block_output(layer_convention, "a layer_N.pt file")
    members = _unzipped(content)
    loaded = _map_in(members) if any(_PICKLE.fullmatch(name) for name in members) else _files_in(members)
    check_layer_count(len(loaded), _WHAT)
    width = next(iter(loaded.values())).numel()
    directions = {
        number: checked_direction(f"the direction of layer {number}", tensor, width)
        for number, tensor in loaded.items()
    }
    return ForeignDirections(
        "layer_pt", content_hash(content), in_our_layers(directions, convention), convention
    )


def write_layer_pt(vector: SteeringVector, *, scale: Scale) -> bytes:
    """A zip archive of `layer_N.pt` files, each a bare float32 [H] tensor. Raises VectorError (FIELD_INVALID)."""
    return write_members({f"layer_{i}.pt": _saved(direction) for i, direction in scale.apply(vector).items()})


def pack_layer_files(path: Path) -> bytes:
    """The archive of one `layer_N.pt`, or of those in a folder, ascending; the same files are the same bytes.

    Raises VectorError (VECTOR_CORRUPT, VECTOR_TOO_LARGE), OSError.
    """
    files = {
        int(match[1]): file
        for file in (path.iterdir() if path.is_dir() else [path])
        if (match := LAYER_FILE.fullmatch(file.name)) is not None
    }
    if not files:
        raise unreadable(_WHAT, f"{path} is neither a layer_N.pt, such as layer_15.pt, nor a folder of them")
    check_layer_count(len(files), _WHAT)
    check_file_size(sum(file.stat().st_size for file in files.values()), MAX_FILE_BYTES, _WHAT)
    return write_members({f"layer_{number}.pt": files[number].read_bytes() for number in sorted(files)})


def _unzipped(content: bytes) -> dict[str, bytes]:
    if not content.startswith(b"PK\x03\x04"):
        raise unreadable(
            _WHAT, "it is no zip archive; a file of an old torch has to be saved again by a current one"
        )
    try:
        return read_members(content, MAX_LAYERS + 16, MAX_FILE_BYTES)
    except ZipError as error:
        raise unreadable(_WHAT, str(error), large=error.too_large) from error


def _files_in(members: Mapping[str, bytes]) -> dict[int, torch.Tensor]:
    loaded: dict[int, torch.Tensor] = {}
    for name, content in members.items():
        match = LAYER_FILE.fullmatch(name)
        if match is None:
            raise unreadable(
                _WHAT, f"its archive holds {name[:80]!r}; files such as layer_15.pt alone are expected"
            )
        if int(match[1]) in loaded:
            raise unreadable(_WHAT, f"its archive holds layer {match[1]} twice")
        tensor = _loaded(_unzipped(content))
        if not isinstance(tensor, torch.Tensor):
            raise unreadable(
                _WHAT, f"{name[:80]} holds a {type(tensor).__name__}; one bare tensor is expected"
            )
        loaded[int(match[1])] = tensor
    return loaded


def _map_in(members: Mapping[str, bytes]) -> dict[int, torch.Tensor]:
    loaded = _loaded(members)
    if isinstance(loaded, torch.Tensor):
        raise unreadable(
            _WHAT,
            "it holds one bare tensor, which does not say its layer; name the file layer_N.pt and import that "
            "file, its folder or a zip archive of it",
        )
    if not isinstance(loaded, dict) or not all(
        type(number) is int and isinstance(tensor, torch.Tensor) for number, tensor in loaded.items()
    ):
        raise unreadable(
            _WHAT,
            f"it holds a {type(loaded).__name__}; a dict that maps layer numbers to tensors is expected",
        )
    numbers = [number for number in loaded if not 0 <= number < 10_000]
    if numbers:
        raise unreadable(_WHAT, f"it has a layer {numbers[0]}; a block index from 0 is expected")
    return dict(loaded)


def _loaded(members: Mapping[str, bytes]) -> Any:
    """What the torch file of these members holds, with every tensor small, plain and inside its own bytes."""
    records, pickle = _checked_members(members)
    _check_pickle(pickle)
    afresh = io.BytesIO(write_members(members))
    try:
        loaded = torch.load(afresh, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a file that is none
        raise unreadable(_WHAT, f"torch refuses it ({str(error)[:200]})") from error
    tensors = list(loaded.values()) if isinstance(loaded, dict) else [loaded]
    for tensor in tensors:
        if isinstance(tensor, torch.Tensor):
            _check_tensor(tensor, records)
    return loaded


def _checked_members(members: Mapping[str, bytes]) -> tuple[set[int], bytes]:
    """Sizes of the records of numbers, and the pickle. Raises VectorError for any other member."""
    pickles = [name for name in members if _PICKLE.fullmatch(name)]
    if len(pickles) != 1:
        raise unreadable(_WHAT, "an archive in it is no torch file: it has no data.pkl, or several")
    folder = pickles[0].removesuffix("data.pkl")
    sizes: set[int] = set()
    for name, content in members.items():
        inner = name.removeprefix(folder)
        if _RECORD.fullmatch(inner):
            sizes.add(len(content))
        elif inner != "data.pkl" and inner not in _BESIDE:
            raise unreadable(_WHAT, f"its archive holds {name[:80]!r}, which no file of plain tensors has")
    order = members.get(f"{folder}byteorder", b"little")
    if order != b"little":
        raise unreadable(_WHAT, f"its byte order is {order[:20]!r}; little is expected")
    return sizes, members[pickles[0]]


def _check_pickle(pickle: bytes) -> None:
    if len(pickle) > _MAX_PICKLE_BYTES:
        raise unreadable(
            _WHAT, f"its pickle has {len(pickle)} bytes; no map of layers needs that", large=True
        )
    try:
        for opcode, argument, _ in pickletools.genops(pickle):
            if opcode.name == "GLOBAL" and argument not in _NAMES:
                raise unreadable(
                    _WHAT,
                    f"it names {str(argument)[:80]!r}, which a map of plain tensors does not need; save the "
                    "directions as {layer: tensor} or one tensor a file",
                )
            if opcode.name == "PROTO" and argument != _PROTOCOL:
                raise unreadable(
                    _WHAT, f"its pickle is of protocol {argument}; torch.save writes {_PROTOCOL}"
                )
            if opcode.name in _REFUSED_OPCODES:
                raise unreadable(
                    _WHAT, f"its pickle builds objects ({opcode.name}); plain tensors are expected"
                )
    except VectorError:
        raise
    except (ValueError, IndexError, KeyError, OverflowError) as error:
        raise unreadable(_WHAT, f"its pickle is damaged ({str(error)[:200]})") from error


def _check_tensor(tensor: torch.Tensor, records: set[int]) -> None:
    """Before a single value is touched: shape and strides may claim anything."""
    if tensor.dtype not in _DTYPES or tensor.layout != torch.strided or tensor.device.type != "cpu":
        raise VectorError(
            "VECTOR_SHAPE",
            f"a tensor is {tensor.dtype} ({tensor.layout}); dense float32, float16, bfloat16 or float64 is "
            "expected",
            dtype=tensor.dtype,
        )
    if tensor.dim() != 1 or not 0 < tensor.numel() <= MAX_HIDDEN_SIZE:
        raise VectorError(
            "VECTOR_SHAPE",
            f"a tensor has shape {tuple(tensor.shape)}; (H,) is expected, with H at most {MAX_HIDDEN_SIZE}",
            actual=tuple(tensor.shape),
        )
    # An older torch believes what the pickle claims of a record's size.
    if records != {tensor.untyped_storage().nbytes()}:
        raise unreadable(
            _WHAT,
            f"a tensor's storage claims {tensor.untyped_storage().nbytes()} bytes, the records have "
            f"{sorted(records)[:4]}; all must be equal: save clones of one dtype and size",
        )


def _saved(direction: torch.Tensor) -> bytes:
    target = io.BytesIO()
    torch.save(direction.clone(), target)
    return target.getvalue()
