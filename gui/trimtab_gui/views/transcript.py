"""One lane's conversation as one document: text that can be selected across messages, coloured token by token."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, QTimer, QUrl, Signal, Slot
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
from PySide6.QtWidgets import QTextBrowser, QTextEdit, QToolButton, QToolTip, QWidget
from trimtab_client.types import Role, TokenReadout

from trimtab_gui.color_scale import ColorScale, Readout, bin_format
from trimtab_gui.icons import icon
from trimtab_gui.models.chat_text import Folding
from trimtab_gui.models.conversation import Turn, TurnState
from trimtab_gui.models.messages import describe
from trimtab_gui.theme import Theme
from trimtab_gui.views.elements import number
from trimtab_gui.views.lengths import scaled

# As much of a long chat as is rendered at a time; the rest is a link away.
TURNS_SHOWN: Final = 60
TOKENS_SHOWN: Final = 6000
# Turns that such a link adds.
TURNS_ADDED: Final = 40
MARKS_AT_MOST: Final = 500
# Tokens that take another colour without the window being drawn in between.
RECOLOURED_AT_ONCE: Final = 2000


@dataclass(frozen=True)
class _Span:
    """Where a token lies in the document."""

    start: int
    end: int
    token: TokenReadout


class Transcript(QTextBrowser):
    """Renders turns, of a long chat the last ones; while a reply streams only its end is touched.

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
        # The turns that are rendered, from and up to; and where the words of each stand.
        self._window = (0, 0)
        self._extents: dict[int, tuple[int, int]] = {}
        self._count_before = 0
        self._folding = Folding()
        self._marked = ""
        # The turn, and which of its places, that the search is at.
        self._mark_here: tuple[int, int] | None = None
        self._readout = Readout.OFF
        self._scale = ColorScale(1.0, True)
        self._formats: list[QTextCharFormat] = []
        self._reply_start = 0
        self._placeholder_shown = False
        self._welcome = ""
        # Whether the last turn's state and its links stand at the end.
        self._outcome_shown = False
        self._follows = True
        # Tokens up to this one have the colours of an earlier scale still.
        self._recoloured_from = 0
        self._recolouring = QTimer(self)
        self._recolouring.setSingleShot(True)
        self._recolouring.timeout.connect(self._recolour_some)
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
            self._render()

    def show_turns(self, turns: list[Turn], readout: Readout, scale: ColorScale) -> None:
        """Renders a conversation: where one was before, or the end of another or a longer one.

        Another scale alone gives what stands there other colours, a part at a time: a long reply has tens of thousands.
        """
        same = turns is self._turns and len(turns) == self._count_before and readout is self._readout
        if same and scale != self._scale:
            self._scale = scale
            self.restyle()
            self._recoloured_from = len(self._spans)
            self._recolour_some()
            return
        if turns is not self._turns or len(turns) != self._count_before:
            self._window = self._last_window(turns)
        self._turns = turns
        self._count_before = len(turns)
        self._readout = readout
        self._scale = scale
        self._render()

    def _last_window(self, turns: list[Turn]) -> tuple[int, int]:
        """The turns at the end that are shown at first; the last question and its reply at least."""
        first, tokens = len(turns), 0
        while first > 0 and len(turns) - first < TURNS_SHOWN:
            tokens += turns[first - 1].token_count
            if tokens > TOKENS_SHOWN and len(turns) - first >= 2:
                break
            first -= 1
        return first, len(turns)

    def _render(self) -> None:
        self.restyle()
        self._recolouring.stop()
        self._spans = []
        self._extents = {}
        self._outcome_shown = False
        place = self.verticalScrollBar().value()
        self.clear()
        first, last = self._window
        cursor = self._end()
        cursor.beginEditBlock()
        if not self._turns:
            cursor.insertText(self._welcome, self._muted())
        if first > 0:
            self._insert_links(cursor, 0, (("earlier", self.tr("{0} earlier messages").format(first)),))
        for index in range(first, last):
            self._insert_turn(cursor, index)
        if last < len(self._turns):
            self._new_block(cursor, top=12)
            later = self.tr("{0} later messages").format(len(self._turns) - last)
            self._insert_links(cursor, 0, (("later", later),))
        cursor.endEditBlock()
        self._show_marks()
        if self._follows and self._is_at_end:
            self.follow()
        else:
            self.verticalScrollBar().setValue(place)
            self._show_latest()

    @Slot()
    def _recolour_some(self) -> None:
        """From the end, which is what is looked at, to the beginning."""
        last = min(self._recoloured_from, len(self._spans))
        first = max(0, last - RECOLOURED_AT_ONCE)
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        for span in self._spans[first:last]:
            value = value_of(span.token, self._readout)
            if value is not None:
                cursor.setPosition(span.start)
                cursor.setPosition(span.end, QTextCursor.MoveMode.KeepAnchor)
                cursor.setCharFormat(self._formats[self._scale.bin_of(value)])
        cursor.endEditBlock()
        self._recoloured_from = first
        if first:
            self._recolouring.start()

    @property
    def _is_at_end(self) -> bool:
        return self._window[1] == len(self._turns)

    def _move_window(self, first: int, last: int, top: int) -> None:
        """Renders other turns, with turn `top` where the eye expects it."""
        self._follows = False
        self._window = (first, last)
        self._render()
        if top in self._extents:
            cursor = QTextCursor(self.document())
            cursor.setPosition(self._extents[top][0])
            bar = self.verticalScrollBar()
            bar.setValue(bar.value() + self.cursorRect(cursor).top() - 24)
        self._show_latest()

    def show_earlier(self) -> None:
        """Adds turns before the first one shown."""
        first, last = self._window
        start = max(0, first - TURNS_ADDED)
        self._move_window(start, min(last, start + TURNS_SHOWN + TURNS_ADDED), first)

    def show_later(self) -> None:
        """Adds turns after the last one shown."""
        first, last = self._window
        end = min(len(self._turns), last + TURNS_ADDED)
        self._move_window(max(first, end - TURNS_SHOWN - TURNS_ADDED), end, last - 1)

    # Words looked for -------------------------------------------------------------------------------------

    def mark(self, folded: str, here: tuple[int, int] | None = None) -> None:
        """Marks every place of a folded query; `here` is the turn, and which of its places, to be shown."""
        self._marked = folded
        self._mark_here = here
        if here is None:
            self._show_marks()
            return
        turn = here[0]
        if turn < len(self._turns) and not self._window[0] <= turn < self._window[1]:
            start = max(0, turn - TURNS_ADDED // 2)
            self._move_window(start, min(len(self._turns), start + TURNS_ADDED), turn)
        current = self._show_marks()
        if current is not None:
            self._follows = False
            # Selected as well as coloured, which screen readers say.
            self.setTextCursor(current)
            self.ensureCursorVisible()
            self._show_latest()

    @property
    def marks(self) -> int:
        """How many places are marked."""
        return len(self.extraSelections())

    def _show_marks(self) -> QTextCursor | None:
        selections: list[QTextEdit.ExtraSelection] = []
        current: QTextCursor | None = None
        for turn, (start, end) in self._extents.items() if self._marked else ():
            found = self._found(start, end)
            here = self._mark_here[1] if self._mark_here and self._mark_here[0] == turn else None
            for place, cursor in enumerate(found[: MARKS_AT_MOST - len(selections)]):
                is_here = here is not None and place == min(here, len(found) - 1)
                selection = QTextEdit.ExtraSelection()
                # Set from Python these two are attributes, whatever the stubs say.
                selection.cursor = cursor
                selection.format = self._mark_format(is_here)
                selections.append(selection)
                current = cursor if is_here else current
        self.setExtraSelections(selections)
        return current

    def _found(self, start: int, end: int) -> list[QTextCursor]:
        """The places of the query between two positions of the document."""
        region = QTextCursor(self.document())
        region.setPosition(start)
        region.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        text = region.selectedText()
        result = []
        for first, last in self._folding.find(text, self._marked):
            cursor = QTextCursor(self.document())
            cursor.setPosition(start + _units(text[:first]))
            cursor.setPosition(start + _units(text[:last]), QTextCursor.MoveMode.KeepAnchor)
            result.append(cursor)
        return result

    def _mark_format(self, is_here: bool) -> QTextCharFormat:
        tokens = self._theme.tokens
        result = QTextCharFormat()
        result.setBackground(QBrush(QColor(tokens.accent if is_here else tokens.warning_soft)))
        result.setForeground(QBrush(QColor(tokens.on_accent if is_here else tokens.text)))
        result.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
        return result

    # Growing ----------------------------------------------------------------------------------------------

    def extend(self, tokens: list[TokenReadout]) -> None:
        """Adds tokens to the reply at the end."""
        if not self._is_at_end:
            return
        cursor = self._end()
        cursor.beginEditBlock()
        if self._placeholder_shown:
            self._drop_from(self._reply_start)
            cursor = self._end()
        self._insert_tokens(cursor, tokens)
        self._extents[len(self._turns) - 1] = (self._reply_start, cursor.position())
        cursor.endEditBlock()
        self._keep_up()

    def finish(self) -> None:
        """Shows the state of the last turn, now that it has changed."""
        if not self._turns or self._turns[-1].role is not Role.ASSISTANT or not self._is_at_end:
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
        if self._marked:
            self._show_marks()
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
        start = inside.position()
        inside.insertText(self._turns[index].text, self._plain())
        self._extents[index] = (start, inside.position())
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
        start = cursor.position()
        if self._readout is Readout.OFF and not turn.is_open and turn.text.strip():
            cursor.insertMarkdown(turn.text)
            cursor.movePosition(QTextCursor.MoveOperation.End)
        elif turn.text and not turn.tokens:
            # What a crash left has no figures.
            cursor.insertText(turn.text, self._plain())
        else:
            self._insert_tokens(cursor, turn.tokens)
        self._extents[index] = (start, cursor.position())
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
            TurnState.INTERRUPTED: self.tr("Interrupted: the client ended before this reply did."),
        }.get(turn.state, "")
        if note:
            self._new_block(cursor, top=6)
            alarm = self._muted()
            alarm.setForeground(QBrush(QColor(self._theme.tokens.danger)))
            if turn.state in (TurnState.STOPPED, TurnState.INTERRUPTED):
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
        result.setFontPointSize(scaled(90) / 10)
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
        self._extents = {turn: extent for turn, extent in self._extents.items() if extent[1] <= position}

    # Following the end ------------------------------------------------------------------------------------

    @Slot()
    def follow(self) -> None:
        """Goes to the end and stays there."""
        self._follows = True
        if not self._is_at_end:
            self._window = self._last_window(self._turns)
            self._render()
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
        self._follows = self._is_at_end and bar.sliderPosition() >= bar.maximum()
        self._show_latest()

    @Slot(int, int)
    def _range_changed(self, low: int, high: int) -> None:
        self._keep_up()
        self._show_latest()

    def _show_latest(self) -> None:
        bar = self.verticalScrollBar()
        self._latest.setVisible(not self._follows and (bar.maximum() > 0 or not self._is_at_end))

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
            self._render()
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
        if url.scheme() != "turn":
            return
        if action == "earlier":
            self.show_earlier()
        elif action == "later":
            self.show_later()
        elif index.isdigit():
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


def _units(text: str) -> int:
    """The length of a text as Qt counts it, in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
