"""The hosted model: its presets and its stages."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from trimtab_client.types import Model, PromptPreset, Stage

from trimtab_gui.bridge import Failure, Gateway
from trimtab_gui.models.telling import TellingModel


class HostedModel(TellingModel):
    """The first model of the server: one deployment serves one model."""

    changed = Signal()
    # Model, tuple[Stage, ...].
    loaded = Signal(object, object)

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._model: Model | None = None

    @property
    def model(self) -> Model | None:
        return self._model

    @property
    def prompt_presets(self) -> tuple[PromptPreset, ...]:
        return self._model.prompt_presets if self._model is not None else ()

    @property
    def question_presets(self) -> tuple[PromptPreset, ...]:
        return self._model.question_presets if self._model is not None else ()

    def refresh(self) -> None:
        self._gateway.call(lambda client: client.models(), self._take_models, self._refused)

    def _take_models(self, models: tuple[Model, ...]) -> None:
        if not models:
            return
        self._model = models[0]
        self.changed.emit()
        name = models[0].name
        self._gateway.call(lambda client: client.stages(name), self._take_stages, self._refused)

    def _take_stages(self, stages: tuple[Stage, ...]) -> None:
        self.loaded.emit(self._model, stages)

    def _refused(self, failure: Failure) -> None:
        self.tell(failure)
