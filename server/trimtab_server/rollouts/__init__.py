"""Rollouts as pure logic: the locked plan, the Judge, the steps. No SQL, no gRPC, no torch, no clock."""

from trimtab_server.rollouts.default_plan import default_plan
from trimtab_server.rollouts.findings import Finding, Look, NextAction
from trimtab_server.rollouts.judge import Judge, ReferenceChanged, reference_hash
from trimtab_server.rollouts.plan import AnalysisPlan
from trimtab_server.rollouts.plan_rules import PlanError, check_plan
from trimtab_server.rollouts.verdict import Verdict, combine

__all__ = [
    "AnalysisPlan",
    "Finding",
    "Judge",
    "Look",
    "NextAction",
    "PlanError",
    "ReferenceChanged",
    "Verdict",
    "check_plan",
    "combine",
    "default_plan",
    "reference_hash",
]
