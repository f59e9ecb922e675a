"""A plan says everything beforehand, and what it cannot mean is refused by the key's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from trimtab_vectors.study import PlanError, open_study, read_plan

Write = Callable[[str, str], Path]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("seed = 3\n", "seed = 3\nsede = 4\n", "sede: unknown key"),
        ("strengths = [0.1, 0.2]", "strengths = [0.1, -0.2]", "dose.strengths.1"),
        ("strengths = [0.1, 0.2]", 'strengths = "0.1"', "dose.strengths"),
        ('choose = "dev"', 'choose = "fixed"', "hold one entry each"),
        ('choose = "dev"', 'choose = "dev"\ngrid = [0.0, 0.5, 1.0]', "dose.grid"),
        ("random_vectors = 20", "random_vectors = 5", "controls.random_vectors"),
        ('why_fewer = "a test of the machinery"', "", "why_fewer"),
        ("layers = [[0], [0, 1]]", "layers = [[]]", "vectors.layers.0"),
        ('directory = "run-1"', 'directory = "run-*"', "runs.0"),
        ('position = "alone"', 'position = "below"', "prompts.lying.0.position"),
        ('statistics = ["receptivity", "lag"]', 'statistics = ["lag"]\nplanted = "receptivity"', "window"),
        ('name = "tiny"', "name = tiny", "no TOML"),
    ],
)
def test_a_plan_that_cannot_work_is_refused_by_the_name_of_its_key(
    plan_file: Write, old: str, new: str, told: str
) -> None:
    with pytest.raises(PlanError, match=told):
        read_plan(plan_file(old, new))


def test_the_hash_is_of_what_a_plan_says_and_not_of_how_it_is_written(plan_file: Write) -> None:
    plain = read_plan(plan_file("seed = 3\n", "seed = 3\n"))
    assert read_plan(plan_file("seed = 3\n", "# a remark\nseed   =   3\n")).hash == plain.hash
    assert read_plan(plan_file("shuffled = 1", "shuffled = 1\nrandom_doses = 'grid'")).hash == plain.hash
    assert read_plan(plan_file("seed = 3\n", "seed = 4\n")).hash != plain.hash
    assert read_plan(plan_file("[0.1, 0.2]", "[0.1, 0.25]")).hash != plain.hash


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('directory = "run-2"', 'directory = "run-9"', "runs.1.directory: nothing matches"),
        ('directory = "run-2"', 'directory = "items"', "is no model directory"),
        ('twins = "twins.json"', 'stages = ["stage-00", "stage-77"]', "has no stage-77"),
        ('twins = "twins.json"', 'stages = ["stage-02", "stage-00"]', "in the order of fine-tuning"),
        ('twins = "twins.json"', 'twins = "others.json"', "runs.0.twins"),
        ('directory = "run-2"\n', 'directory = "run-1"\n', "runs: .* are both"),
        ('role = "discovery"', 'role = "confirmation"', "no discovery run"),
        (
            'held_out = "items/held-out.jsonl"',
            'held_out = "items/dev.jsonl"',
            "in the dev file and in the held-out",
        ),
        (
            'neutral = "items/neutral.jsonl"',
            'neutral = "items/none.jsonl"',
            "items.neutral: there is no file",
        ),
        ('held_out = "texts/held-out.jsonl"', 'held_out = "texts/dev.jsonl"', "share texts"),
        (
            'language = "ja"\n[[prompts.lying]]',
            'language = "fr"\n[[prompts.lying]]',
            "prompts.honest: no line for ja",
        ),
    ],
)
def test_what_a_plan_names_is_checked_before_any_work(
    plan_file: Write, old: str, new: str, told: str, tmp_path: Path
) -> None:
    if "run-1" in new:
        new += "seed = 1\n"
        old += 'architecture = "llama"\narc = "natural"\nrole = "confirmation"\nseed = 2\n'
        new += 'architecture = "llama"\narc = "natural"\nrole = "confirmation"\n'
    with pytest.raises(PlanError, match=told):
        open_study(plan_file(old, new), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_wildcards_take_each_run_with_the_seed_its_directory_ends_with(
    plan_file: Write, tmp_path: Path
) -> None:
    text = 'directory = "run-2"\narchitecture = "llama"\narc = "natural"\nrole = "confirmation"\nseed = 2'
    wild = 'directory = "run-[2-9]"\narchitecture = "llama"\narc = "natural"\nrole = "confirmation"'
    runs = open_study(plan_file(text, wild), tmp_path).runs
    assert [run.name for run in runs] == ["llama/natural/seed-1", "llama/natural/seed-2"]
