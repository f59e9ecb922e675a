"""Where the server is, how to reach it, and which token to show: flags, environment, data directory.

A server on this machine leaves DATA_DIR/address ("HOST:PORT") and DATA_DIR/token (mode 600), so that local
clients need no flags. Another machine is reached over TLS unless plain text is asked for: a token is never sent
in the clear by accident.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
import platformdirs

from trimtab_client.credentials import TlsFiles, channel_credentials
from trimtab_client.errors import TrimtabError

TARGET_VARIABLE: Final = "TRIMTAB_TARGET"
TOKEN_VARIABLE: Final = "TRIMTAB_TOKEN"
DATA_DIR_VARIABLE: Final = "TRIMTAB_DATA_DIR"
TLS_CA_VARIABLE: Final = "TRIMTAB_TLS_CA"
TLS_CERT_VARIABLE: Final = "TRIMTAB_TLS_CERT"
TLS_KEY_VARIABLE: Final = "TRIMTAB_TLS_KEY"
#: Any text: another machine is reached in plain text, for instance through a proxy on this network that adds TLS.
PLAINTEXT_VARIABLE: Final = "TRIMTAB_PLAINTEXT"


@dataclass(frozen=True)
class Connection:
    """A target ("HOST:PORT") and a bearer token, empty when none was found; `data_dir` was looked into.

    `tls` None is plain text. `token_file` is where the token came from, None if it came from the environment.
    """

    target: str
    token: str
    data_dir: Path
    tls: TlsFiles | None = None
    token_file: Path | None = None

    def credentials(self) -> grpc.ChannelCredentials | None:
        """For `Client` and `AsyncClient`. Raises: TrimtabError, a file cannot be read."""
        return None if self.tls is None else channel_credentials(self.tls)


def find_data_dir(data_dir: Path | None = None, environ: Mapping[str, str] = os.environ) -> Path:
    """The data directory: as given, else TRIMTAB_DATA_DIR, else the user's own of the platform."""
    if data_dir is not None:
        return data_dir
    from_environment = environ.get(DATA_DIR_VARIABLE, "")
    return Path(from_environment or platformdirs.user_data_dir("trimtab"))


def discover(
    target: str | None = None,
    token_file: Path | None = None,
    data_dir: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    *,
    tls: TlsFiles | None = None,
    plaintext: bool = False,
) -> Connection:
    """Find server and token. What is given wins over the environment, and that over the data directory.

    TLS is used where a file for it is given, and for every host but this machine, unless `plaintext`.

    The data directory's own token (an administrator's) is shown to a server on this machine only.

    Raises:
        TrimtabError: TARGET_UNKNOWN, TARGET_INVALID or TOKEN_FILE_UNREADABLE.
    """
    directory = find_data_dir(data_dir, environ)
    chosen = target or environ.get(TARGET_VARIABLE, "") or _read(directory / "address")
    if not chosen:
        raise TrimtabError(
            "UNAVAILABLE",
            "TARGET_UNKNOWN",
            f"no server has been started with the data directory {directory}; start one with "
            "`trimtab serve` or give its address with --target HOST:PORT",
            metadata={"data_dir": str(directory)},
        )
    host = _host(chosen)
    found_in = token_file
    if token_file is not None:
        token = _read_required(token_file)
    else:
        token = environ.get(TOKEN_VARIABLE, "")
        if not token and is_loopback(host):
            found_in = directory / "token"
            token = _read(found_in)
    return Connection(chosen, token, directory, tls_for(chosen, environ, tls, plaintext), found_in)


def tls_for(
    target: str,
    environ: Mapping[str, str] = os.environ,
    given: TlsFiles | None = None,
    plaintext: bool = False,
) -> TlsFiles | None:
    """How "HOST:PORT" is reached: with these files, or in plain text (None).

    Raises:
        TrimtabError: TARGET_INVALID.
    """
    given = given or TlsFiles()
    files = TlsFiles(
        given.authority or _path(environ, TLS_CA_VARIABLE),
        given.certificate or _path(environ, TLS_CERT_VARIABLE),
        given.key or _path(environ, TLS_KEY_VARIABLE),
    )
    if plaintext or environ.get(PLAINTEXT_VARIABLE, ""):
        return None
    return files if files != TlsFiles() or not is_loopback(_host(target)) else None


def is_loopback(host: str) -> bool:
    """Whether a host, without port, is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _host(target: str) -> str:
    """The host part of "HOST:PORT". A Unix socket ("unix:PATH") is on this machine."""
    if target.startswith("unix:"):
        return "localhost"
    host, _, port = target.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise TrimtabError(
            "INVALID_ARGUMENT",
            "TARGET_INVALID",
            f"{target!r} is not the address of a server; give HOST:PORT, for example 127.0.0.1:7460",
            metadata={"target": target},
        )
    return host


def _path(environ: Mapping[str, str], variable: str) -> Path | None:
    value = environ.get(variable, "")
    return Path(value) if value else None


def _read(path: Path) -> str:
    """The text of a file that need not exist."""
    return _read_required(path) if path.exists() else ""


def _read_required(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise TrimtabError(
            "FAILED_PRECONDITION",
            "TOKEN_FILE_UNREADABLE",
            f"cannot read {path}: {error}; check that it exists and that you own it",
            metadata={"path": str(path)},
        ) from error
