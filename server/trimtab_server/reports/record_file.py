"""Records as JSON files: read whole, and made fit to be shown."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any, Final

#: Of a file; a trial of 10,000 replies is some megabytes.
LARGEST: Final = 512 * 1024 * 1024
#: What a character that must not reach a document is shown as.
_REPLACED: Final = "\ufffd"


class RecordError(ValueError):
    """A record that no report can be made of. The message says what is wrong and what to do."""


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        RecordError: it holds none.
        OSError: it cannot be read.
    """
    if path.stat().st_size > LARGEST:
        raise RecordError(
            f"{path} is larger than {LARGEST // 1024**2} MiB; export one trial or rollout alone"
        )
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as fault:
        raise RecordError(f"{path} is no JSON ({fault}); give what an export or `--json` wrote") from fault
    if not isinstance(value, dict):
        raise RecordError(f"{path} holds a {type(value).__name__}; an object is expected")
    return value


def presentable(value: Any) -> Any:
    """The same JSON, its texts without characters that documents cannot hold or that reorder what is read.

    Control characters, lone surrogates and the marks of bidirectional text become U+FFFD; line ends and tabs stay.
    """
    if isinstance(value, str):
        return "".join(c if _shown(c) else _REPLACED for c in value)
    if isinstance(value, list):
        return [presentable(item) for item in value]
    if isinstance(value, dict):
        return {presentable(key): presentable(item) for key, item in value.items()}
    return value


def _shown(character: str) -> bool:
    if character in "\n\t":
        return True
    if unicodedata.category(character) in ("Cc", "Cs"):
        return False
    return unicodedata.bidirectional(character) not in (
        "RLO",
        "LRO",
        "RLE",
        "LRE",
        "PDF",
        "RLI",
        "LRI",
        "FSI",
        "PDI",
    )
