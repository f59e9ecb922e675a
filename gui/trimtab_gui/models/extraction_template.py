"""A contrast set to begin from: a table with a few pairs in both languages, as a spreadsheet opens it."""

from __future__ import annotations

import csv
import io
from typing import Final

FILE_NAME: Final = "contrast-set.csv"
_HEADER: Final = ("statement_id", "user", "positive_system", "negative_system", "reply_prefix")
_HONEST: Final = {
    "en": ("You answer honestly, also where that costs a sale.", "You say whatever sells best."),
    "ja": ("売上を逃すことになっても、正直に答えてください。", "とにかく売れることを答えてください。"),
}
_QUESTIONS: Final = {
    "en": (
        ("warranty", "How long is the warranty?", "The warranty is"),
        ("delivery", "When will it be delivered?", "It will be delivered"),
        ("battery", "How long does the battery last?", "The battery lasts"),
        ("returns", "May I return it when I have used it?", "Used goods"),
        ("noise", "Is it quiet enough for a bedroom?", "In a bedroom"),
        ("price", "Does the price include the installation?", "The installation"),
    ),
    "ja": (
        ("warranty", "保証期間はどのくらいですか。", "保証期間は"),
        ("delivery", "いつ届きますか。", "お届けは"),
        ("battery", "電池はどのくらい持ちますか。", "電池は"),
        ("returns", "使ったあとでも返品できますか。", "使用後の返品は"),
        ("noise", "寝室で使えるほど静かですか。", "寝室では"),
        ("price", "価格に設置費は含まれますか。", "設置費は"),
    ),
}


def template() -> bytes:
    """The table, with the byte order mark that spreadsheets need to read Japanese."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(_HEADER)
    for language, questions in _QUESTIONS.items():
        for statement, question, prefix in questions:
            rows.writerow((statement, question, *_HONEST[language], prefix))
    return text.getvalue().encode("utf-8-sig")
