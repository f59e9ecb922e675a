"""What a server says it holds: its own metrics, and what the kernel says of its process."""

from __future__ import annotations

import asyncio
import socket
import time
import urllib.request
from collections import defaultdict
from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

#: What is back at nothing when nobody asks for anything.
HELD = (
    "trimtab_num_requests_running",
    "trimtab_num_requests_waiting",
    "trimtab_kv_cache_usage_perc",
    "trimtab_steering_rows_in_use",
    "trimtab_rpc_running",
)


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def gauges(port: int) -> Mapping[str, float]:
    """Every metric of the server, added up over its series."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    sums: defaultdict[str, float] = defaultdict(float)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] += sample.value
    return sums


async def seconds_until_free(port: int, limit: float, beside: float = 0.0) -> tuple[float, list[str]]:
    """Seconds until nothing is held any more, and what still is after `limit` seconds.

    beside: calls that somebody else has under way all the time.
    """
    begin = time.perf_counter()
    while True:
        now = await asyncio.to_thread(gauges, port)
        missing = [name for name in HELD if name not in now]
        if missing:
            raise RuntimeError(f"the server does not tell {', '.join(missing)}")
        held = [name for name in HELD if now[name] > (beside if name.endswith("rpc_running") else 0.0)]
        seconds = time.perf_counter() - begin
        if not held or seconds > limit:
            return seconds, [f"{name} {now[name]:g}" for name in held]
        await asyncio.sleep(0.02)
