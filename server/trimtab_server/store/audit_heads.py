"""Signed heads of the audit chain, kept where the database is not.

A chain by itself does not show that its end was cut or that it was written anew as a whole. A head that was
exported before does: it names a record by number and hash. Heads are signed with Ed25519 (RFC 8032): whoever
has the public key can check them, only the holder of the private key can make them. The private key is a file
of its own, never in the database and never in a backup.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trimtab_server.store import audit
from trimtab_server.store.audit import Witness
from trimtab_server.store.canonical_json import canonical_json, sha256_hex
from trimtab_server.store.database import Database
from trimtab_server.store.durable import flush_directory, write_all, write_durably

log = logging.getLogger("trimtab.audit")

PURPOSE: Final = "trimtab audit head"


class HeadsUnreadable(ValueError):
    """A file of heads, or a key, is not what it should be; the message says what and where."""


@dataclass(frozen=True)
class Head:
    """Record `sequence` had `hash` at `time` (UTC nanoseconds). `key` names the public key, `signature` is hex."""

    sequence: int
    hash: str
    time: int
    key: str = ""
    signature: str = ""
    purpose: str = PURPOSE

    def message(self) -> bytes:
        """What is signed: canonical JSON of hash, purpose, sequence and time."""
        fields = {"hash": self.hash, "purpose": self.purpose, "sequence": self.sequence, "time": self.time}
        return canonical_json(fields).encode()

    @property
    def witness(self) -> Witness:
        return Witness(self.sequence, self.hash)


class HeadKey:
    """The private key; `path` with the suffix .pub holds the public one."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key()

    @classmethod
    def at(cls, path: Path) -> HeadKey:
        """Reads it; makes it, readable by its owner alone, if there is none. Its public half lies beside it.

        Raises:
            HeadsUnreadable: the file is no Ed25519 private key in PEM.
        """
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_durably(path, _private_pem(Ed25519PrivateKey.generate()), 0o600)
        try:
            private = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError) as error:
            raise HeadsUnreadable(f"{path} is no private key in PEM: {error}") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise HeadsUnreadable(f"{path} is a {type(private).__name__}; heads are signed with Ed25519")
        key = cls(private)
        public = public_path(path)
        if not public.exists() or public.read_bytes() != _public_pem(key.public):
            public.unlink(missing_ok=True)
            write_durably(public, _public_pem(key.public), 0o444)
        flush_directory(path.parent)
        return key

    @classmethod
    def made(cls) -> HeadKey:
        """A new one, kept nowhere."""
        return cls(Ed25519PrivateKey.generate())

    def sign(self, sequence: int, hash: str, time: int) -> Head:
        unsigned = Head(sequence, hash, time, key_id(self.public))
        signature = self._private.sign(unsigned.message()).hex()
        return Head(sequence, hash, time, unsigned.key, signature)


class HeadFile:
    """One signed head a line, oldest first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, head: Head) -> None:
        """Durable when it returns. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            _cut_torn_line(descriptor)
            write_all(descriptor, (canonical_json(asdict(head)) + "\n").encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if new:
            flush_directory(self.path.parent)

    def read(self) -> list[Head]:
        """Oldest first. A last line without its end was never acknowledged, and is left out.

        Raises:
            HeadsUnreadable: the file is missing, or a line is no head.
        """
        try:
            lines = self.path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise HeadsUnreadable(f"{self.path} cannot be read: {error}") from error
        return [head_of(line, f"{self.path}, line {number}") for number, line in enumerate(lines[:-1], 1)]


def head_of(line: str, where: str) -> Head:
    """One line of a file of heads. Raises: HeadsUnreadable."""
    try:
        fields: dict[str, Any] = json.loads(line)
        head = Head(**fields)
        numbers = isinstance(head.sequence, int) and isinstance(head.time, int)
        texts = all(isinstance(text, str) for text in (head.hash, head.key, head.signature, head.purpose))
    except (ValueError, TypeError) as error:
        raise HeadsUnreadable(f"{where} is no head of an audit chain: {error}") from error
    if not numbers or not texts:
        raise HeadsUnreadable(f"{where} is no head of an audit chain: a field has the wrong type")
    return head


def export_head(database: Database, key: HeadKey, file: HeadFile, time: int) -> Head:
    """Signs the newest record's hash, appends it to the file and tells it in the log: two places, one of which
    should be another machine's.

    Raises:
        OSError: the file could not be written; the log line is out already.
    """
    with database.read() as connection:
        count, newest = audit.head(connection)
    head = key.sign(count, newest, time)
    log.info("audit_head", extra={"facts": asdict(head)})
    file.append(head)
    return head


def signature_fault(heads: Iterable[Head], public: Ed25519PublicKey) -> str:
    """Names the first head that the key's holder did not sign; "" if there is none."""
    for head in heads:
        try:
            signature = bytes.fromhex(head.signature)
            # What is not signed itself has one right form all the same: any other byte was put there by somebody.
            if (head.purpose, head.key, head.signature) != (PURPOSE, key_id(public), signature.hex()):
                raise ValueError
            public.verify(signature, head.message())
        except (InvalidSignature, ValueError):
            return f"the head of record {head.sequence} was not signed with key {key_id(public)}"
    return ""


def read_public_key(path: Path) -> Ed25519PublicKey:
    """From PEM. Raises: HeadsUnreadable."""
    try:
        public = serialization.load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise HeadsUnreadable(f"{path} is no public key in PEM: {error}") from error
    if not isinstance(public, Ed25519PublicKey):
        raise HeadsUnreadable(f"{path} is a {type(public).__name__}; heads are signed with Ed25519")
    return public


def public_path(private: Path) -> Path:
    return private.with_name(private.name + ".pub")


def key_id(public: Ed25519PublicKey) -> str:
    """16 hexadecimal digits of the SHA-256 of the 32 bytes of the key."""
    raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return sha256_hex(raw)[:16]


def _cut_torn_line(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    if size and os.pread(descriptor, 1, size - 1) != b"\n":
        tail = os.pread(descriptor, 4_096, max(0, size - 4_096))
        os.ftruncate(descriptor, size - len(tail) + tail.rfind(b"\n") + 1)


def _private_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _public_pem(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
