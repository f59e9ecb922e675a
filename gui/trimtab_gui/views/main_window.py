"""The window: the bar, the rail, the rooms, and what the commands do."""

from __future__ import annotations

import base64
from typing import Final

from PySide6.QtCore import QByteArray, QCoreApplication, QEvent, Slot
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMenu, QStackedWidget, QVBoxLayout, QWidget
from trimtab_client import abbreviated
from trimtab_client.types import Revision, Snapshot

from trimtab_gui.bridge import Failure
from trimtab_gui.i18n import Languages
from trimtab_gui.icons import application_icon
from trimtab_gui.models.commands import MENUS
from trimtab_gui.models.messages import describe, in_the_servers_words
from trimtab_gui.models.release import Done
from trimtab_gui.models.workspace import Tone, Workspace
from trimtab_gui.options import PAGES, ROOMS
from trimtab_gui.theme import TEXT_SIZES, Theme
from trimtab_gui.views.alarm_desk import AlarmDesk
from trimtab_gui.views.bar import Bar
from trimtab_gui.views.chat_desk import ChatDesk
from trimtab_gui.views.chat_room import ChatRoom
from trimtab_gui.views.evidence_room import EvidenceRoom
from trimtab_gui.views.pages import Column, Stack, scrolling
from trimtab_gui.views.palette import CommandPalette
from trimtab_gui.views.rail import Rail
from trimtab_gui.views.record_room import RecordRoom
from trimtab_gui.views.release_room import ReleaseRoom
from trimtab_gui.views.rollout_actions import RolloutActions
from trimtab_gui.views.start_page import StartPage
from trimtab_gui.views.strips import ConnectionStrip, NoticeStrip, ReasonStrip
from trimtab_gui.views.system_notice import SystemNotifier
from trimtab_gui.views.vector_actions import VectorActions

DEFAULT_SIZE: Final = (1400, 900)
# Pages scroll below what they need; the bar goes to two rows.
SMALLEST_SIZE: Final = (800, 560)


class MainWindow(QMainWindow):
    """Puts the rooms together and gives the commands their handlers."""

    def __init__(self, workspace: Workspace, theme: Theme, languages: Languages) -> None:
        super().__init__()
        self._workspace = workspace
        self._theme = theme
        self._languages = languages
        self._actions: dict[str, QAction] = {}
        self._menus: dict[str, QMenu] = {}
        self.setWindowIcon(application_icon())
        self.resize(*DEFAULT_SIZE)
        self.setMinimumSize(*SMALLEST_SIZE)
        self._register_commands()
        # Each time a widget finds a parent, all that is in it is polished again: a quarter of the time without.
        with theme.set_aside():
            self._make_rooms()
            self._build()
        self.palette_panel = CommandPalette(workspace.commands, self)
        self._make_menus()
        self._wire()
        self._restore()
        self.retranslate()
        self.show_room("chat")
        self._show_connection()

    # Building ---------------------------------------------------------------------------------------------

    def _make_rooms(self) -> None:
        workspace, theme = self._workspace, self._theme
        self.bar = Bar(workspace, theme)
        self.rail = Rail(workspace.commands, theme)
        self.connection_strip = ConnectionStrip(workspace)
        self.notice = NoticeStrip()
        self.reason = ReasonStrip()
        self.start_page = StartPage(workspace)
        self.chat = ChatRoom(workspace, theme)
        self.evidence = EvidenceRoom(workspace, theme)
        self.release = ReleaseRoom(workspace, theme)
        self.record = RecordRoom(workspace)
        self._rooms = dict(zip(ROOMS, (self.chat, self.evidence, self.release, self.record), strict=True))
        self.stack = Stack()
        self._pages = QStackedWidget()
        self.rollout_actions = RolloutActions(workspace, self.reason, self.notice, self, self)
        self.vector_actions = VectorActions(workspace, theme, self.chat.dock, self._show_vectors, self)
        self.system_notifier = SystemNotifier(self)
        self.alarm_desk = AlarmDesk(workspace, self, self.notice, self, self.system_notifier)
        self.chat_desk = ChatDesk(workspace, self.chat, self.notice, theme, self.show_room, self)

    def _build(self) -> None:
        for room in self._rooms.values():
            self.stack.add(room)
        rooms = QWidget()
        row = QHBoxLayout(rooms)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(Column(self.rail))
        row.addWidget(self.stack, 1)
        working = QWidget()
        column = QVBoxLayout(working)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget in (self.bar, self.connection_strip, self.reason, self.notice):
            column.addWidget(widget)
        column.addWidget(rooms, 1)
        self._start = scrolling(self.start_page)
        self._pages.addWidget(self._start)
        self._pages.addWidget(working)
        self._working = working
        self.setCentralWidget(self._pages)

    def _register_commands(self) -> None:
        workspace = self._workspace
        commands = workspace.commands
        for command, run, enabled in (
            ("connection.change", self.show_start_page, _always),
            ("connection.retry", workspace.connection.retry_now, self._can_retry),
            ("application.quit", self._quit, _always),
            ("chat.compose", self._compose, _always),
            ("chat.stop", workspace.conversation.stop, self._is_replying),
            ("chat.regenerate", workspace.conversation.regenerate, self._can_regenerate),
            ("chat.clear", workspace.conversation.clear, self._has_conversation),
            ("chat.add_lane", self._add_lane, self._can_add_lane),
            ("chat.cycle_readout", self._cycle_readout, _always),
            ("chat.send_key", self.toggle_send_key, _always),
            ("release.rollback", self.ask_rollback, self._can_roll_back),
            ("release.undo_rollback", self.ask_undo_rollback, self._can_undo_rollback),
            ("release.unsteered", self.unsteered_now, self._can_go_unsteered),
            ("release.create", self._create_snapshot, self._can_create),
            ("release.canary", self._run_canary, self._can_run_canary),
            ("rollout.show", self.show_rollout, _always),
            ("monitors.show", self.show_monitors, _always),
            ("evidence.stale", self._explain_stale, self._is_live),
            ("approvals.show", self.show_approvals, _always),
            ("room.chat", self._open_chat, _always),
            ("room.evidence", self._open_evidence, _always),
            ("room.release", self._open_release, _always),
            ("room.record", self._open_record, _always),
            ("view.side_panel", self.toggle_side_panel, _always),
            ("view.palette", self._open_palette, _always),
            ("view.larger_text", self.larger_text, self._can_enlarge),
            ("view.smaller_text", self.smaller_text, self._can_shrink),
            ("view.usual_text", self.usual_text, self._can_shrink),
            ("view.theme", self.toggle_theme, _always),
            ("view.language", self.toggle_language, _always),
        ):
            commands.register(command, run, enabled)

    def _make_menus(self) -> None:
        for menu in MENUS:
            self._menus[menu] = self.menuBar().addMenu("")
        for spec in self._workspace.commands.specs():
            action = QAction(self)
            action.setData(spec.id)
            keys = [key for key in (spec.shortcut, spec.second_shortcut) if key]
            action.setShortcuts([QKeySequence(key) for key in keys])
            action.triggered.connect(self._run_action)
            self._actions[spec.id] = action
            self._menus[spec.menu].addAction(action)

    def _wire(self) -> None:
        workspace = self._workspace
        workspace.connection.changed.connect(self._show_connection)
        workspace.commands.changed.connect(self._refresh_actions)
        workspace.release.succeeded.connect(self._tell_success)
        workspace.failed.connect(self._tell_failure)
        self.rail.roomChosen.connect(self.show_room)
        self.evidence.showRequested.connect(self._open_evidence)
        self.evidence.case_desk.rolloutRequested.connect(self.new_rollout)
        self.evidence.case_desk.placeRequested.connect(self.show_room)
        self.record.approvals.agreeRequested.connect(self.rollout_actions.agree)
        self.record.approvals.cancelRequested.connect(self.rollout_actions.ask_cancel)
        self.release.snapshots.activationRequested.connect(self.ask_activation)
        self.release.snapshots.rollbackRequested.connect(self.ask_rollback_to)
        self._theme.changed.connect(self._remember_looks)
        self._languages.changed.connect(self._remember_looks)

    def _restore(self) -> None:
        settings = self._workspace.files.settings
        if settings.geometry:
            self.restoreGeometry(QByteArray(base64.b64decode(settings.geometry)))
        self.chat.side.setVisible(settings.side_panel)
        self.chat.send_with_control_enter(settings.send_with_control_enter)
        if self._workspace.files.problem:
            self.notice.tell(
                self.tr("Your settings could not be read and start afresh: {0}").format(
                    self._workspace.files.problem.splitlines()[0]
                ),
                Tone.WARNING,
            )

    def retranslate(self) -> None:
        self.setWindowTitle("Trimtab")
        for name, menu in self._menus.items():
            menu.setTitle(QCoreApplication.translate("Commands", MENUS[name]))
        for command, action in self._actions.items():
            action.setText(self._workspace.commands.spec(command).translated_title)
        self._refresh_actions()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retranslate()
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.system_notifier.hide()
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.palette_panel.hide()

    def closeEvent(self, event: QCloseEvent) -> None:
        settings = self._workspace.files.settings
        settings.geometry = base64.b64encode(self.saveGeometry().data()).decode()
        settings.side_panel = not self.chat.side.isHidden()
        self._workspace.files.save()
        self.vector_actions.close()
        self._workspace.shut_down()
        super().closeEvent(event)

    # Rooms ------------------------------------------------------------------------------------------------

    @Slot(str)
    def show_room(self, room: str) -> None:
        """Opens a room, or one of its pages by the page's own name."""
        match room:
            case "cases" | "trials" | "studies":
                self.evidence.tabs.setCurrentWidget(getattr(self.evidence, room))
            case "monitors":
                self.release.show_monitors()
            case "rollout":
                self.release.show_rollout()
            case "approvals":
                self.record.show_approvals()
        room = PAGES.get(room, room)
        self.stack.setCurrentWidget(self._rooms[room])
        self.rail.show_room(room)
        if room == "record" and self._workspace.connection.is_live:
            self._workspace.audit.refresh()

    @Slot()
    def show_start_page(self) -> None:
        """Back to the first page; the connection is given up."""
        settings = self._workspace.files.settings
        target = self._workspace.connection.status.target or settings.target
        self._workspace.connection.disconnect_from_server()
        self.start_page.fill(target, self._workspace.files.token_for(target))
        self._show_connection()

    @Slot()
    def _show_connection(self) -> None:
        working = self._workspace.connection.ever_connected
        page = self._working if working else self._start
        if self._pages.currentWidget() is not page:
            self._pages.setCurrentWidget(page)
            (self.chat.composer if working else self.start_page.target_field).setFocus()
        self.menuBar().setVisible(working)

    def show_rollout(self) -> None:
        self.show_room("rollout")

    def new_rollout(self, candidate: str = "") -> None:
        """Opens the panel for a new rollout; `candidate` is a snapshot's name."""
        self.show_room("rollout")
        self.release.rollout.open_new(candidate)

    def show_monitors(self) -> None:
        self.show_room("monitors")

    def show_approvals(self) -> None:
        self.show_room("approvals")

    def _open_chat(self) -> None:
        self.show_room("chat")

    def _open_evidence(self) -> None:
        self.show_room("evidence")

    def _open_release(self) -> None:
        self.show_room("release")

    def _open_record(self) -> None:
        self.show_room("record")

    # Commands ---------------------------------------------------------------------------------------------

    @Slot()
    def _run_action(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self._workspace.commands.run(str(action.data()))

    @Slot()
    def _refresh_actions(self) -> None:
        for command, action in self._actions.items():
            action.setEnabled(self._workspace.commands.is_enabled(command))

    def _is_live(self) -> bool:
        return self._workspace.connection.is_live

    def _explain_stale(self) -> None:
        self.alarm_desk.explain_stale()

    def _can_retry(self) -> bool:
        return not self._workspace.connection.is_live

    def _is_replying(self) -> bool:
        return self._workspace.conversation.is_busy

    def _has_conversation(self) -> bool:
        return not self._workspace.conversation.is_empty

    def _can_regenerate(self) -> bool:
        conversation = self._workspace.conversation
        return self._workspace.connection.is_live and not conversation.is_empty and not conversation.is_busy

    def _can_add_lane(self) -> bool:
        return len(self._workspace.conversation.lanes) < 4

    def _can_roll_back(self) -> bool:
        return self._workspace.connection.is_live and self._workspace.release.can_roll_back

    def _can_undo_rollback(self) -> bool:
        release = self._workspace.release
        return (
            self._workspace.connection.is_live and not release.is_busy and release.undo_target() is not None
        )

    def _can_go_unsteered(self) -> bool:
        release = self._workspace.release
        return (
            self._workspace.connection.is_live
            and not release.is_busy
            and release.active is not None
            and not release.active.snapshot.is_unsteered
        )

    def _can_create(self) -> bool:
        return self._workspace.connection.is_live and bool(self._workspace.steering.enabled_names())

    def _can_run_canary(self) -> bool:
        return self._workspace.connection.is_live and not self._workspace.monitors.canary_is_running

    def _quit(self) -> None:
        self.close()

    def _compose(self) -> None:
        self.show_room("chat")
        self.chat.composer.setFocus()

    def _add_lane(self) -> None:
        self.show_room("chat")
        self.chat.add_lane()

    def _cycle_readout(self) -> None:
        self.chat.cycle_readout()

    def _show_vectors(self) -> None:
        self.show_room("chat")
        self.chat.side.show()

    def _create_snapshot(self) -> None:
        self._show_vectors()
        self.chat.dock.open_form()

    def _run_canary(self) -> None:
        self._workspace.monitors.run_canary()

    def _open_palette(self) -> None:
        self.palette_panel.open()

    def toggle_side_panel(self) -> None:
        self.chat.side.setVisible(self.chat.side.isHidden())

    def toggle_send_key(self) -> None:
        settings = self._workspace.files.settings
        settings.send_with_control_enter = not settings.send_with_control_enter
        self.chat.send_with_control_enter(settings.send_with_control_enter)
        self._workspace.files.save()

    def toggle_theme(self) -> None:
        self._theme.choose("light" if self._theme.is_dark else "dark")

    def larger_text(self) -> None:
        self._theme.choose_text_size(self._theme.next_text_size(1))

    def smaller_text(self) -> None:
        self._theme.choose_text_size(self._theme.next_text_size(-1))

    def usual_text(self) -> None:
        self._theme.choose_text_size(TEXT_SIZES[0])

    def _can_enlarge(self) -> bool:
        return self._theme.text_percent < TEXT_SIZES[-1]

    def _can_shrink(self) -> bool:
        return self._theme.text_percent > TEXT_SIZES[0]

    def toggle_language(self) -> None:
        self._languages.choose("en" if self._languages.language == "ja" else "ja")

    @Slot()
    def _remember_looks(self) -> None:
        settings = self._workspace.files.settings
        settings.theme = "dark" if self._theme.is_dark else "light"
        settings.text_size = self._theme.text_percent
        settings.language = "ja" if self._languages.language == "ja" else "en"
        self._workspace.files.save()
        self._refresh_actions()

    # Releasing and rolling back ---------------------------------------------------------------------------

    def _title(self, snapshot_name: str) -> str:
        snapshot = self._workspace.release.snapshot(snapshot_name)
        if snapshot is None:
            return abbreviated(snapshot_name)
        return snapshot.display_name or abbreviated(snapshot.name)

    def _active_title(self) -> str:
        active = self._workspace.release.active
        return "–" if active is None else self._title(active.snapshot.name)

    @Slot(str)
    def ask_activation(self, snapshot: str) -> None:
        """Asks why; then activates against the revision that is on the screen now."""
        active = self._workspace.release.active
        if active is None:
            return
        request = _Activation(self._workspace, snapshot, active.revision.number)
        self.reason.ask(
            self.tr("Activate “{0}” in place of “{1}”, from the next request on?").format(
                self._title(snapshot), self._active_title()
            ),
            self.tr("Activate"),
            request.run,
            tone=Tone.PLAIN,
        )

    @Slot()
    def ask_rollback(self) -> None:
        """Asks why; then goes back to the snapshot before."""
        target = self._workspace.release.rollback_target()
        self._ask_rollback("", self._title(target.snapshot) if target is not None else "")

    @Slot(str)
    def ask_rollback_to(self, snapshot: str) -> None:
        self._ask_rollback(snapshot, self._title(snapshot))

    def _ask_rollback(self, snapshot: str, title: str) -> None:
        request = _Rollback(self._workspace, snapshot)
        question = self.tr("Roll back from “{0}” to “{1}”?").format(self._active_title(), title)
        if self._workspace.rollouts.in_force is not None:
            question += " " + self.tr("The rollout ends too. To end nothing else, abort it instead.")
        self.reason.ask(
            question,
            self.tr("Roll back"),
            request.run,
            tone=Tone.DANGER,
            option=self.tr("Stop running replies too"),
        )

    def ask_undo_rollback(self) -> None:
        """Asks why; then activates what was active before the last rollback."""
        target = self._workspace.release.undo_target()
        if target is not None:
            self.ask_activation(target.snapshot)

    def unsteered_now(self) -> None:
        """No question asked: the reason says how it was done, and the notice offers the way back."""
        self._workspace.release.unsteered_now(self.tr("“Unsteered now” pressed in the desktop client"))

    @Slot(object, object)
    def _tell_success(self, done: Done, result: Revision | Snapshot) -> None:
        if isinstance(result, Snapshot):
            title = result.display_name or abbreviated(result.name)
            request = _Ask(self, result.name)
            self.notice.tell(
                self.tr("Snapshot “{0}” created. Nobody gets it until it is activated.").format(title),
                Tone.GOOD,
                self.tr("Activate…"),
                request.run,
            )
            return
        title = result.snapshot_display_name or self._title(result.snapshot)
        match done:
            case Done.ACTIVATED:
                text = self.tr("“{0}” is active as revision {1}.").format(title, result.number)
                self.notice.tell(text, Tone.GOOD)
            case Done.ROLLED_BACK:
                text = self.tr("Rolled back: “{0}” is active as revision {1}.").format(title, result.number)
                self._tell_rolled_back(text, Tone.GOOD, self.tr("Undo: back to “{0}”…"), result)
            case _:
                text = self.tr("Unsteered since revision {0}: every new request gets the model as it is.")
                self._tell_rolled_back(
                    text.format(result.number), Tone.WARNING, self.tr("Back to “{0}”…"), result
                )

    def _tell_rolled_back(self, text: str, tone: Tone, action: str, result: Revision) -> None:
        """With the way back, which is another rollback."""
        before = next(
            (known for known in self._workspace.release.revisions if known.number == result.number - 1), None
        )
        if before is None or before.snapshot == result.snapshot:
            self.notice.tell(text, tone)
            return
        request = _AskRollback(self, before.snapshot)
        self.notice.tell(text, tone, action.format(self._title(before.snapshot)), request.run)

    @Slot(object)
    def _tell_failure(self, failure: Failure) -> None:
        if self.rollout_actions.tell_refusal(failure):
            return
        self.notice.tell(describe(failure), Tone.DANGER, detail=in_the_servers_words(failure))


def _always() -> bool:
    return True


class _Activation:
    """One activation that waits for its reason."""

    def __init__(self, workspace: Workspace, snapshot: str, expected_revision: int) -> None:
        self._workspace = workspace
        self._snapshot = snapshot
        self._expected_revision = expected_revision

    def run(self, reason: str, _option: bool) -> None:
        self._workspace.release.activate(self._snapshot, reason, self._expected_revision)


class _Rollback:
    """One rollback that waits for its reason."""

    def __init__(self, workspace: Workspace, snapshot: str) -> None:
        self._workspace = workspace
        self._snapshot = snapshot

    def run(self, reason: str, cancel_running: bool) -> None:
        self._workspace.release.roll_back(reason, self._snapshot, cancel_running)


class _Ask:
    """What the notice about a new snapshot offers."""

    def __init__(self, window: MainWindow, snapshot: str) -> None:
        self._window = window
        self._snapshot = snapshot

    def run(self) -> None:
        self._window.ask_activation(self._snapshot)


class _AskRollback:
    """What the notice about a rollback offers: another one."""

    def __init__(self, window: MainWindow, snapshot: str) -> None:
        self._window = window
        self._snapshot = snapshot

    def run(self) -> None:
        self._window.ask_rollback_to(self._snapshot)
