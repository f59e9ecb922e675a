"""What a trial's page, PDF and slides say is what its rows say; in both languages, whole, and always the same bytes."""

from __future__ import annotations

import copy
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

import pytest
from documents import Page, entries, pdf_text, slide_text, slides
from made_records import HEAD, HOSTILE, NOTHING, PROMPT, STEER, small, trial_export
from trimtab_server.reports.pptx_deck import render_pptx
from trimtab_server.reports.record_file import RecordError
from trimtab_server.reports.trial_record import TrialRecord, trial_record
from trimtab_server.reports.trial_report import TEXTS, trial_report
from trimtab_server.reports.trial_slides import trial_deck
from trimtab_server.reports.trial_words import TrialWords
from trimtab_server.trials.criteria import lock
from trimtab_vectors.study.report.catalogue import LANGUAGES, placeholders, read_catalogue
from trimtab_vectors.study.report.document import Language
from trimtab_vectors.study.report.font import ReportFont, find_font
from trimtab_vectors.study.report.page import render_html
from trimtab_vectors.study.report.pdf import render_pdf


@cache
def record(kind: str = "steer") -> TrialRecord:
    return trial_record(export(kind))


@cache
def export(kind: str = "steer") -> dict[str, Any]:
    match kind:
        case "steer":
            return trial_export(STEER, **small())
        case "prompt":
            return trial_export(PROMPT, **small(prompt_margin=0.4))
        case "fail":
            return trial_export(NOTHING, **small(margin=0.6), cost_model=None)
        case "not enough data":
            return trial_export(STEER, **small(4), audit=None)
        case "error":
            made = copy.deepcopy(trial_export(STEER, **small(8)))
            made["rows"][-1] |= {"error": "the model ran out of memory", "reply": "", "score": None}
            return made
    raise KeyError(kind)


@pytest.fixture(scope="module")
def hostile() -> dict[str, Any]:
    given = small()
    prompts, criteria = given["prompts"], given["criteria"]
    lanes = tuple(replace(lane, name=f"{lane.name} {HOSTILE}") for lane in criteria.lanes)
    criteria = replace(criteria, goal=HOSTILE, name=HOSTILE, lanes=lanes, lane=f"steered {HOSTILE}")
    changed = type(prompts)(tuple(replace(own, prompt=f"{HOSTILE} {own.prompt}") for own in prompts))
    chances = {f"{name} {HOSTILE}": own for name, own in STEER.items()}
    made = trial_export(chances, criteria=criteria, prompts=changed)
    made["rows"] = [row | {"reply": f"{HOSTILE} {row['reply']}"} for row in made["rows"]]
    made["created_by"] = HOSTILE
    return made


@cache
def pdf_of(language: Language) -> str:
    """The text of the PDF, without spaces: where lines end is no matter."""
    return re.sub(r"\s", "", pdf_text(render_pdf(trial_report(record(), language), font())))


@cache
def font() -> ReportFont:
    return find_font()


def counted(lane: str) -> Counter[str]:
    """Outcomes of a lane under pressure, counted from the rows of the export."""
    neutral = {own["id"] for own in export()["prompts"] if own["pressure"] == "neutral"}
    return Counter(
        row["outcome"]
        for row in export()["rows"]
        if row["lane"] == lane and not row["probe"] and row["prompt_id"] not in neutral
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_four_rates_are_those_of_the_rows_in_every_form(language: Language) -> None:
    page = Page(render_html(trial_report(record(), language)))
    pdf = pdf_of(language)
    bars = slide_text(slides(render_pptx(trial_deck(record(), language)))[2])
    for lane in STEER:
        counts = counted(lane)
        shares = [counts[key] / counts.total() for key in ("honest", "lie", "evade", "no_belief")]
        expected = [f"{100 * share:.1f}%" for share in shares]
        assert any(row[:5] == [lane, *expected] for row in page.rows)
        assert lane + "".join(expected) in pdf
        assert f"{100 * shares[0]:.0f}%" in bars


@pytest.mark.parametrize("language", LANGUAGES)
def test_gain_and_its_interval_are_the_summarys_in_every_form(language: Language) -> None:
    gain = next(own.gain for own in record().summary.lanes if own.lane == "steered")
    assert gain is not None
    shown = [f"{100 * v:+.1f}" for v in (gain.value, gain.low, gain.high)]
    report = trial_report(record(), language)
    table = f"{shown[0]} [{shown[1]}, {shown[2]}]"
    assert any(table in row for row in Page(render_html(report)).rows)
    assert all(own in pdf_of(language) for own in shown)
    first = slide_text(slides(render_pptx(trial_deck(record(), language)))[0])
    assert all(own in first for own in shown)


def test_lock_and_audit_head_are_in_every_form_and_are_recomputed() -> None:
    locked = lock(record().criteria, record().prompts)
    report = trial_report(record(), "en")
    told = [
        render_html(report),
        pdf_of("en"),
        "".join(slide_text(own) for own in slides(render_pptx(trial_deck(record(), "en")))),
    ]
    for text in told:
        assert locked in text
        assert HEAD in text


def test_costs_are_those_of_the_cost_model() -> None:
    cost = record().cost
    assert cost is not None
    best = next(own for own in cost.options if own.name == cost.best)
    assert best.horizon.value > 0.0
    amount = f"¥{float(f'{best.horizon.value:.3g}'):,.0f}"
    fourth = slides(render_pptx(trial_deck(record(), "en")))[3]
    assert amount in slide_text(fourth)
    assert any(amount in row for row in Page(render_html(trial_report(record(), "en"))).rows)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["steer", "prompt", "fail", "not enough data", "error"])
def test_every_verdict_is_told_in_both_languages(kind: str, language: Language) -> None:
    made = record(kind)
    verdict = made.summary.verdict
    assert (verdict.recommendation or "") == {"steer": "steer", "prompt": "a prompt is enough"}.get(kind, "")
    assert verdict.verdict.value.replace("_", " ") == {"steer": "pass", "prompt": "pass"}.get(kind, kind)
    words = read_catalogue(TEXTS, language)
    key = {"not enough data": "not_enough"}.get(kind, kind)
    page = Page(render_html(trial_report(made, language)))
    assert words(f"verdict.{key}") in page.text
    deck = slides(render_pptx(trial_deck(made, language)))
    assert len(deck) == 5
    assert words(f"verdict.{key}") in slide_text(deck[0])


def test_both_languages_have_the_same_keys_and_values() -> None:
    en, ja = (read_catalogue(TEXTS, language) for language in ("en", "ja"))
    assert en.texts.keys() == ja.texts.keys()
    for key, text in en.texts.items():
        assert placeholders(text) == placeholders(ja.texts[key]), key
        assert text.strip() or key.endswith("separator"), key


def test_every_key_of_the_catalogues_is_used() -> None:
    folder = resources.files(TEXTS)
    code = "".join(f.read_text(encoding="utf-8") for f in folder.iterdir() if f.name.endswith(".py"))
    groups = set(re.findall(r"""f["'](\w+)\.\w*\{""", code)) | set(re.findall(r'named\(\s*"(\w+)"', code))
    fixed = set(re.findall(r"""["']([\w.]+)["']""", code))
    # Of the wording that all reports share.
    fixed |= {"seconds", "minutes", "unknown_sentence", "list_separator"}
    assert "column" in groups and len(fixed) > 100
    unused = [
        key
        for key in read_catalogue(TEXTS, "en").texts
        if key not in fixed and key.split(".")[0] not in groups
    ]
    assert unused == []


def test_a_japanese_report_has_none_of_the_english_texts() -> None:
    en = read_catalogue(TEXTS, "en")
    page = Page(render_html(trial_report(record(), "ja"))).text
    deck = "".join(slide_text(own) for own in slides(render_pptx(trial_deck(record(), "ja"))))
    sentences = [text.split("{")[0] for text in en.texts.values()]
    for said in (own for own in sentences if len(own) > 12):
        assert said not in page
        assert said not in deck


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_record_gives_the_same_bytes(language: Language) -> None:
    def made() -> tuple[bytes, ...]:
        own = trial_record(copy.deepcopy(export()))
        report = trial_report(own, language)
        return (
            render_html(report).encode(),
            render_pdf(report, font()),
            render_pptx(trial_deck(own, language)),
        )

    first = made()
    assert first == made()
    # No moment of making is in the archive, where a test that runs within a second would not see it.
    assert {own.date_time for own in entries(first[2])} == {(1980, 1, 1, 0, 0, 0)}


def test_rows_in_another_order_give_the_same_report() -> None:
    turned = copy.deepcopy(export())
    turned["rows"].reverse()
    assert render_html(trial_report(trial_record(turned))) == render_html(trial_report(record()))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_p_value_too_small_for_three_decimals_is_not_written_as_none(language: Language) -> None:
    made = record()
    words = TrialWords(read_catalogue(TEXTS, language), made)
    small = [own for own in made.summary.lanes if own.p is not None and own.p < 0.001]
    assert small
    rows = Page(render_html(trial_report(made, language))).rows
    for lane in small:
        assert any(row[0] == words.lane(lane.lane) and "< .001" in row for row in rows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_texts_stay_texts(hostile: dict[str, Any], language: Language) -> None:
    made = trial_record(hostile)
    html = render_html(trial_report(made, language))
    page = Page(html)
    assert "script" not in page.elements
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
    assert "<script>alert('x')</script> =cmd|'/C calc'!A0" in page.text
    assert not {"\u202e", "\u0007"} & set(html)
    deck = render_pptx(trial_deck(made, language))
    said = "".join(slide_text(own) for own in slides(deck))
    assert "<script>alert('x')</script> =cmd|" in said
    assert not {"\u202e", "\u0007"} & set(said)
    # Nothing in the file is a formula, a link, or fetched from elsewhere.
    assert not [own.filename for own in entries(deck) if own.filename.endswith((".xlsx", ".bin"))]
    assert b"External" not in deck
    pdf = render_pdf(trial_report(made, language), font())
    assert "<script>alert('x')</script>" in re.sub(r"\s+", " ", pdf_text(pdf))
    assert b"/JavaScript" not in pdf and b"/URI" not in pdf


def test_a_changed_criterion_is_refused() -> None:
    changed = copy.deepcopy(export())
    changed["criteria"]["margin"] = 0.01
    with pytest.raises(RecordError, match="changed after the lock"):
        trial_record(changed)


def test_a_changed_prompt_is_refused() -> None:
    changed = copy.deepcopy(export())
    changed["prompts"][0]["prompt"] += " please"
    with pytest.raises(RecordError, match="changed after the lock"):
        trial_record(changed)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"prompts": None}, "deleted"),
        ({"rows": [{"reply": "x"}]}, "trial export"),
        ({"criteria": {"name": ""}}, "no trial's"),
        ({"cost_model": {"monthly_replies": -1}}, "cost_model"),
    ],
)
def test_what_is_no_record_is_refused_with_what_to_do(change: dict[str, Any], told: str) -> None:
    with pytest.raises(RecordError, match=told):
        trial_record({**export(), **change})


def test_what_was_not_measured_is_said() -> None:
    page = Page(render_html(trial_report(record("fail"), "en"))).text
    assert "Money: the company's figures were not entered." in page
    assert "not in this record" in Page(render_html(trial_report(record("not enough data"), "en"))).text
