"""Confirming a chosen setting on held-out items, beside what random vectors and a prompt alone do there.

The outcome may be that a prompt is enough. Everything compared is paired: the same held-out items, asked
unsteered, steered, and with the best prompt line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from trimtab_vectors.evaluation.batching import UNSTEERED, Treatment
from trimtab_vectors.evaluation.controls import (
    ENOUGH_RANDOM,
    Controls,
    honest_under_directions,
    random_directions,
)
from trimtab_vectors.evaluation.margins import item_at_value, matched, measure_margins
from trimtab_vectors.evaluation.neutral import NeutralText, neutral_effects, neutral_texts, own_replies
from trimtab_vectors.evaluation.outcomes import Answers, ask
from trimtab_vectors.evaluation.prompt_baseline import PromptScores, with_best_line
from trimtab_vectors.evaluation.side_effects import (
    GateResult,
    SideEffects,
    acceptable,
    side_effects,
)
from trimtab_vectors.evaluation.splits import Choice, HeldOutItems
from trimtab_vectors.evaluation.sweep.comparison import Comparison, Recommendation, compare
from trimtab_vectors.evaluation.sweep.curves import Setting
from trimtab_vectors.evaluation.sweep.plan import SweepPlan
from trimtab_vectors.evaluation.sweep.result import setting_dict
from trimtab_vectors.extraction.capture import BATCH_TOKENS
from trimtab_vectors.extraction.residual_norms import median_residual_norms
from trimtab_vectors.operators import Add
from trimtab_vectors.steering import Steer
from trimtab_vectors.steering_vector import SteeringVector


@dataclass(frozen=True)
class Confirmation:
    """Held-out figures of one setting: what may be reported."""

    setting: Setting
    held_out: str
    comparisons: tuple[Comparison, ...]
    side_effects: SideEffects
    gates: tuple[GateResult, ...]

    @property
    def recommendation(self) -> Recommendation:
        """Over all kinds: steer where any kind needs it and all others are served either way."""
        found = {comparison.recommendation for comparison in self.comparisons}
        if len(found) == 1:
            return next(iter(found))
        if "steer" in found and found <= {"steer", "a prompt is enough"}:
            return "steer"
        return "not enough data" if "not enough data" in found else "neither"

    def of_kind(self, kind: str) -> Comparison:
        """Raises KeyError for a kind that is no target."""
        for comparison in self.comparisons:
            if comparison.kind == kind:
                return comparison
        raise KeyError(f"no comparison of kind {kind!r}")

    def as_dict(self) -> dict[str, Any]:
        return {
            "setting": setting_dict(self.setting),
            "held_out": self.held_out,
            "comparisons": [comparison.as_dict() for comparison in self.comparisons],
            "side_effects": self.side_effects.as_dict(),
            "gates": [gate.as_dict() for gate in self.gates],
            "recommendation": self.recommendation,
        }


def confirm(
    model: nn.Module,
    tokenizer: Any,
    vector: SteeringVector,
    choice: Choice[Setting],
    held: HeldOutItems,
    plan: SweepPlan,
    *,
    prompts: Mapping[str, Choice[PromptScores]] | None = None,
    residual_norms: Mapping[int, float] | None = None,
    neutral: Sequence[NeutralText] | None = None,
    random_vectors: int = ENOUGH_RANDOM,
    random_items: int = 40,
    seed: int = 0,
    batch_tokens: int = BATCH_TOKENS,
) -> Confirmation:
    """Report a chosen setting on held-out items.

    plan: its targets, known kinds, gates and length of replies. prompts: target kind -> the line chosen for it
    on dev (`choose_prompt`); without, a prompt cannot be found to be enough. neutral: as in `sweep`.
    random_items: of each kind, spread over the facts, on which `random_vectors` random vectors (`seed`) are
    measured.

    Raises LeakError if an item's fact took part in a choice, TypeError for what is not a `Choice` or not
    `HeldOutItems`.
    """
    if not isinstance(held, HeldOutItems):
        raise TypeError(f"a setting is reported on HeldOutItems, not on {type(held).__name__}")
    setting = held.reports_on(choice)
    best = {kind: held.reports_on(own).best for kind, own in (prompts or {}).items()}
    norms = residual_norms or median_residual_norms(model, tokenizer, layers=setting.layers)
    treatment = Treatment((Steer.of(vector, setting.strength, setting.layers),), norms, setting.positions)
    options: dict[str, Any] = {"max_new_tokens": plan.max_new_tokens, "batch_tokens": batch_tokens}
    before, after = (ask(model, tokenizer, held.questions, t, **options) for t in (UNSTEERED, treatment))
    comparisons = []
    for kind in plan.targets:
        chosen = [i for i, question in enumerate(held.questions) if question.kind == kind]
        if not chosen:
            continue
        asked = [held.questions[i] for i in chosen]
        said = None
        if kind in best:
            said = ask(model, tokenizer, with_best_line(asked, best[kind]), UNSTEERED, **options)
        part = _spread([held.facts[i] for i in chosen], random_items)
        honest = honest_under_directions(
            model,
            tokenizer,
            [asked[i] for i in part],
            random_directions(setting.layers, vector.hidden_size, random_vectors, seed),
            Add(setting.strength),
            residual_norms=norms,
            positions=setting.positions,
            **options,
        )
        comparisons.append(
            compare(
                kind,
                [(held.facts[i], held.questions[i].language) for i in chosen],
                before.of(chosen),
                after.of(chosen),
                said,
                Controls(tuple(honest.mean(axis=1).tolist()), seed),
                part,
            )
        )
    if not comparisons:
        raise ValueError(f"the held-out items hold no question of the target kinds {', '.join(plan.targets)}")
    texts = neutral if neutral is not None else own_replies(held.questions, before.replies, plan.known)
    effects = side_effects(
        before,
        after,
        known=[question.kind in plan.known for question in held.questions],
        texts=neutral_effects(model, neutral_texts(tokenizer, texts), treatment, batch_tokens=batch_tokens),
        clusters=held.facts,
        anti_steerable=_slopes(
            model, tokenizer, held, plan, before, treatment, setting.strength, batch_tokens
        ),
    )
    gates = effects.judged(plan.gates)
    judged = tuple(_under_gates(comparison, gates) for comparison in comparisons)
    return Confirmation(setting, held.digest, judged, effects, gates)


def _under_gates(comparison: Comparison, gates: Sequence[GateResult]) -> Comparison:
    """Steering is recommended only under its gates; a prompt does not depend on them."""
    if comparison.recommendation != "steer" or acceptable(gates):
        return comparison
    failed = any(gate.verdict == "fail" for gate in gates)
    return replace(comparison, recommendation="neither" if failed else "not enough data")


def _spread(facts: Sequence[str], count: int) -> list[int]:
    """At most `count` items, every fact once before any fact twice, in a fixed order."""
    turn: dict[str, int] = {}
    order = []
    for index, fact in enumerate(facts):
        order.append((turn.get(fact, 0), index))
        turn[fact] = turn.get(fact, 0) + 1
    ranked = [index for _, index in sorted(order)]
    if len(ranked) <= count:
        return ranked
    step = len(ranked) / count
    return [ranked[int(i * step)] for i in range(count)]


def _slopes(
    model: nn.Module,
    tokenizer: Any,
    held: HeldOutItems,
    plan: SweepPlan,
    before: Answers,
    treatment: Treatment,
    strength: float,
    batch_tokens: int,
) -> list[float]:
    """Per target item, change of its margin per unit of strength between unsteered and the setting."""
    items = [
        item_at_value(question, reply)
        for question, reply in zip(held.questions, before.replies, strict=True)
        if question.kind in plan.targets and question.dishonest
    ]
    unsteered = measure_margins(model, tokenizer, items, UNSTEERED, batch_tokens=batch_tokens)
    pairs = matched(items, unsteered)
    steered = measure_margins(model, tokenizer, pairs, treatment, batch_tokens=batch_tokens)
    return [
        (after.against_best - start.against_best) / strength
        for start, after in zip(unsteered, steered, strict=True)
    ]
