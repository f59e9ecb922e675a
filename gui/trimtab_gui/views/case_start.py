"""A new case: what one is, and the templates that it can be started from."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout
from trimtab_client.case_types import CaseTemplate

from trimtab_gui.models.case_words import language
from trimtab_gui.models.cases import NO_TEMPLATE, CasesModel
from trimtab_gui.views.elements import Panel, label, set_tone
from trimtab_gui.views.lengths import limit_width


class TemplateCard(Panel):
    """One template; its button starts a case."""

    chosen = Signal(str, str)

    def __init__(self) -> None:
        super().__init__("card")
        self._template: CaseTemplate | None = None
        self.title = label("heading")
        self.goal = label("", wrap=True)
        self.needs = label("caption", wrap=True)
        self.button = QPushButton()
        set_tone(self.button, "accent")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(8)
        for widget in (self.title, self.goal, self.needs):
            layout.addWidget(widget)
        layout.addStretch(1)
        row = QHBoxLayout()
        row.addWidget(self.button)
        row.addStretch(1)
        layout.addLayout(row)
        self.button.clicked.connect(self._choose)

    def retranslate(self) -> None:
        if self._template is not None:
            self.show_template(self._template)

    def show_template(self, template: CaseTemplate) -> None:
        self._template = template
        japanese = language() == "ja"
        title = template.title_ja if japanese else template.title
        self.title.setText(title)
        self.goal.setText(" ".join((template.goal_ja if japanese else template.goal).split()))
        self.needs.setText(
            self.tr("{0} prompts for each of the two trials; the case says how to collect them.").format(
                template.prompts.prompts
            )
        )
        self.button.setText(self.tr("Start with this"))
        self.button.setAccessibleName(self.tr("Start a case: {0}").format(title))

    @Slot()
    def _choose(self) -> None:
        if self._template is not None:
            self.chosen.emit(self._template.id, self.title.text())


class CaseStart(Panel):
    """The empty page, and the page for a new case."""

    closed = Signal()

    def __init__(self, model: CasesModel) -> None:
        super().__init__()
        self._model = model
        self._title = label("title")
        self._text = label("", wrap=True)
        self._next = label("muted", wrap=True)
        self.cards: list[TemplateCard] = []
        self._cards = QHBoxLayout()
        self._cards.setSpacing(10)
        self.plain_button = QPushButton()
        self.close_button = QPushButton()
        set_tone(self.close_button, "flat")
        inside = Panel()
        limit_width(inside, 1180)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 20, 0, 20)
        column.setSpacing(12)
        for widget in (self._title, self._text, self._next):
            column.addWidget(widget)
        column.addLayout(self._cards)
        row = QHBoxLayout()
        row.addWidget(self.plain_button)
        row.addStretch(1)
        row.addWidget(self.close_button)
        column.addLayout(row)
        column.addStretch(1)
        layout = QHBoxLayout(self)
        layout.addStretch(1)
        layout.addWidget(inside, 30)
        layout.addStretch(1)
        self.plain_button.clicked.connect(self._start_plain)
        self.close_button.clicked.connect(self.closed)
        model.templatesChanged.connect(self._show)
        model.changed.connect(self._show)
        model.busyChanged.connect(self._show_buttons)
        self.retranslate()

    def retranslate(self) -> None:
        self._title.setText(self.tr("One question, from the goal to the decision"))
        self._text.setText(
            self.tr(
                "A case leads from a goal through criteria that are locked beforehand, a small trial, a confirmation on"
                " fresh prompts and a release to the decision to scale or to stop. Its report is what you show to those"
                " who decide."
            )
        )
        self._next.setText(
            self.tr(
                "Choose what comes nearest to your question. Everything can be changed until it is locked."
            )
        )
        self.plain_button.setText(self.tr("Start without a template"))
        self.close_button.setText(self.tr("Cancel"))
        self._show()

    def set_live(self, live: bool) -> None:
        """Nothing can be started without a server."""
        self.setEnabled(live)

    @Slot()
    def _show(self) -> None:
        templates = self._model.templates
        while len(self.cards) < len(templates):
            card = TemplateCard()
            card.chosen.connect(self._start)
            self.cards.append(card)
            self._cards.addWidget(card, 1)
        for place, card in enumerate(self.cards):
            card.setVisible(place < len(templates))
        for card, template in zip(self.cards, templates, strict=False):
            card.show_template(template)
        self.close_button.setVisible(bool(self._model.cases))
        self._show_buttons()

    @Slot()
    def _show_buttons(self) -> None:
        for card in self.cards:
            card.button.setEnabled(not self._model.is_busy)
        self.plain_button.setEnabled(not self._model.is_busy)

    @Slot(str, str)
    def _start(self, template: str, title: str) -> None:
        self._model.create(template, title, language())

    @Slot()
    def _start_plain(self) -> None:
        self._model.create(NO_TEMPLATE, self.tr("New case"), language())
