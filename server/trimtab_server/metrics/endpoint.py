"""Serves the figures over HTTP, on a port and threads of their own."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from threading import BoundedSemaphore, Thread
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder

log = logging.getLogger("trimtab.metrics")

#: Scrapes at once; more are turned away.
_MOST: Final = 4
#: A client that does not send its request within this many seconds is dropped.
_PATIENCE: Final = 5.0


class EndpointTaken(Exception):
    """The metrics port cannot be listened on."""


class Endpoint:
    """`GET /metrics` in Prometheus' text format or OpenMetrics, as the scraper asks.

    Raises:
        EndpointTaken: another program has the port.
    """

    def __init__(self, registry: CollectorRegistry, host: str, port: int) -> None:
        try:
            self._server = make_server(host, port, _only_metrics(registry), _Server, _Handler)
        except OSError as error:
            raise EndpointTaken(
                f"cannot listen on {host}:{port} for metrics: {error}; choose another --metrics-port"
            ) from error
        self.address = f"{host}:{self._server.server_port}"
        self._thread = Thread(
            target=self._server.serve_forever, args=(0.1,), name="trimtab-metrics", daemon=True
        )
        self._thread.start()
        log.info("metrics", extra={"facts": {"address": self.address}})

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingMixIn, WSGIServer):
    """A thread a scrape, and few of them."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._places = BoundedSemaphore(_MOST)
        super().__init__(*args, **kwargs)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.warning("scrape_failed", exc_info=True)


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are not worth a line each."""


def _only_metrics(registry: CollectorRegistry) -> WSGIApplication:
    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/metrics":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"the figures are at /metrics\n"]
        encode, content_type = choose_encoder(environ.get("HTTP_ACCEPT", ""))
        body: bytes = encode(_WithoutBirthdays(registry))
        start_response("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [body]

    return application


@dataclass(frozen=True)
class _WithoutBirthdays:
    """The registry without the `_created` series: one more for each that counts, and nobody asks for them."""

    registry: CollectorRegistry

    def collect(self) -> Iterator[Metric]:
        for metric in self.registry.collect():
            metric.samples = [sample for sample in metric.samples if not sample.name.endswith("_created")]
            yield metric
