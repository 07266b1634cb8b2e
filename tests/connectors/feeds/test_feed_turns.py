"""Which feeds of the feed source have their turn: none is forgotten, none goes round and round, none starves others."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.feeds.subscriptions import Status, Subscribed
from connectors.settings import Subscription
from connectors.web.fetch import Fetched
from tests.connectors.feeds.test_feed_source import LATER, ONE, SOURCE, TWO, Rig, page, rss, texts
from tests.connectors.making import NOW

THREE = "https://troisieme.example/rss"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    made.answer(page(rss(("9", "Neuf."))), url=THREE)
    yield made
    made.source.close()


def sitemap_index(*urls: str) -> bytes:
    entries = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in urls)
    return f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</sitemapindex>'.encode()


def test_what_a_feed_asks_for_holds_after_an_answer_without_a_body_too(rig: Rig) -> None:
    rig.answer(page(rss(("1", "Un."), head="<ttl>180</ttl><skipDays><day>Monday</day></skipDays>"), etag="a"))
    rig.poll()
    assert rig.feed().next_poll == rig.now + timedelta(hours=3)
    rig.answer(Fetched(304, ONE))
    rig.poll(after=timedelta(hours=4))
    assert (rig.feed().last_outcome, rig.feed().why) == ("not_modified", "ttl")
    assert rig.feed().next_poll == rig.now + timedelta(hours=3)


def test_of_a_feed_that_is_no_longer_subscribed_nothing_is_remembered_for_ever(rig: Rig) -> None:
    rig.poll()
    rig.subscriptions.sync([Subscription(TWO, SOURCE)], rig.now)
    rig.poll(after=timedelta(days=30))
    assert ONE in rig.state.feeds()
    rig.poll(after=timedelta(days=61))
    assert ONE not in rig.state.feeds()
    assert rig.state.fetches(ONE) == []
    assert rig.state.listed(ONE, NOW) == {}
    assert TWO in rig.state.feeds()


def asked(rig: Rig, url: str) -> int:
    return sum(request.url == url for request in rig.fetcher.asked)


def test_a_shorter_interval_holds_at_once_and_a_longer_one_from_the_next_poll_on(rig: Rig) -> None:
    def every(interval: timedelta | None) -> None:
        rig.subscriptions.sync([Subscription(ONE, SOURCE, interval)], rig.now)

    every(timedelta(days=7))
    rig.poll()
    every(timedelta(minutes=5))
    rig.poll()
    assert asked(rig, ONE) == 1
    rig.poll(after=timedelta(minutes=5))
    assert asked(rig, ONE) == 2
    every(timedelta(days=7))
    rig.poll(after=timedelta(minutes=6))
    assert asked(rig, ONE) == 3
    every(None)
    rig.poll(after=timedelta(hours=20))
    assert asked(rig, ONE) == 3
    rig.poll(after=timedelta(hours=5))
    assert asked(rig, ONE) == 4


def test_a_shorter_interval_hurries_neither_a_feed_that_fails_nor_one_that_http_calls_fresh(rig: Rig) -> None:
    rig.subscriptions.add(Subscription(TWO, SOURCE, timedelta(minutes=5)), origin="command", now=NOW)
    rig.subscriptions.add(Subscription(ONE, SOURCE, timedelta(minutes=5)), origin="command", now=NOW)
    rig.answer(page(rss(("1", "Un.")), fresh_for=timedelta(hours=3)))
    rig.poll()
    rig.subscriptions.add(Subscription(TWO, SOURCE, timedelta(minutes=1)), origin="command", now=NOW)
    rig.poll(after=timedelta(minutes=6))
    assert (asked(rig, ONE), asked(rig, TWO)) == (1, 1)


@pytest.mark.parametrize("status", ["paused", "removed"])
def test_a_feed_put_aside_before_its_first_poll_is_polled_once_it_is_back(rig: Rig, status: Status) -> None:
    rig.poll()
    rig.subscriptions.add(Subscription(THREE, SOURCE), origin="command", now=rig.now)
    rig.subscriptions.set_status(THREE, status)
    rig.poll()
    rig.subscriptions.add(Subscription(THREE, SOURCE), origin="command", now=rig.now)
    assert texts(rig.poll()) == ["Neuf."]


def test_feeds_that_wait_for_their_first_poll_are_not_lost_where_the_clock_was_set_back(rig: Rig) -> None:
    many = [Subscription(f"https://hote{number}.example/rss", SOURCE) for number in range(400)]
    for subscription in many:
        rig.answer(page(rss()), url=subscription.url)
    rig.subscriptions.add_all(many, origin="command", now=rig.now)
    rig.poll(after=timedelta(days=365))
    assert 0 < len(rig.fetcher.asked) < 400
    rig.poll(after=-timedelta(days=365))
    for _ in range(30):
        rig.poll(after=timedelta(minutes=1))
    assert all(asked(rig, subscription.url) for subscription in many)


def test_a_poll_that_was_asked_for_by_a_clock_ahead_is_not_repeated_until_that_moment(rig: Rig) -> None:
    rig.poll()
    rig.subscriptions.request_poll(ONE, rig.now + timedelta(hours=2))
    before = asked(rig, ONE)
    for _ in range(5):
        rig.poll()
    assert asked(rig, ONE) == before


def test_a_poll_that_was_asked_for_a_moment_after_the_source_looked_is_made(rig: Rig) -> None:
    rig.poll()
    before = asked(rig, ONE)
    rig.subscriptions.request_poll(ONE, rig.now + timedelta(seconds=1.5))
    rig.poll()
    rig.poll()
    assert asked(rig, ONE) == before + 1


def test_one_domain_of_many_hosts_keeps_no_other_feed_waiting(rig: Rig) -> None:
    blogs = [Subscription(f"https://b{number}.blogs.example/rss", SOURCE) for number in range(600)]
    rig.fetcher.silent = {blog.url for blog in blogs}
    rig.subscriptions.add_all(blogs, origin="command", now=rig.now)
    rig.poll(after=timedelta(hours=1))
    rig.poll(after=timedelta(hours=1))
    assert len([request for request in rig.fetcher.asked if request.url in rig.fetcher.silent]) == 2
    rig.subscriptions.add(Subscription(THREE, SOURCE), origin="command", now=rig.now)
    assert texts(rig.poll()) == ["Neuf."]


def test_who_waits_for_the_turn_of_its_host_keeps_its_place_whatever_people_change(rig: Rig) -> None:
    crowd = [f"https://journal.example/{name}" for name in ("z", "y", "x", "w")]
    for number, url in enumerate(crowd):
        rig.subscriptions.add(Subscription(url, SOURCE), origin="command", now=rig.now)
        rig.answer(page(rss()), url=url)
        rig.poll(after=timedelta(minutes=number))
    rig.fetcher.asked.clear()
    rig.fetcher.silent = {ONE, *crowd}
    rig.poll(after=LATER)  # two of them are on their way, three wait
    rig.subscriptions.set_status(TWO, "paused")
    rig.poll()
    on_their_way = [request.url for request in rig.fetcher.asked if request.url != TWO]
    rig.fetcher.silent.clear()
    rig.fetcher.release()
    rig.poll()
    rig.poll()
    in_order = [request.url for request in rig.fetcher.asked if request.url != TWO]
    assert len(on_their_way) == 2
    assert in_order == [ONE, *crowd]


def test_a_batch_that_fails_on_the_way_costs_no_feed_its_turn(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: object) -> None:
        msg = "a bug"
        raise RuntimeError(msg)

    with monkeypatch.context() as broken:
        broken.setattr(rig.source, "_measure", faulty)
        with pytest.raises(RuntimeError, match="a bug"):
            rig.poll()
    assert texts(rig.poll()) == ["Un."]
    assert rig.feed(TWO).polls == 1


def test_an_index_of_sitemaps_names_its_sitemaps_and_no_further_indexes(rig: Rig) -> None:
    child, grandchild = "https://journal.example/news.xml", "https://journal.example/news2.xml"
    rig.answer(page(sitemap_index(child)))
    rig.answer(page(sitemap_index(grandchild)), url=child)
    errors = [*rig.poll().errors, *rig.poll().errors]
    assert set(rig.subscriptions.all()) == {ONE, TWO, child}
    assert [(error.where, error.error_class) for error in errors if error.where != TWO] == [(child, "invalid")]


def test_the_sitemaps_of_an_index_are_polled_only_while_it_is(rig: Rig) -> None:
    child = "https://journal.example/news.xml"
    rig.answer(page(sitemap_index(child)))
    rig.answer(page(rss()), url=child)
    rig.poll()
    rig.poll()
    assert asked(rig, child) == 1
    rig.subscriptions.set_status(ONE, "removed")
    rig.poll(after=LATER)
    rig.poll(after=LATER)
    assert asked(rig, child) == 1
    rig.subscriptions.set_status(ONE, "active")
    rig.poll()
    assert asked(rig, child) == 2


def test_at_no_moment_of_the_start_are_hubs_told_that_no_feed_is_polled(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = rig.subscriptions.all
    told: list[frozenset[str]] = []

    def read_while_another_thread_asks() -> dict[str, Subscribed]:
        monkeypatch.setattr(rig.subscriptions, "all", read)
        told.append(rig.source.polled())
        return read()

    monkeypatch.setattr(rig.subscriptions, "all", read_while_another_thread_asks)
    rig.poll()
    assert told == [{ONE, TWO}]


def test_each_thing_that_a_hub_brings_is_told_with_the_moment_it_came(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = [100.0]
    monkeypatch.setattr("connectors.feeds.feed_source.time.monotonic", lambda: ticks[-1])
    rig.source.next_batch(rig.now)  # and now an hour without a broker
    for number in range(2):
        ticks.append(3700.0 + number)
        assert rig.source.deliver(ONE, rss((f"p{number}", "Texte.")), None)
    rig.poll(after=timedelta(hours=2))
    pushed = [fetch for fetch in rig.state.fetches(ONE) if fetch.outcome.startswith("pushed")]
    assert [fetch.at - NOW for fetch in pushed] == [timedelta(seconds=3601), timedelta(seconds=3600)]
    assert len({fetch.fetch_id for fetch in pushed}) == 2
