"""The operators' guides name commands and options that exist, files that are there, and a plan that is one."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from trimtab_server.cli.main import app

DOCS = sorted((Path(__file__).parents[2] / "docs/operators").glob("*.md"))
ROOT = typer.main.get_command(app)


def commands(text: str) -> list[str]:
    """Every `trimtab ...`, in blocks and in lines, without what a shell adds."""
    blocks = re.findall(r"^```(?:sh|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    block_lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    inline = re.findall(
        r"`(trimtab [^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    )
    found = [line for line in block_lines if re.match(r"(?:\S*/)?trimtab ", line)] + inline
    return [re.split(r"\s+#\s|\s2>|\s&$|\s\|\s", " ".join(line.split()))[0] for line in found]


CASES = [(path.name, command) for path in DOCS for command in commands(path.read_text())]


def fault(words: list[str]) -> str:
    """What of the command line does not exist; "" if all of it does."""
    command: Any = ROOT
    while words:
        word = words.pop(0)
        options = {
            name: option for option in command.params for name in (*option.opts, *option.secondary_opts)
        }
        if word.startswith("--"):
            option = options.get(word.partition("=")[0])
            if word != "--help" and option is None:
                return f"{command.name} has no {word}"
            if option is not None and not option.is_flag and "=" not in word and words:
                words.pop(0)
        elif hasattr(command, "commands"):
            # A guide may name several at once: `trimtab concept list|protect`.
            for name in word.split("|"):
                if name not in command.commands:
                    return f"{command.name} has no command {name}"
            command = command.commands[word.partition("|")[0]]
    return ""


def test_the_guides_are_found() -> None:
    assert {"rollout.md", "runbook.md", "alerts.md", "metrics.md", "start.md"} <= {path.name for path in DOCS}
    assert len(CASES) > 60


@pytest.mark.parametrize(("guide", "command"), CASES, ids=[f"{g}: {c}" for g, c in CASES])
def test_a_command_in_a_guide_exists_with_its_options(guide: str, command: str) -> None:
    assert fault(shlex.split(command)[1:]) == ""


def test_a_command_that_does_not_exist_would_be_found() -> None:
    assert fault(["rollout", "undo"]) == "rollout has no command undo"
    assert fault(["rollout", "abort", "--because", "x"]) == "abort has no --because"
    assert fault(["--data-dir", "d", "rollback", "--offline", "--reason", "x"]) == ""


def test_links_between_the_guides_lead_somewhere() -> None:
    for path in DOCS:
        for link in re.findall(r"\]\(([^)]+)\)", path.read_text()):
            name, _, section = link.partition("#")
            if link.startswith("http"):
                continue
            target = (path.parent / name).resolve() if name else path
            assert target.exists(), f"{path.name}: {link}"
            if section:
                titles = re.findall(r"^#+ (.+)$", target.read_text(), re.MULTILINE)
                slugs = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
                assert section in slugs, f"{path.name}: {link}"


def test_the_plan_beside_the_guide_is_one(nowhere: Any) -> None:
    plan = DOCS[0].parent / "plan.yaml"
    checked = nowhere.json("rollout", "plan", "check", plan, "--replies-per-day", 5000)
    assert len(checked["plan"]["steps"]) == 4
