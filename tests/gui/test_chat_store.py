"""Chats on the disk: what is written, what is found, and what is gone."""

from __future__ import annotations

import os
import sqlite3
import stat
import statistics
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from trimtab_client.types import (
    FinishReason,
    ReplyFinished,
    ReplyStarted,
    ReplySteering,
    Role,
    Sampling,
    Steering,
    SteeringTerm,
    Timings,
    TokenReadout,
    Usage,
)
from trimtab_gui.bridge import Failure
from trimtab_gui.models.chat_process import is_running, this_process
from trimtab_gui.models.chat_record import (
    ChatChange,
    ChatHead,
    KeptLane,
    KeptTurn,
    TurnDetails,
    frozen,
    title_of,
)
from trimtab_gui.models.chat_store import ChatStore, DamagedStoreError, NewerStoreError, set_damaged_aside
from trimtab_gui.models.chat_text import Folding, snippet
from trimtab_gui.models.chat_turn import LaneKind, LaneSetup, Turn, TurnState, pack_tokens, unpack_tokens

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
DEAD = "1 never"


def change(key: str = "a", *texts: str, at: datetime = NOON, target: str = "here:1") -> ChatChange:
    """A chat of one lane whose messages are `texts`, user and model in turn."""
    head = ChatHead(key, target, title_of(texts[0] if texts else ""), "You sell.", Sampling(0.7), at, at)
    lane = KeptLane(f"{key}-lane", 0, LaneSetup(LaneKind.PROMPT_ONLY, prompt="Be honest."))
    turns = tuple(
        KeptTurn(
            id=f"{key}-{place}",
            lane=lane.id,
            position=place,
            role=Role.ASSISTANT if place % 2 else Role.USER,
            text=text,
            state=TurnState.DONE,
            at=at,
            details=TurnDetails(),
        )
        for place, text in enumerate(texts)
    )
    return ChatChange(head, (lane,), turns)


@pytest.fixture
def store(tmp_path: Path):
    store = ChatStore(tmp_path / "kept" / "chats.sqlite3")
    yield store
    store.close()


def test_everything_known_of_a_reply_comes_back(store: ChatStore) -> None:
    used = ReplySteering("snapshots/aa", "deployments/default/revisions/4", "models/m/stages/s", "candidate")
    turn = Turn(
        role=Role.ASSISTANT,
        text="It costs 760.",
        state=TurnState.FAILED,
        failure=Failure("UNAVAILABLE", "GONE", "gone", {"who": "x"}, 1.5, (("field", "why"),)),
        started=ReplyStarted("r", used, 12),
        finished=ReplyFinished("r", FinishReason.STOP, Usage(12, 3), Timings(0, 1, 2), used, 5, 5, (True,)),
        setup=LaneSetup(LaneKind.STEERED),
        steering=Steering("models/m/stages/s", (SteeringTerm("vectors/v", 0.54, (3, 4)),), "line"),
        sampling=Sampling(0.5, 0.9, 40, 7, 128, ("END",)),
        at=NOON,
    )
    turn.tokens.extend(
        [
            TokenReadout(5, "It", 0, -0.25, projection=1.5, entropy=0.125),
            TokenReadout(6, " costs 760.", 1, -1e-7, kl_to_unsteered=3.0, residual_norm_ratio=1.0),
        ]
    )
    told = change("a")
    told = replace(told, turns=(frozen(turn, told.lanes[0].id, 0),))
    store.write(told)
    chat = store.load("a")
    assert chat is not None
    assert chat.head == replace(told.head, title="")
    (lane,) = chat.states()
    assert lane.setup == told.lanes[0].setup
    (back,) = lane.turns
    for name in ("role", "text", "state", "failure", "started", "finished", "setup", "steering", "sampling"):
        assert getattr(back, name) == getattr(turn, name), name
    assert (back.id, back.at, back.token_count) == (turn.id, turn.at, 3)
    assert back.tokens == turn.tokens


def test_tokens_survive_packing_beyond_one_slice() -> None:
    tokens = [
        TokenReadout(n, f"漢{n}\u2028", n, -0.5 * n, entropy=None if n % 2 else 0.25) for n in range(4501)
    ]
    assert unpack_tokens(pack_tokens(tokens)) == tokens
    assert pack_tokens([]) == b""


def test_only_the_user_can_read_the_file(store: ChatStore) -> None:
    store.write(change("a", "Secret?"))
    for path in store.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("価格", "本日の価格は", "価格"),
        ("まろぎ", "マロギ・タイマー", "マロギ"),
        ("マロギ", "ﾏﾛｷﾞ・タイマー", "ﾏﾛｷﾞ"),
        ("abc12", "型番ＡＢＣ１２です", "ＡＢＣ１２"),
        ("STRASSE", "Die Straße", "Straße"),
        ("は", "ば、ぱ、は", "は"),
        ("e", "é e", "e"),
        ("キロ", "5㌔", "㌔"),
        ("か🙂", "😀か🙂", "か🙂"),
    ],
)
def test_words_are_found_as_people_mean_them(query: str, text: str, found: str) -> None:
    folding = Folding()
    places = folding.find(text, folding.fold(query))
    assert [text[start:end] for start, end in places] == [found]


def test_a_snippet_shows_the_words_in_one_line() -> None:
    text = "x" * 100 + "\nthe price\n" + "y" * 100
    line, start, end = snippet(text, 101, 110)
    assert line[start:end] == "the price" and line.startswith("…") and line.endswith("…") and "\n" not in line


def test_search_gives_the_newest_chat_first_and_one_hit_for_the_same_words(store: ChatStore) -> None:
    store.write(change("old", "価格は？", "ｶｶｸは 760 です", at=NOON - timedelta(days=1)))
    new = change("new", "カカク、いくら？", "高い")
    other = KeptLane("second", 1, LaneSetup(LaneKind.UNSTEERED))
    same = replace(new.turns[0], id="twin", lane="second")
    store.write(replace(new, lanes=(*new.lanes, other), turns=(*new.turns, same)))
    store.write(change("elsewhere", "カカク", target="there:2"))
    hits = store.search("かかく", "here:1")
    assert [(hit.key, hit.turn, hit.role) for hit in hits] == [
        ("new", 0, Role.USER),
        ("old", 1, Role.ASSISTANT),
    ]
    assert [hit.snippet[hit.start : hit.end] for hit in hits] == ["カカク", "ｶｶｸ"]
    assert store.search("  ") == () and store.search("100%_") == ()
    store.delete("new", NOON)
    assert [hit.key for hit in store.search("かかく", "here:1")] == ["old"]


def test_the_list_has_pinned_chats_first_then_the_newest(store: ChatStore) -> None:
    for days, key in enumerate(("one", "two", "three")):
        store.write(change(key, key, at=NOON + timedelta(days=days)))
    store.write(change("other", "x", target="there:2"))
    store.pin("one", True)
    store.rename("two", "Renamed")
    # The title that a person gave stays.
    store.write(change("two", "Another first prompt", at=NOON + timedelta(days=1)))
    assert [(s.head.key, s.head.title) for s in store.summaries("here:1")] == [
        ("one", "one"),
        ("three", "three"),
        ("two", "Renamed"),
    ]
    assert len(store.summaries()) == 4


def test_a_growing_reply_is_written_and_broken_off_by_a_crash(store: ChatStore) -> None:
    told = change("a", "Why?", "")
    reply = replace(told.turns[1], state=TurnState.WAITING)
    store.write(replace(told, turns=(told.turns[0], reply)))
    store.write(replace(told, turns=(), growing=((reply.id, "Because"),)))
    assert store.search("because")
    # Open in a process that lives: no crash.
    assert store.recover("here:1") == ()
    _writer(store, DEAD)
    assert store.recover("there:2") == ()
    assert store.recover("here:1") == ("a",)
    chat = store.load("a")
    assert chat is not None
    assert [(turn.text, turn.state) for turn in chat.turns] == [
        ("Why?", TurnState.DONE),
        ("Because", TurnState.INTERRUPTED),
    ]
    assert store.recover("here:1") == ()


def test_a_chat_that_another_window_has_open_is_not_taken(store: ChatStore) -> None:
    store.write(change("a", "Hello"))
    parent = os.getppid()
    started = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[19]
    _writer(store, f"{parent} {started}")
    assert not store.claim("a")
    assert store.purge(NOON + timedelta(days=1)) == 0
    _writer(store, f"{parent} 0")
    assert store.claim("a")
    assert is_running(this_process()) and not is_running(DEAD) and not is_running("")


def test_what_is_too_old_or_deleted_goes_and_leaves_nothing_in_the_files(store: ChatStore) -> None:
    store.write(change("old", "Remember the zebra", at=NOON - timedelta(days=100)))
    store.write(change("gone", "Remember the okapi"))
    store.write(change("kept", "Remember the gnu"))
    for key in ("old", "gone", "kept"):
        store.release(key)
    assert store.older(NOON - timedelta(days=90)) == 1
    store.delete("gone", NOON)
    store.restore("gone")
    assert store.load("gone") is not None
    store.delete("gone", NOON)
    assert store.purge(NOON - timedelta(days=90)) == 1
    assert [summary.head.key for summary in store.summaries()] == ["kept"]
    content = _bytes(store)
    assert b"zebra" not in content and b"okapi" not in content and b"gnu" in content
    store.forget()
    assert b"gnu" not in _bytes(store)
    kept = store.kept()
    assert (kept.chats, kept.messages, kept.oldest) == (0, 0, None)


def test_a_damaged_file_is_told_and_set_aside_whole(tmp_path: Path) -> None:
    path = tmp_path / "chats.sqlite3"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(DamagedStoreError):
        ChatStore(path)
    aside = set_damaged_aside(path, NOON)
    assert aside.read_bytes().startswith(b"this is no database") and not path.exists()
    store = ChatStore(path)
    assert store.kept().damaged_files == 1
    store.forget()
    assert not aside.exists()
    store.close()


def test_a_page_overwritten_in_the_middle_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "chats.sqlite3"
    store = ChatStore(path)
    for number in range(50):
        store.write(change(f"chat-{number}", "words " * 200))
    store.close()
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 8192] = b"\xff" * 8192
    path.write_bytes(data)
    with pytest.raises(DamagedStoreError):
        ChatStore(path)


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "chats.sqlite3"
    ChatStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(NewerStoreError):
        ChatStore(path)
    assert path.read_bytes() == before


def test_a_change_is_kept_whole_or_not_at_all(store: ChatStore) -> None:
    store.write(change("a", "one"))
    broken = change("a", "ONE", "two")
    bad = replace(broken.turns[1], position=None)  # type: ignore[arg-type]
    with pytest.raises(sqlite3.IntegrityError):
        store.write(replace(broken, turns=(broken.turns[0], bad)))
    chat = store.load("a")
    assert chat is not None and [turn.text for turn in chat.turns] == ["one"]


def _writer(store: ChatStore, writer: str) -> None:
    store._connection.execute("UPDATE chats SET writer = ?", (writer,))


def _bytes(store: ChatStore) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(store.path.parent.iterdir()))


def test_the_mean_of_a_figure_counts_only_tokens_that_have_it_however_they_came() -> None:
    values = [0.5 * n if n % 3 else None for n in range(100)]
    tokens = [TokenReadout(n, "x", n, 0.0, projection=value) for n, value in enumerate(values)]
    expected = statistics.fmean(value for value in values if value is not None)
    grown = Turn(role=Role.ASSISTANT)
    for first in range(0, 100, 7):
        grown.add(tokens[first : first + 7])
        assert grown.mean("entropy") is None
    whole = Turn(role=Role.ASSISTANT, packed=pack_tokens(tokens))
    for turn in (grown, whole):
        assert turn.mean("projection") == pytest.approx(expected, rel=1e-12)
    grown.add([TokenReadout(0, "y", 100, 0.0, projection=1000.0)])
    assert grown.mean("projection") == pytest.approx((66 * expected + 1000.0) / 67)
