"""Sweeps: which layers and which strength, chosen on dev items and confirmed on held-out ones."""

from trimtab_vectors.evaluation.sweep.comparison import PROMPT_MARGIN, Comparison, Recommendation
from trimtab_vectors.evaluation.sweep.confirmation import Confirmation, confirm
from trimtab_vectors.evaluation.sweep.curves import Cliff, DoseCurve, DosePoint, Setting, recommend
from trimtab_vectors.evaluation.sweep.plan import STRENGTHS, SweepPlan, layer_groups
from trimtab_vectors.evaluation.sweep.result import SweepFileError, SweepResult, read_sweep, write_sweep
from trimtab_vectors.evaluation.sweep.run import SweepProgress, sweep

__all__ = [
    "PROMPT_MARGIN",
    "STRENGTHS",
    "Cliff",
    "Comparison",
    "Confirmation",
    "DoseCurve",
    "DosePoint",
    "Recommendation",
    "Setting",
    "SweepFileError",
    "SweepPlan",
    "SweepProgress",
    "SweepResult",
    "confirm",
    "layer_groups",
    "read_sweep",
    "recommend",
    "sweep",
    "write_sweep",
]
