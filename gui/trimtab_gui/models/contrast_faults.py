"""What the server finds at fault in a contrast set, in the operator's language.

The server writes one English sentence for each fault; it is recognised by its form and said again. What is unknown is
shown as it was written.
"""

from __future__ import annotations

import re
from typing import Final

from PySide6.QtCore import QCoreApplication

from trimtab_gui.i18n import QT_TRANSLATE_NOOP

# Pattern of the server's sentence, and ours with its groups.
_FAULTS: Final = (
    (
        r"not UTF-8; save the file as UTF-8",
        QT_TRANSLATE_NOOP("ContrastSet", "not UTF-8; save the file as UTF-8"),
    ),
    (r"not CSV: (.+)", QT_TRANSLATE_NOOP("ContrastSet", "not CSV: {0}")),
    (r"not JSON: (.+)", QT_TRANSLATE_NOOP("ContrastSet", "not JSON: {0}")),
    (
        r"unknown columns (.+); separate columns by commas; known are (.+) \(a file of JSON lines begins with"
        r" a brace\)",
        QT_TRANSLATE_NOOP(
            "ContrastSet",
            "unknown columns {0}; separate columns by commas. Known are {1}, if this is a table",
        ),
    ),
    (
        r"unknown columns (.+); known are (.+) \(a file of JSON lines begins with a brace\)",
        QT_TRANSLATE_NOOP("ContrastSet", "unknown columns {0}; known are {1}, if this is a table"),
    ),
    (r"columns (.+) occur twice", QT_TRANSLATE_NOOP("ContrastSet", "columns {0} occur twice")),
    (
        r"the column statement_id is missing; rows about one statement share it, so that none is in both splits",
        QT_TRANSLATE_NOOP(
            "ContrastSet",
            "the column statement_id is missing; rows about one statement share it, so that none is in both splits",
        ),
    ),
    (
        r"the prompts are in the columns positive and negative, or in user for both sides, or in positive_text and"
        r" negative_text; use one of these ways",
        QT_TRANSLATE_NOOP(
            "ContrastSet",
            "the prompts are in the columns positive and negative, or in user for both sides, or in positive_text and"
            " negative_text; use one of these ways",
        ),
    ),
    (
        r"(\S+) and (\S+) exclude each other; (\S+) is for both sides",
        QT_TRANSLATE_NOOP("ContrastSet", "{0} and {1} exclude each other; {2} is for both sides"),
    ),
    (
        r"the row has (\S+) cells, the header (\S+) columns",
        QT_TRANSLATE_NOOP("ContrastSet", "the row has {0} cells, the header {1} columns"),
    ),
    (
        r"(\S+) goes with a message, not with (\S+)_text",
        QT_TRANSLATE_NOOP("ContrastSet", "{0} goes with a message, not with {1}_text"),
    ),
    (r"the positive side is empty", QT_TRANSLATE_NOOP("ContrastSet", "the positive side is empty")),
    (r"the negative side is empty", QT_TRANSLATE_NOOP("ContrastSet", "the negative side is empty")),
    (
        r"split is missing, and line (\S+) has one; give it in every line or in none",
        QT_TRANSLATE_NOOP(
            "ContrastSet", "split is missing, and line {0} has one; give it in every line or in none"
        ),
    ),
    (
        r'split is (.+); use "train" or "dev"',
        QT_TRANSLATE_NOOP("ContrastSet", 'split is {0}; use "train" or "dev"'),
    ),
    (r"(\S+) is no list", QT_TRANSLATE_NOOP("ContrastSet", "{0} is no list")),
    (
        r"(\S+)\.role is (.+); use one of (.+)",
        QT_TRANSLATE_NOOP("ContrastSet", "{0}.role is {1}; use one of {2}"),
    ),
    (
        r"(.+) is missing or is no object; it holds (.+)",
        QT_TRANSLATE_NOOP("ContrastSet", "{0} is missing or is no object; it holds {1}"),
    ),
    (
        r"(.+) has unknown keys (.+); known are (.+)",
        QT_TRANSLATE_NOOP("ContrastSet", "{0} has unknown keys {1}; known are {2}"),
    ),
    (
        r"(\S+) is missing or is no text",
        QT_TRANSLATE_NOOP("ContrastSet", "{0} is missing or is no text"),
    ),
    (
        r"(\S+) holds half of a surrogate pair, which is no character",
        QT_TRANSLATE_NOOP("ContrastSet", "{0} holds half of a surrogate pair, which is no character"),
    ),
    (r"(\S+) is empty", QT_TRANSLATE_NOOP("ContrastSet", "{0} is empty")),
    (
        r"a prompt needs either messages or a non-empty text, and not both",
        QT_TRANSLATE_NOOP("ContrastSet", "a prompt needs either messages or a non-empty text, and not both"),
    ),
    (
        r"reply_prefix goes with messages; put it at the end of text instead",
        QT_TRANSLATE_NOOP(
            "ContrastSet", "reply_prefix goes with messages; put it at the end of text instead"
        ),
    ),
    (
        r"messages must end with a user message; put the beginning of the reply into reply_prefix",
        QT_TRANSLATE_NOOP(
            "ContrastSet",
            "messages must end with a user message; put the beginning of the reply into reply_prefix",
        ),
    ),
    (
        r'there is no pair with split "train"; at least one is needed',
        QT_TRANSLATE_NOOP("ContrastSet", 'there is no pair with split "train"; at least one is needed'),
    ),
    (
        r"id (.+) is used twice; each pair needs its own",
        QT_TRANSLATE_NOOP("ContrastSet", "id {0} is used twice; each pair needs its own"),
    ),
    (
        r"statement (.+) is both in train and in dev; a held-out pair must be about a statement the direction was not"
        r" made from",
        QT_TRANSLATE_NOOP(
            "ContrastSet",
            "statement {0} is both in train and in dev; a held-out pair must be about a statement the direction was"
            " not made from",
        ),
    ),
    (
        r"the prompts are messages, but the model's tokenizer has no chat template; give each as text",
        QT_TRANSLATE_NOOP(
            "ContrastSet",
            "the prompts are messages, but the model's tokenizer has no chat template; give each as text",
        ),
    ),
    (
        r'position "answer_mean" needs an answer, and the prompt has none',
        QT_TRANSLATE_NOOP("ContrastSet", 'position "answer_mean" needs an answer, and the prompt has none'),
    ),
    (r"the prompt has no token", QT_TRANSLATE_NOOP("ContrastSet", "the prompt has no token")),
    (
        r"nothing is left to average but the first token, which never counts",
        QT_TRANSLATE_NOOP(
            "ContrastSet", "nothing is left to average but the first token, which never counts"
        ),
    ),
)
# Where it is, before what it is.
_PLACES: Final = (
    (r"(positive|negative): (.+)", QT_TRANSLATE_NOOP("ContrastSet", "{0}: {1}")),
    (
        r"pair (.+), (positive|negative) side: (.+)",
        QT_TRANSLATE_NOOP("ContrastSet", "pair {0}, {1} side: {2}"),
    ),
    (
        r"the (positive|negative) side of pair (.+?): (.+)",
        QT_TRANSLATE_NOOP("ContrastSet", "pair {1}, {0} side: {2}"),
    ),
)


def fault_text(sentence: str) -> str:
    """A fault, with where it is and what is expected."""
    for pattern, source in _PLACES:
        found = re.fullmatch(pattern, sentence, re.DOTALL)
        if found is not None:
            *where, fault = found.groups()
            return QCoreApplication.translate("ContrastSet", source).format(*where, fault_text(fault))
    for pattern, source in _FAULTS:
        found = re.fullmatch(pattern, sentence, re.DOTALL)
        if found is not None:
            return QCoreApplication.translate("ContrastSet", source).format(*found.groups())
    return sentence
