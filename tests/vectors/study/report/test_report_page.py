"""What a reader of the page sees is what the summary holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from trimtab_vectors.study.report import Language, Report, build_report, render_html
from trimtab_vectors.study.report.document import Figure, Paragraph, Table, VerdictCard
from trimtab_vectors.study.report.drawing import text_width
from trimtab_vectors.study.report.scale import figure
from trimtab_vectors.study.report.svg import to_svg
from trimtab_vectors.study.results import Summary

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def english(summary: Summary) -> Report:
    return build_report(summary, "en")


def figures(report: Report, section: str) -> dict[str, Figure]:
    own = next(s for s in report.sections if s.id == section)
    return {b.title: b for b in own.blocks if isinstance(b, Figure)}


def titled(found: dict[str, Figure], start: str) -> Figure:
    return next(f for title, f in found.items() if title.startswith(start))


def svg(found: Figure) -> ElementTree.Element:
    return ElementTree.fromstring(to_svg(found.drawing))


def of_class(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [e for e in root.iter() if name in (e.get("class") or "").split()]


def test_every_cell_of_the_effect_matrix_prints_the_summarys_value(summary: Summary, english: Report) -> None:
    for number, arc in enumerate(summary.arcs, start=1):
        chart = titled(figures(english, f"arc-{number}"), "Effect:")
        printed = [e.text for e in of_class(svg(chart), "value")]
        assert printed == [figure(v) for row in arc.effect.value for v in row if v is not None]


def test_tables_hold_values_with_their_intervals(summary: Summary, english: Report) -> None:
    arc, found = summary.arcs[1], figures(english, "arc-2")
    table = titled(found, "Receptivity").table
    assert [row[0] for row in table.rows] == arc.stages
    own = arc.receptivity
    for i, row in enumerate(table.rows):
        assert row[1] == str(arc.steps[i])
        assert row[2] == f"{own.value[i]:.2f} [{own.low[i]:.2f}, {own.high[i]:.2f}]"
    matrix = titled(found, "Transfer").table
    value, low, high = (getattr(arc.transfer, name)[3][5] for name in ("value", "low", "high"))
    assert matrix.rows[3][6] == f"{figure(value)} [{figure(low)}, {figure(high)}]"


def test_an_interval_is_drawn_from_its_lower_to_its_upper_bound(summary: Summary, english: Report) -> None:
    chart = titled(figures(english, "arc-2"), "Exportability")
    own, root = summary.arcs[1].exportability, svg(chart)
    bars, points = of_class(root, "interval"), of_class(root, "point")
    assert len(bars) == len(points) == len(own.value)
    # The axis is recovered from two points, and every bar must end at its bounds on it.
    y = [float(p.get("cy", "")) for p in points]
    first, last = 0, int(max(range(len(y)), key=lambda i: abs(y[i] - y[0])))
    unit = (y[last] - y[first]) / (own.value[last] - own.value[first])  # type: ignore[operator]
    for i, bar in enumerate(bars):
        for end, bound in (("y1", own.low[i]), ("y2", own.high[i])):
            expected = y[first] + (bound - own.value[first]) * unit  # type: ignore[operator]
            assert float(bar.get(end, "")) == pytest.approx(expected, abs=0.05)
        assert float(bar.get("x1", "")) == pytest.approx(float(points[i].get("cx", "")))


def test_an_interval_that_leaves_the_axis_ends_in_an_arrow(
    summary: Summary, changed: Callable[..., Summary]
) -> None:
    wide = summary.arcs[1].model_dump(mode="json")
    wide["exportability"]["high"][4] = 500.0
    chart = titled(figures(build_report(changed(arcs=[wide])), "arc-1"), "Exportability")
    root = svg(chart)
    assert len(of_class(root, "beyond")) == 1
    ends = [float(b.get("y2", "")) for b in of_class(root, "interval")]
    assert min(ends) >= 40.0 and "500" in titled({chart.title: chart}, "Exp").table.rows[4][2]


def test_what_cannot_be_determined_is_hatched_and_said(summary: Summary, english: Report) -> None:
    found = figures(english, "arc-2")
    for start, matrix in (
        ("Stability:", summary.arcs[1].stability),
        ("Normalised", summary.arcs[1].normalised_effect),
    ):
        missing = sum(v is None for row in matrix.value for v in row)
        chart = titled(found, start)
        root = svg(chart)
        cells = [e for e in of_class(root, "undefined") if "cell" in (e.get("class") or "")]
        assert missing > 0 and len(cells) == missing
        # One more hatched box explains the others.
        assert len(of_class(root, "hatch")) == missing + 1
        assert sum(cell == "cannot be determined" for row in chart.table.rows for cell in row) == missing
        assert "None" not in "".join(chart.drawing.texts) and "nan" not in "".join(chart.drawing.texts)


def test_a_line_breaks_where_a_stage_has_no_figure(english: Report) -> None:
    root = svg(titled(figures(english, "arc-2"), "Stability over"))
    # Cosines to the first stage: two pieces around stage 2. Those to the stage before: one piece after it, since
    # before it there is a single point.
    assert len([e for e in of_class(root, "series") if e.tag == f"{SVG}polyline"]) == 4


def test_a_confirmed_window_is_shaded_over_its_stages_and_no_other_is(
    summary: Summary, english: Report
) -> None:
    for number, arc in enumerate(summary.arcs, start=1):
        found = figures(english, f"arc-{number}")
        for window in arc.windows:
            start = "Receptivity" if window.statistic == "receptivity" else "Intervention"
            chart = next((f for title, f in found.items() if title.startswith(start)), None)
            if chart is None:
                continue
            shaded = of_class(svg(chart), "window")
            assert len(shaded) == (window.verdict in ("confirmed", "candidate"))
            if shaded:
                assert ("unconfirmed" in (shaded[0].get("class") or "")) == (window.verdict == "candidate")
                x = [float(p.get("cx", "")) for p in of_class(svg(chart), "point")][: len(arc.stages)]
                left, width = (float(shaded[0].get(k, "")) for k in ("x", "width"))
                inside = [name for name, at in zip(arc.stages, x, strict=True) if left < at < left + width]
                assert (inside[0], inside[-1]) == (window.first_stage, window.last_stage)


def test_every_judgement_has_a_card_with_its_verdict_and_reasons(summary: Summary, english: Report) -> None:
    cards = [
        b for s in english.sections if s.id == "judgements" for b in s.blocks if isinstance(b, VerdictCard)
    ]
    judged = [(arc, window) for arc in summary.arcs for window in arc.windows]
    assert len(cards) == len(judged)
    for arc, window in judged:
        assert any(
            card.word == window.verdict
            and card.reasons == tuple(window.reasons)
            and arc.architecture in card.title
            for card in cards
        )


@pytest.mark.parametrize(
    ("verdicts", "starts"),
    [
        (["confirmed", "none"], "Yes"),
        (["candidate", "undecided"], "Perhaps"),
        (["none", "none"], "No:"),
        (["none", "undecided"], "It cannot be said"),
    ],
)
def test_the_answer_follows_from_the_verdicts_of_fine_tunes_without_a_plant(
    summary: Summary, changed: Callable[..., Summary], verdicts: list[str], starts: str
) -> None:
    arc = summary.arcs[1].model_dump(mode="json")
    windows = [{**w, "verdict": v, "word": None} for w, v in zip(arc["windows"], verdicts, strict=True)]
    # The planted arc beside it is confirmed; that must not count.
    own = {**arc, "arc": "natural", "windows": windows}
    lead = next(
        b
        for b in build_report(changed(arcs=[arc, own])).sections[0].blocks
        if isinstance(b, Paragraph) and b.kind == "lead"
    )
    assert lead.text.startswith(starts)


def test_a_late_rise_is_not_called_a_window(summary: Summary, changed: Callable[..., Summary]) -> None:
    arc = summary.arcs[1].model_dump(mode="json")
    late = [
        {**w, "verdict": "confirmed", "word": "late rise", "first_stage": "stage-08"} for w in arc["windows"]
    ]
    report = build_report(changed(arcs=[{**arc, "arc": "natural", "windows": late}]))
    texts = " ".join(report.texts)
    assert "There is no window, but a late rise" in texts and "confirmed window" not in texts


def test_a_planted_arc_that_the_rule_gets_wrong_is_told_on_the_first_screen(
    changed: Callable[..., Summary],
) -> None:
    first = build_report(changed(planted_window="none", planted_null="candidate")).sections[0]
    told = " ".join(b.text for b in first.blocks if isinstance(b, Paragraph))
    assert "the rule said none" in told and "it said candidate" in told


def test_gates_that_fail_or_cannot_be_told_are_marked(summary: Summary, english: Report) -> None:
    chart = titled(figures(english, "arc-2"), "Side effects")
    states = [gate.passed for stage in summary.arcs[1].gates for gate in stage]
    root = svg(chart)
    assert {True, False, None} == set(states)
    # One of each kind explains the others.
    assert len(of_class(root, "struck")) == states.count(False) + 1
    assert len(of_class(root, "undefined")) == states.count(None) + 1
    texts = [cell for row in chart.table.rows for cell in row[1:]]
    assert sum(", fail" in t for t in texts) == states.count(False)


def test_the_record_holds_every_hash_command_version_and_the_seconds(
    summary: Summary, english: Report
) -> None:
    shown = " ".join(english.texts)
    for digest in (summary.plan_hash, *summary.files.values()):
        assert digest in shown
    for locked in summary.runs_locked.values():
        assert all(digest in shown for digest in locked["stages"].values())
    session = summary.sessions[0]
    assert session["command"] in shown and f"torch {session['versions']['torch']}" in shown
    assert "1.74 s" in shown and all(caveat in shown for caveat in summary.caveats)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        assert not any(name.startswith("on") for name in given)
        assert not {"src", "xlink:href"} & given.keys()
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if "href" in given else []
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_stands_alone_and_is_well_formed(english: Report) -> None:
    page = render_html(english)
    seen = _Tags()
    seen.feed(page)
    assert seen.open == [] and not {"script", "link", "img", "iframe"} & set(seen.tags)
    assert set(seen.links) == {f"#{i}" for i in seen.ids if i != "answer"}
    assert "prefers-color-scheme:dark" in page and "@media print" in page
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org)", page)


def test_every_chart_has_a_reading_a_table_and_named_axes(summary: Summary) -> None:
    languages: tuple[Language, ...] = ("en", "ja")
    for language in languages:
        report = build_report(summary, language)
        charts = [b for s in report.sections for b in s.blocks if isinstance(b, Figure)]
        assert len(charts) > 90
        for chart in charts:
            assert chart.title and chart.reading.endswith((".", "。")) and chart.table.rows
            assert len(list(chart.drawing.texts)) > 5


def test_a_hostile_name_stays_text(changed: Callable[..., Summary], summary: Summary) -> None:
    evil = '</title><script>alert("x")</script>&amp;{0}{name}'
    arc = summary.arcs[1].model_dump(mode="json")
    arc = {**arc, "architecture": evil, "stages": [evil, *arc["stages"][1:]]}
    page = render_html(build_report(changed(name=evil, arcs=[arc], caveats=[evil])))
    seen = _Tags()
    seen.feed(page)
    assert "script" not in seen.tags and seen.open == []
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;amp;{0}{name}" in page
    # As one element, an SVG must survive it too.
    ElementTree.fromstring(re.search(r"<svg.*?</svg>", page, re.DOTALL)[0])  # type: ignore[index]


def test_labels_stay_inside_their_drawing(summary: Summary) -> None:
    languages: tuple[Language, ...] = ("en", "ja")
    for language in languages:
        for chart in _charts(build_report(summary, language)):
            for e in svg(chart).iter(f"{SVG}text"):
                x, y, size = (float(e.get(k, "")) for k in ("x", "y", "font-size"))
                # A turned label reaches less far, at 40 degrees three quarters.
                width = text_width(e.text or "", size) * (0.77 if e.get("transform") else 1.0)
                left = {None: x, "middle": x - width / 2, "end": x - width}[e.get("text-anchor")]
                # The estimate is generous, so a little over is not clipped.
                assert left > -0.1 * width - 2 and left + width < chart.drawing.width + 0.1 * width + 2, (
                    e.text
                )
                assert 0 < y <= chart.drawing.height, e.text


def test_the_same_summary_gives_the_same_page(summary: Summary) -> None:
    assert render_html(build_report(summary, "ja")) == render_html(build_report(summary, "ja"))


def _charts(report: Report) -> Iterator[Figure]:
    for section in report.sections:
        yield from (b for b in section.blocks if isinstance(b, Figure))


def test_tables_are_rectangular(english: Report) -> None:
    for section in english.sections:
        for block in section.blocks:
            table = block.table if isinstance(block, Figure) else block
            if isinstance(table, Table):
                assert {len(row) for row in table.rows} <= {len(table.columns)}
