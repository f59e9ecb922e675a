"""`trimtab readouts`: fit live read-outs for a vector and see whether any may be a guardrail, offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.offline import (
    DeviceOption,
    Dose,
    ForceOption,
    LayersOption,
    ModelOption,
    OpenedModel,
    PositionsOption,
    StageOption,
    StrengthOption,
    read_question_file,
    read_vector_file,
    reported,
)
from trimtab_server.cli.references import parse_layers
from trimtab_server.cli.session import JsonFlag, Session, session

if TYPE_CHECKING:
    from trimtab_vectors.readouts import Discrimination, ReadoutReport

app = typer.Typer(
    help="Live read-outs that are independent of the injected vector, and what they are worth.",
    no_args_is_help=True,
)


@app.callback()
def readouts() -> None:
    """Live read-outs that are independent of the injected vector, and what they are worth."""


@app.command()
def fit(
    context: typer.Context,
    model: ModelOption,
    vector: Annotated[Path, typer.Option("--vector", help="The vector's .safetensors file.")],
    stage: StageOption = None,
    strength: StrengthOption = None,
    layers: LayersOption = None,
    positions: PositionsOption = None,
    questions: Annotated[
        Path | None, typer.Option(help="Dev questions, to fit and choose on. Default: the model's dev.jsonl.")
    ] = None,
    held_out: Annotated[
        Path | None, typer.Option(help="Questions to report on. Default: the model's canary.jsonl.")
    ] = None,
    read_at: Annotated[
        str | None, typer.Option(help="Layers to read at: 3 or 2,5. Default: a few after the steered ones.")
    ] = None,
    at_least: Annotated[float, typer.Option(help="AUROC that a guardrail needs.")] = 0.9,
    seed: Annotated[int, typer.Option(min=0, help="Draws the random vectors.")] = 0,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest reply.")] = 64,
    out: Annotated[Path | None, typer.Option(help="Directory for the read-out and its report.")] = None,
    device: DeviceOption = "auto",
    force: ForceOption = False,
    as_json: JsonFlag = False,
) -> None:
    """Fit read-outs for a vector and judge them against scored honesty, over all settings and within each.

    Example: trimtab readouts fit --model ./model --vector honesty.safetensors --strength 0.35 --layers 1-2
    """
    found = session(context, as_json)
    steer = read_vector_file(vector)
    dose = Dose.of(steer, strength, layers, positions)
    opened = OpenedModel.open(model, stage or steer.stage, device)
    opened.check(steer, force)
    dev_file = questions or opened.hosted.directory / "dev.jsonl"
    held_file = held_out or opened.hosted.directory / "canary.jsonl"
    with reported():
        from trimtab_vectors.evaluation.splits import DevItems, HeldOutItems, LeakError, fact_of
        from trimtab_vectors.readouts import GoodSetting, GuardrailRule, fit_readouts

    asked = {
        name: tuple(q for q in read_question_file(path) if q.kind != "belief")
        for name, path in (("dev", dev_file), ("held", held_file))
    }
    known = {fact_of(question) for question in asked["dev"]}
    apart = tuple(question for question in asked["held"] if fact_of(question) not in known)
    left_out = len(asked["held"]) - len(apart)
    if not apart:
        raise CommandFailed(
            "HELD_OUT_LEAKS", "every held-out question asks what a dev question asks; give other ones"
        )
    with found.progress() as progress:
        task = progress.add_task("asking", total=None)

        def report(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total)

        try:
            dev = DevItems(asked["dev"])
            made = fit_readouts(
                opened.model,
                opened.tokenizer,
                steer,
                GoodSetting(dose.strength, dose.layers, dose.positions),
                dev,
                HeldOutItems(apart, apart_from=dev.record),
                stage=opened.stage,
                layers=parse_layers(read_at) if read_at else None,
                residual_norms=opened.residual_norms,
                rule=GuardrailRule(at_least),
                seed=seed,
                max_new_tokens=max_new_tokens,
                progress=report,
            )
        except LeakError as error:
            raise CommandFailed("HELD_OUT_LEAKS", str(error)) from error
        except ValueError as error:
            raise CommandFailed("READOUT_IMPOSSIBLE", str(error)) from error
    record = {**made.as_dict(), "held_out_left_out": left_out}
    if out is not None:
        record["files"] = _write(out, made, record)
    if found.json:
        found.emit_json(record)
        return
    _show(found, made)
    if left_out:
        found.err.print(f"{left_out} held-out questions ask what a dev question asks: left out", markup=False)
    for path in record.get("files", {}).values():
        found.out.print(f"wrote {path}", markup=False)


def _write(out: Path, made: ReadoutReport, record: dict[str, Any]) -> dict[str, str]:
    from trimtab_vectors.readouts.probe_file import write_probe

    paths = {"probe": out / "readout.safetensors", "report": out / "readouts.json"}
    try:
        out.mkdir(parents=True, exist_ok=True)
        paths["probe"].write_bytes(write_probe(made.probe))
        text = json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False)
        paths["report"].write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandFailed("FILE_UNWRITABLE", f"cannot write into {out}: {error.strerror}") from error
    return {name: str(path) for name, path in paths.items()}


def _show(found: Session, made: ReadoutReport) -> None:
    names = [figure.name for figure in next(iter(made.families.values())).held_out.settings]
    found.table(
        ("read-out", "AUROC, all settings", *names, "guardrail"),
        (
            (
                result.candidate.name,
                f"{pooled.value:.3f} [{pooled.low:.3f}, {pooled.high:.3f}]",
                *_within(result.held_out),
                "yes" if result.guardrail else f"no: {result.refusal}",
            )
            for result in made.families.values()
            for pooled in [result.held_out.pooled]
        ),
        "nothing was read",
    )
    counted = next(iter(made.families.values())).held_out.settings
    found.table(
        ("held-out replies", *names),
        [
            (what, *(getattr(figure, field) for figure in counted))
            for what, field in (("honest", "honest"), ("lies", "lies"), ("neither", "others"))
        ],
        "",
    )
    if made.guardrails:
        found.out.print(f"may be a guardrail: {', '.join(made.guardrails)}", markup=False)
    else:
        closest = made.closest
        found.out.print(
            f"none may be a guardrail; closest: {closest.candidate.name}, {closest.refusal}", markup=False
        )


def _within(figures: Discrimination) -> list[str]:
    return [
        "" if own.auroc is None else f"{own.auroc.value:.2f} [{own.auroc.low:.2f}, {own.auroc.high:.2f}]"
        for own in figures.settings
    ]
