"""What a replay writes, where to, and in which order; and what it refuses."""

from __future__ import annotations

import base64
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

import pytest

from depeche.accounts import Position
from depeche.dlq.letters import LetterError, Original
from depeche.dlq.register import Entry, Register, Selection
from depeche.dlq.replaying import Resolver, Sending, fit_for_utf8
from depeche.exits import ToldError
from schemas.dead_letter import DeadLetter, DeadLetterResolution
from schemas.envelope import record_key
from tests.depeche.samples import NOON, article, dead_letter, outcome

TOPIC = "news.dead-letters"
PARTITIONS = {f"news.{name}": 4 for name in ("articles", "articles.backfill", "mentions", "outcomes")}


@dataclass
class Broker:
    """Takes records, until it dies after so many calls."""

    dies_after: int = 99
    too_large: frozenset[bytes] = frozenset()
    calls: list[list[Sending]] = field(default_factory=list)

    def __call__(self, records: Sequence[Sending]) -> list[Position | str]:
        if len(self.calls) >= self.dies_after:
            raise ToldError("gone")
        self.calls.append(list(records))
        return [
            "MessageSizeTooLargeError"
            if one.value in self.too_large
            else Position(one.topic, one.partition or 0, 70 + n)
            for n, one in enumerate(records)
        ]


def resolver(broker: Broker, kept: Original | None = None, *, note: str = "") -> Resolver:
    def read_original(_position: Position, _key: bytes | None) -> Original:
        if kept is None:
            raise LetterError("no longer there")
        return kept

    return Resolver(
        prefix="news", partitions=PARTITIONS, write=broker, read_original=read_original, clock=lambda: NOON, note=note
    )


def entry_of(letter: DeadLetter, offset: int = 3, key: bytes | None = b"k") -> tuple[Entry, bytes]:
    with closing(sqlite3.connect("")) as database:
        register = Register(database, TOPIC)
        register.add(Position(TOPIC, 2, offset), 0, key, letter.to_bytes())
        (entry,) = register.entries(Selection())
    return entry, letter.to_bytes()


def test_the_original_goes_where_it_was_with_headers_that_say_so_and_then_the_letter_is_closed() -> None:
    value = article().to_bytes()
    key = article().article_id.encode()
    letter = dead_letter("news.articles", 1, 8, value).model_copy(update={"key": "aw=="})
    broker = Broker()
    (done,) = resolver(broker, note="ok \udcff").replay([entry_of(letter, key=key)])
    assert done.action == "replayed"
    ((sent,), (closed,)) = broker.calls
    assert (sent.topic, sent.partition, sent.key, sent.value) == ("news.articles", 1, b"k", value)
    headers = dict(sent.headers)
    assert headers["depeche-replayed-from"] == b"news.dead-letters/2/3"
    assert headers["depeche-replayed-at"] == b"2024-03-05T12:00:00Z"
    assert headers["depeche-replays"] == b"1"
    assert headers["ce_type"] == b"depeche.article.v1"
    assert (closed.topic, closed.partition, closed.key) == (TOPIC, 2, key)
    message = DeadLetterResolution.from_bytes(closed.value or b"")
    assert (message.action, message.partition, message.offset, message.replays) == ("replayed", 2, 3, 1)
    assert message.copied_to is not None
    assert message.copied_to.offset == 70
    assert message.note == "ok \\udcff"
    assert message.original_key() == key


@pytest.mark.parametrize(
    "topic", ["other.articles", "news.events", "news.dead-letters", "news.stories", "", "news.articles\n", "__consumer"]
)
def test_a_letter_never_makes_us_write_to_another_topic(topic: str) -> None:
    broker = Broker()
    (done,) = resolver(broker).replay([entry_of(dead_letter(topic, 0, 0))])
    assert done.action is None
    assert done.error is not None
    assert "nothing is written there" in done.error
    assert [call for call in broker.calls if call] == []


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        (b"k", b"{", "no outcome even now"),
        (b"k", b"", "no outcome even now"),
        (b"k", outcome(article()).to_bytes(), "key of another"),
        (record_key(outcome(article())), outcome(article()).to_bytes(), None),
    ],
)
def test_nothing_takes_the_place_of_an_outcome_but_an_outcome(key: bytes, value: bytes, error: str | None) -> None:
    letter = dead_letter("news.outcomes", 1, 0, value).model_copy(update={"key": base64.b64encode(key).decode()})
    (done,) = resolver(Broker()).replay([entry_of(letter)])
    assert (done.error is None) == (error is None)
    assert (error or "") in (done.error or "")


@pytest.mark.parametrize(("partition", "written"), [(3, 3), (4, None), (-1, None), (10**12, None)])
def test_a_partition_that_is_not_there_is_left_to_the_key(partition: int, written: int | None) -> None:
    broker = Broker()
    resolver(broker).replay([entry_of(dead_letter("news.articles", partition, 0))])
    assert broker.calls[0][0].partition == written


def test_an_original_that_was_left_out_is_read_from_its_place() -> None:
    letter = dead_letter("news.articles", 0, 5).model_copy(update={"value": None})
    broker = Broker()
    (done,) = resolver(broker, Original(b"k", b"large")).replay([entry_of(letter)])
    assert (done.action, broker.calls[0][0].value) == ("replayed", b"large")
    (gone,) = resolver(Broker()).replay([entry_of(letter)])
    assert (gone.action, gone.error) == (None, "no longer there")


def test_a_connectors_letter_without_its_original_can_not_be_replayed_but_dropped() -> None:
    letter = dead_letter("news.articles", -1, -1).model_copy(update={"value": None, "stage": "connector"})
    broker = Broker()
    (done,) = resolver(broker, Original(b"k", b"other")).replay([entry_of(letter)])
    assert done.error is not None
    assert "let the connector read it again" in done.error
    (dropped,) = resolver(broker).drop([entry_of(letter)[0]])
    assert dropped.action == "dropped"
    (closed,) = broker.calls[-1]
    assert DeadLetterResolution.from_bytes(closed.value or b"").copied_to is None


def test_a_tombstone_without_a_key_is_written_as_empty() -> None:
    letter = dead_letter("news.articles", 0, 5).model_copy(update={"value": None, "key": None})
    broker = Broker()
    resolver(broker, Original(None, None)).replay([entry_of(letter, key=None)])
    assert (broker.calls[0][0].key, broker.calls[0][0].value) == (None, b"")


def test_one_that_the_broker_never_takes_stays_open_and_the_others_are_closed() -> None:
    letters = [entry_of(dead_letter("news.articles", 0, n, value), n) for n, value in enumerate((b"a", b"b", b"c"))]
    broker = Broker(too_large=frozenset({b"b"}))
    done = resolver(broker).replay(letters)
    assert [(one.entry.position.offset, one.action) for one in done] == [(0, "replayed"), (1, None), (2, "replayed")]
    assert len(broker.calls[1]) == 2


@pytest.mark.parametrize("dies_after", [0, 1])
def test_a_broker_that_goes_away_leaves_the_letters_open_and_the_same_can_be_done_again(dies_after: int) -> None:
    letters = [entry_of(dead_letter("news.articles", 0, n, f"{n}".encode()), n) for n in range(3)]
    broker = Broker(dies_after=dies_after)
    with pytest.raises(ToldError, match="gone"):
        resolver(broker).replay(letters)
    assert not any(one.topic == TOPIC for call in broker.calls for one in call)
    again = Broker()
    assert [one.action for one in resolver(again).replay(letters)] == ["replayed"] * 3
    assert broker.calls in ([], again.calls[:1])


@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff"])
def test_a_letter_that_is_none_is_not_replayed(value: bytes | None) -> None:
    entry, _ = entry_of(dead_letter("news.articles", 0, 0))
    broker = Broker()
    assert resolver(broker).check(entry, value).action is None
    assert resolver(broker).replay([(entry, value)])[0].action is None


def test_a_dry_run_writes_nothing() -> None:
    broker = Broker()
    assert resolver(broker).check(*entry_of(dead_letter("news.articles", 0, 0))).action == "replayed"
    assert broker.calls == []


def test_what_a_command_line_holds_fits_into_a_message() -> None:
    assert fit_for_utf8("é\udcff") == "é\\udcff"
