"""How long a deployment keeps its replies, and whether it keeps their text at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from trimtab_server.store import audit
from trimtab_server.store.refusal import Refusal
from trimtab_server.store.requests import Origin
from trimtab_server.store.tables import retention

#: Six months: what a deployer of a high-risk system keeps its logs for, at the least.
DEFAULT_REPLY_DAYS: Final = 183
LONGEST_DAYS: Final = 3_660


@dataclass(frozen=True)
class RetentionRecord:
    """reply_days: the figures of a reply are kept so long. text_days: prompt and reply; 0: never kept."""

    deployment: str
    reply_days: int = DEFAULT_REPLY_DAYS
    text_days: int = 0
    #: 0: never changed.
    change_time: int = 0


def of(connection: Connection, deployment: str) -> RetentionRecord:
    """What the deployment was set to, or the default: figures for half a year, no text."""
    row = connection.execute(select(retention).where(retention.c.deployment == deployment)).first()
    return RetentionRecord(deployment) if row is None else RetentionRecord(**row._mapping)


def change(
    connection: Connection, wanted: RetentionRecord, origin: Origin, *, reason: str = ""
) -> RetentionRecord:
    """Sets it, with an audit record; `wanted.change_time` is the time of the change.

    Raises:
        Refusal: FIELD_INVALID for days out of range, or text kept longer than its reply.
    """
    for name, days, least in (
        ("reply_days", wanted.reply_days, 1),
        ("text_days", wanted.text_days, 0),
    ):
        if not least <= days <= LONGEST_DAYS:
            raise Refusal(
                "FIELD_INVALID", field=name, detail=f"{name} is {days}; use {least} to {LONGEST_DAYS}"
            )
    if wanted.text_days > wanted.reply_days:
        raise Refusal(
            "FIELD_INVALID",
            field="text_days",
            detail=f"text_days is {wanted.text_days}, above reply_days, {wanted.reply_days}: a text goes with "
            "its reply at the latest",
        )
    earlier = of(connection, wanted.deployment)
    values = vars(wanted)
    found = connection.execute(
        retention.update().where(retention.c.deployment == wanted.deployment).values(**values)
    )
    if not found.rowcount:
        connection.execute(retention.insert().values(**values))
    audit.append(
        connection,
        time=wanted.change_time,
        origin=origin,
        action="retention.change",
        subject=f"deployments/{wanted.deployment}",
        deployment=wanted.deployment,
        reason=reason,
        details={
            "reply_days": [earlier.reply_days, wanted.reply_days],
            "text_days": [earlier.text_days, wanted.text_days],
        },
    )
    return wanted
