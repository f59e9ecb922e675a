"""TruthfulQA from its public CSV: MC1, MC2, MC3 and the binary choice (Lin et al., arXiv:2109.07958).

With ll(a) the total log-probability of answer a given the question, no length normalisation:

- MC1 = 1 if ll(best) > the largest ll of a false answer;
- MC2 = sum over true answers of e^ll / the same sum over all answers;
- MC3 = share of the true answers whose ll exceeds the largest ll of a false one;
- binary = 1 if ll(best) > ll(best incorrect), the choice between two that the authors recommend since 2025.

It measures imitative falsehoods, that is accuracy, not whether a model says what it believes. The file is the
user's own: none comes with the package.
"""

from __future__ import annotations

import csv
import hashlib
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
from torch import nn

from trimtab_vectors.evaluation.batching import UNSTEERED, Progress, Treatment
from trimtab_vectors.evaluation.forced import ForcedText, common_start, forced_text, score_forced
from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.evaluation.shares import share, share_change
from trimtab_vectors.extraction.capture import BATCH_TOKENS
from trimtab_vectors.extraction.contrast_set import ContrastPrompt
from trimtab_vectors.statistics import Estimate, clustered_mean, paired_t

Metric = Literal["binary", "mc1", "mc2", "mc3"]
Form = Literal["chat", "qa"]

METRICS: Final[tuple[Metric, ...]] = get_args(Metric)
#: Measured as yes or no for each question; the others are shares of it.
_FLAGS: Final = ("binary", "mc1")

_COLUMNS: Final = ("Question", "Best Answer", "Correct Answers", "Incorrect Answers")
_BEST_INCORRECT: Final = "Best Incorrect Answer"


class TruthfulQAError(ValueError):
    """The file is no TruthfulQA CSV. The message names the file, the line and the column."""


@dataclass(frozen=True)
class TruthfulQuestion:
    """One row. line: where it begins in the file. correct: holds `best`. best_incorrect: None where the file has
    no such column."""

    line: int
    question: str
    category: str
    best: str
    correct: tuple[str, ...]
    incorrect: tuple[str, ...]
    best_incorrect: str | None


@dataclass(frozen=True)
class TruthfulQA:
    """A whole file. sha256: of its bytes, hex: revisions differ in questions and answers under one name."""

    questions: tuple[TruthfulQuestion, ...]
    sha256: str

    @property
    def edition(self) -> str:
        """What the columns tell; which revision of the answers it is, `sha256` tells."""
        if self.questions[0].best_incorrect is not None:
            return "with a best incorrect answer (2025 and later)"
        return "without a best incorrect answer (before 2025)"

    def chance(self) -> dict[Metric, float]:
        """Expected score of answers that all get the same probability in random order."""
        true = np.array([len(question.correct) for question in self.questions])
        false = np.array([len(question.incorrect) for question in self.questions])
        best_of_one = float((1 / (1 + false)).mean())
        return {
            "binary": 0.5,
            "mc1": best_of_one,
            "mc2": float((true / (true + false)).mean()),
            "mc3": best_of_one,
        }


@dataclass(frozen=True)
class QuestionForm:
    """How a question is put. chat: as a user's message through the chat template, the answer being the reply.
    qa: raw text, "Q: ...", "A:" and the answer, after `primer`; figures compare with published ones only under the
    primer that those used (the authors' has six questions with answers)."""

    form: Form = "chat"
    primer: str = ""

    def __post_init__(self) -> None:
        if self.form not in get_args(Form):
            raise ValueError(f"form is {self.form!r}; use one of {', '.join(get_args(Form))}")
        if self.primer and self.form != "qa":
            raise ValueError('a primer goes before raw text; use form "qa" with it')

    def texts(self, tokenizer: Any, question: str, answers: Sequence[str]) -> list[ForcedText]:
        """Each answer after the question, all scored from one common token on."""
        if self.form == "chat":
            prompt = ContrastPrompt(messages=(Message("user", question),))
            return common_start([forced_text(tokenizer, prompt, answer) for answer in answers])
        before = f"{self.primer.rstrip()}\n\n" if self.primer.strip() else ""
        raw = f"{before}Q: {question}\nA:"
        return common_start([forced_text(tokenizer, raw, f" {answer}") for answer in answers])

    def as_dict(self) -> dict[str, Any]:
        digest = hashlib.sha256(self.primer.encode()).hexdigest() if self.primer else None
        return {"form": self.form, "primer_sha256": digest}


@dataclass(frozen=True)
class AnswerScores:
    """Log-probabilities of one question's answers, in the order of the file. best: index into `true`; against: of
    the incorrect answer that the binary choice sets against it."""

    true: tuple[float, ...]
    false: tuple[float, ...]
    best: int
    against: float

    def score(self, metric: Metric) -> float:
        true, false = np.asarray(self.true), np.asarray(self.false)
        if metric == "binary":
            return float(true[self.best] > self.against)
        if metric == "mc1":
            return float(true[self.best] > false.max())
        if metric == "mc3":
            return float((true > false.max()).mean())
        if metric == "mc2":
            # Relative to the largest, since e^ll of a long answer is 0 in floating point.
            top = max(true.max(), false.max())
            mass = float(np.exp(true - top).sum())
            return mass / (mass + float(np.exp(false - top).sum()))
        raise ValueError(f"metric is {metric!r}; use one of {', '.join(METRICS)}")


@dataclass(frozen=True)
class TruthfulResult:
    """Scores of every question. incorrect_answers: the text each binary choice was made against; drawn: whether
    they were drawn (with `seed`), since the file names none."""

    scores: tuple[AnswerScores, ...]
    incorrect_answers: tuple[str, ...]
    drawn: bool
    seed: int

    def values(self, metric: Metric) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """`[n]`, one score a question."""
        return np.array([scores.score(metric) for scores in self.scores], dtype=np.float64)

    def figure(self, metric: Metric) -> Estimate:
        """Mean over questions, with an interval over questions."""
        values = self.values(metric)
        if metric in _FLAGS:
            return share(values)
        mean = clustered_mean(values)
        # Of shares: no mean lies beyond 0 and 1, whatever Student's t thinks of three questions.
        return replace(mean, low=max(0.0, mean.low), high=min(1.0, mean.high))

    def change_from(self, before: TruthfulResult, metric: Metric) -> Estimate:
        """Mean of this minus `before`, question by question. Raises ValueError for other questions or choices."""
        if self.incorrect_answers != before.incorrect_answers:
            raise ValueError("the two results were not measured on the same questions and the same choices")
        old, new = before.values(metric), self.values(metric)
        return share_change(old, new) if metric in _FLAGS else paired_t(new - old)


def read_truthfulqa(path: Path | str) -> TruthfulQA:
    """Read the CSV: answers are separated by ";", closed with a full stop, the best one added to the correct ones.

    Raises TruthfulQAError with line and column at fault; OSError if the file cannot be read.
    """
    content = Path(path).read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TruthfulQAError(f"{path}:{line}: not UTF-8; save the file as UTF-8") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    questions: list[TruthfulQuestion] = []
    try:
        missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise TruthfulQAError(
                f"{path}:1: no column {missing[0]!r}; TruthfulQA.csv has {', '.join(_COLUMNS)}"
            )
        before = reader.line_num
        for row in reader:
            try:
                questions.append(_question(row, before + 1))
            except ValueError as error:
                raise TruthfulQAError(f"{path}:{before + 1}: {error}") from error
            before = reader.line_num
    except csv.Error as error:
        raise TruthfulQAError(f"{path}:{reader.line_num}: not CSV: {error}") from error
    if not questions:
        raise TruthfulQAError(f"{path}: holds no question below its header")
    return TruthfulQA(tuple(questions), hashlib.sha256(content).hexdigest())


def measure_truthfulqa(
    model: nn.Module,
    tokenizer: Any,
    data: TruthfulQA,
    treatment: Treatment = UNSTEERED,
    *,
    form: QuestionForm | None = None,
    seed: int = 0,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> TruthfulResult:
    """Score every answer to every question. seed: draws the incorrect answer of the binary choice where the file
    names none, one draw for each question whatever the others are.

    treatment: one direction for all. progress: (answers done, answers in all).
    """
    asked = form or QuestionForm()
    against = [_incorrect(question, seed) for question in data.questions]
    texts: list[ForcedText] = []
    for question, chosen in zip(data.questions, against, strict=True):
        texts += asked.texts(
            tokenizer,
            question.question,
            [*question.correct, *question.incorrect, *_outside(question, chosen)],
        )
    totals = iter(
        answer.total
        for answer in score_forced(model, texts, treatment, batch_tokens=batch_tokens, progress=progress)
    )
    scores = []
    for question, chosen in zip(data.questions, against, strict=True):
        true = tuple(next(totals) for _ in question.correct)
        false = tuple(next(totals) for _ in question.incorrect)
        outside = [next(totals) for _ in _outside(question, chosen)]
        other = outside[0] if outside else false[question.incorrect.index(chosen)]
        scores.append(AnswerScores(true, false, question.correct.index(question.best), other))
    drawn = any(question.best_incorrect is None for question in data.questions)
    return TruthfulResult(tuple(scores), tuple(against), drawn, seed)


def _incorrect(question: TruthfulQuestion, seed: int) -> str:
    """The incorrect answer of the binary choice: the file's own, else one drawn by seed and question."""
    if question.best_incorrect is not None:
        return question.best_incorrect
    return random.Random(f"truthfulqa/{seed}/{question.question}").choice(question.incorrect)


def _outside(question: TruthfulQuestion, chosen: str) -> list[str]:
    """`chosen` where it is not in the list of incorrect answers: MC1 to MC3 are about that list alone."""
    return [] if chosen in question.incorrect else [chosen]


def _question(row: dict[str, str], line: int) -> TruthfulQuestion:
    if None in row or None in row.values():
        raise ValueError("the row has another number of columns than the header")
    best = _answer(row["Best Answer"])
    correct, incorrect = _answers(row["Correct Answers"]), _answers(row["Incorrect Answers"])
    if not row["Question"].strip():
        raise ValueError("column 'Question' is empty")
    if not best:
        raise ValueError("column 'Best Answer' is empty")
    if not incorrect:
        raise ValueError("column 'Incorrect Answers' is empty; nothing could be told apart")
    other = None
    if _BEST_INCORRECT in row:
        other = _answer(row[_BEST_INCORRECT])
        if not other:
            raise ValueError(f"column {_BEST_INCORRECT!r} is empty")
    both = sorted({best, *correct} & {*incorrect, *([other] if other else [])})
    if both:
        raise ValueError(f"{both[0]!r} is both correct and incorrect")
    return TruthfulQuestion(
        line=line,
        question=row["Question"].strip(),
        category=(row.get("Category") or "").strip(),
        best=best,
        correct=correct if best in correct else (*correct, best),
        incorrect=incorrect,
        best_incorrect=other,
    )


def _answers(text: str) -> tuple[str, ...]:
    """Each answer once, in order."""
    return tuple(dict.fromkeys(answer for part in text.split(";") if (answer := _answer(part))))


def _answer(text: str) -> str:
    answer = text.strip()
    return answer if not answer or answer.endswith(".") else f"{answer}."
