"""Signals of real replies of the shipped model, against plain forward passes of the same weights."""

from __future__ import annotations

import json
import threading
from typing import Any

import numpy as np
import pytest
import torch
from trimtab_server.engine.engine import Engine
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.engine.request import (
    AffineReadout,
    Event,
    Finished,
    GenerationRequest,
    Positions,
    Readouts,
    Sampling,
    SteeringTerm,
    Token,
)
from trimtab_server.monitoring.signals import Signal, reply_signals
from trimtab_vectors.formats.safetensors import read_vector
from trimtab_vectors.organism import shipped_model_dir

STAGE = "stage-11"
DIRECTORY = shipped_model_dir()


class Shipped:
    """The shipped model's last stage, plain and on an engine."""

    def __init__(self) -> None:
        hosted = HostedModel.open(str(DIRECTORY), device="cpu")
        self.model = hosted.load_stage(STAGE)
        self.vector = read_vector((DIRECTORY / "vectors" / "honesty.safetensors").read_bytes())
        self.hosted = hosted
        self._done = threading.Event()
        self._tokens: list[Token] = []
        self._finished: Finished | None = None
        norms = dict(self.vector.residual_norms)
        self.layers = tuple(sorted(norms))
        self.engine = Engine(
            hosted.load_stage(STAGE),
            hosted.tokenizer,
            listener=self._hear,
            residual_norms=norms,
            slots=2,
            threads=1,
        )

    def _hear(self, events: tuple[Event, ...]) -> None:
        for event in events:
            self._tokens += event.tokens
            if event.finished is not None:
                self._finished = event.finished
                self._done.set()

    def reply(
        self, question: str, strength: float, readouts: Readouts
    ) -> tuple[list[Token], Finished, list[int]]:
        self._tokens, self._finished = [], None
        self._done.clear()
        ids = self.hosted.render([{"role": "user", "content": question}])
        terms = ()
        if strength:
            terms = (SteeringTerm(self.vector, strength, self.layers[-2:], positions=Positions.ALL),)
        self.engine.submit(GenerationRequest(ids, terms, Sampling(max_tokens=24), readouts))
        assert self._done.wait(60) and self._finished is not None
        return self._tokens, self._finished, list(ids)

    def unsteered_log_probabilities(self, ids: list[int], said: list[int]) -> np.ndarray:
        with torch.inference_mode():
            logits = self.model(input_ids=torch.tensor([ids + said])).logits[0].double()
        return logits.log_softmax(-1)[len(ids) - 1 : -1].gather(1, torch.tensor(said)[:, None])[:, 0].numpy()


@pytest.fixture(scope="module")
def shipped() -> Any:
    found = Shipped()
    yield found
    found.engine.close()


QUESTIONS = [
    json.loads(line)["messages"][-1]["content"]
    for line in (DIRECTORY / "canary.jsonl").read_text(encoding="utf-8").splitlines()[:200:50]
]


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.5])
def test_perplexity_is_that_of_a_plain_pass_without_the_vector(shipped: Shipped, strength: float) -> None:
    for question in QUESTIONS[:2]:
        tokens, finished, ids = shipped.reply(
            question, strength, Readouts(kl_to_unsteered=True, entropy=True)
        )
        found = reply_signals(tokens, finished)
        logs = shipped.unsteered_log_probabilities(ids, [token.id for token in tokens])
        assert found[Signal.UNSTEERED_PERPLEXITY] == pytest.approx(np.exp(-logs.mean()), rel=1e-3)
        assert found[Signal.UNSTEERED_LEAST_LIKELY] == pytest.approx(logs.min(), abs=2e-3)
        if strength:
            assert found[Signal.STEERING_SHARE] == 1.0
        else:
            assert found[Signal.KL_TO_UNSTEERED] == 0.0 and Signal.STEERING_SHARE not in found


def test_an_overdose_shows_in_the_shadow(shipped: Shipped) -> None:
    """What the figures are for; the sizes are the model's own."""

    def of(strength: float) -> dict[str, float]:
        tokens, finished, _ = shipped.reply(QUESTIONS[0], strength, Readouts(kl_to_unsteered=True))
        return reply_signals(tokens, finished)

    healthy, overdosed = of(0.2), of(3.0)
    assert overdosed[Signal.KL_TO_UNSTEERED] > 5 * max(healthy[Signal.KL_TO_UNSTEERED], 0.01)
    assert overdosed[Signal.UNSTEERED_PERPLEXITY] > 2 * healthy[Signal.UNSTEERED_PERPLEXITY]


def test_the_honesty_probe_reads_the_states_after_each_token(shipped: Shipped) -> None:
    width = shipped.hosted.hidden_size
    direction = torch.randn(width, generator=torch.Generator().manual_seed(0))
    direction /= direction.norm()
    probe = AffineReadout(1, direction, 0.5, 2.0)  # the last hidden state of transformers is normed
    tokens, finished, ids = shipped.reply(QUESTIONS[1], 0.0, Readouts(probe=probe))
    said = [token.id for token in tokens]
    with torch.inference_mode():
        states = shipped.model(input_ids=torch.tensor([ids + said]), output_hidden_states=True).hidden_states[
            probe.layer + 1
        ][0]
    # After every token but the one that stops the reply, whose state is never computed.
    scores = (states[len(ids) : -1] @ direction - 0.5) / 2.0
    found = reply_signals(tokens, finished)
    assert found[Signal.HONESTY_MEAN] == pytest.approx(float(scores.mean()), abs=1e-3)
    assert found[Signal.HONESTY_MINIMUM] == pytest.approx(float(scores.min()), abs=1e-3)
