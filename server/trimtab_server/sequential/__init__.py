"""Statistics that may be looked at after every reply: no torch, no SQL, no gRPC, no clock, no hidden randomness.

Each class takes values one by one with `update`, keeps `evidence` (natural logarithms; alarm at `bar`) and a latched
`alarmed`, and goes through JSON and back with `state` and `from_state` without losing a bit. Values that are not
finite are refused (`NonFinite`). `check` measures false alarms and delays.
"""

from trimtab_server.sequential.batches import Batches, batch_size, lag1_correlation
from trimtab_server.sequential.betting import BettingMean, Side
from trimtab_server.sequential.comparisons import Comparison, PairedMeans, PairedOutcomes, TwoSampleMeans
from trimtab_server.sequential.conformal import ConformalDrift
from trimtab_server.sequential.finite import NonFinite
from trimtab_server.sequential.fixed_size import mcnemar_p, paired_score_p
from trimtab_server.sequential.intervals import ConfidenceSequence, NonInferiority
from trimtab_server.sequential.msprt import PairedMsprt, TwoSampleMsprt
from trimtab_server.sequential.outcome_tests import FixedOutcomeTest, OutcomeTest, fixed_size_p
from trimtab_server.sequential.paired_shift import PairedShift
from trimtab_server.sequential.rates import RateDrift, RateLimit
from trimtab_server.sequential.sample_ratio import SampleRatio
from trimtab_server.sequential.sign import SignTest

__all__ = [
    "Batches",
    "BettingMean",
    "Comparison",
    "ConfidenceSequence",
    "ConformalDrift",
    "FixedOutcomeTest",
    "NonFinite",
    "NonInferiority",
    "OutcomeTest",
    "PairedMeans",
    "PairedMsprt",
    "PairedOutcomes",
    "PairedShift",
    "RateDrift",
    "RateLimit",
    "SampleRatio",
    "Side",
    "SignTest",
    "TwoSampleMeans",
    "TwoSampleMsprt",
    "batch_size",
    "fixed_size_p",
    "lag1_correlation",
    "mcnemar_p",
    "paired_score_p",
]
