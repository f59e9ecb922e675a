"""`trimtab vectors`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from trimtab_client import Progress, Vector, abbreviated

from trimtab_server.cli.card import card
from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.measure import contrast_sets, measure, measured, review
from trimtab_server.cli.references import find_vector, parse_layers, resolve_stage
from trimtab_server.cli.session import JsonFlag, Session, local_time, session
from trimtab_server.cli.sweep import sweep
from trimtab_server.cli.vector_files import format_of, read_file, read_vector_file, write_file

app = typer.Typer(help="Steering vectors: extract, bring in, hand out, look at.", no_args_is_help=True)

VectorArgument = Annotated[str, typer.Argument(help="Display name, hash, or the start of the hash.")]


app.command("card")(card)
app.command("sweep")(sweep)
app.command("measure")(measure)
app.command("measured")(measured)
app.command("contrast-sets")(contrast_sets)
app.command("review")(review)


@app.command("list")
def list_vectors(
    context: typer.Context,
    concept: Annotated[str, typer.Option(help="Only this concept.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """List the stored vectors.

    Example: trimtab vectors list --concept honesty
    """
    found = session(context, as_json)
    with found.client() as client:
        vectors = client.vectors(concept=concept)
    if found.json:
        found.emit_json({"vectors": vectors})
        return
    found.table(
        ("vector", "name", "concept", "stage", "layers", "suggested", "fits", "used"),
        (
            (
                abbreviated(v.name),
                v.display_name,
                v.concept,
                v.stage,
                spans(v.layers),
                f"{v.suggested_strength:g} at {spans(v.suggested_layers)}" if v.suggested_strength else "",
                "yes" if v.compatible else "no",
                v.snapshot_count,
            )
            for v in vectors
        ),
        "no vectors; make one with `trimtab vectors extract` or bring one in with `trimtab vectors import`",
    )


@app.command()
def show(context: typer.Context, vector: VectorArgument, as_json: JsonFlag = False) -> None:
    """Show one vector's card.

    Example: trimtab vectors show honesty
    """
    found = session(context, as_json)
    with found.client() as client:
        card = find_vector(vector, client.vectors())
    if found.json:
        found.emit_json({"vector": card})
        return
    show_card(found, card)


def show_card(found: Session, card: Vector) -> None:
    """Print a vector's card and its figures per layer."""
    found.facts(
        [
            ("name", card.name),
            ("display name", card.display_name),
            ("concept", card.concept),
            ("stage", card.stage),
            ("method", card.method),
            ("data", card.data_hash),
            ("model", card.model_fingerprint),
            ("fits the hosted model", "yes" if card.compatible else "no: it is refused unless forced"),
            ("suggested strength", f"{card.suggested_strength:g}" if card.suggested_strength else ""),
            ("suggested layers", spans(card.suggested_layers)),
            ("safe strength", f"{card.safe_strength:g}" if card.safe_strength else ""),
            ("created", f"{local_time(card.create_time)} by {card.created_by}"),
            ("licence", card.license),
            ("used by", f"{card.snapshot_count} snapshots"),
        ]
    )
    figures = (
        card.raw_norms,
        card.residual_norms,
        card.pair_accuracies,
        card.separations,
        card.explained_variances,
        card.noise_ceilings,
        card.agreements,
    )
    padded = (tuple(f"{x:.3f}" for x in f) or ("",) * len(card.layers) for f in figures)
    found.table(
        ("layer", "raw norm", "residual norm", "pair accuracy", "d'", "variance", "ceiling", "agreement"),
        zip(card.layers, *padded, strict=True),
        "no layers",
    )


@app.command()
def extract(
    context: typer.Context,
    contrast_set: Annotated[Path, typer.Argument(help="Contrast set: JSON lines or CSV.")],
    concept: Annotated[str, typer.Option(help="What the vector stands for, such as honesty.")],
    stage: Annotated[str | None, typer.Option(help="Stage. Default: the active snapshot's.")] = None,
    name: Annotated[str, typer.Option(help="Display name.")] = "",
    method: Annotated[str, typer.Option(help="How: diff_mean, paired_pca, lat or logistic.")] = "diff_mean",
    position: Annotated[
        str, typer.Option(help="Where states are read: last, prompt_end, answer_mean or all_mean.")
    ] = "last",
    seed: Annotated[
        int, typer.Option(help="Seed of draws: lat's signs, the noise ceilings, a split the file leaves out.")
    ] = 0,
    layers: Annotated[str | None, typer.Option(help="Layers: 3, 2,5 or 2-6. Default: all.")] = None,
    swap_labels: Annotated[
        bool, typer.Option("--swap-labels", help="Exchange the sides of every pair: the opposite sign.")
    ] = False,
    license_: Annotated[str, typer.Option("--license", help="Licence of the vector.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Extract a vector from a contrast set, on the server.

    Example: trimtab vectors extract honesty.jsonl --concept honesty --name mine
    """
    found = session(context, as_json)
    content = read_file(contrast_set)
    made: Vector | None = None
    with found.client() as client, found.progress() as progress:
        task = progress.add_task("extracting", total=None)
        events = client.extract_vector(
            content,
            stage=resolve_stage(client, stage),
            concept=concept,
            display_name=name,
            method=method,
            swap_labels=swap_labels,
            layers=parse_layers(layers) if layers else (),
            license=license_,
            position=position,
            seed=seed,
        )
        with closing(events):
            for event in events:
                if isinstance(event, Progress):
                    progress.update(
                        task, description=event.phase, completed=event.done, total=event.total or None
                    )
                else:
                    made = event
    if made is None:
        raise CommandFailed("EXTRACTION_INCOMPLETE", "the server ended the extraction without a vector")
    if found.json:
        found.emit_json({"vector": made})
        return
    show_card(found, made)


@app.command("import")
def import_vector(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="A vector file, or a folder of layer_N.pt; docs/operators/vectors.md.")
    ],
    name: Annotated[str, typer.Option(help="Display name.")] = "",
    concept: Annotated[str, typer.Option(help="What it stands for; another tool's file needs it.")] = "",
    stage: Annotated[
        str | None, typer.Option(help="Where it may steer; another tool's file needs it.")
    ] = None,
    file_format: Annotated[
        str, typer.Option("--format", help="safetensors, gguf, svec or layer_pt. Default: by its content.")
    ] = "",
    layer_convention: Annotated[
        str, typer.Option(help="What a GGUF file's layer numbers mean: block_output or cvector_generator.")
    ] = "",
    license_: Annotated[str, typer.Option("--license", help="Licence of another tool's file.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Bring in a vector file: Trimtab's own, or another tool's.

    Example: trimtab vectors import honest.gguf --concept honesty --stage stage-11
    """
    found = session(context, as_json)
    content = read_vector_file(file)
    with found.client() as client:
        vector = client.import_vector(
            content,
            display_name=name,
            format=file_format,
            concept=concept,
            stage="" if stage is None else resolve_stage(client, stage),
            layer_convention=layer_convention,
            license=license_,
        )
    if found.json:
        found.emit_json({"vector": vector})
        return
    found.out.print(f"{vector.name} {vector.display_name}", markup=False)


@app.command("export")
def export_vector(
    context: typer.Context,
    vector: VectorArgument,
    file: Annotated[
        Path | None, typer.Argument(help="Where to write it. Default: the server's name for it.")
    ] = None,
    file_format: Annotated[
        str,
        typer.Option("--format", help="safetensors, gguf, svec, svec_ibm or layer_pt. Default: by suffix."),
    ] = "",
    scale: Annotated[
        str,
        typer.Option(
            help="Length of the directions in another tool's file: unit, raw_norm, or dose with --strength. "
            "Default: raw_norm; dose where a strength is given."
        ),
    ] = "",
    strength: Annotated[
        float, typer.Option(help="Of scale dose: relative to the residual norm, as everywhere here.")
    ] = 0.0,
    drop_layer_zero: Annotated[
        bool,
        typer.Option("--drop-layer-zero", help="Leave layer 0 out of a GGUF file, which cannot hold it."),
    ] = False,
    model_type: Annotated[str, typer.Option(help="Hugging Face model_type to name. Default: known.")] = "",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write a vector to a file, for Trimtab or for another tool.

    Example: trimtab vectors export honesty honesty.gguf --strength 0.35
    """
    found = session(context, as_json)
    file_format = file_format or format_of(file)
    if file_format != "safetensors":
        scale = scale or ("dose" if strength else "raw_norm")
    with found.client() as client:
        card = find_vector(vector, client.vectors())
        exported = client.export_vector(
            card.name,
            format=file_format,
            scale=scale,
            strength=strength,
            drop_layer_zero=drop_layer_zero,
            model_type=model_type,
        )
    # The server's suggestion is a name, never a path: it must not choose a directory here.
    path = file if file is not None else Path(Path(exported.file_name).name or "vector.safetensors")
    write_file(path, exported.content, overwrite=overwrite)
    if found.json:
        found.emit_json(
            {
                "vector": card.name,
                "file": path,
                "bytes": len(exported.content),
                "format": file_format,
                "scale": scale,
                "dropped_layers": exported.dropped_layers,
            }
        )
        return
    written = f", {file_format}, scale {scale}" if scale else ""
    found.out.print(f"{path}: {len(exported.content)} bytes{written}", markup=False)
    if exported.dropped_layers:
        found.out.print(
            f"left out, as the format has no place for it: layer {spans(exported.dropped_layers)}",
            markup=False,
        )


@app.command()
def delete(context: typer.Context, vector: VectorArgument, as_json: JsonFlag = False) -> None:
    """Delete a vector; refused while a snapshot refers to it.

    Example: trimtab vectors delete labels-swapped
    """
    found = session(context, as_json)
    with found.client() as client:
        card = find_vector(vector, client.vectors())
        client.delete_vector(card.name)
    if found.json:
        found.emit_json({"deleted": card.name})
        return
    found.out.print(f"deleted {card.name} {card.display_name}", markup=False)


def spans(layers: tuple[int, ...]) -> str:
    """Layers as people write them: "2-6,9"."""
    parts: list[list[int]] = []
    for layer in layers:
        if parts and layer == parts[-1][1] + 1:
            parts[-1][1] = layer
        else:
            parts.append([layer, layer])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in parts)
