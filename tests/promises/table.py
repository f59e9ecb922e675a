"""Which promise is measured by which module, and how the table of a run is printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from promises.row import Row


@dataclass(frozen=True)
class Promise:
    """A promise, and the module whose `run(profile, seed)` measures it.

    quiet: it measures times, so nothing else may run beside it.
    """

    id: int
    module: str
    words: str
    quiet: bool = False


PROMISES = (
    Promise(1, "durability", "No acknowledged write is lost when a process is killed"),
    Promise(2, "power", "No acknowledged write is lost when the power fails"),
    Promise(3, "io_errors", "A write, sync or open that fails is a clean error"),
    Promise(4, "activation", "Activation is atomic under many writers and readers"),
    Promise(5, "rollback", quiet=True, words="Rollback is quick and always possible"),
    Promise(6, "malformed", quiet=True, words="Malformed input crashes nothing and slows nobody"),
    Promise(7, "cancels", quiet=True, words="A caller that goes away frees everything"),
    Promise(8, "slow_clients", quiet=True, words="Slow clients do no harm"),
    Promise(9, "soak", "Nothing leaks"),
    Promise(10, "false_alarms", "Healthy rollouts are left alone"),
    Promise(11, "harm", "Harm is found in time and undone"),
    Promise(12, "audit", "The audit shows every tampering"),
    Promise(13, "access", "Nobody may call what the table of roles does not grant"),
    Promise(14, "secrets", "Prompts and secrets stay out of logs, database and blobs"),
    Promise(15, "upgrade", "An upgrade keeps every record"),
    Promise(16, "stale_client", quiet=True, words="A client that lost its server says so"),
)

#: Names a folder that all rows of one run share.
SCRATCH = "TRIMTAB_PROMISES_SCRATCH"
#: Long, and never in a hurry: the rows that are not quiet run beside it.
SOAK = 9


def promise_of(id: int) -> Promise:
    """Raises: ValueError: there is no such row."""
    for promise in PROMISES:
        if promise.id == id:
            return promise
    raise ValueError(f"there is no row {id}; rows are 1 to {PROMISES[-1].id}")


def printed(rows: Sequence[Row]) -> str:
    """The rows as text, parts indented below their row."""
    lines = [
        f"{'row':>4} {'':6} {'n':>9} {'failed':>7} {'bound':>9} {'value':>10} {'limit':>9} {'s':>7}  promise"
    ]
    for row in rows:
        lines.append(_line(row, f"{row.id:>4}"))
        lines += [_line(part, "   ·") for part in row.parts]
    return "\n".join(lines)


def _line(row: Row, first: str) -> str:
    verdict = "holds" if row.ok else "BROKEN"
    figures = f"{row.n:>9} {row.failures:>7} {row.bound:>9.2g} {row.value:>10.4g} {row.limit:>9.4g}"
    note = f" ({row.note})" if row.note and not row.parts else ""
    return f"{first} {verdict:6} {figures} {row.seconds:>7.1f}  {row.promise}{note}"
