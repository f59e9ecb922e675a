"""A lost connection is told once, by the strip, whatever was under way; a refusal is told where it belongs."""

from __future__ import annotations

import ast
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
import trimtab_gui.models
from driven_client import Client
from scripted_server import ScriptedServer
from trimtab_client.case_types import CaseChoice
from trimtab_client.reports import ReportFormat
from trimtab_client.rollout_types import PlanFile
from trimtab_client.types import Sampling
from trimtab_client.types import Signal as Figure
from trimtab_gui.bridge import Failure, Phase
from trimtab_gui.models.telling import TellingModel
from trimtab_gui.models.vector_files import Upload
from trimtab_gui.views.strips import NoticeStrip
from trimtab_protos.v1 import snapshot_pb2, steering_pb2

PLAN = PlanFile("[[steps]]\n", "toml")
TRIAL = "deployments/default/trials/1"
CASE = "deployments/default/cases/1"
ROLLOUT = "deployments/default/rollouts/1"


@dataclass(frozen=True)
class Deed:
    """What is under way: the message that the server gets, and what sends it."""

    message: str
    run: Callable[[Client], object]


def _other_stage(client: Client) -> str:
    return next(stage.name for stage in client.workspace.steering.stages if stage.name.endswith("05"))


def _snapshot(client: Client) -> str:
    return client.workspace.release.snapshots[0].name


DEEDS = (
    Deed("ListSnapshotsRequest", lambda c: c.workspace.release.refresh()),
    Deed("ListRevisionsRequest", lambda c: c.workspace.release.refresh()),
    Deed("DiffSnapshotsRequest", lambda c: c.workspace.release.diff(_snapshot(c), _snapshot(c))),
    Deed(
        "CreateSnapshotRequest",
        lambda c: c.workspace.release.create(c.workspace.steering.steering(), Sampling(), "ours", ""),
    ),
    Deed("ActivateSnapshotRequest", lambda c: c.workspace.release.activate(_snapshot(c), "because", 1)),
    Deed("RollbackSnapshotRequest", lambda c: c.workspace.release.roll_back("because")),
    Deed("RollbackSnapshotRequest", lambda c: c.workspace.release.unsteered_now("because")),
    Deed("GetDeploymentRequest", lambda c: c.workspace.freshness.refresh()),
    Deed("ListRolloutsRequest", lambda c: c.workspace.rollouts.refresh()),
    Deed(
        "CreateRolloutRequest",
        lambda c: c.workspace.rollouts.create(_snapshot(c), PLAN, "because", 1, start=False),
    ),
    Deed("PauseRolloutRequest", lambda c: c.workspace.rollouts.pause(ROLLOUT, "because")),
    Deed("AbortRolloutRequest", lambda c: c.workspace.rollouts.abort(ROLLOUT, "because")),
    Deed("CancelApprovalRequest", lambda c: c.workspace.approvals.cancel("approvals/1", "because")),
    Deed("RunCanaryRequest", lambda c: c.workspace.monitors.run_canary()),
    Deed("ListCanaryRunsRequest", lambda c: c.workspace.monitors.start()),
    Deed("LoadStageRequest", lambda c: c.workspace.steering.choose_stage(_other_stage(c))),
    Deed("ListVectorsRequest", lambda c: c.workspace.refresh_vectors()),
    Deed("ListModelsRequest", lambda c: c.workspace.hosted.refresh()),
    Deed("ListStagesRequest", lambda c: c.workspace.hosted.refresh()),
    Deed("ListTrialsRequest", lambda c: c.window.evidence.trials.model.refresh()),
    Deed("RunTrialRequest", lambda c: c.window.evidence.trials.model.start()),
    Deed("PauseTrialRequest", lambda c: c.window.evidence.trials.model.pause()),
    Deed("RerunTrialRowRequest", lambda c: c.window.evidence.trials.model.ask_again(1)),
    Deed("ExportTrialRequest", lambda c: c.window.evidence.trials.model.export(_ignore)),
    Deed("GetRatingSheetRequest", lambda c: c.window.evidence.trials.rating_model.open(TRIAL)),
    Deed("WriteReportRequest", lambda c: _write_report(c)),
    Deed("CreateCaseRequest", lambda c: c.window.evidence.cases.model.create("", "A case", "en")),
    Deed("DecideCaseRequest", lambda c: c.window.evidence.cases.model.decide(CaseChoice.STOP, "because")),
    Deed("AttachRolloutRequest", lambda c: c.window.evidence.cases.model.attach_rollout(CASE, ROLLOUT)),
)
IDS = [f"{number}-{deed.message}" for number, deed in enumerate(DEEDS)]


def _ignore(_content: bytes) -> None:
    pass


def _write_report(client: Client) -> None:
    client.window.evidence.trials.open_trial.reports.write(
        TRIAL, ReportFormat.HTML, "en", None, Path("never.html")
    )


#: Changes: where the connection breaks, nobody knows whether they were made, and that is said.
CHANGES = {
    "CreateSnapshotRequest",
    "ActivateSnapshotRequest",
    "RollbackSnapshotRequest",
    "CreateRolloutRequest",
    "PauseRolloutRequest",
    "AbortRolloutRequest",
    "CancelApprovalRequest",
}


class Ears:
    """Everything that is told while it listens."""

    def __init__(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[Failure] = []
        self.notices: list[str] = []
        window, workspace = client.window, client.workspace
        for model in (*window.findChildren(TellingModel), workspace):
            model.failed.connect(self.told.append)
        tell = NoticeStrip.tell

        def heard(strip: NoticeStrip, text: str, *rest: object, **more: object) -> None:
            self.notices.append(text)
            tell(strip, text, *rest, **more)

        monkeypatch.setattr(NoticeStrip, "tell", heard)

    def forget(self) -> None:
        self.told.clear()
        self.notices.clear()


def _errors_shown(client: Client) -> list[str]:
    evidence = client.window.evidence
    labels = (evidence.trials.error, evidence.cases.error, evidence.trials.form.fault)
    return [label.text() for label in labels if not label.isHidden() and label.text()]


def _begin(client: Client, scripted: ScriptedServer, deed: Deed) -> None:
    scripted.requests.clear()
    deed.run(client)
    client.wait(lambda: any(type(own).__name__ == deed.message for own in scripted.requests))


@pytest.mark.parametrize("part", range(4))
def test_a_server_that_is_lost_in_any_call_is_told_once_by_the_strip(
    connected: Client, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    ears = Ears(connected, monkeypatch)
    for deed in DEEDS[part::4]:
        scripted.script.held = {deed.message}
        ears.forget()
        _begin(connected, scripted, deed)
        scripted.stop()
        connected.wait(lambda: connected.workspace.connection.status.phase is Phase.LOST)
        # What comes back late would be told late.
        connected.qtbot.wait(100)
        told = [failure.reason for failure in ears.told]
        if deed.message in CHANGES:
            assert told == ["OUTCOME_UNKNOWN"], deed.message
            assert ["the answer came" in text for text in ears.notices] == [True], deed.message
        else:
            assert (deed.message, told, ears.notices) == (deed.message, [], [])
        assert _errors_shown(connected) == []
        assert connected.window.connection_strip.isVisible()
        assert "Server gone since" in connected.window.connection_strip.text
        scripted.script.held = set()
        scripted.start()
        connected.workspace.connection.retry_now()
        connected.wait(lambda: connected.workspace.is_ready)
        assert not connected.workspace.release.is_busy and not connected.workspace.rollouts.is_busy
        assert not connected.window.evidence.trials.model.is_busy
        assert not connected.workspace.monitors.canary_is_running


REFUSALS = (
    (grpc.StatusCode.FAILED_PRECONDITION, "STAGE_MISMATCH"),
    # The server answers, and says that it cannot now: that is no loss of the connection.
    (grpc.StatusCode.UNAVAILABLE, "STORE_LOCKED"),
)


@pytest.mark.parametrize(("code", "reason"), REFUSALS, ids=[reason for _code, reason in REFUSALS])
def test_a_refusal_is_told_for_every_call(
    connected: Client,
    scripted: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    code: grpc.StatusCode,
    reason: str,
) -> None:
    ears = Ears(connected, monkeypatch)
    for deed in DEEDS:
        ears.forget()
        scripted.script.refused = {deed.message: (code, reason)}
        _begin(connected, scripted, deed)
        connected.wait(lambda: bool(ears.told))
        assert {own.reason for own in ears.told} == {reason}, deed.message
        scripted.script.refused = {}
    assert connected.workspace.connection.is_live
    assert not connected.window.connection_strip.isVisible()


def test_a_trial_that_could_not_be_checked_is_checked_again_with_the_next_session(
    connected: Client, scripted: ScriptedServer, tmp_path: Path
) -> None:
    connected.workspace.commands.run("trial.sample")
    draft = connected.window.evidence.trials.draft
    connected.wait(lambda: draft.can_start)
    scripted.script.held = {"CheckTrialRequest"}
    scripted.requests.clear()
    draft.touch()
    connected.wait(lambda: any(type(own).__name__ == "CheckTrialRequest" for own in scripted.requests))
    scripted.stop()
    connected.wait(lambda: connected.workspace.connection.status.phase is Phase.LOST)
    connected.wait(lambda: not draft.is_checking)
    assert draft.failure is None and not draft.can_start and _errors_shown(connected) == []
    scripted.script.held = set()
    scripted.start()
    connected.workspace.connection.retry_now()
    connected.wait(lambda: draft.can_start)


class Relay:
    """Passes connections on to a server, and can cut them while it stays there."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self._listening.getsockname()[1]}"

    def cut(self) -> None:
        cut, self._open = self._open, []
        for end in cut:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def close(self) -> None:
        self._listening.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while content := source.recv(65536):
                sink.sendall(content)
            sink.shutdown(socket.SHUT_RDWR)


def test_watches_that_broke_off_are_opened_again_though_the_server_was_never_gone(
    client: Client, scripted: ScriptedServer
) -> None:
    relay = Relay(scripted.port)
    try:
        client.connect(relay.target)
        client.wait(lambda: client.workspace.release.active is not None)
        for round_ in range(2):
            session = client.workspace.connection.status.session
            relay.cut()
            client.wait(lambda session=session: client.workspace.connection.status.session > session)
            client.wait(lambda: client.workspace.is_ready)
            before = len(scripted.revisions)
            name = scripted.add_snapshot(
                f"later {round_}", steering_pb2.Steering(stage=f"models/m/stages/{round_}")
            )
            scripted.activate(name, snapshot_pb2.REVISION_KIND_ACTIVATE, "somebody", "because")
            assert len(scripted.revisions) == before + 1
            client.wait(lambda name=name: client.workspace.release.active.snapshot.name == name)
            scripted.push_sample(4, 0.123)
            client.wait(lambda: client.workspace.monitors.last(Figure.KL_TO_UNSTEERED) is not None)
    finally:
        client.workspace.connection.disconnect_from_server()
        relay.close()


def test_an_import_that_loses_the_server_can_be_pressed_again(
    connected: Client, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ears = Ears(connected, monkeypatch)
    files = connected.workspace.vector_files
    scripted.stop()
    files.send(Upload("ours.safetensors", b"1", "safetensors"))
    assert files.is_busy
    connected.wait(lambda: not files.is_busy)
    assert ears.told == [] and ears.notices == []


def test_no_model_tells_of_a_failure_past_the_one_place_that_decides() -> None:
    folder = Path(trimtab_gui.models.__file__).parent
    past = []
    for path in sorted(folder.glob("*.py")):
        if path.stem in ("telling", "local_server"):
            # A local server fails before there is a connection, with words of its own.
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Attribute)
                and node.attr == "emit"
                and ast.unparse(node).endswith(".failed.emit")
            ):
                past.append(f"{path.name}:{node.lineno}")
    assert past == []
