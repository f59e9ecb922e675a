"""Row 13. Default deny: every RPC, with every role and with no, an expired, a revoked and a wrong token, is answered
as the table of roles says."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from server_process import ServerProcess
from trimtab_client import Client, NewToken, TokenRole, TrimtabError
from trimtab_server.api.roles import GRANTS, Role

from promises.row import Profile, Row
from promises.settings_server import SettingsServer
from promises.wild_messages import all_methods

#: No message of ours: who may call gets as far as this being said.
UNDECODABLE = b"\xff\xff\xff"
#: So many seconds after it was made a token has expired.
SHORT = 1.0


@dataclass(frozen=True)
class Shown:
    """A token as it is shown, whose role it has, and what everybody who shows it is told."""

    words: str
    secret: str
    role: Role | None
    always: str = ""

    def expected(self, method: MethodDescriptor) -> str:
        if self.always:
            return self.always
        granted = GRANTS.get(f"{method.containing_service.name}/{method.name}", frozenset())
        return "REQUEST_UNDECODABLE" if self.role in granted else "ROLE_NOT_ALLOWED"


class Minting:
    """Two admins: a third admin's token takes both."""

    def __init__(self, first: Client, second: Client) -> None:
        self._pair = (first, second)

    def mint(self, words: str, role: Role, expire_time: datetime | None = None) -> NewToken:
        for client in self._pair:
            try:
                return client.create_token(
                    words, TokenRole(role.value), expire_time=expire_time, reason="promise"
                )
            except TrimtabError as error:
                if error.reason != "SECOND_PERSON_NEEDED":
                    raise
        raise AssertionError(f"two admins could not make a token: {words}")

    def revoke(self, token: NewToken) -> None:
        self._pair[0].revoke_token(token.token.name)


def tokens(minting: Minting) -> list[Shown]:
    """A good, an expired, a revoked and a wrong token of every role, and none."""
    shown = [Shown("none", "", None, "TOKEN_MISSING")]
    for role in Role:
        good = minting.mint(f"good {role.value}", role).secret
        wrong = good[:-1] + ("a" if good[-1] != "a" else "b")
        revoked = minting.mint(f"revoked {role.value}", role)
        minting.revoke(revoked)
        end = datetime.now(UTC) + timedelta(seconds=SHORT)
        expired = minting.mint(f"expired {role.value}", role, end).secret
        shown += [
            Shown(f"good {role.value}", good, role),
            Shown(f"wrong {role.value}", wrong, role, "TOKEN_INVALID"),
            Shown(f"revoked {role.value}", revoked.secret, role, "TOKEN_REVOKED"),
            Shown(f"expired {role.value}", expired, role, "TOKEN_EXPIRED"),
        ]
    return shown


def reason_of(error: grpc.RpcError) -> str:
    """Our own reason, or the bare status."""
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    for detail in status.details if status is not None else ():
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
            return info.reason
    return str(error.code())


def answer(channel: grpc.Channel, method: MethodDescriptor, secret: str) -> str:
    """The reason the call is refused with; "" if it is not."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    metadata = (("authorization", f"Bearer {secret}"),) if secret else ()
    try:
        if method.server_streaming:
            stream = channel.unary_stream(path)(UNDECODABLE, timeout=20, metadata=metadata)
            next(iter(stream))
            stream.cancel()
        else:
            channel.unary_unary(path)(UNDECODABLE, timeout=20, metadata=metadata)
    except grpc.RpcError as error:
        return reason_of(error)
    return ""


def wrong_answers(target: str, shown: Sequence[Shown], methods: Sequence[MethodDescriptor]) -> list[str]:
    """What is not as the table says."""
    wrong = []
    with grpc.insecure_channel(target) as channel:
        for token in shown:
            for method in methods:
                got, expected = answer(channel, method, token.secret), token.expected(method)
                if got != expected:
                    wrong.append(f"{method.full_name} with {token.words}: {got or 'OK'}, not {expected}")
    return wrong


def measure(server: ServerProcess) -> tuple[int, list[str]]:
    """Number of calls, and what was wrong."""
    methods = all_methods()
    with server.client() as first:
        another = first.create_token("another admin", TokenRole.ADMIN, reason="promise").secret
        with server.client(another) as second:
            shown = tokens(Minting(first, second))
    time.sleep(SHORT + 0.1)
    wrong = wrong_answers(server.target, shown, methods)
    names = {f"{method.containing_service.name}/{method.name}" for method in methods}
    wrong += [f"{name} has an entry and does not exist" for name in GRANTS.keys() - names]
    wrong += [f"{name} has no entry" for name in names - GRANTS.keys()]
    return len(shown) * len(methods), wrong


def run(profile: Profile, seed: int) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        server = SettingsServer(Path(folder) / "data", refused_logins_per_minute=0, requests_per_minute=0)
        try:
            n, wrong = measure(server)
        finally:
            server.stop()
    note = "; ".join([f"{len(all_methods())} calls, {len(Role)} roles", *wrong[:3]])
    return Row.of_trials(
        13, "Nobody may call what the table of roles does not grant", n, min(len(wrong), n), note=note
    )
