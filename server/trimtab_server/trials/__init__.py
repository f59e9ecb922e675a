"""Trials as pure logic: prompts, locked criteria, scores, verdict, cost. No SQL, no gRPC, no torch, no clock.

What needs scipy is imported from its own module, so that a command line that only lists trials starts quickly:
`scoring.score_rows`, `verdict.judge_trial`, `summary.summarise`, `cost.cost_of_trial`.
"""

from trimtab_server.trials.criteria import Criteria, CriteriaError, check_criteria, default_criteria, lock
from trimtab_server.trials.criteria_file import criteria_from_json, parse_criteria, read_criteria
from trimtab_server.trials.lanes import LaneSpec, LaneTerm, PromptLine
from trimtab_server.trials.prompt_file import PromptFileError, parse_prompts, read_prompts
from trimtab_server.trials.prompts import Prompt, PromptSet
from trimtab_server.trials.rows import RowKey, TrialRow, missing, planned, row_seed

__all__ = [
    "Criteria",
    "CriteriaError",
    "LaneSpec",
    "LaneTerm",
    "Prompt",
    "PromptFileError",
    "PromptLine",
    "PromptSet",
    "RowKey",
    "TrialRow",
    "check_criteria",
    "criteria_from_json",
    "default_criteria",
    "lock",
    "missing",
    "parse_criteria",
    "parse_prompts",
    "planned",
    "read_criteria",
    "read_prompts",
    "row_seed",
]
