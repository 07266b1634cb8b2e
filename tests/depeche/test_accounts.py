from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depeche.accounts import Accounts, Judging, Position, Report
from depeche.audit import render
from schemas.article import Article
from schemas.dead_letter import DeadLetterResolution
from schemas.outcome import Latency, OutcomeKind
from tests.depeche.samples import NOON, article, dead_letter, outcome

ARTICLES: list[Article] = [article(f"a{n // 2}", f"Texte numéro {n}.") for n in range(8)]
GARBAGE: list[bytes | None] = [None, b"", b"{", b"\xff\xfe", b'{"schema_version": "1"}', b"[" * 5000]
TOPICS = ("news.articles", "news.articles.backfill")
KINDS: tuple[OutcomeKind, ...] = ("coded", "no_event", "dead_letter")


@pytest.fixture
def accounts() -> Iterator[Accounts]:
    with closing(sqlite3.connect("")) as database:
        yield Accounts(database)


def at(offset: int, topic: str = "news.articles", partition: int = 0) -> Position:
    return Position(topic, partition, offset)


def test_nothing_at_all_is_complete(accounts: Accounts) -> None:
    report = accounts.report()
    assert report.complete
    assert render(report).splitlines()[0] == "0 of 0 article versions accounted for (0 records)"


def test_an_article_is_accounted_for_by_its_outcome(accounts: Accounts) -> None:
    accounts.add_article(at(7), ARTICLES[0].to_bytes())
    before = accounts.report()
    assert not before.complete
    assert str(before.unaccounted_first[0]) == (
        f"article {ARTICLES[0].article_id} version {ARTICLES[0].version} at news.articles[0]@7"
    )
    accounts.add_outcome(at(0, "news.outcomes"), outcome(ARTICLES[0]).to_bytes())
    after = accounts.report()
    assert after.complete
    assert after.outcomes == {"coded": 1}


def test_another_version_of_the_article_needs_an_outcome_of_its_own(accounts: Accounts) -> None:
    for offset in (0, 1):
        accounts.add_article(at(offset), ARTICLES[offset].to_bytes())
    assert ARTICLES[0].article_id == ARTICLES[1].article_id
    accounts.add_outcome(at(0, "news.outcomes"), outcome(ARTICLES[0]).to_bytes())
    assert accounts.report().unaccounted == 1


def test_a_version_published_twice_is_one_and_the_latest_outcome_counts(accounts: Accounts) -> None:
    for topic in TOPICS:
        accounts.add_article(at(3, topic), ARTICLES[0].to_bytes())
    for offset, kind in enumerate(KINDS):
        accounts.add_outcome(at(offset, "news.outcomes"), outcome(ARTICLES[0], kind).to_bytes())
    report = accounts.report()
    assert (report.records, report.versions, report.outcomes) == (2, 1, {"dead_letter": 1})
    assert (report.without_letter, report.complete) == (1, False)
    assert "given up, and no dead letter is there: 1" in render(report)
    accounts.add_dead_letter(dead_letter("news.articles", 0, 0).to_bytes())
    assert accounts.report().complete


def test_outcomes_on_two_partitions_are_doubled(accounts: Accounts) -> None:
    accounts.add_article(at(0), ARTICLES[0].to_bytes())
    for partition in (0, 1):
        accounts.add_outcome(at(0, "news.outcomes", partition), outcome(ARTICLES[0]).to_bytes())
    report = accounts.report()
    assert (report.doubled, report.complete) == (1, False)
    assert "with two outcomes: 1" in render(report)


@pytest.mark.parametrize("value", GARBAGE)
def test_an_invalid_record_needs_a_dead_letter_at_its_own_place(accounts: Accounts, value: bytes | None) -> None:
    accounts.add_article(at(5), value)
    accounts.add_dead_letter(dead_letter("news.articles", 0, 4).to_bytes())
    accounts.add_dead_letter(dead_letter("news.articles", 1, 5).to_bytes())
    accounts.add_dead_letter(dead_letter("news.articles.backfill", 0, 5).to_bytes())
    report = accounts.report()
    assert (report.invalid, report.invalid_unaccounted, report.invalid_first) == (1, 1, (at(5),))
    accounts.add_dead_letter(dead_letter("news.articles", 0, 5).to_bytes())
    assert accounts.report().complete


def test_no_dead_letter_is_asked_for_where_it_would_no_longer_be_kept(accounts: Accounts) -> None:
    accounts.add_article(at(0), b"{", expired=True)
    accounts.add_article(at(1), ARTICLES[0].to_bytes(), expired=True)
    report = accounts.report()
    assert (report.invalid, report.invalid_expired, report.unaccounted) == (0, 1, 1)
    assert "1 invalid records are older than dead letters are kept" in render(report)


@pytest.mark.parametrize("value", GARBAGE)
def test_what_is_no_outcome_and_no_dead_letter_is_counted_and_accounts_for_nothing(
    accounts: Accounts, value: bytes | None
) -> None:
    accounts.add_article(at(0), ARTICLES[0].to_bytes())
    accounts.add_outcome(at(0, "news.outcomes"), value)
    accounts.add_dead_letter(value)
    report = accounts.report()
    assert (report.unreadable, report.unaccounted) == (2, 1)


def test_outcomes_with_strange_ids_match_nothing(accounts: Accounts) -> None:
    accounts.add_article(at(0), ARTICLES[0].to_bytes())
    for strange in (ARTICLES[0].article_id.upper(), f" {ARTICLES[0].article_id[:31]}", "é:", ""):
        altered = outcome(ARTICLES[0]).model_copy(update={"article_id": strange})
        accounts.add_outcome(at(0, "news.outcomes"), altered.to_bytes())
    report = accounts.report()
    assert (report.unaccounted, report.unmatched) == (1, 4)


def test_a_long_list_is_cut_and_counted(accounts: Accounts) -> None:
    for offset in range(30):
        accounts.add_article(at(offset), b"{")
    report = accounts.report()
    assert len(report.invalid_first) == 20
    assert "  … and 10 more" in render(report)
    assert json.dumps(report.as_json())


def _naive(inputs: list[tuple[Position, bytes]], results: list[tuple[Position, bytes]], dead: set[Position]) -> Any:
    """Return the same figures by plain sets, in memory."""
    valid: dict[tuple[str, str], Position] = {}
    invalid = set()
    for position, value in inputs:
        try:
            entry = Article.from_bytes(value)
        except ValueError:
            invalid.add(position)
            continue
        key = (entry.article_id, entry.version)
        valid[key] = min(position, valid.get(key, position))
    latest: dict[tuple[str, str], dict[int, str]] = {}
    for position, value in results:
        message = json.loads(value)
        latest.setdefault((message["article_id"], message["version"]), {})[position.partition] = message["outcome"]
    return (
        len(valid),
        sorted(place for key, place in valid.items() if key not in latest),
        sorted(place for key, place in valid.items() if len(latest.get(key, {})) > 1),
        sorted(invalid - dead),
        sum(key not in valid for key in latest),
        sum(
            "dead_letter" in latest.get(key, {}).values() and Position("news.articles", 0, 0) not in dead
            for key in valid
        ),
    )


def judged(accounts: Accounts, *, late_after: float = 10, now: int = 100) -> Report:
    return accounts.report(judging=Judging(late_after=late_after, now_ms=now * 1000))


def test_what_is_young_is_in_work_and_what_is_old_is_lost(accounts: Accounts) -> None:
    for offset, queued in enumerate((0, 90, 91)):
        accounts.add_article(at(offset), ARTICLES[offset].to_bytes(), queued_ms=queued * 1000)
        accounts.add_article(at(offset, partition=1), b"{", queued_ms=queued * 1000)
    report = judged(accounts)
    assert [item.position.offset for item in report.unaccounted_first] == [0, 1]
    assert [item.position.offset for item in report.in_work_first] == [2]
    assert [item.offset for item in report.invalid_first] == [0, 1]
    assert report.invalid_in_work == 1
    assert not report.complete
    assert accounts.report().unaccounted == 3
    assert judged(accounts, late_after=1000).complete
    assert not judged(accounts, late_after=1000).settled
    assert render(judged(accounts, late_after=1000)).endswith("complete, but for what is in work")


def test_the_backfill_waits_its_turn_however_long_but_is_not_passed_over() -> None:
    with closing(sqlite3.connect("")) as database:
        accounts = Accounts(database, patient_topic=TOPICS[1])
        for offset in range(3):
            accounts.add_article(at(offset, TOPICS[1]), ARTICLES[offset].to_bytes(), queued_ms=0)
        assert judged(accounts).in_work == 3
        accounts.add_outcome(at(0, "news.outcomes"), outcome(ARTICLES[1]).to_bytes(), written_ms=99_000)
        report = judged(accounts)
        assert [item.position.offset for item in report.unaccounted_first] == [0]
        assert [item.position.offset for item in report.in_work_first] == [2]
        assert (report.late, report.accounted) == (0, 1)
        assert [line.state for line in accounts.versions(judging=Judging(late_after=10, now_ms=100_000))] == [
            "unaccounted",
            "accounted",
            "in_work",
        ]


def test_an_invalid_record_of_the_backfill_waits_its_turn_too() -> None:
    with closing(sqlite3.connect("")) as database:
        accounts = Accounts(database, patient_topic=TOPICS[1])
        for offset in range(3):
            accounts.add_article(at(offset, TOPICS[1]), b"{", queued_ms=0)
        waiting = judged(accounts)
        assert (waiting.invalid_in_work, waiting.complete, waiting.settled) == (3, True, False)
        accounts.add_dead_letter(dead_letter(TOPICS[1], 0, 1).to_bytes())
        passed = judged(accounts)
        assert [item.offset for item in passed.invalid_first] == [0]
        assert (passed.invalid_in_work, passed.complete) == (1, False)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_comes_live_while_it_waits_on_the_backfill_is_as_young_as_it_is_live(order: tuple[int, int]) -> None:
    with closing(sqlite3.connect("")) as database:
        accounts = Accounts(database, patient_topic=TOPICS[1])
        for one in order:
            accounts.add_article(at(5, TOPICS[one]), ARTICLES[0].to_bytes(), queued_ms=(99_000, 0)[one])
        report = judged(accounts)
        assert [item.position.topic for item in report.in_work_first] == [TOPICS[0]]
        assert report.complete


@pytest.mark.parametrize(("latency", "written", "seconds"), [(11.0, 0, 11.0), (None, 111, 11.0), (5.0, 999, None)])
def test_an_outcome_is_late_by_the_coders_clock_else_by_the_records(
    accounts: Accounts, latency: float | None, written: int, seconds: float | None
) -> None:
    accounts.add_article(at(0), ARTICLES[0].to_bytes(), queued_ms=100_000)
    slow = outcome(ARTICLES[0]).model_copy(update={"latency": Latency(queued=latency)})
    accounts.add_outcome(at(0, "news.outcomes"), slow.to_bytes(), written_ms=written * 1000)
    report = judged(accounts, now=2000)
    assert [late.seconds for late in report.late_first] == ([] if seconds is None else [seconds])
    assert report.complete
    assert accounts.report().late == 0


def test_an_outcome_written_again_later_is_not_late(accounts: Accounts) -> None:
    accounts.add_article(at(0), ARTICLES[0].to_bytes(), queued_ms=0)
    for seconds in (1.0, 5000.0):
        again = outcome(ARTICLES[0]).model_copy(update={"latency": Latency(queued=seconds)})
        accounts.add_outcome(at(0, "news.outcomes"), again.to_bytes())
    assert judged(accounts).late == 0


def test_an_article_that_a_worker_has_read_is_not_read_whole_again(accounts: Accounts) -> None:
    value = ARTICLES[0].to_bytes()
    accounts.add_outcome(at(0, "news.outcomes"), outcome(ARTICLES[0], offset=4).to_bytes())
    accounts.add_article(at(4), value)
    assert accounts.read_whole == 0
    # Elsewhere, of another version, altered, or cut: nobody has said that it is an article.
    for offset, other in enumerate((value, ARTICLES[1].to_bytes(), value[:200], value.replace(b"Texte", b"Autre")), 5):
        accounts.add_article(at(offset), other)
    assert accounts.read_whole == 4
    report = accounts.report()
    assert (report.versions, report.unaccounted, report.invalid) == (2, 1, 2)


def test_an_outcome_for_another_article_at_this_place_says_nothing_of_it(accounts: Accounts) -> None:
    accounts.add_outcome(at(0, "news.outcomes"), outcome(ARTICLES[2], offset=4).to_bytes())
    accounts.add_article(at(4), ARTICLES[0].to_bytes())
    report = accounts.report()
    assert (report.versions, report.unaccounted, report.unmatched) == (1, 1, 1)


def test_what_is_left_open_is_counted_until_it_is_dealt_with(accounts: Accounts) -> None:
    letters = "news.dead-letters"
    accounts.add_article(at(5), b"{")
    accounts.add_dead_letter(dead_letter("news.articles", 0, 5).to_bytes(), position=at(1, letters))
    accounts.add_dead_letter(dead_letter("news.articles", 0, 5).to_bytes(), position=at(2, letters))
    report = accounts.report()
    assert (report.complete, report.dead_letters, report.dead_letters_open) == (True, 1, 2)
    for offset, topic in ((1, letters), (2, "other.dead-letters"), (10**30, letters)):
        gone = DeadLetterResolution(action="dropped", topic=topic, partition=0, offset=offset, time=NOON)
        accounts.add_dead_letter(gone.to_bytes(), position=at(9, letters))
    report = accounts.report()
    assert (report.complete, report.dead_letters_open, report.unreadable) == (True, 1, 0)
    (line,) = accounts.invalid_records()
    assert (line.dead_letter, line.resolution) == (at(2, letters), None)
    assert json.loads(json.dumps(line.as_json()))["state"] == "invalid"


def test_each_version_has_its_line(accounts: Accounts) -> None:
    letters = "news.dead-letters"
    for offset in range(4):
        accounts.add_article(at(offset), ARTICLES[offset].to_bytes(), queued_ms=1000)
    accounts.add_outcome(at(0, "news.outcomes"), outcome(ARTICLES[0]).to_bytes(), written_ms=3500)
    dead = outcome(ARTICLES[1], "dead_letter", offset=1).model_copy(update={"reason": "bug: \x1b"})
    accounts.add_outcome(at(1, "news.outcomes"), dead.to_bytes(), written_ms=2000)
    accounts.add_dead_letter(dead_letter("news.articles", 0, 1).to_bytes(), position=at(7, letters))
    for partition in (0, 1):
        accounts.add_outcome(at(2, "news.outcomes", partition), outcome(ARTICLES[2]).to_bytes(), written_ms=partition)
    lines = list(accounts.versions(judging=Judging(late_after=2, now_ms=10_000)))
    assert [line.state for line in lines] == ["late", "accounted", "doubled", "unaccounted"]
    assert [line.outcome for line in lines] == ["coded", "dead_letter", "coded", None]
    assert [line.dead_letter for line in lines] == [None, at(7, letters), None, None]
    assert lines[0].seconds == 2.5
    told = json.loads(json.dumps(lines[1].as_json()))
    assert (told["reason"], told["coder_version"], told["dead_letter"]) == ("bug: \x1b", "1", f"{letters}[0]@7")
    assert (told["article_id"], told["version"]) == (ARTICLES[1].article_id, ARTICLES[1].version)


@given(
    st.lists(st.tuples(st.sampled_from(TOPICS), st.integers(0, 1), st.integers(0, 10)), max_size=30),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 1), st.sampled_from(KINDS)), max_size=20),
    st.sets(st.tuples(st.sampled_from(TOPICS), st.integers(0, 1), st.integers(0, 20)), max_size=20),
    st.randoms(use_true_random=False),
)
def test_the_books_agree_with_plain_sets_in_any_order(
    inputs: list[tuple[str, int, int]],
    results: list[tuple[int, int, OutcomeKind]],
    dead: set[tuple[str, int, int]],
    chance: random.Random,
) -> None:
    ends: dict[tuple[str, int], int] = {}
    records: list[tuple[Position, bytes]] = []
    for topic, partition, which in inputs:
        offset = ends[(topic, partition)] = ends.get((topic, partition), -1) + 1
        value = ARTICLES[which].to_bytes() if which < len(ARTICLES) else b"{"
        records.append((Position(topic, partition, offset), value))
    outcomes = [
        (Position("news.outcomes", partition, offset), outcome(ARTICLES[which], kind).to_bytes())
        for offset, (which, partition, kind) in enumerate(results)
    ]
    letters = {Position(*place) for place in dead}
    expected = _naive(records, outcomes, letters)
    chance.shuffle(records)
    with closing(sqlite3.connect("")) as database:
        accounts = Accounts(database)
        for position, value in outcomes:
            accounts.add_outcome(position, value)
        for position, value in records:
            accounts.add_article(position, value)
        for position in letters:
            accounts.add_dead_letter(dead_letter(position.topic, position.partition, position.offset).to_bytes())
        report = accounts.report(listed=1000)
    assert expected == (
        report.versions,
        [item.position for item in report.unaccounted_first],
        [item.position for item in report.doubled_first],
        list(report.invalid_first),
        report.unmatched,
        report.without_letter,
    )
    assert report.complete == (not any((*expected[1:4], expected[5])))
    assert sum(report.outcomes.values()) == report.versions - report.unaccounted
