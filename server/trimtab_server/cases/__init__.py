"""Cases as pure logic: templates, rules, and where each step stands. No SQL, no gRPC, no torch, no clock."""

from trimtab_server.cases.facts import CandidateFacts, CaseFacts, Role, RolloutFacts, TrialFacts
from trimtab_server.cases.steps import Step, case_steps

__all__ = [
    "CandidateFacts",
    "CaseFacts",
    "Role",
    "RolloutFacts",
    "Step",
    "TrialFacts",
    "case_steps",
]
