"""Rollouts as the store would hand them out, and the shipped model behind everything but the wire."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from trimtab_server.api.application import Application
from trimtab_server.api.first_start import ensure_deployment
from trimtab_server.api.library import VectorLibrary
from trimtab_server.api.plans import facts_of
from trimtab_server.api.spare_replies import EngineSpareReplies
from trimtab_server.control.canary_pairs import Arms
from trimtab_server.control.controller import RolloutController
from trimtab_server.control.keeper import Keeper
from trimtab_server.control.run import Tools
from trimtab_server.control.spare import Subject
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.monitoring.canary import CanarySet
from trimtab_server.rollouts.plan import AnalysisPlan
from trimtab_server.settings import ServeSettings
from trimtab_server.steering.activation import activate
from trimtab_server.steering.creation import create_snapshot
from trimtab_server.steering.rollout_steps import create_rollout, start_rollout
from trimtab_server.steering.snapshot import Configuration, Positions, Sampling
from trimtab_server.steering.validation import DraftSteering, DraftTerm
from trimtab_server.store import rollouts, schema
from trimtab_server.store.blobs import BlobStore
from trimtab_server.store.database import Database
from trimtab_server.store.requests import SERVER
from trimtab_server.store.rollouts import RUNNING, RolloutRecord
from trimtab_vectors.formats.safetensors import read_vector
from trimtab_vectors.organism import shipped_model_dir

Make = Callable[..., RolloutRecord]


@pytest.fixture
def secret() -> str:
    return "5a" * 32


@pytest.fixture
def record(secret: str) -> Make:
    """Makes a running rollout at 10 percent, but for what is said."""
    return lambda **values: _record(**{"secret": secret} | values)


def _record(**values: Any) -> RolloutRecord:
    facts: dict[str, Any] = {
        "id": "a1b2c3d4e5f6",
        "deployment": "default",
        "stable_revision": 1,
        "stable_snapshot": "5" * 64,
        "candidate_snapshot": "c" * 64,
        "plan": "{}",
        "plan_hash": "0" * 64,
        "created_by": "tokens/test",
        "create_time": 1,
        "state": RUNNING,
        "weight": 10,
    }
    return RolloutRecord(**facts | values)


@dataclass
class Desk:
    """A server's parts on the shipped model, without the wire, and with nobody who runs rollouts yet."""

    application: Application
    database: Database
    canary_set: CanarySet
    model_dir: Path
    #: What somebody was told while the store did not take a look.
    unkept: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        own = self.application
        self.workers, self.pool, self.generator = own.workers, own.pool, own.generator
        self.stages, self.active, self.rollouts = own.stages, own.active, own.rollouts
        self.planner, self.changes = own.planner, own.rollout_changes
        self.replies = EngineSpareReplies(
            planner=own.planner, generator=own.generator, pool=own.pool, stages=own.stages, active=own.active
        )

    def tools(self) -> Tools:
        keeper = Keeper(
            database=self.database,
            reader=self.workers,
            changes=self.changes,
            pointers=self.rollouts,
            reference_values=lambda reference: (),
            now=time.time_ns,
        )
        return Tools(
            pointers=self.rollouts,
            keeper=keeper,
            replies=self.replies,
            load_stage=self.stages.load,
            unkept=lambda record, error: self.unkept.append(type(error).__name__),
            now=time.time_ns,
            shadow_share=1.0,
        )

    def controller(self) -> RolloutController:
        return RolloutController("default", self.canary_set, self.tools())

    def activate(self, configuration: Configuration) -> None:
        activate(
            self.database,
            deployment="default",
            snapshot=configuration.id,
            expected_revision=0,
            reason="test",
            origin=SERVER,
            time=time.time_ns(),
        )
        self.active.replace(self.active.read("default"))

    def start(self, candidate: Configuration, plan: AnalysisPlan) -> RolloutRecord:
        """A running rollout from what is active, in the store and in memory."""
        created = create_rollout(
            self.database,
            deployment="default",
            candidate=candidate.id,
            plan=plan,
            origin=SERVER,
            time=time.time_ns(),
        )
        started = start_rollout(self.database, rollout=created.id, origin=SERVER, time=time.time_ns())
        in_force = self.rollouts.read("default")
        assert in_force is not None and self.rollouts.take(in_force)
        return started

    def stored(self, rollout: str) -> RolloutRecord:
        with self.database.read() as connection:
            found = rollouts.find(connection, rollout)
        assert found is not None
        return found

    def arms(self, candidate: Configuration) -> Arms:
        """Unsteered against this candidate."""
        active = self.active.current("default")
        stable = Subject("stable", "default", active.snapshot.id, active.configuration)
        return Arms(stable, Subject("candidate", "default", candidate.id, candidate))

    def steered(self, file: str, strength: float, layers: tuple[int, ...]) -> Configuration:
        """A shipped vector at the last stage, kept as a snapshot."""
        vector = read_vector((self.model_dir / "vectors" / file).read_bytes())
        term = DraftTerm(vector.id, strength, layers, positions=Positions.REPLY)
        checked = self.planner.check(DraftSteering(terms=(term,)), Sampling())
        create_snapshot(self.database, checked, f"{file} {strength} {layers}", "", SERVER, 1)
        return checked.configuration


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    directory = shipped_model_dir()
    settings = ServeSettings(data_dir=tmp_path, slots=8, context=512, auto_canary=False)
    database = Database.at(tmp_path / "trimtab.db")
    schema.upgrade(database, tmp_path)
    model = HostedModel.open(str(directory), "cpu")
    library = VectorLibrary(database, BlobStore(tmp_path / "blobs"), time.time_ns)
    ensure_deployment(database, library, facts_of(model), directory, time.time_ns())
    application = Application(settings, database, library, model)
    await application.load_active_stages()
    canary_set = CanarySet.at(directory / "canary.jsonl")
    assert canary_set is not None
    yield Desk(application, database, canary_set, directory)
    assert await application.drain(5.0), "replies were still running at the end"
    await application.close()
    database.close()
