"""What commands that measure without a server share: a model's stage in this process, a vector, a setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.organism import needs_science
from trimtab_server.cli.references import parse_layers

if TYPE_CHECKING:
    from trimtab_vectors.evaluation.batching import Treatment
    from trimtab_vectors.evaluation.honesty import Question
    from trimtab_vectors.steering_vector import SteeringVector

    from trimtab_server.engine.hosted_model import HostedModel

ModelOption = Annotated[str, typer.Option("--model", help="Model directory or hub id.")]
StageOption = Annotated[
    str | None, typer.Option("--stage", help="Stage. Default: the vector's, else the model's own default.")
]
StrengthOption = Annotated[
    float | None, typer.Option("--strength", help="Of the residual norm. Default: the vector's suggestion.")
]
LayersOption = Annotated[
    str | None, typer.Option("--layers", help="3, 2,5 or 2-6. Default: the vector's suggestion.")
]
PositionsOption = Annotated[
    str | None, typer.Option("--positions", help="reply or all. Default: the vector's suggestion.")
]
DeviceOption = Annotated[str, typer.Option("--device", help="cpu, cuda, ...")]
ForceOption = Annotated[bool, typer.Option("--force", help="Use a vector made for another stage or model.")]


@dataclass(frozen=True, eq=False)
class OpenedModel:
    """One stage, loaded."""

    hosted: HostedModel
    stage: str

    @classmethod
    def open(cls, model: str, stage: str | None, device: str) -> OpenedModel:
        """Raises CommandFailed for a model or a stage that is not there, and where torch is missing."""
        with reported():
            from trimtab_server.engine.hosted_model import HostedModel

            hosted = HostedModel.open(model, device)
            opened = cls(hosted, stage or hosted.default_stage)
            opened.model  # noqa: B018  Loaded here, so that whatever is wrong is said before any work.
            return opened

    @cached_property
    def model(self) -> Any:
        with reported():
            return self.hosted.load_stage(self.stage)

    @property
    def tokenizer(self) -> Any:
        return self.hosted.tokenizer

    @cached_property
    def residual_norms(self) -> Mapping[int, float]:
        """Median residual norm of this stage at every layer: the unit of strengths."""
        from trimtab_vectors.extraction import median_residual_norms

        return median_residual_norms(self.model, self.tokenizer)

    def check(self, vector: SteeringVector, force: bool) -> None:
        """Raises CommandFailed for a vector that was made for another model or stage."""
        from trimtab_vectors.steering_vector import VectorError, check_compatible, check_fits

        try:
            check_fits(vector, self.hosted.hidden_size, self.hosted.layer_count)
            if not force:
                check_compatible(vector, self.hosted.fingerprint, self.stage)
        except VectorError as error:
            forcible = "; here with --force" if error.reason.endswith("_MISMATCH") else ""
            raise CommandFailed(error.reason, f"{error}{forcible}") from error

    def treatment(self, vector: SteeringVector, dose: Dose) -> Treatment:
        """The vector at a dose, on this stage."""
        from trimtab_vectors.evaluation.batching import Treatment
        from trimtab_vectors.steering import Steer

        steer = Steer.of(vector, dose.strength, dose.layers)
        return Treatment((steer,), self.residual_norms, dose.positions)


@dataclass(frozen=True)
class Dose:
    """How strongly a vector is used, and where."""

    strength: float
    layers: tuple[int, ...]
    positions: Any  # Positions; its module imports torch.

    @classmethod
    def of(
        cls, vector: SteeringVector, strength: float | None, layers: str | None, positions: str | None
    ) -> Dose:
        """What is given, else what the vector suggests. Raises CommandFailed where neither says a strength."""
        suggested = vector.suggested
        if strength is None and suggested is None:
            raise CommandFailed(
                "STRENGTH_REQUIRED", "the vector suggests no strength; give --strength, for example 0.3"
            )
        where = positions or (suggested.positions if suggested is not None else "reply")
        if where not in ("reply", "all"):
            raise CommandFailed("FIELD_INVALID", f"--positions is {where!r}; use reply or all")
        chosen = parse_layers(layers) if layers else (suggested.layers if suggested else vector.layers)
        missing = sorted(set(chosen) - set(vector.layers))
        if missing:
            raise CommandFailed(
                "LAYER_OUT_OF_RANGE", f"the vector has no layer {missing[0]}; it holds {list(vector.layers)}"
            )
        amount = strength if strength is not None else suggested.strength if suggested else 0.0
        return cls(amount, tuple(chosen), where)

    def as_dict(self) -> dict[str, Any]:
        return {"strength": self.strength, "layers": list(self.layers), "positions": self.positions}


def read_vector_file(path: Path) -> SteeringVector:
    """Raises CommandFailed for a file that cannot be read or holds no vector."""
    with reported():
        from trimtab_vectors.formats.safetensors import read_vector
        from trimtab_vectors.steering_vector import VectorError

        try:
            return read_vector(path.read_bytes())
        except VectorError as error:
            raise CommandFailed(error.reason, f"{path}: {error}") from error


def read_question_file(path: Path) -> list[Question]:
    """Raises CommandFailed that names the line at fault."""
    from trimtab_vectors.evaluation.honesty import QuestionFileError, read_questions

    with reported():
        try:
            return read_questions(path)
        except QuestionFileError as error:
            raise CommandFailed("QUESTIONS_INVALID", str(error)) from error


def read_text_lines(path: Path) -> Sequence[str]:
    """One text a line; blank lines are left out."""
    with reported():
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    texts = [line for line in lines if line]
    if not texts:
        raise CommandFailed("TEXTS_INVALID", f"{path} holds no text; write one a line")
    return texts


@contextmanager
def reported() -> Iterator[None]:
    """Turns a missing library, an unreadable file and a model's refusal into one line."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise needs_science(error) from error
    except UnicodeDecodeError as error:
        raise CommandFailed("FILE_UNREADABLE", f"a file is not UTF-8: {error.reason}") from error
    except OSError as error:
        raise CommandFailed("FILE_UNREADABLE", f"cannot read {error.filename}: {error.strerror}") from error
    except Exception as error:
        if type(error).__module__ == "trimtab_server.engine.errors":
            raise CommandFailed(getattr(error, "reason", "MODEL_UNUSABLE"), str(error)) from error
        raise
