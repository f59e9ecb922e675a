"""The card of a vector: everything a person needs to say what it is, and what it is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from torch import nn

from trimtab_vectors.card.extremes import Extremes, LabelledText, extremes
from trimtab_vectors.card.lens import LensError, LensReading, TokenScore, lens
from trimtab_vectors.card.push_effect import Context, PushEffect, push_effect
from trimtab_vectors.card.resemblance import Resemblance, chance_cosine, resemblances
from trimtab_vectors.evaluation.batching import Treatment
from trimtab_vectors.evaluation.sweep import SweepResult
from trimtab_vectors.extraction.capture import BATCH_TOKENS
from trimtab_vectors.extraction.contrast_set import ContrastPrompt, ContrastSet
from trimtab_vectors.extraction.extractor import make_directions
from trimtab_vectors.extraction.methods import named_method
from trimtab_vectors.extraction.neutral_texts import NEUTRAL_TEXTS
from trimtab_vectors.extraction.pair_states import capture_pair_states
from trimtab_vectors.extraction.prompt_tokens import prompt_tokens
from trimtab_vectors.operators import Add
from trimtab_vectors.steering import Steer
from trimtab_vectors.steering_vector import Positions, SteeringVector

#: Held-out prompts on which the change of the next token is measured, at most.
_CONTEXTS: Final = 128

#: Called with (what is being done, steps done, steps in all).
Progress = Callable[[str, int, int], None]
_STEPS: Final = ("tokens", "own ceiling", "other concepts", "extreme texts", "next token")


@dataclass(frozen=True)
class CardSetting:
    """Strength, layers and positions that the card's measurements are for."""

    strength: float
    layers: tuple[int, ...]
    positions: Positions


@dataclass(frozen=True)
class LayerFigures:
    """One layer's figures of the vector itself; None where not measured. residual_norm: of the stage looked at."""

    layer: int
    raw_norm: float
    residual_norm: float
    pair_accuracy: float | None
    explained_variance: float | None
    noise_ceiling: float | None
    separation: float | None
    agreement: float | None


@dataclass(frozen=True, eq=False)
class VectorCard:
    """What was found. tokens: empty where the model allows no lens, and `lens_refusal` says why. sweep: None if none
    was given: harm was then not measured, which is no news of none."""

    vector: SteeringVector
    model: str
    stage: str
    setting: CardSetting
    figures: tuple[LayerFigures, ...]
    tokens: Mapping[int, LensReading]
    lens_refusal: str | None
    effect: PushEffect
    extremes: Extremes
    resemblances: tuple[Resemblance, ...]
    chance: float
    sweep: SweepResult | None

    def resembling(self) -> tuple[Resemblance, ...]:
        """Concepts at the layers used that are no weak direction and beyond chance, the most alike first."""
        found = [
            own
            for own in self.resemblances
            if own.layer in self.setting.layers and not own.weak and abs(own.cosine) > self.chance
        ]
        return tuple(sorted(found, key=lambda own: -abs(own.cosine)))

    def as_dict(self) -> dict[str, Any]:
        """For JSON, without the directions."""
        vector = self.vector
        return {
            "form": "trimtab.card/1",
            "vector": {
                "id": vector.id,
                "display_name": vector.display_name,
                "concept": vector.concept,
                "stage": vector.stage,
                "method": vector.method,
                "position": vector.position,
                "data_hash": vector.data_hash,
                "created_by": vector.created_by,
                "license": vector.license,
                "model": vector.model.as_dict(),
            },
            "model": self.model,
            "stage": self.stage,
            "setting": asdict(self.setting),
            "layers": [asdict(own) for own in self.figures],
            "tokens": {
                str(layer): {
                    "promoted": _tokens(reading.promoted),
                    "suppressed": _tokens(reading.suppressed),
                }
                for layer, reading in self.tokens.items()
            },
            "lens_refusal": self.lens_refusal,
            "next_token": {
                "contexts": self.effect.contexts,
                "raised": _tokens(self.effect.raised),
                "lowered": _tokens(self.effect.lowered),
                "kl": self.effect.kl,
                "changed": self.effect.changed,
                "lens_agreement": {str(n): r for n, r in self.effect.lens_agreement.items()},
            },
            "extremes": {
                "layer": self.extremes.layer,
                "texts": self.extremes.texts,
                "highest": [asdict(own) for own in self.extremes.highest],
                "lowest": [asdict(own) for own in self.extremes.lowest],
                "separation": None
                if self.extremes.separation is None
                else self.extremes.separation.as_dict(),
            },
            "resemblances": [{**asdict(own), "weak": own.weak} for own in self.resemblances],
            "chance_cosine": self.chance,
            "sweep": None if self.sweep is None else self.sweep.as_dict(),
        }


def make_card(
    model: nn.Module,
    tokenizer: Any,
    vector: SteeringVector,
    setting: CardSetting,
    residual_norms: Mapping[int, float],
    *,
    model_name: str,
    stage: str,
    contrast_set: ContrastSet | None = None,
    texts: Sequence[str] = (),
    sweep: SweepResult | None = None,
    seed: int = 0,
    batch_tokens: int = BATCH_TOKENS,
    progress: Progress | None = None,
) -> VectorCard:
    """Look at `vector` on a stage.

    residual_norms: of that stage, at all the vector's layers. contrast_set: what it was extracted from, if at
    hand: gives extreme examples from held-out pairs, and the vector's own noise ceiling where the file has none.
    texts: more texts to look for extremes among. Raises ValueError for a sweep of another vector.
    """
    if sweep is not None and sweep.vector != vector.id:
        raise ValueError(f"the sweep is of vector {sweep.vector[:12]}, the card of {vector.id[:12]}")

    def step(index: int) -> None:
        if progress is not None:
            progress(_STEPS[index], index, len(_STEPS))

    step(0)
    readings, refusal = _lens(model, tokenizer, vector)
    step(1)
    ceilings = dict(vector.noise_ceilings) or _ceilings(model, tokenizer, vector, contrast_set, batch_tokens)
    step(2)
    alike = resemblances(model, tokenizer, vector.directions, ceilings, seed=seed, batch_tokens=batch_tokens)
    step(3)
    layer = max(setting.layers, key=lambda n: (vector.pair_accuracies.get(n, 0.0), -n))
    ends = extremes(
        model,
        tokenizer,
        _labelled(contrast_set, texts),
        vector.directions[layer],
        layer,
        residual_norms[layer],
        batch_tokens=batch_tokens,
    )
    step(4)
    steer = Steer(vector.directions, Add(setting.strength), setting.layers)
    effect = push_effect(
        model,
        tokenizer,
        [_context(tokenizer, prompt) for prompt in _contexts(contrast_set)],
        Treatment((steer,), residual_norms, setting.positions),
        readings,
        batch_tokens=batch_tokens,
    )
    return VectorCard(
        vector=vector,
        model=model_name,
        stage=stage,
        setting=setting,
        figures=tuple(_figures(vector, residual_norms, ceilings, n) for n in vector.layers),
        tokens=readings,
        lens_refusal=refusal,
        effect=effect,
        extremes=ends,
        resemblances=tuple(alike),
        chance=chance_cosine(vector.hidden_size),
        sweep=sweep,
    )


def _lens(
    model: nn.Module, tokenizer: Any, vector: SteeringVector
) -> tuple[Mapping[int, LensReading], str | None]:
    try:
        return lens(model, tokenizer, vector.directions), None
    except LensError as error:
        return {}, str(error)


def _ceilings(
    model: nn.Module,
    tokenizer: Any,
    vector: SteeringVector,
    contrast_set: ContrastSet | None,
    batch_tokens: int,
) -> dict[int, float]:
    """By DiffMean, and only for a vector that was made that way."""
    if contrast_set is None or vector.method != "diff_mean":
        return {}
    train = capture_pair_states(
        model, tokenizer, contrast_set.train, layers=vector.layers, batch_tokens=batch_tokens
    )
    return make_directions(train, None, named_method("diff_mean")).noise_ceilings


def _labelled(contrast_set: ContrastSet | None, texts: Sequence[str]) -> list[LabelledText]:
    held = contrast_set.dev if contrast_set is not None else ()
    return [
        *(LabelledText(pair.positive, "positive") for pair in held),
        *(LabelledText(pair.negative, "negative") for pair in held),
        *(LabelledText(ContrastPrompt(text=text), "neutral") for text in NEUTRAL_TEXTS),
        *(LabelledText(ContrastPrompt(text=text), "given") for text in texts),
    ]


def _contexts(contrast_set: ContrastSet | None) -> list[ContrastPrompt]:
    """Held-out prompts of both sides, spread over the set; neutral texts where there are none."""
    held = contrast_set.dev if contrast_set is not None else ()
    prompts = [side for pair in held for side in (pair.positive, pair.negative)]
    if not prompts:
        return [ContrastPrompt(text=text) for text in NEUTRAL_TEXTS]
    step = max(1, len(prompts) // _CONTEXTS)
    # An odd step meets both sides.
    return prompts[:: step + (step % 2 == 0)][:_CONTEXTS]


def _context(tokenizer: Any, prompt: ContrastPrompt) -> Context:
    tokens = tuple(prompt_tokens(tokenizer, prompt))
    # Raw text has no reply: all of it is steered.
    start = 1 if prompt.text else min(len(tokens), len(prompt_tokens(tokenizer, prompt, until="reply")))
    return Context(tokens, start)


def _figures(
    vector: SteeringVector, residual_norms: Mapping[int, float], ceilings: Mapping[int, float], layer: int
) -> LayerFigures:
    return LayerFigures(
        layer=layer,
        raw_norm=vector.raw_norms[layer],
        residual_norm=residual_norms[layer],
        pair_accuracy=vector.pair_accuracies.get(layer),
        explained_variance=vector.explained_variances.get(layer),
        noise_ceiling=ceilings.get(layer),
        separation=vector.separations.get(layer),
        agreement=vector.agreements.get(layer),
    )


def _tokens(scores: Sequence[TokenScore]) -> list[dict[str, Any]]:
    return [asdict(own) for own in scores]
