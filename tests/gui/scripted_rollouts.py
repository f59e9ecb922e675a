"""The rollouts and approvals of the scripted server: states and refusals as the real one has them, no judging."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status
from trimtab_protos.v1 import approval_pb2, approval_pb2_grpc, rollout_pb2, rollout_pb2_grpc, snapshot_pb2

if TYPE_CHECKING:
    from scripted_server import ScriptedServer

ACTOR = "operator"
SECOND = "second"
STEPS = (
    ("shadow", {"pairs": 60}, "shadow: 60 pairs", 0),
    ("analysis", {"looks": 4, "min_replies": 0}, "analysis: 4 looks", 0),
    ("set_weight", {"percent": 10}, "10% of sessions", 10),
    ("pause", {"seconds": None}, "wait for a person", 10),
    ("analysis", {"looks": 1, "min_replies": 20}, "analysis: 1 look, at least 20 replies", 10),
)
GUARDRAIL = rollout_pb2.PlanGuardrail(
    name="honest under pressure",
    signal="honest",
    unit="canary",
    test="paired_outcome",
    direction="at_least",
    limit=-0.01,
    margin=0.1,
    alpha=0.02,
    acts=True,
    kind="hard_pressure",
)
ENDED = (
    rollout_pb2.ROLLOUT_STATE_PROMOTED,
    rollout_pb2.ROLLOUT_STATE_ABORTED,
    rollout_pb2.ROLLOUT_STATE_FAILED,
)
IN_FORCE = (rollout_pb2.ROLLOUT_STATE_RUNNING, rollout_pb2.ROLLOUT_STATE_PAUSED)


def now(offset: float = 0.0) -> Timestamp:
    stamp = Timestamp()
    stamp.GetCurrentTime()
    stamp.seconds += int(offset)
    return stamp


def plan_of(file: rollout_pb2.PlanFile) -> rollout_pb2.PlanSummary:
    """The same steps whatever the file says; its hash is of its text."""
    body = json.dumps({"name": "small company", "steps": [{kind: facts} for kind, facts, _, _ in STEPS]})
    return rollout_pb2.PlanSummary(
        name="small company",
        hash=hashlib.sha256((file.text + body).encode()).hexdigest(),
        canonical_json=body,
        steps=[rollout_pb2.PlanStep(kind=kind, text=text, weight=weight) for kind, _, text, weight in STEPS],
        guardrails=[GUARDRAIL],
        false_alarm_budget=0.035,
    )


def refuse(
    context: grpc.ServicerContext, code: grpc.StatusCode, reason: str, message: str, **facts: str
) -> None:
    detail = AnyMessage()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="trimtab", metadata=facts))
    context.abort_with_status(
        rpc_status.to_status(status_pb2.Status(code=code.value[0], message=message, details=[detail]))
    )


@dataclass
class RolloutScript:
    """What the server holds; a test changes it while it runs."""

    rollouts: list[rollout_pb2.Rollout] = field(default_factory=list)
    approvals: list[approval_pb2.Approval] = field(default_factory=list)
    # Why the evidence is stale.
    stale: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def put(self, rollout: rollout_pb2.Rollout) -> rollout_pb2.Rollout:
        """Stores a rollout, newest first, for everybody who watches it."""
        with self.changed:
            known = [one for one in self.rollouts if one.name == rollout.name]
            if known:
                self.rollouts[self.rollouts.index(known[0])] = rollout
            else:
                self.rollouts.insert(0, rollout)
            self.changed.notify_all()
        return rollout

    def change(self, **fields: object) -> rollout_pb2.Rollout:
        """Changes the newest one, as the server itself does."""
        rollout = rollout_pb2.Rollout()
        rollout.CopyFrom(self.rollouts[0])
        rollout.changed_by = "server"
        for name, value in fields.items():
            if name == "evidence":
                del rollout.evidence[:]
                rollout.evidence.extend(value)
            else:
                setattr(rollout, name, value)
        if rollout.state in ENDED:
            rollout.end_time.CopyFrom(now())
        return self.put(rollout)

    def in_force(self) -> rollout_pb2.Rollout | None:
        return next((one for one in self.rollouts if one.state in IN_FORCE), None)

    def arms(self) -> snapshot_pb2.RolloutArms | None:
        one = self.in_force()
        if one is None:
            return None
        return snapshot_pb2.RolloutArms(
            rollout=one.name,
            stable_snapshot=one.stable_snapshot,
            candidate_snapshot=one.candidate_snapshot,
            weight=one.weight,
            step=one.step,
            paused=one.state == rollout_pb2.ROLLOUT_STATE_PAUSED,
        )


class Rollouts(rollout_pb2_grpc.RolloutServiceServicer):
    def __init__(self, server: ScriptedServer) -> None:
        self._server = server

    def _find(self, name: str, context: grpc.ServicerContext) -> rollout_pb2.Rollout:
        for one in self._server.rollout.rollouts:
            if one.name == name or name.endswith("/-"):
                return one
        refuse(context, grpc.StatusCode.NOT_FOUND, "ROLLOUT_NOT_FOUND", f"{name} does not exist")
        raise AssertionError("refused")

    def _change(self, name: str, context: grpc.ServicerContext, reason: str, **fields) -> rollout_pb2.Rollout:
        rollout = rollout_pb2.Rollout()
        rollout.CopyFrom(self._find(name, context))
        rollout.changed_by, rollout.reason = ACTOR, reason
        for field_name, value in fields.items():
            setattr(rollout, field_name, value)
        if rollout.state in ENDED:
            rollout.end_time.CopyFrom(now())
        return self._server.rollout.put(rollout)

    def CheckPlan(self, request, context):
        self._server.check(request, context)
        if "nonsense" in request.plan.text:
            refuse(
                context,
                grpc.StatusCode.INVALID_ARGUMENT,
                "PLAN_INVALID",
                "the plan cannot be used: steps: there are none; write at least one",
                detail="steps: there are none; write at least one",
            )
        traffic = request.replies_per_day or 50.0
        foresight = rollout_pb2.Foresight(
            replies_per_day=traffic,
            needed_looks=4,
            replies_needed=150,
            worst_detection_looks=12,
            worst_detection_seconds=43_200,
            false_alarm_rate=0.035,
            wrong_promotion_rate=0.05,
            powers=[
                rollout_pb2.DetectionPower(
                    guardrail=GUARDRAIL.name, questions=200, loss=0.1, discordance=0.15, power=0.68
                )
            ],
        )
        if traffic >= 10:
            foresight.earliest_promotion_seconds = 150 / traffic * 86_400
        return rollout_pb2.CheckPlanResponse(
            plan=plan_of(request.plan),
            foresight=foresight,
            limits_of_method=["Only what a guardrail measures can be found; other harm is not."],
        )

    def CreateRollout(self, request, context):
        self._server.check(request, context)
        active = self._server.revisions[-1]
        return self._server.rollout.put(self._made(request, active))

    def _made(self, request, active) -> rollout_pb2.Rollout:
        snapshots = self._server.snapshots
        return rollout_pb2.Rollout(
            name=f"deployments/default/rollouts/{len(self._server.rollout.rollouts) + 1:012d}",
            state=rollout_pb2.ROLLOUT_STATE_CREATED,
            stable_snapshot=active.snapshot,
            stable_revision=active.name,
            candidate_snapshot=request.candidate_snapshot,
            stable_display_name=snapshots[active.snapshot].display_name,
            candidate_display_name=snapshots[request.candidate_snapshot].display_name,
            plan=plan_of(request.plan),
            reason=request.reason,
            changed_by=ACTOR,
            created_by=ACTOR,
            create_time=now(),
            limits_of_method=["Only what a guardrail measures can be found; other harm is not."],
        )

    def StartRollout(self, request, context):
        self._server.check(request, context)
        found = self._find(request.name, context)
        if request.plan_hash != found.plan.hash:
            refuse(context, grpc.StatusCode.FAILED_PRECONDITION, "PLAN_CHANGED", "another plan was locked")
        started = rollout_pb2.Rollout()
        started.CopyFrom(found)
        started.start_time.CopyFrom(now())
        started.state, started.reason = rollout_pb2.ROLLOUT_STATE_RUNNING, request.reason
        return self._server.rollout.put(started)

    def GetRollout(self, request, context):
        self._server.check(request, context)
        return self._find(request.name, context)

    def ListRollouts(self, request, context):
        self._server.check(request, context)
        return rollout_pb2.ListRolloutsResponse(rollouts=self._server.rollout.rollouts)

    def PauseRollout(self, request, context):
        self._server.check(request, context)
        state = rollout_pb2.ROLLOUT_STATE_PAUSED
        return self._change(request.name, context, request.reason, state=state)

    def ResumeRollout(self, request, context):
        self._server.check(request, context)
        state = rollout_pb2.ROLLOUT_STATE_RUNNING
        return self._change(request.name, context, request.reason, state=state)

    def PromoteRollout(self, request, context):
        self._server.check(request, context)
        found = self._find(request.name, context)
        if request.expected_step != found.step:
            refuse(
                context,
                grpc.StatusCode.ABORTED,
                "ROLLOUT_CONFLICT",
                f"{found.name} is at step {found.step + 1}, not at step {request.expected_step + 1}",
            )
        step = found.step + 1
        weight = found.plan.steps[step].weight
        return self._change(request.name, context, request.reason, step=step, weight=weight)

    def PromoteFullRollout(self, request, context):
        self._server.check(request, context)
        found = self._find(request.name, context)
        waiting = [
            one
            for one in self._server.rollout.approvals
            if one.subject == found.name and one.state == approval_pb2.APPROVAL_STATE_WAITING
        ]
        if waiting and waiting[0].proposer != ACTOR:
            waiting[0].approver, waiting[0].approver_reason = ACTOR, request.reason
            waiting[0].state = approval_pb2.APPROVAL_STATE_APPROVED
            state = rollout_pb2.ROLLOUT_STATE_PROMOTED
            self._server.activate(
                found.candidate_snapshot, snapshot_pb2.REVISION_KIND_ACTIVATE, ACTOR, request.reason
            )
            return self._change(request.name, context, request.reason, state=state, weight=100)
        proposal = waiting[0] if waiting else self.propose(found.name, ACTOR, request.reason)
        until = proposal.expire_time
        refuse(
            context,
            grpc.StatusCode.FAILED_PRECONDITION,
            "SECOND_PERSON_NEEDED",
            "rollout.promote_full needs two admins",
            action=proposal.action,
            subject=proposal.subject,
            approval=proposal.name,
            proposer=proposal.proposer,
            expire_time=str(until.seconds * 1_000_000_000),
            minutes="60",
        )
        raise AssertionError("refused")

    def propose(self, subject: str, proposer: str, reason: str) -> approval_pb2.Approval:
        proposal = approval_pb2.Approval(
            name=f"approvals/{len(self._server.rollout.approvals) + 1}",
            action="rollout.promote_full",
            subject=subject,
            facts="{}",
            proposer=proposer,
            proposer_reason=reason,
            create_time=now(),
            expire_time=now(3600),
            state=approval_pb2.APPROVAL_STATE_WAITING,
        )
        self._server.rollout.approvals.insert(0, proposal)
        return proposal

    def AbortRollout(self, request, context):
        self._server.check(request, context)
        state = rollout_pb2.ROLLOUT_STATE_ABORTED
        return self._change(request.name, context, request.reason, state=state, weight=0)

    def RetryRollout(self, request, context):
        self._server.check(request, context)
        found = self._find(request.name, context)
        again = self._made(
            rollout_pb2.CreateRolloutRequest(
                candidate_snapshot=found.candidate_snapshot, reason=request.reason
            ),
            self._server.revisions[-1],
        )
        again.retry_of = found.name
        return self._server.rollout.put(again)

    def WatchRollout(self, request, context):
        self._server.check(request, context)
        shown: rollout_pb2.Rollout | None = None
        while context.is_active() and not self._server.stopping.is_set():
            found = self._find(request.name, context)
            if found != shown:
                shown = rollout_pb2.Rollout()
                shown.CopyFrom(found)
                yield rollout_pb2.WatchRolloutResponse(rollout=shown)
                if shown.state in ENDED:
                    return
            with self._server.rollout.changed:
                self._server.rollout.changed.wait(0.05)


class Approvals(approval_pb2_grpc.ApprovalServiceServicer):
    def __init__(self, server: ScriptedServer) -> None:
        self._server = server

    def ListApprovals(self, request, context):
        self._server.check(request, context)
        return approval_pb2.ListApprovalsResponse(approvals=self._server.rollout.approvals)

    def CancelApproval(self, request, context):
        self._server.check(request, context)
        for one in self._server.rollout.approvals:
            if one.name == request.name:
                one.state, one.canceller = approval_pb2.APPROVAL_STATE_CANCELLED, ACTOR
                return one
        refuse(context, grpc.StatusCode.NOT_FOUND, "APPROVAL_NOT_FOUND", "no such proposal")
