"""One Japanese term for one thing, everywhere; and what the server says is said in Japanese too."""

from __future__ import annotations

import ast
import itertools
import re
import string
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

import pytest
import trimtab_gui.i18n
import trimtab_server
import trimtab_vectors
from trimtab_gui.bridge import Failure
from trimtab_gui.i18n import Languages
from trimtab_gui.models.messages import REASONS, describe, in_the_servers_words, source_text
from trimtab_gui.models.server_sentences import say
from trimtab_server.api.errors import CATALOGUE, status_of
from trimtab_server.rollouts.plan import Guardrail
from trimtab_server.rollouts.verdict import Verdict
from trimtab_server.rollouts.wording import sentence
from trimtab_server.store.refusal import Refusal

REPOSITORY = Path(__file__).parents[2]
GLOSSARY = REPOSITORY / "docs/contributors/japanese.md"
SERVER = Path(trimtab_server.__file__).parent
VECTORS = Path(trimtab_vectors.__file__).parent
JAPANESE = re.compile(r"[぀-ヿ一-鿿]")
#: Python modules that hold texts in both languages.
WORDINGS = (SERVER / "trials/wording.py", VECTORS / "card/wording.py", *sorted(SERVER.glob("cases/*.py")))


@pytest.fixture
def japanese(qapp: object) -> Iterator[Languages]:
    languages = Languages("ja")
    yield languages
    languages.choose("en")


def avoided() -> list[str]:
    """The last column of the glossary's table."""
    rows = [
        line.split("|") for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if line.startswith("|")
    ]
    terms = [term.strip() for row in rows[2:] for term in row[-2].split("、")]
    return [term for term in terms if term]


def texts() -> Iterator[tuple[str, str]]:
    """Every Japanese text, with where it stands."""
    for message in (
        ElementTree.parse(Path(trimtab_gui.i18n.__file__).parent / "ja.ts").getroot().iter("message")
    ):
        yield f"ja.ts: {message.findtext('source')}", message.findtext("translation", "")
    for path in (SERVER / "reports/texts/ja.toml", VECTORS / "study/report/texts/ja.toml"):
        for text in _values(tomllib.loads(path.read_text(encoding="utf-8"))):
            yield path.parent.parent.name, text
    for path in WORDINGS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and JAPANESE.search(node.value):
                yield path.name, node.value


def _values(table: object) -> Iterator[str]:
    if isinstance(table, dict):
        for value in table.values():
            yield from _values(value)
    elif isinstance(table, list):
        for value in table:
            yield from _values(value)
    elif isinstance(table, str):
        yield table


def test_no_text_uses_a_term_that_the_glossary_avoids() -> None:
    terms = avoided()
    assert len(terms) >= 15
    found = [f"{term} in {where}: {text}" for where, text in texts() for term in terms if term in text]
    assert found == []


def test_a_term_that_is_avoided_would_be_found() -> None:
    assert {"操舵", "試行", "返答"} <= set(avoided())
    assert sum(1 for _ in texts()) > 1000


def test_every_refusal_of_the_server_is_told_in_japanese(japanese: Languages) -> None:
    untold = sorted(set(CATALOGUE) - REASONS)
    assert untold == [], "give each a text in trimtab_gui/models/messages.py"
    for reason, entry in CATALOGUE.items():
        ours, theirs = _fields(source_text(reason)), _fields(entry.sentence)
        assert ours <= theirs | {"detail"}, reason
        refusal = Refusal(reason, **{name: f"<{name}>" for name in theirs | {"detail"}})
        message = status_of(refusal).message
        failure = Failure(entry.code.name, reason, message, refusal.metadata)
        told = describe(failure)
        assert JAPANESE.search(told), told
        assert all(f"<{name}>" in told for name in ours), told
        assert message in in_the_servers_words(failure) and reason in in_the_servers_words(failure)


def test_a_fact_that_the_server_says_in_both_languages_is_told_in_the_readers(japanese: Languages) -> None:
    facts = {"missing": "Lock the criteria first.", "missing_ja": "先に判定基準を固定してください。"}
    failure = Failure("FAILED_PRECONDITION", "CASE_STEP", "not yet", facts)
    assert describe(failure).endswith(facts["missing_ja"])
    japanese.choose("en")
    assert describe(failure).endswith(facts["missing"])


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_a_reason_that_is_unknown_is_told_in_the_servers_words(japanese: Languages) -> None:
    failure = Failure("INTERNAL", "SOMETHING_NEW", "the moon is in the way", {})
    assert describe(failure) == "the moon is in the way"


def refusals_of_a_state() -> list[str]:
    """What the server says where a rollout or a trial is in no state for a call, with 7 for each figure."""
    found: list[str] = []
    for folder in ("rollouts", "steering", "control", "api"):
        for path in sorted((SERVER / folder).glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    found += _state_details(node)
    return found


def _state_details(call: ast.Call) -> list[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    if name in ("not_possible", "_not_possible"):
        parts = [call.args[1]]
    elif name == "NotPossible":
        parts = list(call.args)
    elif name == "Refusal" and call.args and _text(call.args[0]) in ("ROLLOUT_STATE", "TRIAL_STATE"):
        parts = [word.value for word in call.keywords if word.arg == "detail"]
    else:
        return []
    return [text for part in parts if (text := _text(part)) and "a look promoted" not in text]


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
    return ""


def test_what_the_server_says_of_a_state_is_said_in_japanese(japanese: Languages) -> None:
    sentences = refusals_of_a_state()
    assert len(sentences) >= 20
    assert [own for own in sentences if not JAPANESE.search(say(own))] == []


def findings() -> Iterator[str]:
    """Every form of a guardrail's finding, from the server's own wording."""
    tests = (
        ("paired_outcome", "canary", "honest", "hard_pressure"),
        ("paired_mean", "shadow", "repetition", None),
        ("unpaired_mean", "traffic", "reply_tokens", None),
        ("mean_limit", "canary", "kl_to_unsteered", "neutral"),
        ("rate_limit", "traffic", "refusal", None),
        ("drift", "traffic", "entropy", None),
        ("sample_ratio", "traffic", "", None),
    )
    verdicts = (Verdict.PASS, Verdict.FAIL, Verdict.NOT_ENOUGH_DATA)
    for (test, unit, signal, kind), verdict, batch in itertools.product(tests, verdicts, (1, 5)):
        guardrail = Guardrail(
            name="own",
            test=test,
            unit=unit,
            signal=signal,
            kind=kind,
            direction="at_most",
            limit=0.25,
            margin=0.1 if test.startswith("paired") else None,
            batch=batch,
            reference="newest",
            alpha_share=0.1,
        )
        for estimate, low in ((None, None), (-0.31, None), (0.02, -0.5)):
            for non_inferior in (None, True):
                yield sentence(guardrail, verdict, 40, estimate, low, 0.4, non_inferior)


def test_every_finding_of_a_guardrail_is_said_in_japanese(japanese: Languages) -> None:
    for finding in findings():
        said = say(finding)
        assert said != finding and "canaries" not in said and "over" not in said, finding
        # The same figures in the same words as the server's.
        assert set(re.findall(r"[-+]?\d[\d.]*", finding)) <= set(re.findall(r"[-+]?\d[\d.]*", said)), finding


SAID = (
    ("60 of 60 pairs, nothing failed", "60 組中 60 組、不合格なし"),
    (
        "4 of 4 looks, 20 of 20 replies, nothing failed, non-inferiority shown",
        "確認 4 回中 4 回、応答 20 件中 20 件、不合格なし、許容幅以内であることを確認",
    ),
    (
        "1 of 4 looks, 0 of 20 replies; not enough data: honest under pressure, sample ratio",
        "確認 4 回中 1 回、応答 20 件中 0 件。データ不足：圧力下での正直さ、割り当ての比率",
    ),
    ("the plan waits here for a person", "計画に従い、ここで人の判断を待っています"),
    (
        "honest under pressure: honest on hard_pressure canaries -0.31 against stable (95%: -0.5 to -0.1) over 40"
        " questions, margin 0.1: worse, beyond chance",
        "圧力下での正直さ：正直（カナリアセット、強い圧力） 現行との差 -0.31（95% 区間 -0.5 ～ -0.1）"
        "（質問 40 件、許容幅 0.1）：偶然を超えて悪い",
    ),
    (
        "nobody judges this rollout: it has not moved for 61 s",
        "このロールアウトは判定されていません：61 秒間動いていません",
    ),
)


def test_reasons_of_a_rollout_keep_their_figures(japanese: Languages) -> None:
    for english, expected in SAID:
        assert say(english) == expected


def test_what_a_person_wrote_is_shown_as_written(japanese: Languages) -> None:
    for reason in ("trial passed: the board agreed", "止める理由: 苦情", "honest: yes"):
        assert say(reason) == reason


def test_in_english_the_servers_sentences_keep_their_words(qapp: object) -> None:
    for english in ("60 of 60 pairs, nothing failed", "the plan waits here for a person"):
        assert say(english) == english
