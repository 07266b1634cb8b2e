from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from connectors.feeds.opml import NAMESPACE, OpmlError, read_opml, shipped_feeds

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
