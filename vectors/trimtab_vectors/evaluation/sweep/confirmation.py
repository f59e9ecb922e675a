"""Confirming a chosen setting on held-out items, beside what random vectors and a prompt alone do there.

The outcome may be that a prompt is enough. Everything compared is paired: the same held-out items, asked
unsteered, steered, and with the best prompt line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn

from trimtab_vectors.evaluation.batching import UNSTEERED, Treatment
from trimtab_vectors.evaluation.controls import (
    ENOUGH_RANDOM,
    Controls,
    honest_under_directions,
    random_directions,
)
from trimtab_vectors.evaluation.honesty import Question
from trimtab_vectors.evaluation.margins import Margin, MarginItem, item_at_value, matched, measure_margins
from trimtab_vectors.evaluation.neutral import (
    NeutralTexts,
    grouped,
    neutral_effects,
    neutral_texts,
    own_replies,
)
from trimtab_vectors.evaluation.outcomes import Answers, ask
from trimtab_vectors.evaluation.prompt_baseline import PromptLine, PromptScores, with_best_line
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
    neutral: NeutralTexts | None = None,
    random_vectors: int = ENOUGH_RANDOM,
    shuffled: Mapping[int, Tensor] | None = None,
    control_items: int = 40,
    seed: int = 0,
    batch_tokens: int = BATCH_TOKENS,
) -> Confirmation:
    """Report a chosen setting on held-out items.

    plan: its targets, known kinds, gates and length of replies. prompts: target kind -> the line chosen for it
    on dev (`choose_prompt`); without, a prompt cannot be found to be enough. neutral: as in `sweep`. shuffled:
    label-shuffled directions `[K, H]` by layer (`controls.shuffled_directions`). control_items: of each kind,
    spread over the facts, on which `random_vectors` random vectors (`seed`) and the shuffled ones are measured.

    Raises LeakError if an item's fact took part in a choice, TypeError for what is not a `Choice` or not
    `HeldOutItems`, ValueError where the held-out items hold no target question.
    """
    if not isinstance(held, HeldOutItems):
        raise TypeError(f"a setting is reported on HeldOutItems, not on {type(held).__name__}")
    setting = held.reports_on(choice)
    best = {kind: held.reports_on(own).best for kind, own in (prompts or {}).items()}
    kinds = [kind for kind in plan.targets if any(q.kind == kind for q in held.questions)]
    if not kinds:
        raise ValueError(f"the held-out items hold no question of the target kinds {', '.join(plan.targets)}")
    norms = residual_norms or median_residual_norms(model, tokenizer, layers=setting.layers)
    at = _AtSetting(model, tokenizer, vector, setting, held, plan, norms, batch_tokens)
    drawn = random_directions(setting.layers, vector.hidden_size, random_vectors, seed)
    comparisons = [
        at.comparison(kind, best.get(kind), drawn, shuffled, control_items, seed) for kind in kinds
    ]
    effects = at.side_effects(neutral)
    gates = effects.judged(plan.gates)
    judged = tuple(_under_gates(comparison, gates) for comparison in comparisons)
    return Confirmation(setting, held.digest, judged, effects, gates)


class _AtSetting:
    """Everything measured on the held-out items at one setting."""

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        vector: SteeringVector,
        setting: Setting,
        held: HeldOutItems,
        plan: SweepPlan,
        norms: Mapping[int, float],
        batch_tokens: int,
    ) -> None:
        self.model, self.tokenizer, self.setting, self.held, self.plan = model, tokenizer, setting, held, plan
        self.norms, self.batch_tokens = norms, batch_tokens
        steer = Steer.of(vector, setting.strength, setting.layers)
        self.treatment = Treatment((steer,), norms, setting.positions)
        self.before = self._ask(held.questions, UNSTEERED)
        self.after = self._ask(held.questions, self.treatment)

    def comparison(
        self,
        kind: str,
        best: Mapping[str, PromptLine] | None,
        drawn: Mapping[int, Tensor],
        shuffled: Mapping[int, Tensor] | None,
        control_items: int,
        seed: int,
    ) -> Comparison:
        chosen = [i for i, question in enumerate(self.held.questions) if question.kind == kind]
        asked = [self.held.questions[i] for i in chosen]
        facts = [self.held.facts[i] for i in chosen]
        part = _spread(facts, control_items)
        few = [asked[i] for i in part]
        return compare(
            kind,
            [(fact, question.language) for fact, question in zip(facts, asked, strict=True)],
            self.before.of(chosen),
            self.after.of(chosen),
            None if best is None else self._ask(with_best_line(asked, best), UNSTEERED),
            self._controls(few, drawn, seed),
            None if shuffled is None else self._controls(few, shuffled, seed),
            part,
        )

    def side_effects(self, neutral: NeutralTexts | None) -> SideEffects:
        held, known = self.held, self.plan.known
        mine = own_replies(held.questions, self.before.replies, known) if neutral is None else neutral
        said, groups = grouped(mine)
        texts = neutral_texts(self.tokenizer, said)
        return side_effects(
            self.before,
            self.after,
            known=[question.kind in known for question in held.questions],
            texts=neutral_effects(self.model, texts, self.treatment, batch_tokens=self.batch_tokens),
            text_groups=groups,
            clusters=held.facts,
            anti_steerable=self._slopes(),
        )

    def _slopes(self) -> list[float]:
        """Per target item, change of its margin per unit of strength between unsteered and the setting."""
        items = [
            item_at_value(question, reply)
            for question, reply in zip(self.held.questions, self.before.replies, strict=True)
            if question.kind in self.plan.targets and question.dishonest
        ]
        unsteered = self._margins(items, UNSTEERED)
        steered = self._margins(matched(items, unsteered), self.treatment)
        return [
            (after.against_best - before.against_best) / self.setting.strength
            for before, after in zip(unsteered, steered, strict=True)
        ]

    def _margins(self, items: Sequence[MarginItem], treatment: Treatment) -> list[Margin]:
        return measure_margins(self.model, self.tokenizer, items, treatment, batch_tokens=self.batch_tokens)

    def _ask(self, questions: Sequence[Question], treatment: Treatment) -> Answers:
        return ask(
            self.model,
            self.tokenizer,
            questions,
            treatment,
            max_new_tokens=self.plan.max_new_tokens,
            batch_tokens=self.batch_tokens,
        )

    def _controls(
        self, questions: Sequence[Question], directions: Mapping[int, Tensor], seed: int
    ) -> Controls:
        honest = honest_under_directions(
            self.model,
            self.tokenizer,
            questions,
            {layer: directions[layer] for layer in self.setting.layers},
            Add(self.setting.strength),
            residual_norms=self.norms,
            positions=self.setting.positions,
            max_new_tokens=self.plan.max_new_tokens,
            batch_tokens=self.batch_tokens,
        )
        return Controls(tuple(honest.mean(axis=1).tolist()), seed)


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
