"""Where alerts go: a webhook, with its secrets in a file."""

from __future__ import annotations

import http.client
import ipaddress
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlsplit

_TIMEOUT: Final = 10.0
#: Of a refusal's body, for the log.
_EXCERPT: Final = 200
#: Answers to what may go well another time; every other 4xx will not.
_WORTH_ANOTHER_TRY: Final = frozenset({408, 425, 429})


class ReceiverInvalid(ValueError):
    """A webhook that cannot be used; the message says what to give instead."""


class DeliveryFailed(Exception):
    """One attempt failed. `final`: trying again is no use. `retry_after`: seconds the receiver asked for."""

    def __init__(self, text: str, *, final: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.final = final
        self.retry_after = retry_after


@dataclass(frozen=True)
class Address:
    """A URL and the headers that go with it. Both may be secrets: neither is ever printed."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


@dataclass(frozen=True)
class Receiver:
    """One webhook: `given` is a URL, or "@FILE".

    The file's first line is the URL, every line after it a header "Name: value"; nobody but its owner may read
    it. It is read at each delivery, so a secret can be changed while the server runs.
    """

    given: str = field(repr=False)

    @classmethod
    def of(cls, given: str) -> Receiver:
        """Checked now, so that a wrong one is found at the start. Raises: ReceiverInvalid."""
        receiver = cls(given)
        receiver.address()
        return receiver

    @property
    def name(self) -> str:
        """For logs: the host alone, or the file's name."""
        if self.given.startswith("@"):
            return Path(self.given[1:]).name
        return Address(self.given).host

    def address(self) -> Address:
        """Raises: ReceiverInvalid."""
        if self.given.startswith("@"):
            return _read(Path(self.given[1:]))
        return _checked(Address(self.given))

    def deliver(self, body: Mapping[str, Any], timeout: float = _TIMEOUT) -> int:
        """Posts the body as JSON and returns the status, 200 to 299. Redirects are not followed.

        Raises:
            DeliveryFailed: whatever went wrong.
        """
        try:
            address = self.address()
        except ReceiverInvalid as error:
            raise DeliveryFailed(str(error)) from error
        request = urllib.request.Request(
            address.url,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "trimtab", **address.headers},
            method="POST",
        )
        try:
            with _opener().open(request, timeout=timeout) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                raise _refused(error) from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise DeliveryFailed(f"{address.host}: {reason or type(error).__name__}") from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A secret header must not follow a redirect to somebody else."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirects())


def _refused(error: urllib.error.HTTPError) -> DeliveryFailed:
    excerpt = error.read(_EXCERPT).decode(errors="replace").strip()
    text = f"{urlsplit(error.url).hostname}: HTTP {error.code} {excerpt}".strip()
    asked = error.headers.get("Retry-After", "")
    return DeliveryFailed(
        text,
        final=error.code < 500 and error.code not in _WORTH_ANOTHER_TRY,
        retry_after=float(asked) if asked.isdigit() else 0.0,
    )


def _read(path: Path) -> Address:
    try:
        mode = path.stat().st_mode
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ReceiverInvalid(f"cannot read the webhook file {path}: {error}") from error
    if mode & 0o077:
        raise ReceiverInvalid(f"others may read the webhook file {path}: chmod 600 {path}")
    lines = [line for line in lines if line and not line.startswith("#")]
    if not lines:
        raise ReceiverInvalid(f"{path} is empty: its first line is the URL, then one header a line")
    headers = {}
    for number, line in enumerate(lines[1:], start=2):
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or " " in name.strip():
            raise ReceiverInvalid(f"{path}: line {number} is no header; write it as Name: value")
        headers[name.strip()] = value.strip()
    return _checked(Address(lines[0], headers))


def _checked(address: Address) -> Address:
    try:
        parts = urlsplit(address.url)
        parts.port  # noqa: B018  # parsed only when asked for
    except ValueError as error:
        raise ReceiverInvalid(f"a webhook's URL cannot be read: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ReceiverInvalid("a webhook is a URL such as https://hooks.example.com/x, or @FILE with one")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ReceiverInvalid(
            f"the webhook on {parts.hostname} is plain http: its secrets would cross the network in the clear. "
            "Use https, or a relay on 127.0.0.1"
        )
    return address


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
