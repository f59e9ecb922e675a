"""All figures of one server, in one registry of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Gauge, Info
from prometheus_client.process_collector import ProcessCollector

from trimtab_server.alerts.sender import AlertSender
from trimtab_server.engine.pool import EnginePool
from trimtab_server.metrics.alerting import AlertMetrics
from trimtab_server.metrics.calls import CallMetrics
from trimtab_server.metrics.load import LoadMetrics
from trimtab_server.metrics.record import RecordMetrics
from trimtab_server.metrics.replies import ReplyMetrics
from trimtab_server.settings import ServeSettings
from trimtab_server.store.data_directory import AUDIT_HEADS
from trimtab_server.store.database import Database


class Metrics:
    """`calls` observes the gate, `replies` listens to the engines; the rest is read when somebody scrapes."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        Info("trimtab", "The release.", registry=self.registry).info({"version": version("trimtab")})
        self.calls = CallMetrics(self.registry)
        self.replies = ReplyMetrics(self.registry)

    def count_running(self, running: Callable[[], int]) -> None:
        """Calls that have begun and not ended: back to the open streams when nobody asks anything."""
        gauge = Gauge("trimtab_rpc_running", "Calls under way.", registry=self.registry)
        gauge.set_function(lambda: float(running()))

    def watch(
        self, settings: ServeSettings, pool: EnginePool, database: Database, alerts: AlertSender
    ) -> None:
        """Once, when there is something to read."""
        heads = settings.audit_heads or settings.data_dir / AUDIT_HEADS
        self.registry.register(LoadMetrics(pool))
        self.registry.register(RecordMetrics(database, heads))
        self.registry.register(AlertMetrics(alerts))
        free = Gauge("trimtab_disk_free_bytes", "Free where the data directory is.", registry=self.registry)
        free.set_function(lambda: float(shutil.disk_usage(settings.data_dir).free))
