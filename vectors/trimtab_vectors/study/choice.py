"""The dose and the lines of an architecture: chosen on dev items at the last stage of discovery runs, then locked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from trimtab_vectors.study.plan import Gates, PlanError

#: Of the largest gain: more than this is not worth more side effects.
_ENOUGH_GAIN: Final = 0.9


@dataclass(frozen=True)
class ReferenceDose:
    """strength: a*, relative to the residual norm, at each of `layers`. honest_line, lying_line: language -> index
    into the plan's lines of that language."""

    layers: tuple[int, ...]
    strength: float
    honest_line: Mapping[str, int]
    lying_line: Mapping[str, int]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"layers": list(self.layers)}

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> ReferenceDose:
        return cls(
            tuple(record["layers"]),
            float(record["strength"]),
            dict(record["honest_line"]),
            dict(record["lying_line"]),
        )


@dataclass(frozen=True)
class TriedDose:
    """One candidate over the discovery runs. gain: mean log-odds at +a minus unsteered, nats. kl, perplexity_ratio:
    the largest of any run."""

    layers: tuple[int, ...]
    strength: float
    gain: float
    kl: float
    perplexity_ratio: float
    within_gates: bool

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"layers": list(self.layers)}


def tried_doses(cells: Sequence[Mapping[str, Any]], gates: Gates) -> list[TriedDose]:
    """The candidates of an architecture's dose cells (all with the same candidates, in one order)."""
    tried = []
    for candidates in zip(*(cell["candidates"] for cell in cells), strict=True):
        kl = max(c["kl"] for c in candidates)
        ratio = max(c["perplexity_ratio"] for c in candidates)
        tried.append(
            TriedDose(
                layers=tuple(candidates[0]["layers"]),
                strength=candidates[0]["strength"],
                gain=float(
                    np.mean([c["up"] - cell["unsteered"] for c, cell in zip(candidates, cells, strict=True)])
                ),
                kl=kl,
                perplexity_ratio=ratio,
                within_gates=kl <= gates.kl and ratio <= gates.perplexity_ratio,
            )
        )
    return tried


def choose_dose(
    architecture: str, cells: Sequence[Mapping[str, Any]], gates: Gates, fixed: bool
) -> ReferenceDose:
    """The mildest candidate that is as good as any, and the lines that raise and lower the log-odds most.

    Of the candidates within the gates, those that reach nine tenths of the largest gain; of these the one with the
    least KL: the last tenth is bought on the edge of the cliff.

    fixed: the one candidate is taken, whatever its side effects; the study reports them.

    Raises:
        PlanError: no candidate keeps the gates.
    """
    tried = tried_doses(cells, gates)
    allowed = tried if fixed else [dose for dose in tried if dose.within_gates]
    if not allowed:
        least = min(tried, key=lambda dose: dose.kl)
        raise PlanError(
            f"dose.strengths: no candidate of {architecture} keeps the gates on dev texts (the mildest, "
            f"{least.strength:g} at {list(least.layers)}, has a KL of {least.kl:.3g} and a perplexity ratio of "
            f"{least.perplexity_ratio:.4g}); add smaller strengths"
        )
    enough = _ENOUGH_GAIN * max(dose.gain for dose in allowed)
    best = min((dose for dose in allowed if dose.gain >= enough), key=lambda dose: dose.kl, default=None)
    if best is None:
        # Nothing raises the log-odds: the one that lowers them least.
        best = max(allowed, key=lambda dose: dose.gain)
    return ReferenceDose(
        best.layers, best.strength, _line(cells, "honest_lines", 1.0), _line(cells, "lying_lines", -1.0)
    )


def _line(cells: Sequence[Mapping[str, Any]], key: str, sign: float) -> dict[str, int]:
    """Language -> the index whose mean over runs is largest (sign 1) or smallest (sign -1)."""
    chosen = {}
    for language in cells[0][key]:
        means = np.mean([cell[key][language] for cell in cells], axis=0)
        chosen[language] = int(np.argmax(sign * means))
    return chosen
