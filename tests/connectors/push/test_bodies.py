"""Requests to entries."""

import json

import pytest

from connectors.push.bodies import MAX_ENTRIES, BodyError, Problem, Pushed, check_media_type, read_body, source_of


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def read(raw: bytes, media_type: str = "application/json") -> list[Pushed | Problem]:
    return read_body(raw, media_type, default_source="push")


def texts(items: list[Pushed | Problem]) -> list[str | None]:
    return [item.entry.text if isinstance(item, Pushed) else None for item in items]


def test_one_object_an_array_and_lines_say_the_same() -> None:
    one, two = {"id": "a", "text": "Un."}, {"url": "https://j.example/2", "text": "Deux.", "source": "j.example"}
    lines = b"\n" + body(one) + b"\r\n \n" + body(two)
    (alone,) = read(body(one))
    assert isinstance(alone, Pushed)
    assert (alone.index, alone.source_id, alone.entry.guid) == (0, "push", "a")
    assert read(body([one, two])) == read(lines, "application/x-ndjson")
    second = read(body([one, two]))[1]
    assert isinstance(second, Pushed)
    assert (second.index, second.source_id, second.entry.url) == (1, "j.example", "https://j.example/2")


def test_a_line_ends_at_a_line_feed_alone() -> None:
    raw = '{"id": "a", "text": "un\u2028deux\u0085trois"}\n{"id": "b", "text": "x"}'.encode()
    assert texts(read(raw, "application/jsonl")) == ["un\u2028deux\u0085trois", "x"]


def test_a_byte_order_mark_is_passed_over_and_a_lone_surrogate_replaced() -> None:
    assert texts(read(b'\xef\xbb\xbf{"id": "a", "text": "caf\\u0065\\u0301 \\ud83d"}')) == ["café \ufffd"]


@pytest.mark.parametrize(
    ("element", "field", "reason"),
    [
        ({"text": "x"}, "id", "needs an id"),
        ({"id": " ", "url": "ftp://x/", "text": "x"}, "id", "needs an id"),
        ({"id": True, "text": "x"}, "id", "not bool"),
        ({"id": "a"}, "text", "has no text"),
        ({"id": "a", "text": ["x"]}, "text", "not list"),
        ({"id": "a", "text": "x", "status": "gone"}, "status", "must be one of usable, corrected, killed"),
        ({"id": "a", "text": "x", "source": "s" * 201}, "source", "longer than 200"),
        ({"id": "a", "text": "x", "authors": [1]}, "authors", "list of strings"),
        ("x", None, "must be a JSON object, not str"),
        (None, None, "not NoneType"),
        ([], None, "not list"),
    ],
)
def test_a_bad_element_is_named_with_index_field_and_reason_and_the_others_are_read(
    element: object, field: str | None, reason: str
) -> None:
    first, problem, last = read(body([{"id": "a", "text": "A"}, element, {"id": "b", "text": "B"}]))
    assert isinstance(first, Pushed)
    assert isinstance(last, Pushed)
    assert isinstance(problem, Problem)
    assert (problem.index, problem.field) == (1, field)
    assert reason in problem.reason


def test_a_line_that_is_no_json_is_a_problem_of_that_line_alone() -> None:
    raw = b'{"id": "a", "text": "A"}\n{"id": broken\n{"id": "b", "text": "B"}\n' + b"[" * 50_000
    items = read(raw, "application/x-ndjson")
    assert texts(items) == ["A", None, "B", None]
    assert [item.field for item in items if isinstance(item, Problem)] == [None, None]
    assert all("not JSON" in item.reason for item in items if isinstance(item, Problem))


@pytest.mark.parametrize(
    ("raw", "media_type", "status", "reason"),
    [
        (b"", "application/json", 400, "not JSON"),
        (b"[]", "application/json", 400, "no article"),
        (b" \n\n", "application/x-ndjson", 400, "no article"),
        (b'{"id": "a"', "application/json", 400, "not JSON"),
        (b'{"id": "a"} {"id": "b"}', "application/json", 400, "not JSON"),
        (b"[" * 100_000, "application/json", 400, "not JSON"),
        (b'{"id": "\xe9"}', "application/json", 400, "not UTF-8: byte 0xe9 at offset 8"),
        (b'{"id": ' + b"9" * 5_000 + b"}", "application/json", 400, "not JSON"),
        (b"[" + b"1," * MAX_ENTRIES + b"1]", "application/json", 413, "several requests"),
        (b"1\n" * (MAX_ENTRIES + 1), "application/jsonl", 413, "several requests"),
    ],
)
def test_what_can_not_be_read_at_all_says_why(raw: bytes, media_type: str, status: int, reason: str) -> None:
    with pytest.raises(BodyError, match=reason) as raised:
        read(raw, media_type)
    assert raised.value.status == status


@pytest.mark.parametrize(
    ("media_type", "charset", "reason"),
    [
        ("application/x-www-form-urlencoded", None, "send application/json"),
        ("", None, "absent"),
        ("text/plain", "utf-8", "content type text/plain"),
        ("application/json", "latin-1", "charset latin-1: send UTF-8"),
    ],
)
def test_what_is_not_json_in_utf8_is_told_what_to_send(media_type: str, charset: str | None, reason: str) -> None:
    with pytest.raises(BodyError, match=reason) as raised:
        check_media_type(media_type, charset)
    assert raised.value.status == 415


def test_json_in_utf8_passes() -> None:
    for media_type in ("application/json", "application/x-ndjson", "application/jsonl"):
        for charset in (None, "UTF-8", "us-ascii"):
            check_media_type(media_type, charset)


def test_as_many_as_allowed_are_read() -> None:
    assert len(read(b"1\n" * MAX_ENTRIES, "application/jsonl")) == MAX_ENTRIES


def test_the_source_of_a_request() -> None:
    assert source_of(None) == "push"
    assert source_of(" agence\tde presse ") == "agence de presse"
    for bad in ("", "  ", "s" * 201):
        with pytest.raises(BodyError, match="source must have"):
            source_of(bad)
