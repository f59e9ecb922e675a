"""Extracting a vector: what it should stand for, what the server says of the pairs, and the run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from trimtab_client import ContrastSetReview, Progress
from trimtab_client.types import Concept, Vector

from trimtab_gui.bridge import Failure, Gateway, Stream
from trimtab_gui.models.telling import worth_telling

#: As the server takes it.
LARGEST_BYTES: Final = 8 * 1024 * 1024 - 64 * 1024
PAIR_SUFFIXES: Final = (".csv", ".jsonl", ".json")
#: Changes that come together are reviewed together.
PAUSE_MILLISECONDS: Final = 200


@dataclass(frozen=True)
class ExtractionDraft:
    """`set_name` is one of the model's, or `content` a file of the operator's. layers: none means all."""

    set_name: str = ""
    file_name: str = ""
    content: bytes = b""
    concept: str = ""
    display_name: str = ""
    stage: str = ""
    position: str = "last"
    method: str = "diff_mean"
    layers: tuple[int, ...] = ()
    seed: int = 0

    @property
    def has_pairs(self) -> bool:
        return bool(self.set_name or self.content)

    @property
    def title(self) -> str:
        """What the vector will be called."""
        return self.display_name.strip() or self.concept.strip()


class ExtractionModel(QObject):
    """The draft is reviewed by the server after every change of its pairs; nothing runs before `start`. The run belongs
    to this model, not to the window that shows it."""

    setsChanged = Signal()
    draftChanged = Signal()
    # The review has come, or is on its way.
    reviewChanged = Signal()
    runChanged = Signal()
    # Vector.
    extracted = Signal(object)

    def __init__(self, gateway: Gateway, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._gateway = gateway
        self._sets: tuple[ContrastSetReview, ...] = ()
        self._concepts: tuple[Concept, ...] = ()
        self._draft = ExtractionDraft()
        self._review: ContrastSetReview | None = None
        self._review_failure: Failure | None = None
        self._asked = 0
        self._reviewing = False
        self._stream: Stream | None = None
        self._progress: Progress | None = None
        self._failure: Failure | None = None
        self._vector: Vector | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MILLISECONDS)
        self._timer.timeout.connect(self._review_now)

    # What there is ----------------------------------------------------------------------------------------

    @property
    def sets(self) -> tuple[ContrastSetReview, ...]:
        """Those that the hosted model carries."""
        return self._sets

    @property
    def draft(self) -> ExtractionDraft:
        return self._draft

    @property
    def review(self) -> ContrastSetReview | None:
        """What the server read; None while it has not, or while something is at fault."""
        return self._review

    @property
    def review_failure(self) -> Failure | None:
        return self._review_failure

    @property
    def is_reviewing(self) -> bool:
        return self._reviewing

    @property
    def is_running(self) -> bool:
        # A stream that the connection took with it ends without a word.
        return self._stream is not None and self._stream.is_open

    @property
    def progress(self) -> Progress | None:
        return self._progress

    @property
    def failure(self) -> Failure | None:
        """Why the run came to nothing."""
        return self._failure

    @property
    def vector(self) -> Vector | None:
        """What the last run made."""
        return self._vector

    def is_protected(self, concept: str) -> bool:
        """Whether steering against it takes two admins."""
        name = concept.strip().lower()
        return any(known.protected and known.name == name for known in self._concepts)

    def can_start(self) -> bool:
        draft = self._draft
        ready = self._review is not None and not self._reviewing
        return ready and bool(draft.concept.strip()) and bool(draft.stage) and not self.is_running

    # Choosing ---------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Reads the model's sets and what concepts are protected."""
        self._gateway.call(lambda client: client.measurements.contrast_sets(), self._take_sets, self._refused)
        self._gateway.call(lambda client: client.concepts(), self._take_concepts, self._refused)

    def start_afresh(self, stage: str) -> None:
        """An empty draft, for another vector."""
        if self.is_running:
            return
        self._timer.stop()
        self._asked += 1
        self._draft = ExtractionDraft(stage=stage)
        self._review = self._review_failure = self._failure = self._vector = self._progress = None
        self._reviewing = False
        for signal in (self.draftChanged, self.reviewChanged, self.runChanged):
            signal.emit()

    def choose_set(self, name: str) -> None:
        """One of the model's sets; what it stands for is offered."""
        concept = self._draft.concept or name.partition("-")[0]
        self.change(set_name=name, file_name="", content=b"", concept=concept)

    def take_file(self, path: Path) -> None:
        """A file of the operator's, JSON lines or CSV."""
        try:
            size = path.stat().st_size
            content = path.read_bytes() if size <= LARGEST_BYTES else b""
        except OSError as error:
            self._tell(f"{path}: {error.strerror or error}")
            return
        if size > LARGEST_BYTES:
            self._tell(f"{path}: {size // 1024} KiB > {LARGEST_BYTES // 1024} KiB")
            return
        if not content.strip():
            self._tell(f"{path}: 0 B")
            return
        self.change(set_name="", file_name=path.name, content=content)

    def change(self, **fields: Any) -> None:
        """Sets fields of the draft; those that the review hangs on begin another one."""
        before = self._draft
        self._draft = replace(before, **fields)
        if self._draft == before:
            return
        if _read_of(before) != _read_of(self._draft):
            self._asked += 1
            self._review, self._review_failure = None, None
            self._reviewing = self._draft.has_pairs
            if self._reviewing:
                self._timer.start()
            self.reviewChanged.emit()
        self.draftChanged.emit()

    def _tell(self, message: str) -> None:
        """A fault of the file itself, found before the server saw it."""
        self._asked += 1
        self._timer.stop()
        self._draft = replace(self._draft, set_name="", file_name="", content=b"")
        self._reviewing, self._review = False, None
        self._review_failure = Failure("INVALID_ARGUMENT", "FILE_UNREADABLE", message)
        self.draftChanged.emit()
        self.reviewChanged.emit()

    # Reviewing --------------------------------------------------------------------------------------------

    def review_again(self) -> None:
        """A session has begun: what was asked of the one before got no answer."""
        if self._draft.has_pairs and self._review is None and self._review_failure is None:
            self._asked += 1
            self._reviewing = True
            self._timer.start()
            self.reviewChanged.emit()

    @Slot()
    def _review_now(self) -> None:
        draft, answer = self._draft, _Review(self, self._asked)
        self._gateway.call(
            lambda client: client.measurements.review(
                draft.content, name=draft.set_name, position=draft.position, seed=draft.seed
            ),
            answer.done,
            answer.failed,
        )

    def reviewed(self, number: int, review: ContrastSetReview | None, failure: Failure | None) -> None:
        """The answer to the review with this number; one that was overtaken says nothing."""
        if number != self._asked:
            return
        self._reviewing = False
        self._review, self._review_failure = review, worth_telling(failure)
        self.reviewChanged.emit()

    # Running ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Extracts what the draft says."""
        if not self.can_start():
            return
        draft = self._draft
        self._failure, self._progress, self._vector = None, None, None
        self._stream = self._gateway.stream(
            lambda client: client.extract_vector(
                draft.content,
                contrast_set_name=draft.set_name,
                stage=draft.stage,
                concept=draft.concept.strip(),
                display_name=draft.title,
                method=draft.method,
                layers=draft.layers,
                position=draft.position,
                seed=draft.seed,
            ),
            self._received,
            self._ended,
        )
        self.runChanged.emit()

    def cancel(self) -> None:
        """Stops the run; nothing of it is kept."""
        if self._stream is not None:
            self._stream.cancel()
            self._stream, self._progress = None, None
            self.runChanged.emit()

    def _received(self, events: list[Progress | Vector]) -> None:
        for event in events:
            if isinstance(event, Progress):
                self._progress = event
            else:
                self._vector = event
        self.runChanged.emit()

    def _ended(self, failure: Failure | None) -> None:
        self._stream, self._failure = None, failure
        self.runChanged.emit()
        if self._vector is not None:
            self.extracted.emit(self._vector)

    def _take_sets(self, sets: tuple[ContrastSetReview, ...]) -> None:
        self._sets = sets
        self.setsChanged.emit()

    def _take_concepts(self, concepts: tuple[Concept, ...]) -> None:
        self._concepts = concepts
        self.draftChanged.emit()

    def _refused(self, failure: Failure) -> None:
        if not failure.means_connection_ended:
            self._review_failure = failure
            self.reviewChanged.emit()


class _Review:
    """Where the answer to one review goes."""

    def __init__(self, model: ExtractionModel, number: int) -> None:
        self._model, self._number = model, number

    def done(self, review: ContrastSetReview) -> None:
        self._model.reviewed(self._number, review, None)

    def failed(self, failure: Failure) -> None:
        self._model.reviewed(self._number, None, failure)


def _read_of(draft: ExtractionDraft) -> tuple[object, ...]:
    return (draft.set_name, draft.content, draft.position, draft.seed)
