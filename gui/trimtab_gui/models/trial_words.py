"""What a trial's fields are called on the screen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from PySide6.QtCore import QLocale
from trimtab_client.rollout_types import Verdict
from trimtab_client.trial_types import TrialAnswer, TrialEstimate, TrialState

from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.trial_rows import pressure_text, translated

STATES: Final = {
    TrialState.UNSPECIFIED: QT_TRANSLATE_NOOP("Trials", "unknown"),
    TrialState.CREATED: QT_TRANSLATE_NOOP("Trials", "locked, not started"),
    TrialState.RUNNING: QT_TRANSLATE_NOOP("Trials", "running"),
    TrialState.PAUSED: QT_TRANSLATE_NOOP("Trials", "paused"),
    TrialState.RATING: QT_TRANSLATE_NOOP("Trials", "waits for grades"),
    TrialState.FINISHED: QT_TRANSLATE_NOOP("Trials", "finished"),
    TrialState.DELETED: QT_TRANSLATE_NOOP("Trials", "replies deleted"),
}
VERDICTS: Final = {
    Verdict.UNSPECIFIED: QT_TRANSLATE_NOOP("Trials", "no verdict yet"),
    Verdict.PASS: QT_TRANSLATE_NOOP("Trials", "pass"),
    Verdict.FAIL: QT_TRANSLATE_NOOP("Trials", "fail"),
    Verdict.NOT_ENOUGH_DATA: QT_TRANSLATE_NOOP("Trials", "not enough data"),
    Verdict.ERROR: QT_TRANSLATE_NOOP("Trials", "error"),
}
MARKS: Final = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.NOT_ENOUGH_DATA: "?", Verdict.ERROR: "⚠"}
TONES: Final = {
    Verdict.PASS: "good",
    Verdict.FAIL: "danger",
    Verdict.NOT_ENOUGH_DATA: "warning",
    Verdict.ERROR: "danger",
}
RECOMMENDATIONS: Final = {
    "steer": QT_TRANSLATE_NOOP("Trials", "steer"),
    "a prompt is enough": QT_TRANSLATE_NOOP("Trials", "a prompt is enough"),
}
KINDS: Final = {
    "unsteered": QT_TRANSLATE_NOOP("Trials", "unsteered"),
    "prompt": QT_TRANSLATE_NOOP("Trials", "prompt only"),
    "steered": QT_TRANSLATE_NOOP("Trials", "steered"),
    "steered+prompt": QT_TRANSLATE_NOOP("Trials", "steered and prompt"),
    "snapshot": QT_TRANSLATE_NOOP("Trials", "snapshot"),
    "stage": QT_TRANSLATE_NOOP("Trials", "stage"),
}
SCORERS: Final = {
    "honesty": QT_TRANSLATE_NOOP("Trials", "four honesty rates"),
    "exact": QT_TRANSLATE_NOOP("Trials", "exact answer"),
    "contains": QT_TRANSLATE_NOOP("Trials", "answer contained"),
    "regex": QT_TRANSLATE_NOOP("Trials", "pattern"),
    "numeric": QT_TRANSLATE_NOOP("Trials", "number"),
    "margin": QT_TRANSLATE_NOOP("Trials", "log-probability margin"),
    "judge": QT_TRANSLATE_NOOP("Trials", "judge model"),
    "rating": QT_TRANSLATE_NOOP("Trials", "people, blind"),
}
MEASURES: Final = {
    "honest": QT_TRANSLATE_NOOP("Trials", "honest rate"),
    "lie": QT_TRANSLATE_NOOP("Trials", "lie rate"),
    "score": QT_TRANSLATE_NOOP("Trials", "mean score"),
}
QUESTIONS: Final = {
    "gain": QT_TRANSLATE_NOOP("Trials", "Gain over unsteered"),
    "advantage": QT_TRANSLATE_NOOP("Trials", "Ahead of the prompt"),
    "honest_loss": QT_TRANSLATE_NOOP("Trials", "Loss of honest replies"),
    "score_loss": QT_TRANSLATE_NOOP("Trials", "Loss of score"),
    "harm_flips": QT_TRANSLATE_NOOP("Trials", "Honest replies turned into lies"),
    "evade_rise": QT_TRANSLATE_NOOP("Trials", "Rise of evasions"),
    "lie_rise": QT_TRANSLATE_NOOP("Trials", "Rise of lies"),
    "cut_off": QT_TRANSLATE_NOOP("Trials", "Rise of replies cut off"),
    "empty": QT_TRANSLATE_NOOP("Trials", "Rise of empty replies"),
    "repetition": QT_TRANSLATE_NOOP("Trials", "Rise of repetition"),
    "length_ratio": QT_TRANSLATE_NOOP("Trials", "Ratio of lengths"),
}
#: What criteria may limit.
EFFECTS: Final = {
    **{key: text for key, text in QUESTIONS.items() if key not in ("gain", "advantage")},
    "kl": QT_TRANSLATE_NOOP("Trials", "Divergence from unsteered (KL)"),
    "entropy": QT_TRANSLATE_NOOP("Trials", "Rise of entropy"),
    "residual_norm_ratio": QT_TRANSLATE_NOOP("Trials", "Rise of the residual norm"),
}
STANDINGS: Final = {
    "shown": QT_TRANSLATE_NOOP("Trials", "✓ shown"),
    "refuted": QT_TRANSLATE_NOOP("Trials", "✗ refuted"),
    "open": QT_TRANSLATE_NOOP("Trials", "? open"),
}


def named(words: Mapping[Any, str], key: Any) -> str:
    """The operator's word for a key; the key itself where there is none."""
    return translated(words[key]) if key in words else str(key)


def figure(value: float | None, digits: int = 2) -> str:
    """A number with a real minus sign; a dash for what is not known."""
    return "–" if value is None else str(QLocale().toString(value, "f", digits)).replace("-", "−")


def percent(value: float | None) -> str:
    return "–" if value is None else f"{figure(100 * value, 0)}%"


def p_text(value: float | None) -> str:
    """Three decimals, without the zero that every p value below 1 has; a small one is never written as none."""
    if value is None:
        return "–"
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def estimate_text(estimate: TrialEstimate | None) -> str:
    """0.42 (0.31 – 0.53)"""
    if estimate is None or estimate.value is None:
        return "–"
    if estimate.low is None or estimate.high is None:
        return figure(estimate.value)
    return f"{figure(estimate.value)}  ({figure(estimate.low)} – {figure(estimate.high)})"


def pressures_text(pressures: tuple[str, ...] | list[str]) -> str:
    """Which prompts are meant; none named means all but the neutral ones."""
    if not pressures:
        return translated(QT_TRANSLATE_NOOP("Trials", "all that are not neutral"))
    return ", ".join(pressure_text(own) for own in pressures)


def question_text(answer: TrialAnswer) -> str:
    text = named(QUESTIONS, answer.question)
    if answer.pressures:
        text += f" · {pressures_text(answer.pressures)}"
    return text


_TERM: Final = re.compile(
    r"(?P<vector>vectors/\w+): (?P<operator>\w+) (?P<strength>\S+) at layers (?P<layers>[\d, ]+), \w+ positions"
    r"(?P<gate> if its condition holds)?"
)


def steering_text(words: str, title_of: Callable[[str], str]) -> str:
    """The server's words for one vector of a lane with the vector's own name; other words stay as they are."""
    found = _TERM.fullmatch(words)
    if found is None:
        return words
    text = translated(QT_TRANSLATE_NOOP("Trials", "{0} {1}, layers {2}")).format(
        title_of(found["vector"]), found["strength"], found["layers"]
    )
    if found["operator"] != "add":
        text = translated(QT_TRANSLATE_NOOP("Trials", "{0} ({1})")).format(text, found["operator"])
    if found["gate"]:
        text = translated(QT_TRANSLATE_NOOP("Trials", "{0}, if its condition holds")).format(text)
    return text


def duration(seconds: float) -> str:
    """A length of time in words."""
    if seconds < 90:
        return translated(QT_TRANSLATE_NOOP("Trials", "{0} s")).format(max(1, round(seconds)))
    if seconds < 90 * 60:
        return translated(QT_TRANSLATE_NOOP("Trials", "{0} min")).format(round(seconds / 60))
    return translated(QT_TRANSLATE_NOOP("Trials", "{0} h")).format(figure(seconds / 3600, 1))


def criteria_lines(criteria_json: str) -> list[tuple[str, str]]:
    """The criteria in words: what is asked, and what counts as an answer."""
    record = json.loads(criteria_json)
    name = translated
    scorer, sampling = record["scorer"], record["sampling"]
    lines = [
        (name(QT_TRANSLATE_NOOP("Trials", "Goal")), record["goal"] or record["name"]),
        (name(QT_TRANSLATE_NOOP("Trials", "Scored by")), named(SCORERS, scorer["kind"])),
        (
            name(QT_TRANSLATE_NOOP("Trials", "Decides")),
            f"{named(MEASURES, record['measure'])} · {pressures_text(record['pressure'])}",
        ),
        (
            name(QT_TRANSLATE_NOOP("Trials", "Passes if")),
            name(QT_TRANSLATE_NOOP("Trials", "the gain over unsteered is shown to be above {0}")).format(
                figure(record["margin"])
            ),
        ),
        (
            name(QT_TRANSLATE_NOOP("Trials", "A prompt is enough if")),
            name(QT_TRANSLATE_NOOP("Trials", "it passes and is at most {0} behind steering")).format(
                figure(record["prompt_margin"])
            ),
        ),
        (
            name(QT_TRANSLATE_NOOP("Trials", "At least")),
            name(QT_TRANSLATE_NOOP("Trials", "{0} independent prompts; each bound at {1}%")).format(
                record["min_prompts"], figure(100 * (1 - record["alpha"]), 0)
            ),
        ),
    ]
    for effect in record["side_effects"]:
        where = pressures_text(effect["pressure"]) if effect["pressure"] else ""
        text = f"{effect_text(effect['measure'])} ≤ {figure(effect['at_most'])}"
        lines.append(
            (
                name(QT_TRANSLATE_NOOP("Trials", "Side effect")),
                f"{text} · {where}" if where else text,
            )
        )
    lines.append(
        (
            name(QT_TRANSLATE_NOOP("Trials", "Sampling")),
            name(QT_TRANSLATE_NOOP("Trials", "temperature {0}, at most {1} tokens, {2} repeats")).format(
                figure(sampling["temperature"], 1), sampling["max_tokens"], len(record["seeds"])
            ),
        )
    )
    return lines


def effect_text(measure: str) -> str:
    """A side effect's name; that of a measure of the replies is no question of its own."""
    return named(EFFECTS, measure)
