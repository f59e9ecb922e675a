"""Trials as pure logic: prompts, locked criteria, scores, verdict, cost. No SQL, no gRPC, no torch, no clock."""

from trimtab_server.trials.criteria import Criteria, CriteriaError, check_criteria, default_criteria, lock
from trimtab_server.trials.criteria_file import criteria_from_json, parse_criteria, read_criteria
from trimtab_server.trials.lanes import LaneSpec, LaneTerm, PromptLine
from trimtab_server.trials.prompt_file import PromptFileError, parse_prompts, read_prompts
from trimtab_server.trials.prompts import Prompt, PromptSet
from trimtab_server.trials.rows import RowKey, TrialRow, missing, planned, row_seed
from trimtab_server.trials.scoring import probe_replies, score_row, score_rows
from trimtab_server.trials.summary import TrialSummary, summarise
from trimtab_server.trials.verdict import TrialVerdict, judge_trial

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
    "TrialSummary",
    "TrialVerdict",
    "check_criteria",
    "criteria_from_json",
    "default_criteria",
    "judge_trial",
    "lock",
    "missing",
    "parse_criteria",
    "parse_prompts",
    "planned",
    "probe_replies",
    "read_criteria",
    "read_prompts",
    "row_seed",
    "score_row",
    "score_rows",
    "summarise",
]
