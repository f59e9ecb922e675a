"""Statistics for paired, clustered measurements. numpy and scipy only.

The unit matters more than the formula: items for a claim about one model, clusters where items share a fact,
training seeds for any claim about time.
"""

from trimtab_vectors.statistics.auroc import auroc
from trimtab_vectors.statistics.bootstrap import (
    bootstrap_interval,
    cluster_bootstrap,
    hierarchical_bootstrap,
    hierarchical_draws,
)
from trimtab_vectors.statistics.clustered import (
    clustered_covariance,
    clustered_mean,
    clustered_standard_error,
    fieller,
    ratio_of_means,
)
from trimtab_vectors.statistics.estimate import Alternative, Estimate, undetermined
from trimtab_vectors.statistics.isotonic import isotonic_regression
from trimtab_vectors.statistics.multiplicity import holm
from trimtab_vectors.statistics.non_inferiority import NonInferiority, non_inferiority
from trimtab_vectors.statistics.paired import mcnemar_exact, paired_t, sign_flip
from trimtab_vectors.statistics.power import (
    detectable_effect,
    flag_variance,
    items_needed,
    t_detectable_effect,
    t_power,
)

__all__ = [
    "Alternative",
    "Estimate",
    "NonInferiority",
    "auroc",
    "bootstrap_interval",
    "cluster_bootstrap",
    "clustered_covariance",
    "clustered_mean",
    "clustered_standard_error",
    "detectable_effect",
    "fieller",
    "flag_variance",
    "hierarchical_bootstrap",
    "hierarchical_draws",
    "holm",
    "isotonic_regression",
    "items_needed",
    "mcnemar_exact",
    "non_inferiority",
    "paired_t",
    "ratio_of_means",
    "sign_flip",
    "t_detectable_effect",
    "t_power",
    "undetermined",
]
