"""NewsML-G2, the IPTC's news in XML, to entries: a newsItem, or a newsMessage with several items. Versions 2.x.

Codes are compared by their last part (`stat:canceled`, `http://cv.iptc.org/newscodes/pubstatusg2/canceled`), because
the alias before the colon is each catalogue's own and catalogues are not fetched. From the specification at
iptc.org/std/NewsML-G2. Packages, concepts, knowledge, planning and catalogue items are no articles: each is reported.
Does not read remote content, subjects, places and events, and knows neither time nor files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from lxml import etree

from connectors.entry import Entry, language_code, one_line
from connectors.formats.html_text import text_of
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
from schemas.article import ArticleStatus, Rights

_LANGUAGE: Final = "{http://www.w3.org/XML/1998/namespace}lang"
_OTHER_ITEMS: Final = {
    "packageItem": "a package of other items",
    "conceptItem": "a concept",
    "knowledgeItem": "a set of concepts",
    "planningItem": "a plan of coverage",
    "catalogItem": "a catalogue of codes",
}
_DATES: Final = (
    "itemMeta/versionCreated",
    "itemMeta/firstCreated",
    "contentMeta/contentModified",
    "contentMeta/contentCreated",
)
"""The first that is there is the date of this version."""
_REVISED: Final = ("itemMeta/versionCreated", "contentMeta/contentModified")


def _text(element: etree._Element | None) -> str | None:
    return None if element is None else "".join(str(part) for part in element.itertext())


def _code(element: etree._Element | None) -> str | None:
    """Return the last part of an element's code, in whichever attribute it stands."""
    if element is None:
        return None
    value = element.get("qcode") or element.get("uri") or element.get("literal") or _text(element) or ""
    return value.replace("/", ":").rsplit(":", 1)[-1].strip()


def _main(elements: Iterable[etree._Element]) -> str:
    """Return the text of the first element of role `main` or none, else of the first."""
    found = [(element.get("role") or "", one_line(_text(element))) for element in elements]
    found = [(role, text) for role, text in found if text]
    main = (text for role, text in found if not role or role.endswith(("main", "headline")))
    return next(main, found[0][1] if found else "")


def _title(item: etree._Element) -> str:
    for path in ("contentMeta/headline", "itemMeta/title", "contentSet/inlineXML/nitf//hl1"):
        if title := _main(item.findall(path)):
            return title
    return ""


def _data(element: etree._Element) -> Body | str:
    """Return inline data as plain text, or the name of its form where it is encoded or no text."""
    media_type = (element.get("contenttype") or "text/plain").partition(";")[0].strip().lower()
    if encoding := element.get("encoding"):
        return f"{media_type}, encoded as {encoding}"
    if not media_type.startswith("text/"):
        return media_type
    text = text_of(_text(element), media_type=media_type)
    return Body(text, is_markup=media_type != "text/plain")


def _bodies(item: etree._Element, kind: str) -> list[Body | str]:
    bodies = [_data(element) for element in item.findall("contentSet/inlineData")]
    bodies += [Body(text_of_markup(element), is_markup=True) for element in item.findall("contentSet/inlineXML")]
    if kind == "text" and item.find("contentSet/remoteContent") is not None:
        bodies.append("kept elsewhere (remoteContent), which is not fetched")
    return bodies


def _rights(item: etree._Element) -> Rights | None:
    """Return the rights that hold for the item as a whole: the first block, as blocks for parts name their scope."""
    blocks = item.findall("rightsInfo")
    if not blocks:
        return None
    block = next((block for block in blocks if not (block.get("scope") or block.get("aspect"))), blocks[0])
    holder = block.find("copyrightHolder")
    name = None
    if holder is not None:
        name = _text(holder.find("name")) or holder.get("literal") or holder.get("qcode") or holder.get("uri")
    return rights_of(name, _text(block.find("copyrightNotice")), _text(block.find("usageTerms")))


def _authors(item: etree._Element) -> tuple[str, ...]:
    names = [creator.find("name") for creator in item.findall("contentMeta/creator")]
    creators = tuple(filter(None, (one_line(_text(name)) for name in names)))
    return creators or tuple(filter(None, (one_line(_text(by)) for by in item.findall("contentMeta/by"))))


def _language(item: etree._Element) -> str | None:
    declared = item.find("contentMeta/language")
    if declared is not None and (code := language_code(declared.get("tag"))):
        return code
    inside = (element.get(_LANGUAGE) for element in item.findall("contentSet/*"))
    return next(filter(None, map(language_code, inside)), None) or language_code(item.get(_LANGUAGE))


def _status(item: etree._Element) -> ArticleStatus:
    status = status_of(_code(item.find("itemMeta/pubStatus")))
    if status == "usable" and any(_code(signal) == "correction" for signal in item.findall("itemMeta/signal")):
        return "corrected"
    return status


def entry_of_news_item(item: etree._Element, *, origin: str) -> Entry:
    """Return the entry that a newsItem (of `parse_xml`) is.

    Identity is its guid. A canceled item is killed and carries no text, because its content may not be used. An item
    without text is an article where it has a title and is no picture or the like; a description stands in.

    Raises:
        WireError: it gives no article: no guid, withheld, under embargo without end, a picture without text …
    """
    guid = one_line(item.get("guid"))
    if not guid:
        msg = "has no guid, by which news items are known"
        raise WireError(msg)
    status = _status(item)
    embargoed = None if status == "killed" else embargo_of(_text(item.find("itemMeta/embargoed")))
    title = _title(item)
    description = next(filter(None, (text_of(_text(each)) for each in item.findall("contentMeta/description"))), "")
    kind = _code(item.find("itemMeta/itemClass")) or "text"
    text = ""
    if status == "killed":
        description = ""
    elif not (text := longest(_bodies(item, kind))):
        if kind in WITHOUT_TEXT:
            msg = f"{kind} without text: no article"
            raise WireError(msg)
        if not (title or description):
            msg = "has neither title nor text"
            raise WireError(msg)
    dated = ((path, one_line(_text(item.find(path)))) for path in _DATES)
    path, date = next(((path, date) for path, date in dated if date), ("/published", ""))
    url = absolute_url(guid)
    return Entry(
        origin=origin,
        guid=guid,
        url=url,
        canonical_url=canonical_url(url),
        title=title,
        text=text or description,
        summary=(description or None) if text else None,
        language=_language(item),
        authors=_authors(item),
        published_raw=date or None,
        published_field=path.rsplit("/", 1)[-1],
        revised_raw=next(filter(None, (one_line(_text(item.find(path))) for path in _REVISED)), None),
        status=status,
        source_id=source_of(guid),
        has_body=bool(text),
        publisher_version=version_of(item.get("version")),
        rights=_rights(item),
        embargoed=embargoed,
    )


def entries_of_newsml(data: bytes, *, name: str) -> Iterator[Entry | WireProblem]:
    """Read a document: a newsItem, or a newsMessage with its items.

    Args:
        data: the file's bytes; the XML declaration says the encoding.
        name: what to call it in messages; the third item of a message is `name:3`.

    Yields:
        Entries, and problems as values. A document that can't be read as a whole yields one problem.
    """
    try:
        root = parse_xml(data)
        items = _items(root)
    except WireError as error:
        yield WireProblem(name, str(error), error.error_class)
        return
    for number, item in enumerate(items, start=1):
        origin = name if item is root else f"{name}:{number}"
        try:
            if item.tag != "newsItem":
                what = _OTHER_ITEMS.get(str(item.tag), "no item of NewsML-G2")
                msg = f"{item.tag} is {what}: no article"
                raise WireError(msg)
            yield entry_of_news_item(item, origin=origin)
        except WireError as error:
            yield WireProblem(origin, str(error), error.error_class)


def _items(root: etree._Element) -> list[etree._Element]:
    """Return a document's items.

    Raises:
        WireError: it is no NewsML-G2, or has none, or too many.
    """
    if root.tag == "newsItem" or root.tag in _OTHER_ITEMS:
        return [root]
    if root.tag != "newsMessage":
        msg = f"is XML with the root {one_line(str(root.tag))[:60]!r}: only NewsML-G2 (newsItem, newsMessage) is read"
        raise WireError(msg)
    items = [item for items in root.findall("itemSet") for item in items]
    if not items:
        msg = "newsMessage without items"
        raise WireError(msg)
    if len(items) > MAX_ITEMS:
        msg = f"more than {MAX_ITEMS} items: split the file"
        raise WireError(msg, "hostile")
    return items
