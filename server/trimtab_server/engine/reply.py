"""One reply while it is being made: where it is, what it has said, what ends it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trimtab_server.engine.detokenizer import Decode, Detokenizer
from trimtab_server.engine.readouts import Figures, Watch
from trimtab_server.engine.request import Finished, FinishReason, GenerationRequest, Token
from trimtab_server.engine.steering_row import SteeringRow
from trimtab_server.engine.stopping import StopText


@dataclass(frozen=True)
class Ticketed:
    """An accepted request with what was worked out at submission."""

    ticket: int
    request: GenerationRequest
    steering: SteeringRow
    watch: Watch | None
    submitted: float

    @property
    def read_layers(self) -> frozenset[int]:
        """Blocks whose output its figures need."""
        probe = self.request.readouts.probe
        places = (None if self.watch is None else self.watch.layer, None if probe is None else probe.layer)
        return frozenset(layer for layer in places if layer is not None)

    @property
    def slots_needed(self) -> int:
        """Two when a shadow row is wanted: the same tokens, unsteered, for the KL."""
        return 2 if self.request.readouts.kl_to_unsteered and self.steering else 1

    @property
    def prompt_tokens(self) -> int:
        return len(self.request.prompt_ids)

    def unstarted(self, reason: FinishReason, now: float, error: str = "") -> Finished:
        """The end of a request that never had a slot."""
        waited = now - self.submitted
        return Finished(
            reason, self.prompt_tokens, 0, waited, 0.0, 0.0, 0, 0, error, spare=self.request.spare
        )


class Reply:
    """A ticketed request in its slot, and in its shadow's."""

    def __init__(
        self, ticketed: Ticketed, slot: int, shadow: int | None, admitted: float, decode: Decode
    ) -> None:
        self.ticketed = ticketed
        self.request = ticketed.request
        self.slot = slot
        self.shadow = shadow
        self.filled = 0  # prompt tokens in the cache
        self.count = 0  # tokens sampled
        self.steering = ticketed.steering  # settled when its conditions are
        self.prompt_layers: frozenset[int] = frozenset()  # layers whose stored row is not zero
        self.reply_layers: frozenset[int] = frozenset()
        self._applications = 0
        self._admitted = admitted
        self._prefilled: float | None = None
        self._detokenizer = Detokenizer(decode)
        self._stop = StopText(ticketed.request.sampling.stop)

    @property
    def slots(self) -> tuple[int, ...]:
        return (self.slot,) if self.shadow is None else (self.slot, self.shadow)

    @property
    def prefilling(self) -> bool:
        return self.filled < len(self.request.prompt_ids)

    @property
    def whole_prompt(self) -> bool:
        """Whether the prompt may not be cut into chunks."""
        return self.steering.whole_prompt

    @property
    def length(self) -> int:
        """Positions in the cache. The newest sampled token is not there yet."""
        return self.filled + max(0, self.count - 1)

    def applied(self, steered: frozenset[int], prompt_tokens: int, reply_tokens: int) -> None:
        """Count what a forward pass did to this reply: `steered` are the layers whose hook added."""
        self._applications += prompt_tokens * len(steered & self.prompt_layers)
        self._applications += reply_tokens * len(steered & self.reply_layers)

    def take(
        self,
        token: int,
        log_probability: float,
        figures: Figures,
        stops: frozenset[int],
        context: int,
        now: float,
    ) -> tuple[Token | None, FinishReason | None]:
        """Account for a sampled token: what to send of it, and whether the reply ends with it."""
        if self._prefilled is None:
            self._prefilled = now
        if not math.isfinite(log_probability):
            return None, FinishReason.ERROR
        index, self.count = self.count, self.count + 1
        text, reason = self._text(token, stops, context)
        return (
            Token(
                token,
                text,
                index,
                log_probability,
                figures.projection,
                figures.entropy,
                figures.kl_to_unsteered,
                figures.residual_norm_ratio,
                figures.unsteered_log_probability,
                figures.honesty,
            ),
            reason,
        )

    def _text(self, token: int, stops: frozenset[int], context: int) -> tuple[str, FinishReason | None]:
        text = ""
        reason = None
        if token in stops:
            reason = FinishReason.STOP
        else:
            text = self._stop.add(self._detokenizer.add(token))
            if self._stop.found:
                return text, FinishReason.STOP
            full = self.count >= self.request.sampling.max_tokens
            if full or len(self.request.prompt_ids) + self.count >= context:
                reason = FinishReason.LENGTH
        if reason is not None:
            text += self._stop.add(self._detokenizer.flush())
            text += "" if self._stop.found else self._stop.flush()
        return text, reason

    def finished(self, reason: FinishReason, now: float, error: str = "") -> Finished:
        prefilled = self._prefilled if self._prefilled is not None else now
        return Finished(
            reason=reason,
            prompt_tokens=len(self.request.prompt_ids),
            reply_tokens=self.count,
            queue_seconds=self._admitted - self.ticketed.submitted,
            prefill_seconds=prefilled - self._admitted,
            decode_seconds=now - prefilled,
            steering_applications=self._applications,
            steering_applications_expected=self._expected(),
            error=error,
            gates=self.steering.gates,
            spare=self.request.spare,
        )

    def _expected(self) -> int:
        """Layer-token pairs the request asks for, over the positions that went through the model."""
        steering, before = self.steering, len(self.request.prompt_ids) - 1
        prompt, reply = min(self.length, before), max(0, self.length - before)
        return prompt * len(steering.prompt_layers) + reply * len(steering.reply_layers)
