"""What the commands about rollouts and approvals do: ask for a reason, send, and say what came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from PySide6.QtCore import QObject, Slot
from trimtab_client.rollout_types import Rollout, RolloutState
from trimtab_client.types import Approval

from trimtab_gui.bridge import Failure
from trimtab_gui.models.rollout_words import action_name, candidate_name, duration
from trimtab_gui.models.rollouts import RolloutDone
from trimtab_gui.models.workspace import Tone, Workspace
from trimtab_gui.views.strips import NoticeStrip, ReasonStrip

PROMOTE_FULL = "rollout.promote_full"


class Places(Protocol):
    """Where the window can go."""

    def show_rollout(self) -> None: ...
    def new_rollout(self, candidate: str = "") -> None: ...
    def show_approvals(self) -> None: ...


class RolloutActions(QObject):
    """Registers its commands. Abort asks nothing: taking the candidate away is always the safe side."""

    def __init__(
        self,
        workspace: Workspace,
        reason: ReasonStrip,
        notice: NoticeStrip,
        places: Places,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._model = workspace.rollouts
        self._reason = reason
        self._notice = notice
        self._places = places
        for command, run, enabled in (
            ("rollout.new", self._new, self._can_make),
            ("rollout.start", self._start, self._can_start),
            ("rollout.pause", self._pause, self._can_pause),
            ("rollout.resume", self._resume, self._can_resume),
            ("rollout.promote", self._promote, self._can_promote),
            ("rollout.promote_full", self._promote_full, self._can_end),
            ("rollout.abort", self.abort, self._can_end),
            ("rollout.retry", self._retry, self._can_retry),
        ):
            workspace.commands.register(command, run, enabled)
        self._model.succeeded.connect(self._tell)
        workspace.approvals.cancelled.connect(self._tell_taken_back)

    # When -------------------------------------------------------------------------------------------------

    def _free(self) -> bool:
        return self._workspace.connection.is_live and not self._model.is_busy

    def _is(self, *states: RolloutState) -> bool:
        return self._free() and self._model.open is not None and self._model.open.state in states

    def _can_make(self) -> bool:
        return self._free() and self._model.open is None

    def _can_start(self) -> bool:
        return self._is(RolloutState.CREATED)

    def _can_pause(self) -> bool:
        return self._is(RolloutState.RUNNING)

    def _can_resume(self) -> bool:
        return self._is(RolloutState.PAUSED)

    def _can_promote(self) -> bool:
        """The last step is left by a pass alone."""
        one = self._model.open
        last = one is not None and one.step >= len(one.plan.steps) - 1
        return self._is(RolloutState.RUNNING, RolloutState.PAUSED) and not last

    def _can_end(self) -> bool:
        return self._is(RolloutState.CREATED, RolloutState.RUNNING, RolloutState.PAUSED)

    def _can_retry(self) -> bool:
        shown = self._model.shown
        stopped = shown is not None and shown.state in (RolloutState.ABORTED, RolloutState.FAILED)
        return self._free() and self._model.open is None and stopped

    # What -------------------------------------------------------------------------------------------------

    def _new(self) -> None:
        self._places.new_rollout()

    def _ask(self, question: str, confirm: str, tone: Tone, run: Callable[[str, bool], None]) -> None:
        self._reason.ask(question, confirm, run, tone=tone)

    def _start(self) -> None:
        one = self._model.open
        if one is not None:
            question = self.tr("Start the rollout of “{0}”, under the plan {1}?")
            self._ask(
                question.format(candidate_name(one), one.plan.hash[:12]),
                self.tr("Start"),
                Tone.PLAIN,
                _Start(self._workspace, one).run,
            )

    def _pause(self) -> None:
        one = self._model.open
        if one is not None:
            question = self.tr("Hold “{0}” at {1}%? Its guardrails go on.")
            self._ask(
                question.format(candidate_name(one), one.weight),
                self.tr("Pause"),
                Tone.PLAIN,
                _Named(self._model.pause, one.name).run,
            )

    def _resume(self) -> None:
        one = self._model.open
        if one is not None:
            self._ask(
                self.tr("Go on with “{0}” from step {1}?").format(candidate_name(one), one.step + 1),
                self.tr("Resume"),
                Tone.PLAIN,
                _Named(self._model.resume, one.name).run,
            )

    def _promote(self) -> None:
        one = self._model.open
        if one is not None:
            question = self.tr("Take “{0}” from step {1} to the next one, without waiting for its verdict?")
            self._ask(
                question.format(candidate_name(one), one.step + 1),
                self.tr("Promote"),
                Tone.WARNING,
                _Promotion(self._workspace, one).run,
            )

    def _promote_full(self) -> None:
        one = self._model.open
        if one is not None:
            self.ask_promote_full(one.name, candidate_name(one))

    def ask_promote_full(self, name: str, candidate: str) -> None:
        """Asks why; then proposes it, or agrees where another admin has proposed it."""
        question = self.tr("Skip every step that is left and give “{0}” to everyone? It takes two admins.")
        self._ask(
            question.format(candidate),
            self.tr("Promote fully"),
            Tone.DANGER,
            _Named(self._model.promote_full, name).run,
        )

    def abort(self) -> None:
        """At once: the reason says how it was done, and the notice offers to try again."""
        one = self._model.open
        if one is not None:
            self._model.abort(one.name, self.tr("“Abort the rollout” pressed in the desktop client"))

    def _retry(self) -> None:
        shown = self._model.shown
        if shown is not None:
            question = self.tr("Make a new rollout of “{0}” under the same plan, sessions drawn anew?")
            self._ask(
                question.format(candidate_name(shown)),
                self.tr("Retry"),
                Tone.PLAIN,
                _Named(self._model.retry, shown.name).run,
            )

    # What came of it --------------------------------------------------------------------------------------

    @Slot(object, object)
    def _tell(self, done: RolloutDone, rollout: Rollout) -> None:
        name = candidate_name(rollout)
        match done:
            case RolloutDone.CREATED:
                self._offer(
                    self.tr("The plan for “{0}” is locked. Nobody gets it before you start it.").format(name),
                    Tone.GOOD,
                    self.tr("Start…"),
                    self._start,
                )
            case RolloutDone.RETRIED:
                self._offer(
                    self.tr("A new rollout of “{0}” is ready, with sessions drawn anew.").format(name),
                    Tone.GOOD,
                    self.tr("Start…"),
                    self._start,
                )
            case RolloutDone.ABORTED:
                self._offer(
                    self.tr("Rollout of “{0}” aborted: everyone gets the stable snapshot.").format(name),
                    Tone.WARNING,
                    self.tr("Retry…"),
                    self._retry,
                )
            case _:
                self._notice.tell(self._said(done).format(name, rollout.weight), Tone.GOOD)
        self._places.show_rollout()

    def _said(self, done: RolloutDone) -> str:
        match done:
            case RolloutDone.STARTED:
                return self.tr("The rollout of “{0}” has started.")
            case RolloutDone.PAUSED:
                return self.tr("The rollout of “{0}” is held at {1}%. Its guardrails go on.")
            case RolloutDone.RESUMED:
                return self.tr("The rollout of “{0}” goes on.")
            case RolloutDone.PROMOTED:
                return self.tr("“{0}” is at the next step, with {1}% of sessions.")
            case _:
                return self.tr("“{0}” is promoted: everyone gets it.")

    def _offer(self, text: str, tone: Tone, action: str, run: Callable[[], None]) -> None:
        self._notice.tell(text, tone, action, run)

    def tell_refusal(self, failure: Failure) -> bool:
        """Says more about a refusal of a rollout than its sentence; False if it is none of ours."""
        match failure.reason:
            case "SECOND_PERSON_NEEDED":
                self._workspace.approvals.refresh()
                self._offer(
                    self._second_person(failure),
                    Tone.WARNING,
                    self.tr("Show the approvals"),
                    self._places.show_approvals,
                )
            case "ROLLOUT_RUNNING":
                text = self.tr(
                    "A rollout is in force ({0}% of sessions): abort it or let it end, then activate again."
                )
                self._offer(
                    text.format(failure.metadata.get("weight", "?")),
                    Tone.DANGER,
                    self.tr("Show the rollout"),
                    self._places.show_rollout,
                )
            case _:
                return False
        return True

    def _second_person(self, failure: Failure) -> str:
        facts = failure.metadata
        action, proposer = action_name(facts.get("action", "")), facts.get("proposer", "?")
        until = self._until(facts.get("expire_time", ""), facts.get("minutes", ""))
        info = self._workspace.connection.status.info
        if info is not None and info.actor == proposer:
            return self.tr(
                "“{0}” takes two admins. Your proposal is kept until {1}: ask another admin to do the same before then."
            ).format(action, until)
        return self.tr(
            "“{0}” takes two admins. {2} has proposed it, until {1}; another admin has to do the same before then."
        ).format(action, until, proposer)

    def _until(self, expire_time: str, minutes: str) -> str:
        if expire_time.isdigit():
            moment = datetime.fromtimestamp(int(expire_time) / 1e9, UTC).astimezone()
            return f"{moment:%H:%M}"
        return self.tr("in {0}").format(duration(60 * float(minutes or 0)))

    # Approvals --------------------------------------------------------------------------------------------

    @Slot(object)
    def agree(self, approval: Approval) -> None:
        """The same call as the first admin's, where the client knows how to make it."""
        if approval.action == PROMOTE_FULL:
            one = next((one for one in self._model.rollouts if one.name == approval.subject), None)
            self.ask_promote_full(approval.subject, approval.subject if one is None else candidate_name(one))

    @Slot(object)
    def ask_cancel(self, approval: Approval) -> None:
        """Asks why; then takes the proposal back."""
        self._ask(
            self.tr("Take the proposal “{0}” back?").format(action_name(approval.action)),
            self.tr("Take back"),
            Tone.PLAIN,
            _Named(self._workspace.approvals.cancel, approval.name).run,
        )

    @Slot(object)
    def _tell_taken_back(self, approval: Approval) -> None:
        text = self.tr("The proposal “{0}” is taken back.")
        self._notice.tell(text.format(action_name(approval.action)), Tone.GOOD)


class _Named:
    """One change of a named thing that waits for its reason."""

    def __init__(self, change: Callable[[str, str], None], name: str) -> None:
        self._change = change
        self._name = name

    def run(self, reason: str, _option: bool) -> None:
        self._change(self._name, reason)


class _Start:
    """A start of the rollout that was on the screen."""

    def __init__(self, workspace: Workspace, rollout: Rollout) -> None:
        self._workspace = workspace
        self._rollout = rollout

    def run(self, reason: str, _option: bool) -> None:
        self._workspace.rollouts.start_rollout(self._rollout, reason)


class _Promotion:
    """A promotion from the step that was on the screen."""

    def __init__(self, workspace: Workspace, rollout: Rollout) -> None:
        self._workspace = workspace
        self._rollout = rollout

    def run(self, reason: str, _option: bool) -> None:
        self._workspace.rollouts.promote(self._rollout.name, self._rollout.step, reason)
