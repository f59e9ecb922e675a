"""Which format a file is in, told by its content; names and suffixes are not looked at."""

from __future__ import annotations

from typing import Final, Literal

from trimtab_vectors.steering_vector import VectorError

FileFormat = Literal["safetensors", "gguf", "svec", "layer_pt"]

_WORDS: Final[dict[FileFormat, str]] = {
    "safetensors": "safetensors with a manifest of Trimtab's",
    "gguf": "GGUF",
    "svec": ".svec (JSON)",
    "layer_pt": "a zip archive or torch file of layer_N.pt",
}

_LFS_POINTER: Final = b"version https://git-lfs"
#: A pickle's first bytes, by protocol: also those of a torch file of before 2020.
_PICKLES: Final = tuple(bytes([0x80, protocol]) for protocol in range(2, 6))


def detect_format(content: bytes) -> FileFormat:
    """Raises VectorError (VECTOR_CORRUPT) for a file of no known format, saying what it is where that is known."""
    if content.startswith(_LFS_POINTER):
        raise _unknown("this is a Git LFS pointer, not the file it points to: run `git lfs pull` first")
    if content.startswith(b"GGUF"):
        return "gguf"
    if content.startswith(b"PK\x03\x04"):
        return "layer_pt"
    # A safetensors file is a length in eight bytes, then JSON; a text holds no zero byte, such a length does.
    if content[8:9] == b"{" and b"\0" in content[:8]:
        return "safetensors"
    if content[:64].lstrip().startswith(b"{"):
        return "svec"
    if content.startswith(_PICKLES):
        raise _unknown(
            "this is a pickle, which is never opened here: save it again with a current torch.save as "
            "{layer: tensor}, or as safetensors"
        )
    raise _unknown(f"the file begins with {content[:8]!r}")


def check_format(content: bytes, expected: FileFormat | None) -> FileFormat:
    """The file's format; VectorError (FIELD_INVALID) if the caller said another one."""
    found = detect_format(content)
    if expected is not None and found != expected:
        raise VectorError(
            "FIELD_INVALID",
            f"the file was said to be {_WORDS[expected]}, and is {_WORDS[found]} by its content; leave the "
            "format out, or send the file that was meant",
            field="format",
        )
    return found


def _unknown(what: str) -> VectorError:
    known = ", ".join(_WORDS.values())
    return VectorError("VECTOR_CORRUPT", f"{what}; read are: {known}")
