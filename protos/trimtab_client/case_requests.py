"""The request messages of cases. A write without a request id gets a fresh one."""

from __future__ import annotations

from typing import Final

from trimtab_protos.v1 import case_pb2, trial_pb2

from trimtab_client import case_types as types
from trimtab_client.names import DEFAULT_DEPLOYMENT, qualified
from trimtab_client.requests import fresh, page_size
from trimtab_client.rollout_requests import rollout_name
from trimtab_client.trial_requests import case_name, trial_name

#: The one created last in the default deployment.
NEWEST: Final = f"{DEFAULT_DEPLOYMENT}/cases/-"


def draft(value: types.CaseDraft) -> case_pb2.CaseDraft:
    return case_pb2.CaseDraft(
        deployment=qualified("deployments", value.deployment),
        display_name=value.display_name,
        goal=value.goal,
        risks=value.risks,
        criteria=trial_pb2.CriteriaFile(text=value.criteria.text, format=value.criteria.format),
        lanes=value.lanes,
        snapshot=qualified("snapshots", value.snapshot),
        template=value.template,
    )


def create(value: types.CaseDraft, language: str, reason: str, request_id: str) -> case_pb2.CreateCaseRequest:
    return case_pb2.CreateCaseRequest(
        request_id=fresh(request_id), draft=draft(value), language=language, reason=reason
    )


def get(name: str) -> case_pb2.GetCaseRequest:
    return case_pb2.GetCaseRequest(name=case_name(name))


def list_all(deployment: str, limit: int | None, page_token: str) -> case_pb2.ListCasesRequest:
    return case_pb2.ListCasesRequest(
        deployment=qualified("deployments", deployment), page_size=page_size(limit), page_token=page_token
    )


def update(
    name: str, value: types.CaseDraft, version: int, reason: str, request_id: str
) -> case_pb2.UpdateCaseRequest:
    return case_pb2.UpdateCaseRequest(
        request_id=fresh(request_id),
        name=case_name(name),
        draft=draft(value),
        version=version,
        reason=reason,
    )


def lock(
    name: str, criteria_hash: str, validate_only: bool, reason: str, request_id: str
) -> case_pb2.LockCaseCriteriaRequest:
    return case_pb2.LockCaseCriteriaRequest(
        request_id=fresh(request_id),
        name=case_name(name),
        criteria_hash=criteria_hash,
        reason=reason,
        validate_only=validate_only,
    )


def attach_trial(
    name: str, trial: str, role: types.CaseTrialRole, reason: str, request_id: str
) -> case_pb2.AttachTrialRequest:
    return case_pb2.AttachTrialRequest(
        request_id=fresh(request_id),
        name=case_name(name),
        trial=trial_name(trial),
        role=case_pb2.CaseTrialRole.Value(f"CASE_TRIAL_ROLE_{role.name}"),
        reason=reason,
    )


def attach_rollout(name: str, rollout: str, reason: str, request_id: str) -> case_pb2.AttachRolloutRequest:
    return case_pb2.AttachRolloutRequest(
        request_id=fresh(request_id), name=case_name(name), rollout=rollout_name(rollout), reason=reason
    )


def decide(name: str, choice: types.CaseChoice, reason: str, request_id: str) -> case_pb2.DecideCaseRequest:
    return case_pb2.DecideCaseRequest(
        request_id=fresh(request_id),
        name=case_name(name),
        choice=case_pb2.CaseChoice.Value(f"CASE_CHOICE_{choice.name}"),
        reason=reason,
    )


def watch(deployment: str) -> case_pb2.WatchCasesRequest:
    return case_pb2.WatchCasesRequest(deployment=qualified("deployments", deployment))


def export(name: str) -> case_pb2.ExportCaseRequest:
    return case_pb2.ExportCaseRequest(name=case_name(name))
