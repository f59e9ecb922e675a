"""Every tampering with the audit shows, and nothing shows where nothing was done."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from trimtab_server.store import audit

from promises.audit import MUTATE, Kept, kept, missed
from promises.power import memory_folder

KINDS = len(MUTATE) + 2


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with memory_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def honest(folder: Path) -> Kept:
    return kept(folder, random.Random(5))


@pytest.mark.parametrize("kind", range(KINDS), ids=[*MUTATE, "export", "heads"])
def test_a_mutation_is_found(honest: Kept, folder: Path, kind: int) -> None:
    assert [said for n in range(25) if (said := missed(honest, kind + n * KINDS, folder))] == []


def test_an_honest_chain_is_whole(honest: Kept) -> None:
    checked = audit.verify_records(iter(honest.records), [head.witness for head in honest.heads])
    assert checked.ok
    assert checked.witnesses == len(honest.heads) >= 4


@pytest.mark.parametrize("kind", ["cut", "rewrite"])
def test_cut_and_rewrite_are_found_by_the_exported_heads_alone(honest: Kept, kind: str) -> None:
    mutated = MUTATE[kind](list(honest.records), random.Random(3))
    assert audit.verify_records(iter(mutated)).ok, "the heads would not be needed"
    assert not audit.verify_records(iter(mutated), [head.witness for head in honest.heads]).ok
