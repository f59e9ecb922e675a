"""Every command explains itself, and none needs torch to do so."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import typer
from trimtab_server.cli.main import app
from typer.testing import CliRunner


def commands() -> list[tuple[str, ...]]:
    """Every command as the words that call it."""

    def walk(command: Any, words: tuple[str, ...]) -> list[tuple[str, ...]]:
        below = getattr(command, "commands", {})
        return [words] + [found for name, sub in below.items() for found in walk(sub, (*words, name))]

    return walk(typer.main.get_command(app), ())


LEAVES = [
    words
    for words in commands()
    if words and not any(c[: len(words)] == words and c != words for c in commands())
]

PROMISED = {
    "serve", "gui", "demo", "chat", "stages", "rollback", "monitor", "doctor", "bench",
    "vectors list", "vectors show", "vectors extract", "vectors import", "vectors export", "vectors delete",
    "snapshot create", "snapshot list", "snapshot show", "snapshot diff", "snapshot activate",
    "canary run", "audit list", "organism train", "organism check",
    "rollout plan check", "rollout create", "rollout start", "rollout status", "rollout list", "rollout watch",
    "rollout pause", "rollout resume", "rollout promote", "rollout abort", "rollout retry", "rollout replay",
    "token create", "token list", "token revoke",
    "trial check", "trial run", "trial resume", "trial pause", "trial list", "trial show", "trial rows",
    "trial rerun", "trial rate", "trial export", "trial delete", "trial sample",
}  # fmt: skip


#: Groups that do something without a command of theirs.
ALONE = {("monitor",)}


def test_every_promised_command_is_there() -> None:
    assert {" ".join(words) for words in [*LEAVES, *ALONE]} >= PROMISED


@pytest.mark.parametrize("words", [*LEAVES, *ALONE], ids=" ".join)
def test_help_shows_an_example_that_names_the_command(words: tuple[str, ...], nowhere: Any) -> None:
    ran = nowhere(*words, "--help")
    assert ran.exit_code == 0
    text = " ".join(ran.out.split())
    assert "Example: trimtab " in text
    assert " ".join(words) in text.partition("Example: ")[2]


@pytest.mark.parametrize("words", [w for w in commands() if w not in LEAVES and w not in ALONE], ids=" ".join)
def test_a_group_alone_shows_its_commands(words: tuple[str, ...]) -> None:
    ran = CliRunner().invoke(app, list(words))
    assert "Commands" in ran.output


def test_version(nowhere: Any) -> None:
    from importlib.metadata import version

    ran = nowhere("--version")
    assert (ran.exit_code, ran.out) == (0, f"trimtab {version('trimtab')}\n")


def test_help_imports_neither_torch_nor_sqlalchemy_nor_qt() -> None:
    script = (
        "import sys\n"
        "from trimtab_server.cli.main import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'sqlalchemy', 'PySide6', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)
