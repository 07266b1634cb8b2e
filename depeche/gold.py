"""Hand-coded articles: a gold file read and checked. Does not score (`depeche.scoring`) and never writes a text.

A gold file is JSON: `articles`, each with id, date, title and its text (`text`, or `text_file`, a file's name), and
`events`, each with its article's id, the evidence's offsets in code points, type, parties, place, date, quantities and
modality. Whatever else stands in it is left alone.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from schemas.article import Article, Identity, Provenance, Published, Source, make_article
from schemas.base import clean_text

_FETCHED: Final = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_NOON: Final = datetime.time(12, tzinfo=datetime.UTC)

_Item = TypeVar("_Item")


def _none_as_empty(value: object) -> object:
    return () if value is None else value


_Several = Annotated[tuple[_Item, ...], BeforeValidator(_none_as_empty)]


class _Foreign(BaseModel):
    """Part of a file that others write: what is not needed is not read."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class GoldParty(_Foreign):
    """A party of a hand-coded event: its words, and the codes of its country (alpha-3) and organisation."""

    text: str
    iso3: str | None = None
    country: str | None = None
    org: str | None = None

    @property
    def codes(self) -> frozenset[str]:
        """All codes, those of "UNO/WHO" and "FRA+DEU" one by one."""
        given = (code for code in (self.iso3, self.country, self.org) if code)
        return frozenset(part for code in given for part in code.replace("+", "/").split("/"))


class GoldPlace(_Foreign):
    """Where a hand-coded event takes place; the country is ISO 3166-1 alpha-2."""

    text: str | None = None
    name: str | None = None
    iso2: str | None = None


class GoldDate(_Foreign):
    """When: `2016-05-20`, `2016-05`, `2016`, or null where the text's words can't be resolved."""

    iso: str | None = None


class GoldQuantity(_Foreign):
    """How many of what."""

    kind: str
    value: float | None = None


class GoldEvent(_Foreign):
    """One hand-coded mention of an act."""

    id: str = ""
    article: str
    start: int = Field(ge=0)
    end: int
    sentence: str | None = None
    """The evidence, to check the text against."""
    trigger: str | None = None
    plover: str
    alt_plover: _Several[str] = ()
    core: bool = True
    """True where any careful coder must code it; False where it is optional."""
    actor: _Several[GoldParty] = ()
    target: _Several[GoldParty] = ()
    place: GoldPlace | None = None
    date: GoldDate | None = None
    quantity: _Several[GoldQuantity] = ()
    modality: str

    @property
    def accepted(self) -> frozenset[str]:
        """The types that count as right."""
        return frozenset({self.plover, *self.alt_plover})


class _ArticleRecord(_Foreign):
    id: str
    date: datetime.date | None = None
    title: str | None = None
    text: str | None = None
    text_file: str | None = None


class _File(_Foreign):
    articles: tuple[_ArticleRecord, ...]
    events: tuple[GoldEvent, ...]


@dataclass(frozen=True, slots=True)
class GoldArticle:
    """A hand-coded article: the article version to code, and its events in the file's order."""

    id: str
    article: Article
    events: tuple[GoldEvent, ...]


def read_gold(path: Path, texts: Path | None = None) -> list[GoldArticle]:
    """Return the articles of a gold file with their events.

    Args:
        path: the file.
        texts: the folder that holds the files named by `text_file`; the gold file's own folder by default.

    Raises:
        ValueError: if the file is not a gold file, or its texts are not those that were coded; the message names it.
        OSError: if a file can't be read.
    """
    try:
        file = _File.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as exc:
        raise ValueError(f"{path}: not a gold file: {_first_fault(exc)}") from exc
    except (ValueError, RecursionError) as exc:
        raise ValueError(f"{path}: not a gold file: not JSON: {exc}") from exc
    known = {record.id for record in file.articles}
    for event in file.events:
        if event.article not in known:
            raise ValueError(f"{path}: event {event.id}: there is no article {event.article}")
    return [
        _gold_article(record, [e for e in file.events if e.article == record.id], path, texts)
        for record in file.articles
    ]


def _first_fault(exc: ValidationError) -> str:
    first = exc.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}" if where else first["msg"]


def _gold_article(record: _ArticleRecord, events: Sequence[GoldEvent], path: Path, texts: Path | None) -> GoldArticle:
    text = record.text if record.text is not None else _text_of(record, path, texts)
    for event in events:
        whole = event.start < event.end <= len(text)
        if not whole or event.sentence not in (None, text[event.start : event.end]):
            told = (
                f"{path}: article {record.id}: its text at {event.start}:{event.end} is not what event {event.id} is of"
            )
            raise ValueError(told)
    when = None if record.date is None else datetime.datetime.combine(record.date, _NOON)
    try:
        article = make_article(
            source=Source(id="gold"),
            connector="gold",
            identity=Identity(guid=record.id),
            text=text,
            title=clean_text(record.title or ""),
            published=Published(
                value=when, raw=record.date.isoformat() if record.date else None, reading="iso" if when else "none"
            ),
            fetched=_FETCHED,
            provenance=Provenance(fetch_id="gold", hop="file"),
        )
    except ValidationError as exc:
        raise ValueError(f"{path}: article {record.id}: {_first_fault(exc)}") from exc
    return GoldArticle(record.id, article, tuple(events))


def _text_of(record: _ArticleRecord, path: Path, texts: Path | None) -> str:
    if record.text_file is None:
        raise ValueError(f"{path}: article {record.id} has neither text nor text_file")
    file = (path.parent if texts is None else texts) / record.text_file
    if not file.is_file():
        raise ValueError(f"{path}: article {record.id}: no text {file}: say with --texts which folder holds it")
    with file.open(encoding="utf-8", newline="") as stream:  # line ends as they are: offsets count them
        return stream.read()
