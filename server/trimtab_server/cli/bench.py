"""`trimtab bench`."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from typing import Annotated, Any

import typer

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.session import JsonFlag, session


class Suite(StrEnum):
    """What is measured."""

    CPU = "cpu"
    RPC = "rpc"


def bench(
    context: typer.Context,
    suite: Annotated[
        Suite, typer.Option(help="cpu: the engine as ratios inside one run; rpc: a client over a socket.")
    ] = Suite.CPU,
    as_json: JsonFlag = False,
) -> None:
    """Measure speed on this machine.

    Example: trimtab bench --suite cpu --json
    """
    found = session(context, as_json)
    try:
        run = import_module(f"trimtab_server.bench.{suite.value}").run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("trimtab"):
            raise
        raise CommandFailed(
            "EXTRA_MISSING", f"measuring needs {error.name}: pip install 'trimtab[server]'"
        ) from error
    with found.err.status("measuring"):
        figures: dict[str, Any] = run()
    if found.json:
        found.emit_json(figures)
        return
    found.facts(_flat(figures))


def _flat(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, object]]:
    pairs: list[tuple[str, object]] = []
    for name, value in figures.items():
        if isinstance(value, dict):
            pairs += _flat(value, f"{prefix}{name}.")
        else:
            pairs.append((prefix + name, f"{value:.4g}" if isinstance(value, float) else value))
    return pairs
