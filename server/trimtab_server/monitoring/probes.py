"""The honesty read-outs that were fitted for the hosted model, and what each has earned."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from trimtab_vectors.readouts.probe import Probe, ProbeError
from trimtab_vectors.readouts.probe_file import read_probe

from trimtab_server.engine.request import AffineReadout
from trimtab_server.monitoring.signals import Signal

log = logging.getLogger("trimtab.monitoring")

#: Directory of read-outs (`trimtab readouts fit --out`) beside a model's stages, and in the data directory.
DIRECTORY: Final = "readouts"

HONESTY: Final = frozenset({Signal.HONESTY_MEAN, Signal.HONESTY_MINIMUM, Signal.HONESTY_AT_ANSWER})


class ProbeShelf:
    """Read-outs by stage and vector. What is not for this model is left out, and what is damaged is logged."""

    def __init__(self, probes: Iterable[Probe], fingerprint: str) -> None:
        """fingerprint: the hosted model's digest."""
        own = [probe for probe in probes if probe.model.digest == fingerprint]
        # Of several, one that earned a place among the guardrails goes first; then the same one every time.
        self._probes = sorted(own, key=lambda probe: (not probe.guardrail, probe.id))

    @classmethod
    def at(cls, directories: Iterable[Path], fingerprint: str) -> ProbeShelf:
        found = []
        for directory in directories:
            for path in sorted((directory / DIRECTORY).rglob("*.safetensors")):
                try:
                    found.append(read_probe(path.read_bytes()))
                except (OSError, ProbeError) as error:
                    log.error("readout_unusable", extra={"facts": {"file": path.name, "error": str(error)}})
        return cls(found, fingerprint)

    def find(self, stage: str, vectors: Sequence[str]) -> Probe | None:
        """The read-out for a stage that is independent of every vector injected; None if there is none.

        A read-out is independent of one vector, so under two nothing can be read; with none injected any of the
        stage will do.
        """
        if len(vectors) > 1:
            return None
        return next(
            (
                probe
                for probe in self._probes
                if probe.stage == stage and probe.vector in (vectors or [probe.vector])
            ),
            None,
        )


def engine_form(probe: Probe) -> AffineReadout:
    return AffineReadout(probe.layer, probe.direction, probe.offset, probe.scale)


def may_guard(signal: str, probe: Probe | None) -> bool:
    """Whether a signal of live replies may abort a rollout, as far as read-outs are concerned.

    The honesty read-out may only if its figures earned it that on this model, and only as they were recorded:
    its mean over the reply. The projection on the injected direction never may: it follows the dose.
    """
    if signal == Signal.PROJECTION:
        return False
    if signal not in HONESTY:
        return True
    return (
        probe is not None
        and probe.guardrail
        and signal == Signal.HONESTY_MEAN
        and probe.place == "reply_mean"
    )
