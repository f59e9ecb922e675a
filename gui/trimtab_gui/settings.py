"""What the client remembers between starts.

Settings are one JSON file; tokens lie in a file of their own with mode 600, one for each address. Neither a prompt
nor a reply is a setting: prompts are in `prompt_history`.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Final, Literal

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

PROMPTS_KEPT: Final = 200


class Settings(BaseModel):
    """Version 1 of the settings file."""

    model_config = ConfigDict(extra="ignore", validate_assignment=True)

    version: Literal[1] = 1
    target: str = ""
    language: Literal["", "en", "ja"] = ""
    theme: Literal["light", "dark"] = "light"
    send_with_control_enter: bool = False
    readout: Literal["off", "projection", "entropy", "kl_to_unsteered"] = "projection"
    # base64 of QMainWindow.saveGeometry().
    geometry: str = ""
    side_panel: bool = True
    recent_targets: list[str] = Field(default_factory=list, max_length=8)


class SettingsFile:
    """Reads and writes the settings, the remembered tokens and the prompt history of one user."""

    def __init__(self, folder: Path | None = None, *, keep: bool = True) -> None:
        """With `keep` off nothing is written: for pictures and other runs that nobody works in."""
        self._keep = keep
        self._folder = folder or user_config_path("trimtab")
        self._path = self._folder / "desktop.json"
        self._tokens_path = self._folder / "desktop-tokens.json"
        self._prompts_path = self._folder / "desktop-prompts.json"
        # Why the settings could not be read; empty when they could.
        self.problem = ""
        self.settings = self._read()

    def _read(self) -> Settings:
        try:
            return Settings.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return Settings()
        except (OSError, ValidationError) as error:
            self.problem = str(error)
            return Settings()

    def save(self) -> None:
        self._write(self._path, self.settings.model_dump_json(indent=2))

    def token_for(self, target: str) -> str:
        """The remembered token of an address, or an empty string."""
        return self._tokens().get(target, "")

    def remember_token(self, target: str, token: str) -> None:
        self._write(self._tokens_path, json.dumps(self._tokens() | {target: token}))

    def forget_token(self, target: str) -> None:
        tokens = self._tokens()
        if tokens.pop(target, None) is not None:
            self._write(self._tokens_path, json.dumps(tokens))

    def _tokens(self) -> dict[str, str]:
        found = _read_json(self._tokens_path)
        if not isinstance(found, dict):
            return {}
        return {str(target): str(token) for target, token in found.items()}

    def prompts(self) -> list[str]:
        """The prompts sent before, oldest first."""
        found = _read_json(self._prompts_path)
        return [str(prompt) for prompt in found] if isinstance(found, list) else []

    def remember_prompt(self, prompt: str) -> None:
        """Stores a prompt; called before it is sent, so that a crash does not lose it."""
        kept = [earlier for earlier in self.prompts() if earlier != prompt]
        self._write(self._prompts_path, json.dumps([*kept, prompt][-PROMPTS_KEPT:], ensure_ascii=False))

    def _write(self, path: Path, text: str) -> None:
        """Replaces a file in one step; mode 600 from its first byte."""
        if not self._keep:
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=path.name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
