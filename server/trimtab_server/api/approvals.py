"""ApprovalService: what waits for a second person, and what became of the rest."""

from __future__ import annotations

from collections.abc import Callable

from trimtab_protos.v1 import approval_pb2

from trimtab_server.api import paging, wire
from trimtab_server.api.registration import Call
from trimtab_server.api.workers import Workers
from trimtab_server.steering.approvals import cancel
from trimtab_server.store import approvals
from trimtab_server.store.approvals import ApprovalRecord
from trimtab_server.store.database import Database


class ApprovalServicer:
    """Approving has no call of its own: the second person makes the call that is to be approved."""

    def __init__(self, *, database: Database, workers: Workers, now: Callable[[], int]) -> None:
        self._database = database
        self._workers = workers
        self._now = now

    async def ListApprovals(
        self, request: approval_pb2.ListApprovalsRequest, call: Call
    ) -> approval_pb2.ListApprovalsResponse:
        size, before = paging.size_of(request.page_size), paging.position(request.page_token)
        now = self._now()

        def page() -> list[ApprovalRecord]:
            with self._database.read() as connection:
                return approvals.page(
                    connection, limit=size + 1, before=before, waiting_at=now if request.waiting else None
                )

        rows, token = paging.cut(
            await self._workers.read(page), size, lambda approval: (approval.create_time, approval.id)
        )
        return approval_pb2.ListApprovalsResponse(
            approvals=[wire.approval_out(row, now) for row in rows], next_page_token=token
        )

    async def CancelApproval(
        self, request: approval_pb2.CancelApprovalRequest, call: Call
    ) -> approval_pb2.Approval:
        now = self._now()
        record = await self._workers.change(
            cancel,
            self._database,
            request.name,
            origin=call.origin(request.request_id),
            reason=request.reason,
            time=now,
        )
        return wire.approval_out(record, now)
