"""From what a request asks for to what the engine is given."""

from __future__ import annotations

import logging
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from trimtab_protos.v1 import chat_pb2, steering_pb2
from trimtab_vectors import operators
from trimtab_vectors.steering_vector import SteeringVector

from trimtab_server.api import wire, wire_steering
from trimtab_server.api.active import Active, ActivePointers
from trimtab_server.api.generation import Staged
from trimtab_server.api.library import VectorLibrary
from trimtab_server.api.live_readouts import LiveReadouts
from trimtab_server.api.workers import Workers
from trimtab_server.control.arms import Assignment, assign
from trimtab_server.control.pointers import RolloutPointers
from trimtab_server.engine import request as engine
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_server.steering import creation
from trimtab_server.steering.snapshot import (
    Condition,
    Configuration,
    PreserveStateNorm,
    Sampling,
    Steering,
    Term,
)
from trimtab_server.steering.validation import (
    Checked,
    DraftSteering,
    DraftTerm,
    ModelFacts,
    check,
    check_sampling,
    stage_of,
)
from trimtab_server.store import audit
from trimtab_server.store.blobs import BlobDamaged
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin
from trimtab_server.store.snapshots import SnapshotRecord

log = logging.getLogger("trimtab.chat")

_KEPT: Final = 512

_NORM_KEPT: Final[Mapping[PreserveStateNorm, operators.NormKept | None]] = {
    PreserveStateNorm.NEVER: None,
    PreserveStateNorm.ALWAYS: "always",
    PreserveStateNorm.GROWN: "grown",
}


@dataclass(frozen=True)
class Resolved:
    """A snapshot pinned for one reply. `revision` is 0 unless it was the deployment's active one."""

    snapshot: str
    deployment: str
    revision: int
    configuration: Configuration
    #: Vectors that do not fit and are used all the same, and what does not fit; only of inline steering.
    forced: Mapping[str, str] = field(default_factory=dict)
    #: The reply's place in the rollout that was in force.
    assignment: Assignment | None = None

    def reply_steering(self) -> chat_pb2.ReplySteering:
        """As the wire names it."""
        return chat_pb2.ReplySteering(
            snapshot=f"snapshots/{self.snapshot}",
            revision=wire.revision_name(self.deployment, self.revision) if self.revision else "",
            stage=self.configuration.steering.stage_name,
            arm=self.assignment.arm if self.assignment else "",
        )


@dataclass(frozen=True)
class Plan:
    """One reply to make: what is pinned, and the engine's request."""

    reply_id: str
    resolved: Resolved
    staged: Staged
    #: The vector whose projection is read, or "".
    watched: str
    #: What was asked, before the snapshot's own prompt was put in front; never stored.
    messages: tuple[Mapping[str, str], ...] = ()
    #: The caller's own sampling; None for the snapshot's.
    sampling: Sampling | None = None
    #: The caller's name for the conversation; hashed before it is kept.
    session: str = ""

    @property
    def prompt_tokens(self) -> int:
        return len(self.staged.request.prompt_ids)


def new_reply_id() -> str:
    return uuid.uuid4().hex


def facts_of(model: HostedModel) -> ModelFacts:
    """What the steering rules have to know of the hosted model."""
    return ModelFacts(
        name=model.name,
        fingerprint=model.fingerprint.digest,
        hidden_size=model.hidden_size,
        layer_count=model.layer_count,
        stages=tuple(stage.name for stage in model.stages),
        default_stage=model.default_stage,
    )


class Planner:
    """Resolves sources, checks them, renders prompts. Nothing here waits for an engine."""

    def __init__(
        self,
        *,
        database: Database,
        library: VectorLibrary,
        active: ActivePointers,
        rollouts: RolloutPointers,
        model: HostedModel,
        workers: Workers,
        default_max_tokens: int,
        readouts: LiveReadouts,
    ) -> None:
        self._database = database
        self._library = library
        self._active = active
        self._rollouts = rollouts
        self._model = model
        self._workers = workers
        self._default_max_tokens = default_max_tokens
        self.readouts = readouts
        self._terms: OrderedDict[str, tuple[engine.SteeringTerm, ...]] = OrderedDict()
        self.facts = facts_of(model)

    def check(self, draft: DraftSteering, sampling: Sampling, path: str = "steering") -> Checked:
        """Against the hosted model and the library. Blocks. Raises: Refusal."""
        return check(draft, sampling, self.facts, self._library, path=path)

    def recheck(self, configuration: Configuration) -> None:
        """A kept snapshot against the model hosted now, which may be another one. Blocks. Raises: Refusal."""
        steering = configuration.steering
        terms = tuple(DraftTerm.of(term) for term in steering.terms)
        self.check(DraftSteering(steering.stage_name, terms, steering.system_prompt), configuration.sampling)

    async def resolve(
        self, source: chat_pb2.SteeringSource, deployment: str, path: str, session: str = ""
    ) -> Resolved:
        """Pins one snapshot.

        Args:
            session: whose arm it is if a rollout is in force; "" for what is active in any case.

        Raises:
            Refusal: what the source names is not there or does not fit.
        """
        active = self._active.current(deployment)
        kind = source.WhichOneof("source")
        if kind is None or kind == "active":
            return self._of_traffic(active, session)
        if kind == "snapshot":
            record = await self._workers.read(self._find_snapshot, source.snapshot, f"{path}.snapshot")
            revision = active.revision.number if record.id == active.snapshot.id else 0
            return Resolved(record.id, deployment, revision, creation.configuration_of(record))
        if kind == "unsteered_stage":
            stage = active.configuration.steering.stage
            if source.unsteered_stage:
                stage = stage_of(source.unsteered_stage, self.facts, f"{path}.unsteered_stage")
            configuration = Configuration(Steering(self._model.name, stage))
            return Resolved(configuration.id, deployment, 0, configuration)
        draft = wire_steering.draft_steering(source.steering, f"{path}.steering")
        checked = await self._workers.read(self.check, draft, Sampling(), f"{path}.steering")
        configuration = checked.configuration
        return Resolved(configuration.id, deployment, 0, configuration, checked.forced)

    def _of_traffic(self, active: Active, session: str) -> Resolved:
        name = active.deployment.name
        stable = Resolved(active.snapshot.id, name, active.revision.number, active.configuration)
        in_force = self._rollouts.current(name) if session else None
        if in_force is None:
            return stable
        assignment = assign(in_force.record, session)
        if assignment.arm == "stable":
            return replace(stable, assignment=assignment)
        record = in_force.record
        return Resolved(record.candidate_snapshot, name, 0, in_force.candidate, assignment=assignment)

    def stands(self, resolved: Resolved) -> bool:
        """Whether the rollout that gave this reply its candidate is still in force."""
        assignment = resolved.assignment
        if assignment is None or assignment.arm == "stable":
            return True
        in_force = self._rollouts.current(resolved.deployment)
        return in_force is not None and in_force.record.id == assignment.rollout

    async def plan(
        self,
        resolved: Resolved,
        messages: Sequence[chat_pb2.Message],
        *,
        sampling: steering_pb2.Sampling | None,
        readouts: steering_pb2.ReadoutOptions,
        deadline: float | None,
        path: str = "",
        reply_id: str = "",
        session: str = "",
        live: bool = False,
    ) -> Plan:
        """The engine's request for one reply under a pinned snapshot. Raises: Refusal, EngineError.

        live: whether it is a reply to traffic, of which a share is read in a shadow row too.
        """
        own = None if sampling is None else check_sampling(wire_steering.sampling_in(sampling))
        conversation = messages_in(messages, path)
        reply_id = reply_id or new_reply_id()
        if live and self.readouts.shadow(reply_id, resolved.configuration.steering.stage):
            with_shadow = steering_pb2.ReadoutOptions(kl_to_unsteered=True)
            with_shadow.MergeFrom(readouts)
            readouts = with_shadow
        plan = await self.make(
            resolved, conversation, sampling=own, readouts=readouts, deadline=deadline, reply_id=reply_id
        )
        return replace(plan, session=session)

    async def make(
        self,
        resolved: Resolved,
        conversation: Sequence[Mapping[str, str]],
        *,
        sampling: Sampling | None = None,
        readouts: steering_pb2.ReadoutOptions | None = None,
        deadline: float | None = None,
        reply_id: str = "",
    ) -> Plan:
        """As `plan`, of a conversation that was checked; `sampling` None is the snapshot's own."""
        configuration = resolved.configuration
        chosen = configuration.sampling if sampling is None else sampling
        readouts = readouts or steering_pb2.ReadoutOptions()
        terms = await self.terms(resolved)
        watched = await self._watched(resolved, readouts, terms)
        request = engine.GenerationRequest(
            prompt_ids=self.render(conversation, configuration.steering.system_prompt),
            steering=terms,
            sampling=self.engine_sampling(chosen),
            # What costs no row of its own is read for every reply: the monitors need it.
            readouts=engine.Readouts(
                watched=watched,
                entropy=True,
                kl_to_unsteered=readouts.kl_to_unsteered,
                residual_norm_ratio=True,
                probe=self.readouts.probe(configuration.steering),
            ),
            deadline=deadline,
            tag=resolved.snapshot,
        )
        return Plan(
            reply_id or new_reply_id(),
            resolved,
            Staged(configuration.steering.stage, request),
            "" if watched is None else watched.id,
            tuple(conversation),
            sampling,
        )

    def engine_sampling(self, sampling: Sampling) -> engine.Sampling:
        return engine.Sampling(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            top_k=sampling.top_k,
            seed=sampling.seed,
            max_tokens=sampling.max_tokens or self._default_max_tokens,
            stop=sampling.stop,
        )

    def render(self, messages: Sequence[Mapping[str, str]], system_prompt: str) -> tuple[int, ...]:
        """The prompt's ids; the snapshot's system prompt stands before the caller's own, a space between."""
        if system_prompt:
            first = messages[0]
            if first["role"] == "system":
                joined = {"role": "system", "content": f"{system_prompt} {first['content']}"}
                messages = [joined, *messages[1:]]
            else:
                messages = [{"role": "system", "content": system_prompt}, *messages]
        return self._model.render(messages)

    async def terms(self, resolved: Resolved) -> tuple[engine.SteeringTerm, ...]:
        """The engine's form of a configuration, checked once and kept."""
        held = self._terms.get(resolved.snapshot)
        if held is not None:
            self._terms.move_to_end(resolved.snapshot)
            return held
        terms = await self._workers.read(self._compile, resolved.configuration)
        self._terms[resolved.snapshot] = terms
        while len(self._terms) > _KEPT:
            self._terms.popitem(last=False)
        return terms

    def record_force(self, resolved: Resolved, origin: Origin, reply_ids: Sequence[str], time: int) -> None:
        """Puts the use of vectors that do not fit into the audit. Blocks."""
        with self._database.write() as connection:
            audit.append(
                connection,
                time=time,
                origin=origin,
                action="steering.force",
                subject=f"snapshots/{resolved.snapshot}",
                deployment=resolved.deployment,
                details={"forced": dict(resolved.forced), "replies": list(reply_ids)},
            )

    def _compile(self, configuration: Configuration) -> tuple[engine.SteeringTerm, ...]:
        self.recheck(configuration)
        return tuple(self._compile_term(term) for term in configuration.steering.terms)

    def _compile_term(self, term: Term) -> engine.SteeringTerm:
        gate = term.condition
        return engine.SteeringTerm(
            vector=self._library.vector(term.vector),
            strength=term.strength,
            layers=term.layers,
            operator=engine.Operator(term.operator.value),
            positions=engine.Positions(term.positions.value),
            level=term.level,
            bound=term.bound.value,
            preserve_state_norm=_NORM_KEPT[term.preserve_state_norm],
            condition=None if gate is None else self._compile_condition(gate),
        )

    def _compile_condition(self, gate: Condition) -> operators.Condition:
        direction = self._library.vector(gate.vector).directions[gate.layer]
        return operators.Condition(gate.layer, direction, gate.threshold, gate.opens.value)

    async def _watched(
        self,
        resolved: Resolved,
        readouts: steering_pb2.ReadoutOptions,
        terms: Sequence[engine.SteeringTerm],
    ) -> SteeringVector | None:
        if readouts.watched_vector:
            name = readouts.watched_vector.removeprefix("vectors/")
            vector = await self._workers.read(self._library.vector, name)
            if vector.model.hidden_size != self._model.hidden_size:
                raise Refusal(
                    "VECTOR_SHAPE",
                    field="readouts.watched_vector",
                    detail=f"vectors/{name} has {vector.model.hidden_size} components, "
                    f"the hosted model's residual stream has {self._model.hidden_size}",
                )
            return vector
        if readouts.projection and terms:
            return terms[0].vector
        watched = self._active.current(resolved.deployment).deployment.watched_vector
        if not watched:
            return None
        try:
            return await self._workers.read(self._library.vector, watched)
        except BlobDamaged as damage:
            # The reading is lost, and its gap shows; a reply that does not need the vector must not be.
            log.error("watched_vector_damaged", extra={"facts": {"fault": str(damage)}})
            return None

    def _find_snapshot(self, name: str, field: str) -> SnapshotRecord:
        with self._database.read() as connection:
            return creation.find(connection, name, field)


def messages_in(messages: Sequence[chat_pb2.Message], path: str = "") -> list[dict[str, str]]:
    """A conversation that ends with something to answer.

    Raises:
        Refusal: PROMPT_EMPTY, or FIELD_INVALID for a role that is none or out of place.
    """
    field_name = f"{path}messages"
    if not messages:
        raise Refusal("PROMPT_EMPTY", field=field_name, detail="messages is empty; send at least one")
    read = []
    for number, message in enumerate(messages):
        role = wire.ROLES.get(message.role)
        where = f"{field_name}[{number}]"
        if role is None:
            raise Refusal(
                "FIELD_INVALID",
                field=f"{where}.role",
                detail=f"{where}.role must be system, user or assistant",
            )
        if role == "system" and number:
            raise Refusal(
                "FIELD_INVALID", field=f"{where}.role", detail="a system message may only be the first one"
            )
        read.append({"role": role, "content": message.content})
    if read[-1]["role"] != "user":
        raise Refusal("FIELD_INVALID", field=field_name, detail="the last message must be the user's")
    if not read[-1]["content"].strip():
        raise Refusal("PROMPT_EMPTY", field=field_name, detail="the last message has no text")
    return read
