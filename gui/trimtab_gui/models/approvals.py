"""Decisions that take two admins: what waits, and what became of the others."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, Signal, Slot
from trimtab_client.types import Approval, ApprovalState

from trimtab_gui.bridge import Failure, Gateway
from trimtab_gui.models.telling import TellingModel

SHOWN: Final = 200


class ApprovalsModel(TellingModel):
    changed = Signal()
    # An Approval that was taken back.
    cancelled = Signal(object)

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._approvals: tuple[Approval, ...] = ()
        self._refusal: Failure | None = None

    @property
    def approvals(self) -> tuple[Approval, ...]:
        """Newest first."""
        return self._approvals

    @property
    def waiting(self) -> tuple[Approval, ...]:
        """Those that wait for a second person."""
        return tuple(one for one in self._approvals if one.state is ApprovalState.WAITING)

    @property
    def refusal(self) -> Failure | None:
        """Why the list cannot be shown, such as a role that may not read it."""
        return self._refusal

    @Slot()
    def refresh(self) -> None:
        self._gateway.call(lambda client: client.approvals(limit=SHOWN), self._take, self._refused)

    def cancel(self, name: str, reason: str) -> None:
        """Takes a proposal back."""
        self._gateway.call(
            lambda client: client.cancel_approval(name, reason=reason), self._taken_back, self._not_taken_back
        )

    def _take(self, approvals: tuple[Approval, ...]) -> None:
        self._approvals, self._refusal = approvals, None
        self.changed.emit()

    def _refused(self, failure: Failure) -> None:
        if not failure.means_connection_ended:
            self._refusal = failure
            self.changed.emit()

    def _taken_back(self, approval: Approval) -> None:
        self.refresh()
        self.cancelled.emit(approval)

    def _not_taken_back(self, failure: Failure) -> None:
        self.refresh()
        self.tell_of_change(failure)
