"""The words of a rollout in the operator's language.

Names and sentences come from the server in English. What the server says by itself is translated here; what a person
wrote (a plan file's names, a reason) is shown as written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from PySide6.QtCore import QCoreApplication, QLocale
from trimtab_client import abbreviated
from trimtab_client.rollout_types import (
    GuardrailEvidence,
    PlanGuardrail,
    PlanStep,
    Rollout,
    RolloutState,
    Verdict,
)

from trimtab_gui.i18n import QT_TRANSLATE_NOOP

_STATES: Final = {
    RolloutState.CREATED: QT_TRANSLATE_NOOP("Rollout", "○ Created, not started"),
    RolloutState.RUNNING: QT_TRANSLATE_NOOP("Rollout", "▶ Running"),
    RolloutState.PAUSED: QT_TRANSLATE_NOOP("Rollout", "▮▮ Paused"),
    RolloutState.PROMOTED: QT_TRANSLATE_NOOP("Rollout", "✓ Promoted"),
    RolloutState.ABORTED: QT_TRANSLATE_NOOP("Rollout", "■ Aborted"),
    RolloutState.FAILED: QT_TRANSLATE_NOOP("Rollout", "✕ Stopped by a guardrail"),
}
_STATE_TONES: Final = {
    RolloutState.RUNNING: "accent",
    RolloutState.PAUSED: "warning",
    RolloutState.PROMOTED: "good",
    RolloutState.FAILED: "danger",
}
_VERDICTS: Final = {
    Verdict.UNSPECIFIED: QT_TRANSLATE_NOOP("Rollout", "– no look yet"),
    Verdict.PASS: QT_TRANSLATE_NOOP("Rollout", "✓ pass"),
    Verdict.FAIL: QT_TRANSLATE_NOOP("Rollout", "✕ fail"),
    Verdict.NOT_ENOUGH_DATA: QT_TRANSLATE_NOOP("Rollout", "◔ not enough data"),
    Verdict.ERROR: QT_TRANSLATE_NOOP("Rollout", "! error"),
}
_VERDICT_TONES: Final = {
    Verdict.PASS: "good",
    Verdict.FAIL: "danger",
    Verdict.NOT_ENOUGH_DATA: "warning",
    Verdict.ERROR: "danger",
}
# The names in the plans that come with the server.
_GUARDRAILS: Final = {
    "honest under pressure": QT_TRANSLATE_NOOP("Rollout", "honest under pressure"),
    "honest on neutral questions": QT_TRANSLATE_NOOP("Rollout", "honest on neutral questions"),
    "KL on neutral questions": QT_TRANSLATE_NOOP("Rollout", "KL on neutral questions"),
    "repetition in shadow": QT_TRANSLATE_NOOP("Rollout", "repetition in shadow"),
    "refusals in shadow": QT_TRANSLATE_NOOP("Rollout", "refusals in shadow"),
    "refusals in traffic": QT_TRANSLATE_NOOP("Rollout", "refusals in traffic"),
    "length in traffic": QT_TRANSLATE_NOOP("Rollout", "length in traffic"),
    "KL in traffic": QT_TRANSLATE_NOOP("Rollout", "KL in traffic"),
    "sample ratio": QT_TRANSLATE_NOOP("Rollout", "sample ratio"),
    "measurement": QT_TRANSLATE_NOOP("Rollout", "measurement"),
}
_PLANS: Final = {
    "small company": QT_TRANSLATE_NOOP("Rollout", "small company"),
    "busy service": QT_TRANSLATE_NOOP("Rollout", "busy service"),
}
_LIMITS: Final = frozenset(
    (
        QT_TRANSLATE_NOOP("Rollout", "Only what a guardrail measures can be found; other harm is not."),
        QT_TRANSLATE_NOOP(
            "Rollout",
            "A pass says that the candidate is no worse than the margins on the questions and replies that were drawn.",
        ),
        QT_TRANSLATE_NOOP(
            "Rollout",
            "Comparisons of means are asymptotic and look first at 30 pairs; rates, limits and signs are exact.",
        ),
        QT_TRANSLATE_NOOP(
            "Rollout", "Replies of one session resemble each other: a session or a batch counts once."
        ),
        QT_TRANSLATE_NOOP(
            "Rollout", "Changes of a mean were tried; a change of spread or shape alone may be missed."
        ),
    )
)
# Pattern of the server's sentence, and ours with its groups.
_STALE: Final = (
    (
        r"the canary set was never run through the active snapshot",
        QT_TRANSLATE_NOOP("Rollout", "The canary set was never run through the active snapshot."),
    ),
    (
        r"the stage was trained again since the canary set was run through it",
        QT_TRANSLATE_NOOP("Rollout", "The stage was trained again since the canary set was run through it."),
    ),
    (
        r"the canary set was not run for (\d+) hours",
        QT_TRANSLATE_NOOP("Rollout", "The canary set was not run for {0} hours."),
    ),
    (
        r"the newest reference is stale: (.+)",
        QT_TRANSLATE_NOOP("Rollout", "The newest reference of how replies look is stale: {0}"),
    ),
    (
        r"the evidence has not been looked at yet",
        QT_TRANSLATE_NOOP("Rollout", "The server has not looked at the evidence yet."),
    ),
)
_ACTIONS: Final = {
    "rollout.promote_full": QT_TRANSLATE_NOOP("Rollout", "Promote fully"),
    "rollout.create": QT_TRANSLATE_NOOP("Rollout", "Create a rollout"),
    "rollout.start": QT_TRANSLATE_NOOP("Rollout", "Start a rollout"),
    "snapshot.activate": QT_TRANSLATE_NOOP("Rollout", "Activate a snapshot"),
    "chat.steer": QT_TRANSLATE_NOOP("Rollout", "Steer against a protected concept"),
    "concept.unprotect": QT_TRANSLATE_NOOP("Rollout", "Take the protection off a concept"),
    "concept.protect": QT_TRANSLATE_NOOP("Rollout", "Protect a concept"),
    "token.create": QT_TRANSLATE_NOOP("Rollout", "Create a token"),
    "token.rotate": QT_TRANSLATE_NOOP("Rollout", "Rotate a token"),
    "token.set_limits": QT_TRANSLATE_NOOP("Rollout", "Change the limits of a token"),
}
_UNITS: Final = (
    (86_400, QT_TRANSLATE_NOOP("Rollout", "{0} d")),
    (3_600, QT_TRANSLATE_NOOP("Rollout", "{0} h")),
    (60, QT_TRANSLATE_NOOP("Rollout", "{0} min")),
    (1, QT_TRANSLATE_NOOP("Rollout", "{0} s")),
)


def _say(source: str) -> str:
    return QCoreApplication.translate("Rollout", source)


def state_word(state: RolloutState) -> str:
    return _say(_STATES[state]) if state in _STATES else state.value


def state_tone(state: RolloutState) -> str:
    return _STATE_TONES.get(state, "")


def verdict_word(verdict: Verdict) -> str:
    """A sign and the word: "✓ pass"."""
    return _say(_VERDICTS[verdict])


def verdict_tone(verdict: Verdict) -> str:
    return _VERDICT_TONES.get(verdict, "")


def guardrail_name(name: str) -> str:
    return _say(_GUARDRAILS[name]) if name in _GUARDRAILS else name


def plan_name(name: str) -> str:
    return _say(_PLANS[name]) if name in _PLANS else name


def action_name(action: str) -> str:
    """What is to be done, from its name in the audit."""
    return _say(_ACTIONS[action]) if action in _ACTIONS else action


def limit_of_method(sentence: str) -> str:
    """What the figures do not show."""
    return _say(sentence) if sentence in _LIMITS else sentence


def stale_reason(sentence: str) -> str:
    """Why the evidence is stale."""
    for pattern, ours in _STALE:
        found = re.fullmatch(pattern, sentence)
        if found is not None:
            return _say(ours).format(*found.groups())
    return sentence


def candidate_name(rollout: Rollout) -> str:
    return rollout.candidate_display_name or abbreviated(rollout.candidate_snapshot)


def stable_name(rollout: Rollout) -> str:
    return rollout.stable_display_name or abbreviated(rollout.stable_snapshot)


def duration(seconds: float) -> str:
    """ "2 d 3 h", "40 min": the two largest units that there are."""
    left, parts = round(seconds), []
    for length, unit in _UNITS:
        count, left = divmod(left, length)
        if count:
            parts.append(_say(unit).format(count))
    return " ".join(parts[:2]) or _say(_UNITS[-1][1]).format(0)


def percent(share: float, digits: int = 0) -> str:
    figure = str(QLocale().toString(100 * share, "f", digits)).replace("-", "−")
    return QCoreApplication.translate("Rollout", "{0}%").format(figure)


# Steps ----------------------------------------------------------------------------------------------------


def step_words(canonical_json: str, steps: tuple[PlanStep, ...]) -> tuple[str, ...]:
    """Each step in a few words, made from the locked plan; the server's words where the plan says something new."""
    try:
        written = json.loads(canonical_json).get("steps", [])
    except (ValueError, AttributeError):
        written = []
    if len(written) != len(steps):
        return tuple(step.text for step in steps)
    return tuple(_step(step, facts) for step, facts in zip(steps, written, strict=True))


def _step(step: PlanStep, written: Mapping[str, Any]) -> str:
    facts = written.get(step.kind)
    say = _STEP_WORDS.get(step.kind)
    if say is None or not isinstance(facts, dict):
        return step.text
    return say(facts)


def _shadow(facts: Mapping[str, Any]) -> str:
    return QCoreApplication.translate("Rollout", "Shadow: {0} pairs").format(facts.get("pairs", "?"))


def _set_weight(facts: Mapping[str, Any]) -> str:
    return QCoreApplication.translate("Rollout", "{0}% of sessions").format(facts.get("percent", "?"))


def _pause(facts: Mapping[str, Any]) -> str:
    seconds = facts.get("seconds")
    if seconds is None:
        return QCoreApplication.translate("Rollout", "Wait for a person")
    return QCoreApplication.translate("Rollout", "Wait {0}").format(duration(seconds))


def _analysis(facts: Mapping[str, Any]) -> str:
    looks, replies = facts.get("looks", "?"), facts.get("min_replies", 0)
    one = QCoreApplication.translate("Rollout", "Analysis: 1 look")
    many = QCoreApplication.translate("Rollout", "Analysis: {0} looks")
    words = one if looks == 1 else many.format(looks)
    if replies:
        words += QCoreApplication.translate("Rollout", ", at least {0} replies").format(replies)
    return words


_STEP_WORDS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "shadow": _shadow,
    "set_weight": _set_weight,
    "pause": _pause,
    "analysis": _analysis,
}

# Guardrails -----------------------------------------------------------------------------------------------


_COMPARISONS: Final = ("paired_outcome", "paired_mean", "unpaired_mean")


def figure(value: float) -> str:
    """Three significant digits, with a real minus sign; what is nothing but rounding is 0."""
    return str(QLocale().toString(0.0 if abs(value) < 1e-9 else value, "g", 3)).replace("-", "−")


def difference(value: float) -> str:
    """The candidate minus stable, with its sign."""
    words = figure(value)
    return words if words.startswith("−") or words == "0" else f"+{words}"


def measured(evidence: GuardrailEvidence, guardrail: PlanGuardrail | None = None) -> str:
    """The estimate and its interval: a difference with its sign, a share of sessions in percent."""
    if evidence.estimate is None:
        return ""
    test = "" if guardrail is None else guardrail.test
    if test == "sample_ratio":
        return percent(evidence.estimate, 1)
    write = difference if test in _COMPARISONS else figure
    words = write(evidence.estimate)
    if evidence.lower is None and evidence.upper is None:
        return words
    ends = ["…" if end is None else write(end) for end in (evidence.lower, evidence.upper)]
    return QCoreApplication.translate("Rollout", "{0} ({1} to {2})").format(words, *ends)


def bar_of(guardrail: PlanGuardrail) -> str:
    """What it fails at, and the margin that must be excluded."""
    parts = []
    if guardrail.test != "sample_ratio" and guardrail.limit is not None:
        parts.append(f"{'>' if guardrail.direction == 'at_most' else '<'} {figure(guardrail.limit)}")
    if guardrail.margin is not None:
        parts.append(QCoreApplication.translate("Rollout", "margin {0}").format(figure(guardrail.margin)))
    return QCoreApplication.translate("Server", ", ").join(parts)


def share_of_failing(evidence: GuardrailEvidence) -> float | None:
    """How far the evidence against it has come, as a share of what trips it; None for a rule."""
    if evidence.evidence is None or not evidence.threshold:
        return None
    return max(0.0, evidence.evidence / evidence.threshold)


def role_of(evidence: GuardrailEvidence) -> str:
    """What it has to say about a promotion."""
    if not evidence.acts:
        return QCoreApplication.translate("Rollout", "shown only")
    if evidence.non_inferior is None:
        return ""
    if evidence.non_inferior:
        return QCoreApplication.translate("Rollout", "no worse than the margin")
    return QCoreApplication.translate("Rollout", "margin not shown yet")
