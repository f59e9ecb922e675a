"""A vector's card: what it is, in tokens, texts and resemblances."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QVBoxLayout
from trimtab_client import ProjectedText, Resemblance, TokenChange, VectorCard

from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.extraction_words import card_findings, concept_name, number, words
from trimtab_gui.models.table import Column, RowsModel
from trimtab_gui.views.elements import Panel, Table, label
from trimtab_gui.views.findings import Findings

_SHOWN_TOKENS = 10
_SHOWN_TEXTS = 3
_ORIGINS = {
    "positive": QT_TRANSLATE_NOOP("Extraction", "the side to steer towards"),
    "negative": QT_TRANSLATE_NOOP("Extraction", "the other side"),
    "neutral": QT_TRANSLATE_NOOP("Extraction", "neutral text"),
}


def _verdict(row: tuple[Resemblance, float]) -> str:
    own, chance = row
    if own.weak:
        return words(QT_TRANSLATE_NOOP("Extraction", "no clear direction here"))
    if abs(own.cosine) > chance:
        return words(QT_TRANSLATE_NOOP("Extraction", "⚠ beyond chance"))
    return words(QT_TRANSLATE_NOOP("Extraction", "✓ as by chance"))


_COLUMNS = (
    Column[tuple[Resemblance, float]](
        QT_TRANSLATE_NOOP("Tables", "Resembles"), lambda row: concept_name(row[0].concept)
    ),
    Column[tuple[Resemblance, float]](QT_TRANSLATE_NOOP("Tables", "Layer"), lambda row: str(row[0].layer)),
    Column[tuple[Resemblance, float]](
        QT_TRANSLATE_NOOP("Tables", "Cosine"), lambda row: number(row[0].cosine, 2)
    ),
    Column[tuple[Resemblance, float]](QT_TRANSLATE_NOOP("Tables", "Which means"), _verdict),
)


class CardView(Panel):
    """Shows a card."""

    def __init__(self) -> None:
        super().__init__()
        self._card: VectorCard | None = None
        self.findings = Findings()
        self._headings = {name: label("heading") for name in ("tokens", "texts", "alike")}
        self.raised = label(wrap=True)
        self.lowered = label(wrap=True)
        self.texts = label("muted", wrap=True)
        self.table = Table()
        self._rows: RowsModel[tuple[Resemblance, float]] = RowsModel(_COLUMNS, self)
        self.table.setModel(self._rows)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for widget in (
            self.findings,
            self._headings["tokens"],
            self.raised,
            self.lowered,
            self._headings["texts"],
            self.texts,
            self._headings["alike"],
            self.table,
        ):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.retranslate()

    def retranslate(self) -> None:
        self._headings["tokens"].setText(self.tr("Words it moves"))
        self._headings["texts"].setText(self.tr("Texts at its ends"))
        self._headings["alike"].setText(self.tr("What else it may be"))
        self.table.setAccessibleName(self.tr("What else it may be"))
        self._rows.retranslate()
        self._show()

    def show_card(self, card: VectorCard | None) -> None:
        if card is not self._card:
            self._card = card
            self._show()

    def _show(self) -> None:
        card = self._card
        if card is None:
            return
        self.findings.show_findings(card_findings(card))
        self.raised.setText(self.tr("More likely: {0}").format(_tokens(card.raised)))
        self.lowered.setText(self.tr("Less likely: {0}").format(_tokens(card.lowered)))
        lines = [
            self.tr("Highest (layer {0}):").format(card.extremes_layer),
            *_texts(card.highest),
            self.tr("Lowest:"),
            *_texts(card.lowest),
        ]
        self.texts.setText("\n".join(lines))
        layers = card.setting.layers if card.setting is not None else ()
        rows = [(own, card.chance_cosine) for own in card.resemblances if own.layer in layers]
        self._rows.replace(rows)
        self.table.fit_columns(110)
        self.table.fit_rows(8)


def _tokens(changes: Sequence[TokenChange]) -> str:
    return "  ".join(f"“{own.token.strip() or own.token}”" for own in changes[:_SHOWN_TOKENS]) or "–"


def _texts(texts: Sequence[ProjectedText]) -> list[str]:
    found = []
    for own in texts[:_SHOWN_TEXTS]:
        origin = words(_ORIGINS[own.origin]) if own.origin in _ORIGINS else own.origin
        text = own.text if len(own.text) <= 160 else f"…{own.text[-160:]}"
        found.append(f"{number(own.projection, 2)}  [{origin}] {text}")
    return found
