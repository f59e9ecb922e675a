"""Rollouts: what there are, the one that is shown, live, and what may be done to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Signal, Slot
from trimtab_client import AsyncClient
from trimtab_client.rollout_types import PlanCheck, PlanFile, Rollout, RolloutChange
from trimtab_client.types import ActiveChange

from trimtab_gui.bridge import Failure, Gateway, Stream
from trimtab_gui.models.telling import TellingModel

KEPT: Final = 50
FORMATS: Final = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}
RESOURCES: Final = Path(__file__).parent.parent / "resources"


class RolloutDone(StrEnum):
    """What has just succeeded."""

    CREATED = "created"
    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    PROMOTED = "promoted"
    PROMOTED_FULL = "promoted_full"
    ABORTED = "aborted"
    RETRIED = "retried"


@dataclass(frozen=True)
class PlanChoice:
    """A plan to start from: the server's own for a small desk, the one for a busy one, or a file."""

    file: PlanFile
    title: str = ""


def small_plan() -> PlanChoice:
    """The server's default: about 50 replies a day."""
    return PlanChoice(PlanFile())


def busy_plan() -> PlanChoice:
    """For thousands of replies a day, as the command line's `rollout plan show busy` prints it."""
    return PlanChoice(PlanFile((RESOURCES / "plan_busy.yaml").read_text(encoding="utf-8"), "yaml"))


def read_plan(path: Path) -> PlanChoice | Failure:
    """A plan file as it goes to the server, or why it cannot be read."""
    written_in = FORMATS.get(path.suffix.lower())
    if written_in is None:
        wanted = ", ".join(FORMATS)
        return Failure("UNKNOWN", "PLAN_UNREADABLE", f"{path.name} has no suffix of a plan; use {wanted}")
    try:
        return PlanChoice(PlanFile(path.read_text(encoding="utf-8"), written_in), path.name)
    except (OSError, UnicodeDecodeError) as error:
        return Failure("UNKNOWN", "PLAN_UNREADABLE", f"{path} cannot be read: {error}")


class RolloutsModel(TellingModel):
    """Follows the newest rollout while it has not ended; the server's word is the only truth about it."""

    changed = Signal()
    # A Rollout whose state is another one than before.
    turned = Signal(object)
    # A plan was checked, or refused: see `check` and `refusal`.
    checked = Signal()
    # RolloutDone, Rollout.
    succeeded = Signal(object, object)
    busyChanged = Signal()

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._rollouts: tuple[Rollout, ...] = ()
        self._read = False
        self._chosen = ""
        self._watch: Stream | None = None
        self._watched = ""
        self._pending: RolloutDone | None = None
        self._check: PlanCheck | None = None
        self._refusal: Failure | None = None
        self._question = 0

    # What there is ----------------------------------------------------------------------------------------

    @property
    def rollouts(self) -> tuple[Rollout, ...]:
        """Newest first."""
        return self._rollouts

    @property
    def is_read(self) -> bool:
        """Whether the server was asked; before, an empty list means nothing."""
        return self._read

    @property
    def newest(self) -> Rollout | None:
        return self._rollouts[0] if self._rollouts else None

    @property
    def open(self) -> Rollout | None:
        """The one that is created, running or paused."""
        return next((one for one in self._rollouts if not one.state.ended), None)

    @property
    def in_force(self) -> Rollout | None:
        """The one whose candidate may get sessions."""
        return next((one for one in self._rollouts if one.state.in_force), None)

    @property
    def shown(self) -> Rollout | None:
        """The chosen one, else the one that is open, else the newest."""
        chosen = next((one for one in self._rollouts if one.name == self._chosen), None)
        return chosen or self.open or self.newest

    def choose(self, name: str) -> None:
        """Shows one of the past; "" follows the newest again."""
        if name != self._chosen:
            self._chosen = name
            self.changed.emit()

    # Reading ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Reads everything; called for every new session."""
        self._drop_watch()
        self._read = False
        self.refresh()

    @Slot()
    def refresh(self) -> None:
        self._gateway.call(lambda client: client.rollouts.list(limit=KEPT), self._take_list, self._quiet)

    @Slot(object)
    def take_active(self, change: ActiveChange) -> None:
        """Somebody may have started or ended one: the arms come with what is active."""
        running = "" if self.in_force is None else self.in_force.name
        told = "" if change.rollout is None else change.rollout.rollout
        if told != running:
            self.refresh()

    def ask_check(self, plan: PlanFile, replies_per_day: float) -> None:
        """Asks what a plan will take; an answer to an older question is dropped."""
        self._question += 1
        self._check = self._refusal = None
        self.checked.emit()
        answer = _Answer(self, self._question)
        self._gateway.call(
            lambda client: client.rollouts.check_plan(plan, replies_per_day=replies_per_day),
            answer.done,
            answer.failed,
        )

    @property
    def check(self) -> PlanCheck | None:
        """What the plan asked about last will take; None while it is not known."""
        return self._check

    @property
    def refusal(self) -> Failure | None:
        """Why the plan asked about last cannot be used."""
        return self._refusal

    # Changing ---------------------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        return self._pending is not None

    def create(
        self, candidate: str, plan: PlanFile, reason: str, expected_revision: int, *, start: bool
    ) -> None:
        """Locks the plan for a candidate; with `start`, enters the first step too."""

        async def run(client: AsyncClient) -> Rollout:
            made = await client.rollouts.create(
                candidate, plan, reason=reason, expected_revision=expected_revision
            )
            if not start:
                return made
            return await client.rollouts.start(made.name, plan_hash=made.plan.hash, reason=reason)

        self._change(RolloutDone.STARTED if start else RolloutDone.CREATED, run)

    def start_rollout(self, rollout: Rollout, reason: str) -> None:
        """Enters the first step, under the plan that was on the screen."""
        name, plan_hash = rollout.name, rollout.plan.hash
        self._change(
            RolloutDone.STARTED,
            lambda client: client.rollouts.start(name, plan_hash=plan_hash, reason=reason),
        )

    def pause(self, name: str, reason: str) -> None:
        self._change(RolloutDone.PAUSED, lambda client: client.rollouts.pause(name, reason=reason))

    def resume(self, name: str, reason: str) -> None:
        self._change(RolloutDone.RESUMED, lambda client: client.rollouts.resume(name, reason=reason))

    def promote(self, name: str, seen_step: int, reason: str) -> None:
        """The next step; refused if it is at another one than `seen_step`, which was on the screen."""
        self._change(
            RolloutDone.PROMOTED,
            lambda client: client.rollouts.promote(name, expected_step=seen_step, reason=reason),
        )

    def promote_full(self, name: str, reason: str) -> None:
        """Everything at once: the first admin's call is a proposal, another one's does it."""
        self._change(
            RolloutDone.PROMOTED_FULL, lambda client: client.rollouts.promote_full(name, reason=reason)
        )

    def abort(self, name: str, reason: str) -> None:
        self._change(RolloutDone.ABORTED, lambda client: client.rollouts.abort(name, reason=reason))

    def retry(self, name: str, reason: str) -> None:
        self._change(RolloutDone.RETRIED, lambda client: client.rollouts.retry(name, reason=reason))

    def _change(self, done: RolloutDone, operation: Callable[[AsyncClient], Awaitable[Rollout]]) -> None:
        self._set_pending(done)
        self._gateway.call(operation, self._changed, self._refused)

    def _set_pending(self, pending: RolloutDone | None) -> None:
        self._pending = pending
        self.busyChanged.emit()

    # From the server --------------------------------------------------------------------------------------

    def _changed(self, rollout: Rollout) -> None:
        done = self._pending
        self._set_pending(None)
        self._chosen = ""
        self._put(rollout)
        self.refresh()
        if done is not None:
            self.succeeded.emit(done, rollout)

    def _refused(self, failure: Failure) -> None:
        self._set_pending(None)
        self.refresh()
        self.tell_of_change(failure)

    def _take_list(self, rollouts: tuple[Rollout, ...]) -> None:
        known = {one.name: one for one in self._rollouts}
        self._read = True
        self._rollouts = rollouts
        self.changed.emit()
        self._follow()
        for one in rollouts:
            before = known.get(one.name)
            if before is not None and before.state is not one.state:
                self.turned.emit(one)

    def _follow(self) -> None:
        """Watches the one that is open."""
        wanted = "" if self.open is None else self.open.name
        if wanted == self._watched and (self._watch is not None or not wanted):
            return
        self._drop_watch()
        if wanted:
            self._watched = wanted
            self._watch = self._gateway.stream(
                lambda client: client.rollouts.watch(wanted), self._take_changes, self._watch_ended
            )

    def _drop_watch(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        self._watch = None
        self._watched = ""

    def _take_changes(self, changes: list[RolloutChange]) -> None:
        for change in changes:
            self._put(change.rollout)

    def _put(self, rollout: Rollout) -> None:
        before = next((one for one in self._rollouts if one.name == rollout.name), None)
        if before == rollout:
            return
        if before is None:
            self._rollouts = (rollout, *self._rollouts)
        else:
            self._rollouts = tuple(rollout if one is before else one for one in self._rollouts)
        self.changed.emit()
        if before is not None and before.state is not rollout.state:
            self.turned.emit(rollout)

    def _watch_ended(self, failure: Failure | None) -> None:
        """Its rollout has ended, or the session has, whose successor opens it again."""
        self._watch = None
        self._watched = ""
        if failure is None:
            self.refresh()
        else:
            self._quiet(failure)

    def _take_check(self, question: int, check: PlanCheck | None, refusal: Failure | None) -> None:
        if question == self._question:
            self._check, self._refusal = check, refusal
            self.checked.emit()

    def _quiet(self, failure: Failure) -> None:
        self.tell(failure)


class _Answer:
    """Remembers which question an answer belongs to."""

    def __init__(self, model: RolloutsModel, question: int) -> None:
        self._model = model
        self._question = question

    def done(self, check: PlanCheck) -> None:
        self._model._take_check(self._question, check, None)

    def failed(self, failure: Failure) -> None:
        if not failure.means_connection_ended:
            self._model._take_check(self._question, None, failure)
