"""The audit records as the Record room lists them."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QObject, Signal
from trimtab_client.types import AuditLog, AuditRecord

from trimtab_gui.bridge import Failure, Gateway

SHOWN: Final = 1000


class AuditModel(QObject):
    changed = Signal()
    failed = Signal(object)

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._log = AuditLog((), "", 0)
        self._refusal: Failure | None = None

    @property
    def records(self) -> tuple[AuditRecord, ...]:
        """Newest first."""
        return self._log.records

    @property
    def head(self) -> str:
        return self._log.head

    @property
    def record_count(self) -> int:
        return self._log.record_count

    @property
    def refusal(self) -> Failure | None:
        """Why the records cannot be shown, such as a role that may not read them."""
        return self._refusal

    def refresh(self) -> None:
        self._gateway.call(lambda client: client.audit_records(limit=SHOWN), self._take, self._refused)

    def _take(self, log: AuditLog) -> None:
        self._log = log
        self._refusal = None
        self.changed.emit()

    def _refused(self, failure: Failure) -> None:
        if failure.means_connection_ended:
            return
        self._refusal = failure
        self.changed.emit()
