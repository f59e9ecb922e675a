"""TLS 1.3 for the server's ports, with certificates that may be renewed while it runs.

grpc.aio takes `grpc.dynamic_ssl_server_credentials` (tried with 1.85): the fetcher is asked before each
handshake, so connections made after a renewal get the new certificate, and connections that exist keep theirs.
What grpc offers no way to do: certificate revocation lists; a client certificate that is asked for but not
required; a choice of TLS versions, hence `restart_with_tls_1_3_only`.
"""

from __future__ import annotations

import logging
import os
import ssl
import sys
import threading
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc

log = logging.getLogger("trimtab.tls")

_CIPHERS: Final = "GRPC_SSL_CIPHER_SUITES"
#: A TLS 1.2 suite that needs a key shared beforehand, which no peer of ours has. TLS 1.3's suites are fixed.
_NONE_BEFORE_1_3: Final = "PSK-AES128-CBC-SHA"


class CertificateUnusable(Exception):
    """A certificate, key or authority file is missing or does not fit; the message names it."""


@dataclass(frozen=True)
class TlsFiles:
    """PEM files. With `client_authority` every client must show a certificate that it signed (mTLS)."""

    certificate: Path
    key: Path
    client_authority: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        both = (self.certificate, self.key)
        return both if self.client_authority is None else (*both, self.client_authority)


def restart_with_tls_1_3_only(
    environ: MutableMapping[str, str] = os.environ,
    start_again: Callable[[str, list[str]], object] = os.execv,
) -> None:
    """Makes gRPC in this process refuse anything older than TLS 1.3; an operator's own list of suites stays.

    grpc's Python API has no setting for versions. Its list of TLS 1.2 suites comes from the environment, and is
    read when grpc is imported: so this process, which has imported it, starts again in its place (the same
    process id, the same arguments) with a list that no peer can meet. What is left is TLS 1.3.
    """
    if environ.get(_CIPHERS):
        return
    environ[_CIPHERS] = _NONE_BEFORE_1_3
    start_again(sys.executable, [sys.executable, *sys.orig_argv[1:]])


class Certificates:
    """The files as they are now: looked at before each handshake, read again when one of them changed.

    A renewal that does not fit together (a new certificate beside the old key, half a file) is logged and not
    used: handshakes go on with what was read before.
    """

    def __init__(self, files: TlsFiles) -> None:
        """Raises: CertificateUnusable."""
        self._files = files
        self._lock = threading.Lock()
        self._seen = self._signature()
        self._configuration = self._read()

    def credentials(self) -> grpc.ServerCredentials:
        """For `add_secure_port`."""
        return grpc.dynamic_ssl_server_credentials(
            self._configuration,
            self.renewed,  # type: ignore[arg-type]  # None is "no change"; the stubs do not know it
            require_client_authentication=self._files.client_authority is not None,
        )

    def renewed(self) -> grpc.ServerCertificateConfiguration | None:
        """The configuration for the next handshake; None if nothing changed. Called on gRPC's threads."""
        with self._lock:
            try:
                found = self._signature()
                if found == self._seen:
                    return None
                # Remembered also if it is refused below, so that one bad renewal is reported once.
                self._seen = found
                self._configuration = self._read()
                if self._signature() != found:
                    self._seen = ()
            except CertificateUnusable as error:
                log.error("certificate_not_renewed", extra={"facts": {"error": str(error)}})
                return None
            log.info("certificate_renewed", extra={"facts": {"file": str(self._files.certificate)}})
            return self._configuration

    def _signature(self) -> tuple[object, ...]:
        try:
            states = [path.stat() for path in self._files.paths]
        except OSError as error:
            raise CertificateUnusable(f"cannot read {error.filename}: {error.strerror}") from error
        return tuple((state.st_mtime_ns, state.st_size, state.st_ino) for state in states)

    def _read(self) -> grpc.ServerCertificateConfiguration:
        files = self._files
        try:
            certificate, key = files.certificate.read_bytes(), files.key.read_bytes()
            authority = None if files.client_authority is None else files.client_authority.read_bytes()
        except OSError as error:
            raise CertificateUnusable(f"cannot read {error.filename}: {error.strerror}") from error
        _check(files, authority)
        return grpc.ssl_server_certificate_configuration([(key, certificate)], authority)


def _check(files: TlsFiles, authority: bytes | None) -> None:
    """gRPC would accept any bytes here and fail at each handshake, without a word about why."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # An empty password, so that an encrypted key is refused instead of asked about on the terminal.
        context.load_cert_chain(files.certificate, files.key, password="")
    except (ssl.SSLError, ValueError) as error:
        raise CertificateUnusable(
            f"{files.certificate} and {files.key} are not a PEM certificate and its unencrypted key: {error}"
        ) from error
    if authority is None:
        return
    try:
        context.load_verify_locations(cadata=authority.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise CertificateUnusable(
            f"{files.client_authority} holds no PEM certificate of an authority: {error}"
        ) from error
