"""Reports that the server makes: `client.reports` of a Client or an AsyncClient."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

import grpc
from trimtab_protos.v1 import report_pb2, report_pb2_grpc

from trimtab_client.trial_requests import cost_figures
from trimtab_client.trial_types import CostFigures

if TYPE_CHECKING:
    from trimtab_client.async_client import AsyncClient
    from trimtab_client.client import Client


class ReportFormat(StrEnum):
    """One page of HTML that needs nothing beside it, a PDF, or slides."""

    HTML = "html"
    PDF = "pdf"
    PPTX = "pptx"


_FORMATS: Final = {
    ReportFormat.HTML: report_pb2.REPORT_FORMAT_HTML,
    ReportFormat.PDF: report_pb2.REPORT_FORMAT_PDF,
    ReportFormat.PPTX: report_pb2.REPORT_FORMAT_PPTX,
}


def _request(
    name: str, form: ReportFormat, language: str, cost: CostFigures | None
) -> report_pb2.WriteReportRequest:
    return report_pb2.WriteReportRequest(
        name=name,
        format=_FORMATS[form],
        language=language,
        cost=None if cost is None else cost_figures(cost),
    )


def _data(message: report_pb2.WriteReportResponse) -> bytes:
    return message.data


class Reports:
    """Reports for people who decide, in English ("en") or Japanese ("ja")."""

    def __init__(self, client: Client, channel: grpc.Channel) -> None:
        self._client = client
        self._stub = report_pb2_grpc.ReportServiceStub(channel)

    def write(
        self,
        name: str,
        form: ReportFormat = ReportFormat.HTML,
        *,
        language: str = "en",
        cost: CostFigures | None = None,
    ) -> bytes:
        """The report of a trial, a rollout or a case, by its full name, as a file; REPORT_NOT_MADE if none can be.

        cost: the company's figures, of which a trial's report reckons its costs.
        """
        request = _request(name, form, language, cost)
        stream = self._client._stream(
            self._stub.WriteReport, request, _data, self._client._deadlines.transfer
        )
        return b"".join(stream)


class AsyncReports:
    """The same, awaited."""

    def __init__(self, client: AsyncClient, channel: grpc.aio.Channel) -> None:
        self._client = client
        self._stub = report_pb2_grpc.ReportServiceStub(channel)

    async def write(
        self,
        name: str,
        form: ReportFormat = ReportFormat.HTML,
        *,
        language: str = "en",
        cost: CostFigures | None = None,
    ) -> bytes:
        """As `Reports.write`."""
        request = _request(name, form, language, cost)
        stream = self._client._stream(
            self._stub.WriteReport, request, _data, self._client._deadlines.transfer
        )
        return b"".join([piece async for piece in stream])
