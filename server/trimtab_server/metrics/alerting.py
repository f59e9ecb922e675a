"""What people were told, and whether it arrived."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trimtab_server.alerts.alert import Kind
from trimtab_server.alerts.sender import AlertSender


class AlertMetrics(Collector):
    """So that somebody notices when alerts do not arrive."""

    def __init__(self, sender: AlertSender) -> None:
        self._sender = sender

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        tally = self._sender.tally
        sent = CounterMetricFamily("trimtab_alerts", "Alerts, recoveries among them.", labels=["kind"])
        for kind in Kind:
            sent.add_metric([kind.value], tally.sent.get(kind, 0))
        yield sent
        standing = GaugeMetricFamily(
            "trimtab_alert_standing", "Alerts that have not recovered.", labels=["kind", "deployment"]
        )
        counts: dict[tuple[str, str], int] = {}
        for alert in self._sender.standing:
            key = alert.kind.value, alert.deployment
            counts[key] = counts.get(key, 0) + 1
        for key, count in counts.items():
            standing.add_metric(list(key), count)
        yield standing
        for name, text, values in (
            ("trimtab_alert_deliveries", "Alerts that a receiver took.", tally.delivered),
            ("trimtab_alert_failed_attempts", "Attempts that failed.", tally.failed_attempts),
            ("trimtab_alerts_lost", "Alerts that were given up.", tally.lost),
        ):
            family = CounterMetricFamily(name, text, labels=["receiver"])
            for receiver, value in values.items():
                family.add_metric([receiver], value)
            yield family
        waiting = GaugeMetricFamily("trimtab_alerts_waiting", "Not taken yet.", labels=["receiver"])
        for receiver, value in tally.waiting.items():
            waiting.add_metric([receiver], value)
        yield waiting
