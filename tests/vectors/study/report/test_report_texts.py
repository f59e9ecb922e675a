"""The catalogues say the same things, and a Japanese report is Japanese."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from itertools import product

import numpy as np
import pytest
from trimtab_vectors.plasticity import ConfirmationSeeds, DiscoverySeeds, StageGates, WindowPlan, judge
from trimtab_vectors.plasticity.window_verdict import reasons
from trimtab_vectors.study.report import CatalogueError, build_report
from trimtab_vectors.study.report.catalogue import catalogue, placeholders
from trimtab_vectors.study.report.scale import p_value
from trimtab_vectors.study.results import Summary

#: Names, units and symbols that Japanese reports write in Latin letters.
NAMES = (
    r"arXiv|SHA-\d+|KL|LAT|AUROC|PCA|Holm|cuda|trimtab study run STUDY\.toml|window\.delta|inf"
    r"|torch|transformers|peft|numpy|scipy|pydantic|python|cpu|missing|cu\d+"
)


def test_both_languages_have_the_same_keys_and_values() -> None:
    en, ja = catalogue("en"), catalogue("ja")
    assert en.texts.keys() == ja.texts.keys()
    for key, text in en.texts.items():
        assert placeholders(text) == placeholders(ja.texts[key]), key
        assert (text.strip() and ja.texts[key].strip()) or key.endswith("separator"), key


def test_every_key_of_the_catalogues_is_used() -> None:
    folder = resources.files("trimtab_vectors.study.report")
    code = "".join(f.read_text(encoding="utf-8") for f in folder.iterdir() if f.name.endswith(".py"))
    groups = set(re.findall(r'f"(\w+)\.\{', code)) | set(re.findall(r'named\("(\w+)"', code))
    groups |= {"role", "state", "bound"}  # parts of sentences
    fixed = set(re.findall(r'"([\w.]+)"', code))
    keyed = {"effect", "normalised", "transfer", "stability"} | set(re.findall(r'say,\s*"(\w+)",', code))
    unused = [
        key for key in catalogue("en").texts if key not in fixed and key.split(".")[0] not in groups | keyed
    ]
    assert unused == []


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "< .001"), (0.00099, "< .001"), (0.001, ".001"), (0.0456, ".046"), (1.0, "1.000"), (np.nan, "–")],
)
def test_a_p_value_is_never_written_as_none(value: float, text: str) -> None:
    assert p_value(value) == text


def test_a_missing_key_or_value_is_refused() -> None:
    say = catalogue("ja")
    with pytest.raises(CatalogueError, match="no 'nothing'"):
        say("nothing")
    with pytest.raises(CatalogueError, match="no value for"):
        say("step")
    with pytest.raises(ValueError, match="en, ja"):
        catalogue("de")  # type: ignore[arg-type]


def latin_words(text: str, names: list[str]) -> list[str]:
    """Words of Latin letters that are no name, hash or number."""
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, " ")
    text = re.sub(rf"\b(?:{NAMES})\b", " ", text)
    text = re.sub(r"\b[0-9a-f]{12,}\b|\d{4}-\d\d-\d\dT[\d:+]+|\d[\w.+]*", " ", text)
    return re.findall(r"[A-Za-z]{2,}", text)


def test_no_english_word_is_left_in_the_japanese_report(summary: Summary) -> None:
    names = {summary.name, *summary.files, *summary.runs_locked, *summary.choices}
    for arc in summary.arcs:
        names |= {arc.architecture, *arc.stages}
    names |= {run.name for run in summary.runs}
    names |= {summary.plan["controls"]["why_fewer"]}
    left = {}
    for text in build_report(summary, "ja").texts:
        words = latin_words(text, list(names))
        if words:
            left[text] = words
    assert left == {}


def test_the_english_report_is_not_japanese(summary: Summary) -> None:
    assert not any(re.search(r"[぀-ヿ一-鿿]", text) for text in build_report(summary, "en").texts)


def test_every_reason_of_the_window_rule_is_said_in_japanese() -> None:
    """Verdicts over many kinds of timelines and gates, each with the reasons the rule gives for it."""
    rng, say, seen = np.random.default_rng(0), catalogue("ja"), set()
    bump = 1.0 + np.where((np.arange(8) >= 3) & (np.arange(8) <= 4), 0.6, 0.0)
    late, fading = 1.0 + np.where(np.arange(8) >= 5, 0.6, 0.0), np.linspace(1.5, 0.5, 8)
    gates = [
        None,
        StageGates(
            anti_steerable=np.full(8, 0.9),
            side_effects=np.zeros(8, dtype=np.bool_),
            effect=np.zeros(8),
            random_95th=np.ones(8),
        ),
    ]
    plan = WindowPlan(smallest_effect=0.2, null_draws=200)
    shapes = (bump, late, fading, np.ones(8))
    for shape, noise, seeds, gate in product(shapes, (0.0, 0.03, 0.8), ((3, 4), (3, 1), (1, 0)), gates):
        theta = shape + rng.normal(0.0, noise, (7, 8)) if noise else np.tile(shape, (7, 1))
        theta[0, 0] = np.nan if noise == 0.8 and seeds == (3, 4) else theta[0, 0]
        names = [f"a/b/seed-{i}" for i in range(7)]
        found = judge(
            DiscoverySeeds(names[: seeds[0]], theta[: seeds[0]]),
            ConfirmationSeeds(names[3 : 3 + seeds[1]], theta[3 : 3 + seeds[1]]),
            plan,
            gate,
        )
        for told in (found, replace(found, gates=dict.fromkeys(found.gates, False))):
            seen |= set(reasons(told, plan))
    kinds = {re.sub(r"[-\d.e+]+|inf|nan", "#", sentence) for sentence in seen}
    assert len(kinds) >= 12
    for sentence in seen:
        assert "(英語の原文)" not in say.sentence(sentence), sentence
        assert latin_words(say.sentence(sentence), ["a/b/seed-0"]) in ([], ["nan"]), sentence


def test_a_sentence_that_nobody_translated_is_quoted_and_marked(changed: Callable[..., Summary]) -> None:
    report = build_report(changed(caveats=["Something quite new."]), "ja")
    assert "(英語の原文) Something quite new." in list(report.texts)
