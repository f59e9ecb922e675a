"""What people type for a vector, a stage or a snapshot, as the server's full names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from trimtab_client import Client, Operator, Stage, SteeringTerm, Vector, abbreviated, bare

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.term_options import split_options, term_fields

_TERM = re.compile(
    r"(?P<name>.+?)(?::(?P<strength>[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?::(?P<layers>[\d,-]+))?)?", re.I
)


def find_vector(reference: str, vectors: Iterable[Vector]) -> Vector:
    """A vector by display name, hash, or unique start of its hash."""
    known = list(vectors)
    wanted = bare(reference)
    found = [v for v in known if bare(v.name) == wanted or v.display_name == reference]
    if not found and len(wanted) >= 4:
        found = [v for v in known if bare(v.name).startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(abbreviated(v.name) for v in found)
        raise CommandFailed("VECTOR_AMBIGUOUS", f"{reference!r} may be any of {names}; give the hash")
    names = ", ".join(sorted(v.display_name or abbreviated(v.name) for v in known)) or "none"
    raise CommandFailed("VECTOR_NOT_FOUND", f"no vector is called {reference!r}; the server has: {names}")


def find_stage(reference: str, stages: Iterable[Stage]) -> Stage:
    """A stage by full or last name."""
    known = list(stages)
    found = [s for s in known if s.name == reference or s.short_name == reference]
    if found:
        return found[0]
    names = ", ".join(s.short_name for s in known)
    raise CommandFailed("STAGE_NOT_FOUND", f"no stage is called {reference!r}; the model has: {names}")


def resolve_stage(client: Client, reference: str | None) -> str:
    """The full name of a stage; without a reference, the active snapshot's."""
    deployment = client.deployment()
    if reference is None:
        return deployment.active_snapshot.steering.stage
    return find_stage(reference, client.stages(deployment.model)).name


def parse_layers(text: str) -> tuple[int, ...]:
    """Layers as people write them: "3", "2,5", "2-6"."""
    layers: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise CommandFailed("LAYERS_INVALID", f"{text!r} is no list of layers; write 3 or 2,5 or 2-6")
        layers += range(int(first), int(last or first) + 1)
    return tuple(layers)


def resolve_terms(client: Client, texts: Iterable[str], force: bool = False) -> tuple[SteeringTerm, ...]:
    """Terms written "NAME[:STRENGTH[:LAYERS]] [OPTION ...]" (`term_options.SYNTAX`).

    Without a strength, the one that comes with the vector, and 1, all of it, for an ablation or a clamp; without
    layers, the suggested ones, and where there are none every layer the vector holds.
    """
    written = list(texts)
    vectors = client.vectors() if written else ()
    return tuple(_term(text, vectors, force) for text in written)


def _term(text: str, vectors: Iterable[Vector], force: bool) -> SteeringTerm:
    dose, options = split_options(text)
    match = _TERM.fullmatch(dose)
    if match is None:
        raise CommandFailed("VECTOR_INVALID", "an empty --vector; write NAME:STRENGTH[:LAYERS]")
    vector = find_vector(match["name"], vectors)
    fields = term_fields(options, lambda name: find_vector(name, vectors).name)
    suggested = (
        1.0 if fields.get("operator") in (Operator.ABLATE, Operator.CLAMP) else vector.suggested_strength
    )
    if match["strength"] is None and not suggested:
        raise CommandFailed(
            "STRENGTH_REQUIRED",
            f"{dose!r} has no suggested strength; write {dose}:STRENGTH, for example {dose}:0.3",
        )
    strength = float(match["strength"]) if match["strength"] is not None else suggested
    layers = parse_layers(match["layers"]) if match["layers"] else vector.suggested_layers
    return SteeringTerm(vector.name, strength, layers=layers, force=force, **fields)
