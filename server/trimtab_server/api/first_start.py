"""What a data directory needs before it can serve: a token, the model's own vectors, a deployment."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError
from trimtab_vectors.formats.safetensors import read_vector
from trimtab_vectors.steering_vector import Positions, SteeringVector, Suggested

from trimtab_server.api.library import VectorLibrary
from trimtab_server.api.roles import Role
from trimtab_server.steering.creation import configuration_of, create_deployment
from trimtab_server.steering.snapshot import Sampling
from trimtab_server.steering.validation import DraftSteering, ModelFacts, check
from trimtab_server.store import audit, deployments, snapshots, tokens
from trimtab_server.store.blobs import BlobDamaged
from trimtab_server.store.data_directory import DataDirectory
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER
from trimtab_server.store.triggers import create_triggers, missing_triggers

log = logging.getLogger("trimtab.start")

DEFAULT_DEPLOYMENT: Final = "default"


class WrongModel(Exception):
    """The data directory belongs to a deployment of another model."""


class SettingsFileError(ValueError):
    """The settings.json beside a model cannot be read; the message names it."""


class _Setting(BaseModel):
    model_config = ConfigDict(extra="ignore")
    vector: str
    strength: float
    layers: tuple[int, ...]
    positions: Positions = "all"
    safe_strength: float | None = None


class _SettingsFile(BaseModel):
    model_config = ConfigDict(extra="ignore")
    recommended: _Setting | None = None


@dataclass(frozen=True)
class ShippedVectors:
    """The vectors beside a model; `watched` is the id of the recommended one, or ""."""

    vectors: tuple[SteeringVector, ...]
    watched: str


def shipped_vectors(model_directory: Path) -> ShippedVectors:
    """Reads MODEL_DIR/vectors/*.safetensors, and the recommended setting from settings.json.

    Raises:
        VectorError: a file is no vector.
        SettingsFileError: settings.json is not what it should be.
    """
    recommended = _recommended(model_directory / "settings.json")
    vectors, watched = [], ""
    for path in sorted((model_directory / "vectors").glob("*.safetensors")):
        vector = read_vector(path.read_bytes())
        if recommended is not None and Path(recommended.vector).name == path.name:
            suggested = Suggested(
                recommended.strength, recommended.layers, recommended.positions, recommended.safe_strength
            )
            vector = replace(vector, suggested=suggested)
            watched = vector.id
        vectors.append(vector)
    return ShippedVectors(tuple(vectors), watched)


def ensure_token(database: Database, directory: DataDirectory, now: int) -> None:
    """Makes the first admin token, in a file that its owner alone can read, unless there are tokens."""
    with database.write() as connection:
        if tokens.page(connection, limit=1):
            return
        token, secret = tokens.mint("first start", Role.ADMIN.value, now)
        tokens.add(connection, token)
        audit.append(
            connection,
            time=now,
            origin=SERVER,
            action="token.create",
            subject=f"tokens/{token.id}",
            details={"display_name": token.display_name, "role": token.role},
        )
        # Inside the transaction: a token that cannot be written down must not exist.
        directory.write_token(secret)


def ensure_deployment(
    database: Database, library: VectorLibrary, facts: ModelFacts, model_directory: Path, now: int
) -> None:
    """Imports the model's own vectors where none of this model is held, and makes the default deployment.

    Raises:
        WrongModel: the deployment there is serves another model.
    """
    with database.read() as connection:
        held = deployments.find(connection, DEFAULT_DEPLOYMENT)
    if held is not None and held.model != facts.name:
        raise WrongModel(
            f"the data directory belongs to a deployment of models/{held.model}, hosted would be "
            f"models/{facts.name}: give this model its own --data-dir"
        )
    watched = ""
    known = library.page(1_000, None, "")
    if not any(vector.model_fingerprint == facts.fingerprint for vector in known):
        shipped = shipped_vectors(model_directory)
        for vector in shipped.vectors:
            library.add(vector, SERVER, "vector.import")
        watched = shipped.watched
    if held is not None and watched:
        with database.write() as connection:
            deployments.watch(connection, held.name, watched)
            audit.append(
                connection,
                time=now,
                origin=SERVER,
                action="deployment.watch",
                subject=f"vectors/{watched}",
                deployment=held.name,
            )
    if held is None:
        unsteered = check(DraftSteering(), Sampling(), facts, library)
        create_deployment(
            database,
            name=DEFAULT_DEPLOYMENT,
            model=facts.name,
            unsteered=unsteered,
            watched_vector=watched,
            time=now,
        )


def self_check(database: Database, library: VectorLibrary, now: int, details: dict[str, str]) -> bool:
    """Hashes every active snapshot and its vectors' files, and writes the result into the audit.

    A fault does not keep the server from starting: the way back must stay open. Requests under what is
    damaged fail; they never run unsteered.
    """
    faults: list[str] = []
    used: set[str] = set()
    with database.read() as connection:
        for deployment in deployments.all_of(connection):
            revision = deployments.find_revision(connection, deployment.name, deployment.revision)
            record = snapshots.find(connection, revision.snapshot) if revision else None
            if record is None:
                faults.append(f"deployments/{deployment.name} has no active snapshot")
                continue
            try:
                vectors = configuration_of(record).steering.vectors
            except ValueError as error:
                faults.append(str(error))
                continue
            used.update(vectors)
        chain = audit.verify(connection)
        missing = missing_triggers(connection)
    faults += [f"trigger {name} was missing or changed, and was put back" for name in missing]
    # The library reads by itself, and this connection has one transaction at a time.
    faults += [fault for vector in sorted(used) if (fault := _vector_fault(library, vector))]
    if not chain.ok:
        faults.append(f"audit: {chain.fault}")
    for fault in faults:
        log.error("self_check_fault", extra={"facts": {"fault": fault}})
    with database.write() as connection:
        if missing:
            create_triggers(connection)
        audit.append(
            connection,
            time=now,
            origin=SERVER,
            action="server.start",
            subject="server",
            details={**details, "self_check": faults or "ok"},
        )
    return not faults


def _vector_fault(library: VectorLibrary, vector: str) -> str:
    try:
        library.content(library.find(vector))
    except BlobDamaged as error:
        return str(error)
    return ""


def _recommended(path: Path) -> _Setting | None:
    if not path.is_file():
        return None
    try:
        return _SettingsFile.model_validate_json(path.read_bytes()).recommended
    except ValidationError as error:
        raise SettingsFileError(f"{path} is no settings file of a model: {error}") from error
