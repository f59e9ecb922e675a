"""AuditService: the record of every change of state."""

from __future__ import annotations

from trimtab_protos.v1 import audit_pb2

from trimtab_server.api import paging, wire
from trimtab_server.api.registration import Call
from trimtab_server.api.workers import Workers
from trimtab_server.store import audit
from trimtab_server.store.database import Database


class AuditServicer:
    """Reads the chain; nothing writes it but the changes themselves."""

    def __init__(self, *, database: Database, workers: Workers) -> None:
        self._database = database
        self._workers = workers

    async def ListAuditRecords(
        self, request: audit_pb2.ListAuditRecordsRequest, call: Call
    ) -> audit_pb2.ListAuditRecordsResponse:
        size, before = paging.size_of(request.page_size), paging.position(request.page_token)

        def page() -> tuple[list[audit.AuditRecord], tuple[int, str]]:
            with self._database.read() as connection:
                records = audit.records(
                    connection,
                    before=before[0] if before else None,
                    limit=size + 1,
                    deployment=request.deployment.removeprefix("deployments/"),
                    action=request.action,
                )
                return records, audit.head(connection)

        records, (count, head) = await self._workers.read(page)
        rows, token = paging.cut(records, size, lambda record: (record.sequence, ""))
        return audit_pb2.ListAuditRecordsResponse(
            audit_records=[wire.audit_out(row) for row in rows],
            next_page_token=token,
            head=head,
            record_count=count,
        )
