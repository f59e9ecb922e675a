"""What reports are made from, read as the caller of the report would read it."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from trimtab_client import from_protobuf, from_protobuf_rollouts
from trimtab_client.paging import all_pages_async
from trimtab_client.rollout_types import Rollout, RolloutLook
from trimtab_client.types import AuditRecord
from trimtab_protos.v1 import audit_pb2, rollout_pb2

from trimtab_server.api.audit import AuditServicer
from trimtab_server.api.registration import Call
from trimtab_server.api.rollouts import RolloutServicer

_PAGE = 500


class RolloutRecords:
    """A rollout with its looks and what the audit says of it: the JSON that `reports.rollout_record` reads."""

    def __init__(self, rollouts: RolloutServicer, audit: AuditServicer) -> None:
        self._rollouts = rollouts
        self._audit = audit

    async def record(self, name: str, call: Call) -> dict[str, Any]:
        """Raises: Refusal: ROLLOUT_NOT_FOUND, FIELD_INVALID."""
        rollout = await self._rollouts.GetRollout(rollout_pb2.GetRolloutRequest(name=name), call)
        head = await self._audit.ListAuditRecords(audit_pb2.ListAuditRecordsRequest(page_size=1), call)

        async def looks(_left: int | None, token: str) -> tuple[list[RolloutLook], str]:
            answer = await self._rollouts.ListRolloutLooks(
                rollout_pb2.ListRolloutLooksRequest(name=rollout.name, page_size=_PAGE, page_token=token),
                call,
            )
            return [from_protobuf_rollouts.look(own) for own in answer.looks], answer.next_page_token

        async def deeds(_left: int | None, token: str) -> tuple[list[AuditRecord], str]:
            answer = await self._audit.ListAuditRecords(
                audit_pb2.ListAuditRecordsRequest(
                    deployment=rollout.name.partition("/rollouts/")[0], page_size=_PAGE, page_token=token
                ),
                call,
            )
            found = [from_protobuf.audit_record(own) for own in answer.audit_records]
            return found, answer.next_page_token

        return {
            "rollout": _plain(Rollout, from_protobuf_rollouts.rollout(rollout)),
            "looks": _plain(tuple[RolloutLook, ...], await all_pages_async(looks, None)),
            "audit_records": _plain(tuple[AuditRecord, ...], await all_pages_async(deeds, None)),
            "head": head.head,
            "record_count": head.record_count,
        }


def _plain(kind: Any, value: Any) -> Any:
    return TypeAdapter(kind).dump_python(value, mode="json")
