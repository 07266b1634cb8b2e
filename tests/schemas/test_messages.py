"""Every message round-trips to the byte, refuses what it does not know, and keeps offsets whatever the Unicode."""

from __future__ import annotations

import json
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.article import Article, revision_time
from schemas.base import Message, clean_text, is_clean_text
from schemas.dead_letter import DeadLetter, DeadLetterResolution, read_dead_letter_record
from schemas.envelope import ce_type, headers, record_key
from schemas.mention import Mention, Span, Withdrawal, read_mention_record
from tests.schemas.samples import NOON, article, mention, messages

any_character = st.characters(codec=None, exclude_categories=())


@pytest.mark.parametrize("message", messages(), ids=lambda m: type(m).__name__)
def test_a_message_round_trips_to_the_byte(message: Message) -> None:
    value = message.to_bytes()
    again = type(message).from_bytes(value)
    assert again == message
    assert again.to_bytes() == value


@pytest.mark.parametrize("message", messages(), ids=lambda m: type(m).__name__)
def test_a_message_is_immutable_and_refuses_unknown_fields(message: Message) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        message.schema_version = "1"  # type: ignore[misc]
    with pytest.raises(ValidationError, match="surprise"):
        type(message).from_bytes(message.to_bytes()[:-1] + b',"surprise":1}')


@pytest.mark.parametrize("message", messages(), ids=lambda m: type(m).__name__)
def test_headers_follow_the_cloudevents_binding_and_are_repeatable(message: Message) -> None:
    written = dict(headers(message, source="/depeche/test", time=NOON))
    assert written["ce_specversion"] == b"1.0"
    assert written["ce_type"].decode() == ce_type(type(message))
    assert written["content-type"] == b"application/json"
    assert written["ce_time"] == b"2026-03-05T12:00:00.000000Z"
    assert written["ce_id"]
    assert written == dict(headers(message, source="/depeche/test", time=NOON))
    assert record_key(message) is not None


@given(st.text(alphabet=any_character))
def test_cleaned_text_is_clean_and_cleaning_again_changes_nothing(text: str) -> None:
    cleaned = clean_text(text)
    assert is_clean_text(cleaned)
    assert clean_text(cleaned) == cleaned


@given(st.text(alphabet=any_character), st.data())
def test_offsets_survive_the_round_trip_whatever_the_unicode(text: str, data: st.DataObject) -> None:
    before = article(clean_text(text))
    start = data.draw(st.integers(0, len(before.text)))
    end = data.draw(st.integers(start, len(before.text)))
    after = Article.from_bytes(before.to_bytes())
    assert after.text == before.text
    assert after.text[start:end] == before.text[start:end]
    Span(text=after.text[start:end], start=start, end=end)


def test_text_that_is_not_nfc_is_refused_with_the_reason() -> None:
    decomposed = unicodedata.normalize("NFD", "été")
    with pytest.raises(ValidationError, match="NFC"):
        article(decomposed)


def test_a_lone_surrogate_in_json_is_an_error_and_no_crash() -> None:
    value = article().to_bytes().replace(b"Le Mali", b"Le \\ud800Mali")
    with pytest.raises(ValidationError):
        Article.from_bytes(value)


@pytest.mark.parametrize("value", [b"", b"null", b"[]", b"\xff\xfe", b"{", b"0" * 100_000, b"[" * 100_000])
def test_garbage_is_a_validation_error(value: bytes) -> None:
    with pytest.raises(ValidationError):
        Article.from_bytes(value)


@pytest.mark.parametrize("field", ["version", "article_id", "content_hash"])
def test_an_id_that_is_not_derived_from_the_content_is_refused(field: str) -> None:
    good = article()
    changed = good.model_dump()
    changed[field] = "0" * len(changed[field])
    with pytest.raises(ValidationError, match=field):
        Article.model_validate(changed)


def test_times_are_written_in_utc_and_naive_ones_refused() -> None:
    paris = datetime(2026, 3, 5, 13, 0, tzinfo=timezone(timedelta(hours=1)))
    assert article(fetched=paris).to_bytes() == article(fetched=NOON).to_bytes()
    with pytest.raises(ValidationError, match="timezone"):
        article(fetched=datetime(2026, 3, 5, 13, 0))  # noqa: DTZ001 - a naive time is what is tested


def test_a_span_whose_offsets_do_not_fit_its_text_is_refused() -> None:
    with pytest.raises(ValidationError, match="code points"):
        Span(text="abc", start=0, end=2)


def test_the_mentions_topic_tells_a_mention_from_a_withdrawal() -> None:
    told = mention()
    withdrawn = messages()[2]
    assert isinstance(withdrawn, Withdrawal)
    assert isinstance(read_mention_record(told.to_bytes()), Mention)
    assert read_mention_record(withdrawn.to_bytes()) == withdrawn
    with pytest.raises(ValidationError, match="kind"):
        read_mention_record(b"{}")


@given(st.none() | st.binary(), st.none() | st.binary())
def test_a_dead_letter_gives_the_original_bytes_back(key: bytes | None, value: bytes | None) -> None:
    letter = DeadLetter.of(
        reason="bug", stage="coder", error="", topic="t", partition=0, offset=0, key=key, value=value, time=NOON
    )
    again = DeadLetter.from_bytes(letter.to_bytes())
    assert again.original_key() == key
    assert again.original_value() == value


def test_the_dead_letters_topic_tells_a_letter_from_its_resolution() -> None:
    letter, resolution = (m for m in messages() if isinstance(m, DeadLetter | DeadLetterResolution))
    assert read_dead_letter_record(letter.to_bytes()) == letter
    assert read_dead_letter_record(resolution.to_bytes()) == resolution
    with pytest.raises(ValidationError, match="for DeadLetter\n"):
        read_dead_letter_record(b"{}")


def test_later_fetches_are_later_revisions() -> None:
    moments = [NOON, NOON + timedelta(microseconds=1), NOON + timedelta(days=400)]
    revisions = [article(fetched=moment).revision for moment in moments]
    assert revisions == sorted(revisions)
    assert len(set(revisions)) == 3


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"])
def test_a_time_that_no_calendar_has_in_utc_is_a_validation_error(moment: str) -> None:
    value = json.loads(article().to_bytes()) | {"fetched": moment}
    with pytest.raises(ValidationError, match="outside the years 1 to 9999"):
        Article.from_bytes(json.dumps(value).encode())


def test_a_fetch_in_the_first_millennium_is_no_later_revision() -> None:
    early = revision_time(datetime(999, 1, 1, tzinfo=UTC))
    assert early == "0999-01-01T00:00:00.000000Z"
    assert early < revision_time(datetime(2016, 5, 2, tzinfo=UTC))
