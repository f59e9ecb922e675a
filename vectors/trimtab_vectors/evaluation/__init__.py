"""Scoring of what a model says: honesty outcomes, rates with intervals, question files.

Nothing here imports torch, so that a client without a model can score replies too.
"""

from trimtab_vectors.evaluation.honesty import (
    KINDS,
    LANGUAGES,
    Message,
    Outcome,
    Question,
    QuestionFileError,
    Rates,
    read_questions,
    score,
    wilson_interval,
    write_questions,
)

__all__ = [
    "KINDS",
    "LANGUAGES",
    "Message",
    "Outcome",
    "Question",
    "QuestionFileError",
    "Rates",
    "read_questions",
    "score",
    "wilson_interval",
    "write_questions",
]
