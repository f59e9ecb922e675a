"""The request messages of every call. A write without a request id gets a fresh one."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from trimtab_protos.v1 import (
    approval_pb2,
    audit_pb2,
    chat_pb2,
    model_pb2,
    monitor_pb2,
    snapshot_pb2,
    token_pb2,
    vector_pb2,
)

from trimtab_client import to_protobuf, types
from trimtab_client.names import qualified

#: Asked for per page; the server may send fewer.
PAGE_SIZE = 200


def page_size(limit: int | None) -> int:
    """What to ask for when `limit` items are still wanted, None for all."""
    return PAGE_SIZE if limit is None else min(PAGE_SIZE, limit)


def fresh(request_id: str) -> str:
    """The given request id, else a new one (UUID 4)."""
    return request_id or str(uuid.uuid4())


def chat(
    messages: Sequence[types.Message],
    source: types.SteeringSource,
    sampling: types.Sampling | None,
    readouts: types.ReadoutOptions | None,
    deployment: str,
    session_id: str,
    request_id: str,
) -> chat_pb2.ChatRequest:
    return chat_pb2.ChatRequest(
        deployment=qualified("deployments", deployment),
        session_id=session_id,
        request_id=fresh(request_id),
        messages=to_protobuf.chat_messages(messages),
        source=to_protobuf.steering_source(source),
        sampling=to_protobuf.sampling(sampling),
        readouts=to_protobuf.readout_options(readouts),
    )


def compare(
    lanes: Sequence[types.Lane],
    sampling: types.Sampling | None,
    readouts: types.ReadoutOptions | None,
    deployment: str,
    session_id: str,
    request_id: str,
) -> chat_pb2.CompareRequest:
    return chat_pb2.CompareRequest(
        deployment=qualified("deployments", deployment),
        session_id=session_id,
        request_id=fresh(request_id),
        lanes=[to_protobuf.lane(lane) for lane in lanes],
        sampling=to_protobuf.sampling(sampling),
        readouts=to_protobuf.readout_options(readouts),
    )


def get_model(name: str) -> model_pb2.GetModelRequest:
    return model_pb2.GetModelRequest(name=qualified("models", name))


def list_models(limit: int | None, page_token: str) -> model_pb2.ListModelsRequest:
    return model_pb2.ListModelsRequest(page_size=page_size(limit), page_token=page_token)


def list_stages(model: str) -> model_pb2.ListStagesRequest:
    return model_pb2.ListStagesRequest(parent=qualified("models", model))


def load_stage(name: str, request_id: str) -> model_pb2.LoadStageRequest:
    return model_pb2.LoadStageRequest(name=name, request_id=fresh(request_id))


def get_vector(name: str) -> vector_pb2.GetVectorRequest:
    return vector_pb2.GetVectorRequest(name=qualified("vectors", name))


def list_vectors(concept: str, limit: int | None, page_token: str) -> vector_pb2.ListVectorsRequest:
    return vector_pb2.ListVectorsRequest(page_size=page_size(limit), page_token=page_token, concept=concept)


def extract_vector(
    contrast_set: bytes,
    stage: str,
    concept: str,
    display_name: str,
    method: str,
    swap_labels: bool,
    layers: Sequence[int],
    license: str,
    position: str,
    seed: int,
    contrast_set_name: str,
    request_id: str,
) -> vector_pb2.ExtractVectorRequest:
    return vector_pb2.ExtractVectorRequest(
        request_id=fresh(request_id),
        stage=stage,
        concept=concept,
        display_name=display_name,
        method=method,
        contrast_set=contrast_set,
        swap_labels=swap_labels,
        layers=layers,
        license=license,
        position=position,
        seed=seed,
        contrast_set_name=contrast_set_name,
    )


def import_vector(
    content: bytes,
    display_name: str,
    format: str,
    concept: str,
    stage: str,
    layer_convention: str,
    license: str,
    request_id: str,
) -> vector_pb2.ImportVectorRequest:
    return vector_pb2.ImportVectorRequest(
        request_id=fresh(request_id),
        content=content,
        display_name=display_name,
        format=format,
        concept=concept,
        stage=stage,
        layer_convention=layer_convention,
        license=license,
    )


def export_vector(
    name: str, format: str, scale: str, strength: float, drop_layer_zero: bool, model_type: str
) -> vector_pb2.ExportVectorRequest:
    return vector_pb2.ExportVectorRequest(
        name=qualified("vectors", name),
        format=format,
        scale=scale,
        strength=strength,
        drop_layer_zero=drop_layer_zero,
        model_type=model_type,
    )


def delete_vector(name: str, request_id: str) -> vector_pb2.DeleteVectorRequest:
    return vector_pb2.DeleteVectorRequest(name=qualified("vectors", name), request_id=fresh(request_id))


def create_snapshot(
    steering: types.Steering,
    sampling: types.Sampling | None,
    display_name: str,
    description: str,
    request_id: str,
) -> snapshot_pb2.CreateSnapshotRequest:
    return snapshot_pb2.CreateSnapshotRequest(
        request_id=fresh(request_id),
        display_name=display_name,
        description=description,
        steering=to_protobuf.steering(steering),
        sampling=to_protobuf.sampling(sampling),
    )


def get_snapshot(name: str) -> snapshot_pb2.GetSnapshotRequest:
    return snapshot_pb2.GetSnapshotRequest(name=qualified("snapshots", name))


def list_snapshots(limit: int | None, page_token: str) -> snapshot_pb2.ListSnapshotsRequest:
    return snapshot_pb2.ListSnapshotsRequest(page_size=page_size(limit), page_token=page_token)


def diff_snapshots(base: str, other: str) -> snapshot_pb2.DiffSnapshotsRequest:
    return snapshot_pb2.DiffSnapshotsRequest(
        base=qualified("snapshots", base), other=qualified("snapshots", other)
    )


def get_deployment(name: str) -> snapshot_pb2.GetDeploymentRequest:
    return snapshot_pb2.GetDeploymentRequest(name=qualified("deployments", name))


def list_deployments(limit: int | None, page_token: str) -> snapshot_pb2.ListDeploymentsRequest:
    return snapshot_pb2.ListDeploymentsRequest(page_size=page_size(limit), page_token=page_token)


def activate_snapshot(
    snapshot: str, reason: str, expected_revision: int, replace: bool, deployment: str, request_id: str
) -> snapshot_pb2.ActivateSnapshotRequest:
    return snapshot_pb2.ActivateSnapshotRequest(
        request_id=fresh(request_id),
        deployment=qualified("deployments", deployment),
        snapshot=qualified("snapshots", snapshot),
        expected_revision=expected_revision,
        reason=reason,
        replace=replace,
    )


def rollback_snapshot(
    snapshot: str, reason: str, unsteered: bool, in_flight: types.InFlight, deployment: str, request_id: str
) -> snapshot_pb2.RollbackSnapshotRequest:
    return snapshot_pb2.RollbackSnapshotRequest(
        request_id=fresh(request_id),
        deployment=qualified("deployments", deployment),
        snapshot=qualified("snapshots", snapshot),
        reason=reason,
        in_flight=to_protobuf.in_flight(in_flight),
        unsteered=unsteered,
    )


def list_revisions(deployment: str, limit: int | None, page_token: str) -> snapshot_pb2.ListRevisionsRequest:
    return snapshot_pb2.ListRevisionsRequest(
        deployment=qualified("deployments", deployment), page_size=page_size(limit), page_token=page_token
    )


def watch_active(deployment: str) -> snapshot_pb2.WatchActiveRequest:
    return snapshot_pb2.WatchActiveRequest(deployment=qualified("deployments", deployment))


def watch(deployment: str, history: int) -> monitor_pb2.WatchRequest:
    return monitor_pb2.WatchRequest(deployment=qualified("deployments", deployment), history=history)


def run_canary(
    snapshot: str, count_per_kind: int, seed: int, include_replies: bool, deployment: str, request_id: str
) -> monitor_pb2.RunCanaryRequest:
    return monitor_pb2.RunCanaryRequest(
        request_id=fresh(request_id),
        deployment=qualified("deployments", deployment),
        snapshot=qualified("snapshots", snapshot),
        count_per_kind=count_per_kind,
        seed=seed,
        include_replies=include_replies,
    )


def list_canary_runs(
    deployment: str, limit: int | None, page_token: str
) -> monitor_pb2.ListCanaryRunsRequest:
    return monitor_pb2.ListCanaryRunsRequest(
        deployment=qualified("deployments", deployment), page_size=page_size(limit), page_token=page_token
    )


def record_reference(
    source: types.ReferenceSource, replies: int, deployment: str, request_id: str
) -> monitor_pb2.RecordReferenceRequest:
    return monitor_pb2.RecordReferenceRequest(
        request_id=fresh(request_id),
        deployment=qualified("deployments", deployment),
        replies=replies,
        source=monitor_pb2.ReferenceSource.Value(f"REFERENCE_SOURCE_{source.name}"),
    )


def list_references(deployment: str, limit: int | None, page_token: str) -> monitor_pb2.ListReferencesRequest:
    return monitor_pb2.ListReferencesRequest(
        deployment=qualified("deployments", deployment), page_size=page_size(limit), page_token=page_token
    )


def get_retention(deployment: str) -> monitor_pb2.GetRetentionRequest:
    return monitor_pb2.GetRetentionRequest(deployment=qualified("deployments", deployment))


def update_retention(
    reply_days: int, text_days: int, reason: str, deployment: str, request_id: str
) -> monitor_pb2.UpdateRetentionRequest:
    return monitor_pb2.UpdateRetentionRequest(
        request_id=fresh(request_id),
        deployment=qualified("deployments", deployment),
        reply_days=reply_days,
        text_days=text_days,
        reason=reason,
    )


def list_audit_records(
    deployment: str, action: str, limit: int | None, page_token: str
) -> audit_pb2.ListAuditRecordsRequest:
    return audit_pb2.ListAuditRecordsRequest(
        page_size=page_size(limit),
        page_token=page_token,
        deployment=qualified("deployments", deployment),
        action=action,
    )


def create_token(
    display_name: str,
    role: types.TokenRole,
    expire_time: datetime | None,
    requests_per_minute: int,
    tokens_per_minute: int,
    reason: str,
    request_id: str,
) -> token_pb2.CreateTokenRequest:
    return token_pb2.CreateTokenRequest(
        request_id=fresh(request_id),
        display_name=display_name,
        role=to_protobuf.token_role(role),
        expire_time=to_protobuf.timestamp(expire_time),
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        reason=reason,
    )


def rotate_token(
    name: str, overlap_seconds: int, reason: str, request_id: str
) -> token_pb2.RotateTokenRequest:
    return token_pb2.RotateTokenRequest(
        name=qualified("tokens", name) if name else "",
        overlap_seconds=overlap_seconds,
        reason=reason,
        request_id=fresh(request_id),
    )


def set_token_limits(
    name: str, requests_per_minute: int, tokens_per_minute: int, reason: str, request_id: str
) -> token_pb2.SetTokenLimitsRequest:
    return token_pb2.SetTokenLimitsRequest(
        name=qualified("tokens", name),
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        reason=reason,
        request_id=fresh(request_id),
    )


def list_approvals(waiting: bool, limit: int | None, page_token: str) -> approval_pb2.ListApprovalsRequest:
    return approval_pb2.ListApprovalsRequest(
        waiting=waiting, page_size=page_size(limit), page_token=page_token
    )


def cancel_approval(name: str, reason: str, request_id: str) -> approval_pb2.CancelApprovalRequest:
    return approval_pb2.CancelApprovalRequest(
        name=qualified("approvals", name), reason=reason, request_id=fresh(request_id)
    )


def set_concept_protection(
    concept: str, protected: bool, reason: str, request_id: str
) -> vector_pb2.SetConceptProtectionRequest:
    return vector_pb2.SetConceptProtectionRequest(
        concept=concept, protected=protected, reason=reason, request_id=fresh(request_id)
    )


def list_tokens(limit: int | None, page_token: str) -> token_pb2.ListTokensRequest:
    return token_pb2.ListTokensRequest(page_size=page_size(limit), page_token=page_token)


def revoke_token(name: str, request_id: str) -> token_pb2.RevokeTokenRequest:
    return token_pb2.RevokeTokenRequest(name=qualified("tokens", name), request_id=fresh(request_id))
