"""What the commands of one invocation share: where the server is, and how to print."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from trimtab_client import Client, Connection, TlsFiles, discover, find_data_dir

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

#: Wide enough for a table whose reader is a program or a file.
_WIDTH_WITHOUT_TERMINAL = 200

InFlightOption = Annotated[
    Literal["finish", "cancel"], typer.Option(help="What becomes of replies still running.")
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


@dataclass
class Session:
    """The global options, and output in the form that the command was asked for."""

    target: str | None = None
    token_file: Path | None = None
    data_dir_option: Path | None = None
    tls: TlsFiles | None = None
    plaintext: bool = False
    #: Set by a command that got --json: standard output then carries JSON alone.
    json: bool = False
    _out: Console | None = field(default=None, repr=False)
    _err: Console | None = field(default=None, repr=False)

    @property
    def data_dir(self) -> Path:
        return find_data_dir(self.data_dir_option)

    def connection(self) -> Connection:
        """Where the server is and which token to show it; raises TrimtabError."""
        return discover(
            self.target, self.token_file, self.data_dir_option, tls=self.tls, plaintext=self.plaintext
        )

    def client(self) -> Client:
        """A client of the server that was asked for, to be used in a `with`."""
        found = self.connection()
        return Client(found.target, found.token, credentials=found.credentials())

    @property
    def out(self) -> Console:
        """Standard output, for people."""
        if self._out is None:
            self._out = _console(stderr=False)
        return self._out

    @property
    def err(self) -> Console:
        """Standard error: progress, remarks."""
        if self._err is None:
            self._err = _console(stderr=True)
        return self._err

    def emit_json(self, value: Any) -> None:
        """Print the one JSON object of a command."""
        print(json.dumps(plain(value), ensure_ascii=False))

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
        """Print a table, or a line that says there is nothing."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
        self.out.print(table if table.row_count else empty)

    def facts(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Print name and value, one a line; pairs without a value are left out."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(style="bold")
        table.add_column(overflow="fold")
        for name, value in pairs:
            if value not in (None, "", ()):
                table.add_row(name, Text(str(value)))
        self.out.print(table)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """A progress bar on standard error; it leaves nothing behind, and nothing in a log file."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(
            *columns, console=self.err, transient=True, disable=not self.err.is_terminal
        ) as progress:
            yield progress


def _console(stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH_WITHOUT_TERMINAL
    return console


def plain(value: Any) -> Any:
    """Dataclasses, times and enums as what JSON has."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return str(value) if isinstance(value, Path) else value


def local_time(moment: datetime | None) -> str:
    """A moment in the reader's own zone, to the second."""
    return "" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def session(context: typer.Context, as_json: bool = False) -> Session:
    """The session of a command's context."""
    found = context.find_object(Session) or Session()
    found.json = as_json
    return found
