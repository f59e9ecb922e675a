"""Chats as files for others: Markdown to read, JSON to work with, CSV for a spreadsheet.

The shape of the JSON and the columns of the CSV are described in docs/operators/client-data.md.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from trimtab_client.types import Role, Sampling, Steering

from trimtab_gui.models.chat_record import ChatHead, KeptChat, KeptLane, KeptTurn
from trimtab_gui.models.chat_turn import LaneKind
from trimtab_gui.models.chat_words import lane_name, sampling_words

FORMAT: Final = "trimtab-chats"
VERSION: Final = 1
COLUMNS: Final = (
    "chat_id",
    "chat",
    "server",
    "lane",
    "lane_kind",
    "lane_prompt",
    "message",
    "role",
    "text",
    "time",
    "state",
    "stage",
    "vectors",
    "strengths",
    "layers",
    "snapshot",
    "revision",
    "arm",
    "system_message",
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "max_tokens",
    "reply_tokens",
    "finish_reason",
)
# A spreadsheet takes a cell that begins with one of these for a formula; full-width ones are the same to some.
_FORMULA_MARKS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


@dataclass(frozen=True)
class MarkdownWords:
    """What the Markdown says in the language of the client."""

    server: str
    system_message: str
    sampling: str
    lane: str
    user: str
    model: str
    states: dict[str, str]


def write(path: Path, chats: Iterable[KeptChat], words: MarkdownWords) -> int:
    """Writes chats in the form that the suffix names, in one step; returns how many.

    Raises:
        OSError: the file cannot be written.
        ValueError: the suffix is none of .md, .json and .csv.
    """
    partial = path.with_name(path.name + ".part")
    suffix = path.suffix.lower()
    if suffix not in (".md", ".json", ".csv"):
        raise ValueError(f"{path.name} ends in none of .md, .json and .csv")
    try:
        # A spreadsheet reads UTF-8 as such only behind its mark.
        encoding = "utf-8-sig" if suffix == ".csv" else "utf-8"
        with partial.open("w", encoding=encoding, newline="" if suffix == ".csv" else None) as file:
            match suffix:
                case ".json":
                    count = _write_json(file, chats)
                case ".csv":
                    count = _write_csv(file, chats)
                case _:
                    count = _write_markdown(file, chats, words)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count


# JSON -----------------------------------------------------------------------------------------------------


def _write_json(file: IO[str], chats: Iterable[KeptChat]) -> int:
    head = {"format": FORMAT, "version": VERSION, "exported": datetime.now(UTC).isoformat()}
    # Chat by chat: all of them at once may be more than fits.
    file.write(json.dumps(head, indent=2)[:-2] + ',\n  "chats": [')
    count = 0
    for chat in chats:
        file.write(",\n" if count else "\n")
        file.write(json.dumps(chat_record(chat), ensure_ascii=False, indent=2))
        count += 1
    file.write("\n  ]\n}\n")
    return count


def chat_record(chat: KeptChat) -> dict[str, object]:
    """One chat in the documented shape."""
    head = chat.head
    return {
        "id": head.key,
        "title": head.title,
        "server": head.target,
        "created": head.created.isoformat(),
        "updated": head.updated.isoformat(),
        "pinned": head.pinned,
        "system_message": head.scene,
        "sampling": asdict(head.sampling),
        "lanes": [_lane_record(lane, _turns_of(chat, lane)) for lane in chat.lanes],
    }


def _lane_record(lane: KeptLane, turns: list[KeptTurn]) -> dict[str, object]:
    return {
        "lane": lane.place + 1,
        "kind": lane.setup.kind.value,
        "prompt": lane.setup.prompt,
        "snapshot": lane.setup.snapshot,
        "messages": [_message_record(turn) for turn in turns],
    }


def _message_record(turn: KeptTurn) -> dict[str, object]:
    details = turn.details
    record: dict[str, object] = {
        "role": turn.role.value,
        "text": turn.text,
        "time": turn.at.isoformat(),
        "state": turn.state.value,
    }
    if turn.role is not Role.ASSISTANT:
        return record
    used = details.started.steering if details.started is not None else None
    record["lane_kind"] = details.setup.kind.value if details.setup is not None else None
    record["steering"] = None if details.steering is None else asdict(details.steering)
    record["sampling"] = None if details.sampling is None else asdict(details.sampling)
    record["used"] = None if used is None else asdict(used)
    record["finished"] = None if details.finished is None else asdict(details.finished)
    record["failure"] = None if details.failure is None else asdict(details.failure)
    return record


def _turns_of(chat: KeptChat, lane: KeptLane) -> list[KeptTurn]:
    return [turn for turn in chat.turns if turn.lane == lane.id]


# CSV ------------------------------------------------------------------------------------------------------


def _write_csv(file: IO[str], chats: Iterable[KeptChat]) -> int:
    table = csv.writer(file)
    table.writerow(COLUMNS)
    count = 0
    for chat in chats:
        for lane in chat.lanes:
            for turn in _turns_of(chat, lane):
                table.writerow([harmless(cell) for cell in _row(chat.head, lane, turn)])
        count += 1
    return count


def _row(head: ChatHead, lane: KeptLane, turn: KeptTurn) -> list[str]:
    """One message of one lane, by `COLUMNS`."""
    details = turn.details
    setup = details.setup or lane.setup
    used = details.started.steering if details.started is not None else None
    steering = details.steering or Steering()
    sampling: Sampling | None = details.sampling
    finished = details.finished
    return [
        head.key,
        head.title,
        head.target,
        str(lane.place + 1),
        setup.kind.value,
        setup.prompt if setup.kind is LaneKind.PROMPT_ONLY else "",
        str(turn.position + 1),
        turn.role.value,
        turn.text,
        turn.at.isoformat(),
        turn.state.value,
        steering.stage or (used.stage if used is not None else ""),
        " ".join(term.vector for term in steering.terms),
        " ".join(f"{term.strength:g}" for term in steering.terms),
        " ".join(",".join(str(layer) for layer in term.layers) or "all" for term in steering.terms),
        used.snapshot if used is not None else "",
        used.revision if used is not None else "",
        used.arm if used is not None else "",
        head.scene,
        *(
            ("", "", "", "", "")
            if sampling is None
            else (
                f"{sampling.temperature:g}",
                f"{sampling.top_p:g}",
                str(sampling.top_k),
                str(sampling.seed),
                str(sampling.max_tokens),
            )
        ),
        "" if finished is None else str(finished.usage.reply_tokens),
        "" if finished is None else finished.reason.value,
    ]


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe leads one that looks like it.

    A plain negative number stays a number.
    """
    if not cell.startswith(_FORMULA_MARKS):
        return cell
    try:
        float(cell)
    except ValueError:
        return "'" + cell
    return cell


# Markdown -------------------------------------------------------------------------------------------------


def _write_markdown(file: IO[str], chats: Iterable[KeptChat], words: MarkdownWords) -> int:
    count = 0
    for chat in chats:
        if count:
            file.write("\n---\n\n")
        for line in _markdown_lines(chat, words):
            file.write(line + "\n")
        count += 1
    return count


def _markdown_lines(chat: KeptChat, words: MarkdownWords) -> Iterable[str]:
    head = chat.head
    yield f"# {head.title}"
    yield ""
    yield f"- {words.server}: {head.target}"
    yield f"- {head.created.astimezone():%Y-%m-%d %H:%M} – {head.updated.astimezone():%Y-%m-%d %H:%M}"
    if sampling := sampling_words(head.sampling):
        yield f"- {words.sampling}: {sampling}"
    if head.scene:
        yield f"- {words.system_message}:"
        yield ""
        yield from _quoted(head.scene)
    for lane in chat.lanes:
        yield ""
        yield f"## {words.lane.format(lane.place + 1)} – {' '.join(lane_name(lane.setup).split())}"
        for turn in _turns_of(chat, lane):
            yield from _message_lines(turn, words)


def _message_lines(turn: KeptTurn, words: MarkdownWords) -> Iterable[str]:
    who = words.model if turn.role is Role.ASSISTANT else words.user
    state = words.states.get(turn.state.value, "")
    yield ""
    yield f"**{who}** · {turn.at.astimezone():%Y-%m-%d %H:%M:%S}" + (f" · {state}" if state else "")
    yield ""
    # Quoted, so that headings and rules within a message stay within it.
    yield from _quoted(turn.text)
    used = turn.details.started.steering if turn.details.started is not None else None
    steering = turn.details.steering
    parts = []
    if steering is not None:
        parts += [f"`{term.vector}` {term.strength:g}" for term in steering.terms]
    if used is not None:
        parts += [f"`{name}`" for name in (used.stage, used.snapshot, used.revision, used.arm) if name]
    if turn.details.sampling is not None and (sampling := sampling_words(turn.details.sampling)):
        parts.append(sampling)
    if parts:
        yield ""
        yield " · ".join(parts)


def _quoted(text: str) -> Iterable[str]:
    return (f"> {line}".rstrip() for line in text.splitlines() or [""])
