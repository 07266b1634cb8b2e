"""What was withdrawn stays withdrawn: no late, replayed or edited version of it brings it back; a newer one does."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.decide import Candidates, Listing
from connectors.entry import Entry
from connectors.formats.feed_read import read_feed
from connectors.pages.choice import AFTER_FEED
from connectors.records import StateChange
from connectors.state import State
from schemas.article import Article, ArticleStatus
from tests.connectors.making import NOW, SOURCE, Memory, entry, listing

HOUR = timedelta(hours=1)


def drop(fetched: datetime = NOW, *, name: str = "folder:drop") -> Listing:
    return Listing(name, SOURCE, "folder", fetched, repeats="versions")


def version(
    text: str,
    *,
    status: ArticleStatus = "usable",
    number: int | None = None,
    made: datetime | None = None,
    published: datetime | None = None,
) -> Entry:
    return replace(
        entry(text="" if status == "killed" else text),
        status=status,
        publisher_version=number,
        revised_raw=None if made is None else made.isoformat(),
        published_raw=None if published is None else published.isoformat(),
    )


def kill(*, number: int | None = None, made: datetime | None = None) -> Entry:
    return version("", status="killed", number=number, made=made)


def said(memory: Memory, *entries: tuple[Entry, Listing]) -> list[Article]:
    return [article for one, where in entries for article in memory.decide([one], where)]


@pytest.mark.parametrize("late", [3, 5], ids=["lower", "the one that was withdrawn"])
def test_after_a_kill_without_a_number_no_version_up_to_the_last_comes_back(late: int) -> None:
    memory = Memory()
    said(memory, (version("Cinq.", number=5), drop()), (kill(), drop(NOW + HOUR)))
    assert said(memory, (version("Tard.", number=late), drop(NOW + 2 * HOUR))) == []
    assert memory.counts == {"outdated": 1}
    (back,) = said(memory, (version("Six.", number=6), drop(NOW + 3 * HOUR)))
    assert back.text == "Six."


def test_a_kill_without_a_number_that_comes_first_stops_what_was_made_before_it() -> None:
    memory = Memory()
    (killed,) = said(memory, (kill(made=NOW - HOUR), drop()))
    assert killed.status == "killed"
    for number, made in ((3, NOW - 2 * HOUR), (None, NOW - 2 * HOUR), (None, NOW - HOUR)):
        assert said(memory, (version("Avant.", number=number, made=made), drop(NOW + HOUR))) == []
    assert said(memory, (version("Numéro seul.", number=3), drop(NOW + HOUR))) == []
    (back,) = said(memory, (version("Après.", number=3, made=NOW), drop(NOW + 2 * HOUR)))
    assert back.text == "Après."
    assert said(memory, (version("Avant.", made=NOW - 2 * HOUR), drop(NOW + 3 * HOUR))) == []


def test_between_numbers_the_clocks_of_the_publisher_do_not_count() -> None:
    memory = Memory()
    said(memory, (kill(number=4, made=NOW), drop(NOW + HOUR)))
    assert said(memory, (version("Quatre.", number=4, made=NOW + HOUR), drop(NOW + HOUR))) == []
    (back,) = said(memory, (version("Cinq.", number=5, made=NOW - HOUR), drop(NOW + HOUR)))
    assert back.text == "Cinq."


def test_a_kill_that_says_no_time_is_taken_to_be_of_when_it_came() -> None:
    memory = Memory()
    said(memory, (kill(), drop(NOW)))
    assert said(memory, (version("Avant.", made=NOW - HOUR), drop(NOW + HOUR))) == []
    assert len(said(memory, (version("Après.", made=NOW + HOUR), drop(NOW + 2 * HOUR)))) == 1


def test_without_numbers_and_times_what_comes_the_same_way_counts_in_its_order() -> None:
    memory = Memory()
    said(memory, (version("Faux."), drop()), (kill(), drop(NOW + HOUR)))
    (back,) = said(memory, (version("Faux."), drop(NOW + 2 * HOUR)))
    assert (back.text, back.status) == ("Faux.", "usable")


def test_a_feed_that_edits_what_was_withdrawn_elsewhere_does_not_bring_it_back() -> None:
    memory = Memory()
    said(memory, (version("Faux.", published=NOW - HOUR), listing()), (kill(), drop(NOW + HOUR)))
    later = listing(fetched=NOW + 2 * HOUR)
    assert said(memory, (version("Faux, typo corrigée.", published=NOW - HOUR), later)) == []
    assert memory.counts == {"outdated": 1}
    assert said(memory, (version("Faux, sans date."), later)) == []
    corrected = version("Faux, dit corrigé.", status="corrected", published=NOW - HOUR)
    assert said(memory, (corrected, drop(NOW + 2 * HOUR, name="folder:other"))) == []
    (back,) = said(memory, (version("Vrai.", published=NOW - HOUR, made=NOW + 2 * HOUR), later))
    assert back.text == "Vrai."


def test_once_it_is_brought_back_the_same_way_feeds_may_edit_it_again() -> None:
    memory = Memory()
    said(memory, (version("Un."), listing()), (kill(), drop(NOW + HOUR)), (version("Un."), drop(NOW + 2 * HOUR)))
    assert len(said(memory, (version("Un, édité."), listing(fetched=NOW + 3 * HOUR)))) == 1


ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>J</title><entry><id>g1</id><title>Titre</title>
<published>2026-03-01T09:00:00Z</published><updated>2026-03-01T09:00:00Z</updated>
<content>{}</content></entry></feed>"""
JSON_FEED = """{{"version": "https://jsonfeed.org/version/1.1", "title": "J", "items": [{{"id": "g1", "title": "Titre",
"date_published": "2026-03-01T09:00:00Z", "date_modified": "2026-03-01T09:00:00Z", "content_text": "{}"}}]}}"""


@pytest.mark.parametrize("feed", [ATOM, JSON_FEED], ids=["atom", "json"])
def test_a_feed_that_only_repeats_the_date_of_publication_may_edit_what_was_brought_back(feed: str) -> None:
    def read(text: str) -> Entry:
        url = "https://journal.example/feed"
        body = feed.format(text).encode()
        (one,) = read_feed(body, url=url, content_type=None, known=(), max_entries=9).entries
        return one

    memory, first = Memory(), read("Un.")
    killed = replace(first, status="killed", text="")
    said(memory, (first, listing()), (killed, drop(NOW + HOUR)))
    assert said(memory, (read("Un, édité."), listing(fetched=NOW + 2 * HOUR))) == []
    (back,) = said(memory, (first, drop(NOW + 3 * HOUR)))
    (edited,) = said(memory, (read("Un, édité encore."), listing(fetched=NOW + 4 * HOUR)))
    assert (back.text, edited.text) == ("Un.", "Un, édité encore.")


def test_a_kill_that_comes_again_counts_where_another_listing_may_have_brought_the_article_back() -> None:
    memory = Memory()
    said(memory, (version("Faux."), listing()), (kill(), drop(NOW + HOUR)))
    assert said(memory, (kill(), drop(NOW + 2 * HOUR))) == []
    (back,) = said(memory, (version("Vrai.", made=NOW + 3 * HOUR), listing(fetched=NOW + 3 * HOUR)))
    (again,) = said(memory, (kill(), drop(NOW + 4 * HOUR)))
    assert (back.status, again.status) == ("usable", "killed")
    assert again.revision > back.revision


def test_a_dated_kill_that_is_read_again_does_not_withdraw_what_came_after_it() -> None:
    memory = Memory()
    said(memory, (version("Faux."), listing()), (kill(made=NOW), drop(NOW + HOUR)))
    assert len(said(memory, (version("Vrai.", made=NOW + 3 * HOUR), listing(fetched=NOW + 3 * HOUR)))) == 1
    assert said(memory, (kill(made=NOW), drop(NOW + 4 * HOUR))) == []
    assert len(said(memory, (kill(made=NOW + 5 * HOUR), drop(NOW + 6 * HOUR)))) == 1


def test_a_kill_read_again_is_of_when_it_first_came() -> None:
    memory = Memory()
    for hours in (0, 6):
        said(memory, (kill(), drop(NOW + hours * HOUR)))
    assert len(said(memory, (version("Vrai.", made=NOW + 3 * HOUR), listing(fetched=NOW + 7 * HOUR)))) == 1


def test_a_version_is_dated_after_the_page_of_the_one_before_it() -> None:
    memory = Memory()
    ((first,), (second,)) = (said(memory, one) for one in ((version("Un."), listing()), (kill(), drop(NOW - HOUR))))
    assert second.fetched > first.fetched + AFTER_FEED


def test_a_withdrawal_is_remembered_by_the_state(tmp_path: Path) -> None:
    memory = Memory()
    said(memory, (kill(number=4, made=NOW), drop(NOW + HOUR)))
    (row,) = memory.index.rows()
    assert (row.killed_at, row.killed_version, row.withdrawn) == (NOW, 4, True)
    with State(tmp_path / "state.sqlite") as state:
        state.commit(StateChange(seen=(row,)))
    with State(tmp_path / "state.sqlite") as state:
        wanted = Candidates(frozenset({(row.source_id, row.key)}), frozenset())
        assert state.seen(wanted).rows() == (row,)


STATUSES: st.SearchStrategy[list[ArticleStatus]] = st.lists(
    st.sampled_from(["usable", "corrected", "killed"]), min_size=2, max_size=6
)
ORDERED = STATUSES.flatmap(lambda found: st.tuples(st.just(found), st.permutations(range(len(found)))))


@given(ORDERED)
def test_in_whatever_order_numbered_versions_come_the_highest_is_the_current(
    drawn: tuple[list[ArticleStatus], list[int]],
) -> None:
    found, order = drawn
    memory = Memory()
    published = [
        article
        for hours, number in enumerate(order)
        for article in memory.decide(
            [version(f"Version {number}.", status=found[number], number=number)], drop(NOW + hours * HOUR)
        )
    ]
    current = max(published, key=lambda article: article.revision)
    assert current.status == found[-1]
    assert current.status == "killed" or current.publisher_version == len(found) - 1


@given(st.integers(0, 5), st.permutations(range(6)), st.lists(st.sampled_from(["a", "b"]), min_size=7, max_size=7))
def test_in_whatever_order_and_ways_dated_versions_come_none_older_than_the_kill_is_current(
    killed: int, order: list[int], ways: list[str]
) -> None:
    memory = Memory()
    came = NOW + timedelta(days=1)
    published: list[Article] = []
    for hours, number in enumerate([*order, order[0]]):
        made = NOW + number * HOUR
        one = kill(made=made) if number == killed else version(f"Version {number}.", made=made)
        published += memory.decide([one], drop(came + hours * HOUR, name=ways[hours]))
    current = max(published, key=lambda article: article.revision)
    assert current.status == "killed" or int(current.text.split()[1].rstrip(".")) > killed
