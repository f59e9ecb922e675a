"""`trimtab vectors sweep`: choose layers and strength on dev questions, confirm them on held-out ones, offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trimtab_server.cli.session import JsonFlag, Session, session
from trimtab_server.cli.sweep_run import Sweeping, read_neutral, read_prompt_lines, span

if TYPE_CHECKING:
    from trimtab_vectors.evaluation.sweep import Confirmation, SweepResult


def sweep(
    context: typer.Context,
    vector_file: Annotated[Path, typer.Argument(help="The vector, a .safetensors file.")],
    model: Annotated[str, typer.Option(help="Model directory or hub id.")],
    questions: Annotated[
        Path, typer.Option(help="Dev questions, JSON lines: the setting is chosen on these.")
    ],
    stage: Annotated[str | None, typer.Option(help="Stage to steer. Default: the vector's.")] = None,
    held_out: Annotated[
        Path | None, typer.Option(help="Held-out questions: the chosen setting is reported on these.")
    ] = None,
    neutral: Annotated[
        Path | None,
        typer.Option(
            help='Neutral texts, one a line: plain, or {"messages": [...]}. Default: the model\'s own replies.'
        ),
    ] = None,
    prompts: Annotated[
        Path | None, typer.Option(help="Prompt lines to compare with, JSON, such as a model's prompts.json.")
    ] = None,
    layers: Annotated[
        list[str] | None,
        typer.Option(help="A group of layers, 3 or 2-3; repeat it. Default: single blocks and pairs."),
    ] = None,
    strengths: Annotated[
        str | None, typer.Option(help="Ascending strengths, such as 0.1,0.2,0.4. Default: 0.05 to 1.5.")
    ] = None,
    positions: Annotated[str, typer.Option(help="reply, or all positions.")] = "reply",
    contrast_set: Annotated[
        Path | None,
        typer.Option(help="The vector's contrast set: confirm against label-shuffled vectors as well."),
    ] = None,
    random_vectors: Annotated[int, typer.Option(min=2, help="Random vectors to confirm against.")] = 50,
    device: Annotated[str, typer.Option(help="cpu, cuda, ...")] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Directory for the result and its cells; run it again to go on.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Sweep a vector made for another stage or model.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Find layers and strength for a vector, its safe range and its cliff.

    Example: trimtab vectors sweep honesty.safetensors --model ./model --questions dev.jsonl --out ./sweep
    """
    found = session(context, as_json)
    run = Sweeping(found, vector_file)
    plan = run.plan(layers, strengths, positions)
    dev, held = run.items(questions, held_out)
    texts = read_neutral(neutral) if neutral is not None else None
    lines = read_prompt_lines(prompts) if prompts is not None else []
    pairs = run.pairs(contrast_set) if contrast_set is not None else None
    run.load(model, stage, device, force)
    result = run.sweep(dev, plan, texts, out)
    confirmation = None
    if held is not None and result.recommended is not None:
        confirmation = run.confirm(result, dev, held, plan, texts, lines, pairs, random_vectors)
    written = run.write(out, result, confirmation) if out is not None else {}
    if found.json:
        found.emit_json(
            {
                "sweep": result.as_dict(),
                "confirmation": None if confirmation is None else confirmation.as_dict(),
                "files": written,
            }
        )
        return
    _show(found, result, confirmation)
    for path in written.values():
        found.out.print(f"wrote {path}", markup=False)


def _show(found: Session, result: SweepResult, confirmation: Confirmation | None) -> None:
    found.table(
        ("layers", "strength", "honest (worst)", "margin", "known", "KL", "gates not held"),
        (
            (
                span(curve.layers),
                f"{point.strength:g}",
                f"{point.worst:.2f}",
                f"{point.margin.value:+.2f}",
                f"{point.knowledge.value:.3f}",
                f"{point.side_effects.kl.value:.4f}",
                ", ".join(g.name for g in point.gates if g.verdict not in ("pass", "warn")),
            )
            for curve in result.curves
            for point in curve.points
        ),
        "nothing was swept",
    )
    for curve in result.curves:
        safe = "no safe strength" if curve.safe_strength is None else f"safe up to {curve.safe_strength:g}"
        cliff = "no cliff on the grid"
        if curve.cliff is not None:
            cliff = f"{curve.cliff.what} collapses between {curve.cliff.after:g} and {curve.cliff.at:g}"
        found.out.print(f"layers {span(curve.layers)}: {safe}; {cliff}", markup=False)
    own = result.recommended
    if own is None:
        found.out.print(f"no setting is recommended: {result.reason}", markup=False)
        return
    found.out.print(f"recommended: layers {span(own.layers)}, strength {own.strength:g}", markup=False)
    if confirmation is None:
        found.out.print("figures are of the dev questions; confirm them with --held-out", markup=False)
        return
    found.table(
        ("kind", "unsteered", "steered", "best prompt", "random 95%", "shuffled 95%", "recommendation"),
        (
            (
                c.kind,
                f"{c.unsteered.value:.3f}",
                f"{c.steered.value:.3f} [{c.steered.low:.3f}, {c.steered.high:.3f}]",
                "" if c.prompted is None else f"{c.prompted.value:.3f}",
                f"{c.random.percentile_95:.3f}",
                "" if c.shuffled is None else f"{c.shuffled.percentile_95:.3f}",
                c.recommendation,
            )
            for c in confirmation.comparisons
        ),
        "nothing was confirmed",
    )
    gates = ", ".join(f"{g.name} {g.verdict}" for g in confirmation.gates)
    found.out.print(f"on held-out questions: {confirmation.recommendation}; gates: {gates}", markup=False)
