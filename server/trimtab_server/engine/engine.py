"""Continuous batching over a fixed set of slots: one thread, one model stage, any mix of steering."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from trimtab_vectors.decoder import find_decoder

from trimtab_server.engine.admission import Pace, RequestQueue
from trimtab_server.engine.detokenizer import decode_function
from trimtab_server.engine.errors import Draining, InvalidRequest, PromptTooLong
from trimtab_server.engine.prefill_plan import PrefillPlan, plan_prefill
from trimtab_server.engine.readouts import Figures, Wanted, Watch, check_probe, figures
from trimtab_server.engine.reply import Reply, Ticketed
from trimtab_server.engine.request import (
    Event,
    Finished,
    FinishReason,
    GenerationRequest,
    StepListener,
    Token,
)
from trimtab_server.engine.sampling import choose, log_probabilities
from trimtab_server.engine.self_check import check_against_plain
from trimtab_server.engine.slot_forward import Result, SlotForward
from trimtab_server.engine.steering_row import SteeringRow
from trimtab_server.engine.steering_table import SteeringTable
from trimtab_server.engine.stopping import stop_token_ids

_log = logging.getLogger(__name__)

#: Batch sizes of a decode step: up to 4 each, then multiples of 4.
_SMALL_BATCH = 4

#: Parameters of a model that one thread serves best.
_SMALL_MODEL = 50_000_000

#: Seconds over which tokens per second are counted.
_RATE_WINDOW = 2.0


@dataclass(frozen=True)
class EngineLoad:
    """How busy an engine is now; tokens_per_second counts sampled tokens over the last two seconds.

    cached_tokens: positions of the cache that hold something, of cache_positions (slots x context).
    steered_replies: running replies with a row of the steering table that is not zero.
    """

    slots: int
    slots_in_use: int
    queued_requests: int
    queued_tokens: int
    tokens_per_second: float
    cached_tokens: int = 0
    cache_positions: int = 1
    steered_replies: int = 0


class Engine:
    """Makes replies on its own thread; every public method may be called from any thread.

    slots: sequences in the batch. context: positions per slot, cut to what the model was built for.
    prefill_chunk: prompt tokens processed between two decode steps while others stream. listener: called
    on the engine thread once per step. residual_norms: layer -> median residual norm of this stage, the unit
    of strengths. steering_table False builds the engine without hooks: it refuses steering, and is what
    exactness and speed are measured against. tickets: shared by engines whose tickets must not collide.
    threads: intra-op threads of torch; None takes one for a model too small to gain from more, on the CPU,
    and leaves them as they are otherwise.

    Raises ModelUnsupported where the slots would not give the plain model's logits.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        *,
        listener: StepListener,
        residual_norms: Mapping[int, float],
        slots: int = 16,
        context: int = 2048,
        prefill_chunk: int = 128,
        device: str | torch.device | None = None,
        max_queued_requests: int = 256,
        max_queued_tokens: int = 1 << 16,
        steering_table: bool = True,
        tickets: Iterator[int] | None = None,
        threads: int | None = None,
    ) -> None:
        self._model = model.eval() if device is None else model.to(device).eval()
        self._listener = listener
        self._residual_norms = dict(residual_norms)
        self._threads = threads if threads is not None else _threads_for(model)
        self._prefill_chunk = prefill_chunk
        config: Any = model.config
        limit = getattr(config.get_text_config(), "max_position_embeddings", None)
        self.slots = slots
        self.context = context if limit is None else min(context, int(limit))
        decoder = find_decoder(model)
        self._layer_count, self._hidden_size = len(decoder.blocks), decoder.hidden_size
        self._forward = SlotForward(
            model,
            decoder.blocks,
            slots=slots,
            context=self.context,
            hidden_size=decoder.hidden_size,
            steering_table=steering_table,
        )
        check_against_plain(self._forward)
        self._stops = stop_token_ids(model, tokenizer)
        self._decode_text = decode_function(tokenizer)

        self._pace = Pace()
        self._lock = threading.Condition()
        self._queue = RequestQueue(max_queued_requests, max_queued_tokens, slots, self._pace)
        self._cancelled: set[int] = set()
        self._cancelled_tags: set[str] = set()
        self._draining = False
        self._closing = False
        self._tickets = tickets if tickets is not None else itertools.count(1)

        self._owners: list[Reply | None] = [None] * slots
        self._replies: list[Reply] = []  # in order of admission
        self._tokens = np.zeros(slots, dtype=np.int64)
        self._positions = np.zeros(slots, dtype=np.int64)
        self._active = np.zeros(slots, dtype=np.bool_)
        self._events: dict[int, tuple[list[Token], Finished | None]] = {}
        self._rates: deque[tuple[float, int]] = deque()
        self.steps = 0
        self._thread = threading.Thread(target=self._run, name="trimtab-engine", daemon=True)
        self._thread.start()

    # Any thread

    def submit(self, request: GenerationRequest) -> int:
        """Queue one request; its ticket addresses its events.

        Raises QueueFull, DeadlineImpossible, PromptTooLong, InvalidRequest, Draining.
        """
        return self.submit_group([request])[0]

    def submit_group(self, requests: Sequence[GenerationRequest]) -> list[int]:
        """Queue requests that start in the same step (the lanes of a comparison), all or none."""
        now = time.monotonic()
        group = [self._ticketed(request, now) for request in requests]
        needed = sum(one.slots_needed for one in group)
        if needed > self.slots:
            raise InvalidRequest(
                f"the group needs {needed} slots at once (shadow rows for the KL included), the engine has "
                f"{self.slots}: ask for fewer lanes",
                reason="FIELD_INVALID",
                field="lanes",
                slots_needed=needed,
                slots=self.slots,
            )
        with self._lock:
            if self._draining or self._closing:
                raise Draining("the engine takes no new requests: it is draining; ask again after it is back")
            spare = any(one.request.spare for one in group)
            self._queue.put(group, self._slots_free() + (0 if spare else self._slots_lent()))
            self._lock.notify_all()
        return [one.ticket for one in group]

    def refuse_if_full(self) -> None:
        """Raises QueueFull if one more request could not wait: before the work of making it ready is done."""
        with self._lock:
            self._queue.refuse_overflow(1, 1, self._slots_free())

    def cancel(self, ticket: int) -> None:
        """End a reply at the next step, wherever it is; unknown and finished tickets are ignored."""
        with self._lock:
            self._cancelled.add(ticket)
            self._lock.notify_all()

    def cancel_tag(self, tag: str) -> None:
        """End every reply, queued or running, whose request carries this tag."""
        with self._lock:
            self._cancelled_tags.add(tag)
            self._lock.notify_all()

    def put_off_tag(self, tag: str) -> None:
        """Let queued requests with this tag wait behind all others; what runs goes on, what comes is not held."""
        with self._lock:
            self._queue.put_off(lambda one: one.request.tag == tag)

    @property
    def load(self) -> EngineLoad:
        with self._lock:
            since = time.monotonic() - _RATE_WINDOW
            tokens = sum(count for at, count in self._rates if at >= since)
            return EngineLoad(
                slots=self.slots,
                slots_in_use=self.slots - self._slots_free(),
                queued_requests=len(self._queue),
                queued_tokens=self._queue.tokens,
                tokens_per_second=tokens / _RATE_WINDOW,
                cached_tokens=sum(len(reply.slots) * reply.length for reply in self._replies),
                cache_positions=self.slots * self.context,
                steered_replies=sum(bool(reply.steering) for reply in self._replies),
            )

    @property
    def idle(self) -> bool:
        with self._lock:
            return not self._replies and not len(self._queue)

    def drain(self, timeout: float) -> bool:
        """Take nothing new and wait until everything accepted has ended; False if it has not in time."""
        with self._lock:
            self._draining = True
            return self._lock.wait_for(lambda: not self._replies and not len(self._queue), timeout)

    def close(self) -> None:
        """Cancel what is left and end the thread. The listener hears of every cancellation first."""
        with self._lock:
            self._closing = True
            self._lock.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    # Engine thread

    def _run(self) -> None:
        if self._threads is not None:
            torch.set_num_threads(self._threads)
        with torch.inference_mode():
            while True:
                with self._lock:
                    self._lock.wait_for(self._has_work)
                    if self._closing:
                        break
                self._step()
            self._end_all(FinishReason.CANCELLED)
            self._publish()
            self._forward.close()

    def _has_work(self) -> bool:
        return self._closing or bool(self._replies) or len(self._queue) > 0

    def _step(self) -> None:
        try:
            self._obey()
            self._admit()
            self._prefill()
            self._decode()
        except Exception as error:  # a defect of ours, not of a batch: whoever is affected hears of it
            _log.exception("an engine step failed outside the model; its replies end with an error")
            self._end_all(FinishReason.ERROR, f"{type(error).__name__}: {error}", queued=False)
        self.steps += 1
        self._publish()

    def _obey(self) -> None:
        """Carry out cancellations and deadlines."""
        now = time.monotonic()
        with self._lock:
            tickets, tags = self._cancelled, self._cancelled_tags
            self._cancelled, self._cancelled_tags = set(), set()

            def reason(one: Ticketed) -> FinishReason | None:
                if one.ticket in tickets or (tags and one.request.tag in tags):
                    return FinishReason.CANCELLED
                late = one.request.deadline is not None and one.request.deadline <= now
                return FinishReason.DEADLINE if late else None

            for one in self._queue.remove(lambda candidate: reason(candidate) is not None):
                self._tell(one.ticket, one.unstarted(reason(one) or FinishReason.CANCELLED, now))
        for reply in list(self._replies):
            why = reason(reply.ticketed)
            if why is not None:
                self._end(reply, why)

    def _admit(self) -> None:
        """Give slots to the groups at the head of the queue, as long as they fit."""
        while True:
            with self._lock:
                group = self._queue.take(self._slots_free())
                now = time.monotonic()
                for one in group:
                    slots = [slot for slot, owner in enumerate(self._owners) if owner is None]
                    shadow = slots[1] if one.slots_needed == 2 else None
                    reply = Reply(one, slots[0], shadow, now, self._decode_text)
                    for slot in reply.slots:
                        self._owners[slot] = reply
                    self._replies.append(reply)
            if not group:
                if self._take_back():
                    continue
                return
            for reply in self._replies[-len(group) :]:
                self._write_steering(reply)
            self._rewatch()

    def _take_back(self) -> bool:
        """End spare replies, the newest first, if the group at the head of the queue can start then."""
        with self._lock:
            missing = self._queue.slots_wanted - self._slots_free()
            if missing <= 0 or missing > self._slots_lent():
                return False
        for reply in [reply for reply in reversed(self._replies) if reply.request.spare]:
            self._end(reply, FinishReason.CANCELLED)
            missing -= len(reply.slots)
            if missing <= 0:
                break
        return True

    def _write_steering(self, reply: Reply) -> None:
        table = self._forward.table
        if table is not None and (reply.steering or reply.steering.gated):
            table.write(reply.slot, reply.steering)
            self._note_layers(reply, table)

    def _note_layers(self, reply: Reply, table: SteeringTable) -> None:
        reply.prompt_layers = table.applied_layers(reply.slot, reply=False)
        reply.reply_layers = table.applied_layers(reply.slot, reply=True)

    def _note_gates(self, replies: Sequence[Reply]) -> None:
        """After a prefill: take over what conditions decided in it."""
        table = self._forward.table
        waiting = [reply for reply in replies if reply.steering.gated]
        if table is None or not waiting:
            return
        for reply in waiting:
            row = table.row(reply.slot)
            if row is not None and row is not reply.steering:
                reply.steering = row
                self._note_layers(reply, table)
        self._rewatch()

    def _rewatch(self) -> None:
        self._forward.watch(frozenset().union(*(reply.ticketed.read_layers for reply in self._replies)))

    def _prefill(self) -> None:
        waiting = [reply for reply in self._replies if reply.prefilling]
        if not waiting:
            return
        # Nobody streams: nobody is held up by a larger bite.
        budget = self._prefill_chunk if self._active.any() else 4 * self._prefill_chunk
        waiting.sort(key=lambda reply: reply.request.spare)  # what was asked for goes first
        plan = plan_prefill(waiting, budget)
        started = time.monotonic()
        try:
            result = self._forward.prefill(plan.chunks)
            self._pace.saw_prefill(plan.tokens, time.monotonic() - started)
            self._note_gates([reply for reply, _ in plan.counts])
            for reply, count in plan.counts:
                before = len(reply.request.prompt_ids) - 1
                in_prompt = max(0, min(reply.filled + count, before) - reply.filled)
                reply.applied(result.steered, in_prompt, count - in_prompt)
                reply.filled += count
            self._advance(result, [reply for reply, _ in plan.counts if not reply.prefilling], plan)
        except Exception as error:
            self._fail([reply for reply, _ in plan.counts], "prefill", error)

    def _decode(self) -> None:
        running = [reply for reply in self._replies if self._active[reply.slot]]
        if not running:
            return
        size = self._compact(running)
        try:
            result = self._forward.decode(self._tokens[:size], self._positions[:size], self._active[:size])
            for reply in running:
                reply.applied(result.steered, 0, 1)
            self._advance(result, running, None)
        except Exception as error:
            self._fail(running, "decode", error)

    def _advance(self, result: Result, replies: Sequence[Reply], plan: PrefillPlan | None) -> None:
        """Draw the next token of each reply from its row's logits."""
        if not replies:
            return

        def row_of(slot: int) -> int:
            return slot if plan is None else plan.row_of[slot]

        rows = [row_of(reply.slot) for reply in replies]
        everything = rows == list(range(result.logits.shape[0]))
        logits = result.logits if everything else result.logits[rows]
        chosen = choose(logits, [reply.request.sampling for reply in replies], [r.count for r in replies])
        probabilities = log_probabilities(logits, chosen).tolist()
        tokens = chosen.tolist()
        wanted = [
            Wanted(
                reply.request.readouts,
                reply.ticketed.watch,
                row_of(reply.slot),
                None if reply.shadow is None else row_of(reply.shadow),
                token,
            )
            for reply, token in zip(replies, tokens, strict=True)
        ]
        read = figures(result.logits, result.states, wanted)
        now = time.monotonic()
        for reply, token, probability, one in zip(replies, tokens, probabilities, read, strict=True):
            self._take(reply, token, probability, one, now)

    def _take(self, reply: Reply, token: int, probability: float, read: Figures, now: float) -> None:
        sent, reason = reply.take(token, probability, read, self._stops, self.context, now)
        if sent is not None:
            self._events.setdefault(reply.ticketed.ticket, ([], None))[0].append(sent)
        if reason is FinishReason.ERROR:
            self._end(reply, reason, "the model's numbers overflowed (logits not finite): lower the strength")
        elif reason is not None:
            self._end(reply, reason)
        else:
            for slot in reply.slots:
                self._tokens[slot] = token
                self._positions[slot] = len(reply.request.prompt_ids) + reply.count - 1
                self._active[slot] = True

    def _compact(self, running: Sequence[Reply]) -> int:
        """Move the highest sequences into free lower slots where that makes the decode batch smaller.

        Returns the batch's size.
        """
        while True:
            active = [slot for reply in running for slot in reply.slots]
            highest = max(active)
            size = _batch_size(highest + 1, self.slots)
            if _batch_size(len(active), self.slots) >= size:
                return size
            free = next((slot for slot in range(highest) if self._owners[slot] is None), None)
            if free is None:
                return size
            self._move(highest, free)

    def _move(self, source: int, target: int) -> None:
        reply = self._owners[source]
        if reply is None:
            raise RuntimeError(f"slot {source} is active but belongs to no reply")
        self._forward.move(source, target)
        for array in (self._tokens, self._positions, self._active):
            array[target] = array[source]
        self._active[source] = False
        if reply.slot == source:
            reply.slot = target
        else:
            reply.shadow = target
        with self._lock:
            self._owners[source], self._owners[target] = None, reply

    def _fail(self, replies: Sequence[Reply], what: str, error: Exception) -> None:
        _log.error("a %s step failed; %d replies end with an error", what, len(replies), exc_info=error)
        for reply in replies:
            if reply in self._replies:
                self._end(
                    reply, FinishReason.ERROR, f"the {what} step failed: {type(error).__name__}: {error}"
                )

    def _end_all(self, reason: FinishReason, error: str = "", *, queued: bool = True) -> None:
        for reply in list(self._replies):
            self._end(reply, reason, error)
        if queued:
            now = time.monotonic()
            with self._lock:
                for one in self._queue.remove(lambda _one: True):
                    self._tell(one.ticket, one.unstarted(reason, now, error))

    def _end(self, reply: Reply, reason: FinishReason, error: str = "") -> None:
        now = time.monotonic()
        finished = reply.finished(reason, now, error)
        self._tell(reply.ticketed.ticket, finished)
        if reason in (FinishReason.STOP, FinishReason.LENGTH):
            self._pace.saw_reply(finished.prefill_seconds + finished.decode_seconds)
        self._active[list(reply.slots)] = False
        try:
            for slot in reply.slots:
                self._forward.release(slot)
        except Exception:  # only a device that no longer works; such a slot must not be used again
            _log.exception("slots %s could not be cleared and are taken out of service", reply.slots)
        else:
            with self._lock:
                for slot in reply.slots:
                    self._owners[slot] = None
        with self._lock:
            self._replies.remove(reply)
        self._rewatch()

    def _tell(self, ticket: int, finished: Finished) -> None:
        tokens, _ = self._events.get(ticket, ([], None))
        self._events[ticket] = (tokens, finished)

    def _publish(self) -> None:
        """Hand the step's events over, then let waiting callers look at the new state."""
        events = tuple(Event(t, tuple(tokens), end) for t, (tokens, end) in self._events.items())
        self._events = {}
        now = time.monotonic()
        with self._lock:
            self._rates.append((now, sum(len(event.tokens) for event in events)))
            while self._rates and self._rates[0][0] < now - _RATE_WINDOW:
                self._rates.popleft()
        if events:
            try:
                self._listener(events)
            except Exception:
                _log.exception("the step listener failed; the engine goes on")
        with self._lock:
            self._lock.notify_all()

    # Either

    def _slots_free(self) -> int:
        return sum(owner is None for owner in self._owners)

    def _slots_lent(self) -> int:
        """Held by spare replies: whoever is not spare can have them at the next step."""
        return sum(len(reply.slots) for reply in self._replies if reply.request.spare)

    def _ticketed(self, request: GenerationRequest, now: float) -> Ticketed:
        """Check a request and work out its steering row."""
        length = len(request.prompt_ids)
        if length == 0:
            raise InvalidRequest(
                "the prompt is empty: send at least one token", reason="PROMPT_EMPTY", field="prompt_ids"
            )
        if length >= self.context:
            raise PromptTooLong(
                f"the prompt has {length} tokens; the context is {self.context}, the reply's included: "
                "shorten the conversation",
                prompt_tokens=length,
                context=self.context,
            )
        _check_sampling(request)
        if request.steering and self._forward.table is None:
            raise InvalidRequest(
                "this engine was built without a steering table", reason="FIELD_INVALID", field="steering"
            )
        row = SteeringRow.of(request.steering, self._residual_norms, self._layer_count, self._hidden_size)
        check_probe(request.readouts, self._layer_count, self._hidden_size)
        watch = Watch.of(request.readouts, row.layers, self._residual_norms, self._layer_count)
        return Ticketed(next(self._tickets), request, row, watch, now)


def _threads_for(model: nn.Module) -> int | None:
    """Below this size the products are shorter than the hand-over between threads, and a team that spins
    for its next task takes the core that serves the network."""
    parameters = list(model.parameters())
    small = sum(parameter.numel() for parameter in parameters) < _SMALL_MODEL
    return 1 if small and parameters[0].device.type == "cpu" else None


def _batch_size(rows: int, slots: int) -> int:
    rounded = rows if rows <= _SMALL_BATCH else -(-rows // _SMALL_BATCH) * _SMALL_BATCH
    return min(rounded, slots)


def _check_sampling(request: GenerationRequest) -> None:
    sampling = request.sampling
    wrong = {
        "max_tokens": sampling.max_tokens < 1,
        "temperature": not 0.0 <= sampling.temperature < float("inf"),
        "top_p": not 0.0 < sampling.top_p <= 1.0,
        "top_k": sampling.top_k < 0,
        "stop": any(not stop for stop in sampling.stop),
    }
    for field, is_wrong in wrong.items():
        if is_wrong:
            raise InvalidRequest(
                f"sampling.{field} is {getattr(sampling, field)!r}; expected max_tokens >= 1, a finite "
                "temperature >= 0, top_p in (0, 1], top_k >= 0 and no empty stop string",
                reason="FIELD_INVALID",
                field=f"sampling.{field}",
                value=getattr(sampling, field),
            )
