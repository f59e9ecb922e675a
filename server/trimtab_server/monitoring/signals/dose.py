"""What the steering did to the forward pass.

residual_norm_ratio: norm of the residual stream where it is watched, over its median norm on neutral text, mean
over a reply. steering_share: layer-token pairs at which a non-zero row was applied, over those asked for.

Can tell: a share other than 1 is a defect of the server, never of the text: the reply was not steered as its
snapshot says. A ratio far above a reference's is a dose the model was not made for.
Cannot tell: whether the dose is a good one; below an overdose the ratio hardly moves. Of a reply that no vector
was asked for there is no share; of one whose condition did not let it through neither.
"""

from __future__ import annotations

import math
from statistics import fmean

from trimtab_server.monitoring.signals.names import Signal
from trimtab_server.monitoring.signals.reading import ReadReply


def read(reply: ReadReply) -> dict[str, float]:
    """The ratio is left out where it was not read."""
    found: dict[str, float] = {}
    ratios = [token.residual_norm_ratio for token in reply.tokens if token.residual_norm_ratio is not None]
    if ratios:
        found[Signal.RESIDUAL_NORM_RATIO] = fmean(ratios)
    applied = reply.finished.steering_applications
    expected = reply.finished.steering_applications_expected
    if expected:
        found[Signal.STEERING_SHARE] = applied / expected
    elif applied:
        found[Signal.STEERING_SHARE] = math.inf
    return found
