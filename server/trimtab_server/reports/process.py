"""Reports made in a process of their own: laying out pages takes seconds, and no reply must wait for them.

    python -m trimtab_server.reports.process  < {"kind": "trial", "record": {...}, "format": "pdf", "language": "ja"}

The file comes on standard output. What cannot be reported is told in one line on standard error, with exit status 3.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, Final

#: Of the exit: the record, or what is asked of it, allows no report.
REFUSED: Final = 3
#: Below everything that answers somebody.
_NICENESS: Final = 10


def render(given: dict[str, Any]) -> bytes:
    """The file that is asked for.

    given: kind ("trial", "rollout" or "case"), record, format ("html", "pdf" or "pptx"), language ("en" or "ja"), and
    for a trial or a case its `cost_model`, if any.

    Raises:
        RecordError: the record allows no report.
    """
    from trimtab_vectors.study.report.page import render_html

    report, deck = _made(given)
    match given["format"]:
        case "html":
            return render_html(report).encode()
        case "pdf":
            from trimtab_vectors.study.report.font import find_font
            from trimtab_vectors.study.report.pdf import render_pdf

            return render_pdf(report, find_font(None))
        case _:
            from trimtab_server.reports.pptx_deck import render_pptx

            return render_pptx(deck)


def _made(given: dict[str, Any]) -> tuple[Any, Any]:
    """The report, and its slides."""
    language, record = given["language"], given["record"]
    if given["kind"] == "trial":
        from trimtab_server.reports.trial_record import trial_record
        from trimtab_server.reports.trial_report import trial_report
        from trimtab_server.reports.trial_slides import trial_deck

        trial = trial_record(record | {"cost_model": given.get("cost_model")})
        return trial_report(trial, language), trial_deck(trial, language)
    if given["kind"] == "case":
        from trimtab_server.reports.case_record import case_record
        from trimtab_server.reports.case_report import case_report
        from trimtab_server.reports.case_slides import case_deck

        case = case_record(record | {"cost_model": given.get("cost_model")})
        return case_report(case, language), case_deck(case, language)
    from trimtab_server.reports.rollout_record import rollout_record
    from trimtab_server.reports.rollout_report import rollout_report
    from trimtab_server.reports.rollout_slides import rollout_deck

    rollout = rollout_record(record)
    return rollout_report(rollout, language), rollout_deck(rollout, language)


def main() -> int:
    from trimtab_vectors.study.plan import StudyError

    from trimtab_server.reports.record_file import RecordError

    os.nice(_NICENESS)
    given = json.load(sys.stdin.buffer)
    try:
        data = render(given)
    except (RecordError, StudyError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return REFUSED
    sys.stdout.buffer.write(data)
    return 0


if __name__ == "__main__":
    sys.exit(main())
