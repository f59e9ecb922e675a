"""A study of fine-tuning stages: every stage's vector on every stage's model, judged by a rule fixed beforehand.

`python -m trimtab_vectors.study run STUDY.toml --out DIR` needs the science extra alone; so does everything here.
"""

from trimtab_vectors.study.estimate import estimate
from trimtab_vectors.study.lock import LockError
from trimtab_vectors.study.plan import PlanError, StudyError, StudyPlan, read_plan
from trimtab_vectors.study.results import Summary, read_summary
from trimtab_vectors.study.runner import RunOutcome, StudyProgress, StudyStatus, run_study, study_status
from trimtab_vectors.study.study import Study, open_study
from trimtab_vectors.study.summary import summarise
from trimtab_vectors.study.workers import WorkerError

__all__ = [
    "LockError",
    "PlanError",
    "RunOutcome",
    "Study",
    "StudyError",
    "StudyPlan",
    "StudyProgress",
    "StudyStatus",
    "Summary",
    "WorkerError",
    "estimate",
    "open_study",
    "read_plan",
    "read_summary",
    "run_study",
    "study_status",
    "summarise",
]
