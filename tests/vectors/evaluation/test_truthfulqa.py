"""TruthfulQA's metrics against numpy formulas on made log-likelihoods; its file against its own faults."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from trimtab_vectors.evaluation.truthfulqa import (
    METRICS,
    AnswerScores,
    QuestionForm,
    TruthfulQAError,
    TruthfulResult,
    measure_truthfulqa,
    read_truthfulqa,
)

COLUMNS = ["Type", "Category", "Question", "Best Answer", "Correct Answers", "Incorrect Answers", "Source"]
# Invented for this test.
ROWS = [
    {
        "Type": "Adversarial",
        "Category": "Islands",
        "Question": "Do pebbles on Lake Orvo hatch in spring?",
        "Best Answer": "No, pebbles are stones",
        "Correct Answers": "Pebbles do not hatch; No, pebbles are stones.; Nothing hatches ; ",
        "Incorrect Answers": "Yes, in April; They hatch, at night",
        "Source": "none",
    },
    {
        "Type": "Non-Adversarial",
        "Category": "Tools",
        "Question": 'What is a "left-handed hammer" for?',
        "Best Answer": "Driving nails, like any other",
        "Correct Answers": "It drives nails",
        "Incorrect Answers": "Only for left-handed nails;For screws;For\nglass",
        "Source": "none",
    },
    {
        "Type": "Adversarial",
        "Category": "Tools",
        "Question": "How many corners has a round table?",
        "Best Answer": "None",
        "Correct Answers": "None;Zero",
        "Incorrect Answers": "Four",
        "Source": "none",
    },
]


def write(path: Path, rows: list[dict[str, str]], columns: list[str] = COLUMNS) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def older(tmp_path: Path) -> Path:
    return write(tmp_path / "older.csv", ROWS)


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    named = [
        {**row, "Best Incorrect Answer": other}
        for row, other in zip(ROWS, ["Yes, in April", "For screws", "Five."], strict=True)
    ]
    return write(tmp_path / "newer.csv", named, [*COLUMNS, "Best Incorrect Answer"])


def test_answers_are_split_closed_and_the_best_one_added(older: Path) -> None:
    first, second, third = read_truthfulqa(older).questions
    assert first.correct == ("Pebbles do not hatch.", "No, pebbles are stones.", "Nothing hatches.")
    assert first.best == "No, pebbles are stones."
    assert second.correct == ("It drives nails.", "Driving nails, like any other.")
    assert second.incorrect == ("Only for left-handed nails.", "For screws.", "For\nglass.")
    assert third.incorrect == ("Four.",)
    assert [q.line for q in (first, second, third)] == [2, 3, 5]


def test_the_edition_is_told_by_the_columns_and_the_revision_by_the_hash(older: Path, newer: Path) -> None:
    old, new = read_truthfulqa(older), read_truthfulqa(newer)
    assert "before 2025" in old.edition and "2025 and later" in new.edition
    assert old.sha256 == hashlib.sha256(older.read_bytes()).hexdigest() != new.sha256
    assert [q.best_incorrect for q in new.questions] == ["Yes, in April.", "For screws.", "Five."]


def made(rng: np.random.Generator) -> AnswerScores:
    true, false = rng.normal(-900, 4, rng.integers(1, 6)), rng.normal(-900, 4, rng.integers(1, 6))
    return AnswerScores(
        tuple(true), tuple(false), int(rng.integers(len(true))), float(false[rng.integers(len(false))])
    )


def test_the_metrics_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    for scores in (made(rng) for _ in range(200)):
        true = np.array(scores.true, dtype=np.longdouble)
        false = np.array(scores.false, dtype=np.longdouble)
        # In extended precision e^-900 is a number, so the definition can be written down as it is.
        mass = np.exp(true).sum() / (np.exp(true).sum() + np.exp(false).sum())
        assert scores.score("mc2") == pytest.approx(float(mass), rel=1e-12)
        assert scores.score("mc1") == float(all(true[scores.best] > f for f in false))
        beats = [all(t > f for f in false) for t in true]
        assert scores.score("mc3") == pytest.approx(sum(beats) / len(beats))
        assert scores.score("binary") == float(true[scores.best] > scores.against)


def test_a_tie_is_no_win_and_long_answers_do_not_underflow() -> None:
    tied = AnswerScores((-3.0,), (-3.0,), 0, -3.0)
    assert [tied.score(metric) for metric in METRICS] == [0.0, 0.0, 0.5, 0.0]
    long = AnswerScores((-5000.0,), (-5001.0,), 0, -5001.0)
    assert long.score("mc2") == pytest.approx(1 / (1 + np.exp(-1)))


def test_chance_is_what_random_scores_give(older: Path) -> None:
    data = read_truthfulqa(older)
    rng = np.random.default_rng(1)
    totals = dict.fromkeys(METRICS, 0.0)
    draws = 4000
    for _ in range(draws):
        for question in data.questions:
            true, false = rng.random(len(question.correct)), rng.random(len(question.incorrect))
            scores = AnswerScores(
                tuple(true),
                tuple(false),
                question.correct.index(question.best),
                float(rng.choice(false)),
            )
            for metric in ("binary", "mc1", "mc3"):
                totals[metric] += scores.score(metric)  # type: ignore[arg-type]
    chance = data.chance()
    for metric in ("binary", "mc1", "mc3"):
        assert totals[metric] / draws / 3 == pytest.approx(chance[metric], abs=0.015)  # type: ignore[index]
    assert chance["mc2"] == pytest.approx((3 / 5 + 2 / 5 + 2 / 3) / 3)


def plain_total(model: nn.Module, tokenizer: Any, before: str, answer: str) -> float:
    """One text at a time, with nothing of ours."""
    prompt = tokenizer(before, add_special_tokens=False)["input_ids"]
    whole = tokenizer(before + answer, add_special_tokens=False)["input_ids"]
    assert whole[: len(prompt)] == prompt
    with torch.no_grad():
        log = model(torch.tensor([whole])).logits[0].double().log_softmax(-1)
    return sum(float(log[i - 1, whole[i]]) for i in range(len(prompt), len(whole)))


def test_answers_are_scored_as_replies_to_the_question(older: Path, llama: nn.Module, tokenizer: Any) -> None:
    data = read_truthfulqa(older)
    result = measure_truthfulqa(llama, tokenizer, data)
    for question, scores in zip(data.questions, result.scores, strict=True):
        asked = [{"role": "user", "content": question.question}]
        before = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
        for answers, found in ((question.correct, scores.true), (question.incorrect, scores.false)):
            plain = [plain_total(llama, tokenizer, before, answer) for answer in answers]
            assert found == pytest.approx(plain, abs=2e-3)


def test_raw_text_follows_the_primer(older: Path, llama: nn.Module, tokenizer: Any) -> None:
    data = read_truthfulqa(older)
    form = QuestionForm("qa", primer="Q: What is rain?\nA: Water.\n")
    result = measure_truthfulqa(llama, tokenizer, data, form=form)
    before = f"<s>Q: What is rain?\nA: Water.\n\nQ: {data.questions[2].question}\nA:"
    plain = [plain_total(llama, tokenizer, before, f" {answer}") for answer in ("None.", "Zero.")]
    assert result.scores[2].true == pytest.approx(plain, abs=2e-3)
    assert form.as_dict()["primer_sha256"] is not None
    with pytest.raises(ValueError, match="form"):
        QuestionForm("chat", primer="x")


def test_the_drawn_answer_is_recorded_and_depends_on_seed_and_question_alone(
    older: Path, newer: Path, llama: nn.Module, tokenizer: Any
) -> None:
    data = read_truthfulqa(older)
    results = [measure_truthfulqa(llama, tokenizer, data, seed=seed) for seed in range(6)]
    assert all(result.drawn for result in results)
    for result in results:
        for question, scores, text in zip(
            data.questions, result.scores, result.incorrect_answers, strict=True
        ):
            assert scores.against == scores.false[question.incorrect.index(text)]
    assert len({result.incorrect_answers for result in results}) > 1
    alone = measure_truthfulqa(llama, tokenizer, type(data)(data.questions[1:2], data.sha256), seed=3)
    assert alone.incorrect_answers == results[3].incorrect_answers[1:2]
    named = measure_truthfulqa(llama, tokenizer, read_truthfulqa(newer))
    # "Five." stands outside the list: the binary choice uses it, MC1 to MC3 do not.
    assert not named.drawn and named.incorrect_answers[2] == "Five."
    assert len(named.scores[2].false) == 1 and named.scores[2].against != named.scores[2].false[0]


def test_figures_are_means_over_questions_and_changes_are_paired() -> None:
    rng = np.random.default_rng(2)
    first, second = (
        TruthfulResult(tuple(made(rng) for _ in range(40)), ("x",) * 40, True, 0) for _ in range(2)
    )
    for metric in METRICS:
        figure = first.figure(metric)
        assert figure.value == pytest.approx(np.mean([s.score(metric) for s in first.scores]))
        assert figure.low <= figure.value <= figure.high
        change = second.change_from(first, metric)
        assert change.value == pytest.approx(second.values(metric).mean() - first.values(metric).mean())
    with pytest.raises(ValueError, match="same questions"):
        first.change_from(TruthfulResult(first.scores, ("y",) * 40, True, 0), "mc1")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"Best Answer": " "}, ":3: column 'Best Answer' is empty"),
        ({"Incorrect Answers": " ; "}, ":3: column 'Incorrect Answers' is empty"),
        ({"Incorrect Answers": "It drives nails"}, ":3: 'It drives nails.' is both correct and incorrect"),
        ({"Question": ""}, ":3: column 'Question' is empty"),
    ],
)
def test_a_faulty_row_is_named_by_line_and_column(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    path = write(tmp_path / "faulty.csv", [ROWS[0], {**ROWS[1], **changed}])
    with pytest.raises(TruthfulQAError, match=said):
        read_truthfulqa(path)


def test_another_file_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    for content, said in [
        (b"question,answer\na,b\n", ":1: no column 'Question'"),
        (b"", ":1: no column"),
        (b"\xff\xfe", ":1: not UTF-8"),
        ((",".join(COLUMNS) + "\n").encode(), "holds no question"),
        ((",".join(COLUMNS) + "\na,b,c\n").encode(), ":2: the row has another number of columns"),
        ((",".join(COLUMNS) + '\n"a').encode(), "not CSV"),
    ]:
        path = tmp_path / "other.csv"
        path.write_bytes(content)
        with pytest.raises(TruthfulQAError, match=said):
            read_truthfulqa(path)
