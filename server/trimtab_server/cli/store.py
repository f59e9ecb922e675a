"""`trimtab store`: the data directory itself, with or without a server on it."""

from __future__ import annotations

import getpass
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from trimtab_server.cli.data_directory import opened_to_read, reported
from trimtab_server.cli.failure import CheckFailed
from trimtab_server.cli.session import JsonFlag, session

app = typer.Typer(help="The data directory: check, back up, restore.", no_args_is_help=True)


@app.callback()
def _store() -> None:
    """The data directory: check, back up, restore. Example: trimtab --data-dir ./data store check"""


@app.command("check")
def check_store(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Look at everything: pages, triggers, audit chain, pointers, snapshots, blobs. Writes nothing.

    Example: trimtab --data-dir ./data store check --json
    """
    from trimtab_server.store.audit_heads import HeadFile
    from trimtab_server.store.blobs import BlobStore
    from trimtab_server.store.check import check
    from trimtab_server.store.data_directory import AUDIT_HEADS, BLOBS

    found = session(context, as_json)
    with reported():
        file = found.data_dir / AUDIT_HEADS
        heads = HeadFile(file).read() if file.exists() else []
        with opened_to_read(found) as database:
            lines = check(database, BlobStore(found.data_dir / BLOBS), [head.witness for head in heads])
    whole = all(line.ok for line in lines)
    if found.json:
        found.emit_json({"ok": whole, "lines": [{**asdict(line), "ok": line.ok} for line in lines]})
    else:
        rows = (
            (line.name, line.looked_at, "\n".join(line.faults) if line.faults else "holds") for line in lines
        )
        found.table(("part", "looked at", ""), rows, "")
    if not whole:
        raise CheckFailed


@app.command("backup")
def back_up_store(
    context: typer.Context,
    target: Annotated[Path, typer.Argument(help="New directory to write the backup into.")],
    as_json: JsonFlag = False,
) -> None:
    """Copy database and blobs as one consistent view, also while the server runs.

    Keys and the first token are not copied: keep those elsewhere.

    Example: trimtab --data-dir ./data store backup /backups/2026-11-23
    """
    from trimtab_server.store.backup import back_up
    from trimtab_server.store.blobs import BlobStore
    from trimtab_server.store.data_directory import BLOBS

    found = session(context, as_json)
    with reported(), opened_to_read(found) as database:
        manifest = back_up(database, BlobStore(found.data_dir / BLOBS), target, time.time_ns())
    if found.json:
        found.emit_json({"backup": target, **asdict(manifest)})
        return
    found.out.print(
        f"{target}: {len(manifest.blobs)} blobs, {manifest.audit_records} audit records", markup=False
    )


@app.command("restore")
def restore_store(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="Directory of the backup.")],
    as_json: JsonFlag = False,
) -> None:
    """Put a backup into an empty data directory, check it, and record that in its audit.

    Example: trimtab --data-dir ./new-data store restore /backups/2026-11-23
    """
    from trimtab_server.store.backup import restore
    from trimtab_server.store.requests import Origin

    found = session(context, as_json)
    with reported():
        who = Origin(f"local/{getpass.getuser()}", "admin", auth_method="file access")
        manifest = restore(source, found.data_dir, who, time.time_ns())
    if found.json:
        found.emit_json({"data_dir": found.data_dir, **asdict(manifest)})
        return
    found.out.print(f"{found.data_dir} restored: {manifest.audit_records} audit records", markup=False)
