"""The connection as the bar and the start page show it."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import QObject, Signal, Slot

from trimtab_gui.bridge import ConnectionStatus, Gateway, Phase


class ConnectionModel(QObject):
    """Follows the gateway. `opened` comes with every new session, when everything has to be read again."""

    changed = Signal()
    opened = Signal()
    # A live connection has just become stale or lost.
    faded = Signal()

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._status = gateway.status
        self._ever_connected = False
        self._stale_since: datetime | None = None
        gateway.statusChanged.connect(self._take)

    @property
    def status(self) -> ConnectionStatus:
        return self._status

    @property
    def is_live(self) -> bool:
        return self._status.live

    @property
    def ever_connected(self) -> bool:
        """Whether this target has answered since it was chosen: then the rooms stay when it goes."""
        return self._ever_connected

    @property
    def stale_since(self) -> datetime | None:
        """Since when what was read is no longer live; None while it is, and while nothing was ever read."""
        return self._stale_since

    @property
    def tokens_per_second(self) -> float | None:
        """Of the whole server; None unless live, so that an old figure is never shown as a new one."""
        info = self._status.info
        return info.tokens_per_second if self.is_live and info is not None else None

    def connect_to(self, target: str, token: str) -> None:
        self._ever_connected = False
        self._gateway.open(target, token)

    def disconnect_from_server(self) -> None:
        self._ever_connected = False
        self._gateway.disconnect_from_server()

    @Slot()
    def retry_now(self) -> None:
        self._gateway.retry_now()

    @Slot(object)
    def _take(self, status: ConnectionStatus) -> None:
        before, self._status = self._status, status
        if status.live:
            self._stale_since = None
        elif before.live:
            self._stale_since = status.since or datetime.now()
        fresh = status.phase is Phase.CONNECTED and status.session != before.session
        if fresh:
            self._ever_connected = True
        self.changed.emit()
        if fresh:
            self.opened.emit()
        if before.live and not status.live:
            self.faded.emit()
