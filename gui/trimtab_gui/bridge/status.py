"""Where the connection stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trimtab_client.types import ServerInfo

from trimtab_gui.bridge.failure import Failure


class Phase(StrEnum):
    IDLE = "idle"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    # The connection stands, but nothing has come for a while.
    STALE = "stale"
    # It was there and is gone, or never answered; tried again with growing pauses.
    LOST = "lost"
    # It answered and refuses us; not tried again by itself.
    REFUSED = "refused"


@dataclass(frozen=True)
class ConnectionStatus:
    """One state of the connection. `session` grows with every new connection: what was read before is then old."""

    phase: Phase = Phase.IDLE
    target: str = ""
    since: datetime | None = None
    session: int = 0
    info: ServerInfo | None = None
    failure: Failure | None = None
    next_try: datetime | None = None

    @property
    def live(self) -> bool:
        return self.phase is Phase.CONNECTED
