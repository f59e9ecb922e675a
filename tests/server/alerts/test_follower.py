"""What is on record is told: also when the server that recorded it died before it could."""

from __future__ import annotations

from pathlib import Path

import pytest
from http_receiver import HttpReceiver
from trimtab_server.alerts.alert import Alert, Kind, Severity
from trimtab_server.alerts.follower import AuditFollower, unclean_end
from trimtab_server.alerts.receiver import Receiver
from trimtab_server.alerts.sender import AlertSender, Retry
from trimtab_server.alerts.watchkeeper import Watched, Watchkeeper
from trimtab_server.steering.activation import activate, roll_back
from trimtab_server.store import audit
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER, Origin

NOW = 1_800_000_000_000_000_000
OPERATOR = Origin("tokens/ab12", "operator")


def rolled_back(database: Database, snapshots: list[str], reason: str = "lies") -> None:
    activate(
        database,
        deployment="default",
        snapshot=snapshots[0],
        expected_revision=0,
        reason="try",
        origin=OPERATOR,
        time=NOW,
    )
    roll_back(database, deployment="default", reason=reason, origin=OPERATOR, time=NOW)


def record(database: Database, action: str, time: int = NOW, **values: object) -> None:
    with database.write() as connection:
        audit.append(
            connection, time=time, action=action, **({"origin": SERVER, "subject": "server"} | values)
        )  # type: ignore[arg-type]


def test_a_rollback_is_told_with_who_why_and_what(
    database: Database, snapshots: list[str], tmp_path: Path
) -> None:
    follower = AuditFollower(database, AlertSender(), tmp_path / "alerts.json")
    rolled_back(database, snapshots, "it <b>lies</b>")
    [alert] = follower(NOW)
    assert (alert.kind, alert.severity, alert.deployment) == (Kind.ROLLBACK, Severity.WARNING, "default")
    assert alert.text.startswith("tokens/ab12 went back to ")
    assert alert.text.endswith("undoing revision 2: it <b>lies</b>")
    assert (alert.facts["from revision"], alert.facts["to revision"]) == (2, 3)
    assert list(follower(NOW)) == [], "each record once"


def test_what_happened_before_the_first_start_is_not_news(
    database: Database, snapshots: list[str], tmp_path: Path
) -> None:
    rolled_back(database, snapshots)
    assert list(AuditFollower(database, AlertSender(), tmp_path / "alerts.json")(NOW)) == []


@pytest.mark.parametrize(
    ("action", "actor", "kind", "severity"),
    [
        ("rollout.fail", SERVER, Kind.GUARDRAIL, Severity.CRITICAL),
        ("rollout.abort", SERVER, Kind.ABORT, Severity.CRITICAL),
        ("rollout.abort", OPERATOR, Kind.ABORT, Severity.WARNING),
        ("rollout.pause", SERVER, Kind.PAUSE, Severity.WARNING),
    ],
)
def test_the_end_and_the_pause_of_a_rollout_are_told(
    database: Database, tmp_path: Path, action: str, actor: Origin, kind: Kind, severity: Severity
) -> None:
    follower = AuditFollower(database, AlertSender(), tmp_path / "alerts.json")
    record(
        database,
        action,
        origin=actor,
        subject="deployments/default/rollouts/0a1b",
        deployment="default",
        reason="honest under pressure fell by .30",
        details={"step": 1, "weight_before": 20.0, "findings": ["long"]},
    )
    [alert] = follower(NOW)
    assert (alert.kind, alert.severity) == (kind, severity)
    assert "rollout 0a1b" in alert.text and "honest under pressure fell by .30" in alert.text
    assert alert.facts["step"] == 1
    assert "findings" not in alert.facts


def test_a_promotion_is_told_and_a_step_on_the_way_is_not(database: Database, tmp_path: Path) -> None:
    follower = AuditFollower(database, AlertSender(), tmp_path / "alerts.json")
    for state in ("running", "promoted"):
        record(
            database,
            "rollout.promote",
            subject="deployments/default/rollouts/0a1b",
            deployment="default",
            to_revision=5,
            details={"state": state, "step": 1},
        )
    [alert] = follower(NOW)
    assert (alert.kind, alert.severity) == (Kind.PROMOTION, Severity.INFO)
    assert alert.facts["revision"] == 5


def test_what_was_asked_for_and_refused_is_not_told(database: Database, tmp_path: Path) -> None:
    follower = AuditFollower(database, AlertSender(), tmp_path / "alerts.json")
    record(database, "rollout.abort", outcome="refused", deployment="default")
    assert list(follower(NOW)) == []


def test_a_pause_by_a_person_is_nobodys_alarm(database: Database, tmp_path: Path) -> None:
    follower = AuditFollower(database, AlertSender(), tmp_path / "alerts.json")
    record(database, "rollout.pause", origin=OPERATOR, deployment="default")
    record(database, "server.start", details={"self_check": "ok"})
    record(database, "token.create", origin=OPERATOR)
    assert list(follower(NOW)) == []


def test_damage_found_at_the_start_is_told(database: Database, tmp_path: Path) -> None:
    follower = AuditFollower(database, AlertSender(), tmp_path / "alerts.json")
    record(database, "server.start", details={"self_check": ["vectors/ab is damaged", "audit: record 3"]})
    [alert] = follower(NOW)
    assert alert.kind is Kind.DAMAGE
    assert "vectors/ab is damaged; audit: record 3" in alert.text


def test_what_was_not_delivered_before_a_crash_is_told_after_it(
    database: Database, snapshots: list[str], tmp_path: Path, receiver: HttpReceiver
) -> None:
    file = tmp_path / "alerts.json"
    receiver.script = [500] * 1_000
    doomed = AlertSender([Receiver.of(receiver.url)], retry=Retry(first=0.01, longest=0.01))
    follower = AuditFollower(database, doomed, file)
    for alert in follower(NOW):
        doomed.send(alert)
    rolled_back(database, snapshots)
    for alert in follower(NOW):
        doomed.send(alert)
    assert list(follower(NOW)) == []
    receiver.wait_requests(2)
    # The process is gone: its sender never delivers. A new one starts on the same directory.
    receiver.script = []
    doomed.close(0.0)
    receiver.taken.clear()
    sender = AlertSender([Receiver.of(receiver.url)])
    again = AuditFollower(database, sender, file)
    told = list(again(NOW))
    assert [alert.kind for alert in told] == [Kind.ROLLBACK]
    for alert in told:
        sender.send(alert)
    receiver.wait(1)
    while sender.undelivered:
        pass
    assert list(again(NOW)) == []
    sender.close()
    assert list(AuditFollower(database, AlertSender(), file)(NOW)) == [], "told now, so never again"


def test_what_is_older_than_a_day_is_history(
    database: Database, snapshots: list[str], tmp_path: Path
) -> None:
    follower = AuditFollower(database, AlertSender(), tmp_path / "alerts.json")
    rolled_back(database, snapshots)
    assert list(follower(NOW + 25 * 3_600 * 10**9)) == []


def test_a_position_that_cannot_be_saved_stops_nothing(
    database: Database, snapshots: list[str], tmp_path: Path
) -> None:
    follower = AuditFollower(database, AlertSender(), tmp_path / "not a directory" / "alerts.json")
    rolled_back(database, snapshots)
    assert len(list(follower(NOW))) == 1


def test_a_start_without_an_end_before_it_is_an_unclean_end(database: Database) -> None:
    record(database, "server.start")
    assert unclean_end(database) is None, "the first start of all"
    record(database, "server.stop")
    record(database, "server.start")
    assert unclean_end(database) is None
    record(database, "token.create")
    record(database, "server.start")
    alert = unclean_end(database)
    assert alert is not None and alert.kind is Kind.SERVER_RESTART
    record(database, "server.stop")
    record(database, "server.start")
    assert unclean_end(database) is None


def test_a_rollback_is_over_before_any_receiver_has_answered(
    database: Database, snapshots: list[str], tmp_path: Path, receiver: HttpReceiver
) -> None:
    """However slow the receiver, whoever rolls back is not kept waiting, and the alert arrives afterwards."""
    receiver.gate.clear()
    sender = AlertSender([Receiver.of(receiver.url)])
    keeper = Watchkeeper(sender, [Watched(AuditFollower(database, sender, tmp_path / "a.json"), 0.0)])
    keeper.start()
    for _ in range(20):
        rolled_back(database, snapshots)
    receiver.wait_requests(1)
    assert receiver.taken == []
    receiver.gate.set()
    told = receiver.wait(20)
    assert [posted.event["facts"]["to revision"] for posted in told] == list(range(3, 43, 2))
    keeper.close()
    sender.close()


def test_one_source_that_fails_does_not_silence_the_others() -> None:
    alert = Alert(Kind.TEST, Severity.INFO, "", "t", "t")

    def broken(now: int) -> list[Alert]:
        raise OSError("gone")

    sender = AlertSender()
    keeper = Watchkeeper(sender, [Watched(broken, 0.0), Watched(lambda now: [alert], 0.0)])
    keeper.look(1.0)
    assert sender.tally.sent == {Kind.TEST: 1}
