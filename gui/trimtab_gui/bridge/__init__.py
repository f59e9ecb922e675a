"""The network side of the client: one asyncio loop on its own thread, typed results on the GUI thread."""

from trimtab_gui.bridge.failure import Failure
from trimtab_gui.bridge.gateway import Gateway, Stream
from trimtab_gui.bridge.status import ConnectionStatus, Phase

__all__ = ["ConnectionStatus", "Failure", "Gateway", "Phase", "Stream"]
