"""How busy the engines are, read when somebody asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from trimtab_server.engine.pool import EnginePool

#: Name, help, and which figure of EngineLoad it is.
_PLAIN: Final = (
    ("trimtab_num_requests_waiting", "Requests in the queue.", "queued_requests"),
    ("trimtab_queued_prompt_tokens", "Prompt tokens in the queue.", "queued_tokens"),
    ("trimtab_slots", "Sequences that fit into the batch.", "slots"),
    ("trimtab_num_requests_running", "Slots in use, those of shadow rows among them.", "slots_in_use"),
    ("trimtab_steering_rows_in_use", "Running replies that something steers.", "steered_replies"),
    (
        "trimtab_generation_tokens_per_second",
        "Tokens made per second over the last two.",
        "tokens_per_second",
    ),
)


class LoadMetrics(Collector):
    """One series a loaded stage; stages are the model's own, so there are few."""

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool

    def describe(self) -> list[GaugeMetricFamily]:
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        loads = self._pool.load
        for name, text, figure in _PLAIN:
            family = GaugeMetricFamily(name, text, labels=["stage"])
            for stage, load in loads.items():
                family.add_metric([stage], float(getattr(load, figure)))
            yield family
        cache = GaugeMetricFamily(
            "trimtab_kv_cache_usage_perc",
            "Share of the cache's positions that hold something.",
            labels=["stage"],
        )
        for stage, load in loads.items():
            cache.add_metric([stage], load.cached_tokens / load.cache_positions)
        yield cache
        loaded = GaugeMetricFamily("trimtab_stage_loaded", "1 for each loaded stage.", labels=["stage"])
        for stage in loads:
            loaded.add_metric([stage], 1.0)
        yield loaded
