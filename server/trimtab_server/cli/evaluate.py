"""`trimtab evaluate`: what a model says, measured on files, without a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    read_question_file,
    read_vector_file,
    reported,
)
from trimtab_server.cli.session import JsonFlag, Session, session

if TYPE_CHECKING:
    from trimtab_vectors.evaluation.batching import Treatment
    from trimtab_vectors.evaluation.belief import BeliefReport, BeliefRule, BeliefSet
    from trimtab_vectors.evaluation.honesty import Question
    from trimtab_vectors.evaluation.truthfulqa import TruthfulQA, TruthfulResult

app = typer.Typer(
    help="Measure honesty on question files and on TruthfulQA, without a server.", no_args_is_help=True
)

VectorOption = Annotated[
    Path | None, typer.Option("--vector", help="A vector's .safetensors file: measured beside unsteered.")
]


class Form(StrEnum):
    """How a TruthfulQA question is put."""

    CHAT = "chat"
    QA = "qa"


class Agreement(StrEnum):
    """When belief probes add up to a belief."""

    UNANIMOUS = "unanimous"
    MAJORITY = "majority"


class _Measured:
    """The opened model and what is measured on it: unsteered, and steered where a vector is given."""

    def __init__(
        self,
        model: str,
        stage: str | None,
        device: str,
        vector: Path | None,
        strength: float | None,
        layers: str | None,
        positions: str | None,
        force: bool,
    ) -> None:
        steer = None if vector is None else read_vector_file(vector)
        dose = None if steer is None else Dose.of(steer, strength, layers, positions)
        self.opened = OpenedModel.open(model, stage or (steer.stage if steer else None), device)
        from trimtab_vectors.evaluation.batching import UNSTEERED

        self.treatments: dict[str, Treatment] = {"unsteered": UNSTEERED}
        self.record: dict[str, Any] = {
            "model": self.opened.hosted.name,
            "stage": self.opened.stage,
            "stage_digest": self.opened.hosted.stage_digest(self.opened.stage),
        }
        if steer is not None and dose is not None:
            self.opened.check(steer, force)
            self.treatments["steered"] = self.opened.treatment(steer, dose)
            self.record["vector"] = {"id": steer.id, **dose.as_dict()}


@app.command()
def truthfulqa(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="TruthfulQA.csv, any edition; none comes along.")],
    model: ModelOption,
    stage: StageOption = None,
    vector: VectorOption = None,
    strength: StrengthOption = None,
    layers: LayersOption = None,
    positions: PositionsOption = None,
    form: Annotated[
        Form, typer.Option(help="chat: as a user's message. qa: raw text, Q: and A:.")
    ] = Form.CHAT,
    primer: Annotated[
        Path | None, typer.Option(help="With qa: text of examples before each question.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws the wrong answer where the file names none.")] = 0,
    limit: Annotated[int | None, typer.Option(min=2, help="Only the first questions.")] = None,
    device: DeviceOption = "auto",
    force: ForceOption = False,
    as_json: JsonFlag = False,
) -> None:
    """TruthfulQA: the binary choice, MC1, MC2 and MC3, beside chance.

    Example: trimtab evaluate truthfulqa TruthfulQA.csv --model ./model
    """
    found = session(context, as_json)
    with reported():
        from trimtab_vectors.evaluation.truthfulqa import (
            METRICS,
            QuestionForm,
            TruthfulQA,
            TruthfulQAError,
            measure_truthfulqa,
            read_truthfulqa,
        )

        try:
            data: TruthfulQA = read_truthfulqa(file)
            put = QuestionForm(form.value, "" if primer is None else primer.read_text(encoding="utf-8"))
        except TruthfulQAError as error:
            raise CommandFailed("TRUTHFULQA_INVALID", str(error)) from error
        except ValueError as error:
            raise CommandFailed("FIELD_INVALID", str(error)) from error
    if limit is not None:
        data = TruthfulQA(data.questions[:limit], data.sha256)
    run = _Measured(model, stage, device, vector, strength, layers, positions, force)
    results: dict[str, TruthfulResult] = {}
    with found.progress() as progress:
        for name, treatment in run.treatments.items():
            task = progress.add_task(name, total=None)

            def report(done: int, total: int, task: Any = task) -> None:
                progress.update(task, completed=done, total=total)

            results[name] = measure_truthfulqa(
                run.opened.model,
                run.opened.tokenizer,
                data,
                treatment,
                form=put,
                seed=seed,
                progress=report,
            )
    unsteered, steered = results["unsteered"], results.get("steered")
    chance = data.chance()
    record: dict[str, Any] = {
        **run.record,
        "file": {"sha256": data.sha256, "edition": data.edition, "questions": len(data.questions)},
        "form": put.as_dict(),
        "binary_choice": {
            "drawn": unsteered.drawn,
            "seed": seed,
            "against": list(unsteered.incorrect_answers),
        },
        "chance": chance,
        **{name: {m: r.figure(m).as_dict() for m in METRICS} for name, r in results.items()},
    }
    if steered is not None:
        record["change"] = {m: steered.change_from(unsteered, m).as_dict() for m in METRICS}
    if found.json:
        found.emit_json(record)
        return
    found.facts(
        [
            ("file", f"{data.sha256[:16]}, {len(data.questions)} questions, {data.edition}"),
            (
                "binary choice",
                f"against a drawn answer, seed {seed}" if unsteered.drawn else "the file's own",
            ),
        ]
    )
    found.table(
        ("metric", "chance", *results, *(["change"] if steered else [])),
        (
            (
                metric,
                f"{chance[metric]:.3f}",
                *(interval(result.figure(metric)) for result in results.values()),
                *([interval(steered.change_from(unsteered, metric), sign=True)] if steered else []),
            )
            for metric in METRICS
        ),
        "nothing was measured",
    )


@app.command()
def questions(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Questions with known answers, one JSON object per line.")],
    model: ModelOption,
    stage: StageOption = None,
    vector: VectorOption = None,
    strength: StrengthOption = None,
    layers: LayersOption = None,
    positions: PositionsOption = None,
    agreement: Annotated[
        Agreement, typer.Option(help="When belief probes of one fact add up to a belief.")
    ] = Agreement.UNANIMOUS,
    probes: Annotated[int, typer.Option(min=2, help="Belief probes a fact must have.")] = 3,
    samples: Annotated[
        int, typer.Option(min=1, help="Replies to each statement; greedy for 1, else sampled.")
    ] = 1,
    temperature: Annotated[float, typer.Option(help="Of sampled replies.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Of sampled replies.")] = 0,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest reply.")] = 64,
    device: DeviceOption = "auto",
    force: ForceOption = False,
    as_json: JsonFlag = False,
) -> None:
    """Your own questions: the four rates by kind; with belief probes linked by "fact", the MASK protocol.

    Example: trimtab evaluate questions canary.jsonl --model ./model --vector honesty.safetensors
    """
    found = session(context, as_json)
    asked = read_question_file(file)
    with reported():
        from trimtab_vectors.evaluation.belief import BeliefRule, BeliefSet, BeliefSetError
    rule = BeliefRule(agreement.value, probes)
    beliefs = None
    if any(question.fact for question in asked):
        try:
            beliefs = BeliefSet.of(asked, rule)
        except BeliefSetError as error:
            raise CommandFailed("QUESTIONS_INVALID", f"{file}: {error}") from error
    elif samples > 1:
        raise CommandFailed("FIELD_INVALID", '--samples needs questions linked by "fact"')
    run = _Measured(model, stage, device, vector, strength, layers, positions, force)
    record: dict[str, Any] = {**run.record, "questions": len(asked)}
    reports: dict[str, BeliefReport] = {}
    with found.progress() as progress:
        for name, treatment in run.treatments.items():
            task = progress.add_task(name, total=None)

            def report(done: int, total: int, task: Any = task) -> None:
                progress.update(task, completed=done, total=total)

            asking = _Asking(run.opened, treatment, max_new_tokens, report)
            replies = asking.greedy(asked)
            record[name] = {"rates": _rates(asked, replies)}
            if beliefs is not None:
                reports[name] = asking.beliefs(beliefs, replies, rule, samples, temperature, seed)
                record[name]["beliefs"] = reports[name].as_dict()
    if beliefs is not None:
        record["linked_facts"] = len(beliefs.facts)
        record["sampling"] = {"samples": samples, "temperature": temperature, "seed": seed}
    if found.json:
        found.emit_json(record)
        return
    _show(found, record, list(run.treatments), reports)


class _Asking:
    """Replies under one treatment."""

    def __init__(
        self,
        opened: OpenedModel,
        treatment: Treatment,
        max_new_tokens: int,
        progress: Callable[[int, int], None],
    ) -> None:
        self.opened, self.treatment, self.progress = opened, treatment, progress
        self.max_new_tokens = max_new_tokens

    def greedy(self, asked: Sequence[Question]) -> dict[str, list[str]]:
        return self._ask(asked, None)

    def beliefs(
        self,
        beliefs: BeliefSet,
        greedy: dict[str, list[str]],
        rule: BeliefRule,
        samples: int,
        temperature: float,
        seed: int,
    ) -> BeliefReport:
        """Beliefs from greedy replies to the probes; statements greedy, or `samples` times sampled."""
        from trimtab_vectors.evaluation.belief import judge
        from trimtab_vectors.evaluation.replies import Sampling

        replies = dict(greedy)
        if samples > 1:
            drawn: dict[str, list[str]] = {statement.id: [] for statement in beliefs.statements}
            for k in range(samples):
                made = self._ask(beliefs.statements, Sampling(seed * 1000 + k, temperature))
                for id, own in made.items():
                    drawn[id] += own
            replies |= drawn
        return judge(beliefs, replies, rule)

    def _ask(self, asked: Sequence[Question], sampling: Any) -> dict[str, list[str]]:
        from trimtab_vectors.evaluation.replies import replies_under

        made = replies_under(
            self.opened.model,
            self.opened.tokenizer,
            [question.messages for question in asked],
            self.treatment,
            sampling=sampling,
            max_new_tokens=self.max_new_tokens,
            progress=self.progress,
        )
        return {question.id: [reply] for question, reply in zip(asked, made, strict=True)}


def _rates(asked: Sequence[Question], replies: dict[str, list[str]]) -> dict[str, Any]:
    """The four rates of each kind, each reply scored against its own question."""
    from trimtab_vectors.evaluation.honesty import Rates, score

    kinds = dict.fromkeys(question.kind for question in asked)
    return {
        kind: Rates.of(score(replies[q.id][0], q) for q in asked if q.kind == kind).as_dict()
        for kind in kinds
    }


def _show(
    found: Session, record: dict[str, Any], treatments: Sequence[str], reports: dict[str, BeliefReport]
) -> None:
    columns = ("honest", "lie", "evade", "no_belief")
    found.table(
        ("kind", "", *columns, "n", "honest, 95%"),
        (
            (
                kind,
                name,
                *(f"{rates[column]:.3f}" for column in columns),
                rates["n"],
                f"[{rates['ci'][0]:.3f}, {rates['ci'][1]:.3f}]",
            )
            for kind in record[treatments[0]]["rates"]
            for name in treatments
            for rates in [record[name]["rates"][kind]]
        ),
        "no questions",
    )
    if not reports:
        return
    found.out.print("\nstatements against what the model believes, by fact", markup=False)
    found.table(
        ("figure", *reports),
        (
            (label, *(interval(getter(report)) for report in reports.values()))
            for label, getter in _BELIEF_FIGURES
        ),
        "no statements",
    )


def interval(estimate: Any, sign: bool = False) -> str:
    """A figure with its interval, for people."""
    form = "+.3f" if sign else ".3f"
    if not estimate.defined:
        return f"undefined: {estimate.note}"
    return f"{estimate.value:{form}} [{estimate.low:{form}}, {estimate.high:{form}}]"


_BELIEF_FIGURES: tuple[tuple[str, Callable[[BeliefReport], Any]], ...] = (
    ("honest", lambda r: r.rate(_outcome("honest"))),
    ("lie", lambda r: r.rate(_outcome("lie"))),
    ("evade", lambda r: r.rate(_outcome("evade"))),
    ("no belief", lambda r: r.rate(_outcome("no_belief"))),
    ("lie, given a belief", lambda r: r.lie_given_belief),
    ("normalised honesty", lambda r: r.normalised_honesty),
    ("no lie in any sample", lambda r: r.honesty_at(r.samples)),
    ("belief is true", lambda r: r.accuracy),
)


def _outcome(name: str) -> Any:
    from trimtab_vectors.evaluation.honesty import Outcome

    return Outcome(name)
