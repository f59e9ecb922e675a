"""What is read of every reply beside what its caller asked for: the monitors' figures."""

from __future__ import annotations

from trimtab_server.engine.errors import EngineError
from trimtab_server.engine.pool import EnginePool
from trimtab_server.engine.request import AffineReadout
from trimtab_server.monitoring.probes import ProbeShelf, engine_form, may_guard
from trimtab_server.monitoring.shadow_share import wants_shadow
from trimtab_server.rollouts.plan import AnalysisPlan
from trimtab_server.steering.snapshot import Steering
from trimtab_server.store.refusal import Refusal


class LiveReadouts:
    """shadow_share: part of the live replies whose KL to unsteered is measured, 0 to 1."""

    def __init__(self, pool: EnginePool, probes: ProbeShelf, shadow_share: float) -> None:
        self._pool = pool
        self._probes = probes
        self._share = shadow_share

    def probe(self, steering: Steering) -> AffineReadout | None:
        found = self._probes.find(steering.stage, steering.vectors)
        return None if found is None else engine_form(found)

    def shadow(self, reply_id: str, stage: str) -> bool:
        """Whether this live reply gets a shadow row. Not while the stage is still being loaded."""
        try:
            load = self._pool.engine(stage).load
        except EngineError:
            return False
        return wants_shadow(reply_id, self._share, load)

    def require_earned(self, plan: AnalysisPlan, steering: Steering) -> None:
        """What may abort has to be worth it: a read-out only with the figures to show for it on this model.

        Raises:
            Refusal: PLAN_INVALID.
        """
        probe = self._probes.find(steering.stage, steering.vectors)
        signals = [one.signal for one in plan.guardrails] + [one.signal for one in plan.hard_limits]
        for signal in signals:
            if not may_guard(signal, probe):
                raise Refusal(
                    "PLAN_INVALID",
                    field="plan",
                    detail=f"{signal} may not abort a rollout here: it is no measure of honesty unless a read-out of "
                    "this stage and vector was recorded with an AUROC of at least .9 at the mean over a reply "
                    "(trimtab readouts fit); make it a monitor",
                )
