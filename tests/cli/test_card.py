"""`trimtab vectors card` on the shipped model: no server takes part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from trimtab_vectors.organism import shipped_model_dir

MODEL = shipped_model_dir()
CARD = ("vectors", "card", MODEL / "vectors" / "honesty.safetensors", "--model", MODEL)
SETTING = ("--strength", "0.35", "--layers", "1-2")


def test_a_card_finds_the_contrast_set_by_its_hash_and_is_written_in_both_forms(
    nowhere: Any, tmp_path: Path
) -> None:
    page = tmp_path / "card.html"
    record = nowhere.json(*CARD, *SETTING, "--out", page, "--language", "ja")
    assert record["extremes"]["separation"]["value"] > 0.9
    text = page.read_text(encoding="utf-8")
    assert '<html lang="ja">' in text and record["vector"]["id"] in text
    assert json.loads(json.dumps(record)) == record


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "STRENGTH_REQUIRED"),
        ((*SETTING, "--out", "card.pdf"), "end it in .html or .json"),
        ((*SETTING, "--sweep", MODEL / "settings.json"), "SWEEP_INVALID"),
        ((*SETTING, "--contrast", MODEL / "settings.json"), "CONTRAST_SET_INVALID"),
        (("--strength", "0.35", "--layers", "9"), "LAYER_OUT_OF_RANGE"),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(
    nowhere: Any, arguments: tuple[object, ...], said: str
) -> None:
    ran = nowhere(*CARD, *arguments)
    assert ran.exit_code == 1 and said in ran.err and "Traceback" not in ran.err
