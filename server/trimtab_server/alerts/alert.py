"""What a person is told: one event, or a state that stands until it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Fact = str | int | float


class Kind(StrEnum):
    """What an alert is about; docs/operators/runbook.md has a section for each."""

    GUARDRAIL = "guardrail"  # a guardrail tripped and the server ended the rollout
    ROLLBACK = "rollback"  # an earlier snapshot became active again
    ABORT = "abort"  # a rollout ended without its candidate
    PROMOTION = "promotion"  # a rollout ended with its candidate active
    PAUSE = "pause"  # the server paused a rollout: it waits for a person
    ALARM = "alarm"  # a monitor left its limits
    DRIFT = "drift"  # a signal no longer looks like its reference
    STALENESS = "staleness"  # nothing recent says that the active snapshot works
    SERVER_RESTART = "server_restart"  # the server before this one did not end properly
    DAMAGE = "damage"  # the self-check at the start found something broken
    CONTROLLER_DEAD = "controller_dead"  # nobody judges the rollout any more
    DISK_NEARLY_FULL = "disk_nearly_full"
    TEST = "test"


class Severity(StrEnum):
    """`critical`: somebody should look now. `warning`: today. `info`: it is as it should be."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class State(StrEnum):
    """An event is over when it is told. What was raised stands until it has recovered."""

    EVENT = "event"
    RAISED = "raised"
    RECOVERED = "recovered"


Identity = tuple[Kind, str, str]


@dataclass(frozen=True)
class Alert:
    """`deployment` is "" where none is concerned; `time` is UTC nanoseconds.

    subject: what tells two alerts of one kind apart: a monitor's name, a rollout, a revision. An alert with the
    identity of one that stands, or of an event that was told, is not told again.
    facts: shown beside the text and sent for programs to read. No prompts, no tokens.
    """

    kind: Kind
    severity: Severity
    deployment: str
    title: str
    text: str
    facts: Mapping[str, Fact] = field(default_factory=dict)
    time: int = 0
    subject: str = ""
    state: State = State.EVENT

    @property
    def identity(self) -> Identity:
        return self.kind, self.deployment, self.subject
