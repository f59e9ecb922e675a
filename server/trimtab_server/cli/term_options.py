"""What may stand behind a vector's dose: "honesty:1:1-2 clamp>=0.2 reply norm=grown if=sales@0>0.1"."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from trimtab_client import Bound, Condition, Opens, Operator, Positions, PreserveStateNorm, SteeringTerm

#: The options as the help shows them.
SYNTAX: Final = (
    "ablate | clamp=LEVEL | clamp>=LEVEL | clamp<=LEVEL | reply | norm=always|grown | if=NAME@LAYER>SCORE"
)

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
_OPTION = re.compile(
    rf"(?P<ablate>ablate)|(?P<reply>reply)|clamp(?P<bound>=|>=|<=)(?P<level>{_NUMBER})"
    rf"|norm=(?P<norm>always|grown)|if=(?P<vector>\S+)@(?P<layer>\d+)(?P<side>[<>])(?P<threshold>{_NUMBER})",
    re.I,
)
_BOUNDS = {"=": Bound.EXACTLY, ">=": Bound.AT_LEAST, "<=": Bound.AT_MOST}
_SIDES = {">": Opens.SCORE_ABOVE, "<": Opens.SCORE_BELOW}


def split_options(text: str) -> tuple[str, tuple[re.Match[str], ...]]:
    """The part before the options, which may hold spaces itself, and the options."""
    words, options = text.split(), list[re.Match[str]]()
    while len(words) > 1 and (found := _OPTION.fullmatch(words[-1])):
        options.insert(0, found)
        words.pop()
    return (" ".join(words) if options else text), tuple(options)


def term_fields(options: tuple[re.Match[str], ...], vector_named: Callable[[str], str]) -> dict[str, Any]:
    """Fields of a `SteeringTerm`; vector_named gives the full name of a condition's vector."""
    fields: dict[str, Any] = {}
    for option in options:
        if option["ablate"]:
            fields["operator"] = Operator.ABLATE
        elif option["reply"]:
            fields["positions"] = Positions.REPLY
        elif option["level"]:
            level, bound = float(option["level"]), _BOUNDS[option["bound"]]
            fields |= {"operator": Operator.CLAMP, "level": level, "bound": bound}
        elif option["norm"]:
            fields["preserve_state_norm"] = PreserveStateNorm(option["norm"].lower())
        else:
            fields["condition"] = Condition(
                vector_named(option["vector"]),
                int(option["layer"]),
                float(option["threshold"]),
                _SIDES[option["side"]],
            )
    return fields


def operation(term: SteeringTerm, vector_called: Callable[[str], str]) -> str:
    """How a term steers, as the options say it; vector_called gives a short name of a condition's vector."""
    words = [str(term.operator)]
    if term.operator is Operator.CLAMP:
        sign = next((sign for sign, bound in _BOUNDS.items() if bound is term.bound), "?")
        words = [f"clamp{sign}{term.level:g}"]
    if term.preserve_state_norm in (PreserveStateNorm.ALWAYS, PreserveStateNorm.GROWN):
        words.append(f"norm={term.preserve_state_norm}")
    gate = term.condition
    if gate is not None:
        side = next((side for side, opens in _SIDES.items() if opens is gate.opens), "?")
        words.append(f"if={vector_called(gate.vector)}@{gate.layer}{side}{gate.threshold:g}")
    return " ".join(words)
