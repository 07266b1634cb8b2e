from __future__ import annotations

import gzip
import io
import pickle
import zlib
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats import warc
from connectors.formats.warc import (
    ArchivedPage,
    WarcDamage,
    WarcError,
    WarcPlace,
    WarcRecord,
    page_of_record,
    read_records,
)
from tests.connectors.formats.warcs import archive, http_record, page

brotli = pytest.importorskip("brotli")
PAGES = [(f"https://www.journal.example/{number}", page(f"Texte numéro {number}. " * 20)) for number in range(6)]
KINDS = ("plain", "members", "one member")


def written(kind: str, records: list[bytes] | None = None) -> bytes:
    records = archive(PAGES) if records is None else records
    match kind:
        case "members":
            return b"".join(map(gzip.compress, records))
        case "one member":
            return gzip.compress(b"".join(records))
        case _:
            return b"".join(records)


def read(data: bytes, start: WarcPlace = WarcPlace()) -> list[WarcRecord | WarcDamage]:  # noqa: B008 - frozen
    return list(read_records(io.BytesIO(data), start))


def urls(items: list[WarcRecord | WarcDamage]) -> list[str]:
    return [page_of_record(item.page).url for item in items if isinstance(item, WarcRecord) and item.page is not None]


def damages(items: list[WarcRecord | WarcDamage]) -> list[WarcDamage]:
    return [item for item in items if isinstance(item, WarcDamage)]


@pytest.mark.parametrize("kind", KINDS)
def test_the_pages_of_an_archive_are_read_in_their_order(kind: str) -> None:
    items = read(written(kind))
    assert urls(items) == [url for url, _ in PAGES]
    assert damages(items) == []
    assert len(items) == 1 + 3 * len(PAGES)
    first = next(item.page for item in items if isinstance(item, WarcRecord) and item.page)
    assert page_of_record(first) == ArchivedPage(
        "https://www.journal.example/0",
        datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC),
        PAGES[0][1],
        "text/html; charset=utf-8",
        {},
    )


@pytest.mark.parametrize("kind", KINDS)
def test_reading_goes_on_after_any_record_as_if_it_had_not_stopped(kind: str) -> None:
    data = written(kind)
    whole = read(data)
    for number, item in enumerate(whole):
        assert read(data, item.after) == whole[number + 1 :]


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_file_that_breaks_off_all_that_was_whole_is_read_and_then_the_error(kind: str) -> None:
    data = written(kind)
    whole = read(data)
    for cut in range(1, len(data), 97):
        items = read(data[:cut])
        records = [item for item in items if isinstance(item, WarcRecord)]
        assert [record.page for record in records] == [item.page for item in whole[: len(records)]]  # type: ignore[union-attr]
        if cut in {item.after.offset for item in whole}:
            continue  # between two records: it can't be told that more was to come
        told = damages(items)
        # Without its last line break a plain record is whole all the same.
        assert len(told) == 1 or (
            kind == "plain" and not told and data[cut - 1 : cut + 3].strip(b"\r\n") in {b"", b"W"}
        )
        if told:
            assert items[-1] is told[0]
            assert told[0].after == WarcPlace(cut)
            assert told[0].error_class in {"truncated", "malformed"}


@pytest.mark.parametrize("kind", ["plain", "members"])
def test_after_damage_reading_goes_on_at_the_next_whole_record(kind: str) -> None:
    records = [http_record(url, body) for url, body in PAGES]
    data = bytearray(written(kind, records))
    lengths = [len(written(kind, [record])) for record in records]
    start = sum(lengths[:2])
    if kind == "plain":
        data[start : start + 30] = b"\x00" * 30
    else:
        data[start + lengths[2] // 2] ^= 0xFF
    items = read(bytes(data))
    assert urls(items) == [url for number, (url, _) in enumerate(PAGES) if number != 2]
    (damage,) = damages(items)
    assert start - len(b"\r\n\r\n") <= damage.place.offset <= start  # the empty lines before a record are nobody's
    assert damage.after.offset == sum(lengths[:3])
    assert f"({damage.after.offset - damage.place.offset} bytes passed over)" in damage.reason
    assert read(bytes(data), damage.after) == items[items.index(damage) + 1 :]


def test_a_wrong_checksum_is_damage() -> None:
    data = bytearray(written("members", [http_record()]))
    data[-5] ^= 1
    (damage,) = read(bytes(data))
    assert isinstance(damage, WarcDamage)
    assert damage.error_class == "encoding"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"WARC/1.0\r\n",
        b"<html>",
        b"\x1f\x8b\x08",
        b"\x28\xb5\x2f\xfd",
        b"\n" * 1000,
        b"WARC/1.0 \x00" * 9000,
    ],
)
def test_what_is_no_archive_is_one_error(data: bytes) -> None:
    items = read(data)
    assert len(items) == (1 if data.strip() else len(data) > 100)
    assert all(isinstance(item, WarcDamage) for item in items)


def test_padding_at_the_end_is_no_error() -> None:
    assert damages(read(written("members") + b"\x00" * 100_000)) == []


@pytest.mark.parametrize(
    "record",
    [
        http_record(status="404 Not Found"),
        http_record(status="2000 OK"),
        http_record(status="301 Moved"),
        http_record(content_type="application/pdf"),
        http_record(content_type="text/html5"),
        http_record(content_type=None),
        http_record(kind="request"),
        http_record(kind="revisit"),
        http_record(kind="resource"),
        http_record(block=b""),
        http_record(block=b"text/html 200"),
        http_record("dns:journal.example", block=b"20210304050607\njournal.example. 5 IN A 10.0.0.1"),
        http_record(body=b"Content-Type: text/html", content_type="text/plain"),
    ],
)
def test_only_answers_with_a_web_page_are_pages(record: bytes) -> None:
    (item,) = read(record)
    assert isinstance(item, WarcRecord)
    assert item.page is None


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"<p>Bonjour</p>"),
        ({"Content-Encoding": "gzip"}, gzip.compress(b"<p>Bonjour</p>")),
        ({"Content-Encoding": "br"}, brotli.compress(b"<p>Bonjour</p>")),
        ({"Content-Encoding": "deflate"}, zlib.compress(b"<p>Bonjour</p>")),
        ({"Content-Encoding": "gzip"}, b"<p>Bonjour</p>"),  # an archive of what was decoded already
        ({"Content-Encoding": "br"}, b"<p>Bonjour</p>"),
        ({"Transfer-Encoding": "chunked"}, b"5\r\n<p>Bo\r\n9\r\nnjour</p>\r\n0\r\n\r\n"),
        ({"Transfer-Encoding": "chunked"}, b"<p>Bonjour</p>"),
    ],
)
def test_a_page_is_given_as_it_was_before_its_transport(headers: dict[str, str], body: bytes) -> None:
    record = http_record(body=body, headers={**headers, "X-Robots-Tag": "noarchive", "Server": "x"})
    found = page_of_record(record)
    assert found.body == b"<p>Bonjour</p>"
    assert found.headers == {"x-robots-tag": "noarchive"}


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("2021-03-04T05:06:07Z", datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2021-03-04T05:06:07.123456789Z", datetime(2021, 3, 4, 5, 6, 7, 123456, tzinfo=UTC)),
        ("2021-03-04T05:06:07+01:00", datetime(2021, 3, 4, 4, 6, 7, tzinfo=UTC)),
        ("2021-03-04T05:06:07", datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)),
    ],
)
def test_the_moment_of_the_crawl_is_read(date: str, moment: datetime) -> None:
    assert page_of_record(http_record(date=date)).fetched == moment


@pytest.mark.parametrize(
    ("record", "reason", "error_class"),
    [
        (http_record(date=None), "WARC-Date '' can't be read", "invalid"),
        (http_record(date="yesterday"), "WARC-Date 'yesterday' can't be read", "invalid"),
        (http_record(url=None), "no WARC-Target-URI", "invalid"),
        (http_record("file:///etc/passwd"), "no http or https address", "invalid"),
        (
            http_record(headers={"Content-Encoding": "gzip"}, body=gzip.compress(b"x" * 99_999)[:-60] + b"!" * 9),
            "breaks off",
            "encoding",
        ),
        (b"WARC/1.0\r\n", "no http or https address", "invalid"),
        (b"HTTP/1.0 200\r\n", "no proper record", "malformed"),
        (b"", "no proper record", "malformed"),
    ],
)
def test_a_record_that_is_no_page_says_why(record: bytes, reason: str, error_class: str) -> None:
    with pytest.raises(WarcError, match=reason) as raised:
        page_of_record(record)
    assert raised.value.error_class == error_class
    again = pickle.loads(pickle.dumps(raised.value))
    assert (str(again), again.error_class) == (str(raised.value), error_class)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_too_large_is_told_and_the_next_is_read(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warc, "MAX_PAGE_BYTES", 100_000)
    large = http_record("https://journal.example/large", b"x" * 200_000)
    bomb = http_record(
        "https://journal.example/bomb", gzip.compress(b"x" * 200_000), headers={"Content-Encoding": "gzip"}
    )
    fine = http_record("https://journal.example/fine")
    pages = [
        item.page for item in read(written(kind, [large, bomb, fine])) if isinstance(item, WarcRecord) and item.page
    ]
    assert max(map(len, pages)) < 101_000
    with pytest.raises(WarcError, match=r"large: larger than 100000 bytes$"):
        page_of_record(pages[0])
    with pytest.raises(WarcError, match="bomb: more than 100000 bytes"):
        page_of_record(pages[1])
    assert page_of_record(pages[2]).url == "https://journal.example/fine"


@settings(deadline=None)  # a busy machine is no failure
@given(
    st.lists(
        st.sampled_from([b"WARC/1.0\r\n", b"\r\n", b"Content-Length: 3", b"\x1f\x8b\x08", b"\x00", b"abc"]), max_size=30
    )
)
def test_no_bytes_are_too_strange(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    items = read(data) + read(gzip.compress(data)) + read(gzip.compress(http_record()) + data)
    assert all(item.after != item.place for item in items)


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(KINDS))
def test_whatever_bytes_are_changed_it_is_told_or_harmless(data: st.DataObject, kind: str) -> None:
    archive_bytes = bytearray(written(kind))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(archive_bytes) - 1))
        archive_bytes[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=6))
    items = read(bytes(archive_bytes))
    last = WarcPlace()
    for item in items:
        assert (item.after.offset, item.after.skip) > (last.offset, last.skip)
        last = item.after
        if isinstance(item, WarcRecord) and item.page is not None:
            with suppress(WarcError):
                page_of_record(item.page)
