"""Files to entries: .txt, .html, .jsonl, ninjs, NewsML-G2. For the folder drop, `depeche ingest`, `depeche code`.

Knows nothing of Kafka, state or time. Does not decide what is new; does not wait for a file to be complete, nor for
the end of an embargo: `embargo_of_entry` is for the caller, who has the time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final, Literal, get_args

from connectors.entry import Entry, language_code, one_line
from connectors.formats.encoding import UndecodableError, decode_html, decode_text
from connectors.formats.html_page import entry_of_page
from connectors.formats.newsml_g2 import entries_of_newsml
from connectors.formats.ninjs import entries_of_ninjs
from connectors.formats.wire import WireProblem
from connectors.urls import absolute_url, canonical_url
from schemas.article import ArticleStatus
from schemas.base import clean_text

TEXT_SUFFIXES: Final = frozenset({".txt"})
HTML_SUFFIXES: Final = frozenset({".html", ".htm", ".xhtml"})
JSONL_SUFFIXES: Final = frozenset({".jsonl", ".ndjson"})
NINJS_SUFFIXES: Final = frozenset({".json"})
NEWSML_SUFFIXES: Final = frozenset({".xml"})
SUFFIXES: Final = TEXT_SUFFIXES | HTML_SUFFIXES | JSONL_SUFFIXES | NINJS_SUFFIXES | NEWSML_SUFFIXES
"""Names of files that can be read, lower case."""
MAX_DOCUMENT_BYTES: Final = 64 * 1024 * 1024
"""Largest file, and largest line of a .jsonl file. A .jsonl file as a whole has no limit."""
_STATUSES: Final = get_args(ArticleStatus)

ReadErrorClass = Literal["encoding", "invalid", "malformed", "hostile", "too_large", "io"]


@dataclass(frozen=True, slots=True)
class Parsed:
    """An entry, and how far into the file one has come with it."""

    entry: Entry
    end: int
    """Bytes of the file read so far: where to go on."""
    line: int = 0
    """The line's number, from 1 (.jsonl), else 0."""


@dataclass(frozen=True, slots=True)
class ReadError:
    """Something in a file, or a whole file, that can't be read."""

    origin: str
    """The file, with the line in a .jsonl file, the item in a wire file: `a.jsonl:12`."""
    reason: str
    error_class: ReadErrorClass
    end: int
    line: int = 0

    def __str__(self) -> str:
        return f"{self.origin}: {self.reason}"


def readable_name(name: str) -> str:
    """Return a file's name as text: bytes that are not UTF-8 (archives from elsewhere) shown as escapes, each its own.

    Two different names stay two: their ids, and what is remembered of them, rest on it.
    """
    return name.encode("utf-8", "backslashreplace").decode()


class LineError(ValueError):
    """A .jsonl line that is no article; the message says which field and why."""

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        super().__init__(reason)
        self.field: Final = field
        """The field at fault; None where it is the line as a whole."""


def _string(fields: dict[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    if name == "id" and isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    msg = f"{name} must be a string, not {type(value).__name__}"
    raise LineError(msg, field=name)


def _authors(fields: dict[str, object]) -> tuple[str, ...]:
    value = fields.get("authors", fields.get("author"))
    if value is None:
        return ()
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        msg = "authors must be a list of strings"
        raise LineError(msg, field="authors")
    return tuple(filter(None, (one_line(name) for name in names)))


def _status(fields: dict[str, object]) -> ArticleStatus:
    value = _string(fields, "status") or "usable"
    for status in _STATUSES:
        if value == status:
            return status  # type: ignore[no-any-return] # typing.get_args forgets the literals
    msg = f"status is {value!r}, must be one of {', '.join(_STATUSES)}"
    raise LineError(msg, field="status")


def entry_of_line(line: str, *, origin: str) -> Entry:
    """Read one .jsonl line; see `entry_of_fields`.

    Raises:
        LineError: it is no JSON object, or a field is missing or of a wrong type.
    """
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        msg = f"not JSON: {str(error) or type(error).__name__}"
        raise LineError(msg) from error
    if isinstance(fields, dict) and "uri" in fields and not fields.keys() & {"id", "url", "text"}:
        msg = "needs an id, a url and a text; items of ninjs, which have a uri, are read from .json files"
        raise LineError(msg)
    return entry_of_fields(fields, origin=origin)


def entry_of_fields(fields: object, *, origin: str) -> Entry:
    """Read one article of a .jsonl line or a push.

    Fields: `id` (string or integer; `url` serves where it is absent), `text`, and optionally `title`, `summary`,
    `url`, `date` or `published` (as written, read later), `language`, `source` (id), `authors`, `status`. Others
    are ignored, so that data sets can be dropped as they are.

    Raises:
        LineError: it is no JSON object, or a field is missing or of a wrong type.
    """
    if not isinstance(fields, dict):
        msg = f"must be a JSON object, not {type(fields).__name__}"
        raise LineError(msg)
    guid, link = _string(fields, "id"), _string(fields, "url")
    url = absolute_url(link)
    if not (guid and guid.strip()) and url is None:
        msg = "needs an id, or an http(s) url to be known by"
        raise LineError(msg, field="id")
    status = _status(fields)
    text = _string(fields, "text")
    if text is None and status != "killed":
        msg = "has no text"
        raise LineError(msg, field="text")
    source_id = one_line(_string(fields, "source"))
    if len(source_id) > 200:
        msg = "source is longer than 200 characters"
        raise LineError(msg, field="source")
    return Entry(
        origin=origin,
        guid=one_line(guid) or None,
        url=url,
        canonical_url=canonical_url(url),
        title=clean_text(_string(fields, "title") or ""),
        text=clean_text(text or ""),
        summary=clean_text(_string(fields, "summary") or "") or None,
        language=language_code(_string(fields, "language")),
        authors=_authors(fields),
        published_raw=clean_text(_string(fields, "published") or _string(fields, "date") or "") or None,
        status=status,
        source_id=source_id or None,
    )


def _lines(file: BinaryIO) -> Iterator[tuple[bytes | None, int]]:
    """Yield each line with its length; None in place of one over `MAX_DOCUMENT_BYTES`, which is skipped."""
    while line := file.readline(MAX_DOCUMENT_BYTES + 1):
        if len(line) <= MAX_DOCUMENT_BYTES:
            yield line, len(line)
            continue
        length = len(line)
        while not line.endswith(b"\n") and (line := file.readline(1 << 20)):
            length += len(line)
        yield None, length


def read_lines(file: BinaryIO, name: str, *, start: int = 0, line: int = 0) -> Iterator[Parsed | ReadError]:
    """Read an open .jsonl file; see `read_file`.

    Raises:
        OSError, EOFError, zlib.error: what the file raises when read (one that decompresses may, too).
    """
    file.seek(start)
    end = start
    for raw, length in _lines(file):
        end += length
        line += 1
        origin = f"{name}:{line}"
        if raw is None:
            yield ReadError(origin, f"line of {length} bytes, more than {MAX_DOCUMENT_BYTES}", "too_large", end, line)
            continue
        try:
            text = decode_text(raw) if line == 1 else raw.decode("utf-8")
            if text.strip():
                yield Parsed(entry_of_line(text, origin=origin), end, line)
        except UnicodeDecodeError as error:
            reason = f"not UTF-8: byte 0x{raw[error.start]:02x} at column {error.start}"
            yield ReadError(origin, reason, "encoding", end, line)
        except UndecodableError as error:
            yield ReadError(origin, str(error), "encoding", end, line)
        except LineError as error:
            yield ReadError(origin, str(error), "invalid", end, line)


def _read_document(file: BinaryIO, name: str, *, suffix: str, guid: str) -> Parsed | ReadError:
    data = file.read(MAX_DOCUMENT_BYTES + 1)
    if len(data) > MAX_DOCUMENT_BYTES:
        return ReadError(name, f"larger than {MAX_DOCUMENT_BYTES} bytes", "too_large", len(data))
    try:
        if suffix in TEXT_SUFFIXES:
            return Parsed(Entry(origin=name, guid=guid, text=clean_text(decode_text(data))), len(data))
        return Parsed(entry_of_page(decode_html(data), origin=name, guid=guid), len(data))
    except UndecodableError as error:
        return ReadError(name, str(error), "encoding", len(data))


def _read_wire(file: BinaryIO, name: str, *, suffix: str) -> Iterator[Parsed | ReadError]:
    """Read a wire file from its start, whatever was read before: a part of it means nothing."""
    data = file.read(MAX_DOCUMENT_BYTES + 1)
    end = len(data)
    if end > MAX_DOCUMENT_BYTES:
        yield ReadError(name, f"larger than {MAX_DOCUMENT_BYTES} bytes", "too_large", end)
        return
    try:
        items = (
            entries_of_ninjs(decode_text(data), name=name)
            if suffix in NINJS_SUFFIXES
            else entries_of_newsml(data, name=name)
        )
    except UndecodableError as error:
        yield ReadError(name, str(error), "encoding", end)
        return
    for item in items:
        if isinstance(item, WireProblem):
            yield ReadError(item.origin, item.reason, item.error_class, end)
        else:
            yield Parsed(item, end)


def embargo_of_entry(entry: Entry, now: datetime) -> str | None:
    """Return why an entry may not be published yet, or None where it may."""
    if entry.embargoed is None or entry.embargoed <= now:
        return None
    return f"under embargo until {entry.embargoed.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}: not published before"


def _guid(name: str) -> str:
    """Return the id of a .txt or .html file: its name without suffix; one that is no clean text is made so."""
    return one_line(name.rsplit(".", 1)[0]) or "unnamed"


def read_file(path: Path, *, name: str | None = None, start: int = 0, line: int = 0) -> Iterator[Parsed | ReadError]:
    """Read one file as a stream, in order.

    Args:
        path: a file; its suffix says how it is read.
        name: what to call it in messages; for .txt and .html, the entry's guid is this without its suffix
            (default: the file's own name, so that the guid is its stem).
        start: where to go on in a .jsonl file, in bytes (`Parsed.end`); 0 for others.
        line: number of lines before `start`.

    Yields:
        Entries, and errors as values. A file that can't be opened or is of no known kind yields one error. An entry
        may be under embargo (`embargo_of_entry`).
    """
    name = path.name if name is None else name
    label = clean_text(readable_name(name))
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        known = ", ".join(sorted(SUFFIXES))
        yield ReadError(label, f"can't read {suffix or 'a name without suffix'}: use {known}", "invalid", 0)
        return
    try:
        with path.open("rb") as file:
            if suffix in JSONL_SUFFIXES:
                yield from read_lines(file, label, start=start, line=line)
            elif suffix in NINJS_SUFFIXES | NEWSML_SUFFIXES:
                yield from _read_wire(file, label, suffix=suffix)
            else:
                yield _read_document(file, label, suffix=suffix, guid=_guid(label))
    except OSError as error:
        yield ReadError(label, error.strerror or type(error).__name__, "io", start, line)


def read_path(path: Path) -> Iterator[Parsed | ReadError]:
    """Read a file, or every readable file under a folder in the order of their names.

    A folder's files get ids by their path within it (`2024/a.txt` → `2024/a`), a single file by its stem. In a
    folder, hidden files and files of other kinds are passed over; named directly, they are an error.
    """
    if not path.is_dir():
        yield from read_file(path)
        return
    for file in sorted(path.rglob("*")):
        relative = file.relative_to(path)
        hidden = any(part.startswith(".") for part in relative.parts)
        if file.suffix.lower() in SUFFIXES and not hidden and file.is_file():
            yield from read_file(file, name=relative.as_posix())
