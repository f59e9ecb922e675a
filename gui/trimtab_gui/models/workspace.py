"""All view-models of one window and how they hang together."""

from __future__ import annotations

from enum import StrEnum

from PySide6.QtCore import QLocale, QObject, Signal, Slot
from trimtab_client.types import ActiveChange, Model, PromptPreset, Stage, Vector

from trimtab_gui.bridge import Failure, Gateway
from trimtab_gui.models.approvals import ApprovalsModel
from trimtab_gui.models.audit import AuditModel
from trimtab_gui.models.chat_presets import PresetsModel
from trimtab_gui.models.chat_shelf import ChatShelf
from trimtab_gui.models.commands import Commands
from trimtab_gui.models.connection import ConnectionModel
from trimtab_gui.models.conversation import Conversation, LaneKind, LaneSetup
from trimtab_gui.models.extraction import ExtractionModel
from trimtab_gui.models.freshness import FreshnessModel
from trimtab_gui.models.hosted import HostedModel
from trimtab_gui.models.local_server import LocalServer
from trimtab_gui.models.measurements import MeasurementsModel
from trimtab_gui.models.monitors import MonitorsModel
from trimtab_gui.models.release import ReleaseModel
from trimtab_gui.models.rollouts import RolloutsModel
from trimtab_gui.models.steering import SteeringModel
from trimtab_gui.models.telling import TellingModel
from trimtab_gui.models.vector_files import VectorFiles
from trimtab_gui.settings import SettingsFile


class Tone(StrEnum):
    PLAIN = ""
    GOOD = "good"
    WARNING = "warning"
    DANGER = "danger"


class Workspace(TellingModel):
    """Built once; reads everything again whenever a session opens."""

    # Everything the first screen needs has been read.
    ready = Signal()

    def __init__(self, gateway: Gateway, files: SettingsFile, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.gateway = gateway
        self.files = files
        self.commands = Commands(self)
        self.connection = ConnectionModel(gateway, self)
        self.local_server = LocalServer(self)
        self.hosted = HostedModel(gateway, self)
        self.steering = SteeringModel(gateway, self)
        self.conversation = Conversation(gateway, self.steering, self)
        self.chats = ChatShelf(self.conversation, self.connection, files, self)
        self.presets = PresetsModel(self.conversation, self.hosted, files, self)
        self.release = ReleaseModel(gateway, self)
        self.monitors = MonitorsModel(gateway, self)
        self.audit = AuditModel(gateway, self)
        self.rollouts = RolloutsModel(gateway, self)
        self.approvals = ApprovalsModel(gateway, self)
        self.freshness = FreshnessModel(gateway, self)
        self.extraction = ExtractionModel(gateway, self)
        self.measurements = MeasurementsModel(gateway, self.hosted, self)
        self.vector_files = VectorFiles(gateway, self)
        self._waiting_for: set[str] = set()
        self._seeded_prompt = False
        for kind in (LaneKind.UNSTEERED, LaneKind.PROMPT_ONLY, LaneKind.STEERED):
            self.conversation.add_lane(LaneSetup(kind))
        self._wire()

    @property
    def is_ready(self) -> bool:
        return self.connection.is_live and not self._waiting_for

    def shut_down(self) -> None:
        self.chats.shut_down()
        self.gateway.shut_down()
        self.local_server.stop()

    def _wire(self) -> None:
        self.connection.opened.connect(self._read_everything)
        self.connection.changed.connect(self.commands.refresh)
        self.hosted.loaded.connect(self._take_model)
        self.release.activeChanged.connect(self._take_active)
        self.conversation.busyChanged.connect(self.commands.refresh)
        self.conversation.lanesChanged.connect(self.commands.refresh)
        self.conversation.undoChanged.connect(self.commands.refresh)
        self.conversation.asked.connect(self.files.remember_prompt)
        self.release.busyChanged.connect(self.commands.refresh)
        self.release.revisionsChanged.connect(self.commands.refresh)
        self.monitors.canaryChanged.connect(self.commands.refresh)
        self.monitors.canaryChanged.connect(self.freshness.refresh_soon)
        self.rollouts.busyChanged.connect(self.commands.refresh)
        self.rollouts.changed.connect(self.commands.refresh)
        self.extraction.extracted.connect(self._look_at_vectors)
        self.measurements.measured.connect(self._look_at_vectors)
        for model in (
            self.measurements,
            self.hosted,
            self.steering,
            self.release,
            self.monitors,
            self.audit,
            self.rollouts,
            self.approvals,
            self.freshness,
        ):
            model.failed.connect(self.failed)

    @Slot()
    def _read_everything(self) -> None:
        self._waiting_for = {"model", "vectors", "active"}
        self.measurements.forget()
        self.hosted.refresh()
        self.gateway.call(lambda client: client.vectors(), self._take_vectors, self._refused)
        self.release.start()
        self.monitors.start()
        self.audit.refresh()
        self.rollouts.start()
        self.freshness.refresh()
        self.extraction.review_again()

    def refresh_vectors(self) -> None:
        self.gateway.call(lambda client: client.vectors(), self._take_vectors, self._refused)

    @Slot()
    def _look_at_vectors(self) -> None:
        """A vector came, or another strength is offered for one."""
        self.refresh_vectors()

    def _take_vectors(self, vectors: tuple[Vector, ...]) -> None:
        self.steering.take_vectors(vectors)
        self._arrived("vectors")

    @Slot(object, object)
    def _take_model(self, model: Model, stages: tuple[Stage, ...]) -> None:
        self.steering.take_stages(stages, model.default_stage)
        if not self._seeded_prompt and model.prompt_presets:
            self._seeded_prompt = True
            for lane in self.conversation.lanes:
                if lane.setup.kind is LaneKind.PROMPT_ONLY and not lane.setup.prompt:
                    line = _in_our_language(model.prompt_presets).system
                    self.conversation.set_setup(lane.id, LaneSetup(LaneKind.PROMPT_ONLY, prompt=line))
        self._arrived("model")

    @Slot(object)
    def _take_active(self, change: ActiveChange) -> None:
        self.steering.take_active(change)
        self.rollouts.take_active(change)
        self.freshness.refresh_soon()
        self.refresh_vectors()
        self.audit.refresh()
        self._arrived("active")

    def _refused(self, failure: Failure) -> None:
        self.tell(failure)

    def _arrived(self, what: str) -> None:
        if what in self._waiting_for:
            self._waiting_for.discard(what)
            if not self._waiting_for:
                self.commands.refresh()
                self.ready.emit()


def _in_our_language(presets: tuple[PromptPreset, ...]) -> PromptPreset:
    """The first preset in the language of the client, else the first of all."""
    language = "ja" if QLocale().language() == QLocale.Language.Japanese else "en"
    return next((preset for preset in presets if preset.language == language), presets[0])
