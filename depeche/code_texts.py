"""`depeche code`: text in, mentions out, without a broker. Reads as the connectors do, codes as the workers do.

Loads the coder itself; prints through what it is given.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Literal, TypeVar

from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from connectors.entry import Entry, article_of
from connectors.formats.dates import read_date
from connectors.formats.encoding import UndecodableError, decode_html, decode_text
from connectors.formats.files import LineError, Parsed, ReadError, embargo_of_entry, entry_of_line, read_path
from connectors.formats.html_page import entry_of_page
from depeche.present import counted, mention_table, printable
from schemas.article import Article, Identity, Provenance, Source
from schemas.base import clean_text

if TYPE_CHECKING:
    from streams.coding.coder import Coding

Format = Literal["table", "json", "score"]
Kind = Literal["txt", "html", "jsonl"]
Coded = TypeVar("Coded")

BATCH: Final = 16
STDIN_ID: Final = "stdin"


@dataclasses.dataclass(frozen=True, slots=True)
class Unreadable:
    """A file, a line or an entry that is no article, and why."""

    origin: str
    reason: str

    def __str__(self) -> str:
        return f"{self.origin}: {self.reason}"


def entries_of_paths(paths: Iterable[Path]) -> Iterator[Entry | Unreadable]:
    """Read files and folders in order."""
    for path in paths:
        try:
            if path.is_dir():
                yield from _told(read_path(path), path)
            elif not path.exists():
                yield Unreadable(str(path), "there is no such file or folder")
            else:
                yield from _told(read_path(path), path.parent)
        except OSError as exc:
            yield Unreadable(str(path), exc.strerror or str(exc))


def _told(parsed: Iterable[Parsed | ReadError], folder: Path) -> Iterator[Entry | Unreadable]:
    """Give errors the path that the user knows."""
    for item in parsed:
        yield Unreadable(str(folder / item.origin), item.reason) if isinstance(item, ReadError) else item.entry


def entries_of_stream(stream: BinaryIO, kind: Kind) -> Iterator[Entry | Unreadable]:
    """Read standard input: one text, one page, or .jsonl."""
    origin = "standard input"
    try:
        match kind:
            case "txt":
                yield Entry(origin=origin, guid=STDIN_ID, text=clean_text(decode_text(stream.read())))
            case "html":
                yield entry_of_page(decode_html(stream.read()), origin=origin, guid=STDIN_ID)
            case "jsonl":
                yield from _entries_of_lines(stream, origin)
    except UndecodableError as exc:
        yield Unreadable(origin, str(exc))


def _entries_of_lines(stream: BinaryIO, origin: str) -> Iterator[Entry | Unreadable]:
    for number, line in enumerate(stream, start=1):
        place = f"{origin}, line {number}"
        try:
            text = decode_text(line) if number == 1 else line.decode("utf-8")
            if text.strip():
                yield entry_of_line(text, origin=place)
        except (LineError, UndecodableError, UnicodeDecodeError) as exc:
            yield Unreadable(place, str(exc))


def article_id_of(entry: Entry) -> str:
    """Return the id by which the output names an article: the file's stem, or the line's id or URL."""
    return entry.guid or entry.canonical_url or entry.origin


def to_article(entry: Entry, *, published: str | None, now: datetime) -> Article | Unreadable:
    """Make an entry an article; `published` stands in where the entry has no date."""
    if published is not None and entry.published_raw is None:
        entry = dataclasses.replace(entry, published_raw=published)
    if reason := embargo_of_entry(entry, now):
        return Unreadable(entry.origin, reason)
    try:
        return article_of(
            entry,
            identity=Identity(guid=entry.guid, canonical_url=entry.canonical_url),
            source=Source(id="file", language=entry.language),
            connector="code",
            fetched=now,
            provenance=Provenance(fetch_id="code", hop="file"),
        )
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        return Unreadable(entry.origin, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def code(
    entries: Iterable[Entry | Unreadable],
    code_all: Callable[[Sequence[Article]], Sequence[Coded]],
    *,
    published: str | None,
    now: datetime,
    write: Callable[[Entry, Coded], None],
    complain: Callable[[Unreadable], None],
) -> int:
    """Code entries in batches, in order.

    Args:
        entries: what was read.
        code_all: gives for each article of a batch what to write of it.
        published: date of publication where an entry has none.
        now: stands in for the fetch.
        write: gets that.
        complain: gets each thing that could not be read.

    Returns:
        How many could not be read.
    """
    unreadable = 0
    remaining = iter(entries)
    while batch := list(islice(remaining, BATCH)):
        articles: list[tuple[Entry, Article]] = []
        for entry in batch:
            article = entry if isinstance(entry, Unreadable) else to_article(entry, published=published, now=now)
            if isinstance(article, Unreadable):
                unreadable += 1
                complain(article)
            elif not isinstance(entry, Unreadable):
                articles.append((entry, article))
        for (entry, _), coding in zip(articles, code_all([article for _, article in articles]), strict=True):
            write(entry, coding)
    return unreadable


def score_lines(entry: Entry, coding: Coding) -> Iterator[str]:
    """Yield one JSON line for each mention, in the form that event scorers take."""
    from streams.coding.formats import to_score_rows  # noqa: PLC0415 - the coder's room is heavy to import

    for row in to_score_rows(article_id_of(entry), coding.mentions):
        yield json.dumps(row, ensure_ascii=False)


def json_line(entry: Entry, coding: Coding) -> str:
    """Return one article's coding as one line of JSON."""
    return json.dumps(
        {
            "article": article_id_of(entry),
            "outcome": coding.outcome,
            "language": coding.language,
            "sentences": coding.sentences,
            "candidates": coding.candidates,
            "mentions": [mention.model_dump(mode="json") for mention in coding.mentions],
        },
        ensure_ascii=False,
    )


def print_table(console: Console, entry: Entry, coding: Coding) -> None:
    """Print one article's coding for people."""
    title = title_of(entry)
    if coding.mentions:
        console.print(mention_table(title, coding.mentions))
    else:
        console.print(Text.assemble((printable(title), "italic"), f": {outcome_text(coding)}"), soft_wrap=True)


def title_of(entry: Entry) -> str:
    """Return an article's id and title."""
    return " · ".join(part for part in (article_id_of(entry), entry.title) if part)


def summary(coding: Coding) -> str:
    """Return what became of an article, on one line."""
    if coding.outcome not in {"coded", "no_event"}:
        return outcome_text(coding)
    found = counted(len(coding.mentions), "mention")
    doubtful = f" and {coding.doubtful} too doubtful" if coding.doubtful else ""
    return (
        f"{coding.language} · {counted(coding.sentences, 'sentence')}, {coding.candidates} parsed · {found}{doubtful}"
    )


def outcome_text(coding: Coding) -> str:
    """Say in words why an article has no mention."""
    match coding.outcome:
        case "unsupported_language":
            return f"in {coding.language}, which the coder does not read"
        case "empty":
            return "no text"
        case "killed":
            return "killed by its publisher"
        case _:
            return f"no event ({coding.candidates} of {coding.sentences} sentences looked like one)"


def check_published(value: str | None, now: datetime) -> str | None:
    """Return a date of publication as given, or raise ValueError where it can't be read."""
    if value is None:
        return None
    reading = read_date(value, now=now)
    if reading.value is None:
        msg = f"can't read the date {value!r} ({reading.how}): write it as 2024-03-05 or 2024-03-05T08:30:00+01:00"
        raise ValueError(msg)
    return value
