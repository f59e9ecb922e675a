"""The lanes of a trial, pinned: what each puts on the model, whatever becomes of names meanwhile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from trimtab_server.api.library import VectorLibrary
from trimtab_server.api.plans import Planner
from trimtab_server.steering import creation
from trimtab_server.steering.snapshot import Configuration, Operator, Positions, Sampling
from trimtab_server.steering.validation import DraftSteering, DraftTerm
from trimtab_server.store.canonical_json import canonical_json
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.vectors import VectorRecord
from trimtab_server.trials.criteria import Criteria
from trimtab_server.trials.lanes import LaneSpec, LaneTerm

#: Vectors of a library are looked through for a name.
_MOST_VECTORS = 10_000


@dataclass(frozen=True)
class PinnedLane:
    """A lane with its configuration, the lines it puts into prompts left out: these are in the criteria."""

    name: str
    configuration: Configuration


def lanes_json(lanes: Sequence[PinnedLane]) -> str:
    """What is stored, and hashed: `pinned_lanes` reads it back."""
    return canonical_json(
        [{"name": lane.name, "configuration": json.loads(lane.configuration.body())} for lane in lanes]
    )


def pinned_lanes(text: str) -> dict[str, Configuration]:
    """Configuration by the name of the lane."""
    return {
        own["name"]: Configuration.from_body(canonical_json(own["configuration"])) for own in json.loads(text)
    }


class LanePinner:
    """Looks up what lanes name. Every method blocks."""

    def __init__(self, database: Database, library: VectorLibrary, planner: Planner) -> None:
        self._database = database
        self._library = library
        self._planner = planner

    def pin(self, criteria: Criteria, default_stage: str) -> tuple[PinnedLane, ...]:
        """Every lane, checked against the hosted model.

        default_stage: of lanes and criteria that name none.

        Raises:
            Refusal: what a lane names is not there, or does not fit; the field is that of the lane.
        """
        return tuple(
            PinnedLane(lane.name, self._configuration(lane, criteria, default_stage, f"lanes[{place}]"))
            for place, lane in enumerate(criteria.lanes)
        )

    def snapshot(self, name: str, field: str) -> Configuration:
        """Raises: Refusal: SNAPSHOT_NOT_FOUND."""
        with self._database.read() as connection:
            return creation.configuration_of(creation.find(connection, name, field))

    def vector(self, name: str, field: str) -> VectorRecord:
        """By "vectors/{sha256}", its first 8 digits or more, or its display name.

        Raises:
            Refusal: VECTOR_NOT_FOUND; FIELD_INVALID where the name fits several.
        """
        short = name.removeprefix("vectors/")
        known = self._library.page(_MOST_VECTORS, None, "")
        fitting = [own for own in known if own.id == short] or [
            own
            for own in known
            if own.display_name == short or (len(short) >= 8 and own.id.startswith(short))
        ]
        if not fitting:
            raise Refusal("VECTOR_NOT_FOUND", field=field, vector=name)
        if len(fitting) > 1:
            raise Refusal(
                "FIELD_INVALID",
                field=field,
                detail=f"{field} {name!r} fits {len(fitting)} vectors; use the hash",
            )
        return fitting[0]

    def _configuration(
        self, lane: LaneSpec, criteria: Criteria, default_stage: str, field: str
    ) -> Configuration:
        if lane.kind == "snapshot":
            configuration = self.snapshot(lane.snapshot, f"{field}.snapshot")
            self._planner.recheck(configuration)
            return configuration
        stage = lane.stage or criteria.stage or default_stage
        terms = tuple(self._term(term, f"{field}.terms[{place}]") for place, term in enumerate(lane.terms))
        return self._planner.check(DraftSteering(stage, terms), Sampling(), field).configuration

    def _term(self, term: LaneTerm, field: str) -> DraftTerm:
        vector = self.vector(term.vector, f"{field}.vector")
        return DraftTerm(
            vector=vector.id,
            strength=term.strength,
            layers=term.layers or vector.suggested_layers,
            operator=Operator(term.operator),
            positions=Positions(term.positions),
        )
