"""Which live replies get a shadow row: a second slot that reads the same tokens unsteered."""

from __future__ import annotations

from trimtab_server.engine.engine import EngineLoad
from trimtab_server.sequential.conformal import fraction


def wants_shadow(reply_id: str, share: float, load: EngineLoad) -> bool:
    """Whether this reply is among the sampled share and there is room for its shadow.

    Drawn from the reply's id, so that neither the prompt nor the snapshot has a say. Under load nothing is
    sampled, and figures of busy hours are fewer: a shadow never takes the slot of somebody who waits.
    """
    half_free = 2 * load.slots_in_use < load.slots
    room = load.slots - load.slots_in_use >= 2 and not load.queued_requests
    return half_free and room and fraction(f"shadow/{reply_id}") < share
