"""Archives to articles: .jsonl and .warc files, gzipped or not, step by step, each with the place to go on from.

Takes no more memory for a file of 100 GB than for one of 100 kB. A line or record that can't be used is an error as a
value, and the next is read; of a file that breaks off, all that was whole is read first. Web pages are parsed where
they can be killed. Knows nothing of Kafka and keeps no state: `depeche.backfill.publishing` publishes and remembers.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections import deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Final, Literal, cast

from connectors.decide import Candidates, Listing, SeenIndex, candidates, decide
from connectors.entry import Entry
from connectors.feeds.opml import source_id_of_host
from connectors.formats.files import JSONL_SUFFIXES, ReadError, read_lines, readable_name
from connectors.formats.warc import WarcDamage, WarcError, WarcPlace, WarcRecord, page_of_record, read_records
from connectors.isolation import Isolated, IsolatedError
from connectors.pages.reading import PageReading
from connectors.settings import DROP_SOURCE
from connectors.source import ErrorClass, SourceError
from connectors.urls import canonical_url
from schemas.article import Article, Provenance, Source
from schemas.base import clean_text
from schemas.ids import digest

PRELOAD: Final = ("connectors.backfill", "connectors.pages.extraction")
"""What the processes that parse pages import once."""
PAGES_AHEAD: Final = 4
"""Pages under way for each process: as many as keep it busy while the first of them is waited for."""
_TOMORROW: Final = timedelta(days=1)
_GZIP: Final = b"\x1f\x8b"
_NOTHING: Final = SeenIndex()

LookUp = Callable[[Candidates], SeenIndex]

ArchiveKind = Literal["jsonl", "warc"]
Passed = Literal["other", "no_article", "paywall", "consent", "opted_out"]
"""What is in an archive and no article: records that are no web page; pages without an article, or with only its
beginning; consent walls; pages whose publisher reserves their text."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a file is read."""

    offset: int = 0
    """Bytes; of a gzipped .jsonl file, of what it decompresses to."""
    skip: int = 0
    """WARC: records after `offset`, in the same gzip member."""
    line: int = 0
    """.jsonl: lines before `offset`."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line or record: an entry, or why there is none."""

    position: Position
    """Where to go on after it."""
    consumed: int
    """Bytes of the file, as it is on the disk, that were read to get here; about."""
    entry: Entry | None = None
    fetched: datetime | None = None
    """When the archive says that it was fetched; None where it does not say."""
    error: SourceError | None = None
    passed: Passed | None = None


@dataclass(frozen=True, slots=True)
class ArchivedReading:
    """What a process makes of an archived page."""

    url: str
    fetched: datetime
    reading: PageReading


def kind_of(path: Path) -> ArchiveKind | None:
    """Say by its name what kind of archive a file is; None where it is none."""
    name = path.name.lower().removesuffix(".gz")
    suffix = os.path.splitext(name)[1]  # noqa: PTH122 - of a name, not of a file
    if suffix in JSONL_SUFFIXES:
        return "jsonl"
    return "warc" if suffix == ".warc" else None


def read_archive(
    path: Path, start: Position, *, isolated: Isolated, processes: int, parse_seconds: float, now: datetime
) -> Generator[Step]:
    """Read an archive in order.

    Args:
        path: a file of a `kind_of`.
        start: `Step.position` of the last step that was dealt with.
        isolated: where pages are parsed (`PRELOAD`).
        processes: how many it has.
        parse_seconds: how long a page may take.
        now: an archive of the future is an error.

    Raises:
        OSError: the file can't be read (further); what was read is right.
    """
    with path.open("rb") as file:
        if kind_of(path) == "jsonl":
            yield from _read_jsonl(file, path, start)
        else:
            yield from _read_warc(file, path, start, _Pages(isolated, processes * PAGES_AHEAD, parse_seconds, now))


def _read_jsonl(file: BinaryIO, path: Path, start: Position) -> Generator[Step]:
    compressed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    lines = cast("BinaryIO", gzip.GzipFile(fileobj=file)) if compressed else file
    name = _name(path)
    position = start
    try:
        for item in read_lines(lines, name, start=start.offset, line=start.line):
            position = Position(item.end, line=item.line)
            consumed = file.tell() if compressed else item.end
            if isinstance(item, ReadError):
                yield Step(
                    position, consumed, error=SourceError(_in_folder(path, item.origin), item.reason, item.error_class)
                )
            else:
                yield Step(position, consumed, replace(item.entry, origin=_in_folder(path, item.entry.origin)))
    except EOFError:
        yield _broken(path, position, file, "the file breaks off", "truncated")
    except (zlib.error, gzip.BadGzipFile) as error:
        yield _broken(path, position, file, f"not as it was compressed: {error}", "encoding")


def _broken(path: Path, position: Position, file: BinaryIO, reason: str, error_class: ErrorClass) -> Step:
    where = f"{_in_folder(path, _name(path))}:{position.line + 1}"
    return Step(position, file.tell(), error=SourceError(where, f"{reason}; all before was read", error_class))


def _name(path: Path) -> str:
    return clean_text(readable_name(path.name))


def _in_folder(path: Path, origin: str) -> str:
    """Give the place the path that the person named."""
    folder = readable_name(str(path.parent))
    return origin if folder == "." else f"{folder}/{origin}"


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A step whose page is being parsed, or that waits for one before it."""

    step: Step
    place: WarcPlace
    reading: Future[ArchivedReading] | None = None


class _Pages:
    """How pages are parsed."""

    def __init__(self, isolated: Isolated, ahead: int, seconds: float, now: datetime) -> None:
        self.ahead: Final = ahead
        self._isolated = isolated
        self._seconds = seconds
        self._latest = now + _TOMORROW

    def begin(self, record: bytes) -> Future[ArchivedReading]:
        return self._isolated.submit(read_archived_page, record, deadline=self._seconds)

    def end(self, waiting: _Waiting, path: Path) -> Step:
        """Wait for a page and make a step of it."""
        if waiting.reading is None:
            return waiting.step
        where = f"{_in_folder(path, _name(path))}: {waiting.place}"
        error: SourceError
        try:
            page = waiting.reading.result()
        except WarcError as problem:
            error = SourceError(where, str(problem), problem.error_class)
        except IsolatedError as problem:
            error = SourceError(where, f"its page: {problem}", problem.error_class)
        except Exception as problem:  # noqa: BLE001 - one page must not end the reading of an archive
            error = SourceError(where, f"its page: {type(problem).__name__}: {problem}", "bug")
        else:
            return self._step(waiting.step, page, where)
        return replace(waiting.step, error=error)

    def _step(self, step: Step, page: ArchivedReading, where: str) -> Step:
        if page.fetched > self._latest:
            reason = f"{page.url}: its WARC-Date {page.fetched:%Y-%m-%d} is in the future"
            return replace(step, error=SourceError(where, reason, "invalid"))
        if page.reading.opt_outs:
            return replace(step, passed="opted_out")
        if page.reading.kind != "article":
            return replace(step, passed=page.reading.kind)
        return replace(step, entry=_entry(page, where), fetched=page.fetched)


def _read_warc(file: BinaryIO, path: Path, start: Position, pages: _Pages) -> Generator[Step]:
    waiting: deque[_Waiting] = deque()
    under_way = 0
    for item in read_records(file, WarcPlace(start.offset, start.skip)):
        waiting.append(_waiting(item, path, pages))
        under_way += waiting[-1].reading is not None
        while waiting and (waiting[0].reading is None or under_way >= pages.ahead):
            under_way -= waiting[0].reading is not None
            yield pages.end(waiting.popleft(), path)
    while waiting:
        yield pages.end(waiting.popleft(), path)


def _waiting(item: WarcRecord | WarcDamage, path: Path, pages: _Pages) -> _Waiting:
    position = Position(item.after.offset, item.after.skip)
    step = Step(position, item.after.offset)
    if isinstance(item, WarcDamage):
        where = f"{_in_folder(path, _name(path))}: {item.place}"
        return _Waiting(replace(step, error=SourceError(where, item.reason, item.error_class)), item.place)
    if item.page is None:
        return _Waiting(replace(step, passed="other"), item.place)
    return _Waiting(step, item.place, pages.begin(item.page))


def read_archived_page(record: bytes) -> ArchivedReading:
    """Take an archived page apart and read it. Runs in a process of its own.

    Raises:
        connectors.formats.warc.WarcError: it can't be taken apart.
    """
    from connectors.pages.extraction import read_page  # noqa: PLC0415 - heavy, and lines need none of it

    page = page_of_record(record)
    reading = read_page(page.body, url=page.url, content_type=page.content_type, headers=page.headers)
    return ArchivedReading(page.url, page.fetched, reading)


def _entry(page: ArchivedReading, origin: str) -> Entry:
    reading = page.reading
    return Entry(
        origin=origin,
        url=page.url,
        canonical_url=canonical_url(page.url),
        title=reading.title,
        text=reading.text,
        summary=reading.description or None,
        language=reading.language,
        authors=reading.authors,
        published_raw=reading.published_raw,
    )


def source_of(entry: Entry, *, chosen: str | None, known: Mapping[str, Source]) -> Source:
    """Return whose an archived article is.

    What the line names, else the chosen source, else the host of its address (as for a feed that is given no source),
    else the drop folder's: an archive without addresses has the ids that `depeche ingest` gives it.

    Args:
        entry: of a step.
        chosen: an id.
        known: the subscribed feeds' sources by id, whose country and language are then known.
    """
    name = entry.source_id or chosen or (source_id_of_host(entry.url) if entry.url else DROP_SOURCE.id)
    if name in known:
        return known[name]
    return (
        DROP_SOURCE if name == DROP_SOURCE.id else Source(id=name, language=entry.language if entry.source_id else None)
    )


def article_of_step(
    step: Step, source: Source, *, name: str, fetched: datetime, look_up: LookUp = lambda _: _NOTHING
) -> Article | SourceError | None:
    """Return the article version that a step's entry is.

    None where the live connectors have brought the article: an archive's words, which may be older than a correction
    or a withdrawal, do not replace theirs. A withdrawal counts, whoever brings it.

    Args:
        step: with an entry.
        source: whose it is.
        name: of the file, for its provenance.
        fetched: where the archive does not say.
        look_up: tells what the live connectors know.
    """
    assert step.entry is not None  # noqa: S101 - the caller has looked
    moment = step.fetched or fetched
    entry = replace(step.entry, source_id=None)
    decision = decide(
        [entry],
        look_up(candidates([entry], source)),
        Listing("backfill", source, "backfill", moment, repeats="versions"),
        Provenance(
            fetch_id=digest("fetch", "backfill", name, str(step.position.offset))[:16],
            hop="backfill",
            page_url=step.entry.url if step.fetched else None,
        ),
    )
    for origin, reason in decision.refused:
        return SourceError(origin, reason, "invalid")
    counts = decision.counts.get("new") or entry.status == "killed"
    return decision.articles[0] if decision.articles and counts else None
