"""Log lines are JSON, carry their call, and keep their own time."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest
from trimtab_server.api.log import JsonFormatter, in_call
from trimtab_server.api.workers import Workers

log = logging.getLogger("trimtab.test")


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.lines: list[dict[str, object]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler = Kept()
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    yield handler
    log.removeHandler(handler)


async def test_every_line_of_a_call_carries_its_id_on_worker_threads_too(kept: Kept) -> None:
    workers = Workers()

    async def call(log_id: str) -> None:
        with in_call(log_id):
            log.info("before")
            await workers.change(log.info, "on a worker")
            await asyncio.sleep(0)
            log.info("after")

    await asyncio.gather(call("one"), call("two"))
    log.info("outside")
    workers.close()
    by_call = {
        log_id: sorted(str(line["event"]) for line in kept.lines if line.get("log_id") == log_id)
        for log_id in ("one", "two")
    }
    assert by_call == {log_id: ["after", "before", "on a worker"] for log_id in ("one", "two")}
    assert "log_id" not in kept.lines[-1]


def test_a_fact_cannot_take_the_place_of_the_lines_own_fields(kept: Kept) -> None:
    log.info("event", extra={"facts": {"time": 5, "level": "none", "other": 1}})
    [line] = kept.lines
    assert line["event"] == "event" and line["level"] == "info"
    assert str(line["time"]).endswith("Z")
    assert (line["fact_time"], line["fact_level"], line["other"]) == (5, "none", 1)
