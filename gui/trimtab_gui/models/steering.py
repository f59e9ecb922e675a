"""The vectors dock: what is set here (the draft) against what is active on the server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from PySide6.QtCore import QObject, Signal, Slot
from trimtab_client import bare
from trimtab_client.types import (
    ActiveChange,
    Bound,
    Condition,
    Operator,
    Positions,
    PreserveStateNorm,
    Snapshot,
    Stage,
    StageLoading,
    StageState,
    Steering,
    SteeringTerm,
    Vector,
)

from trimtab_gui.bridge import Failure, Gateway
from trimtab_gui.models.telling import TellingModel

STRENGTH_LIMIT: Final = 1.0


@dataclass(frozen=True)
class Draft:
    """How one vector is set in the dock. A vector that is off keeps its strength."""

    enabled: bool
    strength: float
    layers: tuple[int, ...] = ()
    operator: Operator = Operator.ADD
    positions: Positions = Positions.ALL
    force: bool = False
    level: float = 0.0
    bound: Bound = Bound.EXACTLY
    preserve_state_norm: PreserveStateNorm = PreserveStateNorm.NEVER
    condition: Condition | None = None

    def term(self, vector: str) -> SteeringTerm:
        return SteeringTerm(
            vector=vector,
            strength=self.strength,
            layers=self.layers,
            operator=self.operator,
            positions=self.positions,
            force=self.force,
            level=self.level,
            bound=self.bound,
            preserve_state_norm=self.preserve_state_norm,
            condition=self.condition,
        )


class SteeringModel(TellingModel):
    """Vectors, stages and the draft. The server's echo (the active snapshot) is the truth about what is applied."""

    vectorsChanged = Signal()
    stagesChanged = Signal()
    # The name of the vector whose draft changed.
    draftChanged = Signal(str)
    activeChanged = Signal()
    stageLoading = Signal(str)

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._vectors: tuple[Vector, ...] = ()
        self._stages: tuple[Stage, ...] = ()
        self._drafts: dict[str, Draft] = {}
        self._stage = ""
        self._default_stage = ""
        self._active: Snapshot | None = None
        self._seeded = False

    # Reading ----------------------------------------------------------------------------------------------

    @property
    def vectors(self) -> tuple[Vector, ...]:
        return self._vectors

    @property
    def stages(self) -> tuple[Stage, ...]:
        return self._stages

    @property
    def stage(self) -> str:
        """The full name of the stage that the draft steers."""
        return self._stage

    @property
    def active(self) -> Snapshot | None:
        return self._active

    @property
    def is_seeded(self) -> bool:
        """Whether the dock has been set from what the server has; until then it shows nothing of anybody's."""
        return self._seeded

    def vector(self, name: str) -> Vector | None:
        return next((vector for vector in self._vectors if vector.name == name), None)

    def draft(self, name: str) -> Draft:
        return self._drafts[name]

    def active_strength(self, name: str) -> float | None:
        """The strength of a vector in the active snapshot; None when it is not part of it."""
        if self._active is None:
            return None
        return next((term.strength for term in self._active.steering.terms if term.vector == name), None)

    def steering(self) -> Steering:
        """The draft as the wire has it."""
        terms = tuple(
            self._drafts[vector.name].term(vector.name)
            for vector in self._vectors
            if self._drafts[vector.name].enabled and self._drafts[vector.name].strength != 0.0
        )
        return Steering(stage=self._stage, terms=terms)

    def enabled_names(self) -> tuple[str, ...]:
        return tuple(term.vector for term in self.steering().terms)

    def watched_name(self) -> str:
        """The vector that read-outs are projected on: the first that is on, else the first that fits, else none."""
        fitting = (vector.name for vector in self._vectors if vector.compatible)
        return next(iter(self.enabled_names()), "") or next(fitting, "")

    @property
    def differs_from_active(self) -> bool:
        if self._active is None:
            return False
        draft, active = self.steering(), self._active.steering
        return (draft.stage, _doses(draft)) != (active.stage, _doses(active))

    # Changing ---------------------------------------------------------------------------------------------

    def set_enabled(self, name: str, enabled: bool) -> None:
        self._set(name, replace(self._drafts[name], enabled=enabled))

    def set_force(self, name: str, force: bool) -> None:
        """Uses a vector at a stage, or on a model, it was not made for; the server puts that on record."""
        self._set(name, replace(self._drafts[name], force=force))

    def set_strength(self, name: str, strength: float) -> None:
        """Sets the dose, held within the limits; a dose that is not 0 switches the vector on."""
        bounded = max(-STRENGTH_LIMIT, min(STRENGTH_LIMIT, strength))
        draft = self._drafts[name]
        self._set(name, replace(draft, strength=bounded, enabled=draft.enabled or bounded != 0.0))

    def reset_strength(self, name: str) -> None:
        """Back to the suggested strength, or to 0 where none is known."""
        vector = self.vector(name)
        if vector is not None:
            self.set_strength(name, vector.suggested_strength)

    def set_dose(self, name: str, strength: float, layers: tuple[int, ...]) -> None:
        """Switches a vector on at these layers and this strength, beside the others."""
        bounded = max(-STRENGTH_LIMIT, min(STRENGTH_LIMIT, strength))
        self._set(name, replace(self._drafts[name], enabled=True, strength=bounded, layers=layers))

    def use(self, name: str, strength: float, layers: tuple[int, ...], positions: Positions) -> None:
        """Steers with this vector alone, at the stage it belongs to; the others keep their strengths, switched off."""
        vector = self.vector(name)
        if vector is None:
            return
        for other in self._vectors:
            if other.name != name:
                self.set_enabled(other.name, False)
        self._set(name, replace(self._drafts[name], positions=positions))
        self.set_dose(name, strength, layers)
        home = next((own.name for own in self._stages if own.short_name == bare(vector.stage)), "")
        self.choose_stage(home)

    def reset_to_active(self) -> None:
        """Sets the dock to what the active snapshot has."""
        if self._active is not None:
            self.set_all(self._active.steering)

    def set_all(self, steering: Steering) -> None:
        """Sets the dock to this, as far as the server has its vectors and its stage; all else is switched off."""
        terms = {term.vector: term for term in steering.terms}
        for vector in self._vectors:
            term = terms.get(vector.name)
            if term is None:
                self._set(vector.name, replace(self._drafts[vector.name], enabled=False))
            else:
                self._set(vector.name, _draft_of_term(term))
        if steering.stage in {stage.name for stage in self._stages}:
            self.choose_stage(steering.stage)

    def choose_stage(self, stage: str) -> None:
        """Steers another stage; one that is not loaded is loaded."""
        if not stage or stage == self._stage:
            return
        self._stage = stage
        self.stagesChanged.emit()
        self.draftChanged.emit("")
        found = next((known for known in self._stages if known.name == stage), None)
        if found is not None and found.state is not StageState.LOADED:
            self._gateway.stream(
                lambda client: client.load_stage(stage), self._stage_progress, self._stage_ended
            )

    def _set(self, name: str, draft: Draft) -> None:
        if self._drafts.get(name) != draft:
            self._drafts[name] = draft
            self.draftChanged.emit(name)

    # From the server --------------------------------------------------------------------------------------

    def take_vectors(self, vectors: tuple[Vector, ...]) -> None:
        """The server's list. Drafts of vectors that stay are kept."""
        self._vectors = tuple(
            sorted(vectors, key=lambda vector: (not vector.compatible, vector.display_name))
        )
        known = self._drafts
        self._drafts = {vector.name: known.get(vector.name) or _first_draft(vector) for vector in vectors}
        self._seed()
        self.vectorsChanged.emit()

    def take_stages(self, stages: tuple[Stage, ...], default_stage: str) -> None:
        self._stages = tuple(sorted(stages, key=lambda stage: stage.index))
        self._default_stage = default_stage
        if self._stage not in {stage.name for stage in stages}:
            self._stage = default_stage
        self.stagesChanged.emit()

    @Slot(object)
    def take_active(self, change: ActiveChange) -> None:
        self._active = change.snapshot
        self._seed()
        self.activeChanged.emit()

    def _seed(self) -> None:
        """The first draft: the active snapshot's terms; where it has none, the first vector with a suggestion."""
        if self._seeded or self._active is None or not self._vectors:
            return
        self._seeded = True
        if self._active.steering.stage:
            self._stage = self._active.steering.stage
        if self._active.steering.terms:
            self.reset_to_active()
            return
        for vector in self._vectors:
            if vector.compatible and vector.suggested_strength > 0:
                self.set_enabled(vector.name, True)
                return

    def _stage_progress(self, events: list[StageLoading]) -> None:
        for event in events:
            if event.stage is not None:
                loaded = event.stage
                self._stages = tuple(loaded if old.name == loaded.name else old for old in self._stages)
        self.stageLoading.emit(events[-1].phase)

    def _stage_ended(self, failure: Failure | None) -> None:
        self.stageLoading.emit("")
        self.stagesChanged.emit()
        if failure is not None:
            self.tell(failure)


def _first_draft(vector: Vector) -> Draft:
    return Draft(
        enabled=False,
        strength=vector.suggested_strength,
        layers=vector.suggested_layers,
    )


def _draft_of_term(term: SteeringTerm) -> Draft:
    return Draft(
        enabled=True,
        strength=term.strength,
        layers=term.layers,
        operator=term.operator,
        positions=term.positions,
        force=term.force,
        level=term.level,
        bound=term.bound,
        preserve_state_norm=term.preserve_state_norm,
        condition=term.condition,
    )


def _doses(steering: Steering) -> Mapping[str, object]:
    return {term.vector: (round(term.strength, 6), *_how(term)) for term in steering.terms}


def _how(term: SteeringTerm) -> tuple[object, ...]:
    """What a dose does; what says nothing is left out, whether it was sent or not."""
    clamp = (term.level, term.bound) if term.operator is Operator.CLAMP else ()
    kept = term.preserve_state_norm
    norm = (kept,) if kept in (PreserveStateNorm.ALWAYS, PreserveStateNorm.GROWN) else ()
    return (term.operator, clamp, norm, term.condition)
