"""The PDF: the same figures and words as the page, in an embedded font, the same bytes each time."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from pypdf import PdfReader
from trimtab_server.cli.main import app
from trimtab_vectors.study.plan import PlanError
from trimtab_vectors.study.report import build_report
from trimtab_vectors.study.report import font as fonts
from trimtab_vectors.study.report.files import ReportFiles, write_report
from trimtab_vectors.study.report.font import FontError, ReportFont, find_font
from trimtab_vectors.study.report.pdf import render_pdf
from trimtab_vectors.study.report.scale import figure
from trimtab_vectors.study.results import Summary
from typer.testing import CliRunner


@pytest.fixture(scope="module")
def small(summary: Summary) -> Summary:
    """Two arcs, so that a test is quick."""
    record = json.loads(summary.to_json())
    return Summary.model_validate({**record, "arcs": record["arcs"][1:3], "runs": record["runs"][7:21]})


@pytest.fixture(scope="module")
def font() -> ReportFont:
    return find_font()


@pytest.fixture(scope="module")
def japanese(small: Summary, font: ReportFont) -> bytes:
    return render_pdf(build_report(small, "ja"), font)


def pages(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(BytesIO(pdf)).pages]


def test_the_first_page_answers_in_japanese(japanese: bytes) -> None:
    first = re.sub(r"\s", "", pages(japanese)[0])
    for word in (
        "結論",
        "確認",
        "なし",
        "仕込んだ窓",
        "ベクトルへの応答性",
        "窓を仕込んだ微調整では、規則がその窓を見つけました",
    ):
        assert word in first


def test_it_shows_the_summarys_values(small: Summary, japanese: bytes) -> None:
    text = "\n".join(pages(japanese))
    numbers = re.findall(r"-?\d+\.\d+", text)
    for arc in small.arcs:
        for row in arc.effect.value:
            # Once in the heat map and once in its table.
            assert all(numbers.count(figure(v)) >= 2 for v in row if v is not None)
    assert small.plan_hash in text.replace("\n", "")


def test_every_character_is_in_the_embedded_font(small: Summary, japanese: bytes) -> None:
    used = {name: f for page in PdfReader(BytesIO(japanese)).pages for name, f in _page_fonts(page).items()}
    report = [f for f in used.values() if "Report-" in f["/BaseFont"]]
    assert report and all("/FontFile2" in f["/FontDescriptor"].get_object() for f in report)
    text = "".join(pages(japanese))
    # What the PDF cannot map back to characters would come out as one of these.
    assert "\ufffd" not in text and "\u25a1" not in text and "(cid:" not in text


def test_the_same_input_gives_the_same_bytes(small: Summary, font: ReportFont, japanese: bytes) -> None:
    assert render_pdf(build_report(small, "ja"), find_font()) == japanese
    assert b"2026" not in japanese[-2000:]


def test_sections_are_in_the_outline_and_the_title_in_the_metadata(small: Summary, japanese: bytes) -> None:
    read = PdfReader(BytesIO(japanese))
    titles = [item["/Title"] for item in read.outline]
    assert titles[0] == "結論" and titles[-1] == "図の数値"
    assert read.metadata is not None and small.name in (read.metadata.title or "")


def test_characters_that_the_font_lacks_are_written_as_code_points(
    changed: Callable[..., Summary], small: Summary, font: ReportFont
) -> None:
    arc = {**small.arcs[0].model_dump(mode="json"), "architecture": "<b>🦀&amp;</b>"}
    text = "".join(pages(render_pdf(build_report(changed(arcs=[arc], runs=[])), font)))
    assert "<b>U+1F980&amp;</b>" in text


def test_the_subset_draws_the_same_glyphs_as_the_font(font: ReportFont) -> None:
    """Areas and boxes of outlines, cubic there and quadratic here."""
    from fontTools.pens.areaPen import AreaPen
    from fontTools.pens.boundsPen import BoundsPen

    _, file = font.subset("確認Ag1")
    made, source = TTFont(file), TTFont(font.path)
    assert set(made.getBestCmap()) == {ord(c) for c in "確認Ag1"}
    em = source["head"].unitsPerEm
    for code, name in made.getBestCmap().items():
        origin = source.getBestCmap()[code]
        assert made["hmtx"][name][0] == source["hmtx"][origin][0]
        measured = []
        for face, glyph in ((made, name), (source, origin)):
            glyphs = face.getGlyphSet()
            area, bounds = AreaPen(glyphs), BoundsPen(glyphs)
            glyphs[glyph].draw(area)
            glyphs[glyph].draw(bounds)
            measured.append((abs(area.value) / em**2, bounds.bounds))
        assert measured[0][0] == pytest.approx(measured[1][0], abs=0.002)
        assert measured[0][1] == pytest.approx(measured[1][1], abs=0.004 * em)


def test_without_a_font_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fonts, "_places", lambda: iter([tmp_path / "none.ttc"]))
    with pytest.raises(FontError, match=r"pip install pylopdf-fonts-jp.*none\.ttc"):
        find_font()


def test_a_font_that_is_none_or_has_no_japanese_is_refused(tmp_path: Path, font: ReportFont) -> None:
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font at all")
    with pytest.raises(FontError, match="no OpenType or TrueType font"):
        find_font(broken)
    latin = tmp_path / "latin.ttf"
    latin.write_bytes(font.subset("Aa1")[1].getvalue())
    with pytest.raises(FontError, match="lacks Japanese"):
        find_font(latin)
    with pytest.raises(FileNotFoundError):
        find_font(tmp_path / "missing.ttf")


def test_the_command_writes_both_files(
    small: Summary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIMTAB_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "summary.json").write_text(small.to_json(), encoding="utf-8")
    out, pdf = tmp_path / "r.html", tmp_path / "r.pdf"
    asked = [
        "study",
        "report",
        str(tmp_path),
        "--out",
        str(out),
        "--pdf",
        str(pdf),
        "--language",
        "ja",
        "--json",
    ]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {"html": str(out), "pdf": str(pdf), "language": "ja"}
    assert '<html lang="ja">' in out.read_text(encoding="utf-8") and pdf.read_bytes().startswith(b"%PDF")
    done = CliRunner().invoke(app, ["study", "report", str(tmp_path)])
    assert done.exit_code == 0 and (tmp_path / "report.html").is_file()


def test_a_study_without_a_summary_is_told_what_to_do(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["study", "report", str(tmp_path)])
    assert done.exit_code == 1 and "finish the study first" in " ".join(done.stderr.split())
    (tmp_path / "summary.json").write_text('{"name": "x"}', encoding="utf-8")
    with pytest.raises(PlanError, match=r"summary\.json"):
        write_report(tmp_path, ReportFiles.of(tmp_path, None, None))


def _page_fonts(page: object) -> dict[str, dict[str, object]]:
    found = page["/Resources"].get("/Font", {})  # type: ignore[index]
    return {name: found[name].get_object() for name in found}
