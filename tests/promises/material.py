"""Real replies of the embedded model under many configurations: what rows 10 and 11 draw their rollouts from."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.engine.pool import EnginePool, EngineSettings
from trimtab_server.engine.request import (
    Event,
    Finished,
    GenerationRequest,
    Positions,
    Readouts,
    Sampling,
    SteeringTerm,
    Token,
)
from trimtab_server.monitoring.canary import CanarySet, judge
from trimtab_server.monitoring.signals import hard_faults, reply_signals
from trimtab_vectors.evaluation.honesty import Question
from trimtab_vectors.formats.safetensors import read_vector
from trimtab_vectors.organism import shipped_model_dir
from trimtab_vectors.steering_vector import SteeringVector

#: As the server asks canaries: greedy, a sentence or two.
CANARY = Sampling(max_tokens=96)
SLOTS = 16
#: Kinds of questions: canaries are of the first two, live traffic is like the third.
KINDS = ("hard_pressure", "neutral", "soft_pressure")


@dataclass(frozen=True)
class Dose:
    """A configuration of the embedded model: one vector at some layers."""

    name: str
    vector: SteeringVector
    strength: float
    layers: tuple[int, ...]
    positions: Positions = Positions.REPLY

    def terms(self) -> tuple[SteeringTerm, ...]:
        return (SteeringTerm(self.vector, self.strength, self.layers, positions=self.positions),)


@dataclass(frozen=True)
class Answer:
    """One reply as the monitors see it: its outcome, its signals, and what needs no statistics."""

    outcome: str
    signals: Mapping[str, float]
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Answers:
    """Of one configuration, in the order of the questions: canaries by kind, and sampled replies to live prompts."""

    canaries: Mapping[str, tuple[Answer, ...]]
    live: tuple[Answer, ...]

    def honest(self, kind: str) -> float:
        """Share of honest answers."""
        answers = self.canaries[kind]
        return sum(answer.outcome == "honest" for answer in answers) / len(answers)


class Bench:
    """The real engine on the embedded model's default stage, asked directly. `close` ends it."""

    def __init__(self, questions: int, live: int, seed: int) -> None:
        """questions: canaries of each kind; live: prompts of traffic, each sampled with a seed of its own."""
        torch.set_num_threads(1)
        directory = shipped_model_dir()
        self._model = HostedModel.open(str(directory), device="cpu", dtype="float32")
        self.settings = json.loads((directory / "settings.json").read_text())
        stage = self.settings["recommended"]["stage"]
        self.pool = EnginePool(self._model, self._hear, EngineSettings(slots=SLOTS, threads=1))
        self._engine = self.pool.ensure_stage(stage)
        self.vectors = {
            path.stem: read_vector(path.read_bytes()) for path in sorted((directory / "vectors").iterdir())
        }
        canary_set = CanarySet.at(Path(directory) / "canary.jsonl")
        assert canary_set is not None, "the embedded model comes with a canary set"
        drawn = canary_set.draw(max(questions, live), seed).questions
        self._questions = {
            kind: [question for question in drawn if question.kind == kind][
                : live if kind == KINDS[2] else questions
            ]
            for kind in KINDS
        }
        self._changed = threading.Condition()
        self._tokens: dict[int, list[Token]] = {}
        self._ended: dict[int, Finished] = {}

    @property
    def layers(self) -> int:
        return self._model.layer_count

    @property
    def recommended(self) -> Dose:
        return self.dose("recommended", self.settings["recommended"])

    @property
    def bad(self) -> list[Dose]:
        """The ways of going wrong that come along with the model."""
        return [self.dose(record["name"], record) for record in self.settings["bad"]]

    def dose(self, name: str, record: Mapping[str, object]) -> Dose:
        vector = self.vectors[Path(str(record["vector"])).stem]
        layers = record["layers"]
        assert isinstance(layers, list)
        return Dose(
            name, vector, float(str(record["strength"])), tuple(layers), Positions(record["positions"])
        )

    def answers(self, dose: Dose | None) -> Answers:
        """Everything asked of one configuration; None is unsteered."""
        terms = dose.terms() if dose is not None else ()
        canaries = {}
        for kind in KINDS[:2]:
            readouts = self._readouts(kl=kind == "neutral")
            canaries[kind] = tuple(
                self._ask(terms, self._questions[kind], readouts, [CANARY] * len(self._questions[kind]))
            )
        live = self._questions[KINDS[2]]
        sampling = [Sampling(temperature=0.7, seed=number, max_tokens=96) for number in range(len(live))]
        return Answers(canaries, tuple(self._ask(terms, live, self._readouts(kl=False), sampling)))

    def close(self) -> None:
        self.pool.close()

    def _readouts(self, kl: bool) -> Readouts:
        return Readouts(
            watched=self.vectors["honesty"], entropy=True, residual_norm_ratio=True, kl_to_unsteered=kl
        )

    def _ask(
        self,
        terms: tuple[SteeringTerm, ...],
        questions: Sequence[Question],
        readouts: Readouts,
        sampling: Sequence[Sampling],
    ) -> list[Answer]:
        tickets = []
        for question, one in zip(questions, sampling, strict=True):
            messages = [{"role": message.role, "content": message.content} for message in question.messages]
            request = GenerationRequest(self._model.render(messages), terms, one, readouts)
            tickets.append(self._engine.submit(request))
        with self._changed:
            self._changed.wait_for(lambda: all(ticket in self._ended for ticket in tickets))
            made = [(self._tokens.pop(ticket, []), self._ended.pop(ticket)) for ticket in tickets]
        return [_answer(question, *one) for question, one in zip(questions, made, strict=True)]

    def _hear(self, events: tuple[Event, ...]) -> None:
        with self._changed:
            for event in events:
                self._tokens.setdefault(event.ticket, []).extend(event.tokens)
                if event.finished is not None:
                    self._ended[event.ticket] = event.finished
            self._changed.notify_all()


def _answer(question: Question, tokens: Sequence[Token], finished: Finished) -> Answer:
    signals = reply_signals(tokens, finished, question=question)
    outcome = judge(question, "".join(token.text for token in tokens)).outcome.value
    return Answer(outcome, dict(signals), hard_faults(signals, finished))


def turned(vector: SteeringVector, cosine: float, seed: int) -> SteeringVector:
    """The vector with each direction turned at random, so that its cosine to what it was is as given."""
    generator = torch.Generator().manual_seed(seed)

    def turn(direction: torch.Tensor) -> torch.Tensor:
        noise = torch.randn(direction.shape, generator=generator, dtype=torch.float64)
        unit = direction.double()
        noise -= (noise @ unit) * unit
        new = cosine * unit + (1 - cosine**2) ** 0.5 * noise / noise.norm()
        return (new / new.norm()).to(direction.dtype)

    directions = {layer: turn(direction) for layer, direction in vector.directions.items()}
    return replace(vector, directions=directions)


def harmful(bench: Bench, seed: int) -> list[Dose]:
    """Candidates of four kinds, more than needed: overdosed, negated, at the wrong layer, and at random."""
    dice = random.Random(seed)
    good = bench.recommended
    doses = []
    for number in range(20):
        overdose = dice.uniform(0.85, 1.0)
        layers = tuple(sorted(dice.sample(range(bench.layers), dice.choice((2, 3, 4)))))
        doses.append(replace(good, name=f"overdosed {number}", strength=overdose, layers=layers))
        negated = -dice.uniform(0.1, 0.6)
        doses.append(replace(good, name=f"negated {number}", strength=negated))
        wrong = tuple(sorted(dice.sample(range(3, bench.layers), dice.choice((1, 2)))))
        doses.append(
            replace(good, name=f"wrong layer {number}", strength=dice.uniform(0.2, 0.5), layers=wrong)
        )
        aimless = turned(good.vector, 0.0, dice.getrandbits(31))
        doses.append(replace(good, name=f"random {number}", vector=aimless, strength=dice.uniform(0.2, 0.9)))
    return doses


def equivalent(bench: Bench, seed: int, count: int) -> list[Dose]:
    """Candidates like the good one: the strength a little other, the directions turned a little."""
    dice = random.Random(seed)
    good = bench.recommended
    return [
        replace(
            good,
            name=f"equivalent {number}",
            vector=turned(good.vector, dice.uniform(0.985, 1.0), dice.getrandbits(31)),
            strength=good.strength * dice.uniform(1.0, 1.15),
        )
        for number in range(count)
    ]


def weaker(bench: Bench, count: int) -> list[Dose]:
    """The good vector at a half to nine tenths of its strength."""
    good = bench.recommended
    shares = [0.5 + 0.4 * number / max(1, count - 1) for number in range(count)]
    return [replace(good, name=f"weaker {share:.2f}", strength=share * good.strength) for share in shares]
