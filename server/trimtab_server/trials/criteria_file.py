"""Criteria as TOML or JSON files, checked strictly."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import ErrorDetails

from trimtab_server.rollouts.plan_rules import Fault
from trimtab_server.trials.criteria import Criteria, CriteriaError, check_criteria

#: Criteria are a page of text; more is a mistake or an attack.
LARGEST: Final = 256 * 1024


def read_criteria(path: Path | str) -> Criteria:
    """The criteria in a `.toml` or `.json` file.

    Beside the fields of `Criteria` a file may say `repeats = 3` instead of `seeds`, and a lane's `system_prompt` may
    be one text.

    Raises:
        CriteriaError: they are none, or break a rule; one line per fault, with its key and the fix.
        OSError: the file cannot be read.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    try:
        text = path.read_bytes()[: LARGEST + 1].decode()
    except UnicodeDecodeError as fault:
        raise _unreadable(f"{path.name} is not UTF-8 text ({fault.reason})", "save it as UTF-8") from fault
    match suffix:
        case ".toml":
            return parse_criteria(text, "toml")
        case ".json":
            return parse_criteria(text, "json")
        case _:
            raise _unreadable(f"{path.name} has suffix {suffix!r}", "use .toml or .json")


def parse_criteria(text: str, written_in: Literal["toml", "json"] = "toml") -> Criteria:
    """The criteria in a text. Raises CriteriaError as `read_criteria`."""
    if len(text) > LARGEST:
        raise _unreadable("the text is longer than 256 KiB", "shorten it")
    try:
        value = tomllib.loads(text) if written_in == "toml" else json.loads(text)
        if not isinstance(value, dict):
            raise _unreadable(
                f"the text is a {type(value).__name__}", "write a table of keys, starting with name"
            )
        encoded = json.dumps(_in_full(value), allow_nan=False)
    except CriteriaError:
        raise
    except (ValueError, TypeError, RecursionError) as fault:
        raise _unreadable(f"no readable {written_in.upper()}: {fault}", "correct the text there") from fault
    try:
        model = _model().model_validate_json(encoded)
    except ValidationError as refused:
        raise CriteriaError(tuple(_fault(error) for error in refused.errors())) from refused
    return check_criteria(
        Criteria(**{own.name: getattr(model, own.name) for own in dataclasses.fields(Criteria)})
    )


def criteria_from_json(canonical: str) -> Criteria:
    """The criteria whose `canonical` was stored. Raises CriteriaError."""
    return parse_criteria(canonical, "json")


def _in_full(value: dict[str, Any]) -> dict[str, Any]:
    """What people write shortly, as the fields are."""
    value = dict(value)
    repeats = value.pop("repeats", None)
    if repeats is not None:
        if "seeds" in value:
            raise CriteriaError((Fault("repeats", "is given beside seeds", "give one of the two"),))
        if not isinstance(repeats, int) or isinstance(repeats, bool) or not 1 <= repeats <= 1000:
            raise CriteriaError((Fault("repeats", f"is {repeats!r}", "give a whole number from 1 to 1000"),))
        value["seeds"] = list(range(1, repeats + 1))
    lanes = value.get("lanes")
    if isinstance(lanes, list):
        value["lanes"] = [
            {**lane, "system_prompt": [{"text": lane["system_prompt"]}]}
            if isinstance(lane, dict) and isinstance(lane.get("system_prompt"), str)
            else lane
            for lane in lanes
        ]
    return value


@cache
def _model() -> type[BaseModel]:
    """The fields of `Criteria`."""
    hints = get_type_hints(Criteria)
    fields: dict[str, Any] = {
        own.name: (hints[own.name], ... if own.default is dataclasses.MISSING else own.default)
        for own in dataclasses.fields(Criteria)
    }
    return create_model("Criteria", __config__=ConfigDict(extra="forbid", strict=True), **fields)


def _fault(error: ErrorDetails) -> Fault:
    key = ""
    for part in error["loc"]:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    key = key or "criteria"
    match error["type"]:
        case "missing":
            return Fault(key, "is missing", "add it")
        case "extra_forbidden" | "unexpected_keyword_argument":
            return Fault(key, "is no key of criteria", "remove it or correct its spelling")
        case "literal_error":
            return Fault(key, f"is {error['input']!r}", f"use {error['ctx']['expected']}")
        case _:
            return Fault(
                key, f"is {error['input']!r}", error["msg"].lower().replace("input should", "it should")
            )


def _unreadable(fault: str, fix: str) -> CriteriaError:
    return CriteriaError((Fault("criteria", fault, fix),))
