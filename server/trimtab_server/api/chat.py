"""ChatService: streams replies, alone and side by side."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final

from trimtab_protos.v1 import chat_pb2, steering_pb2

from trimtab_server.api import wire
from trimtab_server.api.generation import Generator
from trimtab_server.api.limits import MAX_PROMPT_BYTES
from trimtab_server.api.plans import Plan, Planner, Resolved, new_reply_id
from trimtab_server.api.registration import Call
from trimtab_server.api.roles import FORCERS
from trimtab_server.api.workers import Workers
from trimtab_server.engine.errors import StageLoading
from trimtab_server.engine.request import Finished, FinishReason, Token
from trimtab_server.steering.protection import lowers, require_allowed
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal

MAX_LANES: Final = 8

#: Metadata of a steered reply.
STEERED: Final = "x-trimtab-steered"

#: Told of every chat reply that the engine ended, with an error too: its plan, its tokens, its end.
ReplyListener = Callable[[Plan, Sequence[Token], Finished], None]

Request = chat_pb2.ChatRequest | chat_pb2.CompareRequest


class ReplyFailed(Exception):
    """The engine ended a reply with an error; the text is for the log."""


class ChatServicer:
    """Resolves and pins each lane's snapshot once, then streams what the engine produces."""

    def __init__(
        self,
        *,
        database: Database,
        planner: Planner,
        generator: Generator,
        workers: Workers,
        load_stage: Callable[[str], None],
        listener: ReplyListener,
        now: Callable[[], int],
    ) -> None:
        self._database = database
        self._planner = planner
        self._generator = generator
        self._workers = workers
        self._load_stage = load_stage
        self._listener = listener
        self._now = now

    async def Chat(
        self, request: chat_pb2.ChatRequest, call: Call
    ) -> AsyncGenerator[chat_pb2.ChatResponse, None]:
        plan = await self._plan(request, request.messages, request.source, call, "")
        await self._record_force([plan], call, request.request_id)
        _say_steered([plan], call)
        async with contextlib.aclosing(
            self._stream([plan], request.readouts, self._listener, call)
        ) as events:
            async for _, event in events:
                yield event

    async def Compare(
        self, request: chat_pb2.CompareRequest, call: Call
    ) -> AsyncGenerator[chat_pb2.CompareResponse, None]:
        _check_lanes(request.lanes)
        plans = [
            await self._plan(request, lane.messages, lane.source, call, f"lanes[{number}].")
            for number, lane in enumerate(request.lanes)
        ]
        await self._record_force(plans, call, request.request_id)
        _say_steered(plans, call)
        async with contextlib.aclosing(self._stream(plans, request.readouts, None, call)) as events:
            async for number, event in events:
                yield chat_pb2.CompareResponse(lane_id=request.lanes[number].lane_id, response=event)

    async def _plan(
        self,
        request: Request,
        messages: Sequence[chat_pb2.Message],
        source: chat_pb2.SteeringSource,
        call: Call,
        path: str,
    ) -> Plan:
        _check_size(messages, f"{path}messages")
        reply_id = new_reply_id()
        # A reply of no conversation is a session of its own; a lane of none is nobody's traffic.
        session = request.session_id or (reply_id if isinstance(request, chat_pb2.ChatRequest) else "")
        resolved = await self._planner.resolve(
            source, wire.deployment_id(request.deployment), f"{path}source", session
        )
        self._generator.refuse_if_full(resolved.configuration.steering.stage)
        if resolved.forced and call.caller.role not in FORCERS:
            raise Refusal("ROLE_NOT_ALLOWED", role=call.caller.role.value, method=f"{call.method} with force")
        if source.WhichOneof("source") in ("steering", "snapshot") and not resolved.revision:
            await self._require_allowed(resolved, call, request.request_id)
        plan = await self._planner.plan(
            resolved,
            messages,
            sampling=request.sampling if request.HasField("sampling") else None,
            readouts=request.readouts,
            deadline=call.deadline,
            path=path,
            reply_id=reply_id,
            session=request.session_id,
            live=isinstance(request, chat_pb2.ChatRequest),
        )
        if not self._planner.stands(resolved):
            # Its candidate was withdrawn while the reply was being planned, and nothing of it has been made yet.
            return await self._plan(request, messages, source, call, path)
        return plan

    async def _require_allowed(self, resolved: Resolved, call: Call, request_id: str) -> None:
        """What nobody activated may still not steer against a protected concept, unless two admins say so."""
        if any(lowers(term) for term in resolved.configuration.steering.terms):
            await self._workers.change(
                require_allowed,
                self._database,
                resolved.configuration,
                action="chat.steer",
                deployment=resolved.deployment,
                origin=call.origin(request_id),
                reason="replies under steering that is not the active one",
                time=self._now(),
                lasting=True,
            )

    async def _record_force(self, plans: Sequence[Plan], call: Call, request_id: str) -> None:
        forced: dict[str, tuple[Resolved, list[str]]] = {}
        for plan in plans:
            if plan.resolved.forced:
                forced.setdefault(plan.resolved.snapshot, (plan.resolved, []))[1].append(plan.reply_id)
        for resolved, replies in forced.values():
            await self._workers.change(
                self._planner.record_force, resolved, call.origin(request_id), replies, self._now()
            )

    async def _stream(
        self,
        plans: Sequence[Plan],
        readouts: steering_pb2.ReadoutOptions,
        listener: ReplyListener | None,
        call: Call,
    ) -> AsyncGenerator[tuple[int, chat_pb2.ChatResponse], None]:
        tokens: list[list[Token]] = [[] for _ in plans]
        reservation = call.quota.reserve(sum(map(_most_tokens, plans)))
        try:
            with self._generator.start([plan.staged for plan in plans]) as mailbox:
                for lane, plan in enumerate(plans):
                    yield lane, chat_pb2.ChatResponse(started=_started(plan))
                async for parts in mailbox.parts():
                    for part in parts:
                        plan = plans[part.lane]
                        tokens[part.lane] += part.tokens
                        if part.tokens:
                            delta = wire.delta(part.tokens, readouts)
                            yield part.lane, chat_pb2.ChatResponse(delta=delta)
                        if part.finished is not None:
                            if listener is not None:
                                listener(plan, tokens[part.lane], part.finished)
                            finished = _finished(plan, part.finished)
                            yield part.lane, chat_pb2.ChatResponse(finished=finished)
        except StageLoading:
            for plan in plans:
                self._load_stage(plan.staged.stage)
            raise
        finally:
            # What is read is paid for, also if the caller went away in the middle.
            made = sum(map(len, tokens))
            reservation.settle(sum(plan.prompt_tokens for plan in plans if made) + made)


def _say_steered(plans: Sequence[Plan], call: Call) -> None:
    """Tells the caller ahead of the reply that it is a steered one, and by which snapshots."""
    steered = dict.fromkeys(
        f"snapshots/{plan.resolved.snapshot}" for plan in plans if plan.resolved.configuration.steers
    )
    if steered:
        call.response_metadata[STEERED] = ", ".join(steered)


def _most_tokens(plan: Plan) -> int:
    """Of prompt and reply, should the reply get as long as it may."""
    return plan.prompt_tokens + plan.staged.request.sampling.max_tokens


def _check_size(messages: Sequence[chat_pb2.Message], field: str) -> None:
    """Before anything is made of it: what is too long to be read need not be tokenized first."""
    size = sum(len(message.content.encode()) for message in messages)
    if size > MAX_PROMPT_BYTES:
        raise Refusal(
            "PROMPT_TOO_LONG",
            field=field,
            detail=f"{field} holds {size} bytes of text; at most {MAX_PROMPT_BYTES} are taken",
            bytes=size,
            limit=MAX_PROMPT_BYTES,
        )


def _check_lanes(lanes: Sequence[chat_pb2.Lane]) -> None:
    if not 1 <= len(lanes) <= MAX_LANES:
        raise Refusal(
            "FIELD_INVALID", field="lanes", detail=f"lanes holds {len(lanes)}; send 1 to {MAX_LANES}"
        )
    ids = [lane.lane_id for lane in lanes]
    if not all(ids) or len(set(ids)) != len(ids):
        raise Refusal("FIELD_INVALID", field="lanes", detail="each lane needs a lane_id of its own")


def _started(plan: Plan) -> chat_pb2.ReplyStarted:
    return chat_pb2.ReplyStarted(
        reply_id=plan.reply_id, steering=plan.resolved.reply_steering(), prompt_tokens=plan.prompt_tokens
    )


def _finished(plan: Plan, finished: Finished) -> chat_pb2.ReplyFinished:
    if finished.reason is FinishReason.ERROR:
        raise ReplyFailed(f"reply {plan.reply_id}: {finished.error}")
    return wire.finished_out(plan.reply_id, finished, plan.resolved.reply_steering())
