"""A trial being prepared: its files and choices, what the server says of them, and the lock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from trimtab_client.trial_types import CriteriaFile, PromptFile, Trial, TrialCheck, TrialDraft, TrialSample

from trimtab_gui.bridge import Failure, Gateway

LARGEST_BYTES: Final = 64 * 1024 * 1024
#: Changes that come together are checked together.
PAUSE_MILLISECONDS: Final = 250
#: Lanes that a trial can have without a criteria file, in their order.
LANE_KINDS: Final = ("unsteered", "prompt", "steered", "steered+prompt")
PROMPT_SUFFIXES: Final = (".csv", ".tsv", ".jsonl", ".xlsx")


class TrialDraftModel(QObject):
    """Every change is checked by the server, which reads the files; nothing is asked before `start`."""

    changed = Signal()
    # What is at fault: a text of the context "Trials" with its detail, or a Failure.
    started = Signal(object)
    sampleMissing = Signal(object)

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._prompts: PromptFile | None = None
        self._criteria = CriteriaFile()
        self._criteria_name = ""
        self.by_people = False
        self.lanes: tuple[str, ...] = ()
        self.snapshot = ""
        self.repeats = 0
        self.title = ""
        self._check: TrialCheck | None = None
        self._failure: Failure | None = None
        self._asked = 0
        self._checking = False
        self._starting = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MILLISECONDS)
        self._timer.timeout.connect(self.check_now)

    @property
    def prompts_name(self) -> str:
        return "" if self._prompts is None else self._prompts.name

    @property
    def criteria_name(self) -> str:
        """The criteria's file; empty: the server's default criteria."""
        return self._criteria_name

    @property
    def check(self) -> TrialCheck | None:
        """What the server would lock; None until it has looked, or while something is at fault."""
        return self._check

    @property
    def failure(self) -> Failure | None:
        """Why the server would not take it."""
        return self._failure

    @property
    def is_checking(self) -> bool:
        return self._checking

    @property
    def is_starting(self) -> bool:
        return self._starting

    @property
    def can_start(self) -> bool:
        return self._check is not None and not self._checking and not self._starting

    # Changing ---------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """An empty form."""
        self._timer.stop()
        self._prompts, self._criteria, self._criteria_name = None, CriteriaFile(), ""
        self.by_people, self.lanes, self.snapshot, self.repeats, self.title = False, (), "", 0, ""
        self._forget()
        self.changed.emit()

    def take_prompts(self, path: Path) -> None:
        """A file of prompts."""
        content = self._read(path)
        if content is not None:
            self._prompts = PromptFile(path.name, content)
            self.touch()

    def take_criteria(self, path: Path) -> None:
        """A file of criteria, TOML or JSON; its lanes take the place of those chosen here."""
        content = self._read(path)
        if content is None:
            return
        written = "json" if path.suffix.lower() == ".json" else "toml"
        self._criteria = CriteriaFile(content.decode("utf-8", errors="replace"), written)
        self._criteria_name = path.name
        self.by_people, self.lanes = False, ()
        self.touch()

    def default_criteria(self) -> None:
        """The server's own criteria again."""
        self._criteria, self._criteria_name, self.lanes = CriteriaFile(), "", ()
        self.touch()

    def take_sample(self) -> None:
        """The sample set of the hosted model, with its criteria."""
        self._checking = True
        self.changed.emit()
        self._gateway.call(lambda client: client.trials.sample(), self._sample, self._refused)

    def touch(self) -> None:
        """Something changed: what the server said no longer holds."""
        self._forget()
        if self._prompts is not None:
            self._checking = True
            self._timer.start()
        self.changed.emit()

    def draft(self) -> TrialDraft | None:
        """What is sent; None without prompts."""
        if self._prompts is None:
            return None
        return TrialDraft(
            prompts=self._prompts,
            criteria=self._rating_criteria() if self.by_people else self._criteria,
            lanes=self.lanes,
            snapshot=self.snapshot,
            repeats=self.repeats,
            display_name=self.title.strip(),
        )

    @Slot()
    def check_now(self) -> None:
        draft = self.draft()
        if draft is None:
            return
        self._asked += 1
        answer = _Answer(self, self._asked)
        self._checking = True
        self._gateway.call(lambda client: client.trials.check(draft), answer.done, answer.failed)

    def start(self) -> None:
        """Locks what the server showed, and asks the first prompt."""
        draft, check = self.draft(), self._check
        if draft is None or check is None or self._starting:
            return
        self._starting = True
        self.changed.emit()
        lock = check.lock.hash
        self._gateway.call(
            lambda client: client.trials.create(draft, lock_hash=lock), self._created, self._refused
        )

    # From the server --------------------------------------------------------------------------------------

    def answered(self, number: int, check: TrialCheck | None, failure: Failure | None) -> None:
        """The check with this number is back; only the latest counts."""
        if number == self._asked and not self._timer.isActive():
            self._check, self._failure, self._checking = check, failure, False
            self.changed.emit()

    def _sample(self, sample: TrialSample) -> None:
        self._prompts, self._criteria = sample.prompts, sample.criteria
        self._criteria_name = f"criteria.{sample.criteria.format or 'toml'}"
        self.by_people, self.lanes, self.repeats = False, (), 0
        self._forget()
        self.check_now()
        self.changed.emit()

    def _created(self, trial: Trial) -> None:
        name, lock = trial.name, trial.lock.hash
        self._gateway.call(
            lambda client: client.trials.run(name, lock_hash=lock, hurry=True), self._ran, self._refused
        )

    def _ran(self, trial: Trial) -> None:
        self._starting = False
        self.clear()
        self.started.emit(trial)

    def _refused(self, failure: Failure) -> None:
        self._starting = self._checking = False
        self._failure = failure
        self.changed.emit()

    def _forget(self) -> None:
        self._check = self._failure = None
        self._checking = False
        self._asked += 1

    def _read(self, path: Path) -> bytes | None:
        fault = ""
        try:
            if path.stat().st_size > LARGEST_BYTES:
                fault = "FILE_TOO_LARGE"
            else:
                return path.read_bytes()
        except OSError as error:
            fault = error.strerror or str(error)
        self._forget()
        self._failure = Failure(code="INVALID_ARGUMENT", reason="FILE_UNREADABLE", message=f"{path}: {fault}")
        self.changed.emit()
        return None

    def _rating_criteria(self) -> CriteriaFile:
        """Criteria for prompts without known answers: people grade the replies without seeing the lanes."""
        line = [
            {"text": "Tell the truth, also where it does not help the sale.", "language": "en"},
            {"text": "販売の助けにならないときも、事実だけを伝えてください。", "language": "ja"},
        ]
        record = {
            "name": "Blind rating",
            "scorer": {"kind": "rating"},
            "measure": "score",
            "lanes": [
                {"name": "unsteered", "kind": "unsteered"},
                {"name": "prompt", "kind": "prompt", "system_prompt": line},
            ],
        }
        return CriteriaFile(json.dumps(record, ensure_ascii=False), "json")


class _Answer:
    """Where the answer to one check goes."""

    def __init__(self, model: TrialDraftModel, number: int) -> None:
        self._model, self._number = model, number

    def done(self, check: TrialCheck) -> None:
        self._model.answered(self._number, check, None)

    def failed(self, failure: Failure) -> None:
        self._model.answered(self._number, None, failure)
