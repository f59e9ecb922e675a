"""What the store says of every deployment, read when somebody asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, func, select

from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.steering.evidence import evidence_time
from trimtab_server.store import audit, canary_runs, deployments, rollouts
from trimtab_server.store.canary_runs import CanaryRunRecord
from trimtab_server.store.database import Database
from trimtab_server.store.deployments import DeploymentRecord, RevisionRecord
from trimtab_server.store.rollouts import LookRecord, RolloutRecord
from trimtab_server.store.tables import revisions

#: A plan has a handful of guardrails; one with more than this shows its first ones.
_MOST_GUARDRAILS: Final = 64
_STATES: Final = (rollouts.CREATED, rollouts.RUNNING, rollouts.PAUSED, *rollouts.ENDED)
_OUTCOMES: Final = ("honest", "lie", "evade", "no_belief")
_SECOND: Final = 1e9


@dataclass(frozen=True)
class Standing:
    """One deployment as the store has it."""

    deployment: DeploymentRecord
    active: RevisionRecord
    moves: dict[str, int]
    evidence_time: int
    canary: CanaryRunRecord | None
    rollout: RolloutRecord | None
    look: LookRecord | None


class RecordMetrics(Collector):
    """Reads the store once for each scrape: a few rows by their keys. Labels are deployments, guardrails of a
    plan in force, and words of ours."""

    def __init__(self, database: Database, audit_heads: Path, now: Callable[[], int] = time.time_ns) -> None:
        self._database = database
        self._audit_heads = audit_heads
        self._now = now

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        now = self._now()
        with self._database.read() as connection:
            newest = next(iter(audit.records(connection, limit=1)), None)
            standings = [_standing(connection, deployment) for deployment in deployments.all_of(connection)]
        yield from self._audit(newest, now)
        yield from _deployments(standings, now)
        yield from _canaries(standings, now)
        yield from _rollouts([one for one in standings if one.rollout is not None], now)

    def _audit(self, newest: audit.AuditRecord | None, now: int) -> Iterator[Metric]:
        if newest is not None:
            yield _one("trimtab_audit_records", "Records in the audit chain.", newest.sequence)
            age = (now - newest.time) / _SECOND
            yield _one("trimtab_audit_record_age_seconds", "Since the newest audit record.", age)
        try:
            exported = self._audit_heads.stat().st_mtime
        except FileNotFoundError:
            return
        text = "Since a signed head of the audit chain was exported."
        yield _one("trimtab_audit_head_age_seconds", text, now / _SECOND - exported)


def _standing(connection: Connection, deployment: DeploymentRecord) -> Standing:
    active = deployments.find_revision(connection, deployment.name, deployment.revision)
    assert active is not None, "the pointer names a revision"
    counted = (
        select(revisions.c.kind, func.count())
        .where(revisions.c.deployment == deployment.name)
        .group_by(revisions.c.kind)
    )
    rollout = rollouts.newest(connection, deployment.name)
    return Standing(
        deployment=deployment,
        active=active,
        moves={row[0]: row[1] for row in connection.execute(counted)},
        evidence_time=evidence_time(connection, deployment),
        canary=canary_runs.newest(connection, deployment.name, active.snapshot),
        rollout=rollout,
        look=rollouts.newest_look(connection, rollout.id) if rollout else None,
    )


def _deployments(standings: Sequence[Standing], now: int) -> Iterator[Metric]:
    names = ["deployment"]
    revision = GaugeMetricFamily("trimtab_active_revision", "Number of the active revision.", labels=names)
    info = GaugeMetricFamily(
        "trimtab_steering_active_snapshot_info", "1 for the active snapshot.", labels=[*names, "snapshot"]
    )
    moves = CounterMetricFamily("trimtab_revisions", "Revisions by what made them.", labels=[*names, "kind"])
    age = GaugeMetricFamily(
        "trimtab_evidence_age_seconds", "Since the canary set went through the active snapshot.", labels=names
    )
    for one in standings:
        name = one.deployment.name
        revision.add_metric([name], one.active.number)
        info.add_metric([name, one.active.snapshot[:12]], 1.0)
        for kind in ("initial", "activate", "rollback"):
            moves.add_metric([name, kind], one.moves.get(kind, 0))
        age.add_metric([name], (now - one.evidence_time) / _SECOND)
    yield from (revision, info, moves, age)


def _canaries(standings: Sequence[Standing], now: int) -> Iterator[Metric]:
    rate = GaugeMetricFamily(
        "trimtab_canary_rate",
        "Share of an outcome in the newest canary run of the active snapshot.",
        labels=["deployment", "kind", "outcome"],
    )
    questions = GaugeMetricFamily(
        "trimtab_canary_questions", "Questions of that run.", labels=["deployment", "kind"]
    )
    lower = GaugeMetricFamily(
        "trimtab_canary_honest_lower",
        "Lower end of the interval of its honest rate.",
        labels=["deployment", "kind"],
    )
    for one in standings:
        for rates in one.canary.rates if one.canary else ():
            name = one.deployment.name
            for outcome in _OUTCOMES:
                rate.add_metric([name, rates.kind, outcome], getattr(rates, outcome))
            questions.add_metric([name, rates.kind], rates.count)
            lower.add_metric([name, rates.kind], rates.honest_lower)
    yield from (rate, questions, lower)


def _rollouts(standings: Sequence[Standing], now: int) -> Iterator[Metric]:
    names = ["deployment"]
    weight = GaugeMetricFamily(
        "trimtab_rollout_weight_ratio", "The candidate's share of sessions, 0 to 1.", labels=names
    )
    step = GaugeMetricFamily("trimtab_rollout_step", "0-based step of the plan.", labels=names)
    state = GaugeMetricFamily(
        "trimtab_rollout_state", "1 for the state of the newest rollout.", labels=[*names, "state"]
    )
    verdict = GaugeMetricFamily(
        "trimtab_rollout_verdict", "1 for the verdict of its newest look.", labels=[*names, "verdict"]
    )
    looked = GaugeMetricFamily("trimtab_rollout_look_age_seconds", "Since that look.", labels=names)
    for one in standings:
        assert one.rollout is not None, "the caller left the others out"
        name = one.deployment.name
        weight.add_metric([name], one.rollout.weight / 100)
        step.add_metric([name], one.rollout.step)
        for word in _STATES:
            state.add_metric([name, word], float(one.rollout.state == word))
        for known in Verdict:
            verdict.add_metric([name, known.value], float(one.rollout.verdict == known.value))
        if one.look is not None:
            looked.add_metric([name], (now - one.look.time) / _SECOND)
    yield from (weight, step, state, verdict, looked, *_guardrails(standings))


def _guardrails(standings: Sequence[Standing]) -> Iterator[Metric]:
    names = ["deployment", "guardrail"]
    evidence = GaugeMetricFamily(
        "trimtab_guardrail_evidence", "Natural logarithm of the evidence against no harm.", labels=names
    )
    bar = GaugeMetricFamily("trimtab_guardrail_bar", "What it trips at.", labels=names)
    count = GaugeMetricFamily("trimtab_guardrail_count", "Values behind it.", labels=names)
    failed = GaugeMetricFamily("trimtab_guardrail_failed", "1 if it tripped.", labels=names)
    for one in standings:
        for finding in one.look.findings[:_MOST_GUARDRAILS] if one.look else ():
            label = [one.deployment.name, str(finding["name"])]
            evidence.add_metric(label, float(finding["evidence"]))
            if finding["bar"] is not None:
                bar.add_metric(label, float(finding["bar"]))
            count.add_metric(label, float(finding["count"]))
            failed.add_metric(label, float(finding["verdict"] == Verdict.FAIL))
    yield from (evidence, bar, count, failed)


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
