"""Stored observations, judged again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from trimtab_server.rollouts.findings import Look
from trimtab_server.rollouts.judge import Judge
from trimtab_server.rollouts.observations import Observation, from_dict
from trimtab_server.rollouts.plan import AnalysisPlan


@dataclass(frozen=True)
class LookAt:
    """A look was taken here, at this time."""

    time: float


Entry: TypeAlias = Observation | LookAt


@dataclass(frozen=True)
class Replayed:
    """The looks, and the judge as it is after the last entry."""

    looks: tuple[Look, ...]
    judge: Judge


def replay(
    plan: AnalysisPlan,
    entries: Iterable[Entry],
    references: Mapping[str, Sequence[float]] | None = None,
) -> Replayed:
    """Judges the entries in their order. Equal plan, references and entries give equal looks, bit for bit.

    Raises:
        PlanError, ReferenceChanged: as `Judge`.
    """
    judge = Judge(plan, references)
    looks = []
    for entry in entries:
        if isinstance(entry, LookAt):
            looks.append(judge.look(entry.time))
        else:
            judge.observe(entry)
    return Replayed(tuple(looks), judge)


def entry_from_dict(value: Mapping[str, Any]) -> Entry:
    """A stored entry: an observation (`observations.to_dict`) or `{"look": time}`."""
    return LookAt(float(value["look"])) if "look" in value else from_dict(value)
