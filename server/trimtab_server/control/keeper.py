"""The store's side of a rollout run: taking a rollout up where it was left, and keeping each look."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

from trimtab_server.control.evidence import Evidence, Reading
from trimtab_server.control.pointers import InForce, RolloutPointers
from trimtab_server.rollouts.findings import NextAction
from trimtab_server.rollouts.judge import Judge
from trimtab_server.rollouts.observations import (
    CanaryObservation,
    Observation,
    PairObservation,
    StepStarted,
    from_dict,
)
from trimtab_server.rollouts.plan import AnalysisPlan
from trimtab_server.rollouts.plan_file import plan_from_json
from trimtab_server.steering.rollout_change import find_rollout
from trimtab_server.steering.rollout_looks import record_look, record_observations
from trimtab_server.store import rollouts
from trimtab_server.store.database import Database
from trimtab_server.store.failure import StorageFailure
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.rollouts import RolloutRecord

P = ParamSpec("P")
R = TypeVar("R")

#: Values of a recorded reference, by its id. Blocks.
ReferenceValues = Callable[[str], Sequence[float]]


class NotKept(Exception):
    """The store could not take a look; nothing of it was written."""


class StepMoved(Exception):
    """The rollout is not at the look's step any more."""


class Reader(Protocol):
    """Where blocking look-ups run."""

    async def read(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R: ...


class Changes(Protocol):
    """How a rollout is changed: in the store, then in memory, then for whoever watches."""

    async def make(self, change: Callable[[], RolloutRecord]) -> RolloutRecord: ...

    async def stop(
        self, deployment: str, rollout: str, change: Callable[[], RolloutRecord]
    ) -> RolloutRecord: ...

    async def refresh(self, deployment: str) -> None: ...


@dataclass(frozen=True)
class TakenUp:
    """What a run starts from.

    decided: what was seen before asks for an end, and no look has said so yet. asked: the canary questions that
    were answered already. pairs: shadow pairs of the present step.
    """

    plan: AnalysisPlan
    evidence: Evidence
    decided: bool
    asked: frozenset[str]
    pairs: int


class Keeper:
    """Used on the event loop; what blocks runs elsewhere."""

    def __init__(
        self,
        *,
        database: Database,
        reader: Reader,
        changes: Changes,
        pointers: RolloutPointers,
        reference_values: ReferenceValues,
        now: Callable[[], int],
    ) -> None:
        self._database = database
        self._reader = reader
        self._changes = changes
        self._pointers = pointers
        self._reference_values = reference_values
        self._now = now

    async def refresh(self, deployment: str) -> InForce | None:
        """The rollout in force, as the store has it."""
        await self._changes.refresh(deployment)
        return self._pointers.current(deployment)

    async def find(self, rollout: str) -> RolloutRecord:
        """As the store has it. Raises: Refusal: ROLLOUT_NOT_FOUND."""

        def found() -> RolloutRecord:
            with self._database.read() as connection:
                return find_rollout(connection, rollout)

        return await self._reader.read(found)

    async def take_up(self, record: RolloutRecord) -> TakenUp:
        """The judge as it was at the newest look that was kept, told what was kept since; evidence is never reset.

        Raises:
            PlanError, ReferenceChanged, ValueError: the plan, a reference or the judge's state is damaged.
        """
        return await self._reader.read(self._take_up, record)

    async def keep(self, record: RolloutRecord, reading: Reading) -> None:
        """Keeps a look, and does what it asks for.

        Raises:
            StepMoved: it was made at a step that is over; look again.
            NotKept: the store failed; try again.
        """
        change = functools.partial(
            record_look,
            self._database,
            rollout=record.id,
            look=reading.look,
            judge_state=reading.judge_state,
            observations=reading.observations,
            time=self._now(),
        )
        try:
            if reading.look.next_action is NextAction.ABORT:
                await self._changes.stop(record.deployment, record.id, change)
            else:
                await self._changes.make(change)
        except StorageFailure as error:
            raise NotKept(str(error)) from error
        except Refusal as refusal:
            if refusal.reason not in ("ROLLOUT_STATE", "ROLLOUT_CONFLICT"):
                raise
            # Ended or moved on by somebody else: what is in memory has to say so too.
            await self._changes.refresh(record.deployment)
            raise StepMoved(str(refusal)) from refusal

    async def keep_observations(self, record: RolloutRecord, observations: Sequence[Observation]) -> None:
        """Keeps what came in since the last look, so that no crash takes it away.

        Raises:
            StepMoved: the rollout has ended.
            NotKept: the store failed; nothing is lost, try again.
        """
        change = functools.partial(
            record_observations,
            self._database,
            rollout=record.id,
            observations=observations,
            time=self._now(),
        )
        try:
            await self._changes.make(change)
        except StorageFailure as error:
            raise NotKept(str(error)) from error
        except Refusal as refusal:
            if refusal.reason != "ROLLOUT_STATE":
                raise
            await self._changes.refresh(record.deployment)
            raise StepMoved(str(refusal)) from refusal

    def _take_up(self, record: RolloutRecord) -> TakenUp:
        plan = plan_from_json(record.plan)
        references = {one.id: self._reference_values(one.id) for one in plan.references}
        with self._database.read() as connection:
            newest = rollouts.newest_look(connection, record.id)
            seen = [from_dict(body) for body in rollouts.observations(connection, record.id)]
        if newest is None or newest.judge_state is None:
            judge, looked = Judge(plan, references), 0
        else:
            judge = Judge.from_state(plan, _json(newest.judge_state), references)
            looked = newest.observation_count
        evidence = Evidence(judge, _begun(seen[:looked]))
        decided = [evidence.hear_again(observation) for observation in seen[looked:]]
        return TakenUp(plan, evidence, any(decided), _asked(seen), _pairs(seen, record.step))


def _begun(seen: Sequence[Observation]) -> tuple[int, float] | None:
    """The step that the judge was told last, and its start."""
    steps = [one for one in seen if isinstance(one, StepStarted)]
    return (steps[-1].step, steps[-1].time) if steps else None


def _asked(seen: Sequence[Observation]) -> frozenset[str]:
    return frozenset(one.question_id for one in seen if isinstance(one, CanaryObservation))


def _pairs(seen: Sequence[Observation], step: int) -> int:
    """Shadow pairs since this step began, if it is the one that began last."""
    count, begun = 0, -1
    for one in seen:
        if isinstance(one, StepStarted):
            count, begun = 0, one.step
        count += isinstance(one, PairObservation)
    return count if begun == step else 0


def _json(text: str) -> Mapping[str, object]:
    value: Mapping[str, object] = json.loads(text)
    return value
