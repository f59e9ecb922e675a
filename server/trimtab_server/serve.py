"""The server process: start order, signals, graceful end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from importlib.metadata import version
from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from transformers.utils.logging import disable_progress_bar
from trimtab_vectors.evaluation.honesty import QuestionFileError
from trimtab_vectors.steering_vector import VectorError

from trimtab_server.api import log as structured_log
from trimtab_server.api.application import Application
from trimtab_server.api.first_start import (
    SettingsFileError,
    WrongModel,
    ensure_deployment,
    ensure_token,
    self_check,
)
from trimtab_server.api.library import VectorLibrary
from trimtab_server.api.plans import facts_of
from trimtab_server.api.presets import PresetFileError
from trimtab_server.engine.errors import EngineError
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.settings import ServeSettings
from trimtab_server.store import audit, schema
from trimtab_server.store.blobs import BlobStore
from trimtab_server.store.data_directory import DataDirectory, DataDirectoryInUse
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER, forget

log = logging.getLogger("trimtab.serve")

#: A vector file may have 64 MiB, and the message around it has a few bytes of its own.
_LARGEST_MESSAGE: Final = (64 << 20) + (64 << 10)

_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _LARGEST_MESSAGE),
    ("grpc.max_send_message_length", _LARGEST_MESSAGE),
    # Two servers must not share a port by accident.
    ("grpc.so_reuseport", 0),
    # Connections that never finish their handshake would live for ever.
    ("grpc.server_handshake_timeout_ms", 3_000),
    # A client that vanished without a word is noticed within half a minute.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # Clients may ping while a reply is slow to come; by default that ends in GOAWAY too_many_pings.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.http2.max_ping_strikes", 0),
)

#: A request is not retried after a week (in nanoseconds).
_RETRIES_END: Final = 7 * 24 * 3_600 * 1_000_000_000

#: Time for last messages to go out after the engines have ended.
_LAST_WORDS: Final = 0.5


class PortTaken(Exception):
    """The address cannot be listened on."""


#: What an operator can put right: said in one line, without a traceback.
_NOT_STARTED: Final = (
    DataDirectoryInUse,
    WrongModel,
    schema.SchemaTooNew,
    EngineError,
    PortTaken,
    VectorError,
    QuestionFileError,
    PresetFileError,
    SettingsFileError,
)


def run(settings: ServeSettings) -> int:
    """Serves until SIGTERM or SIGINT; prints `listening on HOST:PORT` when ready. Returns the exit status."""
    structured_log.configure(settings.log_level)
    try:
        return asyncio.run(_serve(settings))
    except _NOT_STARTED as error:
        print(f"trimtab serve: {error}", file=sys.stderr)
        return 1


async def _serve(settings: ServeSettings) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with _data_directory(settings) as directory, _database(directory) as database:
        application = await _prepare(settings, directory, database)
        server = grpc.aio.server(options=_OPTIONS)
        application.register(server)
        state = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(state, server)
        names = [*application.service_names, health.SERVICE_NAME, reflection.SERVICE_NAME]
        reflection.enable_server_reflection(names, server)
        await _say(state, application, health_pb2.HealthCheckResponse.NOT_SERVING)
        address = _listen(server, settings)
        await server.start()
        try:
            await _load(application)
            await _say(state, application, health_pb2.HealthCheckResponse.SERVING)
            directory.write_address(address)
            print(f"listening on {address}", flush=True)
            log.info("ready", extra={"facts": {"address": address, "pid": os.getpid()}})
            await stop.wait()
        finally:
            await _end(settings, application, server, state, database)
    return 0


async def _prepare(settings: ServeSettings, directory: DataDirectory, database: Database) -> Application:
    blobs = BlobStore(directory.blobs)
    leftovers = blobs.remove_leftovers()
    if leftovers:
        log.info("removed_leftovers", extra={"facts": {"temporary_blobs": leftovers}})
    model = await asyncio.to_thread(_open_model, settings)
    library = VectorLibrary(database, blobs, time.time_ns)
    facts = facts_of(model)
    now = time.time_ns()
    with database.write() as connection:
        forget(connection, now - _RETRIES_END)
    ensure_token(database, directory, now)
    ensure_deployment(database, library, facts, model.directory, now)
    details = {"fingerprint": facts.fingerprint, "model": model.name, "version": version("trimtab")}
    self_check(database, library, time.time_ns(), details)
    return Application(settings, database, library, model)


def _open_model(settings: ServeSettings) -> HostedModel:
    source = settings.model
    if source is None:
        from trimtab_vectors.organism import shipped_model_dir

        source = str(shipped_model_dir())
    disable_progress_bar()  # type: ignore[no-untyped-call]  # standard error is for log lines
    dtype = None if settings.dtype == "auto" else settings.dtype
    return HostedModel.open(source, settings.device, dtype, settings.trust_remote_code)


async def _load(application: Application) -> None:
    try:
        await application.load_active_stages()
    except EngineError as error:
        # Still serving: an operator must be able to roll back to something that can be loaded.
        log.error("active_stage_not_loaded", extra={"facts": {"error": str(error)}})


async def _say(
    state: health.aio.HealthServicer,
    application: Application,
    status: health_pb2.HealthCheckResponse.ServingStatus.ValueType,
) -> None:
    for name in ("", *application.service_names):
        await state.set(name, status)


def _listen(server: grpc.aio.Server, settings: ServeSettings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    try:
        port = server.add_insecure_port(f"{host}:{settings.port}")
    except RuntimeError as error:
        raise PortTaken(f"cannot listen on {host}:{settings.port}: {error}; choose another --port") from error
    return f"{host}:{port}"


async def _end(
    settings: ServeSettings,
    application: Application,
    server: grpc.aio.Server,
    state: health.aio.HealthServicer,
    database: Database,
) -> None:
    log.info("draining", extra={"facts": {"seconds": settings.drain_seconds}})
    await state.enter_graceful_shutdown()
    drained = await application.drain(settings.drain_seconds)
    await server.stop(_LAST_WORDS)
    await application.close()
    with database.write() as connection:
        audit.append(
            connection,
            time=time.time_ns(),
            origin=SERVER,
            action="server.stop",
            subject="server",
            details={"drained": drained},
        )
    log.info("stopped", extra={"facts": {"drained": drained}})


@contextlib.contextmanager
def _data_directory(settings: ServeSettings) -> Iterator[DataDirectory]:
    directory = DataDirectory(settings.data_dir)
    try:
        yield directory
    finally:
        directory.release()


@contextlib.contextmanager
def _database(directory: DataDirectory) -> Iterator[Database]:
    database = Database.at(directory.database)
    try:
        schema.upgrade(database, directory.root)
        yield database
    finally:
        database.close()
