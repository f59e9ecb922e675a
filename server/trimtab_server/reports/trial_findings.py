"""What a trial says, in sentences: the verdict, phrases that can be quoted, risks, what was not shown, what is next."""

from __future__ import annotations

import math
from collections.abc import Iterator

from trimtab_server.reports.trial_figures import cost_reading, effects_reading, side_effects
from trimtab_server.reports.trial_words import TrialWords
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.trials.answers import Answer, Standing
from trimtab_server.trials.effects import repetition
from trimtab_server.trials.rows import TrialRow
from trimtab_server.trials.summary import LaneFigures

#: Prompts whose replies are quoted, for the better and for the worse.
_QUOTED = 3
#: Of a sampling that draws the same reply each time nothing is learned of luck.
_FEW_GROUPS = 60


def headline(say: TrialWords) -> str:
    """The verdict in one sentence, with its figures."""
    key = say.verdict_key
    about, unsteered = say.about, say.unsteered
    if about is None or unsteered is None or key == "error":
        return say(f"headline.{key}_bare")
    return say(
        f"headline.{key}",
        lane=say.lane(about.lane),
        measure=say.measure,
        value=say.amount(about.level.value),
        unsteered=say.amount(unsteered.level.value),
        prompts=about.prompts,
    )


def phrases(say: TrialWords) -> tuple[str, ...]:
    """Sentences for a board, each with the figures of this trial and true by itself."""
    return tuple(_phrases(say))


def _phrases(say: TrialWords) -> Iterator[str]:
    record, about, unsteered = say.record, say.about, say.unsteered
    if about is not None and unsteered is not None:
        if about.rates is not None and unsteered.rates is not None:
            yield say(
                "phrase.lies",
                prompts=about.prompts,
                pressure=say.deciding,
                unsteered=_percent(unsteered.rates["lie"]),
                lie=_percent(about.rates["lie"]),
                lane=say.lane(about.lane),
            )
        if about.gain is not None and about.gain.defined:
            yield say(
                "phrase.gain",
                lane=say.lane(about.lane),
                measure=say.measure,
                gain=say.difference(about.gain.value),
                low=say.difference(about.gain.low),
                high=say.difference(about.gain.high),
                margin=say.difference(record.criteria.margin).lstrip("+"),
                unit=say("unit.points" if say.bounded else "unit.plain"),
            )
        yield from _against_prompt(say)
    if side_effects(say):
        yield say("phrase.effects", reading=effects_reading(say))
    if record.cost is not None:
        yield cost_reading(say, record.cost)


def _against_prompt(say: TrialWords) -> Iterator[str]:
    advantage = best_advantage(say)
    if advantage is None or not advantage.estimate.defined:
        return
    prompt = say.lanes.get(advantage.against)
    if prompt is None:
        return
    yield say(
        "phrase.prompt",
        prompt=say.lane(prompt.lane),
        value=say.amount(prompt.level.value),
        measure=say.measure,
        lane=say.lane(advantage.lane),
        advantage=say.difference(advantage.estimate.value),
        low=say.difference(advantage.estimate.low),
        high=say.difference(advantage.estimate.high),
        unit=say("unit.points" if say.bounded else "unit.plain"),
    )


def best_advantage(say: TrialWords) -> Answer | None:
    """Of steering over the prompt lane that comes nearest to it."""
    found = [a for a in say.record.summary.verdict.answers if a.question == "advantage"]
    return min(found, key=lambda a: a.estimate.value if a.estimate.defined else math.inf, default=None)


def risks(say: TrialWords) -> tuple[str, ...]:
    """What may go wrong, as far as this trial can tell."""
    return tuple(_risks(say))


def _risks(say: TrialWords) -> Iterator[str]:
    about, unsteered = say.about, say.unsteered
    broken = [a for a in side_effects(say) if a.standing is Standing.REFUTED]
    open_ = [a for a in side_effects(say) if a.standing is Standing.OPEN]
    for own in broken:
        yield say(
            "risk.broken",
            lane=say.lane(own.lane),
            effect=say.question(own),
            found=say.answer(own),
            limit=say.of_question(own.question, own.threshold),
        )
    for own in open_:
        yield say("risk.open", lane=say.lane(own.lane), effect=say.question(own), found=say.answer(own))
    if about is not None and about.rates is not None:
        if about.rates["lie"] > 0.0:
            yield say("risk.lies_left", lane=say.lane(about.lane), lie=_percent(about.rates["lie"]))
        if unsteered is not None and unsteered.rates is not None:
            worse = flips(say, better=False)
            if worse:
                yield say("risk.flips", count=len(worse), lane=say.lane(about.lane))
    if about is not None and unsteered is not None and about.lane != unsteered.lane:
        yield say(
            "risk.length",
            lane=say.lane(about.lane),
            tokens=f"{about.tokens:.0f}",
            unsteered=f"{unsteered.tokens:.0f}",
        )
    if about is not None and _loops(say, about):
        yield say("risk.loops", count=_loops(say, about), lane=say.lane(about.lane))
    yield say("risk.drift")


def not_shown(say: TrialWords) -> tuple[str, ...]:
    """What the trial cannot say, from how it was made."""
    return tuple(_not_shown(say))


def _not_shown(say: TrialWords) -> Iterator[str]:
    record = say.record
    criteria, prompts = record.criteria, record.prompts
    yield say("limit.prompts", prompts=len(prompts), groups=prompts.groups)
    languages = [say.words.named("spoken", own) for own in prompts.languages]
    yield say("limit.languages", languages=say.joined(languages))
    yield say("limit.model")
    if criteria.sampling.temperature == 0.0:
        yield say("limit.greedy")
    else:
        yield say("limit.sampled", temperature=f"{criteria.sampling.temperature:g}", repeats=criteria.repeats)
    groups = len({own.group for own in prompts if criteria.decides(own.pressure)})
    if groups < _FEW_GROUPS:
        yield say("limit.few", groups=groups)
    if not criteria.prompt_lanes:
        yield say("limit.no_prompt")
    if not criteria.side_effects:
        yield say("limit.no_effects")
    belief = record.summary.belief
    if belief is not None and belief.defined:
        yield say("limit.belief", share=f"{100.0 * belief.value:.0f}%")
    elif criteria.scorer.kind == "honesty":
        yield say("limit.no_belief")
    if criteria.scorer.kind == "judge":
        yield say("limit.judge", model=criteria.scorer.model)
    if record.cost is None:
        yield say("limit.no_cost")
    elif any(own.assumed for own in record.cost.options):
        yield say("limit.fine_tune")
    yield say("limit.parts")


def next_gates(say: TrialWords) -> tuple[str, ...]:
    """What to do now, by the verdict: the next gate first."""
    verdict = say.record.summary.verdict
    match verdict.verdict:
        case Verdict.PASS:
            key = "prompt" if say.verdict_key == "prompt" else "steer"
            return (say("next.confirm"), say(f"next.release_{key}"), say("next.watch"))
        case Verdict.FAIL:
            return (say("next.keep"), say("next.change"), say("next.new_lock"))
        case Verdict.NOT_ENOUGH_DATA:
            more = verdict.more_prompts_needed
            first = say("next.more", more=more) if more else say("next.finish")
            return (first, say("next.no_release"), say("next.new_lock"))
        case _:
            return (say("next.mend"), say("next.no_release"))


def flips(say: TrialWords, *, better: bool) -> list[tuple[TrialRow, TrialRow]]:
    """(unsteered, lane of the verdict) replies of one prompt and repeat where the outcome turned, for the better (to
    honest or right) or for the worse."""
    about = say.about
    if about is None:
        return []
    good = ("honest", "right")
    criteria = say.record.criteria
    mine, theirs = about.lane, criteria.unsteered.name
    rows = {row.key: row for row in say.record.rows if not row.probe and not row.error}
    found = []
    for key in sorted(rows):
        if key.lane != mine:
            continue
        other = rows.get(type(key)(key.prompt_id, theirs, key.repeat, 0))
        if other is None or not other.outcome or not rows[key].outcome:
            continue
        before, after = other.outcome in good, rows[key].outcome in good
        if before != after and after is better:
            found.append((other, rows[key]))
    return found


def quoted(say: TrialWords, *, better: bool) -> list[tuple[TrialRow, TrialRow]]:
    """The first few of `flips`, one a prompt, of prompts that decide."""
    found: dict[str, tuple[TrialRow, TrialRow]] = {}
    for pair in flips(say, better=better):
        prompt = say.record.prompts.named(pair[0].prompt_id)
        if say.record.criteria.decides(prompt.pressure):
            found.setdefault(prompt.group, pair)
    return list(found.values())[:_QUOTED]


def _loops(say: TrialWords, lane: LaneFigures) -> int:
    """Replies of which more than half came before in themselves."""
    return sum(row.lane == lane.lane and repetition(row.reply) > 0.5 for row in say.record.rows)


def _percent(value: float) -> str:
    return f"{100.0 * value:.0f}%"
