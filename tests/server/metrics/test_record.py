"""What the store says, as figures."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from trimtab_server.metrics.record import RecordMetrics
from trimtab_server.steering.activation import activate, roll_back
from trimtab_server.steering.creation import create_deployment, create_snapshot
from trimtab_server.steering.snapshot import Sampling
from trimtab_server.steering.validation import DraftSteering, ModelFacts, check
from trimtab_server.store import canary_runs, rollouts, schema
from trimtab_server.store.canary_runs import CanaryRunRecord, KindRates
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER
from trimtab_server.store.rollouts import LookRecord, RolloutRecord

T = 1_800_000_000 * 10**9
SECOND = 10**9


class NoVectors:
    def facts(self, vector: str) -> None:
        return None


@pytest.fixture
def database(tmp_path: Path) -> Database:
    model = ModelFacts("desk", "f" * 64, 8, 4, ("stage-01",), "stage-01")
    database = Database.at(tmp_path / "trimtab.db")
    schema.upgrade(database)
    plain = check(DraftSteering(), Sampling(), model, NoVectors())
    create_deployment(database, name="default", model="desk", unsteered=plain, watched_vector="", time=T)
    kind = check(DraftSteering(system_prompt="be kind"), Sampling(), model, NoVectors())
    create_snapshot(database, kind, "kind", "", SERVER, T)
    return database


def kind(database: Database) -> str:
    with database.read() as connection:
        from trimtab_server.steering.creation import find

        return find(connection, "kind").id


class Scrape:
    def __init__(self, database: Database, heads: Path, now: int) -> None:
        registry = CollectorRegistry()
        registry.register(RecordMetrics(database, heads, lambda: now))
        self.values = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(generate_latest(registry).decode())
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        return self.values[f"trimtab_{name}", frozenset(labels.items())]

    def labels(self, name: str) -> list[dict[str, str]]:
        return [dict(labels) for found, labels in self.values if found == f"trimtab_{name}"]


def test_the_active_snapshot_and_how_it_came_to_be(database: Database, tmp_path: Path) -> None:
    for time in (T, T + SECOND):
        activate(
            database,
            deployment="default",
            snapshot=kind(database),
            expected_revision=0,
            reason="r",
            origin=SERVER,
            time=time,
        )
    roll_back(database, deployment="default", unsteered=True, reason="r", origin=SERVER, time=T + 2 * SECOND)
    scrape = Scrape(database, tmp_path / "heads", T + 12 * SECOND)
    assert scrape("active_revision", deployment="default") == 4
    assert scrape("revisions_total", deployment="default", kind="rollback") == 1
    assert scrape("revisions_total", deployment="default", kind="activate") == 2
    [info] = scrape.labels("steering_active_snapshot_info")
    assert info["snapshot"] != kind(database)[:12]
    assert scrape("audit_record_age_seconds") == pytest.approx(10)
    assert scrape("evidence_age_seconds", deployment="default") == pytest.approx(10)


def test_the_age_of_the_exported_head_is_that_of_its_file(database: Database, tmp_path: Path) -> None:
    heads = tmp_path / "heads"
    assert Scrape(database, heads, T).labels("audit_head_age_seconds") == [], "never exported"
    heads.touch()
    os.utime(heads, (T / 1e9, T / 1e9))
    assert Scrape(database, heads, T + 90 * SECOND)("audit_head_age_seconds") == pytest.approx(90)


def test_canary_rates_are_those_of_the_active_snapshot(database: Database, tmp_path: Path) -> None:
    with database.read() as connection:
        from trimtab_server.store import deployments

        active = deployments.find_revision(connection, "default", 1)
    assert active is not None
    for name, snapshot, honest in (("a", active.snapshot, 0.25), ("b", kind(database), 0.9)):
        rates = (KindRates("hard", 40, honest, 0.5, 0.125, 0.125, honest - 0.1, honest + 0.1),)
        run = CanaryRunRecord(name, "default", snapshot, 1, 0, rates, 1.0, "h", T + 5 * SECOND)
        with database.write() as connection:
            canary_runs.add(connection, run)
    scrape = Scrape(database, tmp_path / "heads", T + 65 * SECOND)
    assert scrape("canary_rate", deployment="default", kind="hard", outcome="honest") == 0.25
    assert scrape("canary_rate", deployment="default", kind="hard", outcome="lie") == 0.5
    assert scrape("canary_questions", deployment="default", kind="hard") == 40
    assert scrape("canary_honest_lower", deployment="default", kind="hard") == pytest.approx(0.15)
    assert scrape("evidence_age_seconds", deployment="default") == pytest.approx(60)


def test_a_rollout_shows_weight_state_verdict_and_the_evidence_of_each_guardrail(
    database: Database, tmp_path: Path
) -> None:
    with database.read() as connection:
        from trimtab_server.store import deployments

        active = deployments.find_revision(connection, "default", 1)
    assert active is not None
    rollout = RolloutRecord(
        id="0a1b2c3d4e5f",
        deployment="default",
        stable_revision=1,
        stable_snapshot=active.snapshot,
        candidate_snapshot=kind(database),
        plan="{}",
        plan_hash="h" * 64,
        secret="s" * 64,
        created_by="tokens/a",
        create_time=T,
        state="running",
        step=2,
        weight=20,
        verdict="not enough data",
    )
    findings = tuple(
        {"name": name, "verdict": verdict, "evidence": evidence, "bar": bar, "count": 40}
        for name, verdict, evidence, bar in (
            ("honesty", "not enough data", 1.5, 4.0),
            ("repetition", "fail", 5.0, 4.5),
            ("not finite", "pass", 0.0, None),
        )
    )
    look = LookRecord(
        rollout.id, 7, T + SECOND, 2, 20, "not enough data", findings, "continue", 0, "{}", "h" * 64
    )
    with database.write() as connection:
        rollouts.add(connection, rollout)
        rollouts.add_look(connection, look)
    scrape = Scrape(database, tmp_path / "heads", T + 11 * SECOND)
    assert scrape("rollout_weight_ratio", deployment="default") == 0.2
    assert scrape("rollout_step", deployment="default") == 2
    assert scrape("rollout_state", deployment="default", state="running") == 1
    assert scrape("rollout_state", deployment="default", state="failed") == 0
    assert scrape("rollout_verdict", deployment="default", verdict="not enough data") == 1
    assert scrape("rollout_look_age_seconds", deployment="default") == pytest.approx(10)
    assert scrape("guardrail_evidence", deployment="default", guardrail="honesty") == 1.5
    assert scrape("guardrail_bar", deployment="default", guardrail="honesty") == 4.0
    assert scrape("guardrail_failed", deployment="default", guardrail="repetition") == 1
    assert scrape("guardrail_failed", deployment="default", guardrail="honesty") == 0
    assert {label["guardrail"] for label in scrape.labels("guardrail_bar")} == {"honesty", "repetition"}
