"""What `trimtab vectors sweep` works with: the files it reads, the vector, the model, and the run itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.organism import needs_science
from trimtab_server.cli.references import parse_layers
from trimtab_server.cli.session import Session

if TYPE_CHECKING:
    from trimtab_vectors.evaluation.neutral import NeutralText
    from trimtab_vectors.evaluation.prompt_baseline import PromptLine
    from trimtab_vectors.evaluation.sweep import Confirmation, SweepPlan, SweepResult
    from trimtab_vectors.extraction import ContrastSet

#: Label-shuffled vectors to confirm against: the pairs are read once, so they cost their replies alone.
SHUFFLED: Final = 20


class Sweeping:
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
                where = f"layers {span(at.layers)} strength {at.strength:g}{left}"
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
        pairs: ContrastSet | None,
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
                    shuffled=None if pairs is None else self._shuffled(pairs, result.choice.chosen.layers),
                    neutral=texts,
                )
            except ValueError as error:
                raise CommandFailed("CONFIRMATION_IMPOSSIBLE", str(error)) from error
        return confirmation

    def pairs(self, path: Path) -> ContrastSet:
        from trimtab_vectors.extraction import ContrastSetError, named_method, read_contrast_set

        try:
            named_method(self.vector.method)
            return read_contrast_set(path)
        except OSError as error:
            raise CommandFailed("FILE_UNREADABLE", f"cannot read {path}: {error.strerror}") from error
        except ContrastSetError as error:
            raise CommandFailed(error.reason, str(error)) from error
        except ValueError as error:
            message = f"the vector cannot be made again from {path}: {error}"
            raise CommandFailed("METHOD_UNKNOWN", message) from error

    def _shuffled(self, pairs: ContrastSet, layers: tuple[int, ...]) -> Any:
        from trimtab_vectors.evaluation.controls import shuffled_directions
        from trimtab_vectors.extraction import capture_pair_states, named_method

        # Vectors made before the position was recorded were read at the last token.
        where: Any = self.vector.position or "last"
        states = capture_pair_states(self.model, self.tokenizer, pairs.train, position=where, layers=layers)
        return shuffled_directions(states, named_method(self.vector.method), SHUFFLED, seed=0)

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


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise CommandFailed(
            "FIELD_INVALID", f"{text!r} is no list of strengths; write 0.1,0.2,0.4"
        ) from error


def read_neutral(path: Path) -> list[NeutralText]:
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


def read_prompt_lines(path: Path) -> list[PromptLine]:
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


def span(layers: Sequence[int]) -> str:
    from trimtab_server.cli.vectors import spans

    return spans(tuple(layers))


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
