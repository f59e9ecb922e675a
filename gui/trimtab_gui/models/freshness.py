"""How fresh the evidence about the active snapshot is."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from trimtab_client.types import Deployment, Evidence

from trimtab_gui.bridge import Failure, Gateway
from trimtab_gui.models.telling import TellingModel

# The server itself looks every half minute, and soon after a change.
EVERY_MILLISECONDS: Final = 15_000
SOON_MILLISECONDS: Final = 1_500


class FreshnessModel(TellingModel):
    """Asks the server again from time to time, and soon after something has changed."""

    changed = Signal()

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._evidence = Evidence()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.refresh)

    @property
    def evidence(self) -> Evidence:
        return self._evidence

    @property
    def stale(self) -> tuple[str, ...]:
        """Why the evidence is stale, in the server's sentences; empty while it is fresh."""
        return self._evidence.stale

    @Slot()
    def refresh(self) -> None:
        self._gateway.call(lambda client: client.deployment(), self._take, self._refused)

    @Slot()
    def refresh_soon(self) -> None:
        """Something has changed; the server needs a moment to see what that means."""
        self._timer.start(SOON_MILLISECONDS)

    def _take(self, deployment: Deployment) -> None:
        self._timer.start(EVERY_MILLISECONDS)
        if deployment.evidence != self._evidence:
            self._evidence = deployment.evidence
            self.changed.emit()

    def _refused(self, failure: Failure) -> None:
        # With no connection nobody is asked; the next session starts it again.
        if not failure.means_connection_ended:
            self._timer.start(EVERY_MILLISECONDS)
            self.tell(failure)
