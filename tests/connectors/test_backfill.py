from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.backfill import (
    PRELOAD,
    ArchivedReading,
    Position,
    Step,
    article_of_step,
    kind_of,
    read_archive,
    source_of,
)
from connectors.decide import Listing
from connectors.entry import Entry
from connectors.formats.warc import page_of_record
from connectors.isolation import Isolated, IsolatedCrash, IsolatedTimeout
from connectors.pages.reading import PageReading
from connectors.settings import DROP_SOURCE
from connectors.source import SourceError
from schemas.article import Article, Source
from schemas.ids import article_id
from tests.connectors.formats.warcs import archive, http_record, page
from tests.connectors.making import Memory, entry

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CRAWLED = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)
PARAGRAPH = "Le gouvernement a présenté mardi un projet de loi sur les transports régionaux, attendu depuis deux ans. "


class Here:
    """In place of processes: reads pages at once, by the word that stands in them."""

    def __init__(self) -> None:
        self.under_way = 0
        self.most = 0

    def submit(self, function: Callable[..., Any], /, record: bytes, *, deadline: float) -> Future[Any]:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        done: Future[Any] = _Counted(self)
        try:
            done.set_result(self._read(record))
        except Exception as error:  # noqa: BLE001 - handed on as a process does
            done.set_exception(error)
        return done

    def _read(self, record: bytes) -> ArchivedReading:
        archived = page_of_record(record)
        text = archived.body.decode()
        for word, error in (
            ("SLOW", IsolatedTimeout("too slow")),
            ("CRASH", IsolatedCrash("gone")),
            ("BUG", KeyError("x")),
        ):
            if word in text:
                raise error
        reading = PageReading(
            "article", "", title="Titre", text=text, description="Chapeau", language="fr", authors=("A",)
        )
        for kind in ("paywall", "consent", "no_article"):
            if kind in text:
                reading = replace(reading, kind=kind)
        if "RESERVED" in text:
            reading = replace(reading, opt_outs=("tdm-reservation",))
        return ArchivedReading(archived.url, archived.fetched, reading)


class _Counted(Future[Any]):
    def __init__(self, place: Here) -> None:
        super().__init__()
        self._place = place

    def result(self, timeout: float | None = None) -> Any:
        self._place.under_way -= 1
        return super().result(timeout)


def steps(path: Path, start: Position = Position(), place: Any = None) -> list[Step]:  # noqa: B008 - frozen
    return list(
        read_archive(path, start, isolated=place or Here(), processes=2, parse_seconds=20.0, now=NOW)  # type: ignore[arg-type]
    )


def entries(found: list[Step]) -> list[Entry]:
    return [step.entry for step in found if step.entry is not None]


def errors(found: list[Step]) -> list[str]:
    return [str(step.error) for step in found if step.error is not None]


def line(number: int, **fields: object) -> str:
    return json.dumps({"id": f"n{number}", "text": f"Texte {number}.", **fields}) + "\n"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jsonl", "jsonl"),
        ("a.NDJSON", "jsonl"),
        ("a.jsonl.gz", "jsonl"),
        ("a.b.warc", "warc"),
        ("a.warc.GZ", "warc"),
        ("a.gz", None),
        ("a.txt", None),
        ("warc", None),
        (".warc", None),
        ("a.jsonl.bz2", None),
    ],
)
def test_archives_are_known_by_their_names(name: str, kind: str | None) -> None:
    assert kind_of(Path("x") / name) == kind


@pytest.mark.parametrize("compressed", [False, True])
def test_lines_are_read_with_their_errors_and_from_anywhere(tmp_path: Path, compressed: bool) -> None:
    text = (line(1) + "\n" + "not json\n" + line(2) + '{"id": 3}\n' + line(4)).encode()
    path = tmp_path / ("a.jsonl.gz" if compressed else "a.jsonl")
    path.write_bytes(gzip.compress(text[:70]) + gzip.compress(text[70:]) if compressed else text)
    found = steps(path)
    assert [entry.guid for entry in entries(found)] == ["n1", "n2", "n4"]
    assert [error.split(": ")[0] for error in errors(found)] == [f"{path}:3", f"{path}:5"]
    assert found[-1].consumed == path.stat().st_size
    assert [step.position.line for step in found] == [1, 3, 4, 5, 6]
    for number, step in enumerate(found):
        assert steps(path, step.position) == found[number + 1 :]


@pytest.mark.parametrize("cut", range(20, 200, 13))
def test_of_a_compressed_file_that_breaks_off_the_whole_lines_are_read_and_then_the_error(
    tmp_path: Path, cut: int
) -> None:
    path = tmp_path / "a.jsonl.gz"
    whole = gzip.compress("".join(line(number, title=f"{number * 7919 % 1000}") for number in range(50)).encode())
    path.write_bytes(whole[:cut])
    found = steps(path)
    assert [entry.guid for entry in entries(found)] == [f"n{number}" for number in range(len(found) - 1)]
    (error,) = errors(found)
    assert "the file breaks off; all before was read" in error
    assert found[-1].error is not None
    assert found[-1].error.error_class == "truncated"
    assert steps(path, found[-1].position)[-1].error is not None  # said again, and nothing read twice
    assert entries(steps(path, found[-1].position)) == []


def test_damage_in_a_compressed_file_ends_it_with_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    first = gzip.compress(line(1).encode())
    path.write_bytes(first + b"garbage that is no member")
    found = steps(path)
    assert [entry.guid for entry in entries(found)] == ["n1"]
    assert "not as it was compressed" in errors(found)[0]


def test_a_file_that_can_not_be_read_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        steps(tmp_path / "none.jsonl")
    (tmp_path / "folder.warc").mkdir()
    with pytest.raises(IsADirectoryError):
        steps(tmp_path / "folder.warc")


PAGES = [(f"https://www.journal.example/{n}?utm_source=x", page(f"Texte {n}. {PARAGRAPH}")) for n in range(30)]


@pytest.mark.parametrize("compressed", [False, True])
def test_pages_are_articles_in_their_order_and_from_anywhere(tmp_path: Path, compressed: bool) -> None:
    records = archive(PAGES)
    path = tmp_path / "crawl.warc"
    path.write_bytes(b"".join(map(gzip.compress, records) if compressed else records))
    here = Here()
    found = steps(path, place=here)
    assert [entry.url for entry in entries(found)] == [url for url, _ in PAGES]
    assert here.most == 8  # as many as are under way at a time, in a file of any length
    first = next(step for step in found if step.entry is not None)
    assert first.entry is not None
    assert first.entry.canonical_url == "https://www.journal.example/0"
    assert (first.entry.title, first.entry.summary, first.entry.authors) == ("Titre", "Chapeau", ("A",))
    assert first.fetched == CRAWLED
    assert first.entry.origin.startswith(f"{path}: offset ")
    assert [step.passed for step in found[:2]] == ["other", "other"]
    assert path.stat().st_size - found[-1].consumed <= len(b"\r\n\r\n")
    for number in range(0, len(found), 7):
        assert steps(path, found[number].position) == found[number + 1 :]


@pytest.mark.parametrize(("word", "error_class"), [("SLOW", "parse_timeout"), ("CRASH", "parse_crash"), ("BUG", "bug")])
def test_a_page_that_can_not_be_parsed_is_an_error_and_the_next_is_read(
    tmp_path: Path, word: str, error_class: str
) -> None:
    path = tmp_path / "crawl.warc"
    path.write_bytes(http_record(body=word.encode()) + http_record(date="never") + http_record(body=b"Fine"))
    found = steps(path)
    assert [entry.text for entry in entries(found)] == ["Fine"]
    assert [step.error and step.error.error_class for step in found] == [error_class, "invalid", None]
    assert errors(found)[0].startswith(f"{path}: offset 0: its page: ")


def test_an_archive_of_the_future_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "crawl.warc"
    path.write_bytes(http_record(date="2026-03-02T11:59:00Z") + http_record(date="2026-03-02T12:01:00Z"))
    assert [step.error is None for step in steps(path)] == [True, False]
    assert "is in the future" in errors(steps(path))[0]


def test_what_is_no_article_is_passed_over_by_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "crawl.warc"
    words = ("paywall", "consent", "no_article", "RESERVED", "RESERVED paywall", "Fine")
    path.write_bytes(
        b"".join(http_record(body=word.encode()) for word in words) + http_record(content_type="image/png")
    )
    found = steps(path)
    assert [step.passed for step in found] == [
        "paywall",
        "consent",
        "no_article",
        "opted_out",
        "opted_out",
        None,
        "other",
    ]


def test_pages_are_read_in_processes_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "crawl.warc.gz"
    article = page("\n".join([PARAGRAPH * 3] * 4), title="Transports régionaux : ce que dit la loi")
    listing = b"<html><body><ul>" + b"<li><a href='/x'>Un lien</a></li>" * 50 + b"</ul></body></html>"
    bad = http_record(body=b"x", date="never")
    records = [http_record("https://www.journal.example/loi", article), http_record(body=listing), bad]
    path.write_bytes(b"".join(map(gzip.compress, records)))
    with Isolated(2, preload=PRELOAD) as isolated:
        found = steps(path, place=isolated)
    (entry,) = entries(found)
    assert "projet de loi sur les transports" in entry.text
    assert entry.title == "Transports régionaux : ce que dit la loi"
    assert [step.passed for step in found] == [None, "no_article", None]
    assert "WARC-Date 'never' can't be read" in errors(found)[0]


KNOWN = {"journal.example": Source(id="journal.example", name="Le Journal", country="FR", language="fr")}


@pytest.mark.parametrize(
    ("entry", "chosen", "source"),
    [
        (Entry("x", guid="1", source_id="agence", language="fr"), "chosen", Source(id="agence", language="fr")),
        (Entry("x", guid="1"), "chosen", Source(id="chosen")),
        (Entry("x", guid="1"), None, DROP_SOURCE),
        (Entry("x", url="https://www.autre.example/a"), None, Source(id="autre.example")),
        (Entry("x", url="https://www.journal.example/a"), None, KNOWN["journal.example"]),
        (Entry("x", guid="1", source_id="journal.example"), None, KNOWN["journal.example"]),
        (Entry("x", url="https://www.autre.example/a"), "journal.example", KNOWN["journal.example"]),
    ],
)
def test_whose_an_article_is(entry: Entry, chosen: str | None, source: Source) -> None:
    assert source_of(entry, chosen=chosen, known=KNOWN) == source


def test_an_archived_page_is_the_article_that_a_feed_without_guids_would_have_brought() -> None:
    entry = Entry(
        "x",
        url="https://www.journal.example/a?utm_source=x",
        canonical_url="https://www.journal.example/a",
        text="Texte.",
        published_raw="2021-03-04",
    )
    made = article_of_step(
        Step(Position(5), 5, entry, CRAWLED), KNOWN["journal.example"], name="crawl.warc", fetched=NOW
    )
    assert isinstance(made, Article)
    assert made.article_id == article_id("journal.example", "https://www.journal.example/a")
    assert (made.connector, made.provenance.hop, made.provenance.page_url) == ("backfill", "backfill", entry.url)
    assert made.fetched == CRAWLED
    assert made.published.value == datetime(2021, 3, 4, tzinfo=UTC)
    assert made.language == "fr"
    line_of_json = article_of_step(Step(Position(5), 5, entry), DROP_SOURCE, name="a.jsonl", fetched=NOW)
    assert isinstance(line_of_json, Article)
    assert (line_of_json.fetched, line_of_json.provenance.page_url) == (NOW, None)


def test_an_entry_that_no_article_can_be_made_of_says_why() -> None:
    entry = Entry("a.jsonl:3", guid="1", text="e\u0301")
    made = article_of_step(Step(Position(), 0, entry), DROP_SOURCE, name="a.jsonl", fetched=NOW)
    assert made == SourceError("a.jsonl:3", made.reason, "invalid")  # type: ignore[union-attr] # the test
    assert "NFC" in str(made)


def test_what_the_live_connectors_brought_is_not_replaced_by_an_archive_but_its_withdrawals_count() -> None:
    memory = Memory()
    memory.decide([entry("1", text="Corrigé.")], Listing("push:drop", DROP_SOURCE, "push", NOW, repeats="versions"))

    def made(one: Entry) -> Article | SourceError | None:
        step = Step(Position(), 0, one)
        fetched = NOW - timedelta(days=1)
        return article_of_step(step, DROP_SOURCE, name="a.jsonl", fetched=fetched, look_up=lambda _: memory.index)

    assert made(entry("1", text="Faux.")) is None
    assert made(replace(entry("1", text="Faux, dit corrigé."), status="corrected")) is None
    unknown = made(entry("2", text="Inconnu."))
    assert isinstance(unknown, Article)
    killed = made(replace(entry("1", text=""), status="killed"))
    assert isinstance(killed, Article)
    assert killed.fetched > NOW
