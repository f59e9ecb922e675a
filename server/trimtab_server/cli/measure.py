"""`trimtab vectors measure`, `measured`, `contrast-sets` and `review`: what a vector does and is, on the server."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from trimtab_client import ContrastSetReview, DoseRefusal, Progress, VectorMeasurement, abbreviated

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.references import find_vector, parse_layers, resolve_stage
from trimtab_server.cli.session import JsonFlag, Session, local_time, session
from trimtab_server.cli.vector_files import read_file

VectorArgument = Annotated[str, typer.Argument(help="Display name, hash, or the start of the hash.")]

_REFUSALS = {
    DoseRefusal.NOTHING_SAFE: "not even the smallest strengths are shown to keep the gates",
    DoseRefusal.NO_SURE_GAIN: "no strength under the gates makes the replies surely more honest",
}


def measure(
    context: typer.Context,
    vector: VectorArgument,
    stage: Annotated[str | None, typer.Option(help="Stage to steer. Default: the vector's.")] = None,
    layers: Annotated[
        list[str] | None,
        typer.Option(help="A group of layers, 3 or 2-3; repeat it. Default: single blocks and pairs."),
    ] = None,
    strengths: Annotated[
        str | None, typer.Option(help="Ascending strengths, such as 0.1,0.2,0.4. Default: 0.05 to 1.")
    ] = None,
    questions: Annotated[
        Path | None,
        typer.Option(
            help="Questions with known answers (JSON lines), or a trial's prompts. Default: the model's own."
        ),
    ] = None,
    questions_per_kind: Annotated[
        int, typer.Option(min=0, help="Of each kind and language; 0: all. Fewer are quicker and show less.")
    ] = 0,
    positions: Annotated[str, typer.Option(help="reply, or all positions.")] = "reply",
    contrast_set: Annotated[
        Path | None, typer.Option(help="What it was extracted from, where that is no set of the model.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of that set's split.")] = 0,
    force: Annotated[bool, typer.Option("--force", help="Measure a vector made for another stage.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Sweep a vector on the server and look at what it is; interrupted, run it again to go on.

    Example: trimtab vectors measure honesty --layers 1-2 --layers 2
    """
    found = session(context, as_json)
    made: VectorMeasurement | None = None
    with found.client() as client, found.progress() as progress:
        task = progress.add_task("measuring", total=None)
        events = client.measurements.measure(
            find_vector(vector, client.vectors()).name,
            stage="" if stage is None else resolve_stage(client, stage),
            layers=[parse_layers(group) for group in layers or ()],
            strengths=_numbers(strengths),
            questions=b"" if questions is None else read_file(questions),
            questions_per_kind=questions_per_kind,
            positions=positions,
            force=force,
            contrast_set=b"" if contrast_set is None else read_file(contrast_set),
            seed=seed,
            questions_name="" if questions is None else questions.name,
        )
        with closing(events):
            for event in events:
                if isinstance(event, Progress):
                    left = f", {event.seconds_left:.0f} s left" if event.seconds_left else ""
                    progress.update(
                        task,
                        description=f"{event.phase}{left}",
                        completed=event.done,
                        total=event.total or None,
                    )
                else:
                    made = event
    if made is None:
        raise CommandFailed("MEASUREMENT_INCOMPLETE", "the server ended the measurement without a result")
    _emit(found, made)


def measured(
    context: typer.Context,
    vector: VectorArgument,
    stage: Annotated[str | None, typer.Option(help="Stage. Default: the vector's.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what was measured of a vector.

    Example: trimtab vectors measured honesty
    """
    found = session(context, as_json)
    with found.client() as client:
        own = find_vector(vector, client.vectors())
        made = client.measurements.get(own.name, stage="" if stage is None else resolve_stage(client, stage))
    _emit(found, made)


def contrast_sets(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List the contrast sets that the hosted model carries.

    Example: trimtab vectors contrast-sets
    """
    found = session(context, as_json)
    with found.client() as client:
        sets = client.measurements.contrast_sets()
    if found.json:
        found.emit_json({"contrast_sets": sets})
        return
    found.table(
        ("name", "pairs", "train", "held out", "statements", "languages", "longest"),
        (
            (
                own.name,
                own.pair_count,
                own.train_count,
                own.dev_count,
                own.statement_count,
                _languages(own),
                f"{own.longest_tokens} tokens",
            )
            for own in sets
        ),
        "the model carries no contrast sets; extract from a file of your own",
    )


def review(
    context: typer.Context,
    contrast_set: Annotated[Path, typer.Argument(help="Contrast set: JSON lines or CSV.")],
    position: Annotated[
        str, typer.Option(help="Where states will be read: last, prompt_end, answer_mean or all_mean.")
    ] = "last",
    seed: Annotated[int, typer.Option(help="Seed of a split that the file leaves out.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Check a contrast set before anything runs: what it holds, or the line at fault.

    Example: trimtab vectors review pairs.csv
    """
    found = session(context, as_json)
    content = read_file(contrast_set)
    with found.client() as client:
        own = client.measurements.review(content, position=position, seed=seed)
    if found.json:
        found.emit_json({"contrast_set": own})
        return
    found.facts(
        [
            ("pairs", f"{own.pair_count}: {own.train_count} to extract from, {own.dev_count} held out"),
            ("statements", str(own.statement_count)),
            ("languages", _languages(own)),
            ("longest side", f"{own.longest_tokens} tokens"),
            ("can be read at", ", ".join(own.positions)),
            ("data", own.data_hash),
        ]
    )
    found.table(
        ("pair", "split", "positive", "negative"),
        ((pair.id, pair.split, pair.positive, pair.negative) for pair in own.pairs[:5]),
        "no pairs",
    )


def _emit(found: Session, made: VectorMeasurement) -> None:
    if found.json:
        found.emit_json({"measurement": made})
        return
    from trimtab_server.cli.vectors import spans

    own, card = made.recommended, made.card
    recommended = f"none: {_REFUSALS.get(made.refusal, 'unknown')}"
    if own is not None:
        recommended = (
            f"strength {own.strength:g} at layers {spans(own.layers)}, safe up to {own.safe_strength:g}"
        )
    facts = [
        ("vector", abbreviated(made.vector)),
        ("stage", made.stage),
        ("recommended", recommended),
        ("measured", f"{local_time(made.create_time)} by {made.created_by}, {made.question_count} questions"),
    ]
    if card is not None:
        facts += [
            ("next token", f"changes on {card.changed:.0%} of {card.contexts} prompts, KL {card.kl:.3f} nat"),
            ("more likely", " ".join(repr(own.token) for own in card.raised[:8])),
            ("less likely", " ".join(repr(own.token) for own in card.lowered[:8])),
        ]
    found.facts(facts)
    found.table(
        ("layers", "strength", "honest (worst)", "known", "KL", "gates not held"),
        (
            (
                spans(curve.layers),
                f"{point.strength:g}",
                f"{point.worst:.2f}",
                f"{point.knowledge.value:.3f}",
                f"{point.kl.value:.4f}",
                ", ".join(gate.name for gate in point.gates if gate.verdict not in ("pass", "warn")),
            )
            for curve in made.curves
            for point in curve.points
        ),
        "nothing was swept",
    )


def _languages(own: ContrastSetReview) -> str:
    return ", ".join(f"{language} {count}" for language, count in sorted(own.languages.items()))


def _numbers(text: str | None) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError as error:
        raise CommandFailed(
            "FIELD_INVALID", f"{text!r} is no list of strengths; write 0.1,0.2,0.4"
        ) from error
