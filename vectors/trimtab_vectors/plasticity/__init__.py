"""Plasticity over fine-tuning stages: effect matrices, indices, and the critical-window rule. numpy and scipy only.

Plasticity (how much a push does) and stability (how far the representation stays) are separate axes.
"""

from trimtab_vectors.plasticity.cost import (
    BestStrength,
    Increment,
    Option,
    Recommendation,
    best_strength,
    dominated,
    effect_per_cost,
    increment,
    net_value,
    recommend,
)
from trimtab_vectors.plasticity.departure import isotonic_departure
from trimtab_vectors.plasticity.drift import fine_tuning_shift, linear_cka, mean_shift
from trimtab_vectors.plasticity.effects import (
    CellEstimates,
    effect_matrix,
    normalised_effect,
    one_sided_effect_matrix,
)
from trimtab_vectors.plasticity.grid import EffectGrid, item_slopes
from trimtab_vectors.plasticity.intervention import (
    InterventionTimelines,
    TwinEffect,
    TwinRecord,
    intervention_timelines,
    twin_effect,
)
from trimtab_vectors.plasticity.planted import PlantedVerdicts, StudySummaryError, read_planted
from trimtab_vectors.plasticity.simulation import SimulatedShare, SimulationCheck, TimelineModel, run_check
from trimtab_vectors.plasticity.stability import (
    RepresentationStability,
    SplitHalf,
    representation_stability,
    split_half,
)
from trimtab_vectors.plasticity.steerability import (
    SpecificSteerability,
    SteerabilityMatrix,
    specific_steerability,
    steerability_matrix,
)
from trimtab_vectors.plasticity.transfer import TwoWayFit, readout_plasticity, transfer_ratios, two_way_fit
from trimtab_vectors.plasticity.window_plan import (
    GATES,
    ConfirmationSeeds,
    DiscoverySeeds,
    Gate,
    StageGates,
    WindowPlan,
)
from trimtab_vectors.plasticity.window_rule import WindowVerdicts, judge, judge_all
from trimtab_vectors.plasticity.window_verdict import Verdict, WindowVerdict, Word

__all__ = [
    "GATES",
    "BestStrength",
    "CellEstimates",
    "ConfirmationSeeds",
    "DiscoverySeeds",
    "EffectGrid",
    "Gate",
    "Increment",
    "InterventionTimelines",
    "Option",
    "PlantedVerdicts",
    "Recommendation",
    "RepresentationStability",
    "SimulatedShare",
    "SimulationCheck",
    "SpecificSteerability",
    "SplitHalf",
    "StageGates",
    "SteerabilityMatrix",
    "StudySummaryError",
    "TimelineModel",
    "TwinEffect",
    "TwinRecord",
    "TwoWayFit",
    "Verdict",
    "WindowPlan",
    "WindowVerdict",
    "WindowVerdicts",
    "Word",
    "best_strength",
    "dominated",
    "effect_matrix",
    "effect_per_cost",
    "fine_tuning_shift",
    "increment",
    "intervention_timelines",
    "isotonic_departure",
    "item_slopes",
    "judge",
    "judge_all",
    "linear_cka",
    "mean_shift",
    "net_value",
    "normalised_effect",
    "one_sided_effect_matrix",
    "read_planted",
    "readout_plasticity",
    "recommend",
    "representation_stability",
    "run_check",
    "specific_steerability",
    "split_half",
    "steerability_matrix",
    "transfer_ratios",
    "twin_effect",
    "two_way_fit",
]
