"""From the steps of a case to the places where they are done, and back."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot
from trimtab_client.case_types import CaseStep

from trimtab_gui.models.case_words import title_of
from trimtab_gui.models.workspace import Workspace
from trimtab_gui.views.cases_page import CasesPage
from trimtab_gui.views.trials_page import TrialsPage


class CaseDesk(QObject):
    """show_cases, show_trials: bring a page to the front."""

    # A snapshot's name: a rollout of it is wanted.
    rolloutRequested = Signal(str)
    # A room or a page of one, by its name.
    placeRequested = Signal(str)

    def __init__(
        self,
        workspace: Workspace,
        cases: CasesPage,
        trials: TrialsPage,
        show_cases: Callable[[], None],
        show_trials: Callable[[], None],
    ) -> None:
        super().__init__(cases)
        self._workspace = workspace
        self._cases = cases
        self._trials = trials
        self._show_cases = show_cases
        self._show_trials = show_trials
        # The case that waits for a rollout begun from it, with the rollouts that were there before.
        self._waiting = ""
        self._before: frozenset[str] = frozenset()
        commands = workspace.commands
        for command, run, enabled in (
            ("case.show", show_cases, self._always),
            ("case.new", self._new, self._is_live),
            ("case.next", self._next, self._has_step),
            ("case.decide", self._decide, self._is_open),
        ):
            commands.register(command, run, enabled)
        cases.stepRequested.connect(self._go)
        cases.model.changed.connect(commands.refresh)
        cases.model.opened.connect(commands.refresh)
        workspace.rollouts.changed.connect(self._take_rollout)
        cases.model.changed.connect(self._show_case_of_trial)
        trials.model.opened.connect(self._show_case_of_trial)
        trials.open_trial.caseRequested.connect(self._back)

    # Conditions -------------------------------------------------------------------------------------------

    def _always(self) -> bool:
        return True

    def _is_live(self) -> bool:
        return self._workspace.connection.is_live

    def _is_open(self) -> bool:
        case = self._cases.model.case
        return self._is_live() and case is not None and case.decision is None

    def _has_step(self) -> bool:
        case = self._cases.model.case
        step = None if case is None else case.step
        return self._is_live() and step is not None and bool(step.command)

    # Deeds ------------------------------------------------------------------------------------------------

    def _new(self) -> None:
        self._show_cases()
        self._cases.new_case()

    def _next(self) -> None:
        self._show_cases()
        self._cases.show_case()
        self._cases.open_case.press_next()

    def _decide(self) -> None:
        self._show_cases()
        self._cases.show_case()
        self._cases.open_case.decide()

    @Slot(str, object)
    def _go(self, command: str, step: CaseStep) -> None:
        """Opens the right place with everything filled in."""
        case, page = self._cases.model.case, self._trials
        if case is None:
            return
        match command:
            case "trial.new":
                self._show_trials()
                page.new_trial_of(case)
            case "trial.start" | "trial.show" | "trial.resume" | "trial.rate":
                self._show_trials()
                page.show_trial(step.subject, command)
            case "rollout.new":
                self._waiting = case.name
                self._before = frozenset(own.name for own in self._workspace.rollouts.rollouts)
                self.rolloutRequested.emit(step.subject)
            case "rollout.show":
                self._workspace.rollouts.choose(step.subject)
                self.placeRequested.emit("rollout")

    @Slot()
    def _show_case_of_trial(self) -> None:
        name = self._trials.model.name
        found = next(
            (own for own in self._cases.model.cases if any(trial.trial == name for trial in own.trials)), None
        )
        title = "" if found is None else title_of(found)
        self._trials.open_trial.show_case("" if found is None else found.name, title)

    @Slot(str)
    def _back(self, case: str) -> None:
        """From a trial to its case."""
        self._cases.model.open(case)
        self._cases.show_case()
        self._show_cases()

    @Slot()
    def _take_rollout(self) -> None:
        """The rollout that was begun from a case becomes a part of it."""
        case = self._cases.model.named(self._waiting)
        if case is None or case.candidate is None:
            return
        for rollout in self._workspace.rollouts.rollouts:
            fresh = rollout.name not in self._before
            if fresh and rollout.candidate_snapshot == case.candidate.snapshot:
                self._waiting = ""
                self._cases.model.attach_rollout(case.name, rollout.name)
                return
