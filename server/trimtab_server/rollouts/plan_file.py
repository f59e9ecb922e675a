"""Plans as files: TOML, YAML or JSON, checked strictly; the schema is published beside this module."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, get_type_hints

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, create_model, model_validator
from pydantic_core import ErrorDetails

from trimtab_server.rollouts.plan import Analysis, AnalysisPlan, Pause, SetWeight, Shadow, Step
from trimtab_server.rollouts.plan_rules import Fault, PlanError, check_plan
from trimtab_server.rollouts.plan_yaml import load_yaml

Format: TypeAlias = Literal["toml", "yaml", "json"]

SCHEMA_PATH: Final = Path(__file__).with_name("plan.schema.json")
#: A plan is a page of text; more is a mistake or an attack.
LARGEST: Final = 256 * 1024
_FORMATS: Final[dict[str, Format]] = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}


class StepEntry(BaseModel):
    """A step is written as one key: `shadow = { pairs = 60 }`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    shadow: Shadow | None = None
    set_weight: SetWeight | None = None
    pause: Pause | None = None
    analysis: Analysis | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> StepEntry:
        if sum(own is not None for own in self._kinds()) != 1:
            raise ValueError("a step has exactly one of shadow, set_weight, pause, analysis")
        return self

    def _kinds(self) -> tuple[Step | None, ...]:
        return self.shadow, self.set_weight, self.pause, self.analysis

    @property
    def step(self) -> Step:
        return next(own for own in self._kinds() if own is not None)


def read_plan(path: Path) -> AnalysisPlan:
    """The plan in a `.toml`, `.yaml`, `.yml` or `.json` file.

    Raises:
        PlanError: it is no plan, or breaks a rule; one line per fault, with its key and the fix.
        OSError: the file cannot be read.
    """
    written_in = _FORMATS.get(path.suffix.lower())
    if written_in is None:
        raise _unreadable(f"{path.name} has suffix {path.suffix!r}", f"use one of {', '.join(_FORMATS)}")
    try:
        text = path.read_bytes()[: LARGEST + 1].decode()
    except UnicodeDecodeError as fault:
        raise _unreadable(f"{path.name} is not UTF-8 text ({fault.reason})", "save it as UTF-8") from fault
    return parse_plan(text, written_in)


def parse_plan(text: str, written_in: Format) -> AnalysisPlan:
    """The plan in a text. Raises PlanError as `read_plan`."""
    if len(text) > LARGEST:
        raise _unreadable("the text is longer than 256 KiB", "shorten it")
    try:
        match written_in:
            case "toml":
                value = tomllib.loads(text)
            case "yaml":
                value = load_yaml(text)
            case "json":
                value = json.loads(text)
        if not isinstance(value, Mapping):
            raise _unreadable(
                f"the text is a {type(value).__name__}", "write a table of keys, starting with name"
            )
        encoded = json.dumps(value, allow_nan=False)
    except PlanError:
        raise
    except (ValueError, TypeError, RecursionError, yaml.YAMLError) as fault:
        raise _unreadable(f"no readable {written_in.upper()}: {fault}", "correct the text there") from fault
    try:
        model = _model().model_validate_json(encoded)
    except ValidationError as refused:
        raise PlanError(tuple(_fault(error) for error in refused.errors())) from refused
    values = {own.name: getattr(model, own.name) for own in dataclasses.fields(AnalysisPlan)}
    return check_plan(AnalysisPlan(**{**values, "steps": tuple(entry.step for entry in values["steps"])}))


def plan_from_json(canonical: str) -> AnalysisPlan:
    """The plan whose `canonical` was stored.

    Its hash stays that of the stored text, also where a later release would write the same plan with more keys.

    Raises:
        PlanError.
    """
    plan = parse_plan(canonical, "json")
    plan.__dict__["canonical"] = canonical
    return plan


def plan_schema() -> dict[str, Any]:
    """JSON schema of a plan file."""
    schema = _model().model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


@cache
def _model() -> type[BaseModel]:
    """The fields of `AnalysisPlan`, with steps as they are written."""
    hints = get_type_hints(AnalysisPlan)
    fields: dict[str, Any] = {
        own.name: (hints[own.name], ... if own.default is dataclasses.MISSING else own.default)
        for own in dataclasses.fields(AnalysisPlan)
    }
    fields["steps"] = (tuple[StepEntry, ...], ...)
    return create_model(
        "AnalysisPlan",
        __config__=ConfigDict(extra="forbid", strict=True),
        __doc__="The analysis plan of a rollout.",
        **fields,
    )


def _fault(error: ErrorDetails) -> Fault:
    key = ""
    for part in error["loc"]:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    key = key or "plan"
    match error["type"]:
        case "missing":
            return Fault(key, "is missing", "add it")
        case "extra_forbidden" | "unexpected_keyword_argument":
            return Fault(
                key, "is no key of a plan", "remove it or correct its spelling (see plan.schema.json)"
            )
        case "literal_error":
            return Fault(key, f"is {error['input']!r}", f"use {error['ctx']['expected']}")
        case "value_error":
            return Fault(key, str(error["ctx"]["error"]), "write each step as one key")
        case _:
            return Fault(
                key, f"is {error['input']!r}", error["msg"].lower().replace("input should", "it should")
            )


def _unreadable(fault: str, fix: str) -> PlanError:
    return PlanError((Fault("plan", fault, fix),))
