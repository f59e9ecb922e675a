"""Who may call what: a role is granted a method here, or it may not call it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from trimtab_server.store.refusal import Refusal


class Role(StrEnum):
    """What a token is for."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
    AUDITOR = "auditor"
    INFERENCE = "inference"


_ALL: Final = frozenset(Role)
_READERS: Final = frozenset({Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.AUDITOR})
_WATCHERS: Final = frozenset({Role.VIEWER, Role.OPERATOR, Role.ADMIN})
_OPERATORS: Final = frozenset({Role.OPERATOR, Role.ADMIN})
_AUDITORS: Final = frozenset({Role.AUDITOR, Role.ADMIN})
_ADMINS: Final = frozenset({Role.ADMIN})
_CHATTERS: Final = frozenset({Role.INFERENCE, Role.OPERATOR, Role.ADMIN})

#: "Service/Method" -> the roles that may call it. A method without an entry fails the tests and is refused.
GRANTS: Final[dict[str, frozenset[Role]]] = {
    "ApprovalService/CancelApproval": _ADMINS,
    "ApprovalService/ListApprovals": _READERS,
    "AuditService/ListAuditRecords": _AUDITORS,
    "CaseService/AttachRollout": _OPERATORS,
    "CaseService/AttachTrial": _OPERATORS,
    "CaseService/CreateCase": _OPERATORS,
    # A decision moves nothing by itself, and whoever carries a case must be able to stop it at once. What reaches users
    # was decided by the rollout, with two admins where a protected concept is concerned.
    "CaseService/DecideCase": _OPERATORS,
    # With prompts and replies of its trials.
    "CaseService/ExportCase": _WATCHERS,
    "CaseService/GetCase": _READERS,
    "CaseService/ListCaseTemplates": _READERS,
    "CaseService/ListCases": _READERS,
    "CaseService/LockCaseCriteria": _OPERATORS,
    "CaseService/UpdateCase": _OPERATORS,
    "CaseService/WatchCases": _READERS,
    "ChatService/Chat": _CHATTERS,
    "ChatService/Compare": _CHATTERS,
    "ModelService/GetServerInfo": _ALL,
    "ModelService/GetModel": _ALL,
    "ModelService/ListModels": _ALL,
    "ModelService/ListStages": _ALL,
    "ModelService/LoadStage": _OPERATORS,
    "MonitorService/Watch": _WATCHERS,
    "MonitorService/RunCanary": _OPERATORS,
    "MonitorService/ListCanaryRuns": _READERS,
    "MonitorService/RecordReference": _OPERATORS,
    "MonitorService/ListReferences": _READERS,
    "MonitorService/GetRetention": _READERS,
    "MonitorService/UpdateRetention": _ADMINS,
    "RolloutService/AbortRollout": _OPERATORS,
    "RolloutService/CheckPlan": _READERS,
    "RolloutService/CreateRollout": _OPERATORS,
    "RolloutService/GetRollout": _READERS,
    "RolloutService/ListRolloutLooks": _READERS,
    "RolloutService/ListRollouts": _READERS,
    "RolloutService/PauseRollout": _OPERATORS,
    # With a second admin: steering.rollout_steps.
    "RolloutService/PromoteFullRollout": _ADMINS,
    "RolloutService/PromoteRollout": _OPERATORS,
    "RolloutService/ResumeRollout": _OPERATORS,
    "RolloutService/RetryRollout": _OPERATORS,
    "RolloutService/StartRollout": _OPERATORS,
    "RolloutService/WatchRollout": _READERS,
    # With replies in it.
    "ReportService/WriteReport": _WATCHERS,
    "SnapshotService/CreateSnapshot": _OPERATORS,
    "SnapshotService/GetSnapshot": _READERS,
    "SnapshotService/ListSnapshots": _READERS,
    "SnapshotService/DiffSnapshots": _READERS,
    "SnapshotService/GetDeployment": _READERS,
    "SnapshotService/ListDeployments": _READERS,
    "SnapshotService/ActivateSnapshot": _OPERATORS,
    "SnapshotService/RollbackSnapshot": _OPERATORS,
    "SnapshotService/ListRevisions": _READERS,
    "SnapshotService/WatchActive": _READERS,
    "TokenService/CreateToken": _ADMINS,
    "TokenService/ListTokens": _ADMINS,
    "TokenService/RevokeToken": _ADMINS,
    # Their own; an admin those of others.
    "TokenService/RotateToken": _ALL,
    "TokenService/SetTokenLimits": _ADMINS,
    # Prompts and replies are for those who work with them: an auditor sees hashes, figures and verdicts.
    "TrialService/CheckTrial": _OPERATORS,
    "TrialService/CreateTrial": _OPERATORS,
    "TrialService/DeleteTrialRows": _OPERATORS,
    # Figures, neither prompts nor replies.
    "TrialService/EstimateTrialCost": _READERS,
    "TrialService/ExportTrial": _WATCHERS,
    "TrialService/FinishRating": _OPERATORS,
    "TrialService/GetRatingSheet": _WATCHERS,
    "TrialService/GetTrial": _READERS,
    "TrialService/GetTrialSample": _READERS,
    "TrialService/ListTrialPrompts": _WATCHERS,
    "TrialService/ListTrialRows": _WATCHERS,
    "TrialService/ListTrials": _READERS,
    "TrialService/PauseTrial": _OPERATORS,
    # Whoever may see the replies may grade them.
    "TrialService/RateTrialRow": _WATCHERS,
    "TrialService/RerunTrialRow": _OPERATORS,
    "TrialService/ResumeTrial": _OPERATORS,
    "TrialService/RunTrial": _OPERATORS,
    "TrialService/WatchTrial": _WATCHERS,
    "VectorService/GetVector": _READERS,
    "VectorService/ListVectors": _READERS,
    "VectorService/ExtractVector": _OPERATORS,
    "VectorService/ImportVector": _OPERATORS,
    "VectorService/ExportVector": _WATCHERS,
    "VectorService/DeleteVector": _OPERATORS,
    "VectorService/ListConcepts": _READERS,
    # With prompts in it.
    "VectorService/ListContrastSets": _WATCHERS,
    "VectorService/ReviewContrastSet": _OPERATORS,
    "VectorService/MeasureVector": _OPERATORS,
    # With prompts in it.
    "VectorService/GetVectorMeasurement": _WATCHERS,
    "VectorService/SetConceptProtection": _ADMINS,
}

#: Who may steer with a vector that was made for another model or stage.
FORCERS: Final = _OPERATORS


def authorise(role: Role, method: str) -> None:
    """Raises: Refusal: ROLE_NOT_ALLOWED, unless the role is granted "Service/Method"."""
    if role not in GRANTS.get(method, frozenset()):
        raise Refusal("ROLE_NOT_ALLOWED", role=role.value, method=method)
