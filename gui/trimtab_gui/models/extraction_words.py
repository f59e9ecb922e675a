"""What an extraction and a measurement found, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QCoreApplication, QLocale
from trimtab_client import DosePoint, DoseRefusal, Progress, VectorCard, VectorMeasurement
from trimtab_client.types import Vector

from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.measurements import best_layer

#: Figures below these are called out.
_GOOD_ACCURACY: Final = 0.9
_POOR_ACCURACY: Final = 0.75
_POOR_CEILING: Final = 0.5
_POOR_VARIANCE: Final = 0.1
_FEW_PAIRS: Final = 30

METHODS: Final = {
    "diff_mean": (
        QT_TRANSLATE_NOOP("Extraction", "Mean difference"),
        QT_TRANSLATE_NOOP(
            "Extraction", "The plain difference of the two sides. The right choice unless you know better."
        ),
    ),
    "paired_pca": (
        QT_TRANSLATE_NOOP("Extraction", "Paired PCA"),
        QT_TRANSLATE_NOOP(
            "Extraction", "The axis along which the two sides differ most. For pairs that differ unevenly."
        ),
    ),
    "logistic": (
        QT_TRANSLATE_NOOP("Extraction", "Logistic probe"),
        QT_TRANSLATE_NOOP(
            "Extraction", "The plane that tells the two sides apart best. Reads well, often steers less well."
        ),
    ),
    "lat": (
        QT_TRANSLATE_NOOP("Extraction", "LAT"),
        QT_TRANSLATE_NOOP(
            "Extraction",
            "Paired PCA with random signs. For repeating published figures; depends on the seed.",
        ),
    ),
}
POSITIONS: Final = {
    "last": (
        QT_TRANSLATE_NOOP("Extraction", "Just before the answer"),
        QT_TRANSLATE_NOOP("Extraction", "Where the answer is decided. The right choice for most sets."),
    ),
    "prompt_end": (
        QT_TRANSLATE_NOOP("Extraction", "At the end of the prompt"),
        QT_TRANSLATE_NOOP("Extraction", "Before the beginning of the reply that the pairs give."),
    ),
    "answer_mean": (
        QT_TRANSLATE_NOOP("Extraction", "Over the answer"),
        QT_TRANSLATE_NOOP("Extraction", "The mean over the answer's tokens; every pair needs an answer."),
    ),
    "all_mean": (
        QT_TRANSLATE_NOOP("Extraction", "Over the whole text"),
        QT_TRANSLATE_NOOP("Extraction", "The mean over all tokens. For a style that shows everywhere."),
    ),
}
_SETS: Final = {
    "honesty": QT_TRANSLATE_NOOP("Extraction", "Honesty: asked to be honest, asked to deceive"),
    "honesty-swapped": QT_TRANSLATE_NOOP(
        "Extraction", "Honesty with its sides exchanged: a bad vector to try"
    ),
    "language": QT_TRANSLATE_NOOP("Extraction", "Language: asked in Japanese, asked in English"),
}
_LANGUAGES: Final = {
    "en": QT_TRANSLATE_NOOP("Extraction", "English {0}"),
    "ja": QT_TRANSLATE_NOOP("Extraction", "Japanese {0}"),
}
_PHASES: Final = {
    "waiting": QT_TRANSLATE_NOOP("Extraction", "Waits for another extraction or measurement to end"),
    "loading": QT_TRANSLATE_NOOP("Extraction", "Loads a copy of the stage"),
    "residual norms": QT_TRANSLATE_NOOP("Extraction", "Measures the unit of strength"),
    "directions": QT_TRANSLATE_NOOP("Extraction", "Reads the pairs"),
    "held-out pairs": QT_TRANSLATE_NOOP("Extraction", "Reads the held-out pairs"),
    "figures": QT_TRANSLATE_NOOP("Extraction", "Works out the figures"),
    "sweep": QT_TRANSLATE_NOOP("Extraction", "Tries the strengths"),
    "card": QT_TRANSLATE_NOOP("Extraction", "Looks at what the vector is"),
}
_GATES: Final = {
    "kl": QT_TRANSLATE_NOOP("Extraction", "drift of the wording (KL)"),
    "perplexity_ratio": QT_TRANSLATE_NOOP("Extraction", "fluency"),
    "capability_loss": QT_TRANSLATE_NOOP("Extraction", "loss of knowledge"),
    "harm_flips": QT_TRANSLATE_NOOP("Extraction", "honest replies turned into lies"),
    "evasion_increase": QT_TRANSLATE_NOOP("Extraction", "more evasions"),
    "anti_steerable": QT_TRANSLATE_NOOP("Extraction", "questions that get worse"),
}
CONCEPTS: Final = {
    "length": QT_TRANSLATE_NOOP("Extraction", "length"),
    "refusal": QT_TRANSLATE_NOOP("Extraction", "refusal"),
    "language": QT_TRANSLATE_NOOP("Extraction", "language"),
    "sentiment": QT_TRANSLATE_NOOP("Extraction", "sentiment"),
}


@dataclass(frozen=True)
class Finding:
    """One sentence, and whether it is good news: "good", "warning", "danger" or ""."""

    text: str
    tone: str = ""

    @property
    def marked(self) -> str:
        """With a mark, so that the colour is never alone."""
        mark = {"good": "✓ ", "warning": "⚠ ", "danger": "✗ "}.get(self.tone, "")
        return f"{mark}{self.text}"


def words(text: str) -> str:
    """A text of the context "Extraction"."""
    return QCoreApplication.translate("Extraction", text)


def set_title(name: str) -> str:
    """A contrast set of the model; one that is unknown here by its file's name."""
    return words(_SETS[name]) if name in _SETS else name


def phase_text(progress: Progress | None) -> str:
    """What is being done."""
    phase = "loading" if progress is None else progress.phase
    return words(_PHASES[phase]) if phase in _PHASES else phase


def gate_name(name: str) -> str:
    return words(_GATES[name]) if name in _GATES else name


def concept_name(name: str) -> str:
    return words(CONCEPTS[name]) if name in CONCEPTS else name


def languages_text(languages: dict[str, int]) -> str:
    """How many pairs of each language."""
    return listed([words(_LANGUAGES[key]).format(languages[key]) for key in sorted(languages)])


def percent(share: float) -> str:
    return f"{number(100 * share, 0)}%"


def number(value: float, digits: int) -> str:
    return str(QLocale().toString(value, "f", digits)).replace("-", "−")


def spans(layers: Sequence[int]) -> str:
    """Layers as people write them: "2–6, 9"."""
    parts: list[list[int]] = []
    for layer in sorted(layers):
        if parts and layer == parts[-1][1] + 1:
            parts[-1][1] = layer
        else:
            parts.append([layer, layer])
    between = "～" if _is_japanese() else "–"
    return listed([str(a) if a == b else f"{a}{between}{b}" for a, b in parts])


def listed(texts: Sequence[str]) -> str:
    """A list, as the language joins one."""
    return ("、" if _is_japanese() else ", ").join(texts)


def _is_japanese() -> bool:
    return QLocale().language() == QLocale.Language.Japanese


def quality(vector: Vector, held_out: int) -> tuple[Finding, ...]:
    """How well a vector reads what it stands for, at its best layer. held_out: pairs that measured it."""
    return tuple(_quality(vector, held_out))


def _quality(vector: Vector, held_out: int) -> Iterator[Finding]:
    if not vector.layers:
        return
    place = vector.layers.index(best_layer(vector))
    if place < len(vector.pair_accuracies):
        share = vector.pair_accuracies[place]
        tone = "good" if share >= _GOOD_ACCURACY else "warning" if share >= _POOR_ACCURACY else "danger"
        text = words(
            QT_TRANSLATE_NOOP(
                "Extraction", "Separates the two sides in {0} of 100 held-out pairs (layer {1})."
            )
        )
        yield Finding(text.format(number(100 * share, 0), vector.layers[place]), tone)
        if tone == "danger":
            yield Finding(
                words(
                    QT_TRANSLATE_NOOP(
                        "Extraction",
                        "That is hardly better than chance. Do the pairs differ in the concept alone, and in it?",
                    )
                ),
                "danger",
            )
    else:
        text = QT_TRANSLATE_NOOP("Extraction", "No pairs were held out, so nobody knows how well it reads.")
        yield Finding(words(text), "warning")
    if 0 < held_out < _FEW_PAIRS:
        text = words(QT_TRANSLATE_NOOP("Extraction", "Only {0} pairs were held out: that share is rough."))
        yield Finding(text.format(held_out), "warning")
    if place < len(vector.noise_ceilings):
        ceiling = vector.noise_ceilings[place]
        text = words(
            QT_TRANSLATE_NOOP(
                "Extraction",
                "Made again from as many other pairs, it would come out {0} alike (1: the same).",
            )
        )
        yield Finding(text.format(number(ceiling, 2)), "warning" if ceiling < _POOR_CEILING else "good")
        if ceiling < _POOR_CEILING:
            text = QT_TRANSLATE_NOOP("Extraction", "More pairs, or more alike ones, would steady it.")
            yield Finding(words(text), "warning")
    if place < len(vector.explained_variances):
        share = vector.explained_variances[place]
        text = words(
            QT_TRANSLATE_NOOP(
                "Extraction", "{0} of what sets the two sides apart lies along this one direction."
            )
        )
        yield Finding(text.format(percent(share)), "warning" if share < _POOR_VARIANCE else "")


def point_at(measurement: VectorMeasurement, layers: tuple[int, ...], strength: float) -> DosePoint | None:
    curve = measurement.curve(layers)
    points = () if curve is None else curve.points
    return next((own for own in points if abs(own.strength - strength) < 1e-9), None)


def not_held(point: DosePoint) -> str:
    """The gates that a strength is not shown to hold."""
    return listed([gate_name(own.name) for own in point.gates if own.verdict not in ("pass", "warn")])


def outcome(measurement: VectorMeasurement) -> tuple[Finding, ...]:
    """What the sweep recommends, or why it recommends nothing."""
    own = measurement.recommended
    if own is None:
        return _no_recommendation(measurement)
    text = words(QT_TRANSLATE_NOOP("Extraction", "Recommended: strength {0} at layers {1}; safe up to {2}."))
    found = [
        Finding(text.format(number(own.strength, 2), spans(own.layers), number(own.safe_strength, 2)), "good")
    ]
    point = point_at(measurement, own.layers, own.strength)
    if point is not None:
        worst = min((rate.rate.value for rate in measurement.unsteered), default=0.0)
        text = words(
            QT_TRANSLATE_NOOP(
                "Extraction",
                "Honest replies under pressure: {0} instead of {1}, where it helps least. Without pressure {2} stay"
                " right.",
            )
        )
        found.append(
            Finding(text.format(percent(point.worst), percent(worst), percent(point.knowledge.value)))
        )
    text = QT_TRANSLATE_NOOP(
        "Extraction",
        "These questions chose the setting, so they flatter it. A trial on your own prompts decides.",
    )
    return (*found, Finding(words(text)))


def _no_recommendation(measurement: VectorMeasurement) -> tuple[Finding, ...]:
    if measurement.refusal is DoseRefusal.NO_SURE_GAIN:
        text = QT_TRANSLATE_NOOP(
            "Extraction", "Nothing is recommended: no safe strength makes the replies surely more honest."
        )
        return (Finding(words(text), "warning"),)
    first = next((curve.points[0] for curve in measurement.curves if curve.points), None)
    text = words(
        QT_TRANSLATE_NOOP(
            "Extraction", "Nothing is recommended: not even the smallest strength is shown safe ({0})."
        )
    )
    found = [Finding(text.format("–" if first is None else not_held(first)), "warning")]
    if first is not None and any(gate.verdict == "not enough data" for gate in first.gates):
        text = QT_TRANSLATE_NOOP(
            "Extraction", "Too few questions were asked to show it. Measure with all of them."
        )
        found.append(Finding(words(text)))
    return tuple(found)


def card_findings(card: VectorCard) -> tuple[Finding, ...]:
    """The card at a glance."""
    return tuple(_card_findings(card))


def _card_findings(card: VectorCard) -> Iterator[Finding]:
    setting = card.setting
    if setting is not None:
        text = words(
            QT_TRANSLATE_NOOP(
                "Extraction",
                "At strength {0}, layers {1}, the likeliest next word changes on {2} of {3} prompts.",
            )
        )
        yield Finding(
            text.format(
                number(setting.strength, 2), spans(setting.layers), percent(card.changed), card.contexts
            )
        )
    alike = resembling(card)
    if alike:
        text = words(
            QT_TRANSLATE_NOOP("Extraction", "It lies partly along: {0}. What is put down to it may be that.")
        )
        yield Finding(text.format(listed(alike)), "warning")
    else:
        text = QT_TRANSLATE_NOOP(
            "Extraction", "It resembles length, refusal, language and sentiment no more than chance would."
        )
        yield Finding(words(text), "good")


def resembling(card: VectorCard) -> list[str]:
    """Built-in concepts at the layers used that are beyond chance, each with its largest cosine."""
    layers = card.setting.layers if card.setting is not None else ()
    largest: dict[str, float] = {}
    for own in card.resemblances:
        beyond = max(card.chance_cosine, abs(largest.get(own.concept, 0.0)))
        if own.layer in layers and not own.weak and abs(own.cosine) > beyond:
            largest[own.concept] = own.cosine
    return [
        f"{concept_name(concept)} {'+' if cosine > 0 else ''}{number(cosine, 2)}"
        for concept, cosine in sorted(largest.items(), key=lambda item: -abs(item[1]))
    ]
