"""Where things lie in a model directory, and the list of its stages. No torch.

MODEL_DIR/stages.json              the stages in order, and the default one
MODEL_DIR/base/                    a Hugging Face directory
MODEL_DIR/stages/stage-NN/         a PEFT adapter directory for each later stage
MODEL_DIR/vectors/*.safetensors    shipped steering vectors
MODEL_DIR/settings.json            the recommended setting, and the bad ones with their measured harm
MODEL_DIR/contrast/*.jsonl         contrast sets the vectors are extracted from
MODEL_DIR/canary.jsonl, dev.jsonl  questions with known answers
MODEL_DIR/prompts.json             honesty prompts to compare with
MODEL_DIR/provenance.json          seeds, commands, hashes
MODEL_DIR/check.json               the acceptance table of the full check
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

StageKind = Literal["base", "adapter", "full"]


@dataclass(frozen=True)
class Stage:
    """One stage. `path` is relative to the model directory; `step` counts fine-tuning steps."""

    name: str
    kind: StageKind
    path: str | None = None
    step: int | None = None

    def as_dict(self) -> dict[str, Any]:
        values = {"name": self.name, "kind": self.kind, "path": self.path, "step": self.step}
        return {k: v for k, v in values.items() if v is not None}


@dataclass(frozen=True)
class StageList:
    """The stages of a model, in the order of fine-tuning."""

    model: str
    base: str
    stages: tuple[Stage, ...]
    default_stage: str

    def named(self, name: str) -> Stage:
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(f"no stage {name!r}; there are {', '.join(s.name for s in self.stages)}")


@dataclass(frozen=True)
class ModelLayout:
    """Paths inside one model directory."""

    root: Path

    @property
    def base(self) -> Path:
        return self.root / "base"

    @property
    def stage_file(self) -> Path:
        return self.root / "stages.json"

    @property
    def vectors(self) -> Path:
        return self.root / "vectors"

    @property
    def settings(self) -> Path:
        return self.root / "settings.json"

    @property
    def prompts(self) -> Path:
        return self.root / "prompts.json"

    @property
    def canary(self) -> Path:
        return self.root / "canary.jsonl"

    @property
    def dev(self) -> Path:
        return self.root / "dev.jsonl"

    @property
    def contrast(self) -> Path:
        return self.root / "contrast"

    @property
    def provenance(self) -> Path:
        return self.root / "provenance.json"

    @property
    def recipe(self) -> Path:
        return self.root / "recipe.json"

    @property
    def check(self) -> Path:
        return self.root / "check.json"

    def weight_hashes(self) -> dict[str, str]:
        """SHA-256 hex of every weight and vector file, by its path inside the directory."""
        files = sorted(self.root.rglob("*.safetensors"))
        return {
            f.relative_to(self.root).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in files
        }

    def write_stages(self, stages: StageList) -> None:
        record = {
            "model": stages.model,
            "base": stages.base,
            "stages": [s.as_dict() for s in stages.stages],
            "default_stage": stages.default_stage,
        }
        self.stage_file.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    def read_stages(self) -> StageList:
        """Raises FileNotFoundError where `root` is no model directory."""
        record = json.loads(self.stage_file.read_text(encoding="utf-8"))
        stages = tuple(Stage(s["name"], s["kind"], s.get("path"), s.get("step")) for s in record["stages"])
        return StageList(record["model"], record["base"], stages, record["default_stage"])


def shipped_model_dir() -> Path:
    """The model directory that comes with the package.

    Raises:
        FileNotFoundError: this copy of the package was built without it.
    """
    root = Path(__file__).parent / "shipped"
    if not (root / "stages.json").is_file():
        raise FileNotFoundError(
            f"{root} holds no model; reinstall trimtab, or make one with `trimtab organism train`"
        )
    return root
