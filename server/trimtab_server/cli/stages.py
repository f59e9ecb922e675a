"""`trimtab stages`."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer
from trimtab_client import bare

from trimtab_server.cli.references import find_stage
from trimtab_server.cli.session import JsonFlag, session


def stages(
    context: typer.Context,
    load: Annotated[
        str | None, typer.Option(metavar="STAGE", help="Load this stage first, so that it answers at once.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the stages of the hosted model.

    Example: trimtab stages --load stage-03
    """
    found = session(context, as_json)
    with found.client() as client:
        deployment = client.deployment()
        listed = client.stages(deployment.model)
        if load is not None:
            with closing(client.load_stage(find_stage(load, listed).name)) as steps:
                for step in steps:
                    found.err.print(f"{load}: {step.phase}")
            listed = client.stages(deployment.model)
    active = deployment.active_snapshot.steering.stage
    if found.json:
        found.emit_json({"model": deployment.model, "active_stage": active, "stages": listed})
        return
    found.out.print(f"{bare(deployment.model)}: {len(listed)} stages")
    found.table(
        ("stage", "kind", "step", "state", ""),
        ((s.short_name, s.kind, s.step, s.state, "active" if s.name == active else "") for s in listed),
        "no stages",
    )
