"""What the server says in English, in the operator's language.

The server's sentences stand in the audit and are hashed with what they belong to, so they are written once, in
English. What the server says by itself is recognised here by its form and said again; what a person wrote, or what
is unknown, is shown as written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QCoreApplication
from trimtab_client.types import Signal

from trimtab_gui.i18n import QT_TRANSLATE_NOOP
from trimtab_gui.models.figures import NAMES, figure_name
from trimtab_gui.models.rollout_words import guardrail_name
from trimtab_gui.models.trial_rows import OUTCOMES, PRESSURES, translated

# Pattern of the server's sentence, and ours with its groups.
_WHOLE: Final = (
    (
        r"the plan waits here for a person",
        QT_TRANSLATE_NOOP("Server", "the plan waits here for a person"),
    ),
    (r"the pause is over", QT_TRANSLATE_NOOP("Server", "the pause is over")),
    (r"the pause goes on", QT_TRANSLATE_NOOP("Server", "the pause goes on")),
    (r"(\d+) of (\d+) pairs", QT_TRANSLATE_NOOP("Server", "{0} of {1} pairs")),
    (
        r"(\d+) of (\d+) looks, (\d+) of (\d+) replies",
        QT_TRANSLATE_NOOP("Server", "{0} of {1} looks, {2} of {3} replies"),
    ),
    # Why nobody judges
    (r"its task was cancelled", QT_TRANSLATE_NOOP("Server", "its task was cancelled")),
    (r"its task ended", QT_TRANSLATE_NOOP("Server", "its task ended")),
    (r"it has not moved for (\d+) s", QT_TRANSLATE_NOOP("Server", "it has not moved for {0} s")),
    # Faults of single replies
    (r"(\w+) is not finite", QT_TRANSLATE_NOOP("Server", "{0} is not finite")),
    (
        r"the reply ended with an error: (.+)",
        QT_TRANSLATE_NOOP("Server", "the reply ended with an error: {0}"),
    ),
    (
        r"the KL to unsteered of one token is (\S+) nat, above the cap of (\S+)",
        QT_TRANSLATE_NOOP("Server", "the KL to unsteered of one token is {0} nat, above the cap of {1}"),
    ),
    (
        r"the reply ran into its length limit inside a repetition loop",
        QT_TRANSLATE_NOOP("Server", "the reply ran into its length limit inside a repetition loop"),
    ),
    (
        r"(\w+) is (\S+) in reply (\S+), above the cap (\S+)",
        QT_TRANSLATE_NOOP("Server", "{0} is {1} in reply {2}, above the cap {3}"),
    ),
    (r"(\w+) is (\S+) in reply (\S+)", QT_TRANSLATE_NOOP("Server", "{0} is {1} in reply {2}")),
    # Rollouts that are asked for what they cannot do
    (
        r"the rollout is (\w+); start a new one \(retry\)",
        QT_TRANSLATE_NOOP("Server", "it has ended; start a new one (retry)"),
    ),
    (
        r"the rollout is (\w+) already; resume, promote or abort it",
        QT_TRANSLATE_NOOP("Server", "it was started already; resume, promote or abort it"),
    ),
    (
        r"the rollout has not started; start or abort it",
        QT_TRANSLATE_NOOP("Server", "it has not started; start or abort it"),
    ),
    (
        r"the rollout is (\w+); only a paused one is resumed",
        QT_TRANSLATE_NOOP("Server", "only a paused one is resumed"),
    ),
    (
        r"this is the last step: it ends with a pass, with promote full, or with abort",
        QT_TRANSLATE_NOOP(
            "Server", "this is the last step: it ends with a pass, with promote full, or with abort"
        ),
    ),
    (
        r"only one that runs or is paused is promoted",
        QT_TRANSLATE_NOOP("Server", "only one that runs or is paused is promoted"),
    ),
    (
        r"only one that runs or is paused is held",
        QT_TRANSLATE_NOOP("Server", "only one that runs or is paused is held"),
    ),
    (
        r"only one that runs or is paused is looked at",
        QT_TRANSLATE_NOOP("Server", "only one that runs or is paused is looked at"),
    ),
    (
        r"only one that was aborted or has failed is tried again",
        QT_TRANSLATE_NOOP("Server", "only one that was aborted or has failed is tried again"),
    ),
    (
        r"revision (\d+) is its candidate: roll back instead",
        QT_TRANSLATE_NOOP("Server", "revision {0} is its candidate: roll back instead"),
    ),
    # Trials
    (
        r"every reply is there; grade them, then finish the rating",
        QT_TRANSLATE_NOOP("Server", "every reply is there; grade them, then finish the rating"),
    ),
    (r"it stopped: (.+)", QT_TRANSLATE_NOOP("Server", "it stopped: {0}")),
    (r"kept for (\d+) days", QT_TRANSLATE_NOOP("Server", "kept for {0} days")),
    (
        r"it was started before; resume it if it is paused",
        QT_TRANSLATE_NOOP("Server", "it was started before; resume it if it is paused"),
    ),
    (
        r"only a paused one is resumed, or a finished one with failed replies",
        QT_TRANSLATE_NOOP("Server", "only a paused one is resumed, or a finished one with failed replies"),
    ),
    (r"only a running one is paused", QT_TRANSLATE_NOOP("Server", "only a running one is paused")),
    (
        r"it was stopped before its verdict",
        QT_TRANSLATE_NOOP("Server", "it was stopped before its verdict"),
    ),
    (
        r"it was stopped before its last reply",
        QT_TRANSLATE_NOOP("Server", "it was stopped before its last reply"),
    ),
    (
        r"only one that waits for grades is finished so",
        QT_TRANSLATE_NOOP("Server", "only one that waits for grades is finished so"),
    ),
    (
        r"grades came in meanwhile; finish it again",
        QT_TRANSLATE_NOOP("Server", "grades came in meanwhile; finish it again"),
    ),
    (
        r"it changed while the row was asked; look again",
        QT_TRANSLATE_NOOP("Server", "it changed while the row was asked; look again"),
    ),
    (
        r"its prompts and replies were deleted",
        QT_TRANSLATE_NOOP("Server", "its prompts and replies were deleted"),
    ),
    (r"pause it first", QT_TRANSLATE_NOOP("Server", "pause it first")),
    (r"there is nothing left to delete", QT_TRANSLATE_NOOP("Server", "there is nothing left to delete")),
    (
        r"(\d+) replies have no grade yet; grade them first",
        QT_TRANSLATE_NOOP("Server", "{0} replies have no grade yet; grade them first"),
    ),
    (
        r"grades are given once every reply is there",
        QT_TRANSLATE_NOOP("Server", "grades are given once every reply is there"),
    ),
    (
        r"a row is asked again once it stands still",
        QT_TRANSLATE_NOOP("Server", "a row is asked again once it stands still"),
    ),
    (
        r"its scores are made in a step of their own: resume it, which asks again what failed",
        QT_TRANSLATE_NOOP(
            "Server", "its scores are made in a step of their own: resume it, which asks again what failed"
        ),
    ),
)
_OUTCOMES: Final = {
    "worse, beyond chance": QT_TRANSLATE_NOOP("Server", "worse, beyond chance"),
    "not what chance gives": QT_TRANSLATE_NOOP("Server", "not what chance gives"),
    "not enough data": QT_TRANSLATE_NOOP("Server", "not enough data"),
    "within the margin": QT_TRANSLATE_NOOP("Server", "within the margin"),
    "no alarm": QT_TRANSLATE_NOOP("Server", "no alarm"),
}
_COUNTS: Final = {
    "questions": QT_TRANSLATE_NOOP("Server", "{0} questions"),
    "pairs": QT_TRANSLATE_NOOP("Server", "{0} pairs"),
    "replies": QT_TRANSLATE_NOOP("Server", "{0} replies"),
    "sessions": QT_TRANSLATE_NOOP("Server", "{0} sessions"),
}
_AGAINST: Final = (
    (r", at most (\S+)", QT_TRANSLATE_NOOP("Server", "at most {0}")),
    (r", at least (\S+)", QT_TRANSLATE_NOOP("Server", "at least {0}")),
    (r", margin (\S+)", QT_TRANSLATE_NOOP("Server", "margin {0}")),
    (r", as in reference (.+)", QT_TRANSLATE_NOOP("Server", "against reference {0}")),
    (r", as the weights say", QT_TRANSLATE_NOOP("Server", "against the weights")),
)
_FINDING: Final = re.compile(
    r"(?P<measured>.+?) over (?P<count>\d+) (?:batches of (?P<batch>\d+) )?"
    r"(?P<unit>questions|pairs|replies|sessions)"
    rf"(?P<against>, .*?)?: (?P<outcome>{'|'.join(_OUTCOMES)})"
)
_MEASURED: Final = re.compile(
    r"(?P<signal>\w+)(?: on (?P<kind>\w+) canaries)? (?P<value>[-+]?[\d.e+-]+|nan|inf)"
    r"(?: against stable \(95%: (?P<low>\S+) to (?P<high>\S+)\))?"
)
_SETTLED: Final = re.compile(
    r"(?P<progress>\d+ of \d+ (?:pairs|looks, \d+ of \d+ replies))"
    r"(?:(?P<passed>, nothing failed)(?P<margin>, non-inferiority shown)?|; not enough data: (?P<missing>.+))"
)
_MISTAKES: Final = re.compile(r"(?P<count>\d+) measurements went wrong, the last one: (?P<reason>.+)")
_UNJUDGED: Final = re.compile(r"nobody judges this rollout: (?P<why>.+)")
_NAMED: Final = re.compile(r"(?P<name>[^:]+): (?P<text>.+)")


def _say(source: str) -> str:
    return QCoreApplication.translate("Server", source)


def say(sentence: str) -> str:
    """A sentence of the server in the language of the client; one that is unknown stays as it was written."""
    said = _said(sentence)
    return sentence if said is None else said


def _said(sentence: str) -> str | None:
    readers: Sequence[Callable[[str], str | None]] = (
        _whole,
        _settled,
        _finding,
        _mistakes,
        _unjudged,
        _named,
    )
    return next((said for read in readers if (said := read(sentence)) is not None), None)


def _whole(sentence: str) -> str | None:
    for pattern, ours in _WHOLE:
        found = re.fullmatch(pattern, sentence)
        if found is not None:
            return _say(ours).format(*(_signal(group) for group in found.groups()))
    return None


def _signal(word: str) -> str:
    """The name of a signal where the word is one."""
    known = next((own for own in NAMES if own.value == word), None)
    return word if known is None else figure_name(Signal(known))


def _settled(sentence: str) -> str | None:
    """What a step has gathered, and what is missing."""
    found = _SETTLED.fullmatch(sentence)
    if found is None:
        return None
    progress = say(found["progress"])
    if found["missing"]:
        names = listed([guardrail_name(name) for name in found["missing"].split(", ")])
        return _say(QT_TRANSLATE_NOOP("Server", "{0}; not enough data: {1}")).format(progress, names)
    if found["margin"]:
        return _say(QT_TRANSLATE_NOOP("Server", "{0}, nothing failed, non-inferiority shown")).format(
            progress
        )
    return _say(QT_TRANSLATE_NOOP("Server", "{0}, nothing failed")).format(progress)


def _finding(sentence: str) -> str | None:
    """What was measured, over how much, against what, and what follows."""
    found = _FINDING.fullmatch(sentence)
    measured = None if found is None else _measured(found["measured"])
    if found is None or measured is None:
        return None
    count = _say(_COUNTS[found["unit"]]).format(found["count"])
    if found["batch"]:
        one = _say(_COUNTS[found["unit"]]).format(found["batch"])
        count = _say(QT_TRANSLATE_NOOP("Server", "{0} batches of {1}")).format(found["count"], one)
    against = _against(found["against"] or "")
    text = QT_TRANSLATE_NOOP("Server", "{0} over {1}: {2}")
    if against:
        text = QT_TRANSLATE_NOOP("Server", "{0} over {1}, {3}: {2}")
    return _say(text).format(measured, count, _say(_OUTCOMES[found["outcome"]]), against)


def _measured(words: str) -> str | None:
    if words == "nothing measured":
        return _say(QT_TRANSLATE_NOOP("Server", "nothing measured"))
    share = re.fullmatch(r"the candidate got (\S+)", words)
    if share is not None:
        return _say(QT_TRANSLATE_NOOP("Server", "the candidate got {0}")).format(share[1])
    found = _MEASURED.fullmatch(words)
    if found is None:
        return None
    name = translated(OUTCOMES[found["signal"]]) if found["signal"] in OUTCOMES else _signal(found["signal"])
    if found["kind"]:
        name = _say(QT_TRANSLATE_NOOP("Server", "{0} on canaries ({1})")).format(name, _kind(found["kind"]))
    if found["low"] is None:
        return _say(QT_TRANSLATE_NOOP("Server", "{0} {1}")).format(name, found["value"])
    ends = [
        _say(QT_TRANSLATE_NOOP("Server", "open")) if end == "open" else end
        for end in (found["low"], found["high"])
    ]
    text = _say(QT_TRANSLATE_NOOP("Server", "{0} {1} against stable (95%: {2} to {3})"))
    return text.format(name, found["value"], *ends)


def _kind(kind: str) -> str:
    pressure = kind.removesuffix("_pressure")
    return translated(PRESSURES[pressure]) if pressure in PRESSURES else kind


def _against(words: str) -> str:
    for pattern, ours in _AGAINST:
        found = re.fullmatch(pattern, words)
        if found is not None:
            return _say(ours).format(*found.groups())
    return words.removeprefix(", ")


def _mistakes(sentence: str) -> str | None:
    found = _MISTAKES.fullmatch(sentence)
    if found is None:
        return None
    text = _say(QT_TRANSLATE_NOOP("Server", "{0} measurements went wrong, the last one: {1}"))
    return text.format(found["count"], say(found["reason"]))


def _unjudged(sentence: str) -> str | None:
    found = _UNJUDGED.fullmatch(sentence)
    if found is None:
        return None
    return _say(QT_TRANSLATE_NOOP("Server", "nobody judges this rollout: {0}")).format(say(found["why"]))


def _named(sentence: str) -> str | None:
    """A guardrail's name before its finding; only where the finding is known."""
    found = _NAMED.fullmatch(sentence)
    text = None if found is None else _said(found["text"])
    if found is None or text is None:
        return None
    return _say(QT_TRANSLATE_NOOP("Server", "{0}: {1}")).format(guardrail_name(found["name"]), text)


def listed(words: Sequence[str]) -> str:
    """Words one after the other, as the language joins them."""
    return QCoreApplication.translate("Server", ", ").join(words)
