"""Finished runs of the canary set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select

from trimtab_server.store.tables import canary_runs


@dataclass(frozen=True)
class KindRates:
    """The four rates of one kind of question over `count` replies, and the interval of `honest`."""

    kind: str
    count: int
    honest: float
    lie: float
    evade: float
    no_belief: float
    honest_lower: float
    honest_upper: float


@dataclass(frozen=True)
class CanaryRunRecord:
    """`revision` is 0 unless the snapshot was the active one; equal `draw_hash`, equal questions.

    stage_digest: of the weights the run was made on, "" where it is not known.
    """

    id: str
    deployment: str
    snapshot: str
    revision: int
    seed: int
    rates: tuple[KindRates, ...]
    seconds: float
    draw_hash: str
    create_time: int
    stage_digest: str = ""


def add(connection: Connection, run: CanaryRunRecord) -> None:
    values = vars(run) | {"seed": str(run.seed), "rates": [vars(rates) for rates in run.rates]}
    connection.execute(insert(canary_runs).values(**values))


def find(connection: Connection, run: str) -> CanaryRunRecord | None:
    row = connection.execute(select(canary_runs).where(canary_runs.c.id == run)).first()
    return None if row is None else _record(row)


def newest(connection: Connection, deployment: str, snapshot: str) -> CanaryRunRecord | None:
    """The last run through this snapshot; None if there was none."""
    query = (
        select(canary_runs)
        .where(canary_runs.c.deployment == deployment, canary_runs.c.snapshot == snapshot)
        .order_by(canary_runs.c.create_time.desc(), canary_runs.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return None if row is None else _record(row)


def page(
    connection: Connection, deployment: str, *, limit: int, before: tuple[int, str] | None = None
) -> list[CanaryRunRecord]:
    """Newest first; `before` is the (create_time, id) of the last one already seen."""
    query = select(canary_runs).where(canary_runs.c.deployment == deployment)
    if before is not None:
        time, run = before
        query = query.where(
            (canary_runs.c.create_time < time)
            | ((canary_runs.c.create_time == time) & (canary_runs.c.id < run))
        )
    query = query.order_by(canary_runs.c.create_time.desc(), canary_runs.c.id.desc()).limit(limit)
    return [_record(row) for row in connection.execute(query)]


def _record(row: Any) -> CanaryRunRecord:
    values = dict(row._mapping)
    rates = tuple(KindRates(**kind) for kind in values["rates"])
    return CanaryRunRecord(**values | {"seed": int(values["seed"]), "rates": rates})
