"""`python -m trimtab_vectors.study.report DIR`: a study's report where the science extra is all there is.

`trimtab study report` does the same.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import cast

from trimtab_vectors.study.plan import StudyError
from trimtab_vectors.study.report.catalogue import LANGUAGES
from trimtab_vectors.study.report.document import Language
from trimtab_vectors.study.report.files import ReportFiles, write_report


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m trimtab_vectors.study.report", description="Write a study's report."
    )
    parser.add_argument("study", type=Path, metavar="DIR", help="the study's directory, with summary.json")
    parser.add_argument("--out", type=Path, help="the page; default DIR/report.html")
    parser.add_argument("--pdf", type=Path, help="the PDF; left out, none is written")
    parser.add_argument("--language", choices=LANGUAGES, default="en")
    parser.add_argument("--font", type=Path, help="font for the PDF, with Japanese characters")
    given = parser.parse_args()
    files = ReportFiles.of(given.study, given.out, given.pdf)
    try:
        written = write_report(given.study, files, cast(Language, given.language), given.font)
    except (StudyError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")
    print(json.dumps({name: str(path) for name, path in written.items()}, ensure_ascii=False))


if __name__ == "__main__":
    main()
