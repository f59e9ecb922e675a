"""Named settings of a conversation: a system prompt, a sampling, or both."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from PySide6.QtCore import QLocale, QObject, Signal
from trimtab_client.types import PromptPreset, Sampling

from trimtab_gui.models.conversation import Conversation, LaneKind, LaneSetup
from trimtab_gui.models.hosted import HostedModel
from trimtab_gui.settings import SettingsFile


@dataclass(frozen=True)
class Preset:
    """`sampling` None: leaves the sampling as it is. One of the server's cannot be changed."""

    id: str
    name: str
    system: str = ""
    sampling: Sampling | None = None
    own: bool = True


class _SamplingFile(BaseModel):
    model_config = ConfigDict(extra="ignore")

    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    top_p: float = Field(default=1.0, ge=0.0, le=1.0)
    top_k: int = Field(default=0, ge=0)
    max_tokens: int = Field(default=0, ge=0)
    seed: int = Field(default=0, ge=0)
    stop: list[str] = Field(default_factory=list)


class _PresetFile(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str
    name: str
    system: str = ""
    sampling: _SamplingFile | None = None


class _PresetsFile(BaseModel):
    """Version 1 of the file."""

    model_config = ConfigDict(extra="ignore")

    version: int = 1
    presets: list[_PresetFile] = Field(default_factory=list)


class PresetsModel(QObject):
    """The server's presets and the user's own; the latter are kept in a file of this machine."""

    changed = Signal()
    # The file could not be read and lies, renamed, at this path.
    damaged = Signal(str)

    def __init__(
        self,
        conversation: Conversation,
        hosted: HostedModel,
        files: SettingsFile,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._conversation = conversation
        self._hosted = hosted
        self._files = files
        self._own: tuple[Preset, ...] | None = None
        hosted.changed.connect(self.changed)

    @property
    def own(self) -> tuple[Preset, ...]:
        """The user's, by name."""
        if self._own is None:
            self._own = self._read()
        return self._own

    @property
    def all(self) -> tuple[Preset, ...]:
        """The user's own, then the server's: first those in the language of the client."""
        japanese = QLocale().language() == QLocale.Language.Japanese
        language = "ja" if japanese else "en"
        server = sorted(self._hosted.prompt_presets, key=lambda preset: preset.language != language)
        return self.own + tuple(_of_server(preset) for preset in server)

    def preset(self, preset_id: str) -> Preset | None:
        return next((preset for preset in self.all if preset.id == preset_id), None)

    def named(self, system: str) -> Preset | None:
        """The preset that has this system prompt."""
        return next((preset for preset in self.all if system and preset.system == system), None)

    def fitting_all(self) -> Preset | None:
        """The user's preset that the whole conversation is set to."""
        conversation = self._conversation
        return next(
            (
                preset
                for preset in self.own
                if (preset.system or preset.sampling is not None)
                and preset.system in ("", conversation.scene)
                and preset.sampling in (None, conversation.sampling)
            ),
            None,
        )

    # Using ------------------------------------------------------------------------------------------------

    def use(self, preset: Preset) -> None:
        """Sets what all lanes share: the system message and the sampling."""
        if preset.system:
            self._conversation.set_scene(preset.system)
        if preset.sampling is not None:
            self._conversation.set_sampling(preset.sampling)

    def use_in_lane(self, preset: Preset, lane_id: str) -> None:
        """Gives one lane the preset's prompt; the sampling is shared, else lanes could not be compared."""
        self._conversation.set_setup(lane_id, LaneSetup(LaneKind.PROMPT_ONLY, prompt=preset.system))

    # Changing ---------------------------------------------------------------------------------------------

    def save(self, name: str, system: str, sampling: Sampling | None, preset_id: str = "") -> Preset:
        """Adds one of the user's own, or replaces the one with that id."""
        preset = Preset(preset_id or uuid.uuid4().hex, name.strip(), system.strip(), sampling)
        others = [known for known in self.own if known.id != preset.id]
        self._write((*others, preset))
        return preset

    def delete(self, preset_id: str) -> Preset | None:
        """Removes one of the user's own; `put_back` takes that back."""
        gone = next((preset for preset in self.own if preset.id == preset_id), None)
        if gone is not None:
            self._write(tuple(preset for preset in self.own if preset.id != preset_id))
        return gone

    def put_back(self, preset: Preset) -> None:
        self._write((*(known for known in self.own if known.id != preset.id), preset))

    def _write(self, presets: tuple[Preset, ...]) -> None:
        self._own = tuple(sorted(presets, key=_by_name))
        content = _PresetsFile(presets=[_to_file(preset) for preset in self._own])
        self._files.write_presets(content.model_dump_json(indent=2))
        self.changed.emit()

    def _read(self) -> tuple[Preset, ...]:
        path = self._files.presets_path
        try:
            content = _PresetsFile.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return ()
        except (OSError, ValidationError):
            aside = path.with_name(f"{path.stem}.damaged-{datetime.now():%Y%m%dT%H%M%S}{path.suffix}")
            path.rename(aside)
            self.damaged.emit(str(aside))
            return ()
        return tuple(sorted((_of_file(preset) for preset in content.presets), key=_by_name))


def _by_name(preset: Preset) -> str:
    return preset.name.casefold()


def _of_server(preset: PromptPreset) -> Preset:
    return Preset(f"server:{preset.id}", preset.title or preset.system, preset.system, own=False)


def _of_file(preset: _PresetFile) -> Preset:
    found = preset.sampling
    sampling = (
        None
        if found is None
        else Sampling(
            temperature=found.temperature,
            top_p=found.top_p,
            top_k=found.top_k,
            max_tokens=found.max_tokens,
            seed=found.seed,
            stop=tuple(found.stop),
        )
    )
    return Preset(preset.id, preset.name, preset.system, sampling)


def _to_file(preset: Preset) -> _PresetFile:
    found = preset.sampling
    sampling = (
        None
        if found is None
        else _SamplingFile(
            temperature=found.temperature,
            top_p=found.top_p,
            top_k=found.top_k,
            max_tokens=found.max_tokens,
            seed=found.seed,
            stop=list(found.stop),
        )
    )
    return _PresetFile(id=preset.id, name=preset.name, system=preset.system, sampling=sampling)
