"""Letters are read, folded, registered and shown as what they are, whoever wrote them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depeche.accounts import Position
from depeche.dlq.folding import LONGEST, fold, group_id
from depeche.dlq.letters import LetterError, input_topics, must_be_position, original, parse_position, read_letter
from depeche.dlq.register import UNREADABLE, Register, Selection
from depeche.dlq.replaying import resolution
from depeche.dlq.showing import groups_table, letter_lines
from depeche.exits import MisuseError
from depeche.present import describe
from schemas.dead_letter import Copy, DeadLetter, DeadLetterResolution
from tests.depeche.samples import NOON, article, dead_letter

TOPIC = "news.dead-letters"
GARBAGE: list[bytes | None] = [None, b"", b"{", b"\xff\xfe", b"[" * 5000, b'{"kind":"resolution"}']


@pytest.fixture
def register() -> Iterator[Register]:
    with closing(sqlite3.connect("")) as database:
        yield Register(database, TOPIC)


def at(offset: int, partition: int = 0) -> Position:
    return Position(TOPIC, partition, offset)


def resolved(offset: int, action: Any = "dropped", *, topic: str = TOPIC, copy: Copy | None = None) -> bytes:
    return DeadLetterResolution(
        action=action, topic=topic, partition=0, offset=offset, copied_to=copy, replays=int(copy is not None), time=NOON
    ).to_bytes()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the text has 1000001 characters", "the text has 20 characters"),
        ("article 0b5d1c7f66f5a1ce3f5d8a9b5f4ce1aa is late", "article ffffffffffffffffffffffffffffffff is late"),
        ("the record's key is b'x', its article_id", "the record's key is b'yy', its article_id"),
        ("fetch of https://a.example/1 failed", "fetch of http://b.example/?q=2 failed"),
        (
            "1 validation error for Article\ntext\n  Required [type=missing, input_value={'a': 1}, input_type=dict]"
            "\n    For further information visit https://errors.example/2.12/v/missing",
            "1 validation error for Article\ntext\n  Required [type=missing, input_value={'b': [2]}, input_type=dict]"
            "\n    For further information visit https://errors.example/2.13/v/missing",
        ),
    ],
)
def test_errors_of_one_kind_fold_into_one(one: str, other: str) -> None:
    assert one != other
    assert fold(one) == fold(other)


def test_errors_of_different_kinds_stay_apart() -> None:
    errors = ["the record has no value", "ZeroDivisionError: division by zero", "KeyError: 'a'", "text: missing"]
    assert len({fold(error) for error in errors}) == len(errors)
    assert len({group_id(reason, "coder", "x") for reason in ("bug", "poison")}) == 2


@given(st.text(max_size=3000))
def test_folding_is_bounded_and_takes_anything(error: str) -> None:
    folded = fold(error)
    assert len(folded) <= LONGEST
    assert not any(c.isdigit() and c.isascii() for c in folded)


def test_a_position_is_read_as_lists_headers_and_the_audit_write_it() -> None:
    assert parse_position("2/1234", "news") == Position(TOPIC, 2, 1234)
    assert parse_position("news.articles/0/5", "news") == Position("news.articles", 0, 5)
    assert parse_position(str(Position("news.articles.backfill", 3, 7)), "news") == Position(
        "news.articles.backfill", 3, 7
    )
    for text in ("", "12", "a/b", "-1/2", "x" * 32, "1/" + "9" * 30, "news.articles/1/2/3"):
        assert parse_position(text, "news") is None
        with pytest.raises(MisuseError, match="no position"):
            must_be_position(text, "news")


def test_only_topics_that_stages_read_are_written_to() -> None:
    assert input_topics("a.b") == {"a.b.articles", "a.b.articles.backfill", "a.b.mentions", "a.b.outcomes"}


@pytest.mark.parametrize("value", GARBAGE)
def test_what_is_no_letter_is_registered_as_unreadable(register: Register, value: bytes | None) -> None:
    with pytest.raises(LetterError):
        read_letter(value)
    register.add(at(0), 1, b"k", value)
    (entry,) = register.entries(Selection(reason=UNREADABLE))
    assert entry.origin is None
    assert list(letter_lines(entry, value))
    register.add(at(1), 2, b"k", resolved(0))
    assert register.count(Selection()) == 0


@pytest.mark.parametrize(("key", "value"), [("a", None), (None, "###"), ("====", "e30="), ("é", None)])
def test_what_is_no_base64_is_told(key: str | None, value: str | None) -> None:
    letter = dead_letter("news.articles", 0, 0).model_copy(update={"key": key, "value": value})
    with pytest.raises(LetterError, match="is no base64"):
        original(letter)


def test_a_letter_is_open_until_a_resolution_of_its_own_topic_names_it(register: Register) -> None:
    for offset in range(3):
        register.add(at(offset), offset, b"k", dead_letter("news.articles", 0, offset).to_bytes())
    register.add(at(3), 3, b"k", resolved(1))
    register.add(at(4), 4, b"k", resolved(2, topic="other.dead-letters"))
    register.add(at(5), 5, b"k", resolved(10**30))
    assert [entry.position.offset for entry in register.entries(Selection())] == [0, 2]
    assert [entry.action for entry in register.entries(Selection(resolved=True))] == [None, "dropped", None]
    (group,) = register.groups(Selection(resolved=True))
    assert (group.letters, group.open, group.example) == (3, 2, f"{TOPIC}/0/2")


def test_a_letter_for_a_replayed_copy_counts_the_replays_on(register: Register) -> None:
    # The copy's letter may come before the resolution: the worker is quick.
    register.add(at(2), 1, b"k", dead_letter("news.articles", 0, 9).to_bytes())
    register.add(at(0), 0, b"k", dead_letter("news.articles", 0, 5).to_bytes())
    register.add(at(1), 2, b"k", resolved(0, "replayed", copy=Copy(topic="news.articles", partition=0, offset=9)))
    (entry,) = register.entries(Selection())
    assert (entry.position.offset, entry.replays) == (2, 1)
    lines = groups_table(register.groups(Selection()), letters=1, number=1)
    assert any("1 AGAIN AFTER A REPLAY" in line for line in lines)


def test_a_letter_is_closed_by_its_resolution_however_often_somebody_says_that_it_was_replayed(
    register: Register,
) -> None:
    register.add(at(0), 0, b"k", dead_letter("news.articles", 0, 9).to_bytes())
    said = DeadLetterResolution.from_bytes(
        resolved(7, "replayed", copy=Copy(topic="news.articles", partition=0, offset=9))
    )
    register.add(at(1), 1, b"k", said.model_copy(update={"replays": 2**63 - 1}).to_bytes())
    (entry,) = register.entries(Selection())
    assert entry.replays > 1
    ours = resolution(entry, "replayed", copied_to=at(8), note="", now=NOON)
    register.add(at(2), 2, b"k", ours.to_bytes())
    assert register.count(Selection()) == 0


@pytest.mark.parametrize(
    ("selection", "offsets"),
    [
        (Selection(), [0, 1, 2]),
        (Selection(positions=(at(1), at(7))), [1]),
        (Selection(positions=(Position("news.articles", 0, 12),)), [2]),
        (Selection(key=b"k1"), [1]),
        (Selection(reason="bug"), [2]),
        (Selection(stage="merger"), []),
        (Selection(since_ms=1, until_ms=2), [1]),
        (Selection(reason="invalid", since_ms=1), [1]),
    ],
)
def test_a_selection_is_what_all_its_conditions_hold_for(
    register: Register, selection: Selection, offsets: list[int]
) -> None:
    for offset in range(3):
        letter = dead_letter("news.articles", 0, 10 + offset)
        if offset == 2:
            letter = letter.model_copy(update={"reason": "bug"})
        register.add(at(offset), offset, f"k{offset}".encode(), letter.to_bytes())
    assert [entry.position.offset for entry in register.entries(selection)] == offsets
    assert register.count(selection) == len(offsets)
    assert selection.chooses == (selection != Selection())
    if len(offsets) == 1:
        (group,) = register.groups(selection)
        found = [entry.position.offset for entry in register.entries(Selection(group=group.group))]
        assert set(offsets) <= set(found)
        assert register.count_groups(selection) == 1
        assert json.dumps(group.as_json())


@given(st.binary(max_size=300), st.text(max_size=100), st.text(min_size=1, max_size=100))
def test_nothing_of_a_letter_drives_the_terminal(value: bytes, topic: str, error: str) -> None:
    letter = dead_letter("t", 0, 0, value + b"\x1b[2J").model_copy(
        update={"topic": f"{topic}\x1b]0;x\x07", "error": f"{error}\x9b31m", "traceback": "a\r\nb\x00"}
    )
    with closing(sqlite3.connect("")) as database:
        register = Register(database, TOPIC)
        register.add(at(0), None, value, letter.to_bytes())
        (entry,) = register.entries(Selection())
        lines = [
            *letter_lines(entry, letter.to_bytes()),
            *groups_table(register.groups(Selection()), letters=1, number=1),
        ]
    assert all(line.isprintable() for line in lines)


def test_an_article_is_shown_as_indented_json_and_bytes_as_hex(register: Register) -> None:
    for offset, value in enumerate((article().to_bytes(), b"\xff\x00" * 1000, b"x" * 30_000)):
        register.add(at(offset), offset, b"\xff", dead_letter("news.articles", 0, offset, value).to_bytes())
        (entry,) = register.entries(Selection(positions=(at(offset),)))
        lines = list(letter_lines(entry, dead_letter("news.articles", 0, offset, value).to_bytes()))
        whole = list(letter_lines(entry, dead_letter("news.articles", 0, offset, value).to_bytes(), whole=True))
        match offset:
            case 0:
                assert '    "title": "Titre",' in lines or '  "title": "Titre",' in "\n".join(lines)
            case 1:
                assert any(line.startswith("  00000000  ff 00 ff 00") for line in lines)
                assert "976 bytes more" in lines[-1]
            case 2:
                assert "10000 characters more" in lines[-1]
        assert not any("more: see" in line for line in whole)
        assert "key        0xff" in lines


def test_a_resolution_is_a_line_of_tail() -> None:
    message = DeadLetterResolution(action="dropped", topic=TOPIC, partition=0, offset=4, note="a\x1bb", time=NOON)
    assert describe(message) == f"{TOPIC}[0]@4 DROPPED · a\\x1bb"


def test_a_letter_without_value_says_so(register: Register) -> None:
    letter = DeadLetter.of(
        reason="too_large", stage="connector", error="30 MB", topic="news.articles", partition=-1, offset=-1, key=None,
        value=None, time=NOON,
    )  # fmt: skip
    register.add(at(0), 0, None, letter.to_bytes())
    (entry,) = register.entries(Selection())
    lines = list(letter_lines(entry, letter.to_bytes()))
    assert "original   not in the letter: it had no value, or was too large" in lines
    assert "key        none" in lines
