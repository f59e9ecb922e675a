"""`trimtab token`."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from trimtab_client import Token, TokenRole, bare

from trimtab_server.cli.session import JsonFlag, local_time, session

app = typer.Typer(help="Bearer tokens and their roles.", no_args_is_help=True)

RequestsOption = Annotated[int, typer.Option(min=0, help="Calls a minute. 0: the server's own limit.")]
TokensOption = Annotated[
    int, typer.Option(min=0, help="Tokens of prompts and replies a minute. 0: the server's own limit.")
]
ReasonOption = Annotated[str, typer.Option(help="Why; needed where it takes two admins.")]

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def lifetime(text: str) -> timedelta:
    """A lifetime written 30m, 12h or 90d."""
    match = re.fullmatch(r"(\d+)([mhd])", text)
    if match is None or int(match[1]) == 0:
        raise typer.BadParameter(f"{text!r} is no lifetime; write 30m, 12h or 90d")
    return int(match[1]) * _UNITS[match[2]]


def _role(text: str) -> TokenRole:
    roles = [role for role in TokenRole if role is not TokenRole.UNSPECIFIED]
    if text not in roles:
        raise typer.BadParameter(f"{text!r} is no role; use one of {', '.join(roles)}")
    return TokenRole(text)


@app.command()
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Who or what will use it.")],
    role: Annotated[str, typer.Option(help="viewer, operator, admin, auditor or inference.")] = "viewer",
    expires: Annotated[str | None, typer.Option(help="Lifetime: 30m, 12h or 90d. Default: no end.")] = None,
    requests_per_minute: RequestsOption = 0,
    tokens_per_minute: TokensOption = 0,
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Make a token. Its secret is printed once and kept nowhere.

    A third admin token, and limits above the server's own, take two admins.

    Example: trimtab token create dashboard --role viewer --expires 90d
    """
    found = session(context, as_json)
    chosen = _role(role)
    expire_time = None if expires is None else datetime.now(UTC) + lifetime(expires)
    with found.client() as client:
        made = client.create_token(
            name,
            chosen,
            expire_time=expire_time,
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            reason=reason,
        )
    if found.json:
        found.emit_json({"token": made.token, "secret": made.secret})
        return
    found.err.print(f"{bare(made.token.name)}: {made.token.role}. Keep it now; it is not shown again:")
    print(made.secret)


@app.command("list")
def list_tokens(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List tokens, without their secrets.

    Example: trimtab token list
    """
    found = session(context, as_json)
    with found.client() as client:
        tokens = client.tokens()
    if found.json:
        found.emit_json({"tokens": tokens})
        return
    found.table(
        ("id", "name", "role", "created", "state", "requests/min", "tokens/min"),
        (
            (
                bare(t.name),
                t.display_name,
                t.role,
                local_time(t.create_time),
                _state(t),
                t.requests_per_minute or "",
                t.tokens_per_minute or "",
            )
            for t in tokens
        ),
        "no tokens",
    )


@app.command()
def revoke(
    context: typer.Context,
    token: Annotated[str, typer.Argument(help="Id of the token, from `trimtab token list`.")],
    as_json: JsonFlag = False,
) -> None:
    """Make a token useless, at once and for good.

    Example: trimtab token revoke 7f3a
    """
    found = session(context, as_json)
    with found.client() as client:
        revoked = client.revoke_token(token)
    if found.json:
        found.emit_json({"token": revoked})
        return
    found.out.print(f"{bare(revoked.name)} ({revoked.display_name}) is revoked", markup=False)


@app.command()
def rotate(
    context: typer.Context,
    token: Annotated[str, typer.Argument(help="Id of the token. Default: the one you use.")] = "",
    overlap: Annotated[
        str, typer.Option(help="How long the old one goes on: 30m, 12h; now ends it at once.")
    ] = "5m",
    reason: ReasonOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Replace a token by a new one with the same role, limits and end.

    Your own, if it was read from a file, is written back into that file; else the secret is printed once. While
    the old one goes on, an answer that was lost on the way locks nobody out.

    Example: trimtab token rotate --overlap 10m
    """
    found = session(context, as_json)
    seconds = 0 if overlap == "now" else int(lifetime(overlap).total_seconds())
    with found.client() as client:
        made = client.rotate_token(token, overlap_seconds=seconds, reason=reason)
    file = found.connection().token_file if not token else None
    if file is not None:
        try:
            _replace(file, made.secret)
        except OSError as error:
            found.err.print(f"cannot write {file}: {error.strerror}", markup=False)
            file = None
    if found.json:
        shown = {"file": str(file)} if file is not None else {"secret": made.secret}
        found.emit_json({"token": made.token, **shown})
        return
    old = bare(made.token.rotated_from)
    if file is not None:
        found.out.print(f"{bare(made.token.name)} is in the place of {old}, and in {file}", markup=False)
        return
    found.err.print(f"{bare(made.token.name)} is in the place of {old}. Keep it now; it is not shown again:")
    print(made.secret)


@app.command()
def limits(
    context: typer.Context,
    token: Annotated[str, typer.Argument(help="Id of the token, from `trimtab token list`.")],
    reason: Annotated[str, typer.Option(help="Why; it stays in the record.")],
    requests_per_minute: RequestsOption = 0,
    tokens_per_minute: TokensOption = 0,
    as_json: JsonFlag = False,
) -> None:
    """Give a token limits of its own; takes two admins.

    Example: trimtab token limits 7f3a --requests-per-minute 60 --reason "a batch job"
    """
    found = session(context, as_json)
    with found.client() as client:
        changed = client.set_token_limits(
            token,
            requests_per_minute=requests_per_minute,
            tokens_per_minute=tokens_per_minute,
            reason=reason,
        )
    if found.json:
        found.emit_json({"token": changed})
        return
    found.out.print(f"{bare(changed.name)} ({changed.display_name}) has its new limits", markup=False)


def _replace(file: Path, secret: str) -> None:
    """Whole or not at all, readable by its owner alone."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as output:
        output.write(secret + "\n")
        output.flush()
        os.fsync(output.fileno())
    temporary.replace(file)


def _state(token: Token) -> str:
    if token.revoke_time is not None:
        return f"revoked {local_time(token.revoke_time)}"
    if token.expire_time is None:
        return "valid"
    expired = token.expire_time <= datetime.now(UTC)
    return f"{'expired' if expired else 'valid until'} {local_time(token.expire_time)}"
