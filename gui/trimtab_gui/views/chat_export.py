"""Exporting chats: asks where to, writes beside the window, and says where the file lies."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QStandardPaths, QUrl, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from trimtab_gui.models import chat_export
from trimtab_gui.models.chat_export import MarkdownWords
from trimtab_gui.models.chat_record import KeptChat
from trimtab_gui.models.chat_shelf import ChatShelf
from trimtab_gui.models.chat_store import ChatStore
from trimtab_gui.models.workspace import Tone
from trimtab_gui.views.strips import NoticeStrip

_SUFFIXES: Final = ("md", "json", "csv")
_NAME_LENGTH: Final = 60


class ChatExporter(QObject):
    """One dialog, of the window, that is never waited for."""

    def __init__(self, shelf: ChatShelf, notice: NoticeStrip, window: QWidget) -> None:
        super().__init__(window)
        self._shelf = shelf
        self._notice = notice
        self._window = window
        self._everything = False
        self.dialog: QFileDialog | None = None

    def export_current(self) -> None:
        """Exports the chat in the window."""
        self._ask(everything=False, name=file_name(self._shelf.current().head.title))

    def export_all(self) -> None:
        """Exports every chat with this server."""
        self._ask(everything=True, name="trimtab-chats")

    def _ask(self, *, everything: bool, name: str) -> None:
        self._everything = everything
        if self.dialog is None:
            self.dialog = QFileDialog(self._window)
            self.dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
            self.dialog.setFileMode(QFileDialog.FileMode.AnyFile)
            self.dialog.setDirectory(
                QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
            )
            self.dialog.filterSelected.connect(self._take_suffix)
            self.dialog.fileSelected.connect(self.export_to)
        dialog = self.dialog
        dialog.setWindowTitle(
            self.tr("Export all chats with this server") if everything else self.tr("Export this chat")
        )
        filters = (
            self.tr("Markdown, to read (*.md)"),
            self.tr("JSON, with every lane's configuration (*.json)"),
            self.tr("CSV, for a spreadsheet (*.csv)"),
        )
        dialog.setNameFilters(filters)
        dialog.setDefaultSuffix(_SUFFIXES[0])
        dialog.selectFile(name)
        dialog.open()

    @Slot(str)
    def _take_suffix(self, chosen: str) -> None:
        if self.dialog is not None and chosen in self.dialog.nameFilters():
            self.dialog.setDefaultSuffix(_SUFFIXES[self.dialog.nameFilters().index(chosen)])

    @Slot(str)
    def export_to(self, file: str) -> None:
        """Writes the file; a notice tells how that went."""
        path = Path(file)
        if path.suffix.lower().removeprefix(".") not in _SUFFIXES:
            self._notice.tell(
                self.tr("“{0}” has to end in .md, .json or .csv.").format(path.name), Tone.DANGER
            )
            return
        if self._everything:
            everything = _Everything(path, self._shelf.target, self._words(), self._shelf.save())
            self._shelf.worker.read(everything.run, self._told)
        else:
            current = _Current(path, self._shelf.current(), self._words())
            self._shelf.worker.compute(current.run, self._told)

    def _told(self, result: _Written) -> None:
        if result.problem:
            text = self.tr("“{0}” could not be written: {1}").format(result.path.name, result.problem)
            self._notice.tell(text, Tone.DANGER)
            return
        text = (
            self.tr("{0} chats exported to “{1}”.").format(result.count, result.path.name)
            if self._everything
            else self.tr("Chat exported to “{0}”.").format(result.path.name)
        )
        self._notice.tell(text, Tone.GOOD, self.tr("Show in folder"), _ShowFolder(result.path).run)

    def _words(self) -> MarkdownWords:
        return MarkdownWords(
            server=self.tr("Server"),
            system_message=self.tr("System message"),
            sampling=self.tr("Sampling"),
            lane=self.tr("Lane {0}"),
            user=self.tr("User"),
            model=self.tr("Model"),
            states={
                "stopped": self.tr("stopped"),
                "failed": self.tr("broken off"),
                "interrupted": self.tr("interrupted"),
                "waiting": self.tr("not finished"),
                "streaming": self.tr("not finished"),
            },
        )


def file_name(title: str) -> str:
    """A title as a name that every file system takes."""
    kept = "".join(character if character.isalnum() or character in "-_ " else " " for character in title)
    return "-".join(kept.split())[:_NAME_LENGTH].strip("-") or "chat"


@dataclass(frozen=True)
class _Written:
    path: Path
    count: int
    problem: str = ""


@dataclass(frozen=True)
class _Current:
    """Writes one chat, on a thread."""

    path: Path
    chat: KeptChat
    words: MarkdownWords

    def run(self) -> _Written:
        try:
            return _Written(self.path, chat_export.write(self.path, [self.chat], self.words))
        except OSError as error:
            return _Written(self.path, 0, error.strerror or str(error))


@dataclass(frozen=True)
class _Everything:
    """Writes every chat with a server, on the thread that reads the store."""

    path: Path
    target: str
    words: MarkdownWords
    # What was said last is in the file, too.
    saved: Future[None] | None

    def run(self, store: ChatStore) -> _Written:
        if self.saved is not None:
            self.saved.result()
        try:
            return _Written(self.path, chat_export.write(self.path, self._chats(store), self.words))
        except OSError as error:
            return _Written(self.path, 0, error.strerror or str(error))

    def _chats(self, store: ChatStore) -> Iterator[KeptChat]:
        for summary in store.summaries(self.target):
            chat = store.load(summary.head.key)
            if chat is not None:
                yield chat


@dataclass(frozen=True)
class _ShowFolder:
    """What the notice about a written file offers."""

    path: Path

    def run(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.path.parent)))
