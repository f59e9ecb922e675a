"""Templates: what a case can be started from. Each is a TOML file in `templates/`, with its criteria beside it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from pydantic import BaseModel, ConfigDict

#: In the order in which they are offered.
IDS: Final = ("sales-honesty", "support", "internal-search")


@dataclass(frozen=True)
class Both:
    """One text in the two languages."""

    en: str
    ja: str

    def said_in(self, language: str) -> str:
        """In "en" or "ja"."""
        return self.ja if language == "ja" else self.en


@dataclass(frozen=True)
class Column:
    """A column of a file of prompts, and what goes into it."""

    column: str
    meaning: Both


@dataclass(frozen=True)
class Prompts:
    """What to collect. count: prompts of each of the two trials. example: a CSV file with a row of each kind."""

    count: int
    advice: Both
    columns: tuple[Column, ...]
    example: Both


@dataclass(frozen=True)
class Template:
    """criteria: TOML that `trials.criteria_file` reads. lanes: as of a trial's draft; those that the criteria do not
    have are made when they are locked."""

    id: str
    title: Both
    goal: Both
    risks: Both
    criteria: str
    lanes: tuple[str, ...]
    prompts: Prompts


class _Text(BaseModel):
    model_config = ConfigDict(extra="forbid")
    en: str
    ja: str

    @property
    def both(self) -> Both:
        """Line by line."""
        return Both(self.en.strip(), self.ja.strip())

    @property
    def paragraph(self) -> Both:
        """Without the line breaks of the file."""
        return Both(" ".join(self.en.split()), "".join(self.ja.strip().splitlines()))


class _Column(_Text):
    column: str


class _Prompts(BaseModel):
    model_config = ConfigDict(extra="forbid")
    count: int
    advice: _Text
    columns: tuple[_Column, ...]
    example: _Text


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    title: _Text
    goal: _Text
    risks: _Text
    lanes: tuple[str, ...]
    prompts: _Prompts


def templates() -> tuple[Template, ...]:
    """All of them."""
    return tuple(template(own) for own in IDS)


@cache
def template(id: str) -> Template:
    """Raises KeyError for an id that there is none of."""
    if id not in IDS:
        raise KeyError(id)
    directory = files("trimtab_server.cases") / "templates"
    file = _File.model_validate(tomllib.loads((directory / f"{id}.toml").read_text(encoding="utf-8")))
    prompts = file.prompts
    return Template(
        id=id,
        title=file.title.both,
        goal=file.goal.paragraph,
        risks=file.risks.both,
        criteria=(directory / f"{id}.criteria.toml").read_text(encoding="utf-8"),
        lanes=file.lanes,
        prompts=Prompts(
            prompts.count,
            prompts.advice.paragraph,
            tuple(Column(own.column, own.both) for own in prompts.columns),
            Both(prompts.example.en, prompts.example.ja),
        ),
    )
