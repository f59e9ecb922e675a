"""The engine's speed on the CPU against itself without steering and against `model.generate`.

All figures are tokens per second of one contender over another's: above 1 the first is faster. The contenders
take turns within every round, so that whatever else the machine does falls on all alike; the figure is the
median of the rounds' own ratios. Everybody runs on one intra-op thread in float32: the embedded model is too
small to gain from more, and two thread teams on a shared machine measure each other.
"""

from __future__ import annotations

import platform
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from trimtab_vectors.organism import shipped_model_dir
from trimtab_vectors.steering_vector import SteeringVector

from trimtab_server.engine.engine import Engine
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.engine.request import Event, FinishReason, GenerationRequest, Sampling, SteeringTerm

ROUNDS = 15
REPLY_TOKENS = 96
SLOTS = 16

#: Tokens per prompt of the 16 rows: padding is part of what `generate` has to do.
PROMPT_LENGTHS = tuple(range(16, 48, 2))


def run(rounds: int = ROUNDS, reply_tokens: int = REPLY_TOKENS) -> dict[str, Any]:
    """Measure on the embedded model's default stage; the shape is that of design/commands.md."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    hosted = HostedModel.open(shipped_model_dir(), device="cpu", dtype="float32")
    steered, unsteered = _Replies(hosted, True, reply_tokens), _Replies(hosted, False, reply_tokens)
    plain = _Generate(_endless(hosted), reply_tokens)
    blocks = range(hosted.layer_count)
    one, every = _term(hosted, blocks[hosted.layer_count // 2 - 1 :][:1]), _term(hosted, blocks)
    contenders: dict[str, Callable[[], float]] = {
        "steered_b16": lambda: steered(PROMPT_LENGTHS, (one,)),
        "steered_every_block_b16": lambda: steered(PROMPT_LENGTHS, (every,)),
        "unsteered_b16": lambda: unsteered(PROMPT_LENGTHS, ()),
        "generate_b16": lambda: plain(PROMPT_LENGTHS),
        "engine_b1": lambda: steered(PROMPT_LENGTHS[:1], ()),
        "generate_b1": lambda: plain(PROMPT_LENGTHS[:1]),
        "engine_b2": lambda: steered((PROMPT_LENGTHS[0],) * 2, ()),
    }
    try:
        rates = _interleaved(contenders, rounds)
    finally:
        steered.engine.close()
        unsteered.engine.close()
        torch.set_num_threads(threads)

    def ratio(over: str, under: str) -> float:
        return statistics.median(a / b for a, b in zip(rates[over], rates[under], strict=True))

    return {
        "device": f"{platform.processor() or platform.machine()}, 1 thread, float32",
        "ratios": {
            "steered_over_unsteered": ratio("steered_b16", "unsteered_b16"),
            "steered_every_block_over_unsteered": ratio("steered_every_block_b16", "unsteered_b16"),
            "engine_over_generate_b16": ratio("unsteered_b16", "generate_b16"),
            "engine_over_generate_b1": ratio("engine_b1", "generate_b1"),
            "two_lanes_over_one": ratio("engine_b2", "engine_b1"),
        },
        "tokens_per_second": {name: statistics.median(values) for name, values in rates.items()},
        "rounds": rounds,
        "reply_tokens": reply_tokens,
    }


def _interleaved(contenders: dict[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Tokens per second, per contender and round; every second round runs in reverse. One round is thrown
    away first."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        names = list(contenders) if turn % 2 else list(reversed(contenders))
        measured = {name: contenders[name]() for name in names}
        if turn:
            for name, rate in measured.items():
                rates[name].append(rate)
    return rates


class _Replies:
    """A batch of greedy replies of fixed length through an engine: tokens per second, prefill included."""

    def __init__(self, hosted: HostedModel, steering_table: bool, reply_tokens: int) -> None:
        self._reply_tokens = reply_tokens
        self._pending = 0
        self._done = threading.Event()
        self._failed = ""
        self.engine = Engine(
            _endless(hosted),
            _Bytes(),
            listener=self._hear,
            residual_norms=dict.fromkeys(range(hosted.layer_count), 1.0),
            slots=SLOTS,
            context=hosted.context_length,
            steering_table=steering_table,
            threads=1,
        )

    def __call__(self, lengths: tuple[int, ...], steering: tuple[SteeringTerm, ...]) -> float:
        sampling = Sampling(max_tokens=self._reply_tokens)
        requests = [GenerationRequest(_prompt(length), steering, sampling) for length in lengths]
        self._pending = len(requests)
        self._done.clear()
        started = time.perf_counter()
        self.engine.submit_group(requests)
        self._done.wait()
        if self._failed:
            raise RuntimeError(f"a reply of the benchmark ended early: {self._failed}")
        return len(requests) * self._reply_tokens / (time.perf_counter() - started)

    def _hear(self, events: tuple[Event, ...]) -> None:
        for event in events:
            if event.finished is not None:
                if event.finished.reason is not FinishReason.LENGTH:
                    self._failed = event.finished.error or event.finished.reason
                self._pending -= 1
        if self._pending == 0:
            self._done.set()


@dataclass(frozen=True)
class _Generate:
    """The same replies through transformers: one left-padded batch."""

    model: nn.Module
    reply_tokens: int

    @torch.inference_mode()
    def __call__(self, lengths: tuple[int, ...]) -> float:
        width = max(lengths)
        ids = torch.tensor([[0] * (width - length) + list(_prompt(length)) for length in lengths])
        mask = torch.tensor([[0] * (width - length) + [1] * length for length in lengths])
        model: Any = self.model
        started = time.perf_counter()
        model.generate(ids, attention_mask=mask, max_new_tokens=self.reply_tokens, do_sample=False)
        return len(lengths) * self.reply_tokens / (time.perf_counter() - started)


class _Bytes:
    """Text that costs next to nothing: what is measured is the engine, and `generate` makes no text."""

    eos_token_id = None

    def decode(self, ids: list[int], **_options: object) -> str:
        return "".join(chr(33 + token % 90) for token in ids)


def _endless(hosted: HostedModel) -> nn.Module:
    """The default stage without stop tokens, so that all replies are equally long."""
    model: Any = hosted.load_stage(hosted.default_stage)
    for config in (model.config, model.generation_config):
        config.eos_token_id = None
        config.pad_token_id = 0
    return model  # type: ignore[no-any-return]


def _prompt(length: int) -> tuple[int, ...]:
    return tuple(2 + (7 * length + 13 * position) % 997 for position in range(length))


def _term(hosted: HostedModel, layers: Sequence[int]) -> SteeringTerm:
    """Any direction: the price does not depend on which."""
    generator = torch.Generator().manual_seed(0)
    directions = {
        layer: nn.functional.normalize(torch.randn(hosted.hidden_size, generator=generator), dim=0)
        for layer in layers
    }
    vector = SteeringVector(
        concept="speed",
        stage=hosted.default_stage,
        model=hosted.fingerprint,
        method="random",
        data_hash="0" * 64,
        directions=directions,
        raw_norms=dict.fromkeys(layers, 1.0),
        residual_norms=dict.fromkeys(layers, 1.0),
    )
    return SteeringTerm(vector, 1.0, tuple(layers))
