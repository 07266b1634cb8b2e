"""Reading only what is not known comes to the same articles as reading all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.decide import Decision, Listing, SeenIndex, SeenKey, decide
from connectors.formats.feed_known import place, raw_hash, to_read
from connectors.formats.feed_read import FeedReading, read_feed
from schemas.article import Provenance, Source

URL = "https://journal.example/rss.xml"
START = datetime(2026, 11, 20, 6, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Item:
    guid: str | None = None
    link: str | None = None
    title: str = ""
    text: str = ""
    comments: int | None = None

    def xml(self) -> str:
        parts = [
            f"<guid isPermaLink='false'>{escape(self.guid)}</guid>" if self.guid is not None else "",
            f"<link>{escape(self.link)}</link>" if self.link is not None else "",
            f"<title>{escape(self.title)}</title>" if self.title else "",
            f"<description>{escape(self.text)}</description>" if self.text else "",
            f"<slash:comments>{self.comments}</slash:comments>" if self.comments is not None else "",
        ]
        return f"<item>{''.join(parts)}</item>"


def feed(items: Sequence[Item]) -> bytes:
    inside = "\n".join(item.xml() for item in items)
    namespace = 'xmlns:slash="http://purl.org/rss/1.0/modules/slash/"'
    return f'<rss version="2.0" {namespace}><channel><title>J</title>{inside}</channel></rss>'.encode()


@dataclass(slots=True)
class Poller:
    """A feed's state over several polls, in memory."""

    incremental: bool
    seen: SeenIndex = field(default_factory=SeenIndex)
    polls: int = 0

    @property
    def known(self) -> Mapping[str, SeenKey]:
        """As the state has it: the hash of what an entry said last, not of what it said before."""
        rows = self.seen.rows() if self.incremental else ()
        return {row.raw_hash: (row.source_id, row.key) for row in rows if row.raw_hash}

    def poll(self, items: Sequence[Item]) -> tuple[FeedReading, Decision]:
        known = self.known
        reading = read_feed(feed(items), url=URL, content_type=None, known=known, max_entries=100)
        listing = Listing(
            URL,
            Source(id="journal.example"),
            "feed",
            START + timedelta(minutes=self.polls),
            repeats="first",
            unread=frozenset(known[raw] for raw in reading.unchanged),
        )
        decision = decide(reading.entries, self.seen, listing, Provenance(fetch_id="f", hop="feed"))
        self.seen = self.seen.updated(decision.seen)
        self.polls += 1
        return reading, decision


def articles(decision: Decision) -> list[tuple[str, str, str]]:
    return [(article.identity.key, article.title, article.text) for article in decision.articles]


FIRST = [
    Item("g1", "https://journal.example/actu/premier-article", "Premier", "Un texte.", 1),
    Item("g2", "https://journal.example/actu/deuxieme-article", "Deuxième", "Deux textes.", 0),
    Item(None, "https://journal.example/actu/troisieme-article", "Troisième", "Trois textes."),
]
ONE, TWO, THREE = FIRST


@pytest.mark.parametrize(
    ("second", "read", "published"),
    [
        pytest.param(FIRST, [], [], id="nothing changed"),
        pytest.param(FIRST[::-1], [], [], id="another order"),
        pytest.param([Item("g1", ONE.link, ONE.title, ONE.text, 57), TWO, THREE], [], [], id="comments counted"),
        pytest.param([Item("g4", None, "Neuf", "Du neuf."), *FIRST], ["Neuf"], ["g4"], id="one new"),
        pytest.param([Item("g1", ONE.link, "Premier", "Corrigé."), TWO], ["Premier"], ["g1"], id="an edit"),
        pytest.param([Item("g9", ONE.link, ONE.title, ONE.text)], ["Premier"], ["g9"], id="a changed guid"),
        pytest.param(
            [Item("g1", "https://journal.example/actu/tout-autre", "Autre", "Autre."), *FIRST],
            ["Autre", "Premier"],
            ["g1 https://journal.example/actu/tout-autre"],
            id="a guid of a known item, reused beside it",
        ),
        pytest.param(
            [Item(None, THREE.link, "Une redite", "Autre."), *FIRST],
            ["Une redite", "Troisième"],
            [THREE.link],
            id="a link of a known item, reused before it",
        ),
        pytest.param(
            [*FIRST, Item(None, THREE.link, "Une redite", "Autre.")],
            ["Troisième", "Une redite"],
            [],
            id="a link of a known item, reused after it: the first stands",
        ),
        pytest.param(
            [
                *FIRST,
                Item(None, "http://www.journal.example/actu/troisieme-article?utm_source=x", "Troisième", "Autre."),
            ],
            ["Troisième", "Troisième"],
            ["http://www.journal.example/actu/troisieme-article"],
            id="another address of a known item, which is still there",
        ),
        pytest.param(
            [Item(None, "http://www.journal.example/actu/troisieme-article?utm_source=x", "Troisième", "Autre.")],
            ["Troisième"],
            [THREE.link],
            id="a move of the site",
        ),
    ],
)
def test_a_second_poll_reads_and_publishes_what_it_must(
    second: list[Item], read: list[str], published: list[str]
) -> None:
    poller = Poller(incremental=True)
    poller.poll(FIRST)
    reading, decision = poller.poll(second)
    assert [entry.title for entry in reading.entries] == read
    assert len(reading.unchanged) == len(second) - len(read)
    assert [article.identity.key for article in decision.articles] == published


def test_an_edit_that_is_taken_back_is_read_again() -> None:
    poller = Poller(incremental=True)
    versions = [Item("g", None, "T", text) for text in ("Un.", "Deux.", "Un.")]
    assert [len(poller.poll([item])[1].articles) for item in versions] == [1, 1, 1]


@pytest.mark.parametrize("text", ["Un  texte", "Unt exte", "Un texte !", "un texte"])
def test_every_change_of_the_words_is_read(text: str) -> None:
    poller = Poller(incremental=True)
    poller.poll([Item("g", None, "T", "Un texte")])
    reading, _ = poller.poll([Item("g", None, "T", text)])
    assert len(reading.entries) == 1


_LINKS = st.sampled_from(
    [
        None,
        "https://journal.example/actu/un-article",
        "http://journal.example/actu/un-article",
        "https://journal.example/actu/un-article?utm_campaign=rss",
        "https://www.journal.example/actu/un-article/",
        "https://journal.example/actu/autre-article",
        "https://journal.example/?p=1",
        "https://journal.example/",
        "/actu/un-article",
    ]
)
_ITEMS = st.builds(
    Item,
    guid=st.one_of(_LINKS, st.sampled_from([None, "1", "2", " 1 "])),
    link=_LINKS,
    title=st.sampled_from(["", "Un", "Deux"]),
    text=st.sampled_from(["", "Texte", "Autre texte"]),
    comments=st.sampled_from([None, 1, 2]),
)


@given(polls=st.lists(st.lists(_ITEMS, max_size=6), min_size=2, max_size=4))
@settings(max_examples=150, deadline=None)
def test_reading_what_is_unknown_publishes_what_reading_all_publishes(polls: list[list[Item]]) -> None:
    whole, incremental = Poller(incremental=False), Poller(incremental=True)
    for items in polls:
        _, expected = whole.poll(items)
        reading, decision = incremental.poll(items)
        assert articles(decision) == articles(expected)
        hashes = [*reading.unchanged, *(entry.raw_hash for entry in reading.entries)]
        assert None not in hashes


def test_items_without_identity_are_read_alone() -> None:
    assert to_read(["a", "b", "c"], lambda _: [], {"a", "c"}) == [1]


def test_a_group_is_read_through_all_its_links() -> None:
    identities = [["g1", "https://x.example/11111111"], ["g1", "g2"], ["g2", "g3"], ["g4"]]
    assert to_read(["a", "b", "c", "d"], lambda index: identities[index], {"b", "c", "d"}) == [0, 1, 2]


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("http://a.example/actu/article-1", "https://www.a.example/actu/article-1/", True),
        ("https://a.example/actu/article-1?utm_medium=rss", "https://a.example/actu/article-1#xtor=RSS-1", True),
        ("https://a.example/?p=17", "https://a.example/?p=18", False),
        ("https://a.example/actu/article-1", "https://a.example/actu/article-2", False),
        ("https://a.example/actu/été", "https://a.example/actu/%C3%A9t%C3%A9", True),
        ("tag:a.example,2026:1", "tag:a.example,2026:1 ", True),
        ("1", "2", False),
    ],
)
def test_places_bring_together_what_may_be_one_article(one: str, other: str, together: bool) -> None:
    assert (place(one) == place(other)) is together


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (b"<p>a</p>\n<p>b</p>", b"  <p>a</p>\r\n\n\t<p>b</p>\n", True),
        (b"a b", b"ab", False),
        (b"a<img src='x?1'/>b", b"a<img src='x?2'/>b", True),
        (b"a&lt;img src=&quot;x?1&quot;&gt;b", b"a&lt;img src=&quot;x?2&quot; /&gt;b", True),
        (b"a&lt;img src=&quot;x?1&quot; b", b"a&lt;img src=&quot;x?2&quot; b", False),
        (b"imgA", b"imgB", False),
    ],
)
def test_hashes_tell_what_matters(one: bytes, other: bytes, same: bool) -> None:
    assert (raw_hash(one) == raw_hash(other)) is same


def test_hashes_keep_their_parts_apart() -> None:
    assert raw_hash(b"ab", b"c") != raw_hash(b"a", b"bc")
    assert len(raw_hash(b"")) == 32
