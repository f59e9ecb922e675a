"""The clients' calls about trials over a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from trimtab_client import (
    AsyncClient,
    Client,
    CriteriaFile,
    PromptFile,
    Trial,
    TrialDraft,
    TrialProgress,
    TrialRowFilter,
    TrialState,
    Verdict,
)
from trimtab_client.trials import Trials
from trimtab_protos.v1 import rollout_pb2, trial_pb2

DRAFT = TrialDraft(
    PromptFile("own.csv", b"prompt\nWhat?\n"),
    CriteriaFile("name = 'x'", "toml"),
    ("unsteered", "steered"),
    "honest-1",
    3,
)
WRITES: dict[str, Callable[[Trials], object]] = {
    "CreateTrial": lambda trials: trials.create(DRAFT),
    "RunTrial": lambda trials: trials.run(),
    "PauseTrial": lambda trials: trials.pause(),
    "ResumeTrial": lambda trials: trials.resume(),
    "RerunTrialRow": lambda trials: trials.rerun_row(3),
    "RateTrialRow": lambda trials: trials.rate("k", 4),
    "FinishRating": lambda trials: trials.finish_rating(),
    "DeleteTrialRows": lambda trials: trials.delete_rows("-", reason="r"),
}
ANSWERS = {"RerunTrialRow": trial_pb2.TrialRow, "RateTrialRow": trial_pb2.RatingProgress}


@pytest.mark.parametrize("method", WRITES)
def test_every_write_carries_a_fresh_request_id_and_the_newest_trial(server: Any, method: str) -> None:
    made = ANSWERS.get(method, trial_pb2.Trial)
    server.answers[method] = lambda request, context: made()
    with Client(server.target) as client:
        for _ in range(2):
            WRITES[method](client.trials)
    first, second = (call.request for call in server.calls(method))
    assert first.request_id
    assert first.request_id != second.request_id
    if method != "CreateTrial":
        assert first.name == "deployments/default/trials/-"


def test_what_is_asked_for_arrives(server: Any) -> None:
    answer = lambda request, context: trial_pb2.Trial()  # noqa: E731
    server.answers |= {"CreateTrial": answer, "RunTrial": answer}
    server.answers["ListTrialRows"] = lambda request, context: trial_pb2.ListTrialRowsResponse(total=7)
    with Client(server.target) as client:
        client.trials.create(DRAFT, lock_hash="ab", case="cd34", keep_days=9, reason="why")
        client.trials.run("ab12", lock_hash="ab", hurry=True)
        page = client.trials.row_page(
            "ab12", TrialRowFilter(lanes=("steered",), text="dollars", repeat=2, probes=True), size=50
        )
    created, run, rows = (call.request for call in server.received)
    assert (created.draft.prompts.name, created.draft.prompts.content) == ("own.csv", b"prompt\nWhat?\n")
    assert (created.draft.snapshot, created.draft.repeats) == ("snapshots/honest-1", 3)
    assert (created.lock_hash, created.keep_days, created.reason) == ("ab", 9, "why")
    assert created.case == "deployments/default/cases/cd34"
    assert (run.name, run.lock_hash, run.hurry) == ("deployments/default/trials/ab12", "ab", True)
    assert (list(rows.lanes), rows.text, rows.repeat, rows.probes, rows.page_size) == (
        ["steered"],
        "dollars",
        2,
        True,
        50,
    )
    assert page.total == 7


def news(request: Any, context: Any) -> Iterator[trial_pb2.WatchTrialResponse]:
    yield trial_pb2.WatchTrialResponse(trial=trial_pb2.Trial(state=trial_pb2.TRIAL_STATE_RUNNING))
    rows = [trial_pb2.TrialRow(number=1), trial_pb2.TrialRow(number=2, score=0.0)]
    yield trial_pb2.WatchTrialResponse(rows=trial_pb2.TrialRowBatch(rows=rows))
    yield trial_pb2.WatchTrialResponse(progress=trial_pb2.TrialProgress(done=2, planned=9))
    result = trial_pb2.TrialResult(verdict=rollout_pb2.VERDICT_NOT_ENOUGH_DATA, more_prompts_needed=0)
    finished = trial_pb2.Trial(state=trial_pb2.TRIAL_STATE_FINISHED, result=result)
    yield trial_pb2.WatchTrialResponse(trial=finished)


def export(request: Any, context: Any) -> Iterator[trial_pb2.ExportTrialResponse]:
    yield trial_pb2.ExportTrialResponse(data=b'{"for')
    yield trial_pb2.ExportTrialResponse(data=b'mat": 1}')


def test_a_watch_tells_states_progress_and_rows_apart(server: Any) -> None:
    server.answers["WatchTrial"] = news
    with Client(server.target) as client:
        first, rows, progress, last = list(client.trials.watch(rows=True))
    assert server.received[0].request.rows
    assert isinstance(first, Trial)
    assert (first.state, first.result) == (TrialState.RUNNING, None)
    assert isinstance(rows, tuple)
    assert [(row.number, row.score) for row in rows] == [(1, None), (2, 0.0)]
    assert isinstance(progress, TrialProgress)
    assert (progress.done, progress.seconds_left) == (2, None)
    assert isinstance(last, Trial)
    assert last.state.ended
    assert last.result is not None
    assert (last.result.verdict, last.result.more_prompts_needed) == (Verdict.NOT_ENOUGH_DATA, 0)


async def test_the_asynchronous_client_does_the_same(server: Any) -> None:
    server.answers |= {"WatchTrial": news, "ExportTrial": export}
    server.answers["GetRatingSheet"] = lambda request, context: trial_pb2.RatingSheet(scale=4)
    async with AsyncClient(server.target) as client:
        events = [event async for event in client.trials.watch()]
        assert await client.trials.export("ab12") == b'{"format": 1}'
        sheet = await client.trials.rating_sheet()
    assert [type(event) for event in events] == [Trial, tuple, TrialProgress, Trial]
    assert (sheet.prompt, sheet.scale) == (None, 4)
