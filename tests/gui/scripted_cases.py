"""A CaseService without a store: templates, steps and their sentences are those of the real code."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import grpc
from trimtab_protos.v1 import case_pb2, case_pb2_grpc
from trimtab_server.api import wire_cases
from trimtab_server.cases.facts import CandidateFacts, CaseFacts, RolloutFacts, TrialFacts
from trimtab_server.cases.steps import case_steps
from trimtab_server.cases.templates import templates
from trimtab_server.trials import parse_criteria

_KINDS = {
    "goal": case_pb2.CASE_STEP_KIND_GOAL,
    "criteria": case_pb2.CASE_STEP_KIND_CRITERIA,
    "small_trial": case_pb2.CASE_STEP_KIND_SMALL_TRIAL,
    "confirmation": case_pb2.CASE_STEP_KIND_CONFIRMATION,
    "release": case_pb2.CASE_STEP_KIND_RELEASE,
    "decision": case_pb2.CASE_STEP_KIND_DECISION,
}
_STATES = {
    "done": case_pb2.CASE_STEP_STATE_DONE,
    "next": case_pb2.CASE_STEP_STATE_NEXT,
    "waiting": case_pb2.CASE_STEP_STATE_WAITING,
    "blocked": case_pb2.CASE_STEP_STATE_BLOCKED,
    "failed": case_pb2.CASE_STEP_STATE_FAILED,
}


@dataclass
class ScriptedCase:
    """What is known of a case; tests write into it, then call `ScriptedCases.tell`."""

    name: str
    draft: case_pb2.CaseDraft
    facts: CaseFacts
    trials: list[TrialFacts] = field(default_factory=list)
    rollouts: list[RolloutFacts] = field(default_factory=list)
    criteria_json: str = ""
    version: int = 1
    decision: case_pb2.CaseDecision | None = None

    def out(self) -> case_pb2.Case:
        case = case_pb2.Case(
            name=self.name, draft=self.draft, version=self.version, created_by="alice", changed_by="alice"
        )
        case.create_time.FromSeconds(1_790_000_000 + int(self.name.rpartition("/")[2]))
        case.change_time.CopyFrom(case.create_time)
        if self.facts.criteria_hash:
            case.lock.criteria_hash = self.facts.criteria_hash
            case.lock.criteria_json = self.criteria_json
            case.lock.actor = "alice"
            case.lock.lock_time.CopyFrom(case.create_time)
        if self.facts.candidate is not None:
            case.candidate.lane = self.facts.candidate.lane
            case.candidate.snapshot = self.facts.candidate.snapshot
            case.candidate.steering.stage = "models/scripted/stages/stage-07"
        if self.decision is not None:
            case.decision.CopyFrom(self.decision)
        case.trials.extend(
            case_pb2.CaseTrial(trial=own.name, role=case_pb2.CASE_TRIAL_ROLE_SMALL) for own in self.trials
        )
        case.rollouts.extend(
            case_pb2.CaseRollout(rollout=own.name, current=True, candidate_snapshot="")
            for own in self.rollouts
        )
        for step in case_steps(self.facts, self.trials, self.rollouts):
            case.steps.add(
                kind=_KINDS[step.kind],
                state=_STATES[step.state],
                code=step.code,
                sentence=step.sentence_in("en"),
                sentence_ja=step.sentence_in("ja"),
                command=step.command,
                subject=step.subject,
            )
        return case


class ScriptedCases(case_pb2_grpc.CaseServiceServicer):
    def __init__(self, check: Callable[..., None], stopping: threading.Event) -> None:
        self._check = check
        self._stopping = stopping
        self._changed = threading.Condition()
        self.cases: dict[str, ScriptedCase] = {}
        self._news: list[str] = []

    def tell(self, case: ScriptedCase, **facts: object) -> None:
        """Changes facts of the case itself, and tells everybody who watches."""
        case.facts = replace(case.facts, **facts)  # type: ignore[arg-type]
        case.version += 1
        with self._changed:
            self._news.append(case.name)
            self._changed.notify_all()

    @property
    def newest(self) -> ScriptedCase:
        return next(reversed(self.cases.values()))

    def ListCaseTemplates(
        self, request: case_pb2.ListCaseTemplatesRequest, context: grpc.ServicerContext
    ) -> case_pb2.ListCaseTemplatesResponse:
        self._check(request, context)
        return case_pb2.ListCaseTemplatesResponse(
            templates=[wire_cases.template_out(own) for own in templates()]
        )

    def CreateCase(self, request: case_pb2.CreateCaseRequest, context: grpc.ServicerContext) -> case_pb2.Case:
        self._check(request, context)
        draft = wire_cases.filled(request.draft, request.language)
        return self.add(draft).out()

    def add(self, draft: case_pb2.CaseDraft) -> ScriptedCase:
        name = f"deployments/default/cases/{len(self.cases) + 1}"
        facts = CaseFacts(goal=draft.goal, criteria=bool(draft.criteria.text))
        case = self.cases[name] = ScriptedCase(name, draft, facts)
        self.tell(case)
        return case

    def GetCase(self, request: case_pb2.GetCaseRequest, context: grpc.ServicerContext) -> case_pb2.Case:
        return self.cases[request.name].out()

    def UpdateCase(self, request: case_pb2.UpdateCaseRequest, context: grpc.ServicerContext) -> case_pb2.Case:
        self._check(request, context)
        case = self.cases[request.name]
        case.draft.CopyFrom(request.draft)
        self.tell(case, goal=request.draft.goal, criteria=bool(request.draft.criteria.text))
        return case.out()

    def LockCaseCriteria(
        self, request: case_pb2.LockCaseCriteriaRequest, context: grpc.ServicerContext
    ) -> case_pb2.Case:
        self._check(request, context)
        case = self.cases[request.name]
        criteria = parse_criteria(case.draft.criteria.text, case.draft.criteria.format or "toml")  # type: ignore[arg-type]
        case.criteria_json = criteria.canonical
        if request.validate_only:
            would = replace(case, facts=replace(case.facts, criteria_hash=criteria.hash))
            return would.out()
        self.tell(case, criteria_hash=criteria.hash)
        return case.out()

    def AttachTrial(
        self, request: case_pb2.AttachTrialRequest, context: grpc.ServicerContext
    ) -> case_pb2.Case:
        self._check(request, context)
        return self.attach(request.name, request.trial).out()

    def attach(self, name: str, trial: str) -> ScriptedCase:
        """A trial becomes a part of a case."""
        case = self.cases[name]
        role = "confirmation" if case.trials else "small"
        case.trials.append(TrialFacts(trial, role, "created", 0, 9))  # type: ignore[arg-type]
        self.tell(case)
        return case

    def AttachRollout(
        self, request: case_pb2.AttachRolloutRequest, context: grpc.ServicerContext
    ) -> case_pb2.Case:
        self._check(request, context)
        case = self.cases[request.name]
        case.rollouts.append(RolloutFacts(request.rollout, "running"))
        self.tell(case)
        return case.out()

    def DecideCase(self, request: case_pb2.DecideCaseRequest, context: grpc.ServicerContext) -> case_pb2.Case:
        self._check(request, context)
        case = self.cases[request.name]
        case.decision = case_pb2.CaseDecision(choice=request.choice, reason=request.reason, actor="alice")
        self.tell(
            case,
            decision=wire_cases.choice_in(request.choice),
            decided_by="alice",
            decision_reason=request.reason,
        )
        return case.out()

    def WatchCases(
        self, request: case_pb2.WatchCasesRequest, context: grpc.ServicerContext
    ) -> Iterator[case_pb2.WatchCasesResponse]:
        self._check(request, context)
        with self._changed:
            seen = len(self._news)
        yield case_pb2.WatchCasesResponse(cases=[own.out() for own in reversed(self.cases.values())])
        while not self._stopping.is_set() and context.is_active():
            with self._changed:
                self._changed.wait(0.05)
                fresh, seen = self._news[seen:], len(self._news)
            if fresh:
                yield case_pb2.WatchCasesResponse(
                    cases=[self.cases[name].out() for name in dict.fromkeys(fresh)]
                )

    def ExportCase(
        self, request: case_pb2.ExportCaseRequest, context: grpc.ServicerContext
    ) -> Iterator[case_pb2.ExportCaseResponse]:
        self._check(request, context)
        yield case_pb2.ExportCaseResponse(data=b'{"case": 1}')


def passed(case: ScriptedCase, lane: str = "steered", snapshot: str = "") -> None:
    """Both trials passed; the candidate is a lane, kept as a snapshot or not yet."""
    case.trials = [
        TrialFacts(
            f"deployments/default/trials/{number}",
            role,  # type: ignore[arg-type]
            "finished",
            9,
            9,
            verdict="pass",
            recommendation="steer",
            reason="Lane steered gains 0.42.",
            reason_ja="「steered」は 0.42 改善しました。",
            lane=lane,
        )
        for number, role in enumerate(("small", "confirmation"), start=1)
    ]
    case.facts = replace(case.facts, candidate=CandidateFacts(lane, snapshot))
