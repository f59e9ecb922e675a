"""A plan in a few words, and what its figures do not show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from trimtab_server.rollouts.plan import Analysis, Pause, SetWeight, Shadow, Step

#: Printed beside every result, so that nobody reads more into it than it says.
LIMITS_OF_METHOD: Final = (
    "Only what a guardrail measures can be found; other harm is not.",
    "A pass says that the candidate is no worse than the margins on the questions and replies that were drawn.",
    "Comparisons of means are asymptotic and look first at 30 pairs; rates, limits and signs are exact.",
    "Replies of one session resemble each other: a session or a batch counts once.",
    "Changes of a mean were tried; a change of spread or shape alone may be missed.",
)


def step_text(step: Step) -> str:
    """One step in a few words."""
    match step:
        case Shadow():
            return f"shadow: {step.pairs} pairs"
        case SetWeight():
            return f"{step.percent}% of sessions"
        case Pause(None):
            return "wait for a person"
        case Pause():
            return f"wait {duration_text(step.seconds or 0)}"
        case Analysis():
            looks = f"analysis: {step.looks} look{'s' if step.looks != 1 else ''}"
            return f"{looks}, at least {step.min_replies} replies" if step.min_replies else looks


def weights_of(steps: Iterable[Step]) -> list[int]:
    """The candidate's share of sessions during each step, in percent."""
    weights: list[int] = []
    for step in steps:
        before = weights[-1] if weights else 0
        weights.append(step.percent if isinstance(step, SetWeight) else before)
    return weights


def duration_text(seconds: float) -> str:
    """ "2 d 3 h", "40 min", "20 s": the two largest units that there are."""
    left, parts = round(seconds), []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
