"""Everything a plan names beside the runs: contrast set, items, neutral texts, lines; read, cut to size, checked."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from trimtab_vectors.evaluation.honesty import question_to_dict
from trimtab_vectors.evaluation.splits import DevItems, HeldOutItems
from trimtab_vectors.extraction import ContrastSet, ContrastSetError, read_contrast_set
from trimtab_vectors.study.items import (
    NeutralText,
    StudyItem,
    check_disjoint,
    limited,
    limited_texts,
    lines_for,
    read_items,
    read_texts,
)
from trimtab_vectors.study.plan import Line, PlanError, StudyPlan, canonical_json
from trimtab_vectors.study.runs import FileHashes


@dataclass(frozen=True)
class Material:
    """honest_lines, lying_lines: language -> its lines, in the plan's order. files: hash of every file read, by its
    path in the plan."""

    contrast: ContrastSet
    dev: tuple[StudyItem, ...]
    held_out: tuple[StudyItem, ...]
    neutral: tuple[StudyItem, ...]
    dev_texts: tuple[NeutralText, ...]
    held_out_texts: tuple[NeutralText, ...]
    honest_lines: dict[str, list[Line]]
    lying_lines: dict[str, list[Line]]
    files: dict[str, str]

    @cached_property
    def dev_items(self) -> DevItems:
        """The dev items as the type that alone may choose."""
        return DevItems(tuple(i.question for i in self.dev), tuple(i.fact for i in self.dev))

    @cached_property
    def held_out_items(self) -> HeldOutItems:
        """The held-out items as the type that reports, and refuses what was chosen on any of their facts."""
        questions, facts = tuple(i.question for i in self.held_out), tuple(i.fact for i in self.held_out)
        return HeldOutItems(questions, facts, self.dev_items.record)

    @property
    def clusters(self) -> tuple[str, ...]:
        """The fact of each held-out item."""
        return tuple(item.fact for item in self.held_out)


def read_material(plan: StudyPlan, folder: Path, hashes: FileHashes | None = None) -> Material:
    """Raises PlanError for a file that is missing, wrong or shares facts with another that it may not."""
    own = hashes or FileHashes()
    named = {
        "vectors.contrast_set": plan.vectors.contrast_set,
        "items.dev": plan.items.dev,
        "items.held_out": plan.items.held_out,
        "items.neutral": plan.items.neutral,
        "texts.dev": plan.texts.dev,
        "texts.held_out": plan.texts.held_out,
    }
    for key, name in named.items():
        if not (folder / name).is_file():
            raise PlanError(f"{key}: there is no file {name} in {folder}")
    try:
        contrast = read_contrast_set(folder / plan.vectors.contrast_set)
    except ContrastSetError as error:
        raise PlanError(f"vectors.contrast_set: {plan.vectors.contrast_set}: {error}") from error
    dev, held_out = read_items(folder / plan.items.dev), read_items(folder / plan.items.held_out)
    check_disjoint(dev, held_out, contrast)
    texts = [read_texts(folder / name) for name in (plan.texts.dev, plan.texts.held_out)]
    if not {(t.prompt, t.text) for t in texts[0]}.isdisjoint((t.prompt, t.text) for t in texts[1]):
        raise PlanError("texts: the dev file and the held-out file share texts; keep them apart")
    asked = (*dev, *held_out)
    return Material(
        contrast=contrast,
        dev=tuple(limited(dev, plan.items.dev_limit, plan.seed)),
        held_out=tuple(limited(held_out, plan.items.held_out_limit, plan.seed)),
        neutral=tuple(limited(read_items(folder / plan.items.neutral), plan.items.neutral_limit, plan.seed)),
        dev_texts=tuple(limited_texts(texts[0], plan.texts.dev_limit, plan.seed)),
        held_out_texts=tuple(limited_texts(texts[1], plan.texts.held_out_limit, plan.seed)),
        honest_lines=lines_for(asked, plan.prompts.honest, "prompts.honest"),
        lying_lines=lines_for(asked, plan.prompts.lying, "prompts.lying"),
        files={name: own.of(folder / name) for name in named.values()},
    )


def items_digest(items: Sequence[StudyItem]) -> str:
    """SHA-256 hex of items, in their order."""
    return _digest([[question_to_dict(i.question), i.fact, i.reply_prefix] for i in items])


def texts_digest(texts: Sequence[NeutralText]) -> str:
    """SHA-256 hex of neutral texts, in their order."""
    return _digest([[None if t.prompt is None else t.prompt.as_dict(), t.text] for t in texts])


def _digest(value: Any) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()
