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

from grpc_health.v1 import health_pb2
from transformers.utils.logging import disable_progress_bar
from trimtab_vectors.evaluation.honesty import QuestionFileError
from trimtab_vectors.steering_vector import VectorError

from trimtab_server.api import log as structured_log
from trimtab_server.api.application import Application
from trimtab_server.api.doors import Doors, Health, PortTaken, open_doors
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
from trimtab_server.api.principals import PrincipalsFileError
from trimtab_server.api.tls import CertificateUnusable, restart_with_tls_1_3_only
from trimtab_server.api.tracing import TracingUnavailable
from trimtab_server.engine.errors import EngineError
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.metrics.endpoint import EndpointTaken
from trimtab_server.settings import ServeSettings
from trimtab_server.store import audit, schema
from trimtab_server.store.audit_heads import HeadFile, HeadKey, HeadsUnreadable
from trimtab_server.store.blobs import BlobStore
from trimtab_server.store.data_directory import DataDirectory, DataDirectoryInUse
from trimtab_server.store.database import Database
from trimtab_server.store.failure import StorageFailure
from trimtab_server.store.node import Node
from trimtab_server.store.requests import SERVER, forget
from trimtab_server.store.reserve import Reserve
from trimtab_server.store.upkeep import Upkeep

log = logging.getLogger("trimtab.serve")

#: A request is not retried after a week (in nanoseconds).
_RETRIES_END: Final = 7 * 24 * 3_600 * 1_000_000_000

#: Time for last messages to go out after the engines have ended.
_LAST_WORDS: Final = 0.5


#: What an operator can put right: said in one line, without a traceback.
_NOT_STARTED: Final = (
    DataDirectoryInUse,
    WrongModel,
    schema.SchemaTooNew,
    StorageFailure,
    HeadsUnreadable,
    EngineError,
    PortTaken,
    CertificateUnusable,
    PrincipalsFileError,
    EndpointTaken,
    TracingUnavailable,
    VectorError,
    QuestionFileError,
    PresetFileError,
    SettingsFileError,
)


def run(settings: ServeSettings) -> int:
    """Serves until SIGTERM or SIGINT; prints `listening on HOST:PORT` when ready. Returns the exit status."""
    if settings.tls_cert is not None:
        restart_with_tls_1_3_only()
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
    with _data_directory(settings) as directory, _store(settings, directory) as (database, blobs):
        application = await _prepare(settings, directory, database, blobs)
        state = Health()
        await _say(state, application, health_pb2.HealthCheckResponse.NOT_SERVING)
        doors = open_doors(settings, application, state)
        for server in doors.servers:
            await server.start()
        try:
            application.serve_metrics()
            # Before the first reply, so that none under a candidate goes unjudged.
            application.run_rollouts()
            await _load(application)
            await _say(state, application, health_pb2.HealthCheckResponse.SERVING)
            directory.write_address(settings.local_address(doors.address))
            if doors.control_address:
                print(f"control on {doors.control_address}", file=sys.stderr, flush=True)
            print(f"listening on {doors.address}", flush=True)
            facts = {"address": doors.address, "control_address": doors.control_address, "pid": os.getpid()}
            log.info("ready", extra={"facts": facts | {"tls": settings.tls_cert is not None}})
            await stop.wait()
        finally:
            await _end(settings, application, doors, state, database)
    return 0


async def _prepare(
    settings: ServeSettings, directory: DataDirectory, database: Database, blobs: BlobStore
) -> Application:
    leftovers = blobs.remove_leftovers()
    if leftovers:
        log.info("removed_leftovers", extra={"facts": {"temporary_blobs": leftovers}})
    model = await asyncio.to_thread(_open_model, settings)
    library = VectorLibrary(database, blobs, time.time_ns)
    facts = facts_of(model)
    database.node = Node.here(version("trimtab"), facts.fingerprint)
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
    state: Health,
    application: Application,
    status: health_pb2.HealthCheckResponse.ServingStatus.ValueType,
) -> None:
    for name in ("", *application.service_names):
        await state.set(name, status)


async def _end(
    settings: ServeSettings,
    application: Application,
    doors: Doors,
    state: Health,
    database: Database,
) -> None:
    log.info("draining", extra={"facts": {"seconds": settings.drain_seconds}})
    await state.enter_graceful_shutdown()
    drained = await application.drain(settings.drain_seconds)
    await asyncio.gather(*(server.stop(_LAST_WORDS) for server in doors.servers))
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
def _store(settings: ServeSettings, directory: DataDirectory) -> Iterator[tuple[Database, BlobStore]]:
    key = HeadKey.at(settings.audit_key or directory.audit_key)
    heads = HeadFile(settings.audit_heads or directory.audit_heads)
    blobs = BlobStore(directory.blobs)
    database = Database.at(directory.database)
    database.reserve = Reserve(directory.reserve)
    try:
        schema.upgrade(database, directory.root)
        with Upkeep(database, blobs, key, heads):
            yield database, blobs
    finally:
        database.close()
