"""The lanes of a trial, pinned: what each puts on the model, whatever becomes of names meanwhile."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from trimtab_server.steering.snapshot import Configuration
from trimtab_server.store.canonical_json import canonical_json


@dataclass(frozen=True)
class PinnedLane:
    """A lane with its configuration, the lines it puts into prompts left out: these are in the criteria."""

    name: str
    configuration: Configuration


def lanes_json(lanes: Sequence[PinnedLane]) -> str:
    """What is stored, and hashed: `pinned_lanes` reads it back."""
    return canonical_json(
        [{"name": lane.name, "configuration": json.loads(lane.configuration.body())} for lane in lanes]
    )


def pinned_lanes(text: str) -> dict[str, Configuration]:
    """Configuration by the name of the lane."""
    return {
        own["name"]: Configuration.from_body(canonical_json(own["configuration"])) for own in json.loads(text)
    }
