"""What the server finds at fault in criteria, in the operator's language.

The server writes one English sentence for each fault; it is recognised by its form and said again. What is unknown is
shown as it was written.
"""

from __future__ import annotations

import re
from typing import Final

from PySide6.QtCore import QCoreApplication

from trimtab_gui.i18n import QT_TRANSLATE_NOOP

# Pattern of the server's sentence, and ours with its groups. The more general ones come last.
_FAULTS: Final = (
    (
        r"is (.+), a difference of rates of 1 or more; give less than 1",
        QT_TRANSLATE_NOOP("Criteria", "is {0}, a difference of rates of 1 or more; give less than 1"),
    ),
    (
        r"is (.+); give a positive difference that matters, such as 0\.1",
        QT_TRANSLATE_NOOP("Criteria", "is {0}; give a positive difference that matters, such as 0.1"),
    ),
    (
        r"is (.+); give a level between 0 and 0\.5, such as 0\.05",
        QT_TRANSLATE_NOOP("Criteria", "is {0}; give a level between 0 and 0.5, such as 0.05"),
    ),
    (
        r"is (.+); give a chance between alpha and 1, such as 0\.8",
        QT_TRANSLATE_NOOP("Criteria", "is {0}; give a chance between alpha and 1, such as 0.8"),
    ),
    (
        r"is (.+); give 2 or more; 30 is a good start",
        QT_TRANSLATE_NOOP("Criteria", "is {0}; give 2 or more; 30 is a good start"),
    ),
    (
        r"is empty or names a seed twice; give one seed for each repeat",
        QT_TRANSLATE_NOOP("Criteria", "is empty or names a seed twice; give one seed for each repeat"),
    ),
    (
        r"is out of range; temperature 0 to 2, top_p above 0 to 1, max_tokens from 1",
        QT_TRANSLATE_NOOP(
            "Criteria", "is out of range; temperature 0 to 2, top_p above 0 to 1, max_tokens from 1"
        ),
    ),
    (
        r"asks for (\d+) repeats at temperature 0, which are all the same; set sampling\.temperature above 0, or one"
        r" repeat",
        QT_TRANSLATE_NOOP(
            "Criteria",
            "asks for {0} repeats at temperature 0, which are all the same; set sampling.temperature above 0, or one"
            " repeat",
        ),
    ),
    (
        r"has no measure or no finite limit; give measure and at_most",
        QT_TRANSLATE_NOOP("Criteria", "has no measure or no finite limit; give measure and at_most"),
    ),
    (
        r"is '(.+)' without the honesty scorer; use score_loss",
        QT_TRANSLATE_NOOP("Criteria", "is '{0}' without the honesty scorer; use score_loss"),
    ),
    (
        r"is (.+); give a share between 0 and 1",
        QT_TRANSLATE_NOOP("Criteria", "is {0}; give a share between 0 and 1"),
    ),
    (
        r"is '(.+)' with scorer '(.+)'; use (.+)",
        QT_TRANSLATE_NOOP("Criteria", "is '{0}' with scorer '{1}'; use {2}"),
    ),
    (
        r"is '(.*)'; give the URL of an OpenAI-compatible API",
        QT_TRANSLATE_NOOP("Criteria", "is '{0}'; give the URL of an OpenAI-compatible API"),
    ),
    (
        r"is empty; say which model judges, and by what rule",
        QT_TRANSLATE_NOOP("Criteria", "is empty; say which model judges, and by what rule"),
    ),
    (
        r"is (.+); give 2 to 10 grades",
        QT_TRANSLATE_NOOP("Criteria", "is {0}; give 2 to 10 grades"),
    ),
    (
        r"is (.+); give 0 or more, such as 0\.01 for 1%",
        QT_TRANSLATE_NOOP("Criteria", "is {0}; give 0 or more, such as 0.01 for 1%"),
    ),
    (
        r"leaves no prompt to decide on; name pressures that the prompts have",
        QT_TRANSLATE_NOOP("Criteria", "leaves no prompt to decide on; name pressures that the prompts have"),
    ),
    (
        r"is '(.+)' and (\d+) prompts have no gold answer, first '(.+)'; add gold answers, or use a judge or ratings",
        QT_TRANSLATE_NOOP(
            "Criteria",
            "is '{0}' and {1} prompts have no gold answer, first '{2}'; add gold answers, or use a judge or ratings",
        ),
    ),
    (
        r"is 'margin' and '(.+)' has no dishonest answer; add one",
        QT_TRANSLATE_NOOP("Criteria", "is 'margin' and '{0}' has no dishonest answer; add one"),
    ),
    (
        r"has no line for language '(.*)'; add one",
        QT_TRANSLATE_NOOP("Criteria", "has no line for language '{0}'; add one"),
    ),
    (
        r"(\d+) are unsteered; give exactly one lane kind = 'unsteered'",
        QT_TRANSLATE_NOOP("Criteria", "{0} are unsteered; give exactly one lane kind = 'unsteered'"),
    ),
    (
        r"has nothing to compare; add a lane with a prompt or with steering",
        QT_TRANSLATE_NOOP("Criteria", "has nothing to compare; add a lane with a prompt or with steering"),
    ),
    (
        r"(\d+) are named '(.+)'; give each its own name",
        QT_TRANSLATE_NOOP("Criteria", "{0} are named '{1}'; give each its own name"),
    ),
    (
        r"is '(.+)'; name a lane that steers, or leave it out",
        QT_TRANSLATE_NOOP("Criteria", "is '{0}'; name a lane that steers, or leave it out"),
    ),
    (
        r"is empty; give the trial a name",
        QT_TRANSLATE_NOOP("Criteria", "is empty; give the trial a name"),
    ),
    (
        r"is missing; add it",
        QT_TRANSLATE_NOOP("Criteria", "is missing; add it"),
    ),
    (
        r"is no key of criteria; remove it or correct its spelling",
        QT_TRANSLATE_NOOP("Criteria", "is no key of criteria; remove it or correct its spelling"),
    ),
    (
        r"is given beside seeds; give one of the two",
        QT_TRANSLATE_NOOP("Criteria", "is given beside seeds; give one of the two"),
    ),
    (
        r"is (.+); give a whole number from 1 to 1000",
        QT_TRANSLATE_NOOP("Criteria", "is {0}; give a whole number from 1 to 1000"),
    ),
    (
        r"no readable (\w+): (.+); correct the text there",
        QT_TRANSLATE_NOOP("Criteria", "no readable {0}: {1}; correct the text there"),
    ),
    (
        r"the text is longer than 256 KiB; shorten it",
        QT_TRANSLATE_NOOP("Criteria", "the text is longer than 256 KiB; shorten it"),
    ),
    (
        r"the text is a (\w+); write a table of keys, starting with name",
        QT_TRANSLATE_NOOP("Criteria", "the text is a {0}; write a table of keys, starting with name"),
    ),
    (
        r"answer '(.+)' names (\d+) numbers; correct it, or use scorer 'contains'",
        QT_TRANSLATE_NOOP("Criteria", "answer '{0}' names {1} numbers; correct it, or use scorer 'contains'"),
    ),
    (
        r"answer '(.+)' is no pattern: (.+); correct it, or use scorer 'contains'",
        QT_TRANSLATE_NOOP(
            "Criteria", "answer '{0}' is no pattern: {1}; correct it, or use scorer 'contains'"
        ),
    ),
    (
        r"is given in a lane of kind '(.+)'; remove it or change the kind",
        QT_TRANSLATE_NOOP("Criteria", "is given in a lane of kind '{0}'; remove it or change the kind"),
    ),
    (
        r"is missing in a lane of kind '(.+)'; give it or change the kind",
        QT_TRANSLATE_NOOP("Criteria", "is missing in a lane of kind '{0}'; give it or change the kind"),
    ),
    (
        r"is missing in a lane of kind 'stage'; name the stage",
        QT_TRANSLATE_NOOP("Criteria", "is missing in a lane of kind 'stage'; name the stage"),
    ),
    (
        r"is empty; write the line",
        QT_TRANSLATE_NOOP("Criteria", "is empty; write the line"),
    ),
    (
        r"has two lines for one language; keep one for each language",
        QT_TRANSLATE_NOOP("Criteria", "has two lines for one language; keep one for each language"),
    ),
    (
        r"is (.+); give a share of the residual norm from (.+) to 1",
        QT_TRANSLATE_NOOP("Criteria", "is {0}; give a share of the residual norm from {1} to 1"),
    ),
    (
        r"is empty; name a steering vector",
        QT_TRANSLATE_NOOP("Criteria", "is empty; name a steering vector"),
    ),
    (
        r"is (.+); use (.+)",
        QT_TRANSLATE_NOOP("Criteria", "is {0}; use {1}"),
    ),
    (
        r"is (.+); it should (.+)",
        QT_TRANSLATE_NOOP("Criteria", "is {0}; it should {1}"),
    ),
)


def fault_text(sentence: str) -> str:
    """A fault, with what is expected."""
    for pattern, source in _FAULTS:
        found = re.fullmatch(pattern, sentence, re.DOTALL)
        if found is not None:
            return QCoreApplication.translate("Criteria", source).format(*found.groups())
    return sentence
