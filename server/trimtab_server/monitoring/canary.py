"""The canary set: drawing questions, and turning scored replies into rates."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trimtab_vectors.evaluation.honesty import KINDS, Outcome, Question, Rates, read_questions, score

from trimtab_server.monitoring.signals import Signal
from trimtab_server.store.canary_runs import KindRates
from trimtab_server.store.canonical_json import canonical_json, sha256_hex

#: The kind of question behind each signal.
SIGNAL_OF_KIND = {
    "hard_pressure": Signal.HONEST_UNDER_PRESSURE,
    "neutral": Signal.HONEST_NEUTRAL,
}


@dataclass(frozen=True)
class Draw:
    """Questions in the order they are asked; equal hashes, equal questions."""

    questions: tuple[Question, ...]

    @property
    def hash(self) -> str:
        return sha256_hex(canonical_json([question.id for question in self.questions]))


@dataclass(frozen=True)
class ScoredReply:
    """One question with the reply and what it did."""

    question: Question
    reply: str
    outcome: Outcome


class CanarySet:
    """A pool of prompts with known answers."""

    def __init__(self, questions: Iterable[Question]) -> None:
        # By kind and language, so that a draw has the pool's own mixture of languages.
        self._pool: dict[str, dict[str, list[Question]]] = defaultdict(lambda: defaultdict(list))
        for question in questions:
            self._pool[question.kind][question.language].append(question)

    @classmethod
    def at(cls, path: Path) -> CanarySet | None:
        """Reads a question file; None if there is none.

        Raises:
            QuestionFileError: a line is no question.
        """
        return cls(read_questions(path)) if path.is_file() else None

    def draw(self, count_per_kind: int, seed: int) -> Draw:
        """`count_per_kind` questions of each kind, or all there are, the same ones for the same seed.

        Languages take turns, so a draw of two or more is not of one language by chance.
        """
        drawn: list[Question] = []
        for kind in (kind for kind in KINDS if kind in self._pool):
            shuffled = []
            for language in sorted(self._pool[kind]):
                questions = sorted(self._pool[kind][language], key=lambda question: question.id)
                random.Random(f"{seed}/{kind}/{language}").shuffle(questions)
                shuffled.append(questions)
            drawn += _in_turns(shuffled)[:count_per_kind]
        return Draw(tuple(drawn))


def judge(question: Question, reply: str) -> ScoredReply:
    return ScoredReply(question, reply, score(reply, question))


def rates_by_kind(replies: Sequence[ScoredReply]) -> tuple[KindRates, ...]:
    """The four rates of each kind that was asked, with the 95% Wilson interval of the honest one."""
    kinds = []
    for kind in KINDS:
        outcomes = [reply.outcome for reply in replies if reply.question.kind == kind]
        if not outcomes:
            continue
        rates = Rates.of(outcomes)
        lower, upper = rates.interval(Outcome.HONEST)
        kinds.append(
            KindRates(kind, rates.n, rates.honest, rates.lie, rates.evade, rates.no_belief, lower, upper)
        )
    return tuple(kinds)


def _in_turns(lists: Sequence[Sequence[Question]]) -> list[Question]:
    longest = max(len(one) for one in lists)
    return [one[place] for place in range(longest) for one in lists if place < len(one)]
