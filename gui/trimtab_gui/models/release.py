"""Snapshots, revisions, and the active pointer: what is released, and the way back."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QObject, Signal
from trimtab_client.types import (
    ActiveChange,
    FieldChange,
    InFlight,
    Revision,
    RevisionKind,
    Sampling,
    Snapshot,
    Steering,
)

from trimtab_gui.bridge import Failure, Gateway, Stream
from trimtab_gui.models.telling import TellingModel


class Done(StrEnum):
    """What has just succeeded."""

    CREATED = "created"
    ACTIVATED = "activated"
    ROLLED_BACK = "rolled_back"
    UNSTEERED = "unsteered"


class ReleaseModel(TellingModel):
    """Reads the history and changes it; what is active is only what the server's watch says."""

    snapshotsChanged = Signal()
    revisionsChanged = Signal()
    # ActiveChange.
    activeChanged = Signal(object)
    # base, other, tuple[FieldChange, ...].
    diffReady = Signal(str, str, object)
    # Done, Revision | Snapshot.
    succeeded = Signal(object, object)
    busyChanged = Signal()

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._snapshots: tuple[Snapshot, ...] = ()
        self._revisions: tuple[Revision, ...] = ()
        self._active: ActiveChange | None = None
        self._watch: Stream | None = None
        self._pending: Done | None = None
        self._asked_diff = ("", "")

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        return self._snapshots

    @property
    def revisions(self) -> tuple[Revision, ...]:
        return self._revisions

    @property
    def active(self) -> ActiveChange | None:
        return self._active

    @property
    def is_busy(self) -> bool:
        """Whether a change is under way; a second one waits for it."""
        return self._pending is not None

    def snapshot(self, name: str) -> Snapshot | None:
        return next((snapshot for snapshot in self._snapshots if snapshot.name == name), None)

    @property
    def can_roll_back(self) -> bool:
        return self.rollback_target() is not None and not self.is_busy

    def rollback_target(self) -> Revision | None:
        """The revision whose snapshot a plain rollback brings back: the last that was not itself undone.

        Only a preview for the operator; the server decides.
        """
        undone = {revision.rolled_back for revision in self._revisions if revision.rolled_back}
        standing = [
            revision
            for revision in self._revisions
            if revision.kind is not RevisionKind.ROLLBACK and revision.number not in undone
        ]
        if self._active is None:
            return None
        current = self._active.snapshot.name
        return next((revision for revision in standing if revision.snapshot != current), None)

    def undo_target(self) -> Revision | None:
        """The revision that the last rollback took away; None unless that rollback is what is active now."""
        last, before = next(iter(self._revisions), None), next(iter(self._revisions[1:]), None)
        if last is None or before is None or self._active is None:
            return None
        stands = last.number == self._active.revision.number and last.kind is RevisionKind.ROLLBACK
        return before if stands and before.snapshot != last.snapshot else None

    # Reading ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Watches the active snapshot and reads the lists; called for every new session."""
        if self._watch is not None:
            self._watch.cancel()
        self._set_pending(None)
        self._watch = self._gateway.stream(
            lambda client: client.watch_active(), self._take_changes, self._watch_ended
        )
        self.refresh()

    def refresh(self) -> None:
        self._gateway.call(lambda client: client.snapshots(), self._take_snapshots, self._quiet)
        self._gateway.call(lambda client: client.revisions(limit=500), self._take_revisions, self._quiet)

    def diff(self, base: str, other: str) -> None:
        """Asks what changes from `base` to `other`; the answer to an older question is dropped."""
        self._asked_diff = (base, other)
        answer = _Diff(self, base, other)
        self._gateway.call(lambda client: client.diff_snapshots(base, other), answer.done, self.tell)

    # Changing ---------------------------------------------------------------------------------------------

    def create(self, steering: Steering, sampling: Sampling, name: str, description: str) -> None:
        self._set_pending(Done.CREATED)
        self._gateway.call(
            lambda client: client.create_snapshot(
                steering, sampling=sampling, display_name=name, description=description
            ),
            self._changed,
            self._refused,
        )

    def activate(self, snapshot: str, reason: str, expected_revision: int) -> None:
        """`expected_revision` is the one the operator saw: another one makes the server refuse."""
        self._set_pending(Done.ACTIVATED)
        self._gateway.call(
            lambda client: client.activate_snapshot(
                snapshot, reason=reason, expected_revision=expected_revision
            ),
            self._changed,
            self._refused,
        )

    def roll_back(self, reason: str, snapshot: str = "", cancel_running: bool = False) -> None:
        in_flight = InFlight.CANCEL if cancel_running else InFlight.FINISH
        self._set_pending(Done.ROLLED_BACK)
        self._gateway.call(
            lambda client: client.rollback(snapshot, reason=reason, in_flight=in_flight),
            self._changed,
            self._refused,
        )

    def unsteered_now(self, reason: str) -> None:
        self._set_pending(Done.UNSTEERED)
        self._gateway.call(
            lambda client: client.rollback(reason=reason, unsteered=True), self._changed, self._refused
        )

    # From the server --------------------------------------------------------------------------------------

    def _set_pending(self, pending: Done | None) -> None:
        self._pending = pending
        self.busyChanged.emit()

    def _changed(self, result: Revision | Snapshot) -> None:
        done = self._pending
        self._set_pending(None)
        if isinstance(result, Snapshot) and self.snapshot(result.name) is None:
            self._take_snapshots((result, *self._snapshots))
        self.refresh()
        if done is not None:
            self.succeeded.emit(done, result)

    def _refused(self, failure: Failure) -> None:
        self._set_pending(None)
        self.refresh()
        self.tell_of_change(failure)

    def _take_changes(self, changes: list[ActiveChange]) -> None:
        self._active = changes[-1]
        self.activeChanged.emit(self._active)
        self.refresh()

    def _watch_ended(self, failure: Failure | None) -> None:
        """The session ends with its watches; the next one opens them again."""
        self._watch = None
        if failure is not None:
            self.tell(failure)

    def _take_snapshots(self, snapshots: tuple[Snapshot, ...]) -> None:
        self._snapshots = snapshots
        self.snapshotsChanged.emit()

    def _take_revisions(self, revisions: tuple[Revision, ...]) -> None:
        self._revisions = revisions
        self.revisionsChanged.emit()

    def _take_diff(self, base: str, other: str, changes: tuple[FieldChange, ...]) -> None:
        if (base, other) == self._asked_diff:
            self.diffReady.emit(base, other, changes)

    def _quiet(self, failure: Failure) -> None:
        """A list that could not be read because the connection ended is read again with the next session."""
        self.tell(failure)


class _Diff:
    """Remembers which pair an answer belongs to."""

    def __init__(self, model: ReleaseModel, base: str, other: str) -> None:
        self._model = model
        self._pair = (base, other)

    def done(self, changes: tuple[FieldChange, ...]) -> None:
        self._model._take_diff(*self._pair, changes)
