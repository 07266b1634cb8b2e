"""From a judged act to a :class:`schemas.mention.Mention`: ids, ontology, every slot with its reason.

Does not decide anything about the act: it only writes down what the other modules found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, cast

from schemas.article import Article
from schemas.ids import event_id, mention_id
from schemas.mention import (
    ActDate,
    Attribution,
    CoderVersion,
    Evidence,
    Mention,
    Party,
    Place,
    PloverType,
    QuadClass,
    Quantity,
    Reasons,
    Span,
)
from streams.coding.circumstances import ChosenDate, ChosenPlace
from streams.coding.data_files import read_yaml
from streams.coding.lexicon import Pattern
from streams.coding.modality import Stance
from streams.coding.parties import ResolvedParty
from streams.coding.places import ResolvedPlace
from streams.coding.quantities import QuantityExpression
from streams.coding.tree import Node, Tree

QuantityKind = Literal["dead", "injured", "arrested", "troops", "people", "money", "other"]
_GRANULARITY: dict[int, Literal["day", "month", "year"]] = {10: "day", 7: "month", 4: "year"}


@dataclass(frozen=True, slots=True)
class Act:
    """Everything found about one act, ready to be written down."""

    sentence: int
    start: int
    end: int
    trigger: tuple[int, int]
    pattern: Pattern
    node: Node
    """The trigger's head in its tree."""
    governor: Node
    """The verb that carries its tense and negation: the support verb of a noun that has one, else the head itself."""
    tree: Tree
    probability: float | None
    """How likely a trained model holds it that the words tell an act; None where the lexicon alone decided."""
    plover: PloverType
    type_reason: str
    actors: tuple[ResolvedParty, ...]
    targets: tuple[ResolvedParty, ...]
    actors_reason: str
    targets_reason: str
    place: ChosenPlace
    date: ChosenDate
    quantities: tuple[QuantityExpression, ...]
    stance: Stance
    historical: bool
    source: ResolvedParty | None
    source_reason: str


@lru_cache(maxsize=1)
def ontology() -> Mapping[str, Any]:
    """Return the table of PLOVER types: quad class, scores, CAMEO roots."""
    return cast("Mapping[str, Any]", read_yaml("ontology.yaml"))


def announced_type(plover: PloverType) -> PloverType:
    """Return what an act counts as while it is only announced (PLOVER: a future AID is an AGREE)."""
    return cast("PloverType", ontology()["types"][plover].get("planned", plover))


def _goldstein(cameo: str, plover: str) -> float | None:
    table = ontology()["goldstein"]
    for length in range(len(cameo), 1, -1):
        if cameo[:length] in table:
            return float(table[cameo[:length]])
    return float(ontology()["types"][plover]["goldstein"])


def _standing(text: str, words: str, start: int, end: int) -> tuple[int | None, int | None]:
    """Return where words stand in the text; nowhere for those of the title, which lend an act its place and country."""
    return (start, end) if text[start:end] == words else (None, None)


def _party(found: ResolvedParty, text: str) -> Party:
    who = found.resolution
    start, end = _standing(text, found.text, found.start, found.end)
    return Party(
        text=found.text,
        start=start,
        end=end,
        name=who.name,
        country=who.country,
        sector=who.sector,
        organisation=who.organisation,
        id=who.id,
        coreference=found.coreference,
        how=who.how,
    )


def _place(chosen: ChosenPlace, text: str) -> Place | None:
    found = chosen.place
    if found is None:
        return None
    start, end = _standing(text, found.text, found.start, found.end)
    return place_part(found, f"{chosen.reason}; {found.how}").model_copy(update={"start": start, "end": end})


def place_part(found: ResolvedPlace, how: str) -> Place:
    """Return a resolved place as a slot of a mention."""
    entry = found.entry
    return Place(
        text=found.text,
        start=found.start,
        end=found.end,
        name=entry.name,
        geonames_id=entry.geonames_id or None,
        latitude=entry.latitude,
        longitude=entry.longitude,
        country=entry.country or None,
        admin1=entry.admin1 or None,
        kind=entry.kind,
        score=round(min(1.0, max(0.0, found.score)), 3),
        how=how,
    )


def _date(chosen: ChosenDate) -> ActDate | None:
    if chosen.expression is None:
        return None
    resolved = chosen.resolved
    value = resolved.value if resolved is not None else None
    return ActDate(
        text=chosen.expression.text,
        start=chosen.expression.start,
        end=chosen.expression.end,
        value=value,
        granularity=_GRANULARITY[len(value)] if value is not None else None,
        how=chosen.reason,
    )


def _quantity(found: QuantityExpression) -> Quantity:
    return Quantity(
        kind=cast("QuantityKind", found.kind),
        value=None if found.value is None else float(found.value),
        upper=None if found.upper is None else float(found.upper),
        op=found.op,
        unit=found.unit or None,
        text=found.text,
        start=found.start,
        end=found.end,
    )


def make_mention(act: Act, article: Article, language: str, coder: CoderVersion, trust: tuple[float, str]) -> Mention:
    """Return the mention of an act, with its ids; ``trust`` is its confidence and the reason for it."""
    entry = act.pattern.entry
    text = article.text
    actors, targets = (tuple(_party(p, text) for p in side) for side in (act.actors, act.targets))
    place, day = _place(act.place, text), _date(act.date)
    codes = [p.code for p in actors]
    target_codes = [p.code for p in targets]
    types = ontology()["types"][act.plover]
    cameo = entry.cameo if entry.cameo and act.plover == entry.type else str(types["cameo"])
    published = article.published.value
    located = None if place is None else (str(place.geonames_id) if place.geonames_id else place.country)
    when = day.value if day is not None and day.value else (published.date().isoformat() if published else None)
    return Mention(
        mention_id=mention_id(
            article.article_id,
            article.version,
            start=act.start,
            end=act.end,
            trigger_start=act.trigger[0],
            plover=act.plover,
            actors=codes,
            targets=target_codes,
        ),
        event_id=event_id(
            plover=act.plover,
            actors=codes,
            targets=target_codes,
            place=located,
            day=when,
            article=article.article_id,
        ),
        article_id=article.article_id,
        article_version=article.version,
        source_id=article.source.id,
        language=language,
        published=published,
        fetched=article.fetched,
        evidence=Evidence(text=article.text[act.start : act.end], start=act.start, end=act.end, sentence=act.sentence),
        trigger=Span(text=article.text[slice(*act.trigger)], start=act.trigger[0], end=act.trigger[1]),
        type=act.plover,
        mode=entry.mode if act.plover == entry.type else None,
        cameo=cameo,
        quad_class=cast("QuadClass", types["quad"]),
        goldstein=_goldstein(cameo, act.plover),
        plover_score=float(types["score"]),
        actors=actors,
        targets=targets,
        place=place,
        date=day,
        quantities=tuple(map(_quantity, act.quantities)),
        modality=act.stance.modality,
        historical=act.historical,
        attribution=None
        if act.source is None
        else Attribution(
            text=act.source.text, start=act.source.start, end=act.source.end, party=_party(act.source, text)
        ),
        confidence=trust[0],
        reasons=Reasons(
            type=act.type_reason,
            actors=act.actors_reason,
            targets=act.targets_reason,
            place=act.place.reason,
            date=act.date.reason,
            quantities=f"{len(act.quantities)} tied to the act"
            if act.quantities
            else "none in its arguments or clause",
            modality=act.stance.reason,
            attribution=act.source_reason,
            confidence=trust[1],
        ),
        coder=coder,
    )


def in_order(mentions: Sequence[Mention]) -> tuple[Mention, ...]:
    """Return mentions in order of evidence and trigger, one per id."""
    by_id = {m.mention_id: m for m in mentions}
    return tuple(sorted(by_id.values(), key=lambda m: (m.evidence.start, m.trigger.start, m.type, m.mention_id)))
