"""`trimtab monitor` and what is below it, against a running server."""

from __future__ import annotations

from typing import Any


def test_a_reference_before_there_are_replies_is_refused_with_what_to_do(trimtab: Any) -> None:
    ran = trimtab("monitor", "record-reference", "--replies", 200)
    assert ran.exit_code == 1
    assert "REFERENCE_TOO_SHORT" in ran.err and "200" in ran.err


def test_a_reference_of_the_canary_set_is_listed_with_what_a_plan_names(trimtab: Any) -> None:
    made = trimtab.json("monitor", "record-reference", "--canary", "--replies", 200)["reference"]
    assert made["source"] == "canary" and made["reply_count"] == 200 and made["stale"] == ""
    listed = trimtab.json("monitor", "references")["references"]
    assert listed == [made]
    signal = next(one for one in made["signals"] if one["signal"] == "repetition")
    assert signal["id"] == f"{made['name'].rpartition('/')[2]}/repetition" and len(signal["hash"]) == 64
    shown = trimtab("monitor", "references", "--signals").out
    assert signal["id"] in shown and signal["hash"][:12] in shown


def test_retention_is_shown_and_changed(trimtab: Any) -> None:
    assert trimtab.json("monitor", "retention")["reply_days"] == 183
    changed = trimtab.json("monitor", "retention", "--days", 400)
    assert (changed["reply_days"], changed["text_days"]) == (400, 0)
    ran = trimtab("monitor", "retention", "--text-days", 5)
    assert ran.exit_code == 1 and "REASON_REQUIRED" in ran.err
    assert "not kept" in trimtab("monitor", "retention").out
    trimtab("monitor", "retention", "--days", 183)


def test_a_drift_alarm_stands_in_the_reading() -> None:
    from trimtab_client import DriftAlarm, Signal
    from trimtab_server.cli.monitor import Reading

    alarm = DriftAlarm(Signal.ENTROPY, "a later change", "r", "s", "f", 9, None, True)
    reading = Reading()
    reading.take(alarm)
    assert reading.drift == {Signal.ENTROPY: alarm}
    reading.take(DriftAlarm(Signal.ENTROPY, "a later change", "r", "s", "f", 9, None, False))
    assert reading.drift == {}
