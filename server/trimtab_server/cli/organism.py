"""`trimtab organism`."""

from __future__ import annotations

from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab_server.cli.failure import CheckFailed, CommandFailed
from trimtab_server.cli.session import JsonFlag, session

if TYPE_CHECKING:
    from rich.progress import TaskID

app = typer.Typer(
    help="The embedded model: repeat its training, check what it promises.", no_args_is_help=True
)


class Size(StrEnum):
    """Which recipe."""

    SHIPPED = "shipped"
    TINY = "tiny"


@app.command()
def train(
    context: typer.Context,
    out_dir: Annotated[Path, typer.Argument(help="New directory for the model.")],
    recipe: Annotated[
        Size, typer.Option(help="shipped: minutes on a GPU; tiny: two minutes on two CPU cores.")
    ] = Size.SHIPPED,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
    as_json: JsonFlag = False,
) -> None:
    """Train the embedded model from its recipe.

    Example: trimtab organism train ./organism --device cuda
    """
    found = session(context, as_json)
    run = _training()
    with found.progress() as progress:
        tasks: dict[str, TaskID] = {}

        def report(phase: str, done: int, total: int, loss: float) -> None:
            if phase not in tasks:
                tasks[phase] = progress.add_task(phase, total=total)
            progress.update(tasks[phase], completed=done, description=f"{phase} (loss {loss:.3f})")

        try:
            made = run(_recipe(recipe), out_dir, device, report)
        except FileExistsError as error:
            raise CommandFailed("FILE_EXISTS", str(error)) from error
    if found.json:
        found.emit_json({"path": out_dir, "trained": made})
        return
    found.out.print(f"{out_dir}: trained; host it with `trimtab serve --model {out_dir}`", markup=False)


@app.command()
def check(
    context: typer.Context,
    model_dir: Annotated[
        Path | None, typer.Argument(help="Model directory. Default: the model that comes along.")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer facts and cues: a minute on a CPU.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Draws the held-out facts and cues.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "cpu",
    as_json: JsonFlag = False,
) -> None:
    """Measure what the embedded model promises, line by line; exit code 1 if a line fails.

    Example: trimtab organism check --quick --seed 7
    """
    found = session(context, as_json)
    run = _checking()
    with found.progress() as progress:
        task = progress.add_task("checking", total=None)

        def report(phase: str, done: int, total: int) -> None:
            progress.update(task, description=phase, completed=done, total=total or None)

        try:
            checked = run(model_dir, quick=quick, seed=seed, device=device, progress=report)
        except FileNotFoundError as error:
            raise CommandFailed("FILE_NOT_FOUND", f"{model_dir} is no model directory: {error}") from error
    lines = [line.as_dict() for line in checked.lines]
    ok = all(line["ok"] for line in lines)
    if found.json:
        found.emit_json({"ok": ok, "lines": lines})
    else:
        found.table(
            ("", "line", "value", "limit"),
            (
                ("ok" if line["ok"] else "FAIL", line["name"], f"{line['value']:.4g}", f"{line['limit']:g}")
                for line in lines
            ),
            "nothing was checked",
        )
    if not ok:
        raise CheckFailed


def _checking() -> Any:
    """The acceptance check: it needs torch."""
    try:
        return import_module("trimtab_vectors.organism.check").run
    except ModuleNotFoundError as error:
        raise needs_science(error) from error


def _training() -> Any:
    """The training function: it needs torch."""
    try:
        from trimtab_vectors.organism.train import train as run
    except ModuleNotFoundError as error:
        raise needs_science(error) from error
    return run


def _recipe(size: Size) -> Any:
    from trimtab_vectors.organism import SHIPPED, TINY

    return SHIPPED if size is Size.SHIPPED else TINY


def needs_science(error: ModuleNotFoundError) -> Exception:
    """What to say of a missing library; a missing module of our own is a defect and stays one."""
    if error.name is None or error.name.startswith("trimtab"):
        return error
    return CommandFailed("EXTRA_MISSING", f"this needs {error.name}: pip install 'trimtab[server]'")
