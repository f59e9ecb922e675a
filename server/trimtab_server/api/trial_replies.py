"""Batches of a trial on the engines of the pool."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from trimtab_server.api.generation import Generator, Staged
from trimtab_server.api.models import StageLoader
from trimtab_server.api.plans import Planner, Resolved
from trimtab_server.engine import request as engine
from trimtab_server.engine.errors import QueueFull
from trimtab_server.engine.pool import EnginePool
from trimtab_server.engine.request import Finished, FinishReason, Token
from trimtab_server.jobs.trial_batches import Batch
from trimtab_server.jobs.trial_work import KL, TrialWork
from trimtab_server.trials.rows import RowKey, TrialRow, row_seed

#: Seconds after which a batch whose slots were taken back is asked again.
_ASK_AGAIN: Final = 0.2


@dataclass
class _Collected:
    """What has come of one row."""

    tokens: list[Token] = field(default_factory=list)
    finished: Finished | None = None


class TrialReplies:
    """A `jobs.trial_run.BatchMaker` for one trial.

    hurry: slots are taken as a chat takes them; else only those that nobody wants, and one is always left free.
    """

    def __init__(
        self,
        work: TrialWork,
        *,
        deployment: str,
        planner: Planner,
        generator: Generator,
        pool: EnginePool,
        stages: StageLoader,
        hurry: bool,
    ) -> None:
        self._work = work
        self._deployment = deployment
        self._planner = planner
        self._generator = generator
        self._pool = pool
        self._stages = stages
        self._hurry = hurry

    async def __call__(self, batch: Batch) -> list[TrialRow]:
        """Raises: QueueFull; EngineError, a stage that cannot be loaded; Refusal, a vector that is gone."""
        await self._stages.load(batch.stage)
        context = self._pool.engine(batch.stage).context
        requests = {number: await self._request(key) for number, key in batch.keys.items()}
        fitting = {number: one for number, one in requests.items() if 0 < len(one.prompt_ids) < context}
        made = await self._made(batch.stage, fitting)
        return [
            self._row(key, requests[number], made.get(number), context) for number, key in batch.keys.items()
        ]

    async def _request(self, key: RowKey) -> engine.GenerationRequest:
        configuration = self._work.configurations[key.lane]
        sampling = self._work.criteria.sampling
        resolved = Resolved(configuration.id, self._deployment, 0, configuration)
        return engine.GenerationRequest(
            prompt_ids=self._planner.render(self._work.messages(key), configuration.steering.system_prompt),
            steering=await self._planner.terms(resolved),
            sampling=engine.Sampling(
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                seed=row_seed(self._work.criteria, key),
                max_tokens=sampling.max_tokens,
            ),
            readouts=engine.Readouts(
                entropy="entropy" in self._work.measures,
                kl_to_unsteered=KL in self._work.measures and not key.probe,
                residual_norm_ratio="residual_norm_ratio" in self._work.measures,
            ),
            tag=configuration.id,
            spare=not self._hurry,
        )

    async def _made(self, stage: str, requests: dict[int, engine.GenerationRequest]) -> dict[int, _Collected]:
        if not requests:
            return {}
        numbers, made = list(requests), {number: _Collected() for number in requests}
        with self._generator.start([Staged(stage, requests[number]) for number in numbers]) as mailbox:
            async for parts in mailbox.parts():
                for part in parts:
                    own = made[numbers[part.lane]]
                    own.tokens += part.tokens
                    own.finished = part.finished or own.finished
                    if part.finished is not None and part.finished.reason is FinishReason.CANCELLED:
                        raise QueueFull("the slots were taken back", retry_after_seconds=_ASK_AGAIN)
        return made

    def _row(
        self, key: RowKey, request: engine.GenerationRequest, made: _Collected | None, context: int
    ) -> TrialRow:
        seed, prompt_tokens = request.sampling.seed, len(request.prompt_ids)
        if made is None or made.finished is None:
            fault = f"the prompt has {prompt_tokens} tokens, the context holds {context}: shorten it"
            return TrialRow(
                key.prompt_id,
                key.lane,
                key.repeat,
                "",
                key.probe,
                seed=seed,
                prompt_tokens=prompt_tokens,
                error=fault,
            )
        finished = made.finished
        failed = finished.reason not in (FinishReason.STOP, FinishReason.LENGTH)
        return TrialRow(
            prompt_id=key.prompt_id,
            lane=key.lane,
            repeat=key.repeat,
            reply="".join(token.text for token in made.tokens),
            probe=key.probe,
            seed=seed,
            prompt_tokens=prompt_tokens,
            tokens=finished.reply_tokens,
            seconds=finished.prefill_seconds + finished.decode_seconds,
            finish_reason=finished.reason.value,
            measures=self._measures(key, made.tokens),
            error=(finished.error or f"the reply ended with {finished.reason.value}") if failed else "",
        )

    def _measures(self, key: RowKey, tokens: Sequence[Token]) -> dict[str, float]:
        """Means over the tokens of a reply; a KL of unsteered lanes is not measured."""
        read = {
            KL: [token.kl_to_unsteered for token in tokens],
            "entropy": [token.entropy for token in tokens],
            "residual_norm_ratio": [token.residual_norm_ratio for token in tokens],
        }
        means = {}
        for name in self._work.measures & read.keys():
            values = [value for value in read[name] if value is not None]
            if values:
                means[name] = sum(values) / len(values)
        return means
