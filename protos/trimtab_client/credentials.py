"""What a client needs for TLS: an authority to trust, and with mTLS a certificate of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import grpc

from trimtab_client.errors import TrimtabError


@dataclass(frozen=True)
class TlsFiles:
    """PEM files. Without an `authority`, the well-known ones that gRPC brings are trusted."""

    authority: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


def channel_credentials(files: TlsFiles) -> grpc.ChannelCredentials:
    """Reads the files.

    Raises:
        TrimtabError: TLS_FILE_UNREADABLE, or TLS_FILES_INCOMPLETE for a certificate without its key.
    """
    if (files.certificate is None) != (files.key is None):
        raise TrimtabError(
            "INVALID_ARGUMENT",
            "TLS_FILES_INCOMPLETE",
            "a client certificate and its key belong together: give --tls-cert and --tls-key, or neither",
        )
    return grpc.ssl_channel_credentials(
        root_certificates=_read(files.authority),
        private_key=_read(files.key),
        certificate_chain=_read(files.certificate),
    )


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise TrimtabError(
            "FAILED_PRECONDITION",
            "TLS_FILE_UNREADABLE",
            f"cannot read {path}: {error.strerror}; check that it exists and that you may read it",
            metadata={"path": str(path)},
        ) from error
