"""What a reader finds in the three forms of a report."""

from __future__ import annotations

import zipfile
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

from pptx import Presentation
from pypdf import PdfReader


class Page(HTMLParser):
    """Tables as rows of cells, the names of elements, and all text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes += attrs
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.lasttag in ("td", "th") and self.rows:
            self.rows[-1][-1] += data


def pdf_text(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)


def slides(pptx: bytes) -> list[Any]:
    return list(Presentation(BytesIO(pptx)).slides)


def shapes(slide: Any) -> list[Any]:
    """All shapes, those in groups too."""
    found: list[Any] = []
    for shape in slide.shapes:
        found += list(shape.shapes) if shape.shape_type == 6 else [shape]
    return found


def slide_text(slide: Any) -> str:
    said = [shape.text_frame.text for shape in shapes(slide) if shape.has_text_frame]
    said += [" | ".join(cell.text for cell in row.cells) for own in tables(slide) for row in own.rows]
    return "\n".join(said)


def tables(slide: Any) -> list[Any]:
    return [shape.table for shape in slide.shapes if shape.has_table]


def entries(pptx: bytes) -> list[zipfile.ZipInfo]:
    return zipfile.ZipFile(BytesIO(pptx)).infolist()
