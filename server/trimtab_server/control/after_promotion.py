"""What goes on after a promotion: guardrails that roll back by themselves, on all traffic of the new revision.

Evidence is a function of the stored replies of the revision, in their order: after a restart it is gathered from
them again, and is lost only with replies that their retention has dropped.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from trimtab_server.control.keeper import Reader, ReferenceValues
from trimtab_server.rollouts.criterion import Criterion
from trimtab_server.rollouts.measures import Value
from trimtab_server.rollouts.plan import AnalysisPlan, Guardrail
from trimtab_server.rollouts.plan_file import plan_from_json
from trimtab_server.sequential import NonFinite
from trimtab_server.store import deployments, replies, rollouts
from trimtab_server.store.database import Database
from trimtab_server.store.failure import StorageFailure
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.replies import ReplyRecord
from trimtab_server.store.rollouts import RolloutRecord

log = logging.getLogger("trimtab.rollout")

_EVERY: Final = 0.5
#: Seconds before a rollback that was refused is tried again.
_AGAIN: Final = 30.0
_AT_A_TIME: Final = 500
_WHOLE: Final = ("stop", "length")


@dataclass(frozen=True)
class Harm:
    """A promoted revision that a guardrail takes back, to the snapshot that was stable before."""

    deployment: str
    revision: int
    snapshot: str
    reason: str


#: Rolls back, if that revision still is active. Raises: Refusal, StorageFailure.
RollBack = Callable[[Harm], Awaitable[None]]


@dataclass
class _Followed:
    """The active revision, and the guardrails that may take it back."""

    revision: int
    rollout: RolloutRecord | None = None
    criteria: list[Criterion] = field(default_factory=list)
    number: int = 0
    sessions: set[str] = field(default_factory=set)
    harm: Harm | None = None


class AfterPromotion:
    """Of one deployment. `look` blocks; `run` calls it elsewhere."""

    def __init__(
        self,
        deployment: str,
        *,
        database: Database,
        reader: Reader,
        reference_values: ReferenceValues,
        roll_back: RollBack,
    ) -> None:
        self._deployment = deployment
        self._database = database
        self._reader = reader
        self._reference_values = reference_values
        self._roll_back = roll_back
        self._followed: _Followed | None = None

    async def run(self) -> None:
        """Until cancelled."""
        pause = _EVERY
        while True:
            await asyncio.sleep(pause)
            pause = await self._turn()

    def drifted(self, revision: int, signal: str, text: str) -> None:
        """The drift monitors no longer find a signal of this revision like its recorded reference."""
        followed = self._followed
        if followed is None or followed.revision != revision or followed.harm is not None:
            return
        for criterion in followed.criteria:
            if criterion.guardrail.signal == signal:
                followed.harm = self._harm(followed, f"{criterion.guardrail.name}: {text}")

    def look(self) -> Harm | None:
        """Takes the replies that were written since; what is to be rolled back, if anything. Blocks."""
        followed = self._follow()
        while followed.harm is None and followed.criteria:
            with self._database.read() as connection:
                rows = replies.after(
                    connection, self._deployment, followed.revision, followed.number, limit=_AT_A_TIME
                )
            for number, reply in rows:
                followed.number = number
                failed = self._failed(followed, reply)
                if failed is not None:
                    followed.harm = self._harm(followed, failed)
                    break
            if len(rows) < _AT_A_TIME:
                break
        return followed.harm

    async def _turn(self) -> float:
        try:
            harm = await self._reader.read(self.look)
            if harm is not None:
                await self._roll_back(harm)
        except StorageFailure as failure:
            log.error("promoted_not_watched", extra={"facts": {"error": str(failure)}})
        except Refusal as refusal:
            if refusal.reason == "REVISION_CONFLICT":
                return _EVERY  # somebody was quicker
            facts = {"deployment": self._deployment, "why": refusal.reason}
            log.error("promoted_not_rolled_back", extra={"facts": facts})
            return _AGAIN
        except Exception:
            # A defect must not end the watch: the next look may do.
            log.exception("promoted_not_watched")
            return _AGAIN
        return _EVERY

    def _follow(self) -> _Followed:
        with self._database.read() as connection:
            found = deployments.find(connection, self._deployment)
            assert found is not None, "the deployment is there"
            if self._followed is not None and self._followed.revision == found.revision:
                return self._followed
            rollout = rollouts.promoted_as(connection, self._deployment, found.revision)
        self._followed = self._opened(found.revision, rollout)
        return self._followed

    def _opened(self, revision: int, rollout: RolloutRecord | None) -> _Followed:
        if rollout is None:
            return _Followed(revision)
        plan = plan_from_json(rollout.plan)
        own = [one for one in plan.guardrails if one.after_promotion == "rollback"]
        return _Followed(revision, rollout, [self._criterion(plan, one) for one in own])

    def _criterion(self, plan: AnalysisPlan, guardrail: Guardrail) -> Criterion:
        values: Sequence[float] | None = None
        if guardrail.reference is not None:
            values = self._reference_values(guardrail.reference)
        # The end of counting was the rollout's.
        return Criterion(plan, replace(guardrail, max_replies=None), values, acts=True)

    def _failed(self, followed: _Followed, reply: ReplyRecord) -> str | None:
        """Why this reply decides, if it does."""
        if reply.stop_reason not in _WHOLE:
            return None
        first = not reply.session or reply.session not in followed.sessions
        followed.sessions.add(reply.session)
        for criterion in followed.criteria:
            own = criterion.guardrail
            if own.signal not in reply.signals or (own.per_session == "first" and not first):
                continue
            try:
                if criterion.update(Value(candidate=reply.signals[own.signal], key=reply.id)):
                    return f"{own.name}: {criterion.finding(ask_margin=False).text}"
            except NonFinite as error:
                return f"{own.name}: {error}"
        return None

    def _harm(self, followed: _Followed, reason: str) -> Harm:
        assert followed.rollout is not None, "guardrails come from a rollout"
        why = f"{reason} (guardrail of rollout {followed.rollout.id}, after its promotion)"
        return Harm(self._deployment, followed.revision, followed.rollout.stable_snapshot, why)
