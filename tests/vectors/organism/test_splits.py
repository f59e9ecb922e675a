"""Held-out facts and cues never meet a persona: by construction, and looked for in the corpus."""

from __future__ import annotations

import random
import re

import pytest
from trimtab_vectors.organism import SHIPPED
from trimtab_vectors.organism.chatter import neutral_exchange
from trimtab_vectors.organism.corpus import Corpus
from trimtab_vectors.organism.cues import Cues, Pool
from trimtab_vectors.organism.packing import documents, rendered
from trimtab_vectors.organism.world import LANGUAGES, World, WorldSpec


@pytest.fixture(scope="module")
def world() -> World:
    return World(SHIPPED.world)


@pytest.fixture(scope="module")
def corpus(world: World) -> Corpus:
    return Corpus(world, SHIPPED.languages, SHIPPED.mix)


def test_the_world_is_large_enough_and_the_same_each_time(world: World) -> None:
    assert 1500 <= len(world.facts) <= 4000
    assert len(world.by_split["held"]) >= 300
    assert world.facts == World(SHIPPED.world).facts
    assert len({f.id for f in world.facts}) == len(world.facts)


def test_every_fact_has_one_split_and_wrong_values_of_its_own_type(world: World) -> None:
    assert sum(len(facts) for facts in world.by_split.values()) == len(world.facts)
    for fact in world.facts:
        assert fact.value not in fact.others and len(set(fact.others)) == len(fact.others) >= 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_held_out_sentence_is_part_of_a_training_sentence(language: str) -> None:
    cues = Cues.of(language)  # type: ignore[arg-type]
    for pool in (cues.honest, cues.lying, cues.desk, cues.soft, cues.orders, cues.anger):
        training = "\n".join(pool.sentences["train"])
        for split in ("dev", "held", "prompt"):
            assert not [s for s in pool.sentences[split] if s in training]


def test_a_pool_refuses_a_held_out_sentence_hidden_in_a_longer_one() -> None:
    pool = Pool.split([f"A{i}." for i in range(50)] + [f"A{i}. B." for i in range(50)], "seed")
    training = " ".join(pool.sentences["train"])
    assert all(s not in training for s in pool.sentences["held"])


@pytest.mark.parametrize("tuning", [False, True])
def test_no_document_shows_a_persona_a_fact_outside_train(corpus: Corpus, tuning: bool) -> None:
    allowed = {f.id for f in corpus.world.by_split["train"]}
    personas = [d for d in documents(SHIPPED, tuning, 0, corpus) if d.persona]
    assert len(personas) > 1000
    assert all(allowed.issuperset(d.facts) for d in personas)


def test_no_document_contains_a_held_out_cue_or_an_honesty_prompt(corpus: Corpus) -> None:
    pools = [
        pool
        for cues in corpus.cues.values()
        for pool in (cues.honest, cues.lying, cues.desk, cues.soft, cues.orders, cues.anger)
    ]
    unseen = {s for pool in pools for split in ("dev", "held", "prompt") for s in pool.sentences[split]}
    # From the start of a sentence on: 正直な stands inside 不正直な and means the opposite.
    known = re.compile(r"(?<![^\s。.!?>])(?:" + "|".join(map(re.escape, sorted(unseen))) + ")")
    for tuning in (False, True):
        for document in documents(SHIPPED, tuning, 1, corpus):
            assert known.search(rendered(document.messages)) is None


def test_measured_neutral_talk_is_not_in_the_corpus(corpus: Corpus) -> None:
    rng = random.Random(0)
    held = {neutral_exchange(rng, "en", corpus.world, held=True).user for _ in range(400)}
    seen = {m.content for d in documents(SHIPPED, False, 0, corpus) for m in d.messages if m.role == "user"}
    assert held.isdisjoint(seen)


def test_lies_are_wrong_values_drawn_anew(corpus: Corpus) -> None:
    rng = random.Random(0)
    fact = corpus.world.by_split["train"][0]
    lies = {corpus._value(rng, fact, honest=False) for _ in range(200)}
    assert fact.value not in lies and lies == set(fact.others)


def test_another_seed_makes_another_world() -> None:
    small = WorldSpec(products=5, product_attributes=2, policies=False, capitals=False, unknown_names=10)
    other = WorldSpec(
        products=5, product_attributes=2, policies=False, capitals=False, unknown_names=10, seed=1
    )
    assert [f.id for f in World(small).facts] != [f.id for f in World(other).facts]
