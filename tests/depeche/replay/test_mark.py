from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depeche.replay.mark import FROM_HEADER, REPLAY_HEADER, Header, Mark, Origin, marked, read_mark

MARK = Mark("news", 1_772_323_200_000, 1_772_409_600_000, "0.4.0-ab12cd34")
ORIGIN = Origin("news.articles.backfill", 3, 1234)


def test_a_copy_keeps_its_headers_and_says_where_it_comes_from() -> None:
    kept: list[Header] = [("ce_id", b"a:v"), ("ce_id", None), ("content-type", b"application/json")]
    headers = marked(kept, MARK, ORIGIN)
    assert headers[:3] == kept
    assert headers[3] == ("depeche-copied-from", b"news.articles.backfill/3/1234")
    assert read_mark(headers) == (MARK, ORIGIN)


def test_the_copy_of_a_copy_says_where_it_was_copied_from_last() -> None:
    first = marked([("a", b"b")], Mark("older", 0, 1, ""), Origin("older.articles", 0, 0))
    headers = marked(first, MARK, ORIGIN)
    assert read_mark(headers) == (MARK, ORIGIN)
    assert [name for name, _ in headers] == ["a", FROM_HEADER, REPLAY_HEADER]


def test_the_range_is_told_as_it_can_be_given_again() -> None:
    assert str(MARK) == "news.* from 2026-03-01T00:00:00.000Z to 2026-03-02T00:00:00.000Z"


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(FROM_HEADER, ORIGIN.to_bytes())],
        [(REPLAY_HEADER, MARK.to_bytes())],
        [(REPLAY_HEADER, MARK.to_bytes()), (FROM_HEADER, None)],
        [(REPLAY_HEADER, MARK.to_bytes()), (FROM_HEADER, b"news.articles/1")],
        [(REPLAY_HEADER, MARK.to_bytes()), (FROM_HEADER, b"news.articles/1/+2")],
        [(REPLAY_HEADER, MARK.to_bytes()), (FROM_HEADER, b"\xff/1/2")],
        [(REPLAY_HEADER, b"{}"), (FROM_HEADER, ORIGIN.to_bytes())],
        [(REPLAY_HEADER, b"[" * 100_000), (FROM_HEADER, ORIGIN.to_bytes())],
        [(REPLAY_HEADER, b'{"source":1,"start_ms":0,"end_ms":1,"coder":""}'), (FROM_HEADER, ORIGIN.to_bytes())],
        [(REPLAY_HEADER, Mark("news\x1b[2J", 0, 1, "").to_bytes()), (FROM_HEADER, ORIGIN.to_bytes())],
        [(REPLAY_HEADER, Mark("news", 0, 1, "1\x1b[2J").to_bytes()), (FROM_HEADER, ORIGIN.to_bytes())],
    ],
)
def test_what_is_half_marked_is_no_copy(headers: list[Header]) -> None:
    assert read_mark(headers) is None


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_header_is_read_or_is_no_mark(mark: bytes, origin: bytes) -> None:
    assert read_mark([(REPLAY_HEADER, mark), (FROM_HEADER, origin)]) is None or Mark.from_bytes(mark) is not None
