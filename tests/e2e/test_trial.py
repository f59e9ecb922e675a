"""kill -9 in the middle of a trial: resumed, it has the replies, the figures and the verdict of an unbroken one."""

from __future__ import annotations

import csv
import io
import json
import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from server_process import ServerProcess
from trimtab_client import Client, CriteriaFile, PromptFile, Trial, TrialDraft, TrialRow, TrialState
from trimtab_vectors.organism import shipped_model_dir

SAMPLE = shipped_model_dir() / "trial"
FACTS = 8
KILLS = 2
#: The divergence and the entropy are floats straight from the engine's arithmetic: they tell one shape from another.
MEASURES = """
[[side_effects]]
measure = "kl"
at_most = 10.0
[[side_effects]]
measure = "entropy"
at_most = 10.0
"""


def draft() -> TrialDraft:
    rows = list(csv.reader(io.StringIO((SAMPLE / "sample.csv").read_text(encoding="utf-8-sig"))))
    prompts = io.StringIO()
    csv.writer(prompts).writerows(rows[: 1 + 3 * FACTS])
    criteria = (SAMPLE / "criteria.toml").read_text(encoding="utf-8") + MEASURES
    return TrialDraft(
        PromptFile("prompts.csv", prompts.getvalue().encode()),
        CriteriaFile(criteria.replace("min_prompts = 30", "min_prompts = 2"), "toml"),
    )


def watched(client: Client, trial: str) -> Trial:
    newest = client.trials.get(trial)
    for event in client.trials.watch(trial):
        if isinstance(event, Trial):
            newest = event
    return newest


def rows_of(client: Client, trial: str) -> list[TrialRow]:
    """Everything of them but the time they took."""
    found = json.loads(client.trials.export(trial))["rows"]
    rows = [TrialRow(key="", **row) for row in found]
    return [replace(row, seconds=0.0) for row in rows]


def timeless(figures: Any) -> Any:
    """Figures without the means of seconds."""
    if isinstance(figures, dict):
        return {key: timeless(own) for key, own in figures.items() if key != "seconds"}
    return [timeless(own) for own in figures] if isinstance(figures, list) else figures


def figures_of(trial: Trial) -> Any:
    assert trial.result is not None
    return timeless(json.loads(trial.result.json))


def test_a_trial_killed_at_random_moments_ends_as_an_unbroken_one_bit_for_bit(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"kills drawn with seed {seed}")
    drawn = random.Random(seed)
    server = ServerProcess(tmp_path / "data")
    try:
        with server.client() as client:
            whole = client.trials.create(draft())
            client.trials.run(whole.name)
            whole = watched(client, whole.name)
            wanted = rows_of(client, whole.name)
            broken = client.trials.create(draft()).name
            client.trials.run(broken)
        assert whole.state is TrialState.FINISHED
        kept: list[TrialRow] = []
        for kill in range(KILLS):
            stop_at = drawn.randrange(whole.progress.planned * (kill + 1) // (KILLS + 2))
            with server.client() as client:
                while client.trials.get(broken).progress.done <= stop_at:
                    time.sleep(0.01)
            time.sleep(drawn.random() * 0.1)
            server.kill()
            server = ServerProcess(tmp_path / "data")
            with server.client() as client:
                found = client.trials.get(broken)
                assert found.state is TrialState.PAUSED
                assert "server stopped" in found.reason
                rows = rows_of(client, broken)
                held = {row.number: row for row in rows}
                assert all(held[row.number] == row for row in kept), "what was kept is never lost"
                kept = rows
                client.trials.resume(broken)
        with server.client() as client:
            resumed = watched(client, broken)
            assert resumed.state is TrialState.FINISHED
            assert rows_of(client, broken) == wanted
            assert figures_of(resumed) == figures_of(whole)
            actions = [record.action for record in client.audit_records().records if record.subject == broken]
            assert actions.count("trial.resume") == actions.count("trial.pause") == KILLS
            assert actions.count("trial.finish") == 1
    finally:
        assert server.stop() == 0
