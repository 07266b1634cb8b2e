from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from connectors.entry import Entry
from depeche.code_texts import (
    BATCH,
    Kind,
    Unreadable,
    article_id_of,
    check_published,
    code,
    entries_of_paths,
    entries_of_stream,
    json_line,
    print_table,
    score_lines,
    summary,
    to_article,
)
from schemas.article import Article
from streams.coding.coder import Coding
from tests.depeche.samples import article, mention

NOW = datetime(2024, 3, 6, 9, tzinfo=UTC)


class FakeCoder:
    def __init__(self) -> None:
        self.batches: list[list[Article]] = []

    def code(self, articles: Sequence[Article]) -> list[Coding]:
        self.batches.append(list(articles))
        return [coding(text) for text in articles]


def coding(of: Article, outcome: str = "no_event", **more: Any) -> Coding:
    values = {
        "article_id": of.article_id,
        "article_version": of.version,
        "outcome": outcome,
        "language": "fr",
        "mentions": (),
        "sentences": 3,
        "candidates": 1,
    }
    return cast("Coding", SimpleNamespace(**values | more))


def run(
    entries: Sequence[Entry | Unreadable], published: str | None = None
) -> tuple[FakeCoder, list[str], list[str], int]:
    coder, written, complaints = FakeCoder(), list[str](), list[str]()
    unreadable = code(
        entries,
        coder.code,
        published=published,
        now=NOW,
        write=lambda entry, _: written.append(article_id_of(entry)),
        complain=lambda problem: complaints.append(str(problem)),
    )
    return coder, written, complaints, unreadable


def test_a_text_file_is_an_article_with_its_stem_as_id_and_its_text_unchanged(tmp_path: Path) -> None:
    text = "L’été à Bamako.\r\n\r\n  Deux   lignes \U0001f30d.\n"
    (tmp_path / "un.deux.txt").write_text(text, encoding="utf-8", newline="")
    (entry,) = entries_of_paths([tmp_path / "un.deux.txt"])
    assert isinstance(entry, Entry)
    assert article_id_of(entry) == "un.deux"
    made = to_article(entry, published=None, now=NOW)
    assert isinstance(made, Article)
    assert made.text == text
    assert made.published.value is None


def test_folders_are_read_below_and_errors_carry_their_whole_path(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.txt").write_text("Un.")
    (tmp_path / "a" / "y.html").write_text("<html><body><article><p>Deux mots.</p></article></body></html>")
    (tmp_path / "z.jsonl").write_text('{"id": 1, "text": "Trois.", "date": "2024-03-05"}\n{"id": 2}\nnot json\n')
    entries = list(entries_of_paths([tmp_path]))
    ids = [article_id_of(entry) for entry in entries if isinstance(entry, Entry)]
    problems = [str(entry) for entry in entries if isinstance(entry, Unreadable)]
    assert ids == ["a/x", "a/y", "1"]
    assert problems[0].startswith(f"{tmp_path}/z.jsonl:2: has no text")
    assert problems[1].startswith(f"{tmp_path}/z.jsonl:3: not JSON")


@pytest.mark.parametrize(
    ("kind", "data", "count"),
    [
        ("txt", "Un texte.".encode("utf-8-sig"), 1),
        ("txt", b"", 1),
        ("html", b"<p>Un texte.</p>", 1),
        ("jsonl", b'{"id": "a", "text": "t"}\n\n{"id": "b", "text": "t"}', 2),
        ("jsonl", b"\xff\xfe\n[" + b"[" * 100_000 + b"\n", 2),
    ],
)
def test_standard_input_is_read_as_told(kind: Kind, data: bytes, count: int) -> None:
    assert len(list(entries_of_stream(io.BytesIO(data), kind))) == count


def test_a_given_date_stands_in_only_where_there_is_none() -> None:
    entries = [Entry(origin="x", guid="a", text="t"), Entry(origin="x", guid="b", text="t", published_raw="2020-01-01")]
    coder, *_ = run(entries, published="2024-03-05")
    values = [a.published.value for a in coder.batches[0]]
    assert [value and value.date().isoformat() for value in values] == ["2024-03-05", "2020-01-01"]


def test_what_can_not_be_read_is_told_and_the_rest_is_coded_in_order_and_in_batches() -> None:
    entries: list[Entry | Unreadable] = [Entry(origin=f"{n}", guid=f"g{n}", text="t") for n in range(2 * BATCH)]
    entries.insert(3, Unreadable("x.txt", "no such file"))
    coder, written, complaints, unreadable = run(entries)
    assert written == [f"g{n}" for n in range(2 * BATCH)]
    assert complaints == ["x.txt: no such file"]
    assert unreadable == 1
    assert max(map(len, coder.batches)) <= BATCH


def test_a_text_that_no_article_can_hold_is_told_with_its_field() -> None:
    _, written, complaints, unreadable = run([Entry(origin="x.txt", guid="a", text="\ud800")])
    assert (written, unreadable) == ([], 1)
    assert complaints[0].startswith("x.txt: text: ")


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("no_event", "no event (1 of 3 sentences looked like one)"),
        ("unsupported_language", "in fr, which the coder does not read"),
        ("empty", "no text"),
        ("killed", "killed by its publisher"),
    ],
)
def test_an_article_without_events_says_why(outcome: str, words: str) -> None:
    output = io.StringIO()
    entry = Entry(origin="x", guid="a", title="[bold]\x1b[2J")
    print_table(Console(file=output, width=200), entry, coding(article(), outcome))
    assert output.getvalue() == f"a · [bold]\\x1b[2J: {words}\n"


def test_an_article_is_summed_up_on_one_line() -> None:
    of = article()
    assert summary(coding(of, doubtful=0)) == "fr · 3 sentences, 1 parsed · 0 mentions"
    coded = coding(of, "coded", mentions=(mention(of),), doubtful=2)
    assert summary(coded) == "fr · 3 sentences, 1 parsed · 1 mention and 2 too doubtful"
    assert summary(coding(of, "killed")) == "killed by its publisher"


def test_json_and_score_lines_name_the_article_as_the_user_does() -> None:
    of = article()
    entry = Entry(origin="x", guid="mine")
    coded = coding(of, "coded", mentions=(mention(of),))
    told = json.loads(json_line(entry, coded))
    assert (told["article"], told["outcome"], told["mentions"][0]["type"]) == ("mine", "coded", "MOBILIZE")
    (row,) = (json.loads(line) for line in score_lines(entry, coded))
    assert (row["article"], row["start"], row["end"], row["type"]) == ("mine", 0, len(of.text), "MOBILIZE")


def test_dates_of_publication_are_checked_before_anything_is_coded() -> None:
    assert check_published(None, NOW) is None
    assert check_published("2024-03-05", NOW) == "2024-03-05"
    with pytest.raises(ValueError, match="can't read the date '31/12'"):
        check_published("31/12", NOW)


def test_what_is_under_embargo_is_not_coded() -> None:
    held = Entry(origin="a.json", guid="1", text="Secret.", embargoed=NOW + timedelta(hours=1))
    read = to_article(held, published=None, now=NOW)
    assert str(read) == "a.json: under embargo until 2024-03-06T10:00:00Z: not published before"
    assert isinstance(to_article(held, published=None, now=NOW + timedelta(hours=1)), Article)
