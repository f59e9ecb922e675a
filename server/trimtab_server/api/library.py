"""Steering vectors as objects: the store's rows and blobs, read once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from trimtab_vectors.formats.safetensors import read_vector, write_vector
from trimtab_vectors.steering_vector import FIGURES, SteeringVector

from trimtab_server.steering.protection import set_protection
from trimtab_server.steering.validation import VectorFacts
from trimtab_server.store import audit, concepts, vector_measurements, vectors
from trimtab_server.store.blobs import BlobStore
from trimtab_server.store.concepts import ConceptRecord
from trimtab_server.store.database import Database
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin, Result, once
from trimtab_server.store.vector_measurements import MeasurementRecord, Suggestion
from trimtab_server.store.vectors import VectorRecord

_KEPT: Final = 256


class VectorLibrary:
    """Imports, finds, reads and deletes steering vectors. Every method blocks."""

    def __init__(self, database: Database, blobs: BlobStore, now: Callable[[], int]) -> None:
        self._database = database
        self._blobs = blobs
        self._now = now
        self._lock = threading.Lock()
        self._read: OrderedDict[str, SteeringVector] = OrderedDict()

    def facts(self, vector: str) -> VectorFacts | None:
        """What validation needs (`trimtab_server.steering.validation.VectorCatalogue`)."""
        with self._database.read() as connection:
            record = vectors.find(connection, vector)
        if record is None:
            return None
        return VectorFacts(
            record.id, record.layers, record.stage, record.model_fingerprint, record.hidden_size
        )

    def find(self, name: str, field: str = "name") -> VectorRecord:
        """By "vectors/{sha256}". Raises: Refusal: VECTOR_NOT_FOUND."""
        with self._database.read() as connection:
            record = vectors.find(connection, name.removeprefix("vectors/"))
        if record is None:
            raise Refusal("VECTOR_NOT_FOUND", field=field, vector=name)
        return record

    def page(self, limit: int, after: tuple[int, str] | None, concept: str) -> list[VectorRecord]:
        with self._database.read() as connection:
            return vectors.page(connection, limit=limit, after=after, concept=concept)

    def concepts(self) -> list[ConceptRecord]:
        """What vectors here stand for, and what else was ever protected."""
        with self._database.read() as connection:
            return concepts.all_of(connection)

    def protected(self) -> frozenset[str]:
        """Names of the protected concepts."""
        return frozenset(concept.name for concept in self.concepts() if concept.protected)

    def set_protection(self, *, concept: str, protected: bool, origin: Origin, reason: str) -> ConceptRecord:
        """Raises: Refusal: see `trimtab_server.steering.protection.set_protection`."""
        return set_protection(
            self._database,
            concept=concept,
            protected=protected,
            origin=origin,
            reason=reason,
            time=self._now(),
        )

    def vector(self, vector: str) -> SteeringVector:
        """The directions themselves.

        Raises:
            Refusal: VECTOR_NOT_FOUND.
            BlobDamaged: the file on disk is not what was imported.
        """
        with self._lock:
            held = self._read.get(vector)
            if held is not None:
                self._read.move_to_end(vector)
                return held
        found = read_vector(self._blobs.get(self.find(vector).blob))
        with self._lock:
            self._read[vector] = found
            while len(self._read) > _KEPT:
                self._read.popitem(last=False)
        return found

    def content(self, record: VectorRecord) -> bytes:
        """The file as it was imported. Raises: BlobDamaged."""
        return self._blobs.get(record.blob)

    def add(
        self,
        vector: SteeringVector,
        origin: Origin,
        action: str,
        display_name: str = "",
        details: Mapping[str, str] = MappingProxyType({}),
    ) -> VectorRecord:
        """Keeps a vector; one that is held already stays as it is, and is returned.

        details: what the audit record says beside the vector's own facts.
        """
        content = write_vector(vector)
        digest = self._blobs.put(content)
        record = _record(vector, digest, origin.actor, self._now(), display_name)
        with self._database.write() as connection:

            def change() -> Result:
                if vectors.find(connection, record.id) is None:
                    vectors.add(connection, record, len(content))
                    audit.append(
                        connection,
                        time=record.create_time,
                        origin=origin,
                        action=action,
                        subject=f"vectors/{record.id}",
                        details={
                            **details,
                            "concept": record.concept,
                            "data_hash": record.data_hash,
                            "display_name": record.display_name,
                            "model_fingerprint": record.model_fingerprint,
                            "stage": record.stage,
                        },
                    )
                return {"vector": record.id}

            result = once(connection, origin, record.create_time, change)
            kept = vectors.find(connection, result["vector"])
        if kept is None:
            raise Refusal("VECTOR_NOT_FOUND", vector=f"vectors/{result['vector']}")
        return kept

    def measurement(self, vector: str, stage: str) -> MeasurementRecord:
        """The newest of a vector at a stage. Raises: Refusal: MEASUREMENT_NOT_FOUND."""
        with self._database.read() as connection:
            record = vector_measurements.find(connection, vector, stage)
        if record is None:
            raise Refusal("MEASUREMENT_NOT_FOUND", field="name", vector=f"vectors/{vector}", stage=stage)
        return record

    def keep_measurement(
        self,
        record: MeasurementRecord,
        suggestion: Suggestion | None,
        origin: Origin,
        details: Mapping[str, str],
    ) -> MeasurementRecord:
        """Keeps what was measured; `suggestion` is what is offered for the vector from now on.

        Raises: Refusal: VECTOR_NOT_FOUND for one that was deleted meanwhile.
        """
        with self._database.write() as connection:

            def change() -> Result:
                if vectors.find(connection, record.vector) is None:
                    raise Refusal("VECTOR_NOT_FOUND", field="name", vector=f"vectors/{record.vector}")
                vector_measurements.keep(connection, record)
                if suggestion is not None:
                    vector_measurements.suggest(connection, record.vector, suggestion)
                audit.append(
                    connection,
                    time=record.create_time,
                    origin=origin,
                    action="vector.measure",
                    subject=f"vectors/{record.vector}",
                    details={**details, "stage": record.stage, "stage_digest": record.stage_digest},
                )
                return {"vector": record.vector}

            once(connection, origin, record.create_time, change)
        return record

    def now(self) -> int:
        """The time that records carry."""
        return self._now()

    def delete(self, name: str, origin: Origin) -> None:
        """Raises: Refusal: VECTOR_NOT_FOUND, or VECTOR_IN_USE while a snapshot refers to it."""
        vector = name.removeprefix("vectors/")
        time = self._now()
        unused_blob = ""
        with self._database.write() as connection:

            def change() -> Result:
                nonlocal unused_blob
                record = vectors.find(connection, vector)
                if record is None:
                    raise Refusal("VECTOR_NOT_FOUND", field="name", vector=name)
                using = vectors.snapshots_using(connection, vector)
                if using:
                    raise Refusal(
                        "VECTOR_IN_USE",
                        vector=f"vectors/{vector}",
                        snapshot_count=len(using),
                        snapshot=f"snapshots/{using[0]}",
                    )
                if vectors.remove(connection, record):
                    unused_blob = record.blob
                audit.append(
                    connection,
                    time=time,
                    origin=origin,
                    action="vector.delete",
                    subject=f"vectors/{vector}",
                    details={"concept": record.concept, "display_name": record.display_name},
                )
                return {"vector": vector}

            once(connection, origin, time, change)
        with self._lock:
            self._read.pop(vector, None)
        if unused_blob:
            # After the commit: a crash in between leaves a file nobody names, which is harmless.
            self._blobs.delete(unused_blob)


def _record(vector: SteeringVector, blob: str, created_by: str, time: int, display_name: str) -> VectorRecord:
    layers = tuple(sorted(vector.directions))
    figures = {name: _in_order(getattr(vector, name), layers) for name in FIGURES}
    suggested = vector.suggested
    return VectorRecord(
        id=vector.id,
        blob=blob,
        display_name=display_name or vector.display_name or vector.concept,
        concept=vector.concept,
        stage=vector.stage,
        model_fingerprint=vector.model.digest,
        method=vector.method,
        data_hash=vector.data_hash,
        hidden_size=vector.model.hidden_size,
        layers=layers,
        raw_norms=tuple(float(vector.raw_norms[layer]) for layer in layers),
        residual_norms=tuple(float(vector.residual_norms[layer]) for layer in layers),
        license=vector.license,
        created_by=vector.created_by or created_by,
        create_time=time,
        suggested_strength=suggested.strength if suggested else 0.0,
        suggested_layers=tuple(suggested.layers) if suggested else (),
        safe_strength=(suggested.safe_strength or 0.0) if suggested else 0.0,
        pair_accuracies=figures["pair_accuracies"],
        explained_variances=figures["explained_variances"],
        noise_ceilings=figures["noise_ceilings"],
        separations=figures["separations"],
        agreements=figures["agreements"],
    )


def _in_order(figures: Mapping[int, float] | None, layers: Sequence[int]) -> tuple[float, ...]:
    """Of each layer; empty where it was not measured."""
    return tuple(float(figures[layer]) for layer in layers) if figures else ()
