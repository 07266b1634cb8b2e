from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.entry import one_line
from connectors.feeds.opml import NAMESPACE, OpmlError, read_opml, shipped_feeds, write_opml
from connectors.settings import Subscription
from schemas.article import Source

LIST = f"""<?xml version="1.0" encoding="UTF-8"?>
<opml version="2.0" xmlns:d="{NAMESPACE}"><head><title>t</title></head><body>
<outline text="Groupe"><outline text="Le Journal – Monde" type="rss" xmlUrl="https://www.journal.example/rss"
 language="fr-FR" d:country="FR" d:source="journal" d:minutes="5"/></outline>
<outline title="Other" xmlUrl="http://feeds.other.example/x"/>
<outline title="Again" xmlUrl="http://feeds.other.example/x"/>
<outline text="A link" htmlUrl="https://nothing.example/"/>
</body></opml>"""


def test_a_list_is_read_with_groups_and_attributes() -> None:
    first, second = read_opml(LIST.encode())
    assert first.url == "https://www.journal.example/rss"
    assert first.source.model_dump() == {
        "id": "journal",
        "name": "Le Journal – Monde",
        "country": "FR",
        "language": "fr",
    }
    assert first.interval == timedelta(minutes=5)
    assert second.source.id == "other.example"
    assert second.interval is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"<opml>", "line 1: "),
        (b"not xml", "line 1: "),
        (b"<opml version='2.0'><body/></opml>", "no outline with an xmlUrl"),
        (b"<rss/>", "element is <rss>, not <opml>"),
        (b"<opml>\n<outline xmlUrl='file:///etc/passwd'/></opml>", "line 2: xmlUrl 'file:///etc/passwd'"),
        (b"<opml>\n\n<outline xmlUrl='https://x.example/' language='french language'/></opml>", "line 3: language"),
        (LIST.replace('country="FR"', 'country="France"').encode(), "line 4: country is 'France'"),
        (LIST.replace('minutes="5"', 'minutes="0"').encode(), "line 4: minutes is '0'"),
        (LIST.replace('minutes="5"', 'fullText="yes"').encode(), "line 4: fullText is 'yes', must be true or false"),
        (b"<!DOCTYPE opml [<!ENTITY x 'y'>]><opml><outline xmlUrl='https://&x;.example/'/></opml>", "DOCTYPE"),
        (b"<!DOCTYPE opml [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><opml>&x;</opml>", "DOCTYPE"),
        (b"\xff\xfe<\x00o\x00", "line"),
        (b"x" * (17 * 1024 * 1024), "larger than"),
    ],
)
def test_a_bad_list_is_refused_with_line_and_reason(content: bytes, reason: str) -> None:
    with pytest.raises(OpmlError) as raised:
        read_opml(content)
    assert reason in str(raised.value)


def test_the_shipped_list_is_complete() -> None:
    feeds = shipped_feeds()
    assert len(feeds) >= 12
    assert {feed.source.language for feed in feeds} == {"fr", "en"}
    assert len({feed.url for feed in feeds}) == len(feeds)
    assert all(feed.source.name and urlsplit(feed.url).scheme == "https" for feed in feeds)


def test_a_list_says_whether_pages_are_followed() -> None:
    (first, second) = read_opml(LIST.replace('minutes="5"', 'fullText="false"').encode())
    assert (first.full_text, second.full_text) == (False, None)


def test_the_shipped_list_is_written_and_read_back_exactly() -> None:
    assert read_opml(write_opml(shipped_feeds(), title="Feeds")) == shipped_feeds()


words = st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn")), max_size=40).map(one_line)


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.lists(
        st.builds(
            Subscription,
            url=st.from_regex(
                r"https?://[a-z0-9.-]{1,20}[a-z](:[1-9][0-9]{0,3})?/[a-zA-Z0-9/&=+%~]{0,40}", fullmatch=True
            ),
            source=st.builds(
                Source,
                id=words.filter(bool),
                name=words.map(lambda name: name or None),
                country=st.sampled_from((None, "FR", "XK")),
                language=st.sampled_from((None, "fr", "haw")),
            ),
            interval=st.none() | st.integers(1, 10_080).map(lambda minutes: timedelta(minutes=minutes)),
            full_text=st.sampled_from((None, True, False)),
        ),
        min_size=1,
        max_size=5,
        unique_by=lambda feed: feed.url,
    )
)
def test_what_is_written_is_read_back_exactly(feeds: list[Subscription]) -> None:
    assert read_opml(write_opml(feeds, title="A & <B>")) == tuple(feeds)


@pytest.mark.parametrize(
    ("feed", "reason"),
    [
        (
            Subscription("https://a.example/", Source(id="a"), timedelta(seconds=90)),
            "a.example/: a list can't say 0:01:30",
        ),
        (Subscription("https://a.example/", Source(id="a"), timedelta(days=8)), "a.example/: a list can't say 8 days"),
        (Subscription("https://a.example/", Source(id="a", name="\x1b")), "a.example/: "),
    ],
)
def test_what_a_list_can_not_say_is_refused_by_name(feed: Subscription, reason: str) -> None:
    with pytest.raises(OpmlError, match=reason):
        write_opml([feed], title="Feeds")


def test_a_list_without_feeds_is_not_written() -> None:
    with pytest.raises(OpmlError, match="no feeds"):
        write_opml([], title="Feeds")


def test_a_feed_given_twice_is_written_once() -> None:
    feed = Subscription("https://a.example/", Source(id="a"))
    assert read_opml(write_opml([feed, feed], title="Feeds")) == (feed,)
