"""Which model is this: a fingerprint of the base's weights and of the config that gives them meaning.

`weights` is a SHA-256 over
- model type, hidden size, layers, attention heads and key-value heads (the weights alone do not fix them);
- for every tensor, by name: its name, dtype, shape and the SHA-256 of its bytes, little-endian, AS STORED.

So it does not depend on how the tensors are split over files, nor on the library's version, but on the
dtype it does: the same weights saved in another dtype are another base, because a vector measured on one
is not exactly the other's. The dtype a model is LOADED in for serving plays no part: fingerprint its
directory. A module in memory has the fingerprint of its directory if it holds the stored dtype and its
parameters are named as in the file (tied weights count once); for anything kept, use the directory.

A base saved only as pickles (pytorch_model*.bin) is hashed by its files' bytes; nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from trimtab_vectors.decoder import text_config
from trimtab_vectors.formats.safetensors_header import (
    LENGTH_BYTES,
    HeaderError,
    SafetensorsHeader,
    check_tiling,
    header_length,
    parse_header,
)
from trimtab_vectors.steering_vector import ModelFingerprint

#: Called with (bytes hashed, bytes in all).
ByteProgress = Callable[[int, int], None]

_FORM: Final = "trimtab.weights/1"
_CONFIG_FIELDS: Final = (
    "model_type",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
)
_CHUNK: Final = 16 * 2**20
_MAX_HEADER: Final = 100 * 2**20
_MAX_TENSORS: Final = 1_000_000
_DTYPE_NAMES: Final = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
    torch.float8_e4m3fn: "F8_E4M3",
    torch.float8_e5m2: "F8_E5M2",
}


class FingerprintError(ValueError):
    """No fingerprint can be taken: the message says of what and why."""


@dataclass(frozen=True)
class _TensorDigest:
    name: str
    dtype: str
    shape: tuple[int, ...]
    sha256: str


def fingerprint_model(
    source: Path | str | nn.Module,
    *,
    progress: ByteProgress | None = None,
    cache_dir: Path | None = None,
    trust_remote_code: bool = False,
) -> ModelFingerprint:
    """Fingerprint a base model: a Hugging Face directory, or a module in memory.

    A directory's weights are streamed through memory maps, two threads wide; with `cache_dir` the result is
    kept there under the files' names, sizes and times of change, so that a large model is hashed once.

    Raises FingerprintError for an adapter (fingerprint its base), for a directory without weights or with
    damaged ones; OSError if files cannot be read.
    """
    if isinstance(source, nn.Module):
        if hasattr(source, "peft_config"):
            raise FingerprintError("this model carries adapters; fingerprint the base that all stages share")
        return _fingerprint(type(source).__name__, text_config(source), _module_digests(source))
    directory = Path(source)
    config = _directory_config(directory, trust_remote_code)
    files = _weight_files(directory)
    cached = None if cache_dir is None else cache_dir / f"{_cache_key(directory, files)}.json"
    if cached is not None and cached.is_file():
        return ModelFingerprint(**json.loads(cached.read_text(encoding="utf-8")))
    architectures = getattr(config, "architectures", None)
    if not architectures:
        raise FingerprintError(f"{directory / 'config.json'} names no architecture; add `architectures`")
    fingerprint = _fingerprint(architectures[0], _text_part(config), _file_digests(files, progress))
    if cached is not None:
        _write_whole(cached, json.dumps(fingerprint.as_dict()))
    return fingerprint


def _fingerprint(architecture: str, config: Any, digests: Iterable[_TensorDigest]) -> ModelFingerprint:
    record = {
        "form": _FORM,
        "config": {name: getattr(config, name, None) for name in _CONFIG_FIELDS},
        "tensors": sorted([d.name, d.dtype, list(d.shape), d.sha256] for d in digests),
    }
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return ModelFingerprint(
        architecture=architecture,
        hidden_size=config.hidden_size,
        layer_count=config.num_hidden_layers,
        weights=hashlib.sha256(text.encode()).hexdigest(),
    )


def _directory_config(directory: Path, trust_remote_code: bool) -> Any:
    from transformers import AutoConfig

    if not (directory / "config.json").is_file():
        raise FingerprintError(
            f"{directory} has no config.json; the directory of a Hugging Face base is expected"
        )
    return AutoConfig.from_pretrained(directory, trust_remote_code=trust_remote_code)


def _text_part(config: Any) -> Any:
    return config.get_text_config() if hasattr(config, "get_text_config") else config


def _weight_files(directory: Path) -> list[Path]:
    """The files that transformers would load, in its order of preference: other variants are left out."""
    for whole, index in (
        ("model.safetensors", "model.safetensors.index.json"),
        ("pytorch_model.bin", "pytorch_model.bin.index.json"),
    ):
        if (directory / whole).is_file():
            return [directory / whole]
        if (directory / index).is_file():
            return _indexed_files(directory / index)
    raise FingerprintError(
        f"{directory} holds no weights (model.safetensors or pytorch_model.bin, or shards)"
    )


def _indexed_files(index: Path) -> list[Path]:
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise FingerprintError(f"{index} lists no shards; download the model again") from error
    missing = sorted(name for name in names if not (index.parent / name).is_file())
    if missing:
        raise FingerprintError(f"{index.parent} lacks the shard {missing[0]}; download the model again")
    return sorted(index.parent / name for name in names)


def _file_digests(files: list[Path], progress: ByteProgress | None) -> list[_TensorDigest]:
    total = sum(path.stat().st_size for path in files)
    done = 0
    digests: list[_TensorDigest] = []
    # Hashing releases the interpreter's lock, so two threads are nearly twice as fast.
    with ThreadPoolExecutor(2) as pool:
        for path in files:
            for digest, size in _one_file(path, pool):
                digests.append(digest)
                done += size
                if progress is not None:
                    progress(done, total)
    if progress is not None:
        progress(total, total)  # The headers carry no weights; they are the rest.
    names = [digest.name for digest in digests]
    if len(set(names)) != len(names):
        raise FingerprintError(f"{files[0].parent} holds a tensor twice; the shards are not of one save")
    return digests


def _one_file(path: Path, pool: ThreadPoolExecutor) -> Iterator[tuple[_TensorDigest, int]]:
    """The digest of each tensor with the bytes it took; of a pickle, one for the whole file."""
    size = path.stat().st_size
    if size == 0:
        raise FingerprintError(f"{path} is empty; download the model again")
    with path.open("rb") as file:
        # Closed when the last span is: closing it here would fail while a thread still hashes after an error.
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if path.suffix != ".safetensors":
        yield _TensorDigest(path.name, "file", (size,), _sha256(content, 0, size)), size
        return
    header = _header(path, content, size)
    start = header.data_start
    spans = [(content, start + entry.begin, start + entry.end) for entry in header.tensors]
    for entry, sha256 in zip(header.tensors, pool.map(_sha256_of_span, spans), strict=True):
        yield _TensorDigest(entry.name, entry.dtype, entry.shape, sha256), entry.end - entry.begin


def _header(path: Path, content: mmap.mmap, size: int) -> SafetensorsHeader:
    try:
        length = header_length(content[:32], size, _MAX_HEADER)
        header = parse_header(content[LENGTH_BYTES : LENGTH_BYTES + length], _MAX_TENSORS)
        check_tiling(header, size)
    except HeaderError as error:
        raise FingerprintError(f"{path}: {error}") from error
    return header


def _sha256_of_span(span: tuple[mmap.mmap, int, int]) -> str:
    return _sha256(*span)


def _sha256(content: mmap.mmap, begin: int, end: int) -> str:
    digest = hashlib.sha256()
    with memoryview(content) as view:
        for start in range(begin, end, _CHUNK):
            digest.update(view[start : min(start + _CHUNK, end)])
    return digest.hexdigest()


def _module_digests(model: nn.Module) -> Iterator[_TensorDigest]:
    """Parameters (tied ones once, by their first name) and the buffers that are saved with them."""
    parameters = dict(model.named_parameters())
    every_name = {name for name, _ in model.named_parameters(remove_duplicate=False)}
    buffers = {name: t for name, t in model.state_dict().items() if name not in every_name}
    for name, tensor in {**parameters, **buffers}.items():
        dtype = _DTYPE_NAMES.get(tensor.dtype)
        if dtype is None:
            raise FingerprintError(f"{name} has the dtype {tensor.dtype}, which has no stored form here")
        content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
        yield _TensorDigest(name, dtype, tuple(tensor.shape), hashlib.sha256(content).hexdigest())


def _cache_key(directory: Path, files: list[Path]) -> str:
    described = [_FORM, str(directory.resolve())]
    for path in (directory / "config.json", *files):
        status = path.stat()
        described.append(f"{path.name} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(described).encode()).hexdigest()


def _write_whole(path: Path, text: str) -> None:
    """Never half a file under the final name, whoever else writes the same one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
