"""The cases of the deployment, as the server has them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from PySide6.QtCore import QObject, Signal
from trimtab_client import AsyncClient
from trimtab_client.case_types import Case, CaseChoice, CaseDraft, CaseTemplate

from trimtab_gui.bridge import Failure, Gateway, Stream
from trimtab_gui.models.telling import TellingModel

#: The template of a case that is started without one.
NO_TEMPLATE: Final = ""


class CasesModel(TellingModel):
    """Watches all cases: what is shown is what the server says, also after a loss of the connection."""

    # The list, or the open case.
    changed = Signal()
    # Another case is open, or none.
    opened = Signal()
    templatesChanged = Signal()
    # A candidate was kept as a snapshot.
    snapshotKept = Signal()
    busyChanged = Signal()

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._cases: tuple[Case, ...] = ()
        self._templates: tuple[CaseTemplate, ...] = ()
        self._listed = False
        self._name = ""
        self._busy = False
        self._watch: Stream | None = None

    # Reading ----------------------------------------------------------------------------------------------

    @property
    def cases(self) -> tuple[Case, ...]:
        """Newest first."""
        return self._cases

    @property
    def templates(self) -> tuple[CaseTemplate, ...]:
        return self._templates

    @property
    def is_listed(self) -> bool:
        """Whether the server has said which there are."""
        return self._listed

    @property
    def is_busy(self) -> bool:
        """Whether a change is on its way to the server."""
        return self._busy

    @property
    def case(self) -> Case | None:
        """The open one."""
        return self.named(self._name)

    def named(self, name: str) -> Case | None:
        return next((own for own in self._cases if own.name == name), None)

    def template(self, id: str) -> CaseTemplate | None:
        return next((own for own in self._templates if own.id == id), None)

    # Asking -----------------------------------------------------------------------------------------------

    def restart(self) -> None:
        """A session has begun: what streamed before is gone."""
        if self._watch is not None:
            self._watch.cancel()
        self._watch = self._gateway.stream(
            lambda client: client.cases.watch(), self._take_news, self._watch_ended
        )
        self._gateway.call(lambda client: client.cases.templates(), self._take_templates, self._refused)

    def open(self, name: str) -> None:
        if name != self._name:
            self._name = name
            self.opened.emit()

    def create(self, template: str, title: str, language: str) -> None:
        """Starts a case, with the template's words in a language ("en" or "ja"); it is then open."""
        draft = CaseDraft(display_name=title, template=template)
        self._call(lambda client: client.cases.create(draft, language=language), self._created)

    def attach_rollout(self, case: str, rollout: str) -> None:
        self.change(lambda client: client.cases.attach_rollout(rollout, case))

    def decide(self, choice: CaseChoice, reason: str) -> None:
        """Closes the open case, for ever."""
        name = self._name
        self.change(lambda client: client.cases.decide(choice, name, reason=reason))

    def create_snapshot(self, case: Case) -> None:
        """A snapshot of what the confirmation recommends."""
        if case.candidate is None:
            return
        steering, name = case.candidate.steering, case.name
        title = f"{case.draft.display_name or name.rpartition('/')[2]}: {case.candidate.lane}"

        async def run(client: AsyncClient) -> Case:
            await client.create_snapshot(steering, display_name=title)
            return await client.cases.get(name)

        self._call(run, self._kept)

    def export(self, done: Callable[[bytes], None]) -> None:
        """Fetches everything about the open case as one JSON document."""
        name = self._name
        self._gateway.call(lambda client: client.cases.export(name), done, self._refused)

    def change(self, operation: Callable[[AsyncClient], Awaitable[Case]]) -> None:
        """Runs a change; its answer takes the place of the case."""
        self._call(operation, self._changed)

    def _call(
        self, operation: Callable[[AsyncClient], Awaitable[Case]], done: Callable[[Case], None]
    ) -> None:
        self._set_busy(True)
        self._gateway.call(operation, done, self._change_refused)

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self.busyChanged.emit()

    # From the server --------------------------------------------------------------------------------------

    def put(self, case: Case) -> None:
        """What a change of another model answered."""
        self._put((case,))
        self.changed.emit()

    def _created(self, case: Case) -> None:
        self._set_busy(False)
        self._put((case,))
        self._name = case.name
        self.changed.emit()
        self.opened.emit()

    def _changed(self, case: Case) -> None:
        self._set_busy(False)
        self.put(case)

    def _kept(self, case: Case) -> None:
        self._changed(case)
        self.snapshotKept.emit()

    def _change_refused(self, failure: Failure) -> None:
        self._set_busy(False)
        self._refused(failure)

    def _refused(self, failure: Failure) -> None:
        self.tell(failure)

    def _take_templates(self, templates: tuple[CaseTemplate, ...]) -> None:
        self._templates = templates
        self.templatesChanged.emit()

    def _take_news(self, news: list[tuple[Case, ...]]) -> None:
        for cases in news:
            self._put(cases)
        self._listed = True
        self.changed.emit()

    def _put(self, cases: tuple[Case, ...]) -> None:
        """An answer and the watch can cross: the older of two versions never takes the place of the newer."""
        known = {own.name: own for own in self._cases}
        for case in cases:
            before = known.get(case.name)
            if before is None or case.version >= before.version:
                known[case.name] = case
        self._cases = tuple(
            sorted(
                known.values(),
                key=lambda own: (own.create_time.timestamp() if own.create_time else 0.0, own.name),
                reverse=True,
            )
        )

    def _watch_ended(self, failure: Failure | None) -> None:
        self._watch = None
        if failure is not None:
            self._refused(failure)
