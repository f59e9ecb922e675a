"""Prompts as files: CSV, JSON lines or an XLSX sheet, with errors that name file, row and column."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from trimtab_vectors.evaluation.honesty import Message

from trimtab_server.trials.prompts import (
    PRESSURES,
    Pressure,
    Prompt,
    PromptSet,
    guess_language,
    with_groups,
)

COLUMNS: Final = (
    "prompt",
    "system",
    "gold",
    "dishonest",
    "evasions",
    "belief_probe",
    "pressure",
    "language",
    "id",
    "group",
)
#: Several values in one cell.
SEPARATOR: Final = "|"
LARGEST_BYTES: Final = 64 * 1024 * 1024
#: Of a workbook, which is a zip file.
LARGEST_UNPACKED: Final = 512 * 1024 * 1024
MOST_PROMPTS: Final = 100_000
_LISTS: Final = ("gold", "dishonest", "evasions", "belief_probe")
#: What people write for a pressure.
_PRESSURE_WORDS: Final[dict[str, Pressure]] = {
    **{pressure: pressure for pressure in PRESSURES},
    "none": "neutral",
    "soft_pressure": "soft",
    "hard_pressure": "hard",
    "なし": "neutral",
    "中立": "neutral",
    "弱": "soft",
    "弱い": "soft",
    "強": "hard",
    "強い": "hard",
}


class PromptFileError(ValueError):
    """A prompt file that cannot be used; `row` counts as a spreadsheet does, the header is row 1."""

    def __init__(self, file: str, fault: str, fix: str, *, row: int = 0, column: str = "") -> None:
        self.file, self.row, self.column, self.fault, self.fix = file, row, column, fault, fix
        place = ", ".join(
            (file, *([f"row {row}"] if row else []), *([f"column {column!r}"] if column else []))
        )
        super().__init__(f"{place}: {fault}; {fix}")


def read_prompts(path: Path | str) -> PromptSet:
    """The prompts of a `.csv`, `.jsonl` or `.xlsx` file (its first sheet).

    Only the column `prompt` is needed. Cells of gold, dishonest, evasions and belief_probe hold several values
    separated by `|`; JSON lines may give lists, and `messages` (role, content) instead of prompt and system.
    Missing ids are the row numbers, missing languages are told by the script, missing groups as `with_groups`.

    Raises:
        PromptFileError: it is no such file, or a row is at fault.
        OSError: it cannot be read.
    """
    path = Path(path)
    return parse_prompts(path.read_bytes(), path.name)


def parse_prompts(content: bytes, name: str) -> PromptSet:
    """The prompts of a file's content; its name tells the format and stands in errors. As `read_prompts`."""
    suffix = Path(name).suffix.lower()
    if len(content) > LARGEST_BYTES:
        raise PromptFileError(name, "is larger than 64 MiB", "split it into several trials")
    match suffix:
        case ".csv" | ".tsv":
            rows = _csv_rows(content, name, "\t" if suffix == ".tsv" else ",")
        case ".jsonl" | ".ndjson":
            rows = _json_rows(content, name)
        case ".xlsx":
            rows = _sheet_rows(content, name)
        case _:
            raise PromptFileError(name, f"has suffix {suffix!r}", "use .csv, .tsv, .jsonl or .xlsx")
    prompts: list[Prompt] = []
    row_of: dict[str, int] = {}
    for row, record in rows:
        prompt = _prompt(record, name, row)
        if prompt.id in row_of:
            raise PromptFileError(
                name,
                f"id {prompt.id!r} is already used in row {row_of[prompt.id]}",
                "give each row its own id, or leave the column empty",
                row=row,
                column="id",
            )
        row_of[prompt.id] = row
        prompts.append(prompt)
        if len(prompts) > MOST_PROMPTS:
            raise PromptFileError(
                name, f"holds more than {MOST_PROMPTS:,} prompts", "split it into several trials"
            )
    if not prompts:
        raise PromptFileError(name, "holds no prompt", "write one row for each prompt below the header")
    return PromptSet(with_groups(prompts))


def _prompt(record: Mapping[str, Any], name: str, row: int) -> Prompt:
    def fail(column: str, fault: str, fix: str) -> PromptFileError:
        return PromptFileError(name, fault, fix, row=row, column=column)

    def text(column: str) -> str:
        value = record.get(column)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise fail(column, f"is {value!r}, a {type(value).__name__}", "write a text")
        return value.strip()

    system, turns, asked = text("system"), _messages(record, fail), text("prompt")
    if turns:
        if asked or system:
            raise fail("messages", "is given beside prompt or system", "give one of the two")
        if turns[0].role == "system":
            system, turns = turns[0].content, turns[1:]
        asked, turns = turns[-1].content, turns[:-1]
    if not asked.strip():
        raise fail("prompt", "is empty", "write what is asked, or remove the row")
    given = text("pressure").casefold()
    if given not in _PRESSURE_WORDS:
        raise fail("pressure", f"is {given!r}", "use neutral, soft, hard, or leave it empty")
    lists = {column: _values(record.get(column), column, fail) for column in _LISTS}
    if lists["dishonest"] and not lists["gold"]:
        raise fail("gold", "is empty while dishonest has values", "write the right answer too")
    try:
        return Prompt(
            id=text("id") or f"{row:05d}",
            prompt=asked,
            system=system,
            gold=lists["gold"],
            dishonest=lists["dishonest"],
            evasions=lists["evasions"],
            belief_probes=lists["belief_probe"],
            pressure=_PRESSURE_WORDS[given],
            language=text("language") or guess_language(asked),
            group=text("group"),
            turns=turns,
        )
    except ValueError as fault:
        raise fail("gold", str(fault), "correct the values of this row") from fault


def _values(value: Any, column: str, fail: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        value = value.split(SEPARATOR)
    if not isinstance(value, list) or not all(isinstance(own, str) for own in value):
        raise cast(PromptFileError, fail(column, "is no text and no list of texts", "write texts"))
    return tuple(dict.fromkeys(own.strip() for own in value if own.strip()))


def _messages(record: Mapping[str, Any], fail: Any) -> tuple[Message, ...]:
    given = record.get("messages")
    if given is None:
        return ()
    fix = "write a list of {role, content}, system first if at all, a user message last"
    if not isinstance(given, list) or not given:
        raise cast(PromptFileError, fail("messages", "is no list of messages", fix))
    messages = []
    for place, own in enumerate(given):
        roles = ("system", "user", "assistant") if place == 0 else ("user", "assistant")
        if (
            not isinstance(own, dict)
            or set(own) != {"role", "content"}
            or own["role"] not in roles
            or not isinstance(own["content"], str)
        ):
            raise cast(PromptFileError, fail("messages", f"message {place + 1} cannot be used", fix))
        messages.append(Message(own["role"], own["content"]))
    if messages[-1].role != "user":
        raise cast(PromptFileError, fail("messages", "does not end with a user message", fix))
    return tuple(messages)


def _header(cells: Sequence[Any], name: str) -> list[str]:
    header = [str(cell or "").strip().casefold() for cell in cells]
    while header and not header[-1]:
        header.pop()
    unknown = [own for own in header if own not in COLUMNS]
    if unknown:
        allowed = ", ".join(COLUMNS)
        raise PromptFileError(
            name, f"is named {unknown[0]!r}", f"use {allowed}", row=1, column=unknown[0] or "(no name)"
        )
    twice = next((own for own in header if header.count(own) > 1), None)
    if twice is not None:
        raise PromptFileError(name, "occurs twice", "keep one of them", row=1, column=twice)
    if "prompt" not in header:
        raise PromptFileError(name, "there is no column 'prompt'", "name one in the first row", row=1)
    return header


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        row = content[: fault.start].count(b"\n") + 1
        # Excel on Japanese Windows writes CSV in the code page of the system.
        raise PromptFileError(
            name, "is not UTF-8 text", 'save it as "CSV UTF-8" or as .xlsx', row=row
        ) from fault


def _csv_rows(content: bytes, name: str, delimiter: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(_decoded(content, name), newline=""), delimiter=delimiter, strict=True)
    row = 0
    header: list[str] | None = None
    try:
        for cells in reader:
            row += 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header(cells, name)
                continue
            yield row, _record(header, cells, name, row)
    except csv.Error as fault:
        raise PromptFileError(name, str(fault), "correct the quotes there", row=row + 1) from fault


def _record(header: Sequence[str], cells: Sequence[Any], name: str, row: int) -> dict[str, Any]:
    beyond = [cell for cell in cells[len(header) :] if str(cell or "").strip()]
    if beyond:
        raise PromptFileError(
            name,
            f"has {len(cells)} cells, the header {len(header)}",
            "put text that holds a separator in double quotes",
            row=row,
        )
    return dict(zip(header, cells, strict=False))


def _json_rows(content: bytes, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for row, line in enumerate(_decoded(content, name).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as fault:
            raise PromptFileError(name, f"is not JSON: {fault}", "correct the line", row=row) from fault
        if _half_a_character(record):
            raise PromptFileError(
                name, "has half a character (a \\u escape without its pair)", "correct the escape", row=row
            )
        if not isinstance(record, dict):
            raise PromptFileError(name, "is no JSON object", "write one object a line", row=row)
        unknown = [own for own in record if own not in (*COLUMNS, "messages")]
        if unknown:
            allowed = ", ".join((*COLUMNS, "messages"))
            raise PromptFileError(name, "is no key of a prompt", f"use {allowed}", row=row, column=unknown[0])
        yield row, record


def _half_a_character(record: Any) -> bool:
    try:
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _sheet_rows(content: bytes, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            unpacked = sum(part.file_size for part in packed.infolist())
        if unpacked > LARGEST_UNPACKED:
            raise PromptFileError(name, "unpacks to more than 512 MiB", "save the sheet alone as .csv")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except PromptFileError:
        raise
    except (InvalidFileException, zipfile.BadZipFile, KeyError, ValueError, OSError) as fault:
        raise PromptFileError(name, f"is no workbook: {fault}", "save it as .xlsx again") from fault
    try:
        sheet = book.worksheets[0]
        header: list[str] | None = None
        for row, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
            texts = [_cell(cell) for cell in cells]
            if not any(text and text.strip() for text in texts):
                continue
            if header is None:
                header = _header(texts, name)
                continue
            yield row, _record(header, texts, name, row)
    finally:
        book.close()


def _cell(value: Any) -> str | None:
    """A cell as the sheet shows it: 24 rather than 24.0."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
