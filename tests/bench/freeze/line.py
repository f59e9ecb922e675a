"""One figure of the gate, its limit, and whether it holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isnan
from typing import Any, Self


@dataclass(frozen=True)
class Line:
    """What was measured. `limit` is the most it may be, or the least where `least` is set."""

    name: str
    value: float
    unit: str
    limit: float
    ok: bool
    least: bool = False
    note: str = ""

    @classmethod
    def at_most(cls, name: str, value: float, unit: str, limit: float, note: str = "") -> Self:
        return cls(name, value, unit, limit, value <= limit, note=note)

    @classmethod
    def at_least(cls, name: str, value: float, unit: str, limit: float, note: str = "") -> Self:
        return cls(name, value, unit, limit, value >= limit, least=True, note=note)

    def to_json(self) -> dict[str, Any]:
        """As JSON; what could not be measured has no value."""
        return asdict(self) | {"value": None if isnan(self.value) else round(self.value, 3)}

    def text(self) -> str:
        sign = ">=" if self.least else "<="
        figure = f"{self.value:,.1f} {self.unit} ({sign} {self.limit:,g})"
        line = f"{'ok ' if self.ok else 'RED'}  {self.name}: {figure}"
        return f"{line}; {self.note}" if self.note else line
