"""A contrast set as a table: one pair a row, commas, quotes as every spreadsheet writes them, UTF-8.

Columns, in any order:

    statement_id         which statement the row is about; rows that share it share a split
    positive, negative   each side's user message
    user                 instead of those two: one message for both sides
    positive_text, negative_text
                         instead of any message: raw text, no chat template
    system, reply_prefix, answer
                         for both sides alike; or for one each: positive_system, negative_system, ...
    id                   optional; "row-N" by line otherwise
    split                optional: train or dev

An empty cell is as good as no cell. A column that is none of these is refused, lest a misspelt one be lost.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

from trimtab_vectors.extraction.contrast_set import ContrastSetError

_SIDES: Final = ("positive", "negative")
_SHARED: Final = ("user", "system", "reply_prefix", "answer")
_OWN: Final = ("system", "reply_prefix", "answer", "text")
COLUMNS: Final = (
    "id",
    "statement_id",
    "split",
    *_SIDES,
    *_SHARED,
    *(f"{side}_{field}" for side in _SIDES for field in _OWN),
)


def read_rows(text: str) -> list[tuple[int, dict[str, Any]]]:
    """(line the row begins at, the pair's record as JSON lines have it) for each row.

    Raises ContrastSetError with the line at fault.
    """
    rows = _rows(text)
    if not rows:
        return []
    header_line, header = rows[0]
    columns = [name.strip() for name in header]
    _check_header(columns, header_line)
    return [(line, _record(_cells(columns, row, line), columns, line)) for line, row in rows[1:]]


def _rows(text: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    begins = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((begins, row))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise ContrastSetError(f"not CSV: {error}", begins) from error
    return rows


def _check_header(columns: Sequence[str], line: int) -> None:
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        separated = any(mark in name for name in unknown for mark in ";\t")
        hint = "; separate columns by commas" if separated else ""
        raise ContrastSetError(
            f"unknown columns {unknown}{hint}; known are {', '.join(COLUMNS)} (a file of JSON lines begins "
            "with a brace)",
            line,
        )
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise ContrastSetError(f"columns {repeated} occur twice", line)
    if "statement_id" not in columns:
        raise ContrastSetError(
            "the column statement_id is missing; rows about one statement share it, so that none is in both "
            "splits",
            line,
        )
    ways = [way for way in (_SIDES, ("user",), tuple(f"{s}_text" for s in _SIDES)) if set(way) & set(columns)]
    if len(ways) != 1 or not set(ways[0]) <= set(columns):
        raise ContrastSetError(
            "the prompts are in the columns positive and negative, or in user for both sides, or in "
            "positive_text and negative_text; use one of these ways",
            line,
        )
    for field in _SHARED:
        sided = [f"{side}_{field}" for side in _SIDES if f"{side}_{field}" in columns]
        if field in columns and sided:
            raise ContrastSetError(
                f"{field} and {sided[0]} exclude each other; {field} is for both sides", line
            )


def _cells(columns: Sequence[str], row: Sequence[str], line: int) -> dict[str, str]:
    if len(row) != len(columns):
        raise ContrastSetError(f"the row has {len(row)} cells, the header {len(columns)} columns", line)
    return {name: cell for name, cell in zip(columns, row, strict=True) if cell}


def _record(cells: Mapping[str, str], columns: Sequence[str], line: int) -> dict[str, Any]:
    record: dict[str, Any] = {
        "id": cells.get("id", "" if "id" in columns else f"row-{line}"),
        "statement_id": cells.get("statement_id", ""),
        **{side: _side(cells, side, line) for side in _SIDES},
    }
    if "split" in cells:
        record["split"] = cells["split"].strip()
    return record


def _side(cells: Mapping[str, str], side: str, line: int) -> dict[str, Any]:
    def own(field: str) -> str:
        return cells.get(f"{side}_{field}", cells.get(field, ""))

    answer = {"answer": own("answer")}
    text = cells.get(f"{side}_text", "")
    if text:
        for field in ("system", "reply_prefix"):
            if own(field):
                raise ContrastSetError(f"{field} goes with a message, not with {side}_text", line)
        return {"text": text, **answer}
    user = cells.get(side, cells.get("user", ""))
    if not user.strip():
        raise ContrastSetError(f"the {side} side is empty", line)
    system = [{"role": "system", "content": own("system")}] if own("system") else []
    messages = [*system, {"role": "user", "content": user}]
    return {"messages": messages, "reply_prefix": own("reply_prefix"), **answer}
