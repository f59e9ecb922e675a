"""Trials on a terminal: progress, tables, and the JSON of a finished one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from typing import Any

from trimtab_client import Client, Trial, TrialProgress, TrialRow, TrialState, Verdict, bare

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.session import Session, local_time, plain

_NO_VERDICT = "not enough data"


def follow(found: Session, client: Client, trial: Trial) -> Trial:
    """Shows the progress on standard error until the trial runs no more.

    Raises:
        CommandFailed: TRIAL_STOPPED, it was paused, or a fault paused it.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    newest = trial
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    shown = Progress(*columns, console=found.err, transient=True, disable=not found.err.is_terminal)
    try:
        with shown, closing(client.trials.watch(trial.name)) as events:
            task = shown.add_task(trial.display_name, total=trial.progress.planned, left="")
            for event in events:
                if isinstance(event, TrialProgress):
                    shown.update(
                        task,
                        completed=event.done,
                        description=so_far(event),
                        left=time_left(event.seconds_left),
                    )
                elif isinstance(event, Trial):
                    newest = event
    except KeyboardInterrupt:
        found.err.print(
            f"it goes on without you; stop it with: trimtab trial pause {bare(trial.name)}", markup=False
        )
        raise
    if newest.state not in (TrialState.FINISHED, TrialState.RATING):
        raise CommandFailed(
            "TRIAL_STOPPED",
            f"{trial.name} is {newest.state} with {newest.progress.done} of {newest.progress.planned} rows: "
            f"{newest.reason or 'no reason was given'}. Go on with: trimtab trial resume {bare(trial.name)}",
        )
    return newest


def so_far(progress: TrialProgress) -> str:
    """The lanes on the way, such as "unsteered 15%  steered 97%"."""
    words = []
    for lane in progress.lanes:
        if "honest" in lane.outcomes or "lie" in lane.outcomes:
            words.append(f"{lane.lane} {lane.outcomes.get('honest', 0) / lane.rows:.0%} honest")
        elif lane.mean_score is not None:
            words.append(f"{lane.lane} {lane.mean_score:.2f}")
    return "  ".join(words) or "asking"


def time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s left" if minutes else f"{rest} s left"


def record(trial: Trial) -> dict[str, Any]:
    """What `trimtab trial run --json` prints."""
    facts: dict[str, Any] = {"trial": trial.name, "state": trial.state.value, "lock": trial.lock.hash}
    if trial.result is not None:
        return {**facts, **json.loads(trial.result.json)}
    return {
        **facts,
        "rows": trial.progress.done,
        "planned": trial.progress.planned,
        "lanes": {},
        "verdict": _NO_VERDICT,
        "recommendation": None,
        "reason": trial.reason,
    }


def verdict_words(verdict: Verdict) -> str:
    return str(verdict).replace("_", " ")


def show_trial(found: Session, trial: Trial) -> None:
    """Everything a person wants to know of one."""
    progress = trial.progress
    errors = f", {progress.errors} failed" if progress.errors else ""
    left = f", {time_left(progress.seconds_left)}" if progress.seconds_left is not None else ""
    found.facts(
        (
            ("trial", f"{bare(trial.name)}  {trial.display_name}"),
            ("goal", trial.goal),
            ("state", f"{trial.state}: {trial.reason}" if trial.reason else trial.state),
            ("rows", f"{progress.done} of {progress.planned}{errors}{left}"),
            ("prompts", f"{trial.prompt_count}, {trial.repeats} time(s) in {len(trial.lanes)} lanes"),
            ("scorer", f"{trial.scorer}, compares {trial.measure}"),
            ("locked", f"{trial.lock.hash[:12]} on {local_time(trial.create_time)} by {trial.created_by}"),
            ("kept until", local_time(trial.expire_time)),
        )
    )
    if trial.rating is not None and not trial.rating.finished:
        rating = trial.rating
        found.facts((("grades", f"{rating.done} of {rating.planned} are yours; {rating.raters} rater(s)"),))
    if trial.result is not None:
        show_result(found, trial)


def show_result(found: Session, trial: Trial) -> None:
    """The verdict and the table behind it."""
    result = trial.result
    assert result is not None, "asked for a trial with a result"
    honesty = any(lane.honest is not None for lane in result.lanes)
    columns = [
        "lane",
        *(["honest", "lie", "evade", "no belief"] if honesty else []),
        "level (95%)",
        "gain (95%)",
        "p",
    ]
    rows = []
    for lane in result.lanes:
        rates = [_percent(lane.honest), _percent(lane.lie), _percent(lane.evade), _percent(lane.no_belief)]
        level, gain = lane.level, lane.gain
        rows.append(
            [
                lane.lane,
                *(rates if honesty else []),
                _interval(level.value, level.low, level.high),
                "" if gain is None else _interval(gain.value, gain.low, gain.high),
                "" if lane.p is None else _p(lane.p),
            ]
        )
    found.table(columns, rows, "no prompt was answered in every lane")
    recommended = f", {result.recommendation}" if result.recommendation else ""
    found.out.print(f"{verdict_words(result.verdict)}{recommended}: {result.reason}", markup=False)


def show_list(found: Session, trials: Iterable[Trial]) -> None:
    found.table(
        ("id", "name", "state", "rows", "verdict", "recommendation", "created"),
        (
            (
                bare(trial.name),
                trial.display_name,
                trial.state,
                f"{trial.progress.done}/{trial.progress.planned}",
                "" if trial.result is None else verdict_words(trial.result.verdict),
                "" if trial.result is None else trial.result.recommendation,
                local_time(trial.create_time),
            )
            for trial in trials
        ),
        "no trials yet: trimtab trial sample writes one to try",
    )


def show_rows(found: Session, rows: Iterable[TrialRow], total: int) -> None:
    shown = list(rows)
    found.table(
        ("row", "prompt", "lane", "repeat", "outcome", "score", "tokens", "reply"),
        (
            (
                row.number or row.key,
                f"{row.prompt_id} probe {row.probe}" if row.probe else row.prompt_id,
                row.lane,
                row.repeat + 1,
                "error" if row.error else row.outcome,
                "" if row.score is None else f"{row.score:g}",
                row.tokens or "",
                row.error or row.reply,
            )
            for row in shown
        ),
        "no rows",
    )
    if len(shown) < total:
        found.out.print(f"{len(shown)} of {total} rows; --limit shows more", markup=False)


def rows_json(rows: Iterable[TrialRow]) -> list[Any]:
    return [plain(row) for row in rows]


def _p(value: float) -> str:
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.1%}"


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "?"
    ends = ("?" if end is None else f"{end:.2f}" for end in (low, high))
    return f"{value:.2f} ({' to '.join(ends)})"
