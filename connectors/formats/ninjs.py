"""ninjs, the IPTC's news in JSON, to entries: versions 1.0 to 3.3, an item, an array, or an item a line.

The versions spell one vocabulary in three ways: `body_text` and `headline` (1), `bodies` and `headlines` with roles
(2), the same in camel case (3). Names are compared in lower case. From the JSON Schemas at iptc.org/std/ninjs. Does
not read associated items (pictures, mostly), renditions, subjects and places, and knows neither time nor files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from connectors.entry import Entry, language_code, one_line
from connectors.formats.html_text import html_to_text, text_of
from connectors.formats.wire import (
    MAX_ITEMS,
    WITHOUT_TEXT,
    Body,
    WireError,
    WireProblem,
    embargo_of,
    longest,
    parse_xml,
    rights_of,
    source_of,
    status_of,
    text_of_markup,
    version_of,
)
from connectors.urls import absolute_url, canonical_url
from schemas.article import ArticleStatus

_DATES: Final = (
    ("versioncreated", "versionCreated"),
    ("firstcreated", "firstCreated"),
    ("contentcreated", "contentCreated"),
)
"""Fields with a date, the first that is there counts, and how readings name them."""
_CORRECTION: Final = "correction"
"""The concept of IPTC NewsCodes `signal`. The standard has no signals; Superdesk and agencies add them."""


def _lower(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key.lower(): item for key, item in value.items()}


def _string(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    msg = f"{name} must be a string, not {type(value).__name__}"
    raise WireError(msg)


def _texts(fields: Mapping[str, Any], plural: str, singular: str) -> list[tuple[str, str, str]]:
    """Return an item's texts of a kind: (role, media type, value), those of ninjs 1 under their name's ending."""
    found: list[tuple[str, str, str]] = []
    if isinstance(value := fields.get(singular), str):
        found.append(("main", "", value))
    for name, value in fields.items():
        if name.startswith(f"{singular}_") and isinstance(value, str):
            found.append((name.removeprefix(f"{singular}_"), "", value))
    listed = fields.get(plural)
    if listed is None:
        return found
    if not isinstance(listed, list):
        msg = f"{plural} must be a list, not {type(listed).__name__}"
        raise WireError(msg)
    for each in listed:
        item = _lower(each) if isinstance(each, dict) else {}
        if isinstance(value := item.get("value"), str):
            found.append((str(item.get("role") or "").lower(), str(item.get("contenttype") or "").lower(), value))
    return found


def _body(role: str, media_type: str, value: str) -> Body | str:
    """Return a body as plain text, or the name of its form where we don't read that."""
    if "nitf" in media_type or (role.endswith("nitf") and not media_type.startswith("text/plain")):
        try:
            return Body(text_of_markup(parse_xml(value.encode("utf-8", "replace"))), is_markup=True)
        except WireError as error:
            return f"NITF, {error}"
    if "html" in media_type or "html" in role:
        return Body(html_to_text(value), is_markup=True)
    if media_type and not media_type.startswith("text/"):
        return media_type
    return Body(text_of(value, media_type="text/plain" if media_type == "text/plain" else "text/html"), is_markup=False)


def _headline(fields: Mapping[str, Any]) -> str:
    found = _texts(fields, "headlines", "headline")
    for wanted in ("main", ""):
        for role, _, value in found:
            if role == wanted and (text := one_line(text_of(value))):
                return text
    others = (one_line(text_of(value)) for _, _, value in found)
    return next(filter(None, others), "") or one_line(_string(fields, "title"))


def _description(fields: Mapping[str, Any]) -> str:
    found = [text_of(value) for _, _, value in _texts(fields, "descriptions", "description")]
    return next(filter(None, found), "")


def _is_correction(fields: Mapping[str, Any]) -> bool:
    signals = fields.get("signals", fields.get("signal"))
    for each in signals if isinstance(signals, list) else [signals]:
        signal = _lower(each) if isinstance(each, dict) else {"code": each}
        names = (signal.get(name) for name in ("code", "qcode", "uri", "literal"))
        if any(isinstance(name, str) and name.replace("/", ":").rsplit(":", 1)[-1] == _CORRECTION for name in names):
            return True
    return False


def _usage_terms(fields: Mapping[str, Any]) -> str | None:
    terms = _string(fields, "usageterms")
    rights = fields.get("rightsinfo")
    if terms and terms.strip():
        return terms
    return _string(_lower(rights), "linkedrights") if isinstance(rights, dict) else None


def entry_of_item(item: Mapping[str, Any], *, origin: str) -> Entry:
    """Return the entry that an item is.

    Identity is its `uri` (or `guid`, as Superdesk writes it). A canceled item is killed and carries no text, because
    its content may not be used. Where there is no body, the description stands in.

    Raises:
        WireError: it gives no article: no uri, a field of a wrong type, withheld, a picture without text …
    """
    fields = _lower(item)
    guid = one_line(_string(fields, "uri")) or one_line(_string(fields, "guid"))
    if not guid:
        msg = "has no uri, by which ninjs items are known"
        raise WireError(msg)
    status: ArticleStatus = status_of(_string(fields, "pubstatus"))
    # Exporters write "" for what is not set, where NewsML-G2's empty element is an embargo without end.
    embargoed = None if status == "killed" else embargo_of(_string(fields, "embargoed") or None)
    if status == "usable" and _is_correction(fields):
        status = "corrected"
    title = _headline(fields)
    description = _description(fields)
    kind = (_string(fields, "type") or "text").lower()
    text = ""
    if status == "killed":
        description = ""
    elif not (text := longest([_body(*found) for found in _texts(fields, "bodies", "body")])):
        if kind in WITHOUT_TEXT:
            msg = f"{kind} without text: no article"
            raise WireError(msg)
        if kind == "composite" and fields.get("associations"):
            msg = "composite of other items, without a text of its own: no article"
            raise WireError(msg)
        if not (title or description):
            msg = "has neither title nor text"
            raise WireError(msg)
    date, field = next(
        ((_string(fields, name), field) for name, field in _DATES if fields.get(name)), (None, "published")
    )
    url = absolute_url(guid)
    return Entry(
        origin=origin,
        guid=guid,
        url=url,
        canonical_url=canonical_url(url),
        title=title,
        text=text or description,
        summary=(description or None) if text else None,
        language=language_code(_string(fields, "language")),
        authors=tuple(filter(None, [one_line(_string(fields, "by")) or one_line(_string(fields, "byline"))])),
        published_raw=one_line(date) or None,
        published_field=field,
        revised_raw=one_line(_string(fields, "versioncreated")) or None,
        status=status,
        source_id=source_of(guid),
        has_body=bool(text),
        publisher_version=version_of(fields.get("version")),
        rights=rights_of(_string(fields, "copyrightholder"), _string(fields, "copyrightnotice"), _usage_terms(fields)),
        embargoed=embargoed,
    )


def _values(document: str, name: str) -> list[tuple[str, object]]:
    """Return what stands in the document, with where.

    Raises:
        WireError: it is no JSON, neither as a whole nor line by line.
    """
    try:
        whole = json.loads(document)
    except (ValueError, RecursionError) as error:
        whole_error = error
    else:
        if isinstance(whole, list):
            return [(f"{name}:{number}", item) for number, item in enumerate(whole, start=1)]
        return [(name, whole)]
    first = document.lstrip().partition("\n")[0].rstrip()
    if not (first.startswith("{") and first.endswith("}") and len(first) < len(document.strip())):
        msg = f"not JSON: {str(whole_error) or type(whole_error).__name__}"
        raise WireError(msg, "malformed") from whole_error
    values: list[tuple[str, object]] = []
    for number, line in enumerate(document.split("\n"), start=1):
        if len(values) > MAX_ITEMS:
            break
        if line.strip():
            values.append((f"{name}:{number}", _line(line)))
    return values


def _line(line: str) -> object:
    """Return what stands on a line, an error where it is no JSON."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        return WireError(f"not JSON: {str(error) or type(error).__name__}", "malformed")


def entries_of_ninjs(document: str, *, name: str) -> Iterator[Entry | WireProblem]:
    """Read a document: one item, an array of items, or an item a line.

    Args:
        document: the file's text.
        name: what to call it in messages; an item in an array or line is `name:3`.

    Yields:
        Entries, and problems as values. A document that is no JSON, or has more than `MAX_ITEMS` items, yields one
        problem.
    """
    try:
        values = _values(document, name)
        if len(values) > MAX_ITEMS:
            msg = f"more than {MAX_ITEMS} items: split the file"
            raise WireError(msg, "hostile")
    except WireError as error:
        yield WireProblem(name, str(error), error.error_class)
        return
    if not values:
        yield WireProblem(name, "an array without items", "invalid")
    for origin, value in values:
        try:
            if isinstance(value, WireError):
                raise value
            if not isinstance(value, dict):
                msg = f"must be a ninjs item (a JSON object), not {type(value).__name__}"
                raise WireError(msg)
            yield entry_of_item(value, origin=origin)
        except WireError as error:
            yield WireProblem(origin, str(error), error.error_class)
