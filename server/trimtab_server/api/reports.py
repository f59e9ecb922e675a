"""ReportService: reports of what the server holds, as files."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from trimtab_protos.v1 import report_pb2, trial_pb2

from trimtab_server.api import wire_costs
from trimtab_server.api.registration import Call
from trimtab_server.reports.process import REFUSED
from trimtab_server.store.refusal import Refusal

log = logging.getLogger("trimtab.reports")

_FORMATS: Final = {
    report_pb2.REPORT_FORMAT_HTML: "html",
    report_pb2.REPORT_FORMAT_PDF: "pdf",
    report_pb2.REPORT_FORMAT_PPTX: "pptx",
}
_LANGUAGES: Final = {"": "en", "en": "en", "ja": "ja"}
_PIECE: Final = 1 << 20
#: Until a report is given up: the longest one takes some seconds.
_SECONDS: Final = 100.0


@dataclass(frozen=True)
class ReportSource:
    """kind: as `reports.process` has it."""

    kind: str
    record: Callable[[str, Call], Awaitable[dict[str, Any]]]


class ReportServicer:
    """sources: by the collection in the middle of a name, such as "trials"."""

    def __init__(self, sources: Mapping[str, ReportSource]) -> None:
        self._sources = sources
        # Each takes a processor for seconds.
        self._one_at_a_time = asyncio.Semaphore(1)

    async def WriteReport(
        self, request: report_pb2.WriteReportRequest, call: Call
    ) -> AsyncGenerator[report_pb2.WriteReportResponse, None]:
        source = self._source(request.name)
        asked = {
            "kind": source.kind,
            "format": _FORMATS.get(request.format, ""),
            "language": _LANGUAGES.get(request.language, ""),
        }
        for field, values in (("format", "HTML, PDF or PPTX"), ("language", "en or ja")):
            if not asked[field]:
                detail = f"{field} is {getattr(request, field)!r}; use {values}"
                raise Refusal("FIELD_INVALID", field=field, detail=detail)
        cost = _cost(request.cost) if request.HasField("cost") else None
        record = await source.record(request.name, call)
        data = await self._render(json.dumps(asked | {"record": record, "cost_model": cost}).encode())
        for start in range(0, len(data), _PIECE):
            yield report_pb2.WriteReportResponse(data=data[start : start + _PIECE])

    def _source(self, name: str) -> ReportSource:
        parts = name.split("/")
        found = self._sources.get(parts[-2]) if len(parts) >= 2 else None
        if found is None:
            known = ", ".join(sorted(self._sources))
            detail = f"name is {name!r}; reports are made of {known}, by their full names"
            raise Refusal("FIELD_INVALID", field="name", detail=detail)
        return found

    async def _render(self, asked: bytes) -> bytes:
        """Raises: Refusal: REPORT_NOT_MADE."""
        async with self._one_at_a_time:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "trimtab_server.reports.process",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                async with asyncio.timeout(_SECONDS):
                    data, said = await process.communicate(asked)
            except TimeoutError as error:
                raise Refusal(
                    "REPORT_NOT_MADE", detail=f"the report was not ready after {_SECONDS:.0f} s"
                ) from error
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if process.returncode == REFUSED:
            raise Refusal("REPORT_NOT_MADE", detail=said.decode(errors="replace").strip())
        if process.returncode:
            log.error("a report failed", extra={"facts": {"stderr": said.decode(errors="replace")}})
            raise RuntimeError(f"the process that makes reports ended with {process.returncode}")
        return data


def _cost(message: trial_pb2.CostFigures) -> dict[str, Any]:
    return dataclasses.asdict(wire_costs.figures_in(message, "cost"))
