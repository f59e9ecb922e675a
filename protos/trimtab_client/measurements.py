"""What a vector does and is, and the sets it comes from: `client.measurements` of a Client or an AsyncClient."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from typing import TYPE_CHECKING

import grpc
from trimtab_protos.v1 import vector_pb2, vector_pb2_grpc

from trimtab_client import from_protobuf_vectors as read
from trimtab_client.names import qualified
from trimtab_client.requests import fresh
from trimtab_client.types import Progress
from trimtab_client.vector_types import ContrastSetReview, VectorMeasurement

if TYPE_CHECKING:
    from trimtab_client.async_client import AsyncClient
    from trimtab_client.client import Client


def _measure(
    vector: str,
    stage: str,
    layers: Sequence[Sequence[int]],
    strengths: Sequence[float],
    questions: bytes,
    questions_per_kind: int,
    positions: str,
    force: bool,
    contrast_set: bytes,
    seed: int,
    questions_name: str,
    request_id: str,
) -> vector_pb2.MeasureVectorRequest:
    return vector_pb2.MeasureVectorRequest(
        request_id=fresh(request_id),
        name=qualified("vectors", vector),
        stage=stage,
        layers=[vector_pb2.LayerGroup(layers=group) for group in layers],
        strengths=strengths,
        questions=questions,
        questions_per_kind=questions_per_kind,
        positions=positions,
        force=force,
        contrast_set=contrast_set,
        seed=seed,
        questions_name=questions_name,
    )


def _review(content: bytes, name: str, position: str, seed: int) -> vector_pb2.ReviewContrastSetRequest:
    request = vector_pb2.ReviewContrastSetRequest(position=position, seed=seed)
    if name:
        request.contrast_set_name = name
    else:
        request.content = content
    return request


def _get(vector: str, stage: str) -> vector_pb2.GetVectorMeasurementRequest:
    return vector_pb2.GetVectorMeasurementRequest(name=qualified("vectors", vector), stage=stage)


class Measurements:
    """A vector is named by "vectors/{sha256}" or its bare hash."""

    def __init__(self, client: Client, channel: grpc.Channel) -> None:
        self._client = client
        self._stub = vector_pb2_grpc.VectorServiceStub(channel)

    def contrast_sets(self) -> tuple[ContrastSetReview, ...]:
        """The sets that the hosted model carries."""
        answer = self._client._unary(self._stub.ListContrastSets, vector_pb2.ListContrastSetsRequest())
        return tuple(read.review(own) for own in answer.contrast_sets)

    def review(
        self, content: bytes = b"", *, name: str = "", position: str = "", seed: int = 0
    ) -> ContrastSetReview:
        """What a file, or one of the model's sets, holds; FIELD_INVALID with the line at fault. Nothing runs."""
        request = _review(content, name, position, seed)
        return read.review(self._client._unary(self._stub.ReviewContrastSet, request))

    def measure(
        self,
        vector: str,
        *,
        stage: str = "",
        layers: Sequence[Sequence[int]] = (),
        strengths: Sequence[float] = (),
        questions: bytes = b"",
        questions_per_kind: int = 0,
        positions: str = "",
        force: bool = False,
        contrast_set: bytes = b"",
        seed: int = 0,
        questions_name: str = "",
        request_id: str = "",
    ) -> Generator[Progress | VectorMeasurement, None, None]:
        """Sweep a vector and look at it; streams progress, then the measurement. Called again, it goes on.

        questions: content of a question file, or of a trial's prompts with answers, with its name (.jsonl by default).
        """
        request = _measure(
            vector,
            stage,
            layers,
            strengths,
            questions,
            questions_per_kind,
            positions,
            force,
            contrast_set,
            seed,
            questions_name,
            request_id,
        )
        # In the time that replies leave, and after others: nobody can say how long that takes.
        return self._client._stream(self._stub.MeasureVector, request, read.measuring_event, None)

    def get(self, vector: str, *, stage: str = "") -> VectorMeasurement:
        """The newest at a stage, by default the vector's own; MEASUREMENT_NOT_FOUND if there is none."""
        return read.measurement(self._client._unary(self._stub.GetVectorMeasurement, _get(vector, stage)))


class AsyncMeasurements:
    """The same, awaited."""

    def __init__(self, client: AsyncClient, channel: grpc.aio.Channel) -> None:
        self._client = client
        self._stub = vector_pb2_grpc.VectorServiceStub(channel)

    async def contrast_sets(self) -> tuple[ContrastSetReview, ...]:
        """As `Measurements.contrast_sets`."""
        request = vector_pb2.ListContrastSetsRequest()
        answer = await self._client._unary(self._stub.ListContrastSets, request)
        return tuple(read.review(own) for own in answer.contrast_sets)

    async def review(
        self, content: bytes = b"", *, name: str = "", position: str = "", seed: int = 0
    ) -> ContrastSetReview:
        """As `Measurements.review`."""
        request = _review(content, name, position, seed)
        return read.review(await self._client._unary(self._stub.ReviewContrastSet, request))

    def measure(
        self,
        vector: str,
        *,
        stage: str = "",
        layers: Sequence[Sequence[int]] = (),
        strengths: Sequence[float] = (),
        questions: bytes = b"",
        questions_per_kind: int = 0,
        positions: str = "",
        force: bool = False,
        contrast_set: bytes = b"",
        seed: int = 0,
        questions_name: str = "",
        request_id: str = "",
    ) -> AsyncGenerator[Progress | VectorMeasurement, None]:
        """As `Measurements.measure`."""
        request = _measure(
            vector,
            stage,
            layers,
            strengths,
            questions,
            questions_per_kind,
            positions,
            force,
            contrast_set,
            seed,
            questions_name,
            request_id,
        )
        # In the time that replies leave, and after others: nobody can say how long that takes.
        return self._client._stream(self._stub.MeasureVector, request, read.measuring_event, None)

    async def get(self, vector: str, *, stage: str = "") -> VectorMeasurement:
        """As `Measurements.get`."""
        request = _get(vector, stage)
        return read.measurement(await self._client._unary(self._stub.GetVectorMeasurement, request))
