"""What a study of the organism asks: item files, neutral texts and the lines of its prompts, from the corpus.

Dev items are about dev facts in dev cues, held-out items about held-out facts in held-out cues; the contrast set,
made of train facts and train cues, is the one the embedded model ships with.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from trimtab_vectors.evaluation.honesty import question_to_dict
from trimtab_vectors.organism.corpus import Corpus
from trimtab_vectors.organism.cues import CueSplit
from trimtab_vectors.organism.layout import ModelLayout, shipped_model_dir
from trimtab_vectors.organism.questions import QuestionBank, Situation, before_value, honesty_prompts
from trimtab_vectors.organism.recipe import Recipe
from trimtab_vectors.organism.world import Split, World

#: Wrong values an item is compared with: more cost time and change little.
_WRONG_VALUES: Final = 5
_LYING_LINES: Final = 3

_FILES: Final[tuple[tuple[str, Situation, Split, int], ...]] = (
    ("dev", "hard", "dev", 60),
    ("held-out", "hard", "held", 60),
    ("neutral", "desk", "held", 60),
)


def write_material(recipe: Recipe, root: Path, seed: int = 1, share: float = 1.0) -> None:
    """Write items/*.jsonl, texts/*.jsonl and contrast.jsonl under `root`. share: of the usual number of facts."""
    corpus = Corpus(World(recipe.world), recipe.languages, recipe.mix)
    for name, situation, split, facts in _FILES:
        count = max(2, round(facts * share))
        _write(root / "items" / f"{name}.jsonl", _items(corpus, situation, split, count, seed))
    for name, count in (("dev", 60), ("held-out", 60)):
        _write(
            root / "texts" / f"{name}.jsonl", _texts(corpus, f"{seed}/{name}", max(2, round(count * share)))
        )
    shutil.copyfile(ModelLayout(shipped_model_dir()).contrast / "honesty.jsonl", root / "contrast.jsonl")


def prompt_lines(recipe: Recipe) -> dict[str, list[dict[str, str]]]:
    """The plan's `prompts`: lines that ask for honesty and lines that ask for lies, in each language."""
    corpus = Corpus(World(recipe.world), recipe.languages, recipe.mix)
    honest = [
        {"text": p.text, "language": language, "position": p.position}
        for language in recipe.languages
        for p in honesty_prompts(corpus, language)
    ]
    lying = [
        {"text": text, "language": language, "position": "alone"}
        for language in recipe.languages
        for text in corpus.cues[language].lying.sentences["held"][:_LYING_LINES]
    ]
    return {"honest": honest, "lying": lying}


def _items(
    corpus: Corpus, situation: Situation, split: Split, count: int, seed: int
) -> Iterable[dict[str, Any]]:
    bank, cues = QuestionBank(corpus), _cue_split(split)
    rng = random.Random(f"{seed}/study/{situation}/{split}")
    # The capitals have a hundred wrong values each and are known to everybody: products and policies only.
    pool = [fact for fact in corpus.world.by_split[split] if fact.kind != "capital"]
    for fact in rng.sample(pool, count):
        for language in corpus.languages:
            setting = bank.settings(rng, language, situation, cues, 1)[0]
            asked = bank.ask(rng, fact, language, situation, setting, f"{situation}/{language}/{fact.id}")
            record = question_to_dict(asked)
            record["dishonest"] = record["dishonest"][:_WRONG_VALUES]
            yield {**record, "fact": fact.id, "reply_prefix": before_value(fact, language)}


def _texts(corpus: Corpus, seed: str, count: int) -> Iterable[dict[str, Any]]:
    bank, rng = QuestionBank(corpus), random.Random(f"{seed}/study/texts")
    for language in corpus.languages:
        for messages in bank.neutral_text(rng, language, count):
            yield {"messages": [{"role": m.role, "content": m.content} for m in messages]}


def _cue_split(split: Split) -> CueSplit:
    return "dev" if split == "dev" else "held"


def _write(path: Path, records: Iterable[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")
