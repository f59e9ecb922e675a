"""One lane's conversation as one document: text that can be selected across messages, coloured token by token."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, QUrl, Signal, Slot
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QHelpEvent,
    QResizeEvent,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextFrameFormat,
    QTextLength,
)
from PySide6.QtWidgets import QTextBrowser, QToolButton, QToolTip, QWidget
from trimtab_client.types import Role, TokenReadout

from trimtab_gui.color_scale import ColorScale, Readout, bin_format
from trimtab_gui.icons import icon
from trimtab_gui.models.conversation import Turn, TurnState
from trimtab_gui.models.messages import describe
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import number


@dataclass(frozen=True)
class _Span:
    """Where a token lies in the document."""

    start: int
    end: int
    token: TokenReadout


class Transcript(QTextBrowser):
    """Renders turns; while a reply streams only its end is touched.

    It follows the end until the operator scrolls away, and again once they scroll back: the latch turns on what the
    operator does, never on how far away the end is.
    """

    # "copy", "edit" or "regenerate", and the index of the turn.
    actionRequested = Signal(str, int)
    # What there is to say about the token under the caret.
    tokenDescribed = Signal(str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "transcript")
        self.setUndoRedoEnabled(False)
        self.setOpenLinks(False)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextBrowserInteraction | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(8)
        self._theme = theme
        self._turns: list[Turn] = []
        self._spans: list[_Span] = []
        self._readout = Readout.OFF
        self._scale = ColorScale(1.0, True)
        self._formats: list[QTextCharFormat] = []
        self._reply_start = 0
        self._placeholder_shown = False
        self._welcome = ""
        # Whether the last turn's state and its links stand at the end.
        self._outcome_shown = False
        self._follows = True
        self._latest = QToolButton(self)
        self._latest.setAutoRaise(False)
        self._latest.setIconSize(QSize(16, 16))
        self._latest.clicked.connect(self.follow)
        self._latest.hide()
        self.anchorClicked.connect(self._open)
        self.cursorPositionChanged.connect(self._describe_caret)
        self.verticalScrollBar().actionTriggered.connect(self._scrolled)
        self.verticalScrollBar().rangeChanged.connect(self._range_changed)
        self.restyle()
        self.retranslate()

    @property
    def follows(self) -> bool:
        return self._follows

    def retranslate(self) -> None:
        self._latest.setText("")
        self._latest.setToolTip(self.tr("Go to the latest text"))
        self._latest.setAccessibleName(self.tr("Go to the latest text"))

    def restyle(self) -> None:
        """Takes the colours of the look that is on."""
        tokens = self._theme.tokens
        self._formats = [bin_format(index, self._scale.diverging, tokens) for index in range(11)]
        self._latest.setIcon(icon("latest", tokens.accent))

    # Rendering --------------------------------------------------------------------------------------------

    def set_welcome(self, text: str) -> None:
        """What an empty lane says. Not Qt's placeholder, which is cut after its first line."""
        if text == self._welcome:
            return
        self._welcome = text
        if not self._turns:
            self.show_turns(self._turns, self._readout, self._scale)

    def show_turns(self, turns: list[Turn], readout: Readout, scale: ColorScale) -> None:
        """Renders the whole conversation."""
        self._turns = turns
        self._readout = readout
        self._scale = scale
        self.restyle()
        self._spans = []
        self._outcome_shown = False
        place = self.verticalScrollBar().value()
        self.clear()
        cursor = self._end()
        cursor.beginEditBlock()
        if not turns:
            cursor.insertText(self._welcome, self._muted())
        for index in range(len(turns)):
            self._insert_turn(cursor, index)
        cursor.endEditBlock()
        if self._follows:
            self.follow()
        else:
            self.verticalScrollBar().setValue(place)

    def extend(self, tokens: list[TokenReadout]) -> None:
        """Adds tokens to the reply at the end."""
        cursor = self._end()
        cursor.beginEditBlock()
        if self._placeholder_shown:
            self._drop_from(self._reply_start)
            cursor = self._end()
        self._insert_tokens(cursor, tokens)
        cursor.endEditBlock()
        self._keep_up()

    def finish(self) -> None:
        """Shows the state of the last turn, now that it has changed."""
        if not self._turns or self._turns[-1].role is not Role.ASSISTANT:
            return
        turn, index = self._turns[-1], len(self._turns) - 1
        if self._outcome_shown or (turn.is_open and turn.tokens):
            return
        cursor = self._end()
        cursor.beginEditBlock()
        if turn.tokens and self._readout is not Readout.OFF and not self._placeholder_shown:
            # The tokens stand there already.
            self._insert_outcome(cursor, index)
        else:
            self._drop_from(self._reply_start)
            cursor = self._end()
            self._insert_reply(cursor, index)
        cursor.endEditBlock()
        self._keep_up()

    def _insert_turn(self, cursor: QTextCursor, index: int) -> None:
        turn = self._turns[index]
        if turn.role is Role.USER:
            self._insert_user(cursor, index)
            return
        if cursor.block().length() > 1:
            self._new_block(cursor, top=6)
        else:
            # The empty block that follows the frame of the question.
            cursor.setBlockFormat(_spaced(6))
        self._reply_start = cursor.position()
        self._insert_reply(cursor, index)

    def _insert_user(self, cursor: QTextCursor, index: int) -> None:
        tokens = self._theme.tokens
        frame = QTextFrameFormat()
        frame.setBackground(QBrush(QColor(tokens.raised)))
        frame.setBorder(1)
        frame.setBorderBrush(QBrush(QColor(tokens.border)))
        frame.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        frame.setPadding(8)
        frame.setTopMargin(0 if index == 0 else 12)
        frame.setBottomMargin(8)
        frame.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
        if index == 0:
            # A document begins with a block of its own: as low as it can be.
            low = QTextBlockFormat()
            low.setLineHeight(1, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
            cursor.setBlockFormat(low)
        inside = cursor.insertFrame(frame).firstCursorPosition()
        inside.insertText(self._turns[index].text, self._plain())
        self._new_block(inside, top=2)
        self._insert_links(inside, index, (("edit", self.tr("Edit and resend")), ("copy", self.tr("Copy"))))
        cursor.movePosition(QTextCursor.MoveOperation.End)

    def _insert_reply(self, cursor: QTextCursor, index: int) -> None:
        turn = self._turns[index]
        self._outcome_shown = False
        self._placeholder_shown = turn.is_open and not turn.tokens
        if self._placeholder_shown:
            cursor.insertText(self.tr("Waiting for the first token…"), self._muted())
            return
        if self._readout is Readout.OFF and not turn.is_open and turn.text.strip():
            cursor.insertMarkdown(turn.text)
            cursor.movePosition(QTextCursor.MoveOperation.End)
        else:
            self._insert_tokens(cursor, turn.tokens)
        if not turn.is_open:
            self._insert_outcome(cursor, index)

    def _insert_tokens(self, cursor: QTextCursor, tokens: list[TokenReadout]) -> None:
        plain = self._plain()
        for token in tokens:
            value = value_of(token, self._readout)
            start = cursor.position()
            if value is None:
                cursor.insertText(token.text, plain)
            else:
                cursor.insertText(token.text, self._formats[self._scale.bin_of(value)])
            if token.text:
                self._spans.append(_Span(start, cursor.position(), token))

    def _insert_outcome(self, cursor: QTextCursor, index: int) -> None:
        turn = self._turns[index]
        self._outcome_shown = index == len(self._turns) - 1
        note = {
            TurnState.STOPPED: self.tr("Stopped. What had come is kept."),
            TurnState.FAILED: self.tr("Broken off. What had come is kept."),
        }.get(turn.state, "")
        if note:
            self._new_block(cursor, top=6)
            alarm = self._muted()
            alarm.setForeground(QBrush(QColor(self._theme.tokens.danger)))
            if turn.state is TurnState.STOPPED:
                alarm.setForeground(QBrush(QColor(self._theme.tokens.warning)))
            if turn.failure is not None:
                note = describe(turn.failure) if not turn.tokens else f"{note} {describe(turn.failure)}"
            cursor.insertText(note, alarm)
        self._new_block(cursor, top=4)
        links = [("copy", self.tr("Copy"))] if turn.text else []
        if index == len(self._turns) - 1:
            links.insert(0, ("regenerate", self.tr("Regenerate")))
        self._insert_links(cursor, index, tuple(links))

    def _insert_links(self, cursor: QTextCursor, index: int, links: tuple[tuple[str, str], ...]) -> None:
        for place, (action, text) in enumerate(links):
            if place:
                cursor.insertText("   ", self._muted())
            link = self._muted()
            link.setAnchor(True)
            link.setAnchorHref(f"turn:{action}/{index}")
            cursor.insertText(text, link)

    def _new_block(self, cursor: QTextCursor, top: int) -> None:
        cursor.insertBlock(_spaced(top), self._plain())

    def _plain(self) -> QTextCharFormat:
        result = QTextCharFormat()
        result.setForeground(QBrush(QColor(self._theme.tokens.text)))
        return result

    def _muted(self) -> QTextCharFormat:
        result = QTextCharFormat()
        result.setForeground(QBrush(QColor(self._theme.tokens.muted)))
        result.setFontPointSize(9)
        result.setFontWeight(QFont.Weight.Normal)
        return result

    def _end(self) -> QTextCursor:
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        return cursor

    def _drop_from(self, position: int) -> None:
        cursor = QTextCursor(self.document())
        cursor.setPosition(position)
        cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
        cursor.removeSelectedText()
        self._placeholder_shown = False
        self._spans = [span for span in self._spans if span.end <= position]

    # Following the end ------------------------------------------------------------------------------------

    @Slot()
    def follow(self) -> None:
        self._follows = True
        self._keep_up()
        self._latest.hide()

    def _keep_up(self) -> None:
        if self._follows:
            bar = self.verticalScrollBar()
            bar.setValue(bar.maximum())

    @Slot(int)
    def _scrolled(self, action: int) -> None:
        """The operator moved the scroll bar, by whatever means."""
        bar = self.verticalScrollBar()
        self._follows = bar.sliderPosition() >= bar.maximum()
        self._show_latest()

    @Slot(int, int)
    def _range_changed(self, low: int, high: int) -> None:
        self._keep_up()
        self._show_latest()

    def _show_latest(self) -> None:
        bar = self.verticalScrollBar()
        self._latest.setVisible(not self._follows and bar.maximum() > 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        size = self._latest.sizeHint()
        area = self.viewport().geometry()
        self._latest.setGeometry(
            area.right() - size.width() - 8, area.bottom() - size.height() - 8, size.width(), size.height()
        )
        self._keep_up()

    # Asking about a token ---------------------------------------------------------------------------------

    def token_at(self, position: int) -> TokenReadout | None:
        """The token at a position of the document."""
        place = bisect_right(self._spans, position, key=_start) - 1
        if place < 0 or position >= self._spans[place].end:
            return None
        return self._spans[place].token

    def describe_token(self, token: TokenReadout) -> str:
        """Every figure of a token in one line."""
        figures = [
            (self.tr("projection"), token.projection),
            (self.tr("entropy"), token.entropy),
            (self.tr("KL to unsteered"), token.kl_to_unsteered),
            (self.tr("log-probability"), token.log_probability),
        ]
        known = ", ".join(f"{name} {number(value, 3)}" for name, value in figures if value is not None)
        return self.tr("“{0}”: {1}").format(token.text.strip() or token.text, known)

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            self._show_tooltip(event.pos(), event.globalPos())
            return True
        return super().event(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
            self.show_turns(self._turns, self._readout, self._scale)
        super().changeEvent(event)

    def _show_tooltip(self, place: QPoint, everywhere: QPoint) -> None:
        inside = self.viewport().mapFrom(self, place)
        token = self.token_at(self.cursorForPosition(inside).position())
        if token is None:
            QToolTip.hideText()
        else:
            QToolTip.showText(everywhere, self.describe_token(token), self)

    @Slot()
    def _describe_caret(self) -> None:
        token = self.token_at(self.textCursor().position())
        self.tokenDescribed.emit("" if token is None else self.describe_token(token))

    @Slot(QUrl)
    def _open(self, url: QUrl) -> None:
        action, _, index = url.path().partition("/")
        if url.scheme() == "turn" and index.isdigit():
            self.actionRequested.emit(action, int(index))


def value_of(token: TokenReadout, readout: Readout) -> float | None:
    """The figure of a token that a read-out colours by."""
    match readout:
        case Readout.PROJECTION:
            return token.projection
        case Readout.ENTROPY:
            return token.entropy
        case Readout.KL_TO_UNSTEERED:
            return token.kl_to_unsteered
        case Readout.OFF:
            return None


def _spaced(top: int) -> QTextBlockFormat:
    block = QTextBlockFormat()
    block.setTopMargin(top)
    return block


def _start(span: _Span) -> int:
    return span.start
