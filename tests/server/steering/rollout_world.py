"""What the tests of rollouts share: a plan, and looks as the judge would make them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trimtab_server.rollouts.findings import Finding, Look, NextAction
from trimtab_server.rollouts.observations import Observation
from trimtab_server.rollouts.plan import Analysis, AnalysisPlan, Guardrail, Pause, SetWeight, Shadow
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.steering import rollout_looks, rollout_steps
from trimtab_server.store import audit, rollouts
from trimtab_server.store.audit import AuditRecord
from trimtab_server.store.database import Database
from trimtab_server.store.requests import Origin
from trimtab_server.store.rollouts import RolloutRecord

OPERATOR = Origin("tokens/a", "operator", "RolloutService/Any")

HONEST = Guardrail(
    "honest under pressure",
    "honest",
    "canary",
    "paired_outcome",
    "at_least",
    1.0,
    limit=-0.02,
    margin=0.1,
    kind="hard_pressure",
)
#: Step 0 is the shadow, 1 a weight, 2 a pause for a person, 3 a weight, 4 the last analysis.
PLAN = AnalysisPlan(
    "small",
    (Shadow(30), SetWeight(10), Pause(), SetWeight(50), Analysis(looks=2, non_inferiority=True)),
    (HONEST,),
)


class Rollouts:
    """The steps on one database, with a clock that moves by itself."""

    def __init__(self, database: Database, stable: str, candidate: str) -> None:
        self.database = database
        self.stable = stable
        self.candidate = candidate
        self.time = 1_000

    def _call(self, step: Any, origin: Origin = OPERATOR, **facts: Any) -> RolloutRecord:
        self.time += 1
        changed: RolloutRecord = step(self.database, **{"time": self.time, "origin": origin} | facts)
        return changed

    def create(self, **facts: Any) -> RolloutRecord:
        given = {"deployment": "default", "candidate": self.candidate, "plan": PLAN} | facts
        return self._call(rollout_steps.create_rollout, **given)

    def started(self, **facts: Any) -> RolloutRecord:
        return self.start(self.create(**facts))

    def start(self, rollout: RolloutRecord, **facts: Any) -> RolloutRecord:
        return self._call(rollout_steps.start_rollout, rollout=rollout.id, **facts)

    def pause(self, rollout: RolloutRecord, **facts: Any) -> RolloutRecord:
        return self._call(rollout_steps.pause, rollout=rollout.id, **facts)

    def resume(self, rollout: RolloutRecord, **facts: Any) -> RolloutRecord:
        return self._call(rollout_steps.resume, rollout=rollout.id, **facts)

    def promote(self, rollout: RolloutRecord, **facts: Any) -> RolloutRecord:
        return self._call(rollout_steps.promote, rollout=rollout.id, **facts)

    def promote_full(self, rollout: RolloutRecord, **facts: Any) -> RolloutRecord:
        return self._call(rollout_steps.promote_full, rollout=rollout.id, **{"reason": "urgent"} | facts)

    def abort(self, rollout: RolloutRecord, **facts: Any) -> RolloutRecord:
        return self._call(rollout_steps.abort, rollout=rollout.id, **{"reason": "worse"} | facts)

    def retry(self, rollout: RolloutRecord, **facts: Any) -> RolloutRecord:
        return self._call(rollout_steps.retry, rollout=rollout.id, **facts)

    def look(
        self,
        rollout: RolloutRecord,
        verdict: Verdict,
        action: NextAction,
        observations: Sequence[Observation] = (),
        *,
        step: int | None = None,
        state: dict[str, Any] | None = None,
    ) -> RolloutRecord:
        self.time += 1
        found = Finding(HONEST.name, verdict, True, 40, "Honest .80 against .79.", 0.4, 3.4, 0.01, -0.1, 0.12)
        at = rollout.step if step is None else step
        look = Look(verdict, (found,), action, at, 1, self.time / 1e9, f"the judge says {verdict}")
        return rollout_looks.record_look(
            self.database,
            rollout=rollout.id,
            look=look,
            judge_state=state or {"pairs": self.time},
            observations=observations,
            time=self.time,
        )

    def at_the_last_step(self) -> RolloutRecord:
        """Running at the analysis that decides, half of the sessions with the candidate."""
        rollout = self.look(self.started(), Verdict.PASS, NextAction.ADVANCE)
        return self.resume(rollout)

    def find(self, rollout: RolloutRecord) -> RolloutRecord:
        with self.database.read() as connection:
            found = rollouts.find(connection, rollout.id)
        assert found is not None
        return found

    def audit(self, limit: int) -> list[AuditRecord]:
        """The newest records, the oldest of them first; the whole chain must hold."""
        with self.database.read() as connection:
            assert audit.verify(connection).ok
            return audit.records(connection, limit=limit)[::-1]
