"""`trimtab audit`."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from trimtab_client import abbreviated

from trimtab_server.cli.data_directory import moment, opened_to_read, reported
from trimtab_server.cli.failure import CheckFailed, CommandFailed
from trimtab_server.cli.session import JsonFlag, Session, local_time, session

if TYPE_CHECKING:
    from trimtab_server.store.audit import Verification
    from trimtab_server.store.audit_heads import Head

app = typer.Typer(help="The append-only record of every change.", no_args_is_help=True)

HeadOption = Annotated[
    Path | None,
    typer.Option(
        "--head", help="File of signed heads kept elsewhere. Default: the data directory's, if any."
    ),
]
KeyOption = Annotated[
    Path | None, typer.Option("--public-key", help="PEM key of the heads. Default: the data directory's.")
]


@app.callback()
def _audit() -> None:
    """The append-only record of every change. Example: trimtab audit list"""


@app.command("list")
def list_records(
    context: typer.Context,
    action: Annotated[str, typer.Option(help="Only this action, such as snapshot.activate.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
    offline: Annotated[
        bool, typer.Option("--offline", help="Read the data directory instead of asking the server.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """List audit records, newest first: who, what, when, why.

    Example: trimtab audit list --action snapshot.activate --limit 10
    """
    found = session(context, as_json)
    if offline:
        _list_offline(found, action, limit)
        return
    with found.client() as client:
        log = client.audit_records(action=action, limit=limit)
    if found.json:
        found.emit_json({"audit_records": log.records, "head": log.head, "record_count": log.record_count})
        return
    rows = (
        (r.sequence, local_time(r.time), r.actor, r.action, _subject(r.subject), r.reason)
        for r in log.records
    )
    _print_records(found, rows, log.record_count, log.head)


@app.command("verify")
def verify(
    context: typer.Context,
    head: HeadOption = None,
    export: Annotated[
        Path | None, typer.Option("--export", help="Check this exported file, not the data directory.")
    ] = None,
    public_key: KeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Recompute the chain and compare it with exported heads. Reads files alone; the server may run.

    Example: trimtab --data-dir ./data audit verify --head /mnt/far/audit-heads.jsonl --public-key far.pub
    """
    found = session(context, as_json)
    with reported():
        checked, fault = (
            _verify_export(found, export, head, public_key)
            if export is not None
            else _verify_directory(found, head, public_key)
        )
    fault = checked.fault or fault
    if found.json:
        found.emit_json(
            {
                "ok": not fault,
                "records": checked.records,
                "head": checked.head,
                "heads": checked.witnesses,
                "fault": fault,
            }
        )
    elif fault:
        found.out.print(f"NOT WHOLE: {fault}", markup=False)
    else:
        heads = f"{checked.witnesses} exported heads found again" if checked.witnesses else "no heads given"
        found.out.print(f"{checked.records} records hold, head {checked.head[:16]}, {heads}", markup=False)
    if fault:
        raise CheckFailed


@app.command("export")
def export_records(
    context: typer.Context,
    out: Annotated[Path, typer.Option("--out", help="File to write; must not exist.")],
    key: Annotated[
        Path | None, typer.Option("--key", help="Private key that signs. Default: the data directory's.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write every record as JSON lines with a signed head, for a third party to check.

    Example: trimtab --data-dir ./data audit export --out audit.jsonl
    """
    from trimtab_server.store.audit_export import write_export
    from trimtab_server.store.audit_heads import HeadKey
    from trimtab_server.store.data_directory import AUDIT_KEY

    found = session(context, as_json)
    path = key or found.data_dir / AUDIT_KEY
    if not path.exists():
        raise CommandFailed("KEY_MISSING", f"there is no key {path}; name the server's with --key")
    with reported(), opened_to_read(found) as database:
        signer = HeadKey.at(path)
        with database.read() as connection, out.open("x", encoding="utf-8", newline="\n") as file:
            head = write_export(connection, signer, file, time.time_ns())
    if found.json:
        found.emit_json({"records": head.sequence, "head": head.hash, "key": head.key, "file": out})
        return
    found.out.print(f"{head.sequence} records in {out}, head {head.hash[:16]}", markup=False)


def _verify_directory(found: Session, head: Path | None, public_key: Path | None) -> tuple[Verification, str]:
    from trimtab_server.store import audit
    from trimtab_server.store.audit_heads import HeadFile
    from trimtab_server.store.data_directory import AUDIT_HEADS
    from trimtab_server.store.triggers import missing_triggers

    # Heads first: a record that is written meanwhile is then one more, never one too few.
    file = head or found.data_dir / AUDIT_HEADS
    heads = HeadFile(file).read() if head is not None or file.exists() else []
    unsigned = _unsigned(found, heads, public_key)
    with opened_to_read(found) as database, database.read() as connection:
        checked = audit.verify(connection, [one.witness for one in heads])
        missing = missing_triggers(connection)
    weak = f"the database lacks {', '.join(missing)}: records could be altered" if missing else ""
    return checked, unsigned or weak


def _verify_export(
    found: Session, export: Path, head: Path | None, public_key: Path | None
) -> tuple[Verification, str]:
    from trimtab_server.store.audit_export import verify_export
    from trimtab_server.store.audit_heads import HeadFile

    heads = HeadFile(head).read() if head is not None else []
    checked, last = verify_export(export, [one.witness for one in heads])
    return checked, _unsigned(found, [*heads, last], public_key)


def _unsigned(found: Session, heads: list[Head], public_key: Path | None) -> str:
    from trimtab_server.store.audit_heads import public_path, read_public_key, signature_fault
    from trimtab_server.store.data_directory import AUDIT_KEY

    if not heads:
        return ""
    return signature_fault(heads, read_public_key(public_key or public_path(found.data_dir / AUDIT_KEY)))


def _list_offline(found: Session, action: str, limit: int) -> None:
    from trimtab_server.store import audit

    with reported(), opened_to_read(found) as database, database.read() as connection:
        records = audit.records(connection, action=action, limit=limit)
        count, head = audit.head(connection)
    if found.json:
        told = [asdict(record) for record in records]
        found.emit_json({"audit_records": told, "head": head, "record_count": count})
        return
    rows = (
        (r.sequence, local_time(moment(r.time)), r.actor, r.action, _subject(r.subject), r.reason)
        for r in records
    )
    _print_records(found, rows, count, head)


def _print_records(found: Session, rows: Iterable[tuple[object, ...]], record_count: int, head: str) -> None:
    found.table(("#", "time", "actor", "action", "subject", "reason"), rows, "no audit records")
    found.out.print(f"{record_count} records, head {head[:16]}", style="dim")


def _subject(name: str) -> str:
    collection, slash, _ = name.rpartition("/")
    return f"{collection}{slash}{abbreviated(name)}"
