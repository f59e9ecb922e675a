"""A disk that remembers what was flushed: what a directory may look like after the power failed.

The model: what was flushed is there. Of what was not, each sector of 512 bytes of each write may be there or
not, and each name that was made, moved or removed in a directory may be so or not, in any combination, as long
as one name's own changes keep their order. It tests SQLite and our order of writes, not a drive that lies about
a flush.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path, PurePath

SECTOR = 512


@dataclass(frozen=True)
class Change:
    """Of a file's content: bytes at an offset, or (without bytes) a new length."""

    offset: int
    data: bytes | None = None


@dataclass
class File:
    """What is flushed, and what was done since."""

    flushed: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)

    def flush(self) -> None:
        for change in self.pending:
            _apply(self.flushed, change)
        self.pending.clear()

    def after_a_cut(self, dice: random.Random) -> bytes:
        content = bytearray(self.flushed)
        for change in self.pending:
            fate = dice.random()
            if change.data is None:
                if fate < 0.5:
                    _apply(content, change)
            elif fate < 0.3:
                _apply(content, change)
            elif fate < 0.7:
                for begin in range(0, len(change.data), SECTOR):
                    if dice.random() < 0.5:
                        sector = change.data[begin : begin + SECTOR]
                        _apply(content, Change(change.offset + begin, sector))
        return bytes(content)


#: A name that now leads to a file, or (None) to nothing. A move is two of them that happen together.
Link = tuple[PurePath, File | None]


@dataclass
class Directory:
    flushed: dict[PurePath, File] = field(default_factory=dict)
    pending: list[tuple[Link, ...]] = field(default_factory=list)

    def flush(self) -> None:
        for links in self.pending:
            _link(self.flushed, links)
        self.pending.clear()

    def after_a_cut(self, dice: random.Random) -> dict[PurePath, File]:
        names = dict(self.flushed)
        settled: set[PurePath] = set()
        for links in self.pending:
            # Once a change of a name is lost, no later one of that name can be there.
            if settled.isdisjoint(path for path, _ in links) and dice.random() < 0.5:
                _link(names, links)
            else:
                settled.update(path for path, _ in links)
        return names


class Disk:
    """Files by path below one root, as the system sees them and as the platter has them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._seen: dict[PurePath, File] = {}
        self._directories: dict[PurePath, Directory] = {}
        # Directories themselves are names in their parents.
        self._made: dict[PurePath, PurePath] = {}
        for path in sorted(root.rglob("*")):
            if path.is_file():
                file = File(bytearray(path.read_bytes()))
                self._seen[path] = file
                self._directory(path.parent).flushed[path] = file

    def covers(self, path: str | Path) -> bool:
        return Path(path).is_relative_to(self.root)

    def create(self, path: Path) -> None:
        if path not in self._seen:
            self._seen[path] = file = File()
            self._directory(path.parent).pending.append(((path, file),))

    def make_directory(self, path: Path) -> None:
        self._made[path] = path.parent

    def write(self, path: Path, offset: int, data: bytes) -> None:
        self._seen[path].pending.append(Change(offset, bytes(data)))

    def truncate(self, path: Path, size: int) -> None:
        self._seen[path].pending.append(Change(size))

    def sync(self, path: Path) -> None:
        self._seen[path].flush()

    def lose(self, path: Path) -> None:
        """A flush that failed: what waited for it never reaches the platter, and no later flush brings it."""
        self._seen[path].pending.clear()

    def sync_directory(self, path: Path) -> None:
        self._directory(path).flush()
        self._made = {made: parent for made, parent in self._made.items() if parent != path}

    def move(self, source: Path, target: Path) -> None:
        file = self._seen.pop(source)
        self._seen[target] = file
        self._directory(target.parent).pending.append(((source, None), (target, file)))

    def remove(self, path: Path) -> None:
        if self._seen.pop(path, None) is not None:
            self._directory(path.parent).pending.append(((path, None),))

    def cut(self, target: Path, dice: random.Random) -> None:
        """Writes what the platter may hold into `target`."""
        lost = {made for made in self._made if dice.random() < 0.5}
        for path, directory in self._directories.items():
            if any(PurePath(path).is_relative_to(gone) for gone in lost):
                continue
            for name, file in directory.after_a_cut(dice).items():
                copy = target / PurePath(name).relative_to(self.root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.after_a_cut(dice))

    def _directory(self, path: PurePath) -> Directory:
        return self._directories.setdefault(path, Directory())


def _apply(content: bytearray, change: Change) -> None:
    if change.data is None:
        del content[change.offset :]
        content.extend(bytes(change.offset - len(content)))
        return
    end = change.offset + len(change.data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    content[change.offset : end] = change.data


def _link(names: dict[PurePath, File], links: tuple[Link, ...]) -> None:
    for path, file in links:
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file
