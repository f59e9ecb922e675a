"""What differs between two configurations, field by field."""

from __future__ import annotations

from dataclasses import dataclass

from trimtab_server.steering.snapshot import Configuration, Operator, PreserveStateNorm, Term, ordered
from trimtab_server.store.canonical_json import canonical_json


@dataclass(frozen=True)
class Change:
    """One field. A text that is missing on a side is "", so a term that was added has empty `before`s."""

    path: str
    before: str
    after: str


def diff(base: Configuration, other: Configuration) -> list[Change]:
    """In the order of the paths; empty exactly if the two have one id."""
    before, after = _flat(base), _flat(other)
    return [
        Change(path, before.get(path, ""), after.get(path, ""))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def _term_fields(term: Term) -> dict[str, object]:
    fields: dict[str, object] = {
        "strength": term.strength,
        "layers": list(term.layers),
        "operator": term.operator.value,
        "positions": term.positions.value,
        "force": term.force,
    }
    if term.operator is Operator.CLAMP:
        fields |= {"level": term.level, "bound": term.bound.value}
    if term.preserve_state_norm is not PreserveStateNorm.NEVER:
        fields["preserve_state_norm"] = term.preserve_state_norm.value
    if term.condition is not None:
        fields |= {
            "condition.vector": f"vectors/{term.condition.vector}",
            "condition.layer": term.condition.layer,
            "condition.threshold": term.condition.threshold,
            "condition.opens": term.condition.opens.value,
        }
    return fields


def _flat(configuration: Configuration) -> dict[str, str]:
    steering, sampling = configuration.steering, configuration.sampling
    fields: dict[str, object] = {
        "steering.stage": steering.stage_name,
        "steering.system_prompt": steering.system_prompt,
        "sampling.temperature": sampling.temperature,
        "sampling.top_p": sampling.top_p,
        "sampling.top_k": sampling.top_k,
        "sampling.seed": sampling.seed,
        "sampling.max_tokens": sampling.max_tokens,
        "sampling.stop": list(sampling.stop),
    }
    seen: dict[str, int] = {}
    for term in ordered(steering.terms):
        # The same vector may occur twice, for instance added at one layer and ablated at another.
        seen[term.vector] = seen.get(term.vector, 0) + 1
        again = f"#{seen[term.vector]}" if seen[term.vector] > 1 else ""
        path = f"terms[vectors/{term.vector}{again}]"
        fields |= {f"{path}.{name}": value for name, value in _term_fields(term).items()}
    return {
        path: value if isinstance(value, str) else canonical_json(value) for path, value in fields.items()
    }
