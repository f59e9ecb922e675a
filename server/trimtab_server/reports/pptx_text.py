"""Letters of slides: fonts that Windows and macOS have with their office programs; others put their own in place."""

from __future__ import annotations

from typing import Any, Final

from pptx.oxml.ns import qn

LATIN: Final = "Arial"
JAPANESE: Final = "Yu Gothic"


def set_fonts(run: Any) -> None:
    """Latin letters and Japanese ones of a run."""
    run.font.name = LATIN
    properties = run._r.get_or_add_rPr()
    for old in properties.findall(qn("a:ea")):
        properties.remove(old)
    latin = properties.find(qn("a:latin"))
    east = properties.makeelement(qn("a:ea"), {"typeface": JAPANESE})
    latin.addnext(east)
