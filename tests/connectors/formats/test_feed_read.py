"""What is refused and why, what is read where it is not well-formed, what the header says."""

from __future__ import annotations

import gzip
import json
import pickle
import zlib
from functools import partial

import pytest

from connectors.formats.feed_read import FeedError, FeedReading, read_feed
from connectors.isolation import Isolated, IsolatedTimeout

URL = "https://journal.example/rss.xml"
SITEMAP = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def rss(inside: str, *, root: str = 'version="2.0"') -> bytes:
    return (
        f"<rss {root}><channel><title>J</title><link>https://journal.example/</link>{inside}</channel></rss>".encode()
    )


def item(number: int, inside: str = "") -> str:
    return f"<item><guid isPermaLink='false'>g{number}</guid><title>T{number}</title>{inside}</item>"


def read(body: bytes, *, content_type: str | None = None, known: tuple[str, ...] = (), most: int = 100) -> FeedReading:
    return read_feed(body, url=URL, content_type=content_type, known=known, max_entries=most)


BOMB = (
    '<!DOCTYPE r [<!ENTITY a0 "xxxxxxxxxx">'
    + "".join(f'<!ENTITY a{n} "{"".join([f"&a{n - 1};"] * 10)}">' for n in range(1, 12))
    + "]>"
).encode()
BOMBED_ATTRIBUTE = rss("", root="version='&a11;'")


@pytest.mark.parametrize(
    ("body", "error_class", "words"),
    [
        pytest.param(b"", "malformed", "empty", id="nothing"),
        pytest.param(b" \r\n\t\x00\xef\xbb\xbf", "malformed", "empty", id="white space"),
        pytest.param(b"\xef\xbb\xbf", "malformed", "empty", id="a byte order mark"),
        pytest.param(b"\x00\x01\x02" * 500, "malformed", "not well-formed", id="bytes of nothing"),
        pytest.param(b"Bonjour.", "malformed", "not well-formed", id="a text"),
        pytest.param(b"<!doctype html><p>404<br>", "web_page", "web page", id="a web page"),
        pytest.param(b"<!-- x -->\n<HTML><body/></HTML>", "web_page", "web page", id="a web page after a comment"),
        pytest.param(
            b'<html xmlns="http://www.w3.org/1999/xhtml"><body><p/></body></html>', "web_page", "web page", id="XHTML"
        ),
        pytest.param(b"<opml><body/></opml>", "malformed", "<opml>", id="another document"),
        pytest.param(b"<item><title>a</title></item>", "malformed", "<item>", id="an item alone"),
        pytest.param(BOMB + rss("&a11;"), "hostile", "entities", id="entities in entities"),
        pytest.param(
            BOMB + BOMBED_ATTRIBUTE,
            "hostile",
            "entities",
            id="entities in an attribute",
        ),
        pytest.param(
            b"<!DOCTYPE rss [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" + rss(item(1, "&x;")),
            "hostile",
            "entities",
            id="a local file",
        ),
        pytest.param(
            (b"<!DOCTYPE rss [<!ENTITY % x SYSTEM 'http://127.0.0.1:9/'> %x;]>" + rss(item(1))),
            "hostile",
            "entities",
            id="a parameter entity",
        ),
        pytest.param(
            ("\ufeff<!DOCTYPE rss [<!ENTITY x 'y'>]>" + rss(item(1)).decode()).encode("utf-16-le"),
            "hostile",
            "entities",
            id="entities in UTF-16",
        ),
        pytest.param(rss(item(1, "<a>" * 98 + "</a>" * 98)), "hostile", "deeper than 100", id="101 elements deep"),
        pytest.param(rss(item(1, "<a>" * 300 + "</a>" * 300)), "hostile", "deeper than 100", id="300 elements deep"),
        pytest.param(rss("<a>" * 300_000), "hostile", "deeper than 100", id="300,000 elements deep, left open"),
        pytest.param(
            rss(item(1), root="version='2.0' " + " ".join(f"xmlns:n{n}='u{n}'" for n in range(101))),
            "hostile",
            "more than 100 namespaces",
            id="namespaces",
        ),
        pytest.param(rss(item(1) + "<br>" * 5_000), "hostile", "tags left open|deeper", id="tags left open"),
        pytest.param(rss("".join(map(item, range(101)))), "hostile", "more than 100", id="too many entries"),
        pytest.param(rss("".join(map(item, range(101))) + "&"), "hostile", "more than 100", id="too many, malformed"),
        pytest.param(
            json.dumps({"items": [{"id": n} for n in range(101)]}).encode(), "hostile", "more than 100", id="JSON"
        ),
        pytest.param(b'{"items":' + b'{"a":' * 100_000, "hostile", "nested too deep", id="JSON, nested"),
        pytest.param(b'{"items":[' + b"1" * 5_000 + b"]}", "malformed", "not JSON", id="a number of 5,000 digits"),
        pytest.param(b'{"items":[{"id":"\xff"}]}', "malformed", "not JSON", id="JSON that is not UTF-8"),
        pytest.param(gzip.compress(b"x" * 60_000_000), "too_large", "more than", id="a gzip bomb"),
        pytest.param(gzip.compress(b"<urlset/>" * 100)[:-9], "truncated", "breaks off", id="a cut gzip file"),
        pytest.param(b"\x1f\x8b\x08\x00" + b"\xff" * 40, "malformed", "damaged gzip", id="a damaged gzip file"),
        pytest.param(
            f"<urlset {SITEMAP}>{'<url/>' * 50_001}</urlset>".encode(), "hostile", "more than 50000", id="a sitemap"
        ),
        pytest.param(
            f"<sitemapindex {SITEMAP}>{'<sitemap/>' * 50_001}</sitemapindex>".encode(),
            "hostile",
            "more than 50000",
            id="an index of sitemaps",
        ),
        pytest.param(
            f"<urlset {SITEMAP}><url><loc>https://x.example/a".encode(), "malformed", "no feed", id="a cut sitemap"
        ),
    ],
)
def test_what_is_refused_says_why(body: bytes, error_class: str, words: str) -> None:
    with pytest.raises(FeedError, match=words) as raised:
        read(body)
    assert raised.value.error_class == error_class


def test_exactly_as_many_entries_as_allowed_are_read() -> None:
    assert len(read(rss("".join(map(item, range(100))))).entries) == 100
    assert read(rss(item(1, "<a>" * 97 + "</a>" * 97))).entries


def test_escaped_markup_may_speak_of_entities() -> None:
    reading = read(rss(item(1, "<description><![CDATA[Écrire <code>&lt;!ENTITY x&gt;</code>]]></description>")))
    assert reading.entries[0].text == "Écrire <!ENTITY x>"


@pytest.mark.parametrize(
    ("body", "titles", "complete"),
    [
        pytest.param(rss(item(1) + item(2))[:-30], ["T1"], False, id="breaks off in an entry"),
        pytest.param(rss(item(1) + item(2)) + b"<script>x</script>", ["T1", "T2"], True, id="more after the end"),
        pytest.param(rss(item(1, "<b>x</i>")), ["T1"], True, id="tags that cross"),
        pytest.param(rss(item(1, "<x a=1/>")), ["T1"], True, id="an attribute without quotation marks"),
    ],
)
def test_what_is_not_well_formed_is_read_as_a_whole_and_says_so(body: bytes, titles: list[str], complete: bool) -> None:
    reading = read(body, known=("0" * 32,))
    assert [entry.title for entry in reading.entries] == titles
    assert reading.complete is complete
    assert reading.trouble
    assert all(entry.raw_hash is None for entry in reading.entries)


def test_references_of_html_are_mended_outside_of_cdata() -> None:
    said = "<title>R&D &eacute;t&eacute; &nosuch; &#233;&lt;</title><link><![CDATA[https://x.example/?a=1&eacute=2]]></link>"
    body = rss(f"<item>{said}</item><ttl>30</ttl>")
    first = read(body)
    assert first.entries[0].title == "R&D été &nosuch; é<"
    assert first.entries[0].url == "https://x.example/?a=1&eacute=2"
    assert first.trouble
    again = read(body, known=(first.entries[0].raw_hash or "",))
    assert (again.entries, again.unchanged) == ((), (first.entries[0].raw_hash,))


def test_control_characters_are_blanks() -> None:
    reading = read(
        rss("<item><title><![CDATA[Un\x0bdeux\x00trois & fin]]></title><link>https://x.example/\x1f</link></item>")
    )
    assert [(entry.title, entry.url) for entry in reading.entries] == [("Un deux trois & fin", "https://x.example/")]
    assert reading.trouble
    assert reading.entries[0].raw_hash


def test_a_sitemap_with_bare_ampersands_keeps_its_addresses() -> None:
    reading = read(f"<urlset {SITEMAP}><url><loc>https://x.example/?a=1&b=2</loc></url></urlset>".encode())
    assert [entry.url for entry in reading.entries] == ["https://x.example/?a=1&b=2"]
    assert reading.trouble


def test_origins_number_the_entries_of_the_whole_feed() -> None:
    body = rss("".join(map(item, range(4))))
    hashes = [entry.raw_hash or "" for entry in read(body).entries]
    reading = read(body, known=(hashes[0], hashes[2]))
    assert [entry.origin for entry in reading.entries] == [f"{URL} entry 2", f"{URL} entry 4"]
    assert reading.unchanged == (hashes[0], hashes[2])


def test_known_entries_cost_no_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    body = rss("".join(map(item, range(4))))
    hashes = [entry.raw_hash or "" for entry in read(body).entries]
    monkeypatch.setattr("connectors.formats.feed_read.parse_listed", None)
    reading = read(body, known=tuple(hashes))
    assert reading.entries == ()
    assert reading.unchanged == tuple(hashes)
    assert reading.title == "J"


def test_a_header_keeps_what_its_entries_need() -> None:
    feed = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://base.example/fr/" xml:lang="fr">
      <title>J</title><subtitle>S</subtitle><logo>l.png</logo><author><name>X</name></author>
      <entry><id>1</id><title>Un</title><link href="un"/></entry>
      <entry><id>2</id><title>Deux</title><link href="deux"/></entry></feed>"""
    whole = read(feed.encode())
    part = read(feed.encode(), known=(whole.entries[0].raw_hash or "",))
    assert part.entries == whole.entries[1:]
    assert part.entries[0].url == "https://base.example/fr/deux"
    assert part.entries[0].language == "fr"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<slash:comments>1</slash:comments>", "<slash:comments>23</slash:comments>"),
        ("<thr:total>1</thr:total>", "<thr:total>2</thr:total>"),
        ("<atom:updated>2026-11-22T10:00:00Z</atom:updated>", "<atom:updated>2026-11-22T11:00:00Z</atom:updated>"),
        ("<dc:modified>2026-11-22</dc:modified>", ""),
        ("<t:modified xsi='a'>2026-11-22</t:modified>", "<t:modified xsi='b'/>"),
        ("<!-- 10:00:01 -->", "<!-- 10:00:02 -->"),
        (
            "<description>&lt;p&gt;A&lt;img src='p?1' width='1'/&gt;&lt;/p&gt;</description>",
            "<description>&lt;p&gt;A&lt;img src='p?2' width='1'/&gt;&lt;/p&gt;</description>",
        ),
        ("<description><![CDATA[A & B]]></description>", "<description>A &amp; B</description>"),
        ("\n<category>x</category>\n", "\r\n\n   <category>x</category>  \n\n\t"),
    ],
)
def test_what_changes_by_itself_does_not_make_an_entry_unknown(one: str, other: str) -> None:
    namespaces = (
        'version="2.0" xmlns:slash="http://purl.org/rss/1.0/modules/slash/" xmlns:t="http://purl.org/dc/terms/"'
        ' xmlns:thr="http://purl.org/syndication/thread/1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:atom="http://www.w3.org/2005/Atom"'
    )
    first = read(rss(item(1, one), root=namespaces))
    second = read(rss(item(1, other), root=namespaces))
    assert first.entries[0].raw_hash == second.entries[0].raw_hash
    assert first.entries[0].text == second.entries[0].text


@pytest.mark.parametrize(
    "other",
    [
        "<description>Le texte corrigé.</description>",
        "<description>Le texte.</description><link>https://journal.example/x</link>",
        "<description>Le texte.</description><pubDate>Sat, 21 Nov 2026 10:00:00 +0100</pubDate>",
        "<description>Le texte.</description><author>Jean</author>",
    ],
)
def test_what_an_entry_says_makes_it_unknown(other: str) -> None:
    first = read(rss(item(1, "<description>Le texte.</description>")))
    assert first.entries[0].raw_hash != read(rss(item(1, other))).entries[0].raw_hash


def test_a_json_feed_leaves_known_items_unread_and_ignores_their_date_of_change() -> None:
    def body(changed: str, text: str) -> bytes:
        items = [{"id": n, "content_text": "Un.", "date_modified": changed} for n in range(3)]
        items[1]["content_text"] = text
        return json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items}).encode()

    first = read(body("2026-11-20", "Un."))
    known = tuple(entry.raw_hash or "" for entry in first.entries)
    second = read(body("2026-11-21", "Deux."), known=known)
    assert [entry.text for entry in second.entries] == ["Deux."]
    assert second.unchanged == (known[0], known[2])
    assert second.entries[0].origin == f"{URL} entry 2"


def test_a_sitemap_leaves_known_addresses_unread() -> None:
    def body(news_changed: str, plain_changed: str) -> bytes:
        return f"""<urlset {SITEMAP} xmlns:n="http://www.google.com/schemas/sitemap-news/0.9">
          <url><loc>https://x.example/news</loc><lastmod>{news_changed}</lastmod><n:news><n:title>T</n:title></n:news></url>
          <url><loc>https://x.example/plain</loc><lastmod>{plain_changed}</lastmod></url></urlset>""".encode()

    first = read(body("2026-11-20", "2026-11-20"))
    known = tuple(entry.raw_hash or "" for entry in first.entries)
    second = read(body("2026-11-21", "2026-11-21"), known=known)
    assert [entry.url for entry in second.entries] == ["https://x.example/plain"]
    assert second.entries[0].published_raw == "2026-11-21"
    assert second.unchanged == known[:1]


def test_a_sitemap_as_long_as_the_protocol_allows_is_read() -> None:
    urls = "".join(f"<url><loc>https://x.example/{n}</loc></url>" for n in range(50_000))
    body = f"<urlset {SITEMAP}>{urls}</urlset>".encode()
    reading = read(body)
    assert len(reading.entries) == 50_000
    assert len({entry.raw_hash for entry in reading.entries}) == 50_000
    again = read(body, known=tuple(entry.raw_hash or "" for entry in reading.entries))
    assert again.entries == ()
    assert len(again.unchanged) == 50_000


@pytest.mark.parametrize("tail", [b"", b"\x00" * 100])
def test_a_gzip_file_of_several_members_is_read(tail: bytes) -> None:
    body = f"<urlset {SITEMAP}><url><loc>https://x.example/a</loc></url></urlset>".encode()
    members = gzip.compress(body[:40]) + gzip.compress(body[40:]) + tail
    assert [entry.url for entry in read(members).entries] == ["https://x.example/a"]


def test_a_gzip_file_may_hold_any_feed() -> None:
    assert read(gzip.compress(rss(item(1)))).kind == "feed"
    compressor = zlib.compressobj(wbits=31)
    assert read(compressor.compress(b'{"items":[]}') + compressor.flush()).kind == "json_feed"


@pytest.mark.parametrize(
    ("header", "period"),
    [
        ("<sy:updatePeriod>hourly</sy:updatePeriod>", 3600),
        ("<sy:updatePeriod> Hourly </sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>", 1800),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", 3600),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>-3</sy:updateFrequency>", 3600),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>1000</sy:updateFrequency>", 300),
        ("<sy:updatePeriod>yearly</sy:updatePeriod>", 86400),
        ("<sy:updatePeriod>daily</sy:updatePeriod><sy:updateFequency>4</sy:updateFequency>", 86400),
        ("<sy:updatePeriod>hourlly</sy:updatePeriod>", None),
        ("<sy:updatePeriod/>", None),
        ("<sy:updateFrequency>4</sy:updateFrequency>", None),
    ],
)
def test_update_periods_are_clamped_and_typos_are_none(header: str, period: int | None) -> None:
    reading = read(rss(header, root='version="2.0" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'))
    found = reading.hints.update_period
    assert (found and found.total_seconds()) == period


@pytest.mark.parametrize(
    ("ttl", "seconds"),
    [("60", 3600), (" 15\n", 900), ("1", 300), ("100000", 86400), ("0", None), ("-5", None), ("1h", None), ("٣", None)],
)
def test_ttl_is_read_in_minutes_and_clamped(ttl: str, seconds: int | None) -> None:
    found = read(rss(f"<ttl>{ttl}</ttl>")).hints.ttl
    assert (found and found.total_seconds()) == seconds


def test_hours_and_days_that_leave_nothing_are_no_hint() -> None:
    hours = "".join(f"<hour>{hour}</hour>" for hour in range(24))
    days = "".join(f"<day>{day}</day>" for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"))
    reading = read(
        rss(f"<skipHours>{hours}</skipHours><skipDays>{days}<day>Saturday</day><day>Sunday</day></skipDays>")
    )
    assert not reading.hints.skip_hours
    assert not reading.hints.skip_days
    assert read(rss(f"<skipDays>{days}</skipDays>")).hints.skip_days == {0, 1, 2, 3, 4}


def test_hints_of_what_is_not_well_formed_are_read_too() -> None:
    header = '<ttl>30</ttl><a:link xmlns:a="http://www.w3.org/2005/Atom" rel="hub" href="https://hub.example/"/>&'
    reading = read(rss(header + item(1)))
    assert reading.trouble
    assert reading.hub == "https://hub.example/"
    assert reading.hints.ttl is not None
    assert reading.hints.ttl.total_seconds() == 1800


@pytest.mark.parametrize("content_type", ["text/xml; charset=iso-8859-1", "application/rss+xml;charset=utf-8", None])
def test_bytes_that_are_utf8_are_read_so_whatever_is_declared(content_type: str | None) -> None:
    reading = read(rss(item(1, "<description>L’été à Évry</description>")), content_type=content_type)
    assert reading.entries[0].text == "L’été à Évry"


@pytest.mark.parametrize("content_type", ["text/xml; charset=iso-8859-2", "text/xml; charset=latin2"])
def test_an_encoding_that_http_declares_is_used_where_the_bytes_are_not_utf8(content_type: str) -> None:
    body = rss(item(1, "<description>Łódź</description>")).decode().encode("iso-8859-2")
    assert read(body, content_type=content_type).entries[0].text == "Łódź"


def test_errors_and_readings_pass_between_processes() -> None:
    error = pickle.loads(pickle.dumps(FeedError("too deep", "hostile")))
    assert (str(error), error.error_class) == ("too deep", "hostile")
    body = rss(item(1))
    with Isolated(1, memory_bytes=1 << 30, preload=["connectors.formats.feed_read"]) as isolated:
        call = partial(read_feed, url=URL, content_type=None, known=frozenset(), max_entries=10)
        assert isolated.call(call, body, deadline=60) == read(body)
        with pytest.raises(FeedError) as raised:
            isolated.call(call, b"<html/>", deadline=60)
        assert raised.value.error_class == "web_page"
        with pytest.raises(IsolatedTimeout):
            isolated.call(partial(call, max_entries=10**6), rss("".join(map(item, range(200_000)))), deadline=0.5)
        assert isolated.call(call, body, deadline=60) == read(body)
