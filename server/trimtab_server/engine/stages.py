"""The stages of a model directory: `stages.json`, or one stage where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from trimtab_server.engine.errors import ModelNotLoadable

StageKind = Literal["base", "adapter", "full"]


@dataclass(frozen=True)
class StageInfo:
    """One checkpoint of the fine-tuning run. step counts optimiser steps, None where unknown."""

    name: str
    kind: StageKind
    path: Path
    step: int | None


@dataclass(frozen=True)
class StageList:
    """A model's stages in order. base: the Hugging Face directory of the base weights and the tokenizer."""

    model: str
    base: Path
    stages: tuple[StageInfo, ...]
    default_stage: str


def read_stages(directory: Path, name: str) -> StageList:
    """Read `directory/stages.json`; a plain Hugging Face directory is a model with the one stage "base".

    Raises ModelNotLoadable with what is wrong in the file.
    """
    file = directory / "stages.json"
    if not file.is_file():
        if not (directory / "config.json").is_file():
            raise ModelNotLoadable(
                f"{directory} holds neither stages.json nor config.json: give a Hugging Face model "
                "directory, a directory with stages.json, or a hub id",
                directory=directory,
            )
        return StageList(name, directory, (StageInfo("base", "base", directory, None),), "base")
    try:
        manifest = _Manifest.model_validate_json(file.read_bytes())
    except ValidationError as error:
        raise ModelNotLoadable(f"{file} is not a list of stages: {error}", file=file) from error
    base = directory / manifest.base
    stages = tuple(
        StageInfo(stage.name, stage.kind, directory / stage.path if stage.path else base, stage.step)
        for stage in manifest.stages
    )
    return StageList(manifest.model, base, stages, manifest.default_stage)


class _Stage(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: str
    kind: StageKind
    path: str | None = None
    step: int | None = None

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str | None) -> str | None:
        return None if path is None else _relative(path)

    @model_validator(mode="after")
    def _located(self) -> _Stage:
        if self.kind != "base" and self.path is None:
            raise ValueError(f"stage {self.name} is of kind {self.kind} and needs a path")
        return self


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="ignore")
    model: str
    base: str
    stages: tuple[_Stage, ...]
    default_stage: str

    @field_validator("base")
    @classmethod
    def _inside(cls, path: str) -> str:
        return _relative(path)

    @model_validator(mode="after")
    def _coherent(self) -> _Manifest:
        names = [stage.name for stage in self.stages]
        if len(set(names)) != len(names):
            raise ValueError(f"stage names repeat: {names}")
        if self.default_stage not in names:
            raise ValueError(f"default_stage {self.default_stage!r} is not among {names}")
        return self


def _relative(path: str) -> str:
    parts = PurePosixPath(path)
    if parts.is_absolute() or ".." in parts.parts:
        raise ValueError(f"path {path!r} leaves the model directory; use a path relative to it")
    return path
