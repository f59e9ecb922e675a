"""A real HTTP server that takes webhooks, and can be told to misbehave."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Posted:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def event(self) -> dict[str, Any]:
        payload = self.body["metadata"]["event_payload"]
        assert isinstance(payload, dict)
        return payload


@dataclass
class HttpReceiver:
    """Answers with the statuses of `script`, one a request, then with 200.

    While `gate` is not set a request is held, as by a receiver that is slow.
    """

    script: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    port: int = 0

    def __post_init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.requests = 0
        self.taken: list[Posted] = []
        self._news = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with receiver._news:
                    receiver.requests += 1
                    status = receiver.script.pop(0) if receiver.script else 200
                    receiver._news.notify_all()
                receiver.gate.wait(30)
                if status == 200:
                    with receiver._news:
                        receiver.taken.append(Posted(self.path, dict(self.headers), body))
                        receiver._news.notify_all()
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"ok" if status == 200 else b"no such luck")

            def log_message(self, format: str, *args: object) -> None:
                pass

        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/services/hook"

    def wait(self, count: int, seconds: float = 20) -> list[Posted]:
        """Until so many alerts were taken."""
        with self._news:
            arrived = self._news.wait_for(lambda: len(self.taken) >= count, seconds)
        assert arrived, f"{len(self.taken)} of {count} alerts arrived"
        return list(self.taken)

    def wait_requests(self, count: int, seconds: float = 20) -> None:
        with self._news:
            assert self._news.wait_for(lambda: self.requests >= count, seconds), f"{self.requests} requests"

    def close(self) -> None:
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
