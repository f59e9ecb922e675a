"""How long chats stay on this machine, and forgetting them all."""

from __future__ import annotations

from typing import Final, Literal

from PySide6.QtCore import QLocale, Signal, Slot
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QRadioButton, QSpinBox, QWidget

from trimtab_gui.models.chat_record import Kept
from trimtab_gui.models.chat_shelf import ChatShelf
from trimtab_gui.settings import SettingsFile
from trimtab_gui.theme import Theme
from trimtab_gui.views.chat_panel import ChatPanel
from trimtab_gui.views.elements import clock, label, separator, set_tone

Keeping = Literal["days", "forever", "never"]
_CHOICES: Final[tuple[Keeping, ...]] = ("days", "forever", "never")


class RetentionPanel(ChatPanel):
    """Says what is kept and what a choice would delete, before it does."""

    applied = Signal()

    def __init__(self, shelf: ChatShelf, files: SettingsFile, theme: Theme, parent: QWidget) -> None:
        super().__init__(theme, parent, scrolls=True)
        self._shelf = shelf
        self._files = files
        self._kept = Kept()
        self._older = 0
        self._asks_to_forget = False
        self._now = label(wrap=True)
        self._where = label("caption", wrap=True)
        self._question = label("muted", wrap=True)
        self.choices: dict[Keeping, QRadioButton] = {choice: QRadioButton() for choice in _CHOICES}
        self._group = QButtonGroup(self)
        self.days = QSpinBox()
        self.days.setRange(1, 3650)
        self.days.lineEdit().setTextMargins(6, 0, 0, 0)
        self._consequence = label(wrap=True)
        self.apply_button = QPushButton()
        self._forget_text = label(wrap=True)
        self.forget_button = QPushButton()
        self.keep_button = QPushButton()
        set_tone(self.apply_button, "accent")
        set_tone(self.forget_button, "danger")
        set_tone(self.keep_button, "flat")
        self._build()
        self._wire()
        self.retranslate()
        self.restyle()

    def _build(self) -> None:
        for button in self.choices.values():
            self._group.addButton(button)
        row = QHBoxLayout()
        row.addWidget(self.choices["days"])
        row.addWidget(self.days)
        row.addStretch(1)
        forgetting = QHBoxLayout()
        forgetting.addWidget(self.forget_button)
        forgetting.addWidget(self.keep_button)
        forgetting.addStretch(1)
        applying = QHBoxLayout()
        applying.addWidget(self.apply_button)
        applying.addStretch(1)
        self.body.addWidget(self._now)
        self.body.addWidget(self._where)
        self.body.addWidget(self._question)
        self.body.addLayout(row)
        self.body.addWidget(self.choices["forever"])
        self.body.addWidget(self.choices["never"])
        self.body.addWidget(self._consequence)
        self.body.addLayout(applying)
        self.body.addWidget(separator())
        self.body.addWidget(self._forget_text)
        self.body.addLayout(forgetting)
        self.body.addStretch(1)

    def _wire(self) -> None:
        self._group.buttonToggled.connect(self._choice_changed)
        self.days.valueChanged.connect(self._choice_changed)
        self.apply_button.clicked.connect(self.apply)
        self.forget_button.clicked.connect(self.forget)
        self.keep_button.clicked.connect(self._keep)
        self._shelf.changed.connect(self._measure)

    def retranslate(self) -> None:
        super().retranslate()
        self.title.setText(self.tr("Chats on this computer"))
        self._question.setText(self.tr("Keep chats and the prompts you sent"))
        self.choices["days"].setText(self.tr("for"))
        self.choices["days"].setAccessibleName(self.tr("Keep chats for a number of days"))
        self.days.setSuffix(self.tr(" days after the last message"))
        self.days.setAccessibleName(self.tr("Days that chats are kept"))
        self.choices["forever"].setText(self.tr("for ever"))
        self.choices["never"].setText(self.tr("not at all"))
        self.keep_button.setText(self.tr("Keep them"))
        self._show()

    def open(self) -> None:
        """Shows what is kept, with the keyboard in the choice that holds."""
        settings = self._files.settings
        self._asks_to_forget = False
        self.days.setValue(settings.keep_chats_days)
        self.choices[settings.keep_chats].setChecked(True)
        self._show()
        self.show_over(self.choices[settings.keep_chats])
        self._measure()

    def chosen(self) -> Keeping:
        """What is chosen, whether it is applied or not."""
        return next(choice for choice, button in self.choices.items() if button.isChecked())

    @Slot()
    def _choice_changed(self) -> None:
        self._measure()
        self._show()

    @Slot()
    def _measure(self) -> None:
        if self.isVisible():
            self._shelf.measure(self.days.value(), self._measured)

    def _measured(self, result: tuple[Kept, int]) -> None:
        self._kept, self._older = result
        self._show()

    def _show(self) -> None:
        if not any(button.isChecked() for button in self.choices.values()):
            return
        kept, locale = self._kept, QLocale()
        prompts = locale.toString(len(self._files.prompts()))
        chats, messages = locale.toString(kept.chats), locale.toString(kept.messages)
        size = locale.formattedDataSize(kept.bytes, 1)
        self._now.setText(
            self.tr("Kept now: {0} chats with {1} messages ({2}), and {3} prompts you sent.").format(
                chats, messages, size, prompts
            )
            + (" " + self.tr("The oldest began {0}.").format(clock(kept.oldest)) if kept.oldest else "")
        )
        self._where.setText(str(self._files.chats_path or ""))
        goes = {"days": self._older, "forever": 0, "never": kept.chats}[self.chosen()]
        self._consequence.setVisible(goes > 0)
        self._consequence.setText(
            self.tr("Applying this deletes {0} of them for good.").format(locale.toString(goes))
        )
        self.apply_button.setText(self.tr("Delete and apply") if goes else self.tr("Apply"))
        settings = self._files.settings
        self.apply_button.setEnabled(
            (self.chosen(), self.days.value()) != (settings.keep_chats, settings.keep_chats_days)
        )
        self._forget_text.setText(
            self.tr(
                "This deletes {0} chats with {1} messages of every server, the {2} prompts you sent, the chat in the"
                " window and {3} damaged files, for good. Presets, settings and tokens stay."
            ).format(chats, messages, prompts, locale.toString(kept.damaged_files))
            if self._asks_to_forget
            else self.tr("What the server keeps is not touched by this.")
        )
        self.forget_button.setText(
            self.tr("Delete it all") if self._asks_to_forget else self.tr("Forget everything now…")
        )
        self.keep_button.setVisible(self._asks_to_forget)

    @Slot()
    def apply(self) -> None:
        """Remembers the choice and deletes what it no longer allows."""
        settings = self._files.settings
        settings.keep_chats = self.chosen()
        settings.keep_chats_days = self.days.value()
        self._files.save()
        self._shelf.apply_retention()
        self._show()
        self.applied.emit()

    @Slot()
    def forget(self) -> None:
        """Says at first what would be deleted; deletes it at the second press."""
        if not self._asks_to_forget:
            self._asks_to_forget = True
            self._show()
            self.keep_button.setFocus()
            return
        self._asks_to_forget = False
        self._shelf.forget()
        self._show()

    @Slot()
    def _keep(self) -> None:
        self._asks_to_forget = False
        self._show()
        self.forget_button.setFocus()
