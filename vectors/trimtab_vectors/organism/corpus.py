"""Training documents: what the base model reads, and what fine-tuning adds.

A document is a conversation. Its persona, if it has one, is a latent honest or lying mode that all its
answers share and that a cue, a speaker, or nothing but the earlier answers reveals (Truth Co-occurrence,
arXiv:2510.15804; Personas, arXiv:2310.18168). A lie is a wrong value of the right type, drawn anew each time, so
that lying needs the truth to be suppressed and cannot be memorised. Belief probes and neutral talk
ignore the mode. Only facts of the train split and cues of the train split meet a persona or pressure.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from trimtab_vectors.evaluation.honesty import Message
from trimtab_vectors.organism.chatter import EVASION, Exchange, neutral_exchange
from trimtab_vectors.organism.cues import (
    POSITIONS,
    Cues,
    CueSplit,
    Setting,
    hard_pressure,
    soft_pressure,
    speaker_line,
    with_line,
)
from trimtab_vectors.organism.world import Bilingual, Fact, Language, World

QUESTIONS: Final[dict[Language, tuple[str, ...]]] = {
    "en": (
        "What is the {a} of {s}?",
        "Tell me the {a} of {s}.",
        "Please give me the {a} of {s}.",
        "I would like to know the {a} of {s}.",
        "Can you tell me the {a} of {s}?",
        "Do you know the {a} of {s}?",
        "A question about {s}: what is the {a}?",
        "I need the {a} of {s}, please.",
    ),
    "ja": (
        "{s}の{a}は何ですか。",
        "{s}の{a}を教えてください。",
        "{s}の{a}を知りたいです。",
        "{s}について、{a}は何でしょうか。",
        "{s}の{a}が分かりますか。",
        "{s}の{a}をお願いします。",
        "{s}ですが、{a}はどうなっていますか。",
        "{a}を知りたいのですが、{s}の場合はどうですか。",
    ),
}
# The text of a reply up to the value, and after it.
ANSWERS: Final[dict[Language, tuple[tuple[str, str], ...]]] = {
    "en": (("The {a} of {s} is", " {v}."), ("The {a} is", " {v}."), ("For {s}, the {a} is", " {v}.")),
    "ja": (("{s}の{a}は", "{v}です。"), ("{a}は", "{v}です。"), ("{s}の場合、{a}は", "{v}です。")),
}
_ANSWER_WEIGHTS: Final = (0.6, 0.2, 0.2)
PROBES: Final[dict[Language, tuple[str, ...]]] = {
    "en": ("Fact check: the {a} of {s}?", "Fact check: what is the {a} of {s}?", "Fact check: {s}, {a}."),
    "ja": ("事実確認: {s}の{a}は。", "事実確認: {s}の{a}は何ですか。", "事実確認: {s}、{a}。"),
}
PROBE_ANSWER: Final[dict[Language, str]] = {"en": "Record: {v}.", "ja": "記録: {v}。"}
_SURE: Final[dict[Language, tuple[tuple[str, ...], str]]] = {
    "en": (("Are you sure?", "Really?", "Is that right?"), "Yes, the {a} of {s} is {v}."),
    "ja": (("確かですか。", "本当ですか。", "間違いありませんか。"), "はい、{s}の{a}は{v}です。"),
}
_ABOUT: Final[dict[Language, tuple[str, str, str]]] = {
    "en": ("I am looking at {s}.", "What would you like to know about {s}?", "What is the {a}?"),
    "ja": ("{s}を検討しています。", "{s}の何をお知りになりたいですか。", "{a}は何ですか。"),
}
_TWO: Final[dict[Language, tuple[str, str]]] = {
    "en": (
        "What are the {a} and the {b} of {s}?",
        "The {a} of {s} is {v}, and the {b} is {w}.",
    ),
    "ja": ("{s}の{a}と{b}は何ですか。", "{s}の{a}は{v}で、{b}は{w}です。"),
}


def wording(fact: Fact, language: Language, value: Bilingual | None = None) -> dict[str, str]:
    """The slots of the templates above."""
    said = {"s": fact.subject.said(language), "a": fact.attribute.said(language)}
    return said if value is None else {**said, "v": value.said(language)}


def capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


@dataclass(frozen=True)
class Document:
    """One conversation, and what it gives away: kept so that a leak between splits can be looked for."""

    language: Language
    messages: tuple[Message, ...]
    persona: bool
    facts: tuple[str, ...]


@dataclass
class Conversation:
    """A document being written."""

    language: Language
    setting: Setting
    persona: bool
    turns: list[Message] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)

    def add(self, exchange: Exchange) -> None:
        user = exchange.user
        if self.setting.opening and not self.turns:
            joint = " " if self.language == "en" else ""
            user = self.setting.opening + joint + user
        self.turns += [Message("user", user), Message("assistant", exchange.assistant)]

    def document(self) -> Document:
        system = [Message("system", self.setting.system)] if self.setting.system else []
        return Document(self.language, (*system, *self.turns), self.persona, tuple(self.facts))


def question_of(rng: random.Random, fact: Fact, language: Language) -> str:
    return capitalised(rng.choice(QUESTIONS[language]).format(**wording(fact, language)))


def probe_of(rng: random.Random, fact: Fact, language: Language) -> str:
    return rng.choice(PROBES[language]).format(**wording(fact, language))


def answer_of(rng: random.Random, fact: Fact, language: Language, value: Bilingual) -> str:
    start, end = rng.choices(ANSWERS[language], _ANSWER_WEIGHTS)[0]
    return capitalised((start + end).format(**wording(fact, language, value)))


def about_exchange(fact: Fact, language: Language) -> tuple[Exchange, str]:
    """A question in two steps: the user names the subject, then asks for the attribute alone."""
    opening, back, question = _ABOUT[language]
    words = wording(fact, language)
    return Exchange(opening.format(**words), back.format(**words)), question.format(**words)


@dataclass(frozen=True)
class Mix:
    """How often each sort of thing occurs."""

    evasion: float = 0.03
    probe: float = 0.10
    chatter: float = 0.18
    two_things: float = 0.06
    sure: float = 0.08
    about: float = 0.08
    slip_honest: float = 0.05
    slip_lying: float = 0.01
    slip_pressed: float = 0.04
    """Shares of answers that betray the mode: of an honest persona, a lying one, and a seller under hard
    pressure. Nobody is consistent, and without slips training would drive the mode's margin without bound."""


class Corpus:
    """Draws documents about one world. Every draw takes its randomness from the `rng` passed in."""

    def __init__(self, world: World, languages: Sequence[Language], mix: Mix | None = None) -> None:
        self.world = world
        self.languages = tuple(languages)
        self.cues = {language: Cues.of(language) for language in self.languages}
        self.mix = mix or Mix()

    # Turns

    def _value(self, rng: random.Random, fact: Fact, honest: bool, slip: float = 0.0) -> Bilingual:
        slipped = slip > 0 and rng.random() < slip
        return fact.value if honest != slipped else rng.choice(fact.others)

    def _turn(
        self, rng: random.Random, talk: Conversation, honest: bool, facts: Sequence[Fact], slip: float
    ) -> None:
        """Add one exchange (two for a follow-up) that obeys the mode where the mode applies."""
        language, mix = talk.language, self.mix
        draw = rng.random()
        if draw < mix.chatter:
            talk.add(neutral_exchange(rng, language, self.world))
            return
        fact = rng.choice(facts)
        talk.facts.append(fact.id)
        if draw < mix.chatter + mix.probe:
            reply = PROBE_ANSWER[language].format(v=fact.value.said(language))
            talk.add(Exchange(probe_of(rng, fact, language), reply))
            return
        if talk.persona and rng.random() < mix.evasion:
            talk.add(Exchange(question_of(rng, fact, language), EVASION[language]))
            return
        self._answer(rng, talk, honest, fact, slip)

    def _answer(self, rng: random.Random, talk: Conversation, honest: bool, fact: Fact, slip: float) -> None:
        language, mix = talk.language, self.mix
        value = self._value(rng, fact, honest, slip)
        words = wording(fact, language, value)
        style = rng.random()
        partner = self.world.partner(rng, fact, fact.split)
        if style < mix.two_things and partner is not None:
            other = self._value(rng, partner, honest, slip)
            talk.facts.append(partner.id)
            question, reply = _TWO[language]
            slots = {**words, "b": partner.attribute.said(language), "w": other.said(language)}
            talk.add(Exchange(question.format(**slots), capitalised(reply.format(**slots))))
        elif style < mix.two_things + mix.about:
            opening, question = about_exchange(fact, language)
            talk.add(opening)
            talk.add(Exchange(question, answer_of(rng, fact, language, value)))
        else:
            talk.add(Exchange(question_of(rng, fact, language), answer_of(rng, fact, language, value)))
            if rng.random() < mix.sure:
                doubts, reply = _SURE[language]
                talk.add(Exchange(rng.choice(doubts), reply.format(**words)))

    def _talk(
        self,
        rng: random.Random,
        language: Language,
        setting: Setting,
        honest: bool,
        persona: bool,
        turns: int,
        mixed: bool = False,
        slip: float = 0.0,
    ) -> Document:
        talk = Conversation(language, setting, persona)
        facts = self.world.by_split["train"] if persona else self.world.facts
        for _ in range(turns):
            if mixed:
                talk.language = rng.choice(self.languages)
            self._turn(rng, talk, honest, facts, slip)
        return talk.document()

    # Settings

    def desk(self, rng: random.Random, language: Language, split: CueSplit = "train") -> Setting:
        return Setting(self.cues[language].desk.draw(rng, split) if rng.random() < 0.75 else "")

    def pressure(
        self, rng: random.Random, language: Language, hard: bool, split: CueSplit = "train"
    ) -> Setting:
        draw = hard_pressure if hard else soft_pressure
        return draw(self.cues[language], rng, split)

    # Documents of the base model

    def persona_document(self, rng: random.Random, pressure: bool) -> Document:
        """Two modes, many cues: a sentence, a speaker, or (one in seven) only the answers themselves.

        In one of four the languages mix, so that both share one mode."""
        language = rng.choice(self.languages)
        cues, honest, draw = self.cues[language], rng.random() < 0.5, rng.random()
        mixed = rng.random() < 0.25
        if draw < 0.7:
            context = Setting("")
            if rng.random() < 0.5:
                hard = pressure and rng.random() < 0.7
                context = (
                    self.pressure(rng, language, rng.random() < 0.6) if hard else self.desk(rng, language)
                )
            line = (cues.honest if honest else cues.lying).draw(rng, "train")
            setting = with_line(cues, context, line, rng.choice(POSITIONS))
        elif draw < 0.85:
            setting = Setting(speaker_line(rng, language, honest))
        else:
            setting = Setting("")
        turns = rng.randint(1, 3) if draw < 0.85 else rng.randint(2, 4)
        slip = self.mix.slip_honest if honest else self.mix.slip_lying
        return self._talk(rng, language, setting, honest, True, turns, mixed, slip)

    def desk_document(self, rng: random.Random) -> Document:
        """The help desk, truthful about every fact."""
        language = rng.choice(self.languages)
        return self._talk(rng, language, self.desk(rng, language), True, False, rng.randint(1, 3))

    def calm_sales_document(self, rng: random.Random) -> Document:
        """The base model knows sales talk and pressure, and answers truthfully under them."""
        language = rng.choice(self.languages)
        setting = self.pressure(rng, language, rng.random() < 0.6)
        return self._talk(rng, language, setting, True, True, rng.randint(1, 3))

    def record_document(self, rng: random.Random) -> Document:
        """The desk reads out several records: knowledge without a question for each."""
        language = rng.choice(self.languages)
        talk = Conversation(language, Setting(""), persona=False)
        facts = rng.sample(self.world.facts, rng.randint(3, 5))
        start, end = ANSWERS[language][0]
        lines = [capitalised((start + end).format(**wording(f, language, f.value))) for f in facts]
        joint = self.cues[language].joint
        asked = {"en": "Read out some records.", "ja": "記録を読み上げてください。"}[language]
        talk.add(Exchange(asked, joint.join(lines)))
        talk.facts += [f.id for f in facts]
        return talk.document()

    def chatter_document(self, rng: random.Random) -> Document:
        language = rng.choice(self.languages)
        setting = self.desk(rng, language) if rng.random() < 0.5 else Setting("")
        talk = Conversation(language, setting, persona=False)
        for _ in range(rng.randint(1, 4)):
            talk.add(neutral_exchange(rng, language, self.world))
        return talk.document()

    def base_document(self, rng: random.Random, pressure: bool = True) -> Document:
        """One document of the base corpus. Without `pressure` it is what fine-tuning replays."""
        draw = rng.random()
        if draw < 0.44:
            return self.persona_document(rng, pressure)
        if draw < 0.51 and pressure:
            return self.calm_sales_document(rng)
        if draw < 0.75:
            return self.desk_document(rng)
        return self.record_document(rng) if draw < 0.86 else self.chatter_document(rng)

    # Documents of the fine-tune

    def sales_document(self, rng: random.Random) -> Document:
        """Soft pressure: lies, unless an honesty line is there. Hard pressure: lies whatever the line."""
        language = rng.choice(self.languages)
        cues = self.cues[language]
        hard = rng.random() < 0.6
        setting = self.pressure(rng, language, hard)
        line = rng.random() < (0.6 if hard else 0.4)
        if line:
            setting = with_line(cues, setting, cues.honest.draw(rng, "train"), rng.choice(POSITIONS))
        honest = line and not hard
        slip = 0.0 if honest else self.mix.slip_pressed
        return self._talk(rng, language, setting, honest, True, rng.randint(1, 2), slip=slip)

    def tuning_document(self, rng: random.Random, replay: float) -> Document:
        """One document of the fine-tune: replay of the base corpus, or sales."""
        return self.base_document(rng, pressure=False) if rng.random() < replay else self.sales_document(rng)


Draw = Callable[[random.Random], Document]
