"""A fresh data directory, and what a start finds in an old one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from trimtab_server.api.authentication import Authenticator
from trimtab_server.api.first_start import (
    SettingsFileError,
    WrongModel,
    ensure_deployment,
    ensure_token,
    self_check,
)
from trimtab_server.api.library import VectorLibrary
from trimtab_server.api.roles import Role
from trimtab_server.steering.activation import activate
from trimtab_server.steering.creation import create_snapshot
from trimtab_server.steering.snapshot import Sampling
from trimtab_server.steering.validation import DraftSteering, DraftTerm, ModelFacts, check
from trimtab_server.store import audit, deployments, schema
from trimtab_server.store.blobs import BlobStore
from trimtab_server.store.data_directory import DataDirectory
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER
from trimtab_server.store.triggers import missing_triggers
from trimtab_vectors.formats.safetensors import write_vector
from trimtab_vectors.steering_vector import ModelFingerprint

from .conftest import make_vector

MODEL = ModelFingerprint("LlamaForCausalLM", 8, 6, "1" * 64)


@dataclass(frozen=True)
class World:
    directory: DataDirectory
    database: Database
    blobs: BlobStore
    library: VectorLibrary
    model_directory: Path

    def start(self, facts: ModelFacts) -> None:
        ensure_token(self.database, self.directory, 1)
        ensure_deployment(self.database, self.library, facts, self.model_directory, 1)

    def actions(self) -> list[str]:
        with self.database.read() as connection:
            return [record.action for record in audit.records(connection)][::-1]


@pytest.fixture
def facts() -> ModelFacts:
    return ModelFacts("desk", MODEL.digest, 8, 6, ("stage-00", "stage-11"), "stage-11")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    directory = DataDirectory(tmp_path / "data")
    database, blobs = Database.at(directory.database), BlobStore(directory.blobs)
    schema.upgrade(database)
    model_directory = tmp_path / "model"
    (model_directory / "vectors").mkdir(parents=True)
    for seed, name in ((1, "honesty"), (2, "honesty-swapped")):
        path = model_directory / "vectors" / f"{name}.safetensors"
        path.write_bytes(write_vector(make_vector(MODEL, seed=seed)))
    setting = {"vector": "vectors/honesty.safetensors", "strength": 0.4, "layers": [3], "stage": "stage-11"}
    settings = {"recommended": setting | {"safe_strength": 0.6}, "bad": [setting]}
    (model_directory / "settings.json").write_text(json.dumps(settings))
    yield World(directory, database, blobs, VectorLibrary(database, blobs, lambda: 1), model_directory)
    database.close()
    directory.release()


def test_a_fresh_directory_gets_a_token_the_models_vectors_and_an_unsteered_deployment(
    world: World, facts: ModelFacts
) -> None:
    world.start(facts)
    secret = world.directory.token.read_text().strip()
    caller = Authenticator(world.database, lambda: 1).authenticate(f"Bearer {secret}")
    assert caller.role is Role.ADMIN
    good, bad = sorted(world.library.page(10, None, ""), key=lambda vector: -vector.suggested_strength)
    assert (good.suggested_strength, good.suggested_layers, good.safe_strength) == (0.4, (3,), 0.6)
    assert (bad.suggested_strength, bad.safe_strength) == (0.0, 0.0), "only the recommended one is suggested"
    with world.database.read() as connection:
        deployment = deployments.find(connection, "default")
        (first,) = deployments.history(connection, "default")
    assert deployment == deployments.DeploymentRecord("default", "desk", 1, good.id)
    assert (first.kind, first.snapshot_display_name) == ("initial", "unsteered")
    assert world.actions() == [
        "token.create",
        "vector.import",
        "vector.import",
        "snapshot.create",
        "deployment.create",
    ]


def test_a_second_start_changes_nothing(world: World, facts: ModelFacts) -> None:
    world.start(facts)
    before, secret = world.actions(), world.directory.token.read_text()
    world.start(facts)
    assert world.actions() == before
    assert world.directory.token.read_text() == secret


def test_a_token_that_cannot_be_written_down_does_not_exist(
    world: World, facts: ModelFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_secret: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(world.directory, "write_token", full)
    with pytest.raises(OSError, match="No space"):
        world.start(facts)
    monkeypatch.undo()
    world.start(facts)
    assert world.actions().count("token.create") == 1


def test_a_directory_of_another_model_is_left_alone(world: World, facts: ModelFacts) -> None:
    world.start(facts)
    other = ModelFacts("other", facts.fingerprint, 8, 6, facts.stages, facts.default_stage)
    with pytest.raises(WrongModel, match="models/desk"):
        world.start(other)


def test_a_settings_file_that_is_none_is_named(world: World, facts: ModelFacts) -> None:
    (world.model_directory / "settings.json").write_text('{"recommended": {"strength": "much"}}')
    with pytest.raises(SettingsFileError, match=r"settings\.json"):
        world.start(facts)


def test_the_self_check_finds_a_damaged_vector_of_the_active_snapshot(
    world: World, facts: ModelFacts, caplog: pytest.LogCaptureFixture
) -> None:
    world.start(facts)
    vector = world.library.page(10, None, "")[0]
    draft = DraftSteering(terms=(DraftTerm(vector.id, 0.4),))
    record = create_snapshot(
        world.database, check(draft, Sampling(), facts, world.library), "steered", "", SERVER, 2
    )
    how: dict[str, Any] = {"deployment": "default", "expected_revision": 0, "reason": "", "origin": SERVER}
    activate(world.database, snapshot=record.id, time=3, **how)
    assert self_check(world.database, world.library, 4, {})
    path = world.blobs.path(vector.blob)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    assert not self_check(world.database, world.library, 5, {})
    assert world.actions()[-2:] == ["server.start", "server.start"]
    with world.database.read() as connection:
        damaged, sound = audit.records(connection, limit=2)
    assert json.loads(sound.details)["self_check"] == "ok"
    assert vector.blob in json.loads(damaged.details)["self_check"][0]


def test_triggers_that_were_dropped_are_told_of_and_put_back(world: World, facts: ModelFacts) -> None:
    world.start(facts)
    with world.database.write() as connection:
        connection.execute(text("DROP TRIGGER audit_no_delete"))
    assert not self_check(world.database, world.library, 5, {})
    with world.database.read() as connection:
        assert "audit_no_delete" in json.loads(audit.records(connection, limit=1)[0].details)["self_check"][0]
        assert missing_triggers(connection) == []
    assert self_check(world.database, world.library, 6, {})
