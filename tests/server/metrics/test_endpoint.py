"""The endpoint as a scraper sees it."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families
from trimtab_server.api.errors import CATALOGUE
from trimtab_server.api.registration import CallRecord
from trimtab_server.metrics import calls
from trimtab_server.metrics.calls import CallMetrics
from trimtab_server.metrics.endpoint import Endpoint, EndpointTaken


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    observe = CallMetrics(registry)
    for code, reason in (
        ("OK", ""),
        ("RESOURCE_EXHAUSTED", "QUEUE_FULL"),
        ("NOT_FOUND", "SNAPSHOT_NOT_FOUND"),
    ):
        observe(CallRecord("ChatService/Chat", "tokens/a", "operator", code, reason, 0.004, "log", "peer"))
    return registry


@pytest.fixture
def endpoint(registry: CollectorRegistry) -> Iterator[Endpoint]:
    running = Endpoint(registry, "127.0.0.1", 0)
    yield running
    running.close()


def fetch(endpoint: Endpoint, path: str = "/metrics", accept: str = "") -> tuple[str, str]:
    request = urllib.request.Request(f"http://{endpoint.address}{path}", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.read().decode(), response.headers["Content-Type"]


def test_calls_are_counted_by_method_code_and_reason_and_by_nothing_of_the_callers(
    endpoint: Endpoint,
) -> None:
    text, kind = fetch(endpoint)
    assert kind.startswith("text/plain")
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    counted = {
        (sample.labels["method"], sample.labels["code"]): sample.value
        for sample in samples
        if sample.name == "trimtab_rpc_requests_total"
    }
    assert counted == {
        ("ChatService/Chat", "OK"): 1,
        ("ChatService/Chat", "RESOURCE_EXHAUSTED"): 1,
        ("ChatService/Chat", "NOT_FOUND"): 1,
    }
    rejected = [s.labels for s in samples if s.name == "trimtab_admission_rejections_total"]
    assert rejected == [{"reason": "QUEUE_FULL"}]
    assert {name for sample in samples for name in sample.labels} == {"method", "code", "reason", "le"}
    assert not [sample.name for sample in samples if sample.name.endswith("_created")]


def test_a_scraper_that_asks_for_openmetrics_gets_it(endpoint: Endpoint) -> None:
    text, kind = fetch(endpoint, accept="application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    assert "trimtab_rpc_requests" in {family.name for family in openmetrics_families(text)}


def test_only_the_metrics_are_served(endpoint: Endpoint) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetch(endpoint, "/../trimtab.db")
    assert caught.value.code == 404
    caught.value.close()


def test_clients_that_send_nothing_do_not_keep_a_scraper_out_for_ever(endpoint: Endpoint) -> None:
    host, _, port = endpoint.address.partition(":")
    idle = [socket.create_connection((host, int(port))) for _ in range(12)]
    try:
        # Four of them have the places; the others were turned away at once.
        for silent in idle[4:]:
            silent.settimeout(10)
            assert silent.recv(1) == b""
        for silent in idle[:4]:
            silent.settimeout(20)
            assert silent.recv(1) == b"", "dropped for saying nothing"
        assert "trimtab_rpc_requests_total" in fetch(endpoint)[0]
    finally:
        for silent in idle:
            silent.close()


def test_a_port_that_is_taken_is_named() -> None:
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    try:
        with pytest.raises(EndpointTaken, match="choose another --metrics-port"):
            Endpoint(CollectorRegistry(), "127.0.0.1", taken.getsockname()[1])
    finally:
        taken.close()


def test_every_rejection_that_is_counted_is_a_reason_of_the_catalogue() -> None:
    assert set(CATALOGUE) >= calls._NOT_ADMITTED
