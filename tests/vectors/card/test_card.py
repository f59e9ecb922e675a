"""Whole cards of the shipped vectors: the record, the page, and what a page must never do."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from trimtab_vectors.card import CardSetting, VectorCard, make_card
from trimtab_vectors.card.page import render_card, visible
from trimtab_vectors.evaluation.honesty import read_questions
from trimtab_vectors.evaluation.splits import DevItems
from trimtab_vectors.evaluation.sweep import SweepPlan, SweepResult, sweep
from trimtab_vectors.extraction import ContrastSet, median_residual_norms, read_contrast_set
from trimtab_vectors.formats.safetensors import read_vector
from trimtab_vectors.organism import shipped_model_dir
from trimtab_vectors.organism.replies import Organism
from trimtab_vectors.steering_vector import SteeringVector

MODEL = shipped_model_dir()
SETTING = CardSetting(0.35, (1, 2), "reply")
HOSTILE = '<script>alert(1)</script> & "quotes"'


def part_of(pairs: ContrastSet) -> ContrastSet:
    return ContrastSet((*pairs.train[::12], *pairs.dev[::6]))


def vector(name: str) -> SteeringVector:
    return read_vector((MODEL / "vectors" / f"{name}.safetensors").read_bytes())


@pytest.fixture(scope="module")
def norms(desk: Organism) -> dict[int, float]:
    return median_residual_norms(desk.model, desk.tokenizer)


@pytest.fixture(scope="module")
def swept(desk: Organism) -> SweepResult:
    """A real one, as small as it may be."""
    asked = [q for q in read_questions(MODEL / "dev.jsonl") if q.language == "en"]
    dev = DevItems(tuple(q for q in asked if re.search(r"/00[0-2]$", q.id)))
    plan = SweepPlan(((1, 2),), (0.35, 1.0), max_new_tokens=20)
    return sweep(
        desk.model, desk.tokenizer, vector("honesty"), dev, plan, stage="stage-11", model_digest="d" * 64
    )


@pytest.fixture(scope="module")
def card(desk: Organism, norms: dict[int, float], swept: SweepResult) -> VectorCard:
    return make_card(
        desk.model,
        desk.tokenizer,
        replace(vector("honesty"), display_name=HOSTILE),
        SETTING,
        norms,
        model_name="trimtab-organism",
        stage="stage-11",
        contrast_set=part_of(read_contrast_set(MODEL / "contrast" / "honesty.jsonl")),
        texts=[HOSTILE],
        sweep=swept,
    )


@pytest.fixture(scope="module")
def page(card: VectorCard) -> str:
    return render_card(card, "ja")


class _Balanced(HTMLParser):
    """Every element closed in its order; remembers attributes."""

    VOID = frozenset({"meta", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_its_drawings_are_well_formed(page: str) -> None:
    parser = _Balanced()
    parser.feed(page)
    assert parser.open == []
    drawings = re.findall(r"<svg.*?</svg>", page)
    assert len(drawings) == 2
    for drawing in drawings:
        root = ElementTree.fromstring(drawing)
        assert not [n for n in root.iter() if any("nan" in v or "inf" in v for v in n.attrib.values())]


def test_the_page_fetches_and_runs_nothing_and_shows_hostile_text_as_text(page: str) -> None:
    parser = _Balanced()
    parser.feed(page)
    names = {name for _, name, _ in parser.attributes}
    assert not names & {"src", "href", "action", "onload", "onclick", "style"}
    assert "<script" not in page and "url(" not in page and "@import" not in page and "http:" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2


def test_the_page_speaks_both_languages_and_opens_in_the_one_asked_for(page: str, card: VectorCard) -> None:
    assert page.count('class="en"') == page.count('class="ja"') > 30
    assert page.count('class="en ') == page.count('class="ja ') > 5
    assert 'id="ja" checked' in page and '<html lang="ja">' in page
    assert 'id="en" checked' in render_card(card)


def test_the_record_is_plain_json_and_says_what_was_looked_at(card: VectorCard) -> None:
    record = json.loads(json.dumps(card.as_dict(), ensure_ascii=False, allow_nan=False))
    assert record["vector"]["id"] == vector("honesty").id
    assert record["setting"] == {"strength": 0.35, "layers": [1, 2], "positions": "reply"}
    assert set(record["tokens"]) == {str(n) for n in range(6)}
    assert record["sweep"]["vector"] == record["vector"]["id"]
    # The file has no ceilings: they come from the contrast set.
    assert all(layer["noise_ceiling"] > 0.5 for layer in record["layers"])
    # Honest sides lie above lying ones, and the push changes what is said.
    assert record["extremes"]["separation"]["value"] > 0.9
    assert {own["origin"] for own in record["extremes"]["highest"]} == {"positive"}
    assert record["next_token"]["changed"] > 0.1


def test_a_vector_with_its_labels_swapped_shows_as_the_mirror_image(
    desk: Organism, norms: dict[int, float], card: VectorCard
) -> None:
    swapped = make_card(
        desk.model,
        desk.tokenizer,
        vector("honesty-swapped"),
        SETTING,
        norms,
        model_name="trimtab-organism",
        stage="stage-11",
        contrast_set=part_of(read_contrast_set(MODEL / "contrast" / "honesty.jsonl")),
    )
    for one, other in zip(card.resemblances, swapped.resemblances, strict=True):
        assert one.cosine == pytest.approx(-other.cosine, abs=1e-4)
    promoted = {token.token for token in card.tokens[1].promoted}
    assert promoted == {token.token for token in swapped.tokens[1].suppressed}
    assert swapped.extremes.separation is not None and swapped.extremes.separation.value < 0.1
    assert swapped.sweep is None and "NOT measured" in render_card(swapped)


def test_without_a_contrast_set_the_card_says_what_it_does_not_know(
    desk: Organism, norms: dict[int, float]
) -> None:
    bare = make_card(
        desk.model, desk.tokenizer, vector("language"), SETTING, norms, model_name="m", stage="stage-11"
    )
    assert bare.extremes.separation is None and bare.effect.contexts == 20
    assert all(own.noise_ceiling is None for own in bare.figures)
    assert all(own.corrected is None for own in bare.resemblances)
    assert "No contrast set was at hand" in render_card(bare)


def test_a_sweep_of_another_vector_is_refused(
    desk: Organism, norms: dict[int, float], swept: SweepResult
) -> None:
    with pytest.raises(ValueError, match="sweep is of vector"):
        make_card(
            desk.model,
            desk.tokenizer,
            vector("language"),
            SETTING,
            norms,
            model_name="m",
            stage="s",
            sweep=swept,
        )


def test_blanks_are_made_visible() -> None:
    assert visible(" a\n\x00") == "␣a⏎\\u0000"


def test_the_card_is_one_file(page: str, tmp_path: Path) -> None:
    path = tmp_path / "card.html"
    path.write_text(page, encoding="utf-8")
    assert path.stat().st_size < 300_000
