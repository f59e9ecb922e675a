"""Who a client certificate stands for: a file that maps subject alternative names to principals and roles."""

from __future__ import annotations

import logging
import threading
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from trimtab_server.api.roles import Role

log = logging.getLogger("trimtab.tls")

#: What gRPC calls the parts of a verified peer certificate, and how the file writes them.
_KINDS: Final[Mapping[str, str]] = {
    "peer_dns": "dns",
    "peer_uri": "uri",
    "peer_email": "email",
    "peer_ip": "ip",
}


class PrincipalsFileError(ValueError):
    """The file cannot be read or contradicts itself; the message names it."""


@dataclass(frozen=True)
class Principal:
    """`name` is unique in the file; limits of 0 are the server's own."""

    name: str
    role: Role
    requests_per_minute: int = 0
    tokens_per_minute: int = 0


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    role: Role
    san: tuple[str, ...] = Field(min_length=1)
    requests_per_minute: int = Field(default=0, ge=0)
    tokens_per_minute: int = Field(default=0, ge=0)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    principal: tuple[_Entry, ...] = ()

    @model_validator(mode="after")
    def _unambiguous(self) -> _File:
        names = [entry.name for entry in self.principal]
        sans = [san for entry in self.principal for san in entry.san]
        for what, values in (("name", names), ("san", sans)):
            twice = next((value for value in values if values.count(value) > 1), None)
            if twice is not None:
                raise ValueError(f"the {what} {twice} appears twice")
        unknown = next((san for san in sans if san.partition(":")[0] not in _KINDS.values()), None)
        if unknown is not None:
            raise ValueError(f"san {unknown} must begin with {', '.join(f'{k}:' for k in _KINDS.values())}")
        return self


class Principals:
    """The file as it is now: read again whenever it changed; a change that cannot be read is not taken."""

    def __init__(self, path: Path | None) -> None:
        """Without a path nobody is known by certificate. Raises: PrincipalsFileError."""
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._by_san: dict[str, Principal] = {}
        if path is not None:
            self._seen, self._by_san = _signature(path), _read(path)

    def reload(self) -> None:
        """To be called now and then; a fault is logged once and leaves what was read before."""
        if self._path is None:
            return
        with self._lock:
            try:
                found = _signature(self._path)
                if found == self._seen:
                    return
                self._seen = found
                self._by_san = _read(self._path)
            except PrincipalsFileError as error:
                log.error("principals_not_reloaded", extra={"facts": {"error": str(error)}})
                return
            log.info("principals_reloaded", extra={"facts": {"file": str(self._path)}})

    def find(self, identities: Iterable[str]) -> Principal | None:
        """Of a certificate's names, as `identities_of` gives them; None unless they name exactly one."""
        known = self._by_san
        found = {known[identity] for identity in identities if identity in known}
        return found.pop() if len(found) == 1 else None

    def holds(self, name: str, role: Role) -> bool:
        """Whether a principal is still there, with the same role."""
        return any(known.name == name and known.role is role for known in self._by_san.values())


def identities_of(auth_context: Mapping[str, Iterable[bytes]]) -> tuple[str, ...]:
    """The subject alternative names of a verified peer, written "dns:bo.example", "uri:spiffe://..."."""
    return tuple(
        f"{kind}:{value.decode('utf-8', 'replace')}"
        for key, kind in _KINDS.items()
        for value in auth_context.get(key, ())
    )


def _signature(path: Path) -> tuple[int, int, int]:
    try:
        state = path.stat()
    except OSError as error:
        raise PrincipalsFileError(f"cannot read {path}: {error.strerror}") from error
    return state.st_mtime_ns, state.st_size, state.st_ino


def _read(path: Path) -> dict[str, Principal]:
    try:
        found = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PrincipalsFileError(f"cannot read {path} as TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise PrincipalsFileError(f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}") from error
    return {
        san: Principal(entry.name, entry.role, entry.requests_per_minute, entry.tokens_per_minute)
        for entry in found.principal
        for san in entry.san
    }
