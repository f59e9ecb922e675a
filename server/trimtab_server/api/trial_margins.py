"""Log-probability margins of trials: which rows are read together, and where."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from trimtab_server.api.models import StageLoader
from trimtab_server.api.plans import Planner, Resolved
from trimtab_server.api.workers import Workers
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.engine.pool import EnginePool
from trimtab_server.jobs.trial_margins import lane_margins
from trimtab_server.jobs.trial_work import TrialWork
from trimtab_server.store.trials import NumberedRow
from trimtab_server.trials.scoring import MARGIN


class Margins:
    """Reads margins lane by lane: all rows of a lane in one go, so that the figures do not hang on an interruption."""

    def __init__(
        self, *, model: HostedModel, planner: Planner, pool: EnginePool, stages: StageLoader, workers: Workers
    ) -> None:
        self._model = model
        self._planner = planner
        self._pool = pool
        self._stages = stages
        self._workers = workers

    async def of(
        self, work: TrialWork, deployment: str, rows: Sequence[NumberedRow]
    ) -> AsyncGenerator[list[NumberedRow], None]:
        """The rows of each lane that has some without a margin, with it. rows: all without an error.

        Raises: EngineError, Refusal: a stage or a vector cannot be used.
        """
        statements = [own for own in rows if not own.row.probe]
        unsteered = {
            own.row.key: own.row.reply for own in statements if own.row.lane == work.criteria.unsteered.name
        }
        for lane in work.criteria.lanes:
            own = [
                one
                for one in statements
                if one.row.lane == lane.name
                and replace(one.row.key, lane=work.criteria.unsteered.name) in unsteered
            ]
            if not own or all(MARGIN in one.row.measures for one in own):
                continue
            configuration = work.configurations[lane.name]
            terms = await self._planner.terms(Resolved(configuration.id, deployment, 0, configuration))
            stage = configuration.steering.stage
            await self._stages.load(stage)
            norms = self._pool.residual_norms(stage)
            margins = await self._workers.heavy(
                lane_margins, self._model, work, [one.row.key for one in own], unsteered, terms, norms
            )
            yield [
                NumberedRow(one.number, replace(one.row, measures={**one.row.measures, MARGIN: margin}))
                for one, margin in zip(own, margins, strict=True)
            ]
