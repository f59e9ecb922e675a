"""A rollout's report says what its record says, in both languages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from documents import Page, pdf_text, slide_text, slides
from made_records import HEAD, rollout_json
from trimtab_server.reports.pptx_deck import render_pptx
from trimtab_server.reports.record_file import RecordError
from trimtab_server.reports.rollout_record import read_rollout_record, rollout_record
from trimtab_server.reports.rollout_report import rollout_report
from trimtab_server.reports.rollout_slides import rollout_deck
from trimtab_vectors.study.report.catalogue import LANGUAGES
from trimtab_vectors.study.report.document import Language
from trimtab_vectors.study.report.font import find_font
from trimtab_vectors.study.report.page import render_html
from trimtab_vectors.study.report.pdf import render_pdf


@pytest.mark.parametrize("language", LANGUAGES)
def test_evidence_looks_and_audit_are_those_of_the_record(language: Language) -> None:
    page = Page(render_html(rollout_report(rollout_record(rollout_json()), language)))
    guardrail = next(row for row in page.rows if row[:1] == ["honest under pressure"])
    # 3.6 of a threshold of 3: 120% of what trips it.
    assert "64" in guardrail and "120%" in guardrail and "-0.200 [-0.200, 0.100]" in guardrail
    looks = [row for row in page.rows if len(row) == 6 and "2026-11-24" in row[1]]
    assert [row[0] for row in looks] == ["1", "2", "3", "4"]
    assert looks[-1][1] == "2026-11-24 09:04:00 UTC"
    who = [row for row in page.rows if len(row) == 5 and row[2].startswith(("rollout.", "token."))]
    assert [(row[1], row[2]) for row in who] == [("aoi", "rollout.create"), ("server", "rollout.abort")]
    assert HEAD in page.text and "honest-2" in page.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_slides_say_what_the_report_says(language: Language) -> None:
    record = rollout_record(rollout_json())
    shown = [slide_text(own) for own in slides(render_pptx(rollout_deck(record, language)))]
    page = Page(render_html(rollout_report(record, language)))
    assert shown[0].split("\n")[0] in page.text
    assert "-0.200 [-0.200, 0.100]" in shown[2] and "120%" in shown[2]
    assert "aoi" in shown[3] and "rollout.abort" in shown[3]
    assert HEAD in shown[4]


def test_steps_and_limits_are_said_in_japanese() -> None:
    page = Page(render_html(rollout_report(rollout_record(rollout_json()), "ja")))
    assert "英語の原文" not in page.text
    assert "ガードレールが中止" in page.text


@pytest.mark.parametrize("state", ["created", "running", "paused", "promoted", "aborted", "failed"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_is_told_in_one_sentence(state: str, language: Language) -> None:
    given = rollout_json()
    given["rollout"] |= {"state": state, "evidence": [], "verdict": "unspecified"}
    report = rollout_report(rollout_record({"rollout": given["rollout"]}), language)
    lead = next(text for text in report.texts if "honest-2" in text and text != report.title)
    assert lead.count("\n") == 0
    assert render_html(report)


def test_the_pdf_says_the_same_and_is_the_same_each_time() -> None:
    report = rollout_report(rollout_record(rollout_json()), "ja")
    pdf = render_pdf(report, find_font())
    assert pdf == render_pdf(rollout_report(rollout_record(rollout_json()), "ja"), find_font())
    assert "120%" in pdf_text(pdf)


def test_a_file_that_is_no_record_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "rollout.json"
    for text, told in (
        ("[]", "object"),
        ("{", "no JSON"),
        ("{}", "'rollout'"),
        (json.dumps({"rollout": {"name": 1}}), "rollout"),
    ):
        file.write_text(text)
        with pytest.raises(RecordError, match=told):
            read_rollout_record(file)


def test_the_reason_is_quoted_as_text() -> None:
    given = rollout_json()
    given["rollout"]["reason"] = "<img src=x onerror=alert(1)>"
    page = Page(render_html(rollout_report(rollout_record(given), "en")))
    assert "img" not in page.elements
    assert "<img src=x onerror=alert(1)>" in page.text
