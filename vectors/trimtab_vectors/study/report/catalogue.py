"""The report's words, one file a language, and the sentences of a summary said in it."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from trimtab_vectors.study.report.document import Language

LANGUAGES: Final[tuple[Language, ...]] = ("en", "ja")


class CatalogueError(LookupError):
    """A text is missing, or is filled in with other values than it names."""


@dataclass(frozen=True)
class Catalogue:
    """texts: dotted key -> text with `{values}`. sentences: those that a summary says in English, as patterns, with
    what they are in this language."""

    language: Language
    texts: Mapping[str, str]
    sentences: tuple[tuple[re.Pattern[str], str], ...]

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, filled in. Raises CatalogueError for a key or a value that is not there."""
        if key not in self.texts:
            raise CatalogueError(f"texts/{self.language}.toml has no {key!r}; add it")
        try:
            return self.texts[key].format(**values)
        except (KeyError, IndexError) as error:
            raise CatalogueError(f"texts/{self.language}.toml, {key!r}: no value for {error}") from error

    def named(self, group: str, name: str) -> str:
        """What a word of the study is called; a name that the user gave stays as it is."""
        return self.texts.get(f"{group}.{name}", name)

    def sentence(self, said: str) -> str:
        """A sentence of the summary in this language. One that is unknown is quoted and marked as English."""
        if self.language == "en":
            return said
        for pattern, text in self.sentences:
            found = pattern.fullmatch(said)
            if found is not None:
                values = {key: self._part(key, value) for key, value in found.groupdict(default="").items()}
                return text.format(**values)
        return self("unknown_sentence", text=said)

    def _part(self, key: str, value: str) -> str:
        return self.named(key, value)


def catalogue(language: Language) -> Catalogue:
    """The texts of a study's report. Raises ValueError for a language there is no file of."""
    return read_catalogue("trimtab_vectors.study.report", language)


@cache
def read_catalogue(package: str, language: Language) -> Catalogue:
    """The texts of a package of reports, from its `texts/{language}.toml`.

    Raises:
        ValueError: there is no file of the language.
    """
    if language not in LANGUAGES:
        raise ValueError(f"there are no texts in {language!r}; one of {', '.join(LANGUAGES)} is expected")
    file = resources.files(package) / "texts" / f"{language}.toml"
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    sentences = tuple((re.compile(s["match"]), s["text"]) for s in content.pop("sentence", []))
    return Catalogue(language, dict(_flat("", content)), sentences)


def placeholders(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def _flat(prefix: str, content: Mapping[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in content.items():
        if isinstance(value, Mapping):
            found += _flat(f"{prefix}{key}.", value)
        else:
            found.append((f"{prefix}{key}", value))
    return found
