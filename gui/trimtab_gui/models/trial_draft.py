"""A trial being prepared: its files and choices, what the server says of them, and the lock."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from trimtab_client.case_types import Case
from trimtab_client.trial_types import CriteriaFile, PromptFile, Trial, TrialCheck, TrialDraft, TrialSample

from trimtab_gui.bridge import Failure, Gateway
from trimtab_gui.models.telling import TellingModel, worth_telling
from trimtab_gui.models.trial_criteria import CriteriaModel, Source

LARGEST_BYTES: Final = 64 * 1024 * 1024
#: Changes that come together are checked together.
PAUSE_MILLISECONDS: Final = 250
PROMPT_SUFFIXES: Final = (".csv", ".tsv", ".jsonl", ".xlsx")


class TrialDraftModel(TellingModel):
    """Every change is checked by the server, which reads the files; nothing is asked before `start`."""

    changed = Signal()
    # A Trial that was created; `failed` comes after it where it could not be started.
    started = Signal(object)
    sampleMissing = Signal(object)

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._prompts: PromptFile | None = None
        self.criteria = CriteriaModel(self)
        self.criteria.edited.connect(self.touch)
        self.criteria.changed.connect(self.changed)
        #: The case that the trial will be a part of.
        self._case: Case | None = None
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
    def case(self) -> Case | None:
        """The case whose criteria these are, and of which the trial becomes a part."""
        return self._case

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
        self._prompts, self._case = None, None
        self.repeats, self.title, self.criteria.snapshot = 0, "", ""
        self.criteria.clear()

    def open_case(self, case: Case) -> None:
        """An empty form by the criteria of a case, which are locked."""
        self.clear()
        if case.lock is not None:
            self._case = case
            self.criteria.take_locked(case.lock.criteria, case.draft.display_name)

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
        file = CriteriaFile(content.decode("utf-8", errors="replace"), written)
        self.criteria.take_file(file, path.name)

    def take_sample(self) -> None:
        """The sample set of the hosted model, with its criteria."""
        self._checking = True
        self.changed.emit()
        self._gateway.call(lambda client: client.trials.sample(), self._sample, self._refused)

    @Slot()
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
            criteria=self.criteria.file,
            lanes=self.criteria.lanes,
            snapshot=self.criteria.snapshot,
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
        case = "" if self._case is None else self._case.name
        self._gateway.call(
            lambda client: client.trials.create(draft, lock_hash=lock, case=case),
            self._created,
            self._refused,
        )

    # From the server --------------------------------------------------------------------------------------

    def answered(self, number: int, check: TrialCheck | None, failure: Failure | None) -> None:
        """The check with this number is back; only the latest counts."""
        if number == self._asked and not self._timer.isActive():
            self._check, self._failure, self._checking = check, worth_telling(failure), False
            if check is not None:
                self.criteria.take_answer(check.lock.criteria_json)
            elif failure is not None:
                self.criteria.take_failure(failure)

    def _sample(self, sample: TrialSample) -> None:
        self._prompts, self.repeats = sample.prompts, 0
        if self.criteria.source is Source.CASE:
            self.touch()
        else:
            self.criteria.take_file(sample.criteria, f"criteria.{sample.criteria.format or 'toml'}")

    def _created(self, trial: Trial) -> None:
        """It is there, and a part of its case; whether it starts is another question."""
        name, lock, start = trial.name, trial.lock.hash, _Start(self, trial)
        self._gateway.call(
            lambda client: client.trials.run(name, lock_hash=lock, hurry=True), self._made, start.failed
        )

    def _made(self, trial: Trial) -> None:
        self._starting = False
        self.clear()
        self.started.emit(trial)

    def not_started(self, trial: Trial, failure: Failure) -> None:
        """The trial is shown as it is, with the button that starts it: another press here would make a second one."""
        self._made(trial)
        self.tell(failure)

    def _refused(self, failure: Failure) -> None:
        self._starting = self._checking = False
        self._failure = worth_telling(failure)
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


class _Answer:
    """Where the answer to one check goes."""

    def __init__(self, model: TrialDraftModel, number: int) -> None:
        self._model, self._number = model, number

    def done(self, check: TrialCheck) -> None:
        self._model.answered(self._number, check, None)

    def failed(self, failure: Failure) -> None:
        self._model.answered(self._number, None, failure)


class _Start:
    """A trial that was created and is to start."""

    def __init__(self, model: TrialDraftModel, trial: Trial) -> None:
        self._model, self._trial = model, trial

    def failed(self, failure: Failure) -> None:
        self._model.not_started(self._trial, failure)
