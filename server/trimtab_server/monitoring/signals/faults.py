"""What no statistics is needed for: one reply like this is enough to abort a rollout.

A number that is not finite; a token whose divergence from the unsteered model is above the cap; a reply that
never came out of a repetition loop. The cap on the KL is for neutral questions: under pressure a vector that
works moves replies far, and that is no fault.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from trimtab_server.engine.request import Finished, FinishReason
from trimtab_server.monitoring.signals.names import Signal


def hard_faults(
    signals: Mapping[str, float], finished: Finished, *, kl_cap: float | None = None
) -> tuple[str, ...]:
    """One sentence for each fault, none for a healthy reply. Pure.

    Args:
        signals: those of the reply (`reply_signals`).
        kl_cap: largest divergence of one token, nat; give it for replies to neutral questions only.
    """
    faults = [f"{name} is not finite" for name, value in signals.items() if not math.isfinite(value)]
    if finished.reason is FinishReason.ERROR:
        faults.append(f"the reply ended with an error: {finished.error or 'no reason given'}")
    divergence = signals.get(Signal.KL_LARGEST)
    if kl_cap is not None and divergence is not None and divergence > kl_cap:
        faults.append(
            f"the KL to unsteered of one token is {divergence:.3g} nat, above the cap of {kl_cap:g}"
        )
    if signals.get(Signal.REPETITION_LOOP) == 1.0 and finished.reason is FinishReason.LENGTH:
        faults.append("the reply ran into its length limit inside a repetition loop")
    return tuple(faults)
