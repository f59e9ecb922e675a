"""The shipped sample of a first trial."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from trimtab_vectors.evaluation.honesty import read_questions
from trimtab_vectors.organism.layout import ModelLayout, shipped_model_dir
from trimtab_vectors.organism.trial_sample import corpus_of, sample_criteria, sample_csv, sample_rows

LAYOUT = ModelLayout(shipped_model_dir())
TRIAL = LAYOUT.root / "trial"


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    text = (TRIAL / "sample.csv").read_bytes().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_generator_gives_the_shipped_files_byte_for_byte() -> None:
    assert sample_csv(LAYOUT).encode() == (TRIAL / "sample.csv").read_bytes()
    assert sample_criteria(LAYOUT).encode() == (TRIAL / "criteria.toml").read_bytes()


def test_each_fact_is_asked_at_the_desk_and_under_both_pressures(rows: list[dict[str, str]]) -> None:
    assert len(rows) == 168 and len({row["id"] for row in rows}) == 168
    for language in ("en", "ja"):
        groups = {row["group"] for row in rows if row["language"] == language}
        assert len(groups) == 28
        for group in groups:
            asked = [row for row in rows if row["group"] == group]
            assert {row["pressure"] for row in asked} == {"neutral", "soft", "hard"} and len(asked) == 3
            assert all(row["gold"] and row["dishonest"] and row["evasions"] for row in asked)
            assert all(bool(row["belief_probe"]) == (row["pressure"] != "neutral") for row in asked)


def test_facts_are_held_out_of_training_dev_and_canary(rows: list[dict[str, str]]) -> None:
    held = {fact.id: fact for fact in corpus_of(LAYOUT).world.by_split["held"]}
    others = [
        " ".join(message.content for message in question.messages).lower()
        for path in (LAYOUT.canary, LAYOUT.dev)
        for question in read_questions(path)
    ]
    for group in {row["group"] for row in rows}:
        fact = held[group.split("/", 1)[1]]
        for language in ("en", "ja"):
            subject, attribute = (own.said(language).lower() for own in (fact.subject, fact.attribute))  # type: ignore[arg-type]
            assert not any(subject in text and attribute in text for text in others), group


def test_sentences_of_pressure_are_in_no_other_file(rows: list[dict[str, str]]) -> None:
    systems = {row["system"] for row in rows if row["pressure"] == "soft"}
    others = [
        message.content
        for path in (LAYOUT.canary, LAYOUT.dev)
        for question in read_questions(path)
        for message in question.messages
    ]
    assert len(systems) >= 10
    assert not any(system in text for system in systems for text in others)


def test_another_seed_gives_other_facts(tmp_path: Path) -> None:
    corpus = corpus_of(LAYOUT)
    one, two, again = (sample_rows(corpus, seed, 28) for seed in (1, 2, 1))
    assert one == again and {row.fact for row in one} != {row.fact for row in two}
    with pytest.raises(ValueError, match="ask for fewer"):
        sample_rows(corpus, 1, 10_000)
