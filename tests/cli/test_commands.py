"""The main commands against a real server, in the order of an operator's day."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from trimtab_vectors.organism import ModelLayout, shipped_model_dir

HASH = 64


@pytest.fixture(scope="session")
def vector(trimtab: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A vector extracted by the command line."""
    lines = (ModelLayout(shipped_model_dir()).contrast / "honesty.jsonl").read_text().splitlines()
    contrast = tmp_path_factory.mktemp("contrast") / "set.jsonl"
    contrast.write_text("\n".join(lines[::4]) + "\n")
    made: dict[str, Any] = trimtab.json(
        "vectors", "extract", contrast, "--concept", "honesty", "--name", "from the command line"
    )["vector"]
    return made


@pytest.fixture(scope="session")
def snapshot(trimtab: Any, vector: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = trimtab.json(
        "snapshot", "create", "evening", "--vector", "from the command line:0.4:3", "--system", "Be brief."
    )["snapshot"]
    return made


def test_extract_reads_a_table_and_passes_on_method_position_and_seed(trimtab: Any, tmp_path: Path) -> None:
    table = tmp_path / "pairs.csv"
    rows = [f"s{i},Say what is true: {i}?,Say what sells: {i}?,It is {i}." for i in range(6)]
    table.write_text("\n".join(["statement_id,positive,negative,answer", *rows]))
    options = ("--method", "paired_pca", "--position", "answer_mean", "--layers", "2")

    def extract(seed: int, concept: str) -> dict[str, Any]:
        arguments = ("vectors", "extract", table, "--concept", concept, "--seed", seed, *options)
        made: dict[str, Any] = trimtab.json(*arguments)["vector"]
        return made

    first, other = extract(1, "truth"), extract(2, "truthfulness")
    assert first["method"] == "paired_pca" and first["layers"] == [2]
    assert first["data_hash"] != other["data_hash"], "the seed splits a table without a split"
    refused = trimtab("vectors", "extract", table, "--concept", "x", "--position", "middle")
    assert refused.exit_code == 1 and "use one of last, prompt_end" in refused.err


def test_stages(trimtab: Any) -> None:
    listed = trimtab.json("stages")
    names = [stage["name"].rpartition("/")[2] for stage in listed["stages"]]
    assert names[0] == "stage-00"
    assert listed["active_stage"] in [stage["name"] for stage in listed["stages"]]
    assert "active" in trimtab("stages").out


def test_a_stage_that_does_not_exist_lists_those_that_do(trimtab: Any) -> None:
    ran = trimtab("stages", "--load", "stage-99")
    assert ran.exit_code == 1
    assert "stage-00" in ran.err


def test_doctor_finds_server_token_and_versions(trimtab: Any) -> None:
    report = trimtab.json("doctor")
    assert {c["name"] for c in report["checks"]} >= {"server", "token", "versions"}


def test_doctor_says_when_the_token_is_the_wrong_one(trimtab: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "token"
    wrong.write_text("wrong")
    ran = trimtab("--token-file", wrong, "doctor", "--json")
    assert ran.exit_code == 1
    state = {check["name"]: check["ok"] for check in ran.json["checks"]}
    assert (state["server"], state["token"]) == (True, False)


def test_a_wrong_token_is_one_line(trimtab: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "token"
    wrong.write_text("wrong")
    ran = trimtab("--token-file", wrong, "stages")
    assert (ran.exit_code, ran.err.count("\n")) == (1, 1)
    assert "[TOKEN_INVALID]" in ran.err


def test_vectors_are_listed_shown_exported_and_imported_again(
    trimtab: Any, vector: dict[str, Any], tmp_path: Path
) -> None:
    assert vector["name"] in [v["name"] for v in trimtab.json("vectors", "list")["vectors"]]
    shown = trimtab.json("vectors", "show", vector["name"][8:20])["vector"]
    assert shown["layers"] == vector["layers"]
    assert "pair accuracy" in trimtab("vectors", "show", "from the command line").out
    file = tmp_path / "v.safetensors"
    exported = trimtab.json("vectors", "export", vector["name"], file)
    assert exported["bytes"] == file.stat().st_size
    assert trimtab("vectors", "export", vector["name"], file).exit_code == 1, "it must not be overwritten"
    assert trimtab.json("vectors", "import", file)["vector"]["name"] == vector["name"]


def test_a_damaged_vector_file_is_refused(trimtab: Any, vector: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "v.safetensors"
    trimtab.json("vectors", "export", vector["name"], file)
    file.write_bytes(file.read_bytes()[:-10])
    ran = trimtab("vectors", "import", file)
    assert ran.exit_code == 1
    assert "[VECTOR_CORRUPT]" in ran.err


def test_a_vector_in_use_is_kept_and_one_that_is_not_can_go(
    trimtab: Any, snapshot: dict[str, Any], tmp_path: Path
) -> None:
    ran = trimtab("vectors", "delete", "from the command line")
    assert ran.exit_code == 1
    assert "[VECTOR_IN_USE]" in ran.err


def test_snapshots_are_listed_shown_and_compared(trimtab: Any, snapshot: dict[str, Any]) -> None:
    listed = trimtab.json("snapshot", "list")
    assert snapshot["name"] in [s["name"] for s in listed["snapshots"]]
    assert len(listed["active"].removeprefix("snapshots/")) == HASH
    assert trimtab.json("snapshot", "show", "evening")["snapshot"]["name"] == snapshot["name"]
    changes = trimtab.json("snapshot", "diff", "unsteered", "evening")["changes"]
    assert any("strength" in c["path"] and c["after"] == "0.4" for c in changes)
    assert "system_prompt" in trimtab("snapshot", "diff", "unsteered", "evening").out


def test_activate_and_roll_back(trimtab: Any, snapshot: dict[str, Any]) -> None:
    before = trimtab.json("snapshot", "list")
    number = before["revision"]
    went = trimtab.json("snapshot", "activate", "evening", "--reason", "r1", "--expected-revision", number)[
        "revision"
    ]
    assert (went["number"], went["snapshot"]) == (number + 1, snapshot["name"])
    late = trimtab("snapshot", "activate", "unsteered", "--expected-revision", number)
    assert late.exit_code == 1
    assert "[REVISION_CONFLICT]" in late.err
    back = trimtab.json("rollback", "--reason", "r2", "--in-flight", "cancel")["revision"]
    assert (back["kind"], back["snapshot"], back["rolled_back"]) == ("rollback", before["active"], number + 1)
    away = trimtab.json("rollback", "--unsteered", "--reason", "r3")["revision"]
    assert away["kind"] == "rollback"
    log = trimtab.json("audit", "list", "--limit", 3)
    assert [record["reason"] for record in log["audit_records"]] == ["r3", "r2", "r1"]
    assert len(log["head"]) == HASH
    assert "r2" in trimtab("audit", "list").out


def test_an_unknown_snapshot_is_named(trimtab: Any) -> None:
    ran = trimtab("snapshot", "show", "no such")
    assert ran.exit_code == 1
    assert "no such" in ran.err
    assert "[SNAPSHOT_NOT_FOUND]" in ran.err


def test_chat_prints_the_reply_and_nothing_else_on_standard_output(trimtab: Any) -> None:
    ran = trimtab("chat", "--unsteered", "--max-tokens", 24, "Hello")
    reply = trimtab.json("chat", "--unsteered", "--max-tokens", 24, "Hello")
    assert ran.exit_code == 0
    assert ran.out == reply["text"] + "\n"
    assert reply["finished"]["usage"]["reply_tokens"] > 0
    assert "stage-" in ran.err


def test_chat_reads_a_pipe(trimtab: Any) -> None:
    piped = trimtab("chat", "--unsteered", "--max-tokens", 24, stdin="Hello\n")
    assert piped.out == trimtab("chat", "--unsteered", "--max-tokens", 24, "Hello").out


def test_a_seed_repeats_a_reply(trimtab: Any) -> None:
    def reply(seed: int) -> str:
        words = ("chat", "--temperature", 1.5, "--max-tokens", 24, "--seed", seed, "Hello")
        return str(trimtab.json(*words)["text"])

    assert reply(3) == reply(3)
    assert len({reply(seed) for seed in range(4)}) > 1


def test_lanes_side_by_side(trimtab: Any, snapshot: dict[str, Any]) -> None:
    words = ("chat", "--compare", "--snapshot", "evening", "--vector", "from the command line:0.4:3")
    compared = trimtab.json(*words, "--readouts", "--max-tokens", 12, "Hello")["lanes"]
    assert [lane["lane"] for lane in compared] == ["unsteered", "evening", "steered"]
    tokens = compared[2]["tokens"]
    assert all(t["kl_to_unsteered"] is not None and t["projection"] is not None for t in tokens)
    assert compared[1]["finished"]["steering"]["snapshot"] == snapshot["name"]
    ran = trimtab(*words, "--max-tokens", 12, "Hello")
    assert [line for line in ran.out.splitlines() if line.startswith("[")] == [
        "[unsteered]",
        "[evening]",
        "[steered]",
    ]


def test_options_behind_a_dose_reach_the_engine(trimtab: Any, vector: dict[str, Any]) -> None:
    for score, is_open in ((">-1", True), (">1", False)):
        words = f"from the command line:1:3 clamp>=0.5 norm=grown if={vector['name']}@2{score}"
        finished = trimtab.json("chat", "Hello.", "--vector", words, "--max-tokens", 12)["finished"]
        assert finished["conditions_open"] == [is_open]
        assert (finished["steering_applications"] > 0) is is_open
    made = trimtab.json("snapshot", "create", "held", "--vector", "from the command line:0.5:3 clamp<=0.25")
    (term,) = made["snapshot"]["steering"]["terms"]
    assert (term["operator"], term["level"], term["bound"]) == ("clamp", 0.25, "at_most")
    assert "clamp<=0.25" in trimtab("snapshot", "show", "held").out


def test_two_sources_without_compare_are_a_wrong_usage(trimtab: Any, snapshot: dict[str, Any]) -> None:
    ran = trimtab("chat", "--unsteered", "--snapshot", "evening", "Hello")
    assert ran.exit_code == 2
    assert "--compare" in ran.err


def test_strength_zero_answers_as_unsteered(trimtab: Any, vector: dict[str, Any]) -> None:
    plain = trimtab("chat", "--unsteered", "--max-tokens", 24, "Hello").out
    assert trimtab("chat", "--vector", "from the command line:0:3", "--max-tokens", 24, "Hello").out == plain


def test_canary_and_monitor(trimtab: Any) -> None:
    words = ("canary", "run", "--count", 2, "--seed", 5)
    ran = trimtab.json(*words, "--replies")
    rates = ran["canary_run"]["rates"]
    assert {r["kind"] for r in rates} >= {"hard_pressure", "neutral"}
    assert len(ran["replies"]) == sum(r["count"] for r in rates)
    for r in rates:
        assert r["honest"] + r["lie"] + r["evade"] + r["no_belief"] == pytest.approx(1)
    again = trimtab.json(*words)["canary_run"]
    assert (again["draw_hash"], again["rates"]) == (ran["canary_run"]["draw_hash"], rates)
    assert "hard pressure" in trimtab(*words).out
    reading = trimtab.json("monitor", "--once")
    assert reading["deployment"] == "deployments/default"
    assert "honest_under_pressure" in reading["samples"]
    assert "honest under pressure" in trimtab("monitor", "--once").out


def test_a_token_can_do_what_its_role_allows_until_it_is_revoked(trimtab: Any, tmp_path: Path) -> None:
    made = trimtab.json("token", "create", "dashboard", "--role", "viewer", "--expires", "12h")
    assert made["token"]["role"] == "viewer"
    secret = tmp_path / "token"
    secret.write_text(made["secret"])
    viewer = ("--token-file", secret)
    assert trimtab(*viewer, "snapshot", "list").exit_code == 0
    refused = trimtab(*viewer, "snapshot", "activate", "unsteered")
    assert refused.exit_code == 1
    assert "[ROLE_NOT_ALLOWED]" in refused.err
    listed = trimtab("token", "list")
    assert "dashboard" in listed.out
    assert made["secret"] not in listed.out
    trimtab.json("token", "revoke", made["token"]["name"])
    gone = trimtab(*viewer, "snapshot", "list")
    assert gone.exit_code == 1
    assert "[TOKEN_REVOKED]" in gone.err


def test_a_token_made_for_a_pipe_prints_the_secret_alone(trimtab: Any) -> None:
    ran = trimtab("token", "create", "pipe")
    assert ran.exit_code == 0
    assert len(ran.out.split()) == 1
