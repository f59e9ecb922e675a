"""The root command and its global options."""

from __future__ import annotations

import logging
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from trimtab_client import TlsFiles

from trimtab_server.cli import (
    alert,
    approval,
    audit,
    bench,
    canary,
    case,
    chat,
    concept,
    demo,
    doctor,
    evaluate,
    gui,
    monitor,
    organism,
    readouts,
    report,
    rollback,
    rollout,
    serve,
    snapshot,
    stages,
    store,
    study,
    token,
    training,
    trial,
    vectors,
)
from trimtab_server.cli.failure import CommandGroup
from trimtab_server.cli.session import Session

app = typer.Typer(
    name="trimtab",
    cls=CommandGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A chat-facing steering gateway: steer a fine-tuned language model, watch it, roll it back.",
    epilog="Example: trimtab demo --headless",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"trimtab {version('trimtab')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Server to talk to. Default: TRIMTAB_TARGET, else the one started with the data directory.",
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File with the bearer token. Default: TRIMTAB_TOKEN, else the data directory's.",
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Data directory of a server on this machine. Default: TRIMTAB_DATA_DIR."
        ),
    ] = None,
    tls_ca: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="PEM authority to trust. Default: TRIMTAB_TLS_CA, else well-known ones."
        ),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="PEM certificate of your own (mTLS). Default: TRIMTAB_TLS_CERT."),
    ] = None,
    tls_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its key. Default: TRIMTAB_TLS_KEY.")
    ] = None,
    plaintext: Annotated[
        bool,
        typer.Option("--plaintext", help="Reach another machine without TLS. Default: TRIMTAB_PLAINTEXT."),
    ] = False,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    given = TlsFiles(tls_ca, tls_cert, tls_key)
    context.obj = Session(target, token_file, data_dir, given, plaintext)


app.command("serve")(serve.serve)
app.command("gui", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(gui.gui)
app.command("demo")(demo.demo)
app.command("chat")(chat.chat)
app.command("stages")(stages.stages)
app.add_typer(vectors.app, name="vectors")
app.add_typer(snapshot.app, name="snapshot")
app.command("rollback")(rollback.rollback)
app.add_typer(rollout.app, name="rollout")
app.add_typer(trial.app, name="trial")
app.add_typer(case.app, name="case")
app.add_typer(monitor.app, name="monitor")
app.add_typer(canary.app, name="canary")
app.add_typer(alert.app, name="alert")
app.add_typer(approval.app, name="approval")
app.add_typer(audit.app, name="audit")
app.add_typer(concept.app, name="concept")
app.add_typer(evaluate.app, name="evaluate")
app.add_typer(organism.app, name="organism")
app.add_typer(readouts.app, name="readouts")
app.add_typer(report.app, name="report")
app.add_typer(store.app, name="store")
app.add_typer(study.app, name="study")
app.add_typer(token.app, name="token")
app.add_typer(training.app, name="training")
app.command("doctor")(doctor.doctor)
app.command("bench")(bench.bench)


def main() -> None:
    """Entry point of `trimtab`."""
    # Commands say themselves what they have to say; `serve` sets up the log of a server instead.
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    app()


if __name__ == "__main__":
    main()
