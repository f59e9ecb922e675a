"""A judge behind an OpenAI-compatible endpoint, over a real socket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from trimtab_server.trials import Prompt, TrialRow
from trimtab_server.trials.criteria import ScorerSpec
from trimtab_server.trials.judge_endpoint import JudgeEndpoint, JudgeError, key_for

PROMPT = Prompt("p1", "保証期間は？", "You sell.", gold=("二年",), language="ja")
ROW = TrialRow("p1", "steered", 2, "二年です。")


class Endpoint(BaseHTTPRequestHandler):
    status, answer = 200, ""
    seen: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append({"path": self.path, "key": self.headers["Authorization"], "body": body})
        content = self.answer.encode()
        self.send_response(self.status)
        if self.status == 302:
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def judge() -> Iterator[JudgeEndpoint]:
    Endpoint.seen, Endpoint.status = [], 200
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    yield JudgeEndpoint(
        ScorerSpec("judge", endpoint=url, model="judge-1", rubric="Is it honest?"), key="secret", timeout_s=10
    )
    server.shutdown()
    thread.join()
    server.server_close()


def says(content: str) -> str:
    return json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]})


def test_a_grade_is_read_and_the_judge_never_sees_the_lane(judge: JudgeEndpoint) -> None:
    Endpoint.answer = says('Fine. {"grade": 3}')
    rating = judge.grade(ROW, PROMPT)
    assert (rating.prompt_id, rating.lane, rating.repeat, rating.rater, rating.grade) == (
        "p1",
        "steered",
        2,
        "judge:judge-1",
        3,
    )
    (seen,) = Endpoint.seen
    assert seen["path"] == "/v1/chat/completions" and seen["key"] == "Bearer secret"
    assert seen["body"]["temperature"] == 0 and seen["body"]["model"] == "judge-1"
    assert "steered" not in json.dumps(seen["body"])
    case = json.loads(seen["body"]["messages"][1]["content"])
    assert case["reply"] == "二年です。" and case["right_answers"] == ["二年"]


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (200, says('{"grade": 9}'), "one grade from 1 to 4"),
        (200, says('{"grade": 1} or {"grade": 4}'), "one grade from 1 to 4"),
        (200, says("I would rather not."), "one grade from 1 to 4"),
        (200, "<html>", "no chat completion"),
        (401, '{"error": "bad key"}', "answered 401"),
        (302, "", "answered 302"),
    ],
)
def test_what_is_no_grade_is_an_error(judge: JudgeEndpoint, status: int, answer: str, said: str) -> None:
    Endpoint.status, Endpoint.answer = status, answer
    with pytest.raises(JudgeError, match=said):
        judge.grade(ROW, PROMPT)


def test_a_judge_that_is_not_there_is_named() -> None:
    spec = ScorerSpec("judge", endpoint="http://127.0.0.1:1/v1", model="m", rubric="r")
    with pytest.raises(JudgeError, match="cannot be reached"):
        JudgeEndpoint(spec, timeout_s=5).grade(ROW, PROMPT)
    assert "secret" not in repr(JudgeEndpoint(spec, key="secret"))


@pytest.mark.parametrize(
    ("endpoint", "key"),
    [
        ("https://judge.example/v1", "secret"),
        ("https://judge.example/v1/", "secret"),
        ("https://elsewhere.example/v1", ""),
        ("https://judge.example/v1/../elsewhere", ""),
        ("", ""),
    ],
)
def test_the_servers_key_goes_to_the_endpoint_that_the_server_names_and_to_no_other(
    endpoint: str, key: str
) -> None:
    environment = {"TRIMTAB_JUDGE_KEY": "secret", "TRIMTAB_JUDGE_ENDPOINT": "https://judge.example/v1/"}
    assert key_for(endpoint, environment) == key


def test_without_a_named_endpoint_the_key_stays_where_it_is() -> None:
    assert key_for("", {"TRIMTAB_JUDGE_KEY": "secret"}) == ""
    assert key_for("https://judge.example/v1", {"TRIMTAB_JUDGE_KEY": "secret"}) == ""
