"""docs/operators/roles.md says what the server does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from trimtab_server.api.limits import CONTROL
from trimtab_server.api.roles import GRANTS, Role

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("write_roles", ROOT / "packaging" / "write_roles.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_the_one_that_the_script_writes(script: ModuleType) -> None:
    assert script.FILE.read_text(encoding="utf-8") == script.page(), "run packaging/write_roles.py"


def test_each_row_of_the_page_is_the_grant_of_a_method() -> None:
    """Read back from the page itself, not from what wrote it."""
    page = (ROOT / "docs" / "operators" / "roles.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+/\w+)` \|(.*)\|$", page, re.MULTILINE)
    assert sorted(name for name, _ in rows) == sorted(GRANTS)
    for name, cells in rows:
        marks = [cell.strip() for cell in cells.split("|")]
        granted = {role for role, mark in zip(Role, marks, strict=False) if mark in ("yes", "own")}
        assert granted == GRANTS[name], name
        assert (marks[len(Role)] == "control") == (name in CONTROL), name


def test_the_notes_name_methods_that_exist(script: ModuleType) -> None:
    assert set(script._SOMETIMES) | set(script._ALWAYS) | {script._OWN} <= set(GRANTS)
