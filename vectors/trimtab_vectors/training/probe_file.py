"""Probe files: JSON lines, one item a line. The pydantic edge of `Probe`.

    {"id": "q1", "statement_id": "s1",
     "prompt": {"messages": [{"role": "user", "content": "..."}], "reply_prefix": "It lasts"},
     "honest": [" two years"], "dishonest": [" five years"]}

The prompt ends where the answer begins, as in a contrast set (`{"text": "..."}` is allowed too); answers
carry the space before them. The data of a contrastive push has the same form: there `honest` holds what the
model is to learn, and `dishonest` what it is to unlearn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.evaluation.margins import MarginItem
from trimtab_vectors.extraction.contrast_set import ContrastPrompt, ContrastSetError
from trimtab_vectors.training.probe import ProbeItem

_Filled = Annotated[str, Field(min_length=1)]


class ProbeFileError(ValueError):
    """A line is no item; the message names the file, the line and the field."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Message(_Strict):
    role: Literal["system", "user", "assistant"]
    content: str


class _Prompt(_Strict):
    messages: tuple[_Message, ...] = ()
    reply_prefix: str = ""
    text: str = ""


class _Item(_Strict):
    id: _Filled
    statement_id: _Filled
    prompt: _Prompt
    honest: Annotated[tuple[_Filled, ...], Field(min_length=1)]
    dishonest: Annotated[tuple[_Filled, ...], Field(min_length=1)]


def read_probe_items(path: Path | str) -> tuple[ProbeItem, ...]:
    """Every item of a file, blank lines left out. Raises ProbeFileError, or OSError for the file itself."""
    items: dict[str, ProbeItem] = {}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        item = _read(line, f"{path}:{number}")
        if item.item.id in items:
            raise ProbeFileError(
                f"{path}:{number}: id {item.item.id!r} is used twice; each item needs its own"
            )
        items[item.item.id] = item
    if not items:
        raise ProbeFileError(f"{path} holds no item; write one JSON object a line")
    return tuple(items.values())


def write_probe_items(path: Path | str, items: Iterable[ProbeItem]) -> None:
    """A file that `read_probe_items` reads back to equal items."""
    lines = (_Item.model_validate_json(_json(own)).model_dump_json(exclude_defaults=True) for own in items)
    Path(path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _read(line: str, where: str) -> ProbeItem:
    try:
        read = _Item.model_validate_json(line)
        prompt = ContrastPrompt(
            messages=tuple(Message(m.role, m.content) for m in read.prompt.messages),
            reply_prefix=read.prompt.reply_prefix,
            text=read.prompt.text,
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the line"
        raise ProbeFileError(f"{where}: {field}: {first['msg']}") from error
    except ContrastSetError as error:
        raise ProbeFileError(f"{where}: prompt: {error}") from error
    return ProbeItem(MarginItem(read.id, prompt, read.honest, read.dishonest), read.statement_id)


def _json(item: ProbeItem) -> str:
    return json.dumps(item.as_dict(), ensure_ascii=False)
