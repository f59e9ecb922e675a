"""`trimtab concept`."""

from __future__ import annotations

from typing import Annotated

import typer

from trimtab_server.cli.session import JsonFlag, local_time, session

app = typer.Typer(help="What vectors stand for, and which of it is protected.", no_args_is_help=True)

Concept = Annotated[str, typer.Argument(help="As vectors name it, for example honesty.")]
Reason = Annotated[str, typer.Option(help="Why; it stays in the record.")]


@app.command("list")
def list_concepts(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List concepts. Steering against a protected one takes two admins.

    Example: trimtab concept list
    """
    found = session(context, as_json)
    with found.client() as client:
        concepts = client.concepts()
    if found.json:
        found.emit_json({"concepts": concepts})
        return
    found.table(
        ("concept", "protected", "decided"),
        ((c.name, "yes" if c.protected else "", local_time(c.change_time)) for c in concepts),
        "no concepts",
    )


@app.command()
def protect(context: typer.Context, concept: Concept, reason: Reason, as_json: JsonFlag = False) -> None:
    """Protect a concept; takes two admins.

    Example: trimtab concept protect harmlessness --reason "decided by the board"
    """
    _set(context, concept, True, reason, as_json)


@app.command()
def unprotect(context: typer.Context, concept: Concept, reason: Reason, as_json: JsonFlag = False) -> None:
    """End a concept's protection; takes two admins.

    Example: trimtab concept unprotect brevity --reason "it harms nobody"
    """
    _set(context, concept, False, reason, as_json)


def _set(context: typer.Context, concept: str, protected: bool, reason: str, as_json: bool) -> None:
    found = session(context, as_json)
    with found.client() as client:
        decided = client.set_concept_protection(concept, protected, reason=reason)
    if found.json:
        found.emit_json({"concept": decided})
        return
    found.out.print(
        f"{decided.name} is {'protected' if decided.protected else 'not protected'}", markup=False
    )
