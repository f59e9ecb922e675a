"""`trimtab vectors card`: look at a vector's file on a model, offline."""

from __future__ import annotations

import json
from enum import StrEnum
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
    read_text_lines,
    read_vector_file,
    reported,
)
from trimtab_server.cli.session import JsonFlag, Session, session

if TYPE_CHECKING:
    from trimtab_vectors.card import VectorCard
    from trimtab_vectors.evaluation.sweep import SweepResult
    from trimtab_vectors.extraction import ContrastSet
    from trimtab_vectors.steering_vector import SteeringVector


class Language(StrEnum):
    """The language that the page shows first."""

    EN = "en"
    JA = "ja"


def card(
    context: typer.Context,
    vector_file: Annotated[Path, typer.Argument(help="The vector, a .safetensors file.")],
    model: ModelOption,
    stage: StageOption = None,
    strength: StrengthOption = None,
    layers: LayersOption = None,
    positions: PositionsOption = None,
    contrast: Annotated[
        Path | None,
        typer.Option(
            help="Contrast set it was extracted from. Default: the one of the model that has its hash."
        ),
    ] = None,
    texts: Annotated[
        Path | None, typer.Option(help="More texts to look for extremes among, one a line.")
    ] = None,
    sweep: Annotated[Path | None, typer.Option(help="Result of `trimtab vectors sweep`, JSON.")] = None,
    out: Annotated[Path | None, typer.Option(help="card.html or card.json.")] = None,
    language: Annotated[Language, typer.Option(help="Shown first; both are in the page.")] = Language.EN,
    seed: Annotated[int, typer.Option(help="Of the halvings behind the ceilings.")] = 0,
    device: DeviceOption = "auto",
    force: ForceOption = False,
    as_json: JsonFlag = False,
) -> None:
    """What a vector is: tokens it moves, what it resembles, texts at its ends, its dose and harm.

    Example: trimtab vectors card honesty.safetensors --model ./model --strength 0.35 --layers 1-2 --out card.html
    """
    found = session(context, as_json)
    if out is not None and out.suffix.lower() not in (".html", ".json"):
        raise CommandFailed("FIELD_INVALID", f"--out is {out.name}; end it in .html or .json")
    vector = read_vector_file(vector_file)
    swept = None if sweep is None else _read_sweep(sweep)
    if strength is None and layers is None and swept is not None and swept.recommended is not None:
        own = swept.recommended
        dose = Dose(own.strength, own.layers, positions or own.positions)
    else:
        dose = Dose.of(vector, strength, layers, positions)
    opened = OpenedModel.open(model, stage or vector.stage, device)
    opened.check(vector, force)
    pairs = _contrast_set(contrast, opened.hosted.directory, vector)
    given = read_text_lines(texts) if texts is not None else ()
    with found.progress() as progress:
        task = progress.add_task("looking", total=None)

        def report(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total)

        with reported():
            from trimtab_vectors.card import CardSetting, make_card

            try:
                made = make_card(
                    opened.model,
                    opened.tokenizer,
                    vector,
                    CardSetting(dose.strength, dose.layers, dose.positions),
                    opened.residual_norms,
                    model_name=opened.hosted.name,
                    stage=opened.stage,
                    contrast_set=pairs,
                    texts=given,
                    sweep=swept,
                    seed=seed,
                    progress=report,
                )
            except ValueError as error:
                raise CommandFailed("CARD_IMPOSSIBLE", str(error)) from error
    record = made.as_dict()
    if out is not None:
        _write(out, made, record, language)
    if found.json:
        found.emit_json(record)
        return
    _show(found, made)
    if out is not None:
        found.out.print(f"wrote {out}", markup=False)


def _read_sweep(path: Path) -> SweepResult:
    with reported():
        from trimtab_vectors.evaluation.sweep import SweepFileError, SweepResult

        try:
            return SweepResult.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (SweepFileError, json.JSONDecodeError) as error:
            raise CommandFailed("SWEEP_INVALID", f"{path}: {error}") from error


def _contrast_set(given: Path | None, model: Path, vector: SteeringVector) -> ContrastSet | None:
    """The file given, else the model's own set with the vector's data hash, as it is or with sides exchanged."""
    with reported():
        from trimtab_vectors.extraction import ContrastSetError, read_contrast_set

        if given is not None:
            try:
                return read_contrast_set(given)
            except ContrastSetError as error:
                raise CommandFailed("CONTRAST_SET_INVALID", f"{given}: {error}") from error
        from trimtab_server.jobs.contrast_sets import of_hash

        try:
            return of_hash(model, vector.data_hash)
        except ContrastSetError as error:
            raise CommandFailed("CONTRAST_SET_INVALID", str(error)) from error


def _write(out: Path, made: VectorCard, record: dict[str, Any], language: Language) -> None:
    from trimtab_vectors.card.page import render_card

    if out.suffix.lower() == ".html":
        text = render_card(made, language.value)
    else:
        text = json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandFailed("FILE_UNWRITABLE", f"cannot write {out}: {error.strerror}") from error


def _show(found: Session, made: VectorCard) -> None:
    effect, own = made.effect, made.setting
    found.facts(
        [
            ("vector", made.vector.id),
            ("concept", made.vector.concept),
            ("looked at on", f"{made.model} / {made.stage}"),
            ("measured at", f"strength {own.strength:g}, layers {list(own.layers)}, {own.positions}"),
            (
                "next token",
                f"changes on {effect.changed:.0%} of {effect.contexts} prompts, KL {effect.kl:.3f} nat",
            ),
            ("more likely", _words(effect.raised)),
            ("less likely", _words(effect.lowered)),
            *(
                (
                    f"lens, layer {layer}",
                    f"+ {_words(r.promoted)}  - {_words(r.suppressed)} (agrees {effect.lens_agreement[layer]:+.2f})",
                )
                for layer, r in made.tokens.items()
                if layer in own.layers
            ),
            ("no lens", made.lens_refusal),
            ("dose and harm", None if made.sweep is not None else "not measured: give --sweep"),
        ]
    )
    found.table(
        ("resembles", "layer", "cosine", "beyond chance", "ceiling of the concept"),
        (
            (
                alike.concept,
                alike.layer,
                f"{alike.cosine:+.2f}",
                "yes" if abs(alike.cosine) > made.chance and not alike.weak else "no",
                "" if alike.ceiling is None else f"{alike.ceiling:.2f}{' weak' if alike.weak else ''}",
            )
            for alike in made.resemblances
            if alike.layer in own.layers
        ),
        "nothing was compared",
    )


def _words(tokens: Any) -> str:
    return " ".join(repr(own.token) for own in tokens[:8])
