"""The first stage, kept so that every later one, and every later process, is compared with the same."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, from_numpy

_FORM: Final = "trimtab.training-reference/1"


class ReferenceMismatch(ValueError):
    """The kept first stage cannot be used for this plan."""


@dataclass(frozen=True, eq=False)
class Reference:
    """plan: digest of the plan it was measured by. share: of the items that was measured.

    directions: layer -> unit `[H]`. prompt_states: layer -> `[I, H]`, at the last prompt token of each
    measured probe item. margins: `[I]` unsteered. log_probs: `[T, V]`, next-token distributions on the first
    T tokens of the neutral texts. All float32, margins float64.
    """

    plan: str
    stage: str
    step: int
    share: float
    directions: Mapping[int, Tensor]
    noise_ceilings: Mapping[int, float]
    residual_norms: Mapping[int, float]
    prompt_states: Mapping[int, Tensor]
    margins: NDArray[np.float64]
    log_probs: Tensor

    def write(self, path: Path) -> None:
        """Atomically: whoever finds the file finds all of it."""
        tensors = {
            **{f"direction.{n}": t.contiguous() for n, t in self.directions.items()},
            **{f"prompt_states.{n}": t.contiguous() for n, t in self.prompt_states.items()},
            "margins": from_numpy(self.margins.copy()),
            "log_probs": self.log_probs.contiguous(),
        }
        described = {
            "form": _FORM,
            "plan": self.plan,
            "stage": self.stage,
            "step": self.step,
            "share": self.share,
            "noise_ceilings": dict(self.noise_ceilings),
            "residual_norms": dict(self.residual_norms),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        save_file(tensors, partial, metadata={"trimtab": json.dumps(described)})
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(path)

    @classmethod
    def read(cls, path: Path, plan: str) -> Reference:
        """Raises ReferenceMismatch if the file is another plan's, or none of ours."""
        with safe_open(path, framework="pt") as file:
            described: dict[str, Any] = json.loads((file.metadata() or {}).get("trimtab", "{}"))
            if described.get("form") != _FORM:
                raise ReferenceMismatch(f"{path} is no first stage of a watched training run")
            if described["plan"] != plan:
                raise ReferenceMismatch(
                    f"{path} was measured by another plan (other contrast set, probe, layers, strengths or "
                    "texts); figures of the two cannot be compared. Name a new model directory"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return cls(
            plan=described["plan"],
            stage=described["stage"],
            step=described["step"],
            share=described["share"],
            directions=_by_layer(tensors, "direction."),
            noise_ceilings={int(n): v for n, v in described["noise_ceilings"].items()},
            residual_norms={int(n): v for n, v in described["residual_norms"].items()},
            prompt_states=_by_layer(tensors, "prompt_states."),
            margins=tensors["margins"].numpy(),
            log_probs=tensors["log_probs"],
        )


def _by_layer(tensors: Mapping[str, Tensor], prefix: str) -> dict[int, Tensor]:
    return {int(n.removeprefix(prefix)): t for n, t in tensors.items() if n.startswith(prefix)}
