"""The ports a server listens on: one for everything, and if wanted a second one for control alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from trimtab_server.api.application import Application
from trimtab_server.api.limits import CONTROL, MAX_MESSAGE, MAX_VECTOR_MESSAGE
from trimtab_server.api.tls import Certificates, TlsFiles
from trimtab_server.settings import ServeSettings

#: Of the control port: enough for every operator, and apart from the other port's.
_CONTROL_CONNECTIONS: Final = 64


#: Of the health service, which asks nobody who they are: probes call Check, few programs watch.
_HEALTH_WATCHERS: Final = 64


class Health(health.aio.HealthServicer):  # type: ignore[misc]  # it has no types
    """The standard service; anonymous streams are bounded in number and in the names they may ask for."""

    def __init__(self) -> None:
        super().__init__()
        self._watchers = 0

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Any) -> None:
        if self._watchers >= _HEALTH_WATCHERS:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many watch already; call Check")
        if request.service not in self._server_status:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        self._watchers += 1
        try:
            await super().Watch(request, context)
        finally:
            self._watchers -= 1


class PortTaken(Exception):
    """The address cannot be listened on."""


@dataclass(frozen=True)
class Doors:
    """Servers not yet started, and their addresses ("HOST:PORT"; "" where there is no control port)."""

    servers: tuple[grpc.aio.Server, ...]
    address: str
    control_address: str = ""


def open_doors(settings: ServeSettings, application: Application, state: Health) -> Doors:
    """Opens the ports and registers what each is for.

    Reflection is for the machine itself: it tells strangers what there is.

    Raises:
        PortTaken, CertificateUnusable.
    """
    certificates = _certificates(settings)
    server = grpc.aio.server(options=_options(settings, settings.max_connections, MAX_VECTOR_MESSAGE))
    application.register(server)
    health_pb2_grpc.add_HealthServicer_to_server(state, server)
    if settings.loopback:
        names = [*application.service_names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, server)
    address = _listen(server, settings.host, settings.port, certificates)
    if settings.control_port is None:
        return Doors((server,), address)
    control = grpc.aio.server(options=_options(settings, _CONTROL_CONNECTIONS, MAX_MESSAGE))
    application.register(control, CONTROL)
    health_pb2_grpc.add_HealthServicer_to_server(state, control)
    return Doors(
        (server, control), address, _listen(control, settings.host, settings.control_port, certificates)
    )


def _certificates(settings: ServeSettings) -> Certificates | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return Certificates(TlsFiles(settings.tls_cert, settings.tls_key, settings.tls_client_ca))


def _listen(server: grpc.aio.Server, host: str, port: int, certificates: Certificates | None) -> str:
    host = f"[{host}]" if ":" in host else host
    try:
        if certificates is None:
            found = server.add_insecure_port(f"{host}:{port}")
        else:
            found = server.add_secure_port(f"{host}:{port}", certificates.credentials())
    except RuntimeError as error:
        raise PortTaken(f"cannot listen on {host}:{port}: {error}; choose another port") from error
    return f"{host}:{found}"


def _options(settings: ServeSettings, connections: int, largest: int) -> tuple[tuple[str, int], ...]:
    return (
        # The gate knows the smaller limits of single methods (`api.limits`).
        ("grpc.max_receive_message_length", largest),
        ("grpc.max_send_message_length", MAX_VECTOR_MESSAGE),
        # Two servers must not share a port by accident.
        ("grpc.so_reuseport", 0),
        # Connections that never finish their handshake would live for ever, and be counted for ever.
        ("grpc.server_handshake_timeout_ms", round(settings.handshake_seconds * 1_000)),
        ("grpc.max_allowed_incoming_connections", connections),
        ("grpc.max_concurrent_streams", 1_024),
        # Clients of a connection closed for want of use reconnect by themselves.
        ("grpc.max_connection_idle_ms", 600_000),
        # A client that vanished without a word is noticed within half a minute.
        ("grpc.keepalive_time_ms", 20_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        # Clients may ping while a reply is slow to come; by default that ends in GOAWAY too_many_pings.
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.http2.max_ping_strikes", 0),
    )
