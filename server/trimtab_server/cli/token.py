"""`trimtab token`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from trimtab_client import Token, TokenRole, bare

from trimtab_server.cli.session import JsonFlag, local_time, session

app = typer.Typer(help="Bearer tokens and their roles.", no_args_is_help=True)

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
    as_json: JsonFlag = False,
) -> None:
    """Make a token. Its secret is printed once and kept nowhere.

    Example: trimtab token create dashboard --role viewer --expires 90d
    """
    found = session(context, as_json)
    chosen = _role(role)
    expire_time = None if expires is None else datetime.now(UTC) + lifetime(expires)
    with found.client() as client:
        made = client.create_token(name, chosen, expire_time=expire_time)
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
        ("id", "name", "role", "created", "state"),
        ((bare(t.name), t.display_name, t.role, local_time(t.create_time), _state(t)) for t in tokens),
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


def _state(token: Token) -> str:
    if token.revoke_time is not None:
        return f"revoked {local_time(token.revoke_time)}"
    if token.expire_time is None:
        return "valid"
    expired = token.expire_time <= datetime.now(UTC)
    return f"{'expired' if expired else 'valid until'} {local_time(token.expire_time)}"
