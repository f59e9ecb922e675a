"""The sentences that a study's summary says in English, in the operator's language."""

from __future__ import annotations

import re
from typing import Final

from PySide6.QtCore import QCoreApplication

from trimtab_gui.i18n import QT_TRANSLATE_NOOP

_SENTENCES: Final = (
    (
        r"seed (.+) has stages without a figure and is left out",
        QT_TRANSLATE_NOOP("Study", "Seed {0} has stages without a figure and is left out."),
    ),
    (
        r"(\d+) of (\d+) discovery seeds: a window cannot be confirmed",
        QT_TRANSLATE_NOOP("Study", "{0} of the {1} discovery seeds that a confirmed window needs."),
    ),
    (
        r"(\d+) of (\d+) confirmation seeds: a window cannot be confirmed",
        QT_TRANSLATE_NOOP("Study", "{0} of the {1} confirmation seeds that a confirmed window needs."),
    ),
    (
        r"the rise is not above 0 in the confirmation seeds \(p = ([^)]+)\)",
        QT_TRANSLATE_NOOP("Study", "The rise is not above 0 in the confirmation seeds (p = {0})."),
    ),
    (
        r"its size (\S+) is below the smallest effect (\S+)",
        QT_TRANSLATE_NOOP("Study", "Its size {0} is below the smallest effect of interest {1}."),
    ),
    (
        r"a plasticity that only fades fits as well \(p = ([^)]+)\)",
        QT_TRANSLATE_NOOP("Study", "A plasticity that only fades fits as well (p = {0})."),
    ),
    (
        r"a rise above (\S+) is excluded everywhere; one of (\S+) would have been found in 4 of 5 studies",
        QT_TRANSLATE_NOOP(
            "Study",
            "A rise above {0} is excluded everywhere; one of {1} would have been found in 4 of 5 studies.",
        ),
    ),
    (
        r"a rise of (\S+) is not excluded \(bound ([^)]+)\): more seeds are needed",
        QT_TRANSLATE_NOOP("Study", "A rise of {0} is not excluded (bound {1}): more seeds are needed."),
    ),
    (
        r"it does not close: later stages respond as well",
        QT_TRANSLATE_NOOP("Study", "It does not close: later stages respond as well."),
    ),
    (
        r"A seed here is a fine-tune seed: .+",
        QT_TRANSLATE_NOOP(
            "Study",
            "Seeds are fine-tune seeds of one base model each: nothing is said about other base models.",
        ),
    ),
    (
        r"Small models made for the purpose .+",
        QT_TRANSLATE_NOOP(
            "Study",
            "Small models made for the purpose test the method; they are no evidence about large models.",
        ),
    ),
    (
        r"The stage by stage question goes back to a preprint .+",
        QT_TRANSLATE_NOOP(
            "Study",
            "The preprint that asked the question (arXiv:2410.06225) is taken as a question, not as evidence.",
        ),
    ),
    (
        r"Effects are changes of log-odds between given answers.+",
        QT_TRANSLATE_NOOP(
            "Study", "Effects and lie rates are between given answers, not of generated replies."
        ),
    ),
    (
        r"Intervals over seeds are bootstrap intervals for plots; .+",
        QT_TRANSLATE_NOOP(
            "Study", "Intervals over seeds are for plots; verdicts come from t tests over seeds."
        ),
    ),
    (
        r"The reference strength, layers and lines were chosen on dev items .+",
        QT_TRANSLATE_NOOP("Study", "The reference dose was chosen at the last stage, and suits that best."),
    ),
    (
        r"Slopes of random vectors rest on .+",
        QT_TRANSLATE_NOOP("Study", "Slopes of random vectors rest on three strengths alone."),
    ),
)


def say(sentence: str) -> str:
    """The sentence in the language of the client; one that is unknown stays as the study wrote it."""
    for pattern, text in _SENTENCES:
        found = re.fullmatch(pattern, sentence)
        if found is not None:
            return QCoreApplication.translate("Study", text).format(*found.groups())
    return sentence
