"""Looks up what the lanes of a trial name, so that they can be pinned."""

from __future__ import annotations

from dataclasses import replace

from trimtab_server.api.library import VectorLibrary
from trimtab_server.api.plans import Planner
from trimtab_server.steering import creation
from trimtab_server.steering.pinned_lanes import PinnedLane
from trimtab_server.steering.snapshot import Configuration, Operator, Positions, Sampling
from trimtab_server.steering.validation import DraftSteering, DraftTerm
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.vectors import VectorRecord
from trimtab_server.trials.criteria import Criteria
from trimtab_server.trials.lanes import LaneSpec, LaneTerm

#: Vectors of a library are looked through for a name.
_MOST_VECTORS = 10_000


class LanePinner:
    """Every method blocks."""

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

    def in_full(self, criteria: Criteria) -> Criteria:
        """The same lanes with hashes for the names of vectors and snapshots, and with explicit layers.

        Raises:
            Refusal: what a lane names is not there; the field is that of the lane.
        """
        lanes = []
        for place, lane in enumerate(criteria.lanes):
            field = f"lanes[{place}]"
            if lane.snapshot:
                found = self.snapshot(lane.snapshot, f"{field}.snapshot")
                lane = replace(lane, snapshot=f"snapshots/{found.id}")
            terms = tuple(
                self._term_in_full(term, f"{field}.terms[{number}]") for number, term in enumerate(lane.terms)
            )
            lanes.append(replace(lane, terms=terms))
        return replace(criteria, lanes=tuple(lanes))

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

    def _term_in_full(self, term: LaneTerm, field: str) -> LaneTerm:
        vector = self.vector(term.vector, f"{field}.vector")
        layers = term.layers or tuple(vector.suggested_layers)
        return replace(term, vector=f"vectors/{vector.id}", layers=layers)

    def _term(self, term: LaneTerm, field: str) -> DraftTerm:
        vector = self.vector(term.vector, f"{field}.vector")
        return DraftTerm(
            vector=vector.id,
            strength=term.strength,
            layers=term.layers or vector.suggested_layers,
            operator=Operator(term.operator),
            positions=Positions(term.positions),
        )
