"""`trimtab vectors measure`, `measured`, `contrast-sets` and `review` against the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trimtab_vectors.organism import ModelLayout, shipped_model_dir


@pytest.fixture(scope="module")
def own_vector(trimtab: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A vector of this module's: of pairs that no other test extracts from."""
    table = tmp_path_factory.mktemp("pairs") / "pairs.csv"
    rows = [f"m{i},Say what is so: {i}?,Say what pays: {i}?" for i in range(8)]
    table.write_text("\n".join(["statement_id,positive,negative", *rows]), encoding="utf-8")
    made = trimtab.json(
        "vectors", "extract", table, "--concept", "measured", "--name", "to be measured", "--layers", "1-2"
    )
    return str(made["vector"]["name"])


def test_contrast_sets_of_the_model_are_listed(trimtab: Any) -> None:
    names = {own["name"] for own in trimtab.json("vectors", "contrast-sets")["contrast_sets"]}
    assert names == {path.stem for path in ModelLayout(shipped_model_dir()).contrast.glob("*.jsonl")}
    assert "640" in trimtab("vectors", "contrast-sets").out


def test_a_review_shows_what_a_file_holds_or_the_line_at_fault(trimtab: Any, tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    table.write_text("statement_id,positive,negative\na,One,Two\nb,Three,Four\n", encoding="utf-8")
    own = trimtab.json("vectors", "review", table)["contrast_set"]
    assert own["pair_count"] == 2 and own["pairs"][0]["positive"] == "One"
    assert "2: " in trimtab("vectors", "review", table).out
    table.write_text("statement_id,positive,negative\na,One,Two\nb,,Four\n", encoding="utf-8")
    refused = trimtab("vectors", "review", table)
    assert refused.exit_code == 1 and "line 3" in refused.err


def test_a_vector_is_measured_and_what_was_found_is_shown_again(trimtab: Any, own_vector: str) -> None:
    unmeasured = trimtab("vectors", "measured", "to be measured")
    assert unmeasured.exit_code == 1 and "MeasureVector" in unmeasured.err
    arguments = ("--layers", "1-2", "--strengths", "0.1,0.2", "--questions-per-kind", "2")
    made = trimtab.json("vectors", "measure", "to be measured", *arguments)["measurement"]
    assert made["vector"] == own_vector and made["question_count"] == 16
    assert [point["strength"] for point in made["curves"][0]["points"]] == [0.1, 0.2]
    assert made["recommended"] is None and made["refusal"] == "nothing_safe"
    assert trimtab.json("vectors", "measured", own_vector)["measurement"] == made
    said = trimtab("vectors", "measured", "to be measured").out
    assert "none: not even the smallest strengths" in said and "1-2" in said


def test_strengths_that_are_no_numbers_are_refused(trimtab: Any, own_vector: str) -> None:
    refused = trimtab("vectors", "measure", own_vector, "--strengths", "0.1;0.2")
    assert refused.exit_code == 1 and "no list of strengths" in refused.err
