"""`trimtab rollout plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Final

import typer
from trimtab_client import (
    DetectionPower,
    Foresight,
    Plan,
    PlanCheck,
    PlanFile,
    PlanGuardrail,
    PlanStep,
)

from trimtab_server.cli.failure import CommandFailed
from trimtab_server.cli.rollout_show import show_check
from trimtab_server.cli.session import JsonFlag, session

app = typer.Typer(help="Analysis plans: what decides about a rollout.", no_args_is_help=True)

FORMATS: Final = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}
_KINDS: Final = ("small", "busy")

FileArgument = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="A .toml, .yaml or .json plan. Default: the server's.")
]


@app.callback()
def _plan() -> None:
    """Analysis plans: what decides about a rollout. Example: trimtab rollout plan check plan.toml"""


@app.command()
def check(
    context: typer.Context,
    file: FileArgument = None,
    replies_per_day: Annotated[
        float | None,
        typer.Option(min=0, help="Traffic to expect; no server is needed then. Default: the last day's."),
    ] = None,
    discordance: Annotated[
        float,
        typer.Option(min=0.01, max=1, help="Share of canary questions the two arms answer differently."),
    ] = 0.15,
    as_json: JsonFlag = False,
) -> None:
    """Check a plan, and say what it will take before it starts.

    Earliest promotion, worst detection time, replies needed, and the planned rates of wrong decisions.

    Example: trimtab rollout plan check plan.toml --replies-per-day 50
    """
    found = session(context, as_json)
    if replies_per_day is None:
        with found.client() as client:
            checked = client.rollouts.check_plan(read_file(file), discordance=discordance)
    else:
        checked = _check_here(file, replies_per_day, discordance)
    if found.json:
        found.emit_json({"ok": True, "plan": checked.plan, "foresight": checked.foresight})
        return
    show_check(found, checked)


@app.command("show")
def show_default(
    context: typer.Context,
    kind: Annotated[
        str, typer.Argument(help="small: about 50 replies a day; busy: thousands.", metavar="[small|busy]")
    ] = "small",
    as_json: JsonFlag = False,
) -> None:
    """Print a plan to start from, as YAML.

    Example: trimtab rollout plan show busy > plan.yaml
    """
    import yaml

    from trimtab_server.rollouts import default_plan

    found = session(context, as_json)
    if kind not in _KINDS:
        raise typer.BadParameter(f"there is no plan {kind!r}; use {' or '.join(_KINDS)}")
    plan = default_plan(kind)  # type: ignore[arg-type]
    if found.json:
        found.emit_json({"plan": plan.as_dict(), "hash": plan.hash})
        return
    print(yaml.safe_dump(_without_defaults(plan.as_dict()), sort_keys=False, allow_unicode=True), end="")


@app.command()
def schema(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Print the JSON schema of plan files, for an editor.

    Example: trimtab rollout plan schema > plan.schema.json
    """
    import json

    from trimtab_server.rollouts.plan_file import plan_schema

    found = session(context, as_json)
    if found.json:
        found.emit_json(plan_schema())
        return
    print(json.dumps(plan_schema(), indent=2))


def read_file(file: Path | None) -> PlanFile:
    """The text of a plan file as it goes to the server; None for the server's own plan.

    Raises:
        CommandFailed: PLAN_UNREADABLE.
    """
    if file is None:
        return PlanFile()
    written_in = FORMATS.get(file.suffix.lower())
    if written_in is None:
        raise CommandFailed("PLAN_UNREADABLE", f"{file} has no suffix of a plan; use {', '.join(FORMATS)}")
    try:
        return PlanFile(file.read_text(encoding="utf-8"), written_in)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed("PLAN_UNREADABLE", f"{file} cannot be read: {error}") from error


def _check_here(file: Path | None, replies_per_day: float, discordance: float) -> PlanCheck:
    from trimtab_server.rollouts import PlanError, default_plan
    from trimtab_server.rollouts.foresight import foresee
    from trimtab_server.rollouts.plan_file import read_plan
    from trimtab_server.rollouts.plan_summary import LIMITS_OF_METHOD

    try:
        plan = default_plan() if file is None else read_plan(file)
    except PlanError as error:
        faults = "; ".join(str(error).splitlines())
        raise CommandFailed("PLAN_INVALID", f"the plan cannot be used: {faults}") from error
    except OSError as error:
        raise CommandFailed("PLAN_UNREADABLE", f"{file} cannot be read: {error}") from error
    foresight = foresee(plan, replies_per_day, discordance)
    seconds = foresight.earliest_promotion_seconds
    detection = foresight.worst_detection_seconds
    return PlanCheck(
        _summary(plan),
        Foresight(
            replies_per_day=replies_per_day,
            earliest_promotion_seconds=None if seconds is None else float(seconds),
            needed_looks=foresight.needed_looks,
            replies_needed=foresight.replies_needed,
            worst_detection_looks=foresight.worst_detection_looks,
            worst_detection_seconds=None if detection is None else float(detection),
            false_alarm_rate=foresight.family_false_alarm,
            wrong_promotion_rate=foresight.wrong_promotion,
            powers=tuple(DetectionPower(**vars(power)) for power in foresight.powers),
        ),
        LIMITS_OF_METHOD,
    )


def _summary(plan: Any) -> Plan:
    from trimtab_server.rollouts.plan import STEP_NAMES
    from trimtab_server.rollouts.plan_rules import COMPARISONS
    from trimtab_server.rollouts.plan_summary import step_text, weights_of

    def criteria(group: Any, *, acts: bool) -> tuple[PlanGuardrail, ...]:
        return tuple(
            PlanGuardrail(
                name=one.name,
                signal=one.signal,
                unit=one.unit,
                test=one.test,
                direction=one.direction,
                limit=one.limit,
                margin=one.margin if one.test in COMPARISONS else None,
                alpha=plan.alpha(one),
                acts=acts,
                kind=one.kind or "",
            )
            for one in group
        )

    return Plan(
        name=plan.name,
        hash=plan.hash,
        canonical_json=plan.canonical,
        steps=tuple(
            PlanStep(STEP_NAMES[type(step)], step_text(step), weight)
            for step, weight in zip(plan.steps, weights_of(plan.steps), strict=True)
        ),
        guardrails=criteria(plan.guardrails, acts=True) + criteria(plan.monitors, acts=False),
        false_alarm_budget=plan.false_alarm,
    )


def _without_defaults(value: Any) -> Any:
    """Keys that say nothing are left out: what is empty or none."""
    if isinstance(value, dict):
        kept = {key: _without_defaults(one) for key, one in value.items()}
        return {key: one for key, one in kept.items() if one is not None and one != []}
    if isinstance(value, list | tuple):
        return [_without_defaults(one) for one in value]
    return value
