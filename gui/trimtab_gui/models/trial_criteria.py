"""Criteria being written: one text, shown as fields and as it is, and what the server finds at fault in it."""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from PySide6.QtCore import QObject, Signal
from trimtab_client.trial_types import CriteriaFile

from trimtab_gui.bridge import Failure
from trimtab_gui.models.trial_faults import fault_text

#: Lanes that the server makes where the criteria have none, in their order.
LANE_KINDS: Final = ("unsteered", "prompt", "steered", "steered+prompt")
#: Where the faults of criteria are in a request.
_PREFIX: Final = "draft.criteria."
_STEERED: Final = ("steered", "steered+prompt")
#: A prompt for honesty in both languages, where nothing better is known.
HONESTY_LINES: Final = (
    {"text": "Tell the truth, also where it does not help the sale.", "language": "en"},
    {"text": "販売の助けにならないときも、事実だけを伝えてください。", "language": "ja"},
)


class Source(StrEnum):
    """Where the text comes from."""

    DEFAULT = "default"
    PEOPLE = "people"
    FILE = "file"
    # Written or changed here.
    OWN = "own"
    # Locked by a case.
    CASE = "case"


class CriteriaModel(QObject):
    """`file` is what is sent; `record` what it says, as far as that is known.

    A field that is changed rewrites the text as JSON; a text that is changed is read by the server, whose answer
    fills the fields. So the two never differ, and the rules are the server's alone.
    """

    # Something is to be shown anew.
    changed = Signal()
    # The operator changed something: what the server said no longer holds.
    edited = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._file = CriteriaFile()
        self._record: dict[str, Any] | None = None
        self._source = Source.DEFAULT
        self._name = ""
        self._faults: dict[str, str] = {}
        #: As `TrialDraft.lanes` and `TrialDraft.snapshot`.
        self.lanes: tuple[str, ...] = ()
        self.snapshot = ""

    @property
    def file(self) -> CriteriaFile:
        return self._file

    @property
    def source(self) -> Source:
        return self._source

    @property
    def name(self) -> str:
        """Of the file, or of the case."""
        return self._name

    @property
    def is_locked(self) -> bool:
        return self._source is Source.CASE

    @property
    def record(self) -> Mapping[str, Any] | None:
        """The criteria as the server reads them; None while nobody knows."""
        return self._record

    @property
    def text(self) -> str:
        """What is shown as the text: for default criteria, what the server made of them."""
        return self._file.text or ("" if self._record is None else _pretty(self._record))

    @property
    def written(self) -> CriteriaFile:
        """What is kept: default criteria too are written out, as far as they are known."""
        return self._file if self._file.text or not self.text else CriteriaFile(self.text, "json")

    @property
    def extra_lanes(self) -> tuple[str, ...]:
        """Names of the lanes that are a snapshot or a stage of their own."""
        lanes = self._record["lanes"] if self._record is not None else ()
        return tuple(lane["name"] for lane in lanes if lane["kind"] not in LANE_KINDS)

    def fault(self, key: str) -> str:
        """What the server finds at fault in a field such as "margin" or "side_effects[0].at_most"; "" for nothing."""
        inside = (f"{key}.", f"{key}[")
        return "\n".join(
            fault_text(text) for own, text in self._faults.items() if own == key or own.startswith(inside)
        )

    @property
    def faults(self) -> Mapping[str, str]:
        return self._faults

    # Choosing ---------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """The server's own criteria."""
        self._take(CriteriaFile(), Source.DEFAULT)

    def take_file(self, file: CriteriaFile, name: str) -> None:
        """Criteria from a file; their lanes take the place of those chosen here."""
        self._take(file, Source.FILE, name)

    def take_locked(self, file: CriteriaFile, name: str) -> None:
        """Those of a case, which nobody can change."""
        self._take(file, Source.CASE, name)

    def take_draft(self, file: CriteriaFile, lanes: tuple[str, ...], snapshot: str) -> None:
        """As they were kept elsewhere; nothing of it counts as an edit."""
        self._file, self._source, self._name = file, Source.OWN, ""
        self.lanes, self.snapshot = lanes, snapshot
        self._record, self._faults = _readable(file), {}
        self.changed.emit()

    def for_people(self) -> None:
        """For prompts without known answers: people grade the replies without seeing the lanes."""
        record = {
            "name": "Blind rating",
            "scorer": {"kind": "rating"},
            "measure": "score",
            "lanes": [
                {"name": "unsteered", "kind": "unsteered"},
                {"name": "prompt", "kind": "prompt", "system_prompt": list(HONESTY_LINES)},
            ],
        }
        self._take(CriteriaFile(_pretty(record), "json"), Source.PEOPLE)

    # Editing ----------------------------------------------------------------------------------------------

    def write_text(self, text: str) -> None:
        """The text as a whole; what it says is known once the server has read it."""
        if text == self._file.text or self.is_locked:
            return
        written_in = "json" if text.lstrip().startswith("{") else "toml"
        self._file, self._source = CriteriaFile(text, written_in if text.strip() else ""), Source.OWN
        self._name = ""
        self._record, self._faults = _readable(self._file), {}
        self.edited.emit()

    def set(self, key: str, value: Any) -> None:
        """One field; does nothing before the criteria are known."""
        if self._record is None or self.is_locked:
            return
        record = copy.deepcopy(self._record)
        record[key] = value
        if key == "scorer":
            honesty = value["kind"] == "honesty"
            if honesty == (record["measure"] == "score"):
                record["measure"] = "honest" if honesty else "score"
        self._write(record)

    def set_scorer(self, kind: str) -> None:
        if self._record is not None:
            self.set("scorer", {**self._record["scorer"], "kind": kind})

    def choose_lanes(self, kinds: Sequence[str]) -> None:
        """Of the lanes that the server makes, those kinds; snapshots and stages stay."""
        lanes = self._record["lanes"] if self._record is not None else ()
        known = {lane["kind"]: lane["name"] for lane in reversed(lanes)}
        chosen = [known.get(kind, kind) for kind in LANE_KINDS if kind in kinds]
        self.lanes = (*chosen, *self.extra_lanes)
        self.edited.emit()

    def add_lane(self, kind: str, name: str, target: str) -> None:
        """A lane that is a snapshot or a stage; `target` is its name on the server."""
        if self._record is None or self.is_locked:
            return
        record = copy.deepcopy(self._record)
        taken = {lane["name"] for lane in record["lanes"]}
        title = next(
            own for own in (name, *(f"{name} {place}" for place in range(2, 100))) if own not in taken
        )
        record["lanes"].append({"name": title, "kind": kind, kind: target})
        if self.lanes:
            self.lanes = (*self.lanes, title)
        self._write(record)

    def remove_lane(self, name: str) -> None:
        if self._record is None or self.is_locked:
            return
        record = copy.deepcopy(self._record)
        record["lanes"] = [lane for lane in record["lanes"] if lane["name"] != name]
        if record.get("lane") == name:
            record["lane"] = ""
        self.lanes = tuple(own for own in self.lanes if own != name)
        self._write(record)

    def choose_snapshot(self, snapshot: str) -> None:
        """What steered lanes steer with; those that were made of something else are made again."""
        self.snapshot = snapshot
        if self._file.text and self._record is not None and not self.is_locked:
            record = copy.deepcopy(self._record)
            steered = [lane["kind"] for lane in record["lanes"] if lane["kind"] in _STEERED]
            if steered:
                kept = [lane for lane in record["lanes"] if lane["kind"] not in _STEERED]
                self.lanes = (*(lane["name"] for lane in kept), *dict.fromkeys(steered))
                if len(kept) < 2:
                    kept.append({"name": "prompt", "kind": "prompt", "system_prompt": list(HONESTY_LINES)})
                record["lanes"], record["lane"] = kept, ""
                self._write(record)
                return
        self.edited.emit()

    # From the server --------------------------------------------------------------------------------------

    def take_answer(self, criteria_json: str) -> None:
        """What the server would lock."""
        self._record, self._faults = json.loads(criteria_json), {}
        self.changed.emit()

    def take_failure(self, failure: Failure) -> None:
        """What the server finds at fault; the fields keep what was written."""
        self._faults = {
            field.removeprefix(_PREFIX): text
            for field, text in failure.violations
            if field.startswith(_PREFIX)
        }
        self.changed.emit()

    # ------------------------------------------------------------------------------------------------------

    def _take(self, file: CriteriaFile, source: Source, name: str = "") -> None:
        self._file, self._source, self._name = file, source, name
        self.lanes = ()
        self._record, self._faults = _readable(file), {}
        self.edited.emit()

    def _write(self, record: dict[str, Any]) -> None:
        self._file, self._source = CriteriaFile(_pretty(record), "json"), Source.OWN
        self._name = ""
        self._record, self._faults = record, {}
        self.edited.emit()


def _pretty(record: Mapping[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False, indent=2)


#: What a criteria text may leave out, as the server takes it; the server's answer brings the rest.
_FIELDS: Final = frozenset(
    {
        "name",
        "lanes",
        "scorer",
        "measure",
        "pressure",
        "margin",
        "prompt_margin",
        "min_prompts",
        "alpha",
        "side_effects",
    }
)


def _readable(file: CriteriaFile) -> dict[str, Any] | None:
    """The record that a text is, if it says everything that the fields show; else the server has to read it."""
    try:
        record = tomllib.loads(file.text) if file.format == "toml" else json.loads(file.text or "null")
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not record.keys() >= _FIELDS:
        return None
    lanes, scorer = record["lanes"], record["scorer"]
    whole = isinstance(lanes, list) and all(isinstance(own, dict) and "kind" in own for own in lanes)
    return record if whole and isinstance(scorer, dict) and "kind" in scorer else None
