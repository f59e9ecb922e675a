"""The report as one HTML file: nothing is fetched and nothing runs."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from trimtab_vectors.study.report.document import (
    Block,
    Bullets,
    Figure,
    Paragraph,
    Report,
    Section,
    Table,
    VerdictCard,
)
from trimtab_vectors.study.report.palette import DARK, LIGHT
from trimtab_vectors.study.report.style import STYLE
from trimtab_vectors.study.report.svg import to_svg


def render_html(report: Report) -> str:
    """A whole document. The same report gives the same text."""
    first, *others = report.sections
    contents = "".join(f'<li><a href="#{s.id}">{escape(s.title)}</a></li>' for s in others)
    return (
        f'<!doctype html>\n<html lang="{report.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(report.title)}</title><style>{_colours()}{STYLE}</style></head><body><main>\n"
        f'<header><h1>{escape(report.title)}</h1><p class="soft">{escape(report.subtitle)}</p></header>\n'
        f"{_section(first)}<nav><h2>{escape(report.contents)}</h2><ol>{contents}</ol></nav>\n"
        f"{''.join(_section(s) for s in others)}</main></body></html>\n"
    )


def _section(section: Section) -> str:
    body = "".join(_block(block) for block in section.blocks)
    return f'<section id="{escape(section.id)}"><h2>{escape(section.title)}</h2>{body}</section>\n'


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            return f'<p class="{block.kind}">{escape(block.text)}</p>'
        case Bullets():
            return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in block.items)}</ul>"
        case Table():
            return _table(block)
        case VerdictCard():
            return _card(block)
        case Figure():
            return (
                f"<figure><h3>{escape(block.title)}</h3>{to_svg(block.drawing)}"
                f"<figcaption>{escape(block.reading)}</figcaption>"
                f"<details><summary>{escape(block.table_title)}</summary>{_table(block.table)}</details></figure>"
            )


def _card(card: VerdictCard) -> str:
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in card.reasons)
    return (
        f'<article class="card {card.tone}"><h3>{escape(card.title)}</h3><p><strong class="verdict">'
        f"{escape(card.word)}</strong> {escape(card.sentence)}</p>"
        f"{f'<ul>{reasons}</ul>' if reasons else ''}</article>"
    )


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    rows = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in table.rows
    )
    kind = "words" if table.words else "figures"
    return f'<div class="table"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _colours() -> str:
    def variables(palette: Mapping[str, str]) -> str:
        return ";".join(f"--{name}:{colour}" for name, colour in palette.items())

    return (
        f":root{{color-scheme:light dark;{variables(LIGHT)}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{variables(DARK)}}}}}"
    )
