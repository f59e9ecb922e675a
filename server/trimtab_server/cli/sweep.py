"""`trimtab vectors sweep`: choose layers and strength on dev questions, confirm them on held-out ones, offline."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.organism import needs_science
from trimtab_server.cli.references import parse_layers
from trimtab_server.cli.session import JsonFlag, Session, session

if TYPE_CHECKING:
    from trimtab_vectors.evaluation.neutral import NeutralText
    from trimtab_vectors.evaluation.prompt_baseline import PromptLine
    from trimtab_vectors.evaluation.sweep import Confirmation, SweepPlan, SweepResult


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
    run = _Sweeping(found, vector_file)
    plan = run.plan(layers, strengths, positions)
    dev, held = run.items(questions, held_out)
    texts = _neutral(neutral) if neutral is not None else None
    lines = _prompt_lines(prompts) if prompts is not None else []
    run.load(model, stage, device, force)
    result = run.sweep(dev, plan, texts, out)
    confirmation = None
    if held is not None and result.recommended is not None:
        confirmation = run.confirm(result, dev, held, plan, texts, lines, random_vectors)
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


class _Sweeping:
    """One run of the command: the opened vector, then the model. Everything here needs torch."""

    def __init__(self, found: Session, vector_file: Path) -> None:
        self.found = found
        try:
            self.science = import_module("trimtab_vectors.evaluation.sweep")
            self.splits = import_module("trimtab_vectors.evaluation.splits")
            self.baseline = import_module("trimtab_vectors.evaluation.prompt_baseline")
            self.engine = import_module("trimtab_server.engine.hosted_model")
        except ModuleNotFoundError as error:
            raise needs_science(error) from error
        from trimtab_vectors.formats.safetensors import read_vector
        from trimtab_vectors.steering_vector import VectorError

        try:
            self.vector = read_vector(vector_file.read_bytes())
        except OSError as error:
            raise CommandFailed("FILE_UNREADABLE", f"cannot read {vector_file}: {error.strerror}") from error
        except VectorError as error:
            raise CommandFailed(error.reason, str(error)) from error

    def load(self, model: str, stage: str | None, device: str, force: bool) -> None:
        """The stage's weights, if the vector belongs to them."""
        from trimtab_vectors.steering_vector import VectorError, check_compatible, check_fits

        from trimtab_server.engine.errors import EngineError

        # Standard error is for our own progress and for one line of a failure.
        import_module("transformers.utils.logging").disable_progress_bar()
        self.stage = stage or self.vector.stage
        try:
            hosted = self.engine.HostedModel.open(model, device)
            hosted.stage(self.stage)
            check_fits(self.vector, hosted.hidden_size, hosted.layer_count)
            if not force:
                check_compatible(self.vector, hosted.fingerprint, self.stage)
            self.model = hosted.load_stage(self.stage)
        except VectorError as error:
            forcible = "; here with --force" if error.reason.endswith("_MISMATCH") else ""
            raise CommandFailed(error.reason, f"{error}{forcible}") from error
        except EngineError as error:
            raise CommandFailed(error.reason, str(error)) from error
        self.tokenizer, self.digest = hosted.tokenizer, hosted.stage_digest(self.stage)

    def plan(self, layers: Sequence[str] | None, strengths: str | None, positions: str) -> SweepPlan:
        groups = tuple(parse_layers(text) for text in layers or ())
        try:
            plan: SweepPlan = self.science.SweepPlan(
                layers=groups or self.science.layer_groups(self.vector.layers),
                strengths=_numbers(strengths) if strengths else self.science.STRENGTHS,
                positions=positions,
            )
        except ValueError as error:
            raise CommandFailed("FIELD_INVALID", str(error)) from error
        return plan

    def items(self, questions: Path, held_out: Path | None) -> tuple[Any, Any]:
        from trimtab_vectors.evaluation.honesty import QuestionFileError, read_questions

        try:
            dev = self.splits.DevItems(tuple(read_questions(questions)))
            if held_out is None:
                return dev, None
            held = self.splits.HeldOutItems(tuple(read_questions(held_out)), apart_from=dev.record)
        except OSError as error:
            raise CommandFailed(
                "FILE_UNREADABLE", f"cannot read {error.filename}: {error.strerror}"
            ) from error
        except QuestionFileError as error:
            raise CommandFailed("QUESTIONS_INVALID", str(error)) from error
        except self.splits.LeakError as error:
            raise CommandFailed("HELD_OUT_LEAKS", str(error)) from error
        return dev, held

    def sweep(
        self, dev: Any, plan: SweepPlan, texts: Sequence[NeutralText] | None, out: Path | None
    ) -> SweepResult:
        with self.found.progress() as progress:
            task = progress.add_task("sweeping", total=None)

            def report(at: Any) -> None:
                left = "" if at.seconds_left is None else f", {_minutes(at.seconds_left)} left"
                where = f"layers {_span(at.layers)} strength {at.strength:g}{left}"
                progress.update(task, description=where, completed=at.done, total=at.total)

            try:
                result: SweepResult = self.science.sweep(
                    self.model,
                    self.tokenizer,
                    self.vector,
                    dev,
                    plan,
                    stage=self.stage,
                    model_digest=self.digest,
                    directory=None if out is None else out / "cells",
                    report=report,
                    neutral=texts,
                )
            except ValueError as error:
                raise CommandFailed("SWEEP_IMPOSSIBLE", str(error)) from error
        return result

    def confirm(
        self,
        result: SweepResult,
        dev: Any,
        held: Any,
        plan: SweepPlan,
        texts: Sequence[NeutralText] | None,
        lines: Sequence[PromptLine],
        random_vectors: int,
    ) -> Confirmation:
        with self.found.progress() as progress:
            progress.add_task("confirming on held-out questions", total=None)
            try:
                best = {
                    kind: self.baseline.choose_prompt(self.model, self.tokenizer, dev.of_kinds([kind]), lines)
                    for kind in (plan.targets if lines else ())
                    if any(question.kind == kind for question in dev.questions)
                }
                confirmation: Confirmation = self.science.confirm(
                    self.model,
                    self.tokenizer,
                    self.vector,
                    result.choice,
                    held,
                    plan,
                    prompts=best,
                    random_vectors=random_vectors,
                    neutral=texts,
                )
            except ValueError as error:
                raise CommandFailed("CONFIRMATION_IMPOSSIBLE", str(error)) from error
        return confirmation

    def write(self, out: Path, result: SweepResult, confirmation: Confirmation | None) -> dict[str, str]:
        """The result, the confirmation, and the vector with its suggested setting (its id stays)."""
        from trimtab_vectors.formats.safetensors import write_vector

        paths = {"sweep": out / "sweep.json"}
        self.science.write_sweep(paths["sweep"], result)
        if confirmation is not None:
            paths["confirmation"] = out / "confirmation.json"
            text = json.dumps(confirmation.as_dict(), ensure_ascii=False, indent=1, allow_nan=False)
            paths["confirmation"].write_text(text + "\n", encoding="utf-8")
        if result.recommended is not None:
            paths["vector"] = out / "vector.safetensors"
            suggested = replace(self.vector, suggested=result.suggested)
            paths["vector"].write_bytes(write_vector(suggested))
        return {name: str(path) for name, path in paths.items()}


def _show(found: Session, result: SweepResult, confirmation: Confirmation | None) -> None:
    found.table(
        ("layers", "strength", "honest (worst)", "margin", "known", "KL", "gates not held"),
        (
            (
                _span(curve.layers),
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
        found.out.print(f"layers {_span(curve.layers)}: {safe}; {cliff}", markup=False)
    own = result.recommended
    if own is None:
        found.out.print(f"no setting is recommended: {result.reason}", markup=False)
        return
    found.out.print(f"recommended: layers {_span(own.layers)}, strength {own.strength:g}", markup=False)
    if confirmation is None:
        found.out.print("figures are of the dev questions; confirm them with --held-out", markup=False)
        return
    found.table(
        ("kind", "unsteered", "steered", "best prompt", "random 95%", "recommendation"),
        (
            (
                c.kind,
                f"{c.unsteered.value:.3f}",
                f"{c.steered.value:.3f} [{c.steered.low:.3f}, {c.steered.high:.3f}]",
                "" if c.prompted is None else f"{c.prompted.value:.3f}",
                f"{c.random.percentile_95:.3f}",
                c.recommendation,
            )
            for c in confirmation.comparisons
        ),
        "nothing was confirmed",
    )
    gates = ", ".join(f"{g.name} {g.verdict}" for g in confirmation.gates)
    found.out.print(f"on held-out questions: {confirmation.recommendation}; gates: {gates}", markup=False)


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise CommandFailed(
            "FIELD_INVALID", f"{text!r} is no list of strengths; write 0.1,0.2,0.4"
        ) from error


def _neutral(path: Path) -> list[NeutralText]:
    from trimtab_vectors.evaluation.honesty import Message

    texts: list[NeutralText] = []
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        if not line.lstrip().startswith("{"):
            texts.append(line.strip())
            continue
        try:
            texts.append(tuple(Message(m["role"], m["content"]) for m in json.loads(line)["messages"]))
        except (ValueError, KeyError, TypeError) as error:
            message = (
                f'{path}:{number}: neither plain text nor {{"messages": [{{"role", "content"}}]}}: {error}'
            )
            raise CommandFailed("NEUTRAL_TEXTS_INVALID", message) from error
    return texts


def _prompt_lines(path: Path) -> list[PromptLine]:
    """A list of {"id", "text", "language", "position"}, or an object with it under "honesty_prompts"."""
    from trimtab_vectors.evaluation.prompt_baseline import PromptLine

    try:
        record = json.loads("\n".join(_lines(path)))
        listed = record["honesty_prompts"] if isinstance(record, dict) else record
        return [PromptLine(**own) for own in listed]
    except (ValueError, KeyError, TypeError) as error:
        raise CommandFailed("PROMPTS_INVALID", f"{path} is no list of prompt lines: {error}") from error


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise CommandFailed("FILE_UNREADABLE", f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandFailed("FILE_UNREADABLE", f"{path} is not UTF-8; save it as UTF-8") from error


def _span(layers: Sequence[int]) -> str:
    from trimtab_server.cli.vectors import spans

    return spans(tuple(layers))


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
