"""The request messages of rollouts. A write without a request id gets a fresh one."""

from __future__ import annotations

from typing import Final

from trimtab_protos.v1 import rollout_pb2

from trimtab_client import to_protobuf, types
from trimtab_client.names import DEFAULT_DEPLOYMENT, qualified
from trimtab_client.requests import fresh, page_size
from trimtab_client.rollout_types import PlanFile

#: The one in force in the default deployment, or the newest.
NEWEST: Final = f"{DEFAULT_DEPLOYMENT}/rollouts/-"


def rollout_name(name: str) -> str:
    """A bare id belongs to the default deployment."""
    return name if "/" in name else f"{DEFAULT_DEPLOYMENT}/rollouts/{name}"


def plan_file(value: PlanFile) -> rollout_pb2.PlanFile:
    return rollout_pb2.PlanFile(text=value.text, format=value.format)


def check(
    plan: PlanFile, deployment: str, replies_per_day: float, discordance: float
) -> rollout_pb2.CheckPlanRequest:
    return rollout_pb2.CheckPlanRequest(
        deployment=qualified("deployments", deployment),
        plan=plan_file(plan),
        replies_per_day=replies_per_day,
        discordance=discordance,
    )


def create(
    candidate: str, plan: PlanFile, reason: str, expected_revision: int, deployment: str, request_id: str
) -> rollout_pb2.CreateRolloutRequest:
    return rollout_pb2.CreateRolloutRequest(
        request_id=fresh(request_id),
        deployment=qualified("deployments", deployment),
        candidate_snapshot=qualified("snapshots", candidate),
        plan=plan_file(plan),
        reason=reason,
        expected_revision=expected_revision,
    )


def start(name: str, plan_hash: str, reason: str, request_id: str) -> rollout_pb2.StartRolloutRequest:
    return rollout_pb2.StartRolloutRequest(
        request_id=fresh(request_id), name=rollout_name(name), plan_hash=plan_hash, reason=reason
    )


def get(name: str) -> rollout_pb2.GetRolloutRequest:
    return rollout_pb2.GetRolloutRequest(name=rollout_name(name))


def list_all(deployment: str, limit: int | None, page_token: str) -> rollout_pb2.ListRolloutsRequest:
    return rollout_pb2.ListRolloutsRequest(
        deployment=qualified("deployments", deployment), page_size=page_size(limit), page_token=page_token
    )


def list_looks(name: str, limit: int | None, page_token: str) -> rollout_pb2.ListRolloutLooksRequest:
    return rollout_pb2.ListRolloutLooksRequest(
        name=rollout_name(name), page_size=page_size(limit), page_token=page_token
    )


def pause(name: str, reason: str, request_id: str) -> rollout_pb2.PauseRolloutRequest:
    return rollout_pb2.PauseRolloutRequest(
        request_id=fresh(request_id), name=rollout_name(name), reason=reason
    )


def resume(name: str, reason: str, request_id: str) -> rollout_pb2.ResumeRolloutRequest:
    return rollout_pb2.ResumeRolloutRequest(
        request_id=fresh(request_id), name=rollout_name(name), reason=reason
    )


def promote(
    name: str, expected_step: int | None, reason: str, request_id: str
) -> rollout_pb2.PromoteRolloutRequest:
    return rollout_pb2.PromoteRolloutRequest(
        request_id=fresh(request_id), name=rollout_name(name), expected_step=expected_step, reason=reason
    )


def promote_full(name: str, reason: str, request_id: str) -> rollout_pb2.PromoteFullRolloutRequest:
    return rollout_pb2.PromoteFullRolloutRequest(
        request_id=fresh(request_id), name=rollout_name(name), reason=reason
    )


def abort(
    name: str, reason: str, in_flight: types.InFlight, request_id: str
) -> rollout_pb2.AbortRolloutRequest:
    return rollout_pb2.AbortRolloutRequest(
        request_id=fresh(request_id),
        name=rollout_name(name),
        reason=reason,
        in_flight=to_protobuf.in_flight(in_flight),
    )


def retry(name: str, reason: str, request_id: str) -> rollout_pb2.RetryRolloutRequest:
    return rollout_pb2.RetryRolloutRequest(
        request_id=fresh(request_id), name=rollout_name(name), reason=reason
    )


def watch(name: str) -> rollout_pb2.WatchRolloutRequest:
    return rollout_pb2.WatchRolloutRequest(name=rollout_name(name))
