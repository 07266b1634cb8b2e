import pytest
from pydantic import ValidationError

from schemas.article import Article
from schemas.dead_letter import DeadLetter
from schemas.topics import DEAD_LETTERS, MAX_RECORD_BYTES
from streams.dead_letters import (
    MAX_KEY_BYTES,
    MAX_ORIGINAL_BYTES,
    DeadLetterRatioError,
    RatioStop,
    dead_letter,
    explain,
)
from streams.records import Incoming, Outgoing
from tests.streams.fakes import NOW, record


def letter_for(given: Incoming, error: str = "wrong", traceback: str | None = None) -> tuple[Outgoing, DeadLetter]:
    out = dead_letter(given, reason="invalid", stage="coder", error=error, time=NOW, traceback=traceback)
    return out, DeadLetter.from_bytes(out.value)


def test_a_dead_letter_keeps_the_original_bytes_key_and_position() -> None:
    out, letter = letter_for(record(b"\xff\x00not utf-8", key=b"\xfe", partition=3, offset=9))
    assert out.topic is DEAD_LETTERS
    assert out.key == b"\xfe"
    assert letter.original_value() == b"\xff\x00not utf-8"
    assert (letter.topic, letter.partition, letter.offset) == ("news.articles", 3, 9)


def test_the_largest_original_that_is_kept_fits_into_a_record() -> None:
    out, letter = letter_for(
        record(b"x" * MAX_ORIGINAL_BYTES, key=b"k" * MAX_KEY_BYTES), error="e" * 10**6, traceback="\0" * 10**6
    )
    assert len(out.value) + MAX_KEY_BYTES + 1000 < MAX_RECORD_BYTES
    assert letter.value is not None
    assert letter.original_key() == out.key == b"k" * MAX_KEY_BYTES


def test_a_key_as_large_as_an_article_stays_where_it_is_and_the_letter_says_so() -> None:
    out, letter = letter_for(record(b"x" * 1000, key=b"k" * (MAX_KEY_BYTES + 1)))
    assert (out.key, letter.key) == (None, None)
    assert "the key, 16385 bytes, is too large to be kept" in letter.error
    assert letter.original_value() == b"x" * 1000


def test_a_larger_original_stays_where_it_is_and_the_letter_says_so() -> None:
    out, letter = letter_for(record(b"x" * (MAX_ORIGINAL_BYTES + 1)))
    assert letter.value is None
    assert "too large to be kept" in letter.error
    assert len(out.value) < 10_000


def test_a_lone_surrogate_in_an_error_does_not_break_the_letter() -> None:
    _, letter = letter_for(record(b""), error="bad \ud800 text")
    assert letter.error == "bad \\ud800 text"


def feed(stop: RatioStop, dead: str) -> None:
    for one in dead:
        stop.observe(dead=one == "x")


def test_few_dead_letters_never_stop() -> None:
    feed(RatioStop(stage="coder", ratio=0.05, window=1000, minimum=50), "x" * 49)


def test_the_fiftieth_of_fifty_stops() -> None:
    stop = RatioStop(stage="coder", ratio=0.05, window=1000, minimum=50)
    feed(stop, "x" * 49)
    with pytest.raises(DeadLetterRatioError, match="50 of the last 50 records of the coder"):
        stop.observe(dead=True)


def test_a_share_at_the_limit_goes_on_and_above_it_stops() -> None:
    stop = RatioStop(stage="coder", ratio=0.05, window=1000, minimum=50)
    feed(stop, ("." * 19 + "x") * 100)
    with pytest.raises(DeadLetterRatioError):
        feed(stop, "." * 18 + "xx")


def test_old_dead_letters_are_forgotten() -> None:
    stop = RatioStop(stage="coder", ratio=0.5, window=10, minimum=5)
    feed(stop, "xxxx" + "." * 10 + "xxxx")
    with pytest.raises(DeadLetterRatioError):
        feed(stop, "xx")


def test_a_record_with_a_million_faults_is_not_told_one_by_one() -> None:
    many = "{" + ",".join(f'"field{number}":1' for number in range(5_000)) + "}"
    with pytest.raises(ValidationError) as raised:
        Article.from_bytes(many.encode())
    assert explain(raised.value) == f"{raised.value.error_count()} faults, too many to tell, for Article"
    with pytest.raises(ValidationError) as raised:
        Article.from_bytes(b"{}")
    assert "article_id" in explain(raised.value)
