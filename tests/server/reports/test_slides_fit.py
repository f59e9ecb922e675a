"""Nothing on a slide runs over: neither the slide, nor its box, nor what is below it; whatever is written."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from documents import slide_text, slides
from made_records import STEER, rollout_json, small, trial_export
from reportlab.pdfbase import pdfmetrics
from trimtab_server.reports.deck import Deck, Slide
from trimtab_server.reports.pptx_deck import HEIGHT, WIDTH, render_pptx
from trimtab_server.reports.rollout_record import rollout_record
from trimtab_server.reports.rollout_slides import rollout_deck
from trimtab_server.reports.study_slides import study_deck
from trimtab_server.reports.trial_record import TrialRecord, trial_record
from trimtab_server.reports.trial_slides import trial_deck
from trimtab_vectors.study import results
from trimtab_vectors.study.report.catalogue import LANGUAGES
from trimtab_vectors.study.report.document import Bullets, Language, Paragraph, Table

_POINT = 12700


@cache
def record() -> TrialRecord:
    return trial_record(trial_export(STEER, **small()))


def needed(frame: Any, width: float, bold: bool = False) -> float:
    """Points that the paragraphs take when words are set one after the other in Helvetica; the leading is exact."""
    font = "Helvetica-Bold" if bold else "Helvetica"
    total = 0.0
    for paragraph in frame.paragraphs:
        if not paragraph.runs:
            continue
        size = paragraph.runs[0].font.size.pt
        lines, x = 1, 0.0
        for word in paragraph.text.replace(" ", " \0").split("\0"):
            parts = list(word) if any(wide(c) for c in word) else [word]
            for part in parts:
                long = sum(size if wide(c) else pdfmetrics.stringWidth(c, font, size) for c in part.rstrip())
                if x and x + long > width:
                    lines, x = lines + 1, 0.0
                while long > width:
                    lines, long = lines + 1, long - width
                x += long + (pdfmetrics.stringWidth(" ", font, size) if part.endswith(" ") else 0.0)
        total += lines * paragraph.line_spacing.pt
    return total


def wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def check(pptx: bytes) -> int:
    """How many texts were looked at."""
    seen = 0
    for slide in slides(pptx):
        texts = [s for s in slide.shapes if s.has_text_frame and s.text_frame.text]
        grids = [s for s in slide.shapes if s.has_table]
        for shape in slide.shapes:
            assert shape.left >= 0 and shape.top >= 0
            assert (shape.left + shape.width) / _POINT <= WIDTH + 0.5
            assert (shape.top + shape.height) / _POINT <= HEIGHT + 0.5
        for shape in texts:
            room = needed(shape.text_frame, shape.width / _POINT)
            assert room <= shape.height / _POINT + 1.0, shape.text_frame.text
            seen += 1
        for shape in grids:
            for row in shape.table.rows:
                for cell, column in zip(row.cells, shape.table.columns, strict=True):
                    inside = (column.width - cell.margin_left - cell.margin_right) / _POINT
                    high = needed(cell.text_frame, inside) + (cell.margin_top + cell.margin_bottom) / _POINT
                    assert high <= row.height / _POINT + 1.0, cell.text
                    seen += 1
        placed = [*texts, *grids, *(s for s in slide.shapes if s.shape_type == 6)]
        for i, one in enumerate(placed):
            for other in placed[i + 1 :]:
                assert not overlap(one, other), (one.name, other.name)
    return seen


def overlap(one: Any, other: Any) -> bool:
    """By more than a point in both directions."""
    across = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    down = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    return bool(across > _POINT and down > _POINT)


@pytest.mark.parametrize("language", LANGUAGES)
def test_slides_of_a_trial_fit(language: Language) -> None:
    assert check(render_pptx(trial_deck(record(), language))) > 60


@pytest.mark.parametrize("language", LANGUAGES)
def test_slides_of_a_study_fit(language: Language) -> None:
    deck = study_deck(shipped_study(), language)
    assert len(deck.slides) == 5
    assert check(render_pptx(deck)) > 30


@pytest.mark.parametrize("language", LANGUAGES)
def test_slides_of_a_rollout_fit(language: Language) -> None:
    deck = rollout_deck(rollout_record(rollout_json()), language)
    assert len(deck.slides) == 5
    assert check(render_pptx(deck)) > 40


@pytest.mark.parametrize(
    "text", ["とても長い目的の説明です。" * 80, "averyveryverylongword" * 60, "many words " * 300]
)
def test_a_goal_and_names_of_any_length_fit(text: str) -> None:
    criteria = record().criteria
    renamed = {own.name: f"{own.name} {text}" for own in criteria.lanes}
    lanes = tuple(replace(own, name=renamed[own.name]) for own in criteria.lanes)
    changed = replace(criteria, goal=text, name=text, lanes=lanes, lane=renamed["steered"])
    rows = tuple(replace(own, lane=renamed[own.lane]) for own in record().rows)
    made = replace(record(), criteria=changed, rows=rows, created_by=text)
    assert check(render_pptx(trial_deck(made, "ja"))) > 60


def test_rows_that_find_no_room_are_counted() -> None:
    rows = tuple((f"row {n}", str(n)) for n in range(60))
    table = Table(("name", "value"), rows)
    bullets = Bullets(tuple(f"item {n}" for n in range(50)))
    deck = Deck(
        "t", "f", "en", "… and {count} more", (Slide("a", (table,)), Slide("b", (Paragraph("p"), bullets)))
    )
    made = render_pptx(deck)
    check(made)
    for slide, all_of_them, word in zip(slides(made), (60, 50), ("row ", "item "), strict=True):
        text = slide_text(slide)
        shown = sum(line.startswith(word) for line in text.split("\n"))
        told = int(text.split("… and ")[1].split(" more")[0])
        assert 0 < shown < all_of_them
        assert shown + told == all_of_them


def test_letters_are_in_fonts_that_office_programs_have() -> None:
    xml = b"".join(slide.part.blob for slide in slides(render_pptx(trial_deck(record(), "ja"))))
    assert b'<a:ea typeface="Yu Gothic"/>' in xml
    assert xml.count(b"<a:ea ") == xml.count(b"<a:latin ") > 100


def shipped_study() -> results.Summary:
    from importlib import resources

    shipped = resources.files("trimtab_vectors.study") / "shipped" / "summary.json"
    with resources.as_file(shipped) as path:
        return results.read_summary(path)
