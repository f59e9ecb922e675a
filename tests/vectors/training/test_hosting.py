"""What a run wrote is hosted by the real server: stages, vectors, replies."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from server_process import ServerProcess
from trimtab_client import Inline, Message, ReplyDelta, ReplyFinished, Role, Sampling, Steering, SteeringTerm
from trimtab_server.engine.hosted_model import HostedModel
from trimtab_vectors.training.journal import Journal


@pytest.mark.parametrize("kind", ["adapted", "full"])
def test_the_engine_loads_every_stage_and_the_last_is_the_trained_model(
    request: pytest.FixtureRequest, kind: str
) -> None:
    watched = request.getfixturevalue(kind)
    directory, run = watched.directory, watched.run
    hosted = HostedModel.open(directory, device="cpu")
    assert [stage.step for stage in hosted.stages] == [None, 4, 8, 12]
    assert hosted.default_stage == "stage-03" and hosted.has_chat_template
    ids = torch.tensor([[256, 70, 71, 72]])
    with torch.no_grad():
        for stage in hosted.stages:
            logits = hosted.load_stage(stage.name)(ids).logits
        torch.testing.assert_close(logits, run.model.eval()(ids).logits, atol=1e-5, rtol=1e-4)


def test_the_server_hosts_the_directory_and_steers_with_a_stage_s_own_vector(
    adapted: Any, tmp_path: Path
) -> None:
    directory = adapted.directory
    server = ServerProcess(tmp_path / "data", "--model", str(directory), "--no-auto-canary")
    try:
        with server.client() as client:
            model = client.models()[0]
            stages = client.stages(model.name)
            assert [s.short_name for s in stages] == ["stage-00", "stage-01", "stage-02", "stage-03"]
            content = (directory / "vectors/honesty-stage-03.safetensors").read_bytes()
            vector = client.import_vector(content)
            steering = Steering(
                stage=stages[-1].name, terms=(SteeringTerm(vector.name, strength=0.2, layers=(0, 1)),)
            )
            messages = [Message(Role.SYSTEM, "mode H"), Message(Role.USER, "ba")]
            sampling = Sampling(temperature=0.0, max_tokens=4)
            events = list(client.chat(messages, source=Inline(steering), sampling=sampling))
        assert isinstance(events[-1], ReplyFinished) and events[-1].steering_applications > 0
        assert any(isinstance(event, ReplyDelta) for event in events)
    finally:
        server.kill()


def test_watching_from_the_command_line(adapted: Any) -> None:
    directory = adapted.directory

    def trimtab(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "trimtab_server.cli.main", "training", "watch", *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    last = json.loads(trimtab(str(directory / "training.jsonl"), "--json").stdout)
    assert (last["kind"], last["step"], last["stage"]) == ("measurement", 12, "stage-03")
    shown = trimtab(str(directory), "--once")
    rows = [line.split() for line in shown.stdout.splitlines()]
    assert [row[0] for row in rows[1:5]] == ["0", "4", "8", "12"] and shown.returncode == 0
    missing = trimtab(str(directory / "nowhere.jsonl"), "--once")
    assert missing.returncode == 1 and "there is no journal" in missing.stderr


def test_what_was_done_is_said_in_a_line(tmp_path: Path) -> None:
    from trimtab_server.cli.training import event_line

    journal = Journal(tmp_path / "training.jsonl")
    common = {"plan_index": 0, "cost": {"steps": 28, "seconds": 2.5}}
    effect = {"value": 0.62, "low": 0.26, "high": 0.98, "n": 40}
    lines = [
        event_line(
            journal.append("action", 20, 0, action="twins", why="asked", lag=10, effect=effect, **common)
        ),
        event_line(journal.append("refused", 21, 0, action="push", why="no budget", plan_index=1)),
        event_line(journal.append("resumed", 20, 1, from_branch=0, from_step=20)),
        event_line(journal.append("checkpoint", 20, 1, path="somewhere")),
    ]
    assert lines == [
        "step 20  twins: asked; 28 steps, 2.5 s; arm over twin 0.62 ±0.36 nats after 10 steps",
        "step 21  push refused: no budget",
        "step 20  resumed, branch 1",
        None,
    ]
