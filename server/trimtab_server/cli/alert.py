"""`trimtab alert`."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from trimtab_server.cli.failure import CheckFailed, CommandFailed
from trimtab_server.cli.session import JsonFlag, session

app = typer.Typer(help="The webhooks that people are told by.", no_args_is_help=True)


@app.callback()
def _alert() -> None:
    """The webhooks that people are told by. Example: trimtab alert test --alert-webhook @/etc/trimtab/pager"""


@app.command("test")
def test(
    context: typer.Context,
    alert_webhook: Annotated[
        list[str],
        typer.Option(
            metavar="URL|@FILE", help="As given to `trimtab serve`; @FILE holds the URL and its headers."
        ),
    ],
    as_json: JsonFlag = False,
) -> None:
    """Send a test alert to each webhook, once, and say what it answered. Needs no server.

    Example: trimtab alert test --alert-webhook @/etc/trimtab/pager
    """
    import socket

    from trimtab_server.alerts.alert import Alert, Kind, Severity
    from trimtab_server.alerts.message import message
    from trimtab_server.alerts.receiver import DeliveryFailed, Receiver, ReceiverInvalid

    found = session(context, as_json)
    try:
        receivers = [Receiver.of(given) for given in alert_webhook]
    except ReceiverInvalid as error:
        raise CommandFailed("WEBHOOK_INVALID", str(error)) from error
    body = message(
        Alert(
            kind=Kind.TEST,
            severity=Severity.INFO,
            deployment="",
            title="this is a test",
            text="If you can read this, alerts of this machine arrive here. Nothing has happened.",
            time=time.time_ns(),
        ),
        socket.gethostname(),
    )
    answers: list[dict[str, object]] = []
    for receiver in receivers:
        try:
            answers.append(
                {"receiver": receiver.name, "ok": True, "answer": f"HTTP {receiver.deliver(body)}"}
            )
        except DeliveryFailed as failure:
            answers.append({"receiver": receiver.name, "ok": False, "answer": str(failure)})
    whole = all(answer["ok"] for answer in answers)
    if found.json:
        found.emit_json({"ok": whole, "receivers": answers})
    else:
        for answer in answers:
            state = "arrived" if answer["ok"] else "NOT DELIVERED"
            found.out.print(f"{answer['receiver']}: {state}, {answer['answer']}", markup=False)
    if not whole:
        raise CheckFailed
