"""The request messages of trials. A write without a request id gets a fresh one."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from trimtab_protos.v1 import trial_pb2

from trimtab_client import trial_types as types
from trimtab_client.names import DEFAULT_DEPLOYMENT, qualified
from trimtab_client.requests import fresh, page_size

#: The one created last in the default deployment.
NEWEST: Final = f"{DEFAULT_DEPLOYMENT}/trials/-"


def trial_name(name: str) -> str:
    """A bare id belongs to the default deployment."""
    return name if "/" in name else f"{DEFAULT_DEPLOYMENT}/trials/{name}"


def case_name(name: str) -> str:
    """A bare id belongs to the default deployment."""
    return name if "/" in name else f"{DEFAULT_DEPLOYMENT}/cases/{name}"


def draft(value: types.TrialDraft) -> trial_pb2.TrialDraft:
    return trial_pb2.TrialDraft(
        deployment=qualified("deployments", value.deployment),
        prompts=trial_pb2.PromptFile(name=value.prompts.name, content=value.prompts.content),
        criteria=trial_pb2.CriteriaFile(text=value.criteria.text, format=value.criteria.format),
        lanes=value.lanes,
        snapshot=qualified("snapshots", value.snapshot),
        repeats=value.repeats,
        display_name=value.display_name,
    )


def check(value: types.TrialDraft) -> trial_pb2.CheckTrialRequest:
    return trial_pb2.CheckTrialRequest(draft=draft(value))


def create(
    value: types.TrialDraft, lock_hash: str, case: str, keep_days: int, reason: str, request_id: str
) -> trial_pb2.CreateTrialRequest:
    return trial_pb2.CreateTrialRequest(
        request_id=fresh(request_id),
        draft=draft(value),
        lock_hash=lock_hash,
        case=case_name(case) if case else "",
        keep_days=keep_days,
        reason=reason,
    )


def run(name: str, lock_hash: str, hurry: bool, reason: str, request_id: str) -> trial_pb2.RunTrialRequest:
    return trial_pb2.RunTrialRequest(
        request_id=fresh(request_id), name=trial_name(name), lock_hash=lock_hash, reason=reason, hurry=hurry
    )


def pause(name: str, reason: str, request_id: str) -> trial_pb2.PauseTrialRequest:
    return trial_pb2.PauseTrialRequest(request_id=fresh(request_id), name=trial_name(name), reason=reason)


def resume(name: str, hurry: bool, reason: str, request_id: str) -> trial_pb2.ResumeTrialRequest:
    return trial_pb2.ResumeTrialRequest(
        request_id=fresh(request_id), name=trial_name(name), reason=reason, hurry=hurry
    )


def get(name: str) -> trial_pb2.GetTrialRequest:
    return trial_pb2.GetTrialRequest(name=trial_name(name))


def list_all(deployment: str, limit: int | None, page_token: str) -> trial_pb2.ListTrialsRequest:
    return trial_pb2.ListTrialsRequest(
        deployment=qualified("deployments", deployment), page_size=page_size(limit), page_token=page_token
    )


def list_prompts(name: str, limit: int | None, page_token: str) -> trial_pb2.ListTrialPromptsRequest:
    return trial_pb2.ListTrialPromptsRequest(
        name=trial_name(name), page_size=page_size(limit), page_token=page_token
    )


def list_rows(
    name: str, chosen: types.TrialRowFilter, size: int, page_token: str
) -> trial_pb2.ListTrialRowsRequest:
    return trial_pb2.ListTrialRowsRequest(
        name=trial_name(name),
        page_size=size,
        page_token=page_token,
        lanes=chosen.lanes,
        outcomes=chosen.outcomes,
        prompt_id=chosen.prompt_id,
        pressures=chosen.pressures,
        language=chosen.language,
        text=chosen.text,
        errors_only=chosen.errors_only,
        probes=chosen.probes,
        repeat=chosen.repeat,
    )


def watch(name: str, rows: bool) -> trial_pb2.WatchTrialRequest:
    return trial_pb2.WatchTrialRequest(name=trial_name(name), rows=rows)


def rerun(name: str, number: int, reason: str, request_id: str) -> trial_pb2.RerunTrialRowRequest:
    return trial_pb2.RerunTrialRowRequest(
        request_id=fresh(request_id), name=trial_name(name), number=number, reason=reason
    )


def sheet(name: str) -> trial_pb2.GetRatingSheetRequest:
    return trial_pb2.GetRatingSheetRequest(name=trial_name(name))


def rate(name: str, key: str, grade: int, request_id: str) -> trial_pb2.RateTrialRowRequest:
    return trial_pb2.RateTrialRowRequest(
        request_id=fresh(request_id), name=trial_name(name), key=key, grade=grade
    )


def finish_rating(name: str, reason: str, request_id: str) -> trial_pb2.FinishRatingRequest:
    return trial_pb2.FinishRatingRequest(request_id=fresh(request_id), name=trial_name(name), reason=reason)


def export(name: str) -> trial_pb2.ExportTrialRequest:
    return trial_pb2.ExportTrialRequest(name=trial_name(name))


def delete_rows(name: str, reason: str, request_id: str) -> trial_pb2.DeleteTrialRowsRequest:
    return trial_pb2.DeleteTrialRowsRequest(
        request_id=fresh(request_id), name=trial_name(name), reason=reason
    )


def sample(deployment: str) -> trial_pb2.GetTrialSampleRequest:
    return trial_pb2.GetTrialSampleRequest(deployment=qualified("deployments", deployment))


def cost_figures(value: types.CostFigures) -> trial_pb2.CostFigures:
    plain = {own.name: getattr(value, own.name) for own in fields(value)}
    for name in ("prompt_work", "steering_work"):
        plain[name] = None if plain[name] is None else _work(plain[name])
    plain["fine_tune"] = None if value.fine_tune is None else _fine_tune(value.fine_tune)
    return trial_pb2.CostFigures(**plain)


def _work(value: types.CostWork) -> trial_pb2.CostWork:
    return trial_pb2.CostWork(hours=value.hours, money=value.money, monthly=value.monthly)


def _fine_tune(value: types.FineTuneFigures) -> trial_pb2.FineTuneFigures:
    return trial_pb2.FineTuneFigures(
        work=_work(value.work),
        gpu_hours=value.gpu_hours,
        gpu_hourly_rate=value.gpu_hourly_rate,
        examples=value.examples,
        price_per_example=value.price_per_example,
        bad_rate=value.bad_rate,
    )


def cost(name: str, figures: types.CostFigures) -> trial_pb2.EstimateTrialCostRequest:
    return trial_pb2.EstimateTrialCostRequest(name=trial_name(name), figures=cost_figures(figures))
