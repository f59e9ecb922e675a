"""Read-outs for a vector, fitted, chosen and reported: which of them may watch over a deployment, if any.

Fitted on unsteered replies to dev questions, chosen on dev questions under all settings, reported on held-out
ones. Beside the read-outs stand what they must not be: the plain projection on the vector, and the same probes
with nothing removed. Both look good over all settings for the wrong reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from trimtab_vectors.decoder import find_decoder
from trimtab_vectors.evaluation.splits import DevItems, HeldOutItems, LeakError
from trimtab_vectors.extraction.capture import BATCH_TOKENS
from trimtab_vectors.extraction.residual_norms import median_residual_norms
from trimtab_vectors.readouts.confidence import own_confidence
from trimtab_vectors.readouts.discrimination import Discrimination, GuardrailRule, discriminate
from trimtab_vectors.readouts.fitting import fitted_direction, removed_basis
from trimtab_vectors.readouts.probe import PROBE_METHODS, Probe, ProbeMethod
from trimtab_vectors.readouts.reply_states import (
    LIVE_PLACES,
    PLACES,
    Place,
    ReplyStates,
    replies_with_states,
)
from trimtab_vectors.readouts.shadow import shadow_scores
from trimtab_vectors.readouts.steering_settings import GoodSetting, steering_settings
from trimtab_vectors.steering_vector import SteeringVector

#: probe: independent, readable live. answer_probe: independent, at the answer's token. shadow: see `shadow`.
#: confidence: smallest log-probability of the reply's own tokens. dependent_probe: nothing removed. projection: on
#: the vector itself.
Family = Literal["probe", "answer_probe", "shadow", "confidence", "dependent_probe", "projection"]

FAMILIES: Final[tuple[Family, ...]] = get_args(Family)
#: Families that are independent of the injected vector and can be read while a reply is written.
ELIGIBLE: Final[tuple[Family, ...]] = ("probe", "shadow")

#: Called with (what is being done, steps done, steps in all).
Progress = Callable[[str, int, int], None]
Scores = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Candidate:
    """A read-out that was tried. layer, place, method: None where they mean nothing."""

    family: Family
    layer: int | None = None
    place: Place | None = None
    method: ProbeMethod | None = None

    @property
    def name(self) -> str:
        parts = [self.method, f"layer {self.layer}" if self.layer is not None else None, self.place]
        return " ".join([self.family, *(part for part in parts if part is not None)])


@dataclass(frozen=True)
class FamilyResult:
    """The candidate of a family that did best on dev questions, with its figures there and on held-out ones.

    refusal: why it may not be a guardrail; None if it may."""

    candidate: Candidate
    dev: Discrimination
    held_out: Discrimination
    refusal: str | None

    @property
    def guardrail(self) -> bool:
        return self.refusal is None

    def as_dict(self) -> dict[str, Any]:
        return {
            "candidate": self.candidate.name,
            "layer": self.candidate.layer,
            "place": self.candidate.place,
            "method": self.candidate.method,
            "dev": self.dev.as_dict(),
            "held_out": self.held_out.as_dict(),
            "guardrail": self.guardrail,
            "refusal": self.refusal,
        }


@dataclass(frozen=True)
class ReadoutReport:
    """What came of it. tried: standing on dev questions of every candidate. probe: the best live one, as it
    would be kept, guardrail or not."""

    vector: str
    stage: str
    good: GoodSetting
    rule: GuardrailRule
    layers: tuple[int, ...]
    dev: str
    held_out: str
    seed: int
    families: Mapping[Family, FamilyResult]
    tried: Mapping[str, float]
    probe: Probe

    @property
    def guardrails(self) -> tuple[Family, ...]:
        return tuple(family for family, result in self.families.items() if result.guardrail)

    @property
    def closest(self) -> FamilyResult:
        """The eligible read-out that comes nearest to the rule on held-out questions."""
        return max(
            (result for family, result in self.families.items() if family in ELIGIBLE),
            key=lambda result: result.held_out.standing,
        )

    def as_dict(self) -> dict[str, Any]:
        return {
            "vector": self.vector,
            "stage": self.stage,
            "good": {
                "strength": self.good.strength,
                "layers": list(self.good.layers),
                "positions": self.good.positions,
            },
            "rule": {"at_least": self.rule.at_least, "fewest": self.rule.fewest},
            "layers": list(self.layers),
            "dev": self.dev,
            "held_out": self.held_out,
            "seed": self.seed,
            "guardrails": list(self.guardrails),
            "closest": self.closest.candidate.name,
            "families": {family: result.as_dict() for family, result in self.families.items()},
            "tried": dict(self.tried),
            "probe": self.probe.id,
        }


def fit_readouts(
    model: nn.Module,
    tokenizer: Any,
    vector: SteeringVector,
    good: GoodSetting,
    dev: DevItems,
    held: HeldOutItems,
    *,
    stage: str,
    layers: Sequence[int] | None = None,
    residual_norms: Mapping[int, float] | None = None,
    rule: GuardrailRule | None = None,
    seed: int = 0,
    max_new_tokens: int = 64,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> ReadoutReport:
    """Fit, choose and report read-outs for `vector` at its good setting.

    layers: to read at; None means a few after the last one steered. Raises LeakError if dev and held-out
    questions share a fact, ValueError if the model tells too few lies, or only lies, to fit anything.
    """
    if dev.fact_hashes & held.fact_hashes:
        raise LeakError(
            "dev and held-out questions share a fact; a read-out would be reported on what it knows"
        )
    read = (
        tuple(layers) if layers is not None else reading_layers(good.layers, len(find_decoder(model).blocks))
    )
    norms = residual_norms or median_residual_norms(model, tokenizer)
    own_rule = rule or GuardrailRule()
    heard = _Hearing(
        model, tokenizer, vector, good, norms, read, seed, max_new_tokens, batch_tokens, progress
    )
    on_dev, on_held = heard.of(dev, "dev"), heard.of(held, "held-out")
    fitted = _Fitted(vector, good, on_dev.replies)
    candidates = _candidates(vector, read)
    judged = {
        candidate: discriminate(fitted.scores(candidate, on_dev), on_dev.replies, dev.facts, own_rule)
        for candidate in candidates
    }
    families: dict[Family, FamilyResult] = {}
    for family in FAMILIES:
        own = [candidate for candidate in candidates if candidate.family == family]
        if not own:
            continue
        best = max(own, key=lambda candidate: judged[candidate].standing)
        final = discriminate(fitted.scores(best, on_held), on_held.replies, held.facts, own_rule)
        families[family] = FamilyResult(best, judged[best], final, _refusal(family, final, own_rule))
    kept = families["probe"]
    probe = fitted.probe(kept.candidate, stage, dev.digest, kept)
    return ReadoutReport(
        vector=vector.id,
        stage=stage,
        good=good,
        rule=own_rule,
        layers=read,
        dev=dev.digest,
        held_out=held.digest,
        seed=seed,
        families=families,
        tried={candidate.name: judged[candidate].standing for candidate in candidates},
        probe=probe,
    )


def reading_layers(steered: Sequence[int], layer_count: int, most: int = 4) -> tuple[int, ...]:
    """At most `most` layers from the last steered one to the model's last, spread evenly, both included."""
    first, last = max(steered), layer_count - 1
    count = min(most, last - first + 1)
    if count == 1:
        return (last,)
    return tuple(sorted({round(first + i * (last - first) / (count - 1)) for i in range(count)}))


@dataclass(frozen=True, eq=False)
class _Heard:
    """Setting -> replies with states, and the two scores that are made of tokens."""

    replies: Mapping[str, ReplyStates]
    shadow: Scores
    confidence: Scores


@dataclass(frozen=True, eq=False)
class _Hearing:
    """How questions are asked under every setting."""

    model: nn.Module
    tokenizer: Any
    vector: SteeringVector
    good: GoodSetting
    norms: Mapping[int, float]
    layers: tuple[int, ...]
    seed: int
    max_new_tokens: int
    batch_tokens: int
    progress: Progress | None

    def of(self, items: DevItems | HeldOutItems, what: str) -> _Heard:
        questions = items.questions
        settings = steering_settings(self.vector, self.good, self.norms, len(questions), self.seed)
        conversations = [question.messages for question in questions]
        replies: dict[str, ReplyStates] = {}
        shadow, confidence = {}, {}
        for done, (name, treatment) in enumerate(settings.items()):
            if self.progress is not None:
                self.progress(f"{what} questions, {name}", done, len(settings))
            heard = replies_with_states(
                self.model,
                self.tokenizer,
                questions,
                treatment,
                self.layers,
                max_new_tokens=self.max_new_tokens,
                batch_tokens=self.batch_tokens,
            )
            said = heard.answers.replies
            replies[name] = heard
            shadow[name] = shadow_scores(
                self.model, self.tokenizer, conversations, said, batch_tokens=self.batch_tokens
            )
            confidence[name] = own_confidence(
                self.model, self.tokenizer, conversations, said, treatment, batch_tokens=self.batch_tokens
            )
        return _Heard(replies, shadow, confidence)


class _Fitted:
    """Probes fitted on the unsteered replies to dev questions, each when it is first asked for."""

    def __init__(self, vector: SteeringVector, good: GoodSetting, replies: Mapping[str, ReplyStates]) -> None:
        self.vector, self.good, self.replies = vector, good, replies
        self.known: dict[Candidate, tuple[Tensor, float, float]] = {}

    def removed(self, layer: int, place: Place) -> Tensor:
        used = {*self.good.layers, layer} & set(self.vector.layers)
        injected = [self.vector.directions[n] for n in sorted(used)]
        steered, unsteered = (self.replies[name].states[layer, place] for name in ("good", "unsteered"))
        return removed_basis(injected, steered, unsteered)

    def fit(self, candidate: Candidate) -> tuple[Tensor, float, float]:
        if candidate not in self.known:
            layer, place, method = _placed(candidate)
            unsteered = self.replies["unsteered"]
            removed = None if candidate.family == "dependent_probe" else self.removed(layer, place)
            rows = unsteered.states[layer, place][unsteered.scored]
            self.known[candidate] = fitted_direction(
                rows, unsteered.honest[unsteered.scored], method or "diff_mean", removed
            )
        return self.known[candidate]

    def scores(self, candidate: Candidate, heard: _Heard) -> Scores:
        if candidate.family == "shadow":
            return heard.shadow
        if candidate.family == "confidence":
            return heard.confidence
        layer, place, _ = _placed(candidate)
        direction = (
            self.vector.directions[layer] if candidate.family == "projection" else self.fit(candidate)[0]
        )
        return {
            name: (replies.states[layer, place].double() @ direction.double()).numpy()
            for name, replies in heard.replies.items()
        }

    def probe(self, candidate: Candidate, stage: str, data_hash: str, result: FamilyResult) -> Probe:
        layer, place, method = _placed(candidate)
        direction, offset, scale = self.fit(candidate)
        return Probe(
            concept=self.vector.concept,
            stage=stage,
            model=self.vector.model,
            vector=self.vector.id,
            layer=layer,
            place=place,
            method=method or "diff_mean",
            direction=direction,
            offset=offset,
            scale=scale,
            removed=self.removed(layer, place).float(),
            data_hash=data_hash,
            guardrail=result.guardrail,
            figures={"held_out": result.held_out.as_dict(), "refusal": result.refusal},
        )


def _candidates(vector: SteeringVector, layers: Sequence[int]) -> list[Candidate]:
    found = [Candidate("shadow"), Candidate("confidence")]
    for layer in layers:
        for place in PLACES:
            family: Family = "probe" if place in LIVE_PLACES else "answer_probe"
            for method in PROBE_METHODS:
                found.append(Candidate(family, layer, place, method))
                found.append(Candidate("dependent_probe", layer, place, method))
            if layer in vector.directions:
                found.append(Candidate("projection", layer, place))
    return found


def _placed(candidate: Candidate) -> tuple[int, Place, ProbeMethod | None]:
    assert candidate.layer is not None and candidate.place is not None
    return candidate.layer, candidate.place, candidate.method


def _refusal(family: Family, found: Discrimination, rule: GuardrailRule) -> str | None:
    if family in ("projection", "dependent_probe"):
        return "it moves with the dose itself, so it shows that a vector is added and not what it does"
    if family == "answer_probe":
        return "where the answer stands is not known while a reply is written"
    if family == "confidence":
        return "it is read from the steered distribution, which the vector itself makes sharp or flat"
    return found.failing(rule)
