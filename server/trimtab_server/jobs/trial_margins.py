"""Log-probability margins of a trial's rows, read on a copy of the stage that serves nobody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from trimtab_vectors.evaluation.batching import Treatment
from trimtab_vectors.evaluation.margins import item_at_value, measure_margins
from trimtab_vectors.operators import Ablate, Add
from trimtab_vectors.steering import Steer

from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.engine.request import Operator, SteeringTerm
from trimtab_server.jobs.trial_work import TrialWork
from trimtab_server.steering import snapshot as steering
from trimtab_server.trials.rows import RowKey


def measurable(configuration: steering.Configuration) -> bool:
    """Whether margins can be read under it: additions and ablations without conditions, all at the same positions."""
    terms = configuration.steering.terms
    plain = all(
        term.operator in (steering.Operator.ADD, steering.Operator.ABLATE)
        and term.condition is None
        and term.preserve_state_norm is steering.PreserveStateNorm.NEVER
        for term in terms
    )
    return plain and len({term.positions for term in terms}) <= 1


def lane_margins(
    model: HostedModel,
    work: TrialWork,
    keys: Sequence[RowKey],
    unsteered: Mapping[RowKey, str],
    terms: Sequence[SteeringTerm],
    residual_norms: Mapping[int, float],
) -> list[float]:
    """log p(honest) - log p(dishonest) of each row of one lane, the best against the best, in nats. Blocks.

    The values are scored where the unsteered reply of the same prompt and repeat names one, so that every lane is
    scored at the same place (`evaluation.margins.item_at_value`).

    unsteered: replies of the unsteered lane. terms: the lane's steering. residual_norms: of its stage.
    """
    lane = work.criteria.named(keys[0].lane)
    configuration = work.configurations[lane.name].steering
    items = []
    for key in keys:
        prompt = work.prompts.named(key.prompt_id)
        question = replace(prompt.question, messages=lane.messages(prompt))
        items.append(item_at_value(question, unsteered[replace(key, lane=work.criteria.unsteered.name)]))
    treatment = Treatment(
        tuple(_steer(term) for term in terms),
        residual_norms,
        terms[0].positions.value if terms else "all",
    )
    stage = model.load_stage(configuration.stage)
    with torch.inference_mode():
        margins = measure_margins(stage, model.tokenizer, items, treatment)
    return [margin.against_best for margin in margins]


def _steer(term: SteeringTerm) -> Steer:
    operator = Ablate(term.strength) if term.operator is Operator.ABLATE else Add(term.strength)
    return Steer(term.vector.directions, operator, term.layers)
