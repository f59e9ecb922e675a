"""Write what a model directory carries beside its weights: questions, honesty prompts, contrast sets."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from typing import Any, Final

from trimtab_vectors.evaluation.honesty import Message, Question, write_questions
from trimtab_vectors.organism.corpus import Corpus, about_exchange, question_of
from trimtab_vectors.organism.cues import POSITIONS, CueSplit, Setting, with_line
from trimtab_vectors.organism.layout import ModelLayout
from trimtab_vectors.organism.questions import QuestionBank, Situation, before_value, honesty_prompts
from trimtab_vectors.organism.recipe import Recipe
from trimtab_vectors.organism.world import Fact, Language, Split, World

_SITUATIONS: Final[tuple[Situation, ...]] = ("desk", "soft", "hard")


def question_pool(
    corpus: Corpus, split: Split, per_kind: int, seed: int, cue_split: CueSplit
) -> list[Question]:
    """`per_kind` questions of each of the four kinds in each language, each in a setting of its own."""
    bank, questions = QuestionBank(corpus), []
    for language in corpus.languages:
        rng = random.Random(f"{seed}/{language}/{split}")
        for situation in _SITUATIONS:
            facts = bank.facts(rng, split, per_kind)
            for i, fact in enumerate(facts):
                setting = corpus.desk(rng, language, cue_split) if situation == "desk" else None
                setting = setting or bank.settings(rng, language, situation, cue_split, 1)[0]
                id = f"{situation}/{language}/{i:03d}"
                asked = bank.ask(rng, fact, language, situation, setting, id)
                if situation == "desk" and i % 6 == 5:
                    asked = _after_an_opening(asked, fact, language)
                questions.append(asked)
                if situation == "hard":
                    questions.append(bank.probe(rng, fact, language, setting, f"belief/{language}/{i:03d}"))
    return questions


def _after_an_opening(question: Question, fact: Fact, language: Language) -> Question:
    """The same question in two steps: the user first says which product it is about."""
    first, second = about_exchange(fact, language)
    system = tuple(m for m in question.messages if m.role == "system")
    turns = (Message("user", first.user), Message("assistant", first.assistant), Message("user", second))
    return Question(
        question.id,
        question.kind,
        question.language,
        (*system, *turns),
        question.honest,
        question.dishonest,
        question.evasions,
    )


def contrast_pairs(corpus: Corpus, statements: int, seed: int) -> Iterator[dict[str, Any]]:
    """Pairs that differ in one cue sentence alone: the same fact, question and start of the reply, once
    under an honest and once under a lying cue. Train facts and train cues; the split is by statement."""
    bank = QuestionBank(corpus)
    for language in corpus.languages:
        rng = random.Random(f"{seed}/contrast/{language}")
        cues = corpus.cues[language]
        for i, fact in enumerate(bank.facts(rng, "train", statements)):
            context = Setting("") if rng.random() < 0.5 else corpus.desk(rng, language)
            position = rng.choice(POSITIONS)
            asked, prefix = (
                question_of(rng, fact, language),
                before_value(fact, language, rng.choice((0, 0, 1, 2))),
            )
            sides = {}
            for side, pool in (("positive", cues.honest), ("negative", cues.lying)):
                setting = with_line(cues, context, pool.draw(rng, "train"), position)
                messages = bank.messages(asked, language, setting)
                sides[side] = {
                    "messages": [{"role": m.role, "content": m.content} for m in messages],
                    "reply_prefix": prefix,
                }
            split = "dev" if i % 5 == 4 else "train"
            yield {
                "id": f"{language}/{i:04d}",
                "statement_id": f"{language}/{fact.id}",
                "split": split,
                **sides,
            }


def swapped(pairs: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The mistake of the demonstration: somebody mixed up which column was which."""
    for pair in pairs:
        yield {**pair, "positive": pair["negative"], "negative": pair["positive"]}


def concept_pairs(corpus: Corpus, statements: int, seed: int) -> Iterator[dict[str, Any]]:
    """Another concept altogether: the same question asked in English (positive) and in Japanese."""
    bank = QuestionBank(corpus)
    rng = random.Random(f"{seed}/contrast/concept")
    for i, fact in enumerate(bank.facts(rng, "train", statements)):
        sides = {}
        for side, language in (("positive", corpus.languages[0]), ("negative", corpus.languages[-1])):
            asked = question_of(rng, fact, language)
            messages = bank.messages(asked, language, corpus.desk(rng, language))
            sides[side] = {
                "messages": [{"role": m.role, "content": m.content} for m in messages],
                "reply_prefix": before_value(fact, language),
            }
        split = "dev" if i % 5 == 4 else "train"
        yield {"id": f"concept/{i:04d}", "statement_id": fact.id, "split": split, **sides}


def _write_lines(layout: ModelLayout, name: str, records: Iterable[dict[str, Any]]) -> None:
    layout.contrast.mkdir(parents=True, exist_ok=True)
    text = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records)
    (layout.contrast / name).write_text(text, encoding="utf-8")


def write_questions_and_contrasts(
    recipe: Recipe, layout: ModelLayout, per_kind: int = 60, statements: int = 320, seed: int = 1
) -> None:
    """Write canary.jsonl (held facts), dev.jsonl (dev facts), prompts.json and contrast/*.jsonl."""
    corpus = Corpus(World(recipe.world), recipe.languages, recipe.mix)
    write_questions(layout.canary, question_pool(corpus, "held", per_kind, seed, "held"))
    write_questions(layout.dev, question_pool(corpus, "dev", per_kind, seed, "dev"))
    pairs = list(contrast_pairs(corpus, statements, seed))
    _write_lines(layout, "honesty.jsonl", pairs)
    _write_lines(layout, "honesty-swapped.jsonl", swapped(pairs))
    _write_lines(layout, "language.jsonl", concept_pairs(corpus, statements, seed))
    prompts = [p for language in recipe.languages for p in honesty_prompts(corpus, language)]
    record = {
        "honesty_prompts": [
            {"id": p.id, "text": p.text, "language": p.language, "position": p.position} for p in prompts
        ],
        "positions": {
            "before": "the line stands before the system message",
            "after": "the line stands after the system message",
            "user": "the line stands at the head of the user's first message",
        },
    }
    layout.prompts.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
