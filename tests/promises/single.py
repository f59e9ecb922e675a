"""Measures one promise in this process: `python -m promises.single ROW PROFILE SEED RESULT_FILE`."""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
from pathlib import Path
from typing import cast

from promises.row import Profile, Row
from promises.table import promise_of


def measure(id: int, profile: Profile, seed: int) -> Row:
    """Runs the promise's module and takes the time."""
    module = importlib.import_module(f"promises.{promise_of(id).module}")
    begin = time.monotonic()
    row: Row = module.run(profile, seed)
    return row.taking(time.monotonic() - begin)


if __name__ == "__main__":
    # Warnings of what is done on purpose would bury the rows.
    logging.basicConfig(level=logging.ERROR)
    number, profile, seed, result = sys.argv[1:]
    row = measure(int(number), cast(Profile, profile), int(seed))
    Path(result).write_text(json.dumps(row.to_json(), allow_nan=False))
