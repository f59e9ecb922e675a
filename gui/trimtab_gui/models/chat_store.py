"""Chats on this machine: one SQLite file of mode 600, written as things happen.

The words are searched by going through them (`instr` over a folded copy): Japanese words of two characters are
found too, which an index of trigrams would miss, and a deleted message leaves no copy behind in an index.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from trimtab_client.types import Role

from trimtab_gui.models.chat_process import is_running, this_process
from trimtab_gui.models.chat_record import (
    ChatChange,
    ChatHead,
    ChatHit,
    ChatSummary,
    Kept,
    KeptChat,
    KeptLane,
    KeptTurn,
    details_json,
    sampling_json,
    setup_json,
)
from trimtab_gui.models.chat_text import Folding, snippet
from trimtab_gui.models.chat_turn import TurnState

SCHEMA_VERSION: Final = 1
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_OPEN_STATES: Final = (TurnState.WAITING.value, TurnState.STREAMING.value)

_SCHEMA: Final = """
CREATE TABLE chats (
    key TEXT PRIMARY KEY, target TEXT NOT NULL, title TEXT NOT NULL, renamed INTEGER NOT NULL,
    pinned INTEGER NOT NULL, scene TEXT NOT NULL, sampling TEXT NOT NULL,
    created REAL NOT NULL, updated REAL NOT NULL,
    -- When it was deleted: gone for good at the next start.
    deleted REAL,
    -- The process that has it open; empty once it was closed as it should be.
    writer TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE lanes (
    chat TEXT NOT NULL REFERENCES chats(key) ON DELETE CASCADE,
    id TEXT NOT NULL, place INTEGER NOT NULL, setup TEXT NOT NULL, PRIMARY KEY (chat, id)
) STRICT;
CREATE TABLE turns (
    id TEXT PRIMARY KEY,
    chat TEXT NOT NULL REFERENCES chats(key) ON DELETE CASCADE,
    lane TEXT NOT NULL, position INTEGER NOT NULL, role TEXT NOT NULL, text TEXT NOT NULL,
    folded TEXT NOT NULL, state TEXT NOT NULL, at REAL NOT NULL, details TEXT NOT NULL, tokens BLOB NOT NULL
) STRICT;
CREATE INDEX turns_of_chat ON turns(chat, lane, position);
CREATE INDEX chats_by_time ON chats(target, updated);
PRAGMA user_version = 1;
"""


class NewerStoreError(Exception):
    """The file was written by a later version of the client; it is left as it is."""


class DamagedStoreError(Exception):
    """The file is no database, or a broken one."""


class ChatStore:
    """One connection to the file. Use it on the thread that made it.

    Every method raises sqlite3.Error when the file cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        """Opens the file, and makes it where there is none.

        Raises:
            DamagedStoreError: it is no database, or a broken one.
            NewerStoreError: it is of a later version.
            OSError: the folder or the file cannot be made.
        """
        self.path = path
        self._folding = Folding()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made here, so that it never has another mode; SQLite gives its side files the same one.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=5.0)
        try:
            self._prepare()
        except BaseException as error:
            self._connection.close()
            if getattr(error, "sqlite_errorcode", 0) in _DAMAGE:
                raise DamagedStoreError(str(error)) from error
            raise

    def _prepare(self) -> None:
        execute = self._connection.execute
        execute("PRAGMA foreign_keys = ON")
        # What is deleted is overwritten.
        execute("PRAGMA secure_delete = ON")
        execute("PRAGMA journal_mode = WAL")
        # A prompt that was stored survives a power cut, too.
        execute("PRAGMA synchronous = FULL")
        with self._transaction():
            version = int(execute("PRAGMA user_version").fetchone()[0])
            if version > SCHEMA_VERSION:
                raise NewerStoreError(
                    f"{self.path} has version {version}, this client knows {SCHEMA_VERSION}"
                )
            if version == 0:
                for statement in _SCHEMA.split(";\n"):
                    execute(statement)
        found = str(execute("PRAGMA quick_check(1)").fetchone()[0])
        if found != "ok":
            raise DamagedStoreError(found)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    # Writing ----------------------------------------------------------------------------------------------

    def write(self, change: ChatChange) -> None:
        """Keeps one step of a chat, all of it or nothing."""
        head, execute = change.head, self._connection.execute
        with self._transaction():
            execute(
                "INSERT INTO chats (key, target, title, renamed, pinned, scene, sampling, created, updated, writer)"
                " VALUES (?, ?, ?, 0, 0, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
                " title = CASE renamed WHEN 1 THEN title ELSE excluded.title END, scene = excluded.scene,"
                " sampling = excluded.sampling, updated = excluded.updated, deleted = NULL,"
                " writer = excluded.writer",
                (
                    head.key,
                    head.target,
                    head.title,
                    head.scene,
                    _text(sampling_json().dump_json(head.sampling)),
                    head.created.timestamp(),
                    head.updated.timestamp(),
                    this_process(),
                ),
            )
            execute("DELETE FROM lanes WHERE chat = ?", (head.key,))
            for lane in change.lanes:
                setup = _text(setup_json().dump_json(lane.setup))
                execute("INSERT INTO lanes VALUES (?, ?, ?, ?)", (head.key, lane.id, lane.place, setup))
            for turn_id in change.removed:
                execute("DELETE FROM turns WHERE id = ?", (turn_id,))
            for turn in change.turns:
                self._write_turn(head.key, turn)
            for turn_id, text in change.growing:
                execute(
                    "UPDATE turns SET text = ?, folded = ?, state = ? WHERE id = ?",
                    (text, self._folding.fold(text), TurnState.STREAMING.value, turn_id),
                )

    def _write_turn(self, chat: str, turn: KeptTurn) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO turns VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                turn.id,
                chat,
                turn.lane,
                turn.position,
                turn.role.value,
                turn.text,
                self._folding.fold(turn.text),
                turn.state.value,
                turn.at.timestamp(),
                _text(details_json().dump_json(turn.details)),
                turn.packed(),
            ),
        )

    def rename(self, key: str, title: str) -> None:
        self._connection.execute("UPDATE chats SET title = ?, renamed = 1 WHERE key = ?", (title, key))

    def pin(self, key: str, pinned: bool) -> None:
        self._connection.execute("UPDATE chats SET pinned = ? WHERE key = ?", (int(pinned), key))

    def toggle_pin(self, key: str) -> None:
        self._connection.execute("UPDATE chats SET pinned = 1 - pinned WHERE key = ?", (key,))

    def delete(self, key: str, moment: datetime) -> None:
        """Marks a chat as deleted; `restore` brings it back until `purge`."""
        self._connection.execute(
            "UPDATE chats SET deleted = ?, writer = '' WHERE key = ?", (moment.timestamp(), key)
        )

    def restore(self, key: str) -> None:
        self._connection.execute("UPDATE chats SET deleted = NULL WHERE key = ?", (key,))

    def release(self, key: str) -> None:
        """The chat is no longer open; a reply that has not ended is marked as broken off."""
        with self._transaction():
            self._break_off(key)
            self._connection.execute(
                "UPDATE chats SET writer = '' WHERE key = ? AND writer = ?", (key, this_process())
            )

    def _break_off(self, key: str) -> None:
        self._connection.execute(
            "UPDATE turns SET state = ? WHERE chat = ? AND state IN (?, ?)",
            (TurnState.INTERRUPTED.value, key, *_OPEN_STATES),
        )

    # What is left of earlier runs -------------------------------------------------------------------------

    def claim(self, key: str) -> bool:
        """Opens a chat for writing; False when another window has it open."""
        with self._transaction():
            row = self._connection.execute("SELECT writer FROM chats WHERE key = ?", (key,)).fetchone()
            if row is None or (row[0] and row[0] != this_process() and is_running(row[0])):
                return False
            self._break_off(key)
            self._connection.execute("UPDATE chats SET writer = ? WHERE key = ?", (this_process(), key))
        return True

    def recover(self, target: str) -> tuple[str, ...]:
        """Marks replies that a crash broke off; the keys of the chats that were open then, the newest first."""
        with self._transaction():
            rows = self._connection.execute(
                "SELECT key, writer FROM chats WHERE writer <> '' AND target = ? AND deleted IS NULL"
                " ORDER BY updated DESC",
                (target,),
            ).fetchall()
            left = tuple(str(key) for key, writer in rows if not is_running(str(writer)))
            for key in left:
                self._break_off(key)
                self._connection.execute("UPDATE chats SET writer = '' WHERE key = ?", (key,))
        return left

    def purge(self, older_than: datetime | None = None) -> int:
        """Removes deleted chats and those untouched since `older_than`, for good; returns how many of the latter.

        A chat that a window has open is not old.
        """
        limit = 0.0 if older_than is None else older_than.timestamp()
        with self._transaction():
            gone = self._connection.execute("DELETE FROM chats WHERE deleted IS NOT NULL").rowcount
            rows = self._connection.execute("SELECT key, writer FROM chats WHERE updated < ?", (limit,))
            old = [key for key, writer in rows.fetchall() if not (writer and is_running(writer))]
            for key in old:
                self._connection.execute("DELETE FROM chats WHERE key = ?", (key,))
        if old:
            self._connection.execute("VACUUM")
        if gone or old:
            self._empty_log()
        return len(old)

    def forget(self) -> None:
        """Removes every chat, open ones too, and damaged files that were set aside."""
        with self._transaction():
            self._connection.execute("DELETE FROM chats")
        self._connection.execute("VACUUM")
        self._empty_log()
        for path in set_aside(self.path):
            path.unlink()

    def _empty_log(self) -> None:
        """The log of changes holds what was deleted until it is emptied."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    # Reading ----------------------------------------------------------------------------------------------

    def summaries(self, target: str | None = None) -> tuple[ChatSummary, ...]:
        """The chats with one server, or all: pinned ones first, then the newest first."""
        rows = self._connection.execute(
            "SELECT key, target, title, scene, sampling, created, updated, pinned, renamed, count(turns.id),"
            " count(CASE turns.state WHEN 'interrupted' THEN 1 END)"
            " FROM chats LEFT JOIN turns ON turns.chat = chats.key"
            " WHERE deleted IS NULL AND (? IS NULL OR target = ?)"
            " GROUP BY key ORDER BY pinned DESC, updated DESC",
            (target, target),
        )
        return tuple(ChatSummary(_head(row[:9]), int(row[9]), int(row[10])) for row in rows)

    def load(self, key: str) -> KeptChat | None:
        """A whole chat; None where there is none."""
        head = self._connection.execute(
            "SELECT key, target, title, scene, sampling, created, updated, pinned, renamed FROM chats"
            " WHERE key = ? AND deleted IS NULL",
            (key,),
        ).fetchone()
        if head is None:
            return None
        lanes = self._connection.execute(
            "SELECT id, place, setup FROM lanes WHERE chat = ? ORDER BY place", (key,)
        ).fetchall()
        turns = self._connection.execute(
            "SELECT id, lane, position, role, text, state, at, details, tokens FROM turns WHERE chat = ?"
            " ORDER BY lane, position",
            (key,),
        ).fetchall()
        return KeptChat(
            _head(head),
            tuple(KeptLane(row[0], row[1], setup_json().validate_json(row[2])) for row in lanes),
            tuple(_turn(row) for row in turns),
        )

    def search(self, query: str, target: str | None = None, limit: int = 200) -> tuple[ChatHit, ...]:
        """Messages that have all of `query`, of the newest chat first; one for the same words in several lanes."""
        folded = self._folding.fold(query.strip())
        if not folded:
            return ()
        rows = self._connection.execute(
            "SELECT chats.key, chats.title, chats.updated, turns.lane, turns.position, turns.role, turns.text,"
            " lanes.setup FROM turns JOIN chats ON chats.key = turns.chat"
            " JOIN lanes ON lanes.chat = turns.chat AND lanes.id = turns.lane"
            " WHERE chats.deleted IS NULL AND (? IS NULL OR chats.target = ?) AND instr(turns.folded, ?) > 0"
            " ORDER BY chats.updated DESC, chats.key, turns.position, lanes.place",
            (target, target, folded),
        )
        hits: list[ChatHit] = []
        seen: set[tuple[str, int, str]] = set()
        for key, title, updated, lane, position, role, text, setup in rows:
            same = (key, position, text)
            places = () if same in seen else self._folding.find(text, folded)
            if not places:
                continue
            seen.add(same)
            line, start, end = snippet(text, *places[0])
            found = setup_json().validate_json(setup)
            hits.append(
                ChatHit(key, title, _moment(updated), lane, position, Role(role), found, line, start, end)
            )
            if len(hits) >= limit:
                break
        return tuple(hits)

    def kept(self) -> Kept:
        """How much is kept, of all servers."""
        chats, oldest = self._connection.execute(
            "SELECT count(*), min(created) FROM chats WHERE deleted IS NULL"
        ).fetchone()
        messages = self._connection.execute("SELECT count(*) FROM turns").fetchone()[0]
        files = [self.path, *(self.path.with_name(self.path.name + end) for end in ("-wal", "-shm"))]
        size = sum(path.stat().st_size for path in files if path.exists())
        return Kept(
            chats, messages, None if oldest is None else _moment(oldest), size, len(set_aside(self.path))
        )

    def older(self, than: datetime) -> int:
        """How many chats were last touched before a moment."""
        row = self._connection.execute(
            "SELECT count(*) FROM chats WHERE deleted IS NULL AND updated < ?", (than.timestamp(),)
        ).fetchone()
        return int(row[0])


def set_damaged_aside(path: Path, moment: datetime) -> Path:
    """Renames a file that cannot be read, and what belongs to it; returns where it is now."""
    aside = path.with_name(f"{path.stem}.damaged-{moment:%Y%m%dT%H%M%S%f}{path.suffix}")
    path.rename(aside)
    for end in ("-wal", "-shm"):
        side = path.with_name(path.name + end)
        if side.exists():
            side.rename(aside.with_name(aside.name + end))
    return aside


def set_aside(path: Path) -> Sequence[Path]:
    """The damaged files beside `path`, with what belongs to them."""
    return sorted(path.parent.glob(f"{path.stem}.damaged-*"))


def _head(row: Sequence[object]) -> ChatHead:
    key, target, title, scene, sampling, created, updated, pinned, renamed = row
    return ChatHead(
        key=str(key),
        target=str(target),
        title=str(title),
        scene=str(scene),
        sampling=sampling_json().validate_json(str(sampling)),
        created=_moment(created),
        updated=_moment(updated),
        pinned=bool(pinned),
        renamed=bool(renamed),
    )


def _turn(row: Sequence[object]) -> KeptTurn:
    turn_id, lane, position, role, text, state, at, details, tokens = row
    assert isinstance(position, int)
    assert isinstance(tokens, bytes)
    return KeptTurn(
        id=str(turn_id),
        lane=str(lane),
        position=position,
        role=Role(str(role)),
        text=str(text),
        state=TurnState(str(state)),
        at=_moment(at),
        details=details_json().validate_json(str(details)),
        tokens=tokens,
    )


def _moment(seconds: object) -> datetime:
    assert isinstance(seconds, float)
    return datetime.fromtimestamp(seconds, UTC)


def _text(data: bytes) -> str:
    return data.decode()
