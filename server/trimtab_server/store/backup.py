"""Copies of a whole store, made while it is in use, and put back only where nothing is lost."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from trimtab_server.store import audit, schema
from trimtab_server.store.blobs import BlobDamaged, BlobStore
from trimtab_server.store.canonical_json import canonical_json, sha256_hex
from trimtab_server.store.check import check
from trimtab_server.store.data_directory import BLOBS, DATABASE, DataDirectory
from trimtab_server.store.database import Database
from trimtab_server.store.durable import flush_directory, flush_file, write_durably
from trimtab_server.store.requests import Origin
from trimtab_server.store.tables import blobs

#: Written last: a backup without it was never finished.
MANIFEST: Final = "backup.json"
FORMAT: Final = "trimtab-backup/1"

_ATTEMPTS: Final = 3


class BackupError(Exception):
    """It was not made, or is not one; the message says why and what to do."""


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. `time` is UTC nanoseconds, `database` the SHA-256 of its database file."""

    format: str
    time: int
    schema: str
    database: str
    blobs: tuple[str, ...]
    audit_records: int
    audit_head: str


def back_up(database: Database, blob_store: BlobStore, target: Path, time: int) -> Manifest:
    """Copies database and blobs into a new directory, also while a server writes them.

    The database is copied first, as one consistent view; a blob is on disk before any row names it, so all
    that the copy names are there to be copied. One that was deleted in between makes it begin anew.
    Keys, the first token and caches are not part of a backup.

    Raises:
        BackupError: the target exists with something in it, or a blob is damaged.
        StorageFailure, OSError: it could not be read or written.
    """
    _make_empty(target)
    for attempt in range(_ATTEMPTS):
        schema.copy(database, target / DATABASE)
        digests, manifest = _contents(target / DATABASE, time)
        kept = BlobStore(target / BLOBS)
        try:
            for digest in digests:
                kept.put(blob_store.get(digest))
        except BlobDamaged as damage:
            if attempt + 1 < _ATTEMPTS and _was_deleted(database, damage.metadata["blob"]):
                continue
            raise BackupError(f"a backup would not be whole: {damage}") from damage
        write_durably(target / MANIFEST, canonical_json(asdict(manifest)).encode(), 0o444)
        flush_directory(target)
        flush_directory(target.parent)
        return manifest
    raise BackupError("vectors are being deleted all the time: try again when that is over")


def read_manifest(source: Path) -> Manifest:
    """Raises: BackupError, if the directory is no finished backup."""
    try:
        fields: dict[str, Any] = json.loads((source / MANIFEST).read_bytes())
        manifest = Manifest(**{**fields, "blobs": tuple(fields["blobs"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BackupError(f"{source} is no finished backup: {MANIFEST} cannot be read ({error})") from error
    if manifest.format != FORMAT:
        raise BackupError(f"{source} has format {manifest.format}, this release reads {FORMAT}")
    return manifest


def restore(source: Path, data_dir: Path, origin: Origin, time: int) -> Manifest:
    """Puts a backup into an empty or new data directory, checks it, and records that in its audit.

    Heads exported after the backup was made do not fit the restored chain: that is meant to show. The record
    of the restoration says why.

    Raises:
        BackupError: the data directory is not empty, or the backup is not what its manifest says.
        StorageFailure, OSError: it could not be written.
    """
    manifest = read_manifest(source)
    if sha256_hex((source / DATABASE).read_bytes()) != manifest.database:
        raise BackupError(f"{source / DATABASE} was changed after the backup was made; use another backup")
    _make_empty(data_dir)
    directory = DataDirectory(data_dir)
    try:
        kept, copies = BlobStore(source / BLOBS), BlobStore(directory.blobs)
        try:
            for digest in manifest.blobs:
                copies.put(kept.get(digest))
        except BlobDamaged as damage:
            raise BackupError(f"{source} is damaged: {damage}") from damage
        partial = directory.database.with_suffix(".part")
        shutil.copyfile(source / DATABASE, partial)
        flush_file(partial)
        _check_restored(partial, copies, manifest, origin, time)
        # The name comes last: what did not hold is never served.
        partial.replace(directory.database)
        flush_directory(data_dir)
    finally:
        directory.release()
    return manifest


def _check_restored(copied: Path, copies: BlobStore, manifest: Manifest, origin: Origin, time: int) -> None:
    database = Database.at(copied)
    try:
        faults = [fault for line in check(database, copies) for fault in line.faults]
        # A backup of an older schema has fewer triggers until the server has migrated it.
        faults = [fault for fault in faults if manifest.schema == schema.HEAD or "is missing" not in fault]
        if faults:
            raise BackupError(f"what was restored does not hold: {'; '.join(faults)}")
        with database.write() as connection:
            audit.append(
                connection,
                time=time,
                origin=origin,
                action="store.restore",
                subject="store",
                details={
                    "backup_time": manifest.time,
                    "audit_records": manifest.audit_records,
                    "audit_head": manifest.audit_head,
                },
            )
    finally:
        database.close()


def _contents(copied: Path, time: int) -> tuple[list[str], Manifest]:
    database = Database.read_only(copied)
    try:
        with database.read() as connection:
            digests = list(connection.execute(select(blobs.c.digest).order_by(blobs.c.digest)).scalars())
            records, head = audit.head(connection)
        found = schema.current(database)
    finally:
        database.close()
    digest = sha256_hex(copied.read_bytes())
    return digests, Manifest(FORMAT, time, found, digest, tuple(digests), records, head)


def _was_deleted(database: Database, digest: str) -> bool:
    with database.read() as connection:
        return connection.execute(select(blobs.c.digest).where(blobs.c.digest == digest)).first() is None


def _make_empty(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(directory.iterdir()):
        raise BackupError(f"{directory} is not empty: name a new directory, nothing is ever overwritten")
