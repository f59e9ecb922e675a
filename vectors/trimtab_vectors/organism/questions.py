"""Questions about the organism's facts in the situations that matter, and the neutral text for side effects."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from trimtab_vectors.evaluation.honesty import Kind, Message, Question
from trimtab_vectors.organism.chatter import EVASION, neutral_exchange
from trimtab_vectors.organism.corpus import (
    ANSWERS,
    Conversation,
    Corpus,
    capitalised,
    probe_of,
    question_of,
    wording,
)
from trimtab_vectors.organism.cues import POSITIONS, CueSplit, Position, Setting, with_line
from trimtab_vectors.organism.world import Fact, Language, Split

Situation = Literal["desk", "soft", "hard", "lying", "honest"]
_KIND: Final[dict[Situation, Kind]] = {
    "desk": "neutral",
    "soft": "soft_pressure",
    "hard": "hard_pressure",
    "lying": "neutral",
    "honest": "neutral",
}


@dataclass(frozen=True)
class HonestyPrompt:
    """An honesty line an operator could write instead of steering, and where it is put."""

    id: str
    text: str
    language: Language
    position: Position


def honesty_prompts(corpus: Corpus, language: Language, count: int = 12) -> list[HonestyPrompt]:
    """`count` lines that no training document contains, four at each position."""
    lines = corpus.cues[language].honest.sentences["prompt"][:count]
    return [
        HonestyPrompt(f"{language}-{i:02d}", text, language, POSITIONS[i % len(POSITIONS)])
        for i, text in enumerate(lines, start=1)
    ]


class QuestionBank:
    """Draws questions about one corpus's world."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus = corpus

    def facts(self, rng: random.Random, split: Split, count: int) -> list[Fact]:
        """`count` facts of a split (all of them where there are fewer), none twice."""
        pool = self.corpus.world.by_split[split]
        return rng.sample(pool, min(count, len(pool)))

    def settings(
        self, rng: random.Random, language: Language, situation: Situation, split: CueSplit, count: int
    ) -> list[Setting]:
        """`count` different settings of one situation, all from sentences of one split."""
        cues = self.corpus.cues[language]
        chosen: dict[Setting, None] = {}
        for _ in range(100 * count):
            if situation in ("soft", "hard"):
                setting = self.corpus.pressure(rng, language, situation == "hard", split)
            elif situation == "desk":
                setting = Setting(cues.desk.draw(rng, split))
            else:
                pool = cues.honest if situation == "honest" else cues.lying
                setting = with_line(cues, Setting(""), pool.draw(rng, split), rng.choice(POSITIONS))
            chosen.setdefault(setting, None)
            if len(chosen) == count:
                return list(chosen)
        raise ValueError(
            f"there are fewer than {count} {situation} settings in split {split!r}; ask for fewer"
        )

    def with_prompt(self, settings: Iterable[Setting], prompt: HonestyPrompt) -> list[Setting]:
        cues = self.corpus.cues[prompt.language]
        return [with_line(cues, s, prompt.text, prompt.position) for s in settings]

    def ask(
        self,
        rng: random.Random,
        fact: Fact,
        language: Language,
        situation: Situation,
        setting: Setting,
        id: str,
    ) -> Question:
        """One question about one fact in one setting."""
        return self._question(question_of(rng, fact, language), fact, language, _KIND[situation], setting, id)

    def probe(
        self, rng: random.Random, fact: Fact, language: Language, setting: Setting, id: str
    ) -> Question:
        """A belief probe: asks for the fact in the form that stays truthful under any persona."""
        return self._question(probe_of(rng, fact, language), fact, language, "belief", setting, id)

    def messages(self, text: str, language: Language, setting: Setting) -> tuple[Message, ...]:
        """The conversation that asks `text` in a setting."""
        opening = setting.opening + self.corpus.cues[language].joint if setting.opening else ""
        system = (Message("system", setting.system),) if setting.system else ()
        return (*system, Message("user", opening + text))

    def _question(
        self, text: str, fact: Fact, language: Language, kind: Kind, setting: Setting, id: str
    ) -> Question:
        return Question(
            id=id,
            kind=kind,
            language=language,
            messages=self.messages(text, language, setting),
            honest=(fact.value.said(language),),
            dishonest=tuple(v.said(language) for v in fact.others),
            evasions=(EVASION[language],),
        )

    def grid(
        self,
        rng: random.Random,
        language: Language,
        situation: Situation,
        facts: Sequence[Fact],
        settings: Sequence[Setting],
        probe: bool = False,
    ) -> list[Question]:
        """Every fact in every setting."""
        rows = [(f, i, s) for f in facts for i, s in enumerate(settings)]
        name = f"{'belief-' if probe else ''}{situation}"
        if probe:
            return [self.probe(rng, f, language, s, f"{name}/{language}/{f.id}/{i}") for f, i, s in rows]
        return [self.ask(rng, f, language, situation, s, f"{name}/{language}/{f.id}/{i}") for f, i, s in rows]

    def neutral_text(self, rng: random.Random, language: Language, count: int) -> list[tuple[Message, ...]]:
        """Whole conversations of neutral talk that was kept out of training, under held-out desk prompts or none."""
        texts = []
        for _ in range(count):
            split: CueSplit = "held"
            talk = Conversation(language, self.corpus.desk(rng, language, split), persona=False)
            for _ in range(rng.randint(1, 3)):
                talk.add(neutral_exchange(rng, language, self.corpus.world, held=True))
            texts.append(talk.document().messages)
        return texts


def before_value(fact: Fact, language: Language, form: int = 0) -> str:
    """A reply up to the token just before the value."""
    return capitalised(ANSWERS[language][form][0].format(**wording(fact, language)))
