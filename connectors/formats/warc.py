"""WARC files (ISO 28500) to the web pages in them, one record at a time, each with the place to go on from.

Records are cut out here and taken apart by warcio. Its own iterator takes a record that breaks off for a whole one,
writes to standard error and inflates without bound: an archive's records are strangers' bytes, and this must say
which were whole. After damage it goes on at the next record that can be found. Does not extract text, and takes
record by record no more memory than `MAX_PAGE_BYTES`.

`.warc.gz` has a gzip member for each record, so that one can go on at any; one that is a single member is read too,
but going on in it means inflating all before.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import BinaryIO, Final, Literal, cast

from warcio.bufferedreaders import BufferedReader as WarcioReader
from warcio.bufferedreaders import ChunkedDataReader
from warcio.exceptions import ArchiveLoadFailed
from warcio.recordloader import ArcWarcRecordLoader
from warcio.statusandheaders import StatusAndHeadersParserException

from connectors.urls import absolute_url
from connectors.web.decompression import ContentCodingError, TooLargeError, decoded_body

MAX_HEADER_BYTES: Final = 64 * 1024
MAX_PAGE_BYTES: Final = 16 * 1024 * 1024
"""Largest page, as archived and decompressed; a larger one is an error. Other records have no limit."""
_CHUNK: Final = 64 * 1024
_GZIP: Final = b"\x1f\x8b\x08"
_SEPARATORS: Final = frozenset({b"\r\n", b"\n"})
_MAX_SEPARATORS: Final = 64
"""Empty lines between two records; the standard has two."""
_LENGTH: Final = re.compile(rb"^content-length[ \t]*:[ \t]*([0-9]{1,18})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_RESPONSE: Final = re.compile(rb"^warc-type[ \t]*:[ \t]*response[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_SUCCESS: Final = re.compile(rb"HTTP/[0-9.]+[ \t]+200(?![0-9])")
_HTML: Final = re.compile(
    rb"^content-type[ \t]*:[ \t]*(?:text/html|application/xhtml\+xml)(?![\w.+-])", re.IGNORECASE | re.MULTILINE
)
_BEFORE_MARKUP: Final = b"\xef\xbb\xbf \t\r\n"
_KEPT_HEADERS: Final = ("link", "x-robots-tag", "tdm-reservation", "tdm-policy", "content-language")

DamageClass = Literal["malformed", "truncated", "too_large", "encoding", "invalid", "io"]


@dataclass(frozen=True, slots=True)
class WarcPlace:
    """Where a record begins."""

    offset: int = 0
    """In the file: of the record, or of the gzip member that it is in."""
    skip: int = 0
    """Records before it in the same member."""

    def __str__(self) -> str:
        return f"offset {self.offset}" + (f", record {self.skip + 1}" if self.skip else "")


@dataclass(frozen=True, slots=True)
class WarcRecord:
    """A whole record."""

    place: WarcPlace
    after: WarcPlace
    """Where to go on."""
    page: bytes | None
    """The record with its headers where it holds a web page, answered with 200; else None."""


@dataclass(frozen=True, slots=True)
class WarcDamage:
    """What could not be read, from `place` on."""

    place: WarcPlace
    after: WarcPlace
    reason: str
    error_class: DamageClass


class WarcError(ValueError):
    """A record that no page can be made of; the message says why."""

    def __init__(self, message: str, error_class: DamageClass) -> None:
        """Say why, in words and as a class."""
        super().__init__(message)
        self.error_class: DamageClass = error_class

    def __reduce__(self) -> tuple[type[WarcError], tuple[str, DamageClass]]:
        return type(self), (str(self), self.error_class)  # it crosses processes


@dataclass(frozen=True, slots=True)
class ArchivedPage:
    """A web page as it was archived."""

    url: str
    """WARC-Target-URI."""
    fetched: datetime
    """WARC-Date, UTC."""
    body: bytes
    """Decompressed."""
    content_type: str | None
    headers: Mapping[str, str]
    """Names in lower case; those that a fetch keeps too."""


class _GzipMember(io.RawIOBase):
    """One gzip member, inflated as it is read; never more of it in memory than is asked for.

    Raises when read: zlib.error for damage, a wrong checksum too; EOFError where the file ends before it does.
    """

    def __init__(self, file: BinaryIO, offset: int) -> None:
        super().__init__()
        file.seek(offset)
        self._file = file
        self._inflate: zlib._Decompress | None = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self.end = offset
        """Where the file goes on after it; known once it is read to its end."""

    def readable(self) -> bool:
        return True

    def readinto(self, into: object) -> int:
        view = memoryview(cast("bytearray", into))
        while self._inflate is not None:
            data = self._inflate.unconsumed_tail or self._file.read(_CHUNK)
            inflated = self._inflate.decompress(data, len(view))
            if self._inflate.eof:
                self.end = self._file.tell() - len(self._inflate.unused_data)
                self._inflate = None
            if inflated:
                view[: len(inflated)] = inflated
                return len(inflated)
            if not data:
                msg = "the file ends within a record"
                raise EOFError(msg)
        return 0


_START: Final = WarcPlace()


def read_records(file: BinaryIO, start: WarcPlace = _START) -> Iterator[WarcRecord | WarcDamage]:
    """Read records in their order; damage is a value, and what follows it is read on.

    Args:
        file: opened for reading bytes; it is moved about in.
        start: `after` of the last record that was dealt with.

    Raises:
        OSError: the file can't be read.
    """
    file.seek(0)
    compressed = file.read(len(_GZIP)) == _GZIP
    place: WarcPlace | None = start
    damage: WarcDamage | None = None
    while place is not None:
        begun = at = place
        try:
            for record in _member(file, begun) if compressed else _plain(file, begun):
                if damage is not None:  # told once, however many false starts there were
                    yield _until(damage, record.place)
                    damage = None
                at = record.after
                yield record
            place = at if compressed and at != begun else None
        except (zlib.error, EOFError, WarcError) as error:
            damage = damage or _damage(error, at)
            place = _next_start(file, at.offset + 1, compressed=compressed)
    if damage is not None:
        yield _until(damage, WarcPlace(file.seek(0, io.SEEK_END)))


def _damage(error: Exception, at: WarcPlace) -> WarcDamage:
    match error:
        case WarcError():
            return WarcDamage(at, at, str(error), error.error_class)
        case EOFError():
            return WarcDamage(at, at, str(error), "truncated")
        case _:
            return WarcDamage(at, at, f"not as it was compressed: {error}", "encoding")


def _until(damage: WarcDamage, after: WarcPlace) -> WarcDamage:
    lost = after.offset - damage.place.offset
    return WarcDamage(damage.place, after, f"{damage.reason} ({lost} bytes passed over)", damage.error_class)


def _plain(file: BinaryIO, place: WarcPlace) -> Iterator[WarcRecord]:
    file.seek(place.offset)
    while True:
        begin = _skip_separators(file)
        if begin is None:
            return
        offset = file.tell() - len(begin)
        page = _read_record(file, begin)
        yield WarcRecord(WarcPlace(offset), WarcPlace(file.tell()), page)


def _member(file: BinaryIO, place: WarcPlace) -> Iterator[WarcRecord]:
    """Read the records of one gzip member; the last leads on to the next member."""
    if not _at_member(file, place.offset):
        return
    raw = _GzipMember(file, place.offset)
    stream = cast("BinaryIO", io.BufferedReader(raw, _CHUNK))
    number = 0
    held: WarcRecord | None = None
    while (begin := _skip_separators(stream)) is not None:
        if held is not None:
            yield held
        page = _read_record(stream, begin)
        here, number = WarcPlace(place.offset, number), number + 1
        held = WarcRecord(here, WarcPlace(place.offset, number), page) if here.skip >= place.skip else None
    # Only here, at the end, is the checksum known to be right. A member without a (further) record leads on too.
    yield replace(held or WarcRecord(place, place, None), after=WarcPlace(raw.end))


def _at_member(file: BinaryIO, offset: int) -> bool:
    """Say whether a member begins here; False at the file's end, which may be padded with zeros.

    Raises:
        WarcError: something else does.
    """
    file.seek(offset)
    begin = file.read(len(_GZIP))
    if begin == _GZIP:
        return True
    while begin and not begin.strip(b"\x00"):
        begin = file.read(_CHUNK)
    if begin:
        msg = "no gzip member begins here"
        raise WarcError(msg, "malformed")
    return False


def _skip_separators(stream: BinaryIO) -> bytes | None:
    """Return the first line that is not empty, None at the end."""
    for _ in range(_MAX_SEPARATORS):
        line = stream.readline(MAX_HEADER_BYTES)
        if not line:
            return None
        if line not in _SEPARATORS:
            return line
    msg = f"more than {_MAX_SEPARATORS} empty lines between records"
    raise WarcError(msg, "malformed")


def _read_record(stream: BinaryIO, first_line: bytes) -> bytes | None:
    """Read a record to the end of its block; return it whole where it holds a page."""
    header = _read_header(stream, first_line)
    match = _LENGTH.search(header)
    if match is None:
        msg = "a record without a Content-Length"
        raise WarcError(msg, "malformed")
    length = int(match[1])
    head = _read_exactly(stream, min(length, MAX_HEADER_BYTES)) if _RESPONSE.search(header) else b""
    is_page = _is_page(head)
    if is_page and length <= MAX_PAGE_BYTES:
        return header + head + _read_exactly(stream, length - len(head))
    _pass_over(stream, length - len(head))
    # An oversized page is told when it is taken apart: the record after it is whole, and nothing is damaged.
    return header + head if is_page else None


def _read_header(stream: BinaryIO, first_line: bytes) -> bytes:
    if not first_line.startswith(b"WARC/"):
        msg = f"no WARC record begins here, but {first_line[:40]!r}"
        raise WarcError(msg, "malformed")
    header = first_line
    while len(header) < MAX_HEADER_BYTES:
        line = stream.readline(MAX_HEADER_BYTES)
        if not line.endswith(b"\n"):
            if len(line) < MAX_HEADER_BYTES:
                msg = "the file ends within a record"
                raise EOFError(msg)
            break
        header += line
        if line in _SEPARATORS:
            return header
    msg = f"headers of more than {MAX_HEADER_BYTES} bytes"
    raise WarcError(msg, "malformed")


def _is_page(head: bytes) -> bool:
    """Say whether a block begins as an HTTP answer with 200 and HTML."""
    headers, _, _ = head.replace(b"\r\n", b"\n").partition(b"\n\n")
    return bool(_SUCCESS.match(headers) and _HTML.search(headers))


def _read_exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        msg = "the file ends within a record"
        raise EOFError(msg)
    return data


def _pass_over(stream: BinaryIO, length: int) -> None:
    while length > 0:
        data = stream.read(min(length, _CHUNK))
        if not data:
            msg = "the file ends within a record"
            raise EOFError(msg)
        length -= len(data)


def _next_start(file: BinaryIO, offset: int, *, compressed: bool) -> WarcPlace | None:
    """Return where, from `offset` on, a record or a gzip member may begin."""
    sign = _GZIP if compressed else b"\nWARC/1."
    shift = 0 if compressed else 1
    file.seek(offset)
    before = b""
    while data := file.read(_CHUNK):
        window = before + data
        found = window.find(sign)
        if found >= 0:
            return WarcPlace(offset - len(before) + found + shift)
        offset += len(data)
        before = window[-(len(sign) - 1) :]
    return None


def page_of_record(record: bytes) -> ArchivedPage:
    """Take a record apart.

    Args:
        record: `WarcRecord.page`.

    Raises:
        WarcError: no address, no date, too large, or its content can't be decoded.
    """
    loader = ArcWarcRecordLoader(verify_http=False, arc2warc=False)
    try:
        parsed = loader.parse_record_stream(WarcioReader(io.BytesIO(record)), known_format="warc")
    except AttributeError as error:  # warcio's answer to a record without an address
        msg = "it has no WARC-Target-URI"
        raise WarcError(msg, "invalid") from error
    except (ArchiveLoadFailed, StatusAndHeadersParserException, EOFError, ValueError) as error:
        msg = f"no proper record: {error}"
        raise WarcError(msg, "malformed") from error
    url = absolute_url(parsed.rec_headers.get_header("WARC-Target-URI"))
    if url is None or parsed.http_headers is None:
        msg = "its WARC-Target-URI is no http or https address"
        raise WarcError(msg, "invalid")
    if parsed.length > MAX_PAGE_BYTES:
        msg = f"{url}: larger than {MAX_PAGE_BYTES} bytes"
        raise WarcError(msg, "too_large")
    headers = {name.lower(): value for name, value in reversed(parsed.http_headers.headers)}
    return ArchivedPage(
        url=url,
        fetched=_moment(parsed.rec_headers.get_header("WARC-Date"), url),
        body=_body(parsed.raw_stream, headers, url),
        content_type=headers.get("content-type"),
        headers={name: headers[name] for name in _KEPT_HEADERS if name in headers},
    )


def _moment(raw: str | None, url: str) -> datetime:
    try:
        moment = datetime.fromisoformat((raw or "").strip())
    except ValueError as error:
        msg = f"{url}: its WARC-Date {(raw or '')[:40]!r} can't be read"
        raise WarcError(msg, "invalid") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _body(stream: BinaryIO, headers: Mapping[str, str], url: str) -> bytes:
    """Undo the transfer coding, then the content codings."""
    if headers.get("transfer-encoding", "").strip().lower() == "chunked":
        stream = ChunkedDataReader(stream)  # gives back as it is what is not chunked: many archives are of that kind
    body: bytes = stream.read(MAX_PAGE_BYTES + 1)
    try:
        return decoded_body(body, headers.get("content-encoding"), limit=MAX_PAGE_BYTES)
    except TooLargeError as error:
        msg = f"{url}: {error}"
        raise WarcError(msg, "too_large") from error
    except ContentCodingError as error:
        if body.lstrip(_BEFORE_MARKUP).startswith(b"<"):
            return body  # decoded by the crawler, which left the header as it was
        msg = f"{url}: {error}"
        raise WarcError(msg, "encoding") from error
