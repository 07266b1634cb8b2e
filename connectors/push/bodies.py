"""The body of a push as entries. Pure: bytes in, entries and problems out; does not decide what is new."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from connectors.entry import Entry, one_line
from connectors.formats.files import LineError, entry_of_fields

JSON_TYPES: Final = frozenset({"application/json"})
"""Media types of one object or an array of them."""
LINES_TYPES: Final = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
)
"""Media types of JSON Lines; none is registered, these are in use."""
MAX_ENTRIES: Final = 10_000
"""Articles in one request: its answer has a line for each."""
DEFAULT_SOURCE: Final = "push"
_MAX_SOURCE: Final = 200
"""Characters of a source id, as in `schemas.article.Source`."""


class BodyError(ValueError):
    """The request as a whole can't be read; the message says why."""

    def __init__(self, reason: str, *, status: int = 400) -> None:
        super().__init__(reason)
        self.status: Final = status
        """What it is answered with."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """An article of a request."""

    index: int
    """Its place in the request, from 0; blank lines are not counted."""
    source_id: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Problem:
    """An element of a request that is no article."""

    index: int
    field: str | None
    """The field at fault; None where it is the element as a whole."""
    reason: str


def check_media_type(media_type: str, charset: str | None) -> None:
    """Refuse what is not JSON in UTF-8.

    Args:
        media_type: lower case, without parameters.
        charset: its parameter.

    Raises:
        BodyError: it is something else; the message says what to send.
    """
    if media_type not in JSON_TYPES | LINES_TYPES:
        msg = (
            f"content type {media_type[:100] or 'absent'}: send application/json (an object or an array) or "
            "application/x-ndjson (an object a line)"
        )
        raise BodyError(msg, status=415)
    if charset is not None and charset.lower() not in {"utf-8", "utf8", "us-ascii"}:
        msg = f"charset {charset[:40]}: send UTF-8"
        raise BodyError(msg, status=415)


def source_of(parameter: str | None) -> str:
    """Return the source id that `?source=` gives the articles that name none.

    Raises:
        BodyError: it is empty or too long.
    """
    if parameter is None:
        return DEFAULT_SOURCE
    source = one_line(parameter)
    if not 0 < len(source) <= _MAX_SOURCE:
        msg = f"source must have 1 to {_MAX_SOURCE} characters, not {len(source)}"
        raise BodyError(msg)
    return source


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")  # RFC 8259 section 8.1: a byte order mark may be passed over
    except UnicodeDecodeError as error:
        msg = f"not UTF-8: byte 0x{body[error.start]:02x} at offset {error.start}"
        raise BodyError(msg) from error


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"not JSON: {str(error) or type(error).__name__}"
        raise LineError(msg) from error


def _elements(body: bytes, media_type: str) -> Iterator[object]:
    """Yield the elements of a request as they come from the JSON parser; a line that is no JSON as its error."""
    text = _text(body)
    if media_type in JSON_TYPES:
        try:
            parsed = _parsed(text)
        except LineError as error:
            raise BodyError(str(error)) from error
        yield from parsed if isinstance(parsed, list) else (parsed,)
        return
    # Only these end a line: JSON strings may hold the other characters at which str.splitlines breaks.
    for line in text.split("\n"):
        if line.strip():
            try:
                yield _parsed(line)
            except LineError as error:
                yield error


def _read(element: object, index: int, default_source: str) -> Pushed | Problem:
    try:
        if isinstance(element, LineError):
            raise element
        entry = entry_of_fields(element, origin=f"push entry {index}")
    except LineError as error:
        return Problem(index, error.field, str(error))
    return Pushed(index, entry.source_id or default_source, entry)


def read_body(body: bytes, media_type: str, *, default_source: str) -> list[Pushed | Problem]:
    """Read a request: one JSON object, an array of them, or JSON Lines; see `connectors.formats.files` for the fields.

    Args:
        body: without content coding.
        media_type: that `check_media_type` has let pass.
        default_source: id of the source of the articles that name none.

    Raises:
        BodyError: nothing of it can be read, there is nothing in it, or more than `MAX_ENTRIES`.
    """
    items: list[Pushed | Problem] = []
    for index, element in enumerate(_elements(body, media_type)):
        if index == MAX_ENTRIES:
            msg = f"more than {MAX_ENTRIES} articles: send them in several requests"
            raise BodyError(msg, status=413)
        items.append(_read(element, index, default_source))
    if not items:
        msg = "no article in it"
        raise BodyError(msg)
    return items
