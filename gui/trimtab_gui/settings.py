"""What the client remembers between starts.

Settings are one JSON file; tokens lie in a file of their own with mode 600, one for each address. Neither a prompt
nor a reply is a setting: the prompts sent before have their own file, and so have the chats (`models/chat_store`).
"""

from __future__ import annotations

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from platformdirs import user_config_path, user_data_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

PROMPTS_KEPT: Final = 200


class Settings(BaseModel):
    """Version 1 of the settings file."""

    model_config = ConfigDict(extra="ignore", validate_assignment=True)

    version: Literal[1] = 1
    target: str = ""
    language: Literal["", "en", "ja"] = ""
    theme: Literal["light", "dark"] = "light"
    # Percent of the usual size.
    text_size: int = Field(default=100, ge=100, le=200)
    send_with_control_enter: bool = False
    readout: Literal["off", "projection", "entropy", "kl_to_unsteered"] = "projection"
    # base64 of QMainWindow.saveGeometry().
    geometry: str = ""
    side_panel: bool = True
    # How long chats and prompts are kept on this machine.
    keep_chats: Literal["days", "forever", "never"] = "days"
    keep_chats_days: int = Field(default=90, ge=1, le=3650)
    recent_targets: list[str] = Field(default_factory=list, max_length=8)
    # The company's figures that costs are reckoned with; `models.trial_costs.CostEntry` says which.
    cost_figures: dict[str, float | str] = Field(default_factory=dict)


class SettingsFile:
    """Reads and writes the settings, the remembered tokens and the prompt history of one user."""

    def __init__(self, folder: Path | None = None, *, keep: bool = True) -> None:
        """With `keep` off nothing is written: for pictures and other runs that nobody works in."""
        self._keep = keep
        self._folder = folder or user_config_path("trimtab")
        self._path = self._folder / "desktop.json"
        self._tokens_path = self._folder / "desktop-tokens.json"
        self._prompts_path = self._folder / "desktop-prompts.json"
        self.presets_path = self._folder / "desktop-presets.json"
        chats = folder or user_data_path("trimtab")
        # None: chats are not kept.
        self.chats_path = chats / "desktop-chats.sqlite3" if keep else None
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
        return [text for text, _ in self._prompts()]

    def remember_prompt(self, prompt: str) -> None:
        """Stores a prompt; called before it is sent, so that a crash does not lose it."""
        if self.settings.keep_chats == "never":
            return
        kept = [earlier for earlier in self._prompts() if earlier[0] != prompt]
        self._write_prompts([*kept, (prompt, datetime.now(UTC))][-PROMPTS_KEPT:])

    def expire_prompts(self, older_than: datetime | None) -> None:
        """Removes the prompts sent before a moment."""
        before = self._prompts()
        kept = [prompt for prompt in before if older_than is None or prompt[1] >= older_than]
        if len(kept) < len(before):
            self._write_prompts(kept)

    def forget_prompts(self) -> None:
        if self._keep:
            self._prompts_path.unlink(missing_ok=True)

    def _prompts(self) -> list[tuple[str, datetime]]:
        found = _read_json(self._prompts_path)
        if not isinstance(found, list):
            return []
        return [_prompt_of(entry) for entry in found]

    def _write_prompts(self, prompts: list[tuple[str, datetime]]) -> None:
        entries = [{"text": text, "sent": sent.isoformat()} for text, sent in prompts]
        self._write(self._prompts_path, json.dumps(entries, ensure_ascii=False))

    def write_presets(self, text: str) -> None:
        """Replaces the file of the user's own presets."""
        self._write(self.presets_path, text)

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


def _prompt_of(entry: object) -> tuple[str, datetime]:
    """A stored prompt and when it was sent; one without a time counts as sent now."""
    if not isinstance(entry, dict):
        return str(entry), datetime.now(UTC)
    try:
        sent = datetime.fromisoformat(str(entry.get("sent")))
    except ValueError:
        sent = datetime.now(UTC)
    return str(entry.get("text", "")), sent
