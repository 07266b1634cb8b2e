"""How well mentions agree with hand-coded events: which belong together, and the figures. Reads and prints nothing.

A mention matches an event of its article if the shorter of the two evidences is covered by half or more and its type is
the event's or one of its accepted alternatives; one to one, the best pairs first: the event's own type before an
alternative, then an actor in common, core events before optional ones, the same modality, the larger overlap. Recall
counts core events; a match with an optional event counts neither for nor against. Slots are judged on matched core
events that have the slot.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from depeche.gold import GoldEvent, GoldParty
from schemas.mention import Mention, Party

Slot = Literal["actor", "target", "place_country", "place_name", "date", "quantity", "modality"]
SLOTS: Final[tuple[Slot, ...]] = get_args(Slot)

_LEAST_OVERLAP = 0.5
_SHORTEST_WORD = 3


@dataclass(frozen=True, slots=True)
class NamedParty:
    """A party as scored: its words, and the codes of its country and organisation."""

    text: str
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Prediction:
    """A mention as scored."""

    start: int
    end: int
    type: str
    actors: tuple[NamedParty, ...] = ()
    targets: tuple[NamedParty, ...] = ()
    place: tuple[str, str | None] | None = None
    """The words for the place, and its country, alpha-2."""
    date: str | None = None
    modality: str = "asserted"
    quantities: frozenset[tuple[str, float | None]] = frozenset()
    """Kinds and values."""


def prediction_of(mention: Mention) -> Prediction:
    """Return a mention as scored."""

    def named(party: Party) -> NamedParty:
        given = (code for code in (party.country, party.organisation) if code)
        return NamedParty(party.text, frozenset(part for code in given for part in code.replace("+", "/").split("/")))

    place = mention.place
    return Prediction(
        start=mention.evidence.start,
        end=mention.evidence.end,
        type=mention.type,
        actors=tuple(map(named, mention.actors)),
        targets=tuple(map(named, mention.targets)),
        place=None if place is None else (f"{place.name} {place.text}", place.country),
        date=None if mention.date is None else mention.date.value,
        modality=mention.modality,
        quantities=frozenset((q.kind, q.value) for q in mention.quantities),
    )


def content_words(text: str) -> set[str]:
    """Return the words of three letters or more, without accents and in lower case."""
    flat = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(c if c.isalnum() else " " for c in flat if not unicodedata.combining(c))
    return {word for word in plain.split() if len(word) >= _SHORTEST_WORD}


def overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Return the share of the shorter of two spans that the other covers."""
    common = min(one[1], other[1]) - max(one[0], other[0])
    return max(0, common) / max(1, min(one[1] - one[0], other[1] - other[0]))


def parties_agree(gold: Sequence[GoldParty], predicted: Sequence[NamedParty]) -> bool:
    """Say whether any party agrees by code or, where the gold has no code at all, by a content word."""
    codes = frozenset[str]().union(*(party.codes for party in gold))
    if codes:
        return any(codes & party.codes for party in predicted)
    words = set[str]().union(*(content_words(party.text) for party in gold))
    return any(words & content_words(party.text) for party in predicted)


def match(predictions: Sequence[Prediction], events: Sequence[GoldEvent]) -> dict[int, int]:
    """Return {index of prediction: index of event} for the predictions and events of one article."""
    pairs = []
    for i, one in enumerate(predictions):
        for j, event in enumerate(events):
            covered = overlap((one.start, one.end), (event.start, event.end))
            if one.type in event.accepted and covered >= _LEAST_OVERLAP:
                rank = (
                    one.type == event.plover,
                    parties_agree(event.actor, one.actors),
                    event.core,
                    one.modality == event.modality,
                    covered,
                )
                pairs.append((rank, i, j))
    pairs.sort(key=lambda pair: pair[0], reverse=True)
    taken: dict[int, int] = {}
    hit: set[int] = set()
    for _, i, j in pairs:
        if i not in taken and j not in hit:
            taken[i] = j
            hit.add(j)
    return taken


def judged_slots(event: GoldEvent, one: Prediction) -> dict[Slot, bool]:
    """Return which slots of a matched prediction are right, for the slots that the event has."""
    slots: dict[Slot, bool] = {}
    if event.actor:
        slots["actor"] = parties_agree(event.actor, one.actors)
    if event.target:
        slots["target"] = parties_agree(event.target, one.targets)
    if event.place is not None and event.place.iso2:
        words = content_words(event.place.name or "") | content_words(event.place.text or "")
        slots["place_country"] = one.place is not None and one.place[1] == event.place.iso2
        slots["place_name"] = one.place is not None and bool(words & content_words(one.place[0]))
    if event.date is not None and event.date.iso:
        value = one.date or ""
        slots["date"] = bool(value) and (value.startswith(event.date.iso) or event.date.iso.startswith(value))
    wanted = {(q.kind, q.value) for q in event.quantity if q.value is not None}
    if wanted:
        slots["quantity"] = wanted <= one.quantities
    told = {one.modality, event.modality}
    slots["modality"] = len(told) == 1 or told == {"asserted", "reported"}
    return slots


@dataclass(slots=True)
class Tally:
    """Hits, what was predicted wrongly, and what was missed."""

    hits: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        """Share of the predicted that is right; 0 where nothing was predicted."""
        return self.hits / (self.hits + self.wrong) if self.hits + self.wrong else 0.0

    @property
    def recall(self) -> float:
        """Share of the gold that was found; 0 where there is none."""
        return self.hits / (self.hits + self.missed) if self.hits + self.missed else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def as_json(self) -> dict[str, float]:
        """Return the figures, shares to three decimals."""
        shares = {"p": self.precision, "r": self.recall, "f1": self.f1}
        counts = {"tp": self.hits, "fp": self.wrong, "fn": self.missed}
        return {name: round(value, 3) for name, value in shares.items()} | counts


@dataclass(slots=True)
class Figures:
    """The figures over the articles added so far."""

    articles: int = 0
    predicted: int = 0
    optional_hits: int = 0
    event: Tally = field(default_factory=Tally)
    whole: Tally = field(default_factory=Tally)
    """Who did what to whom: type, actor and target right."""
    slots: dict[Slot, tuple[int, int]] = field(default_factory=lambda: dict.fromkeys(SLOTS, (0, 0)))
    """How many are right, of how many."""
    types: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))

    def add(self, predictions: Sequence[Prediction], events: Sequence[GoldEvent]) -> dict[int, int]:
        """Count one article, and return which of its predictions match which of its events."""
        pairs = match(predictions, events)
        self.articles += 1
        self.predicted += len(predictions)
        for i, one in enumerate(predictions):
            event = events[pairs[i]] if i in pairs else None
            if event is None:
                self.types[one.type].wrong += 1
            elif not event.core:
                self.optional_hits += 1
            else:
                self.types[event.plover].hits += 1
                self._add_slots(judged_slots(event, one))
        hit = set(pairs.values())
        for j, event in enumerate(events):
            if event.core and j not in hit:
                self.types[event.plover].missed += 1
        self.event = _sum(self.types.values())
        rest = self.event.hits - self.whole.hits
        self.whole = Tally(self.whole.hits, self.event.wrong + rest, self.event.missed + rest)
        return pairs

    def _add_slots(self, judged: Mapping[Slot, bool]) -> None:
        for slot, right in judged.items():
            before, of = self.slots[slot]
            self.slots[slot] = (before + right, of + 1)
        self.whole.hits += judged.get("actor", True) and judged.get("target", True)

    @property
    def macro_f1(self) -> float:
        """Mean of the F1 (to three decimals) of the types that the gold has."""
        each = [round(tally.f1, 3) for tally in self.types.values() if tally.hits + tally.missed]
        return round(sum(each) / len(each), 3) if each else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return all figures."""
        return {
            "articles": self.articles,
            "gold_core": self.event.hits + self.event.missed,
            "predicted": self.predicted,
            "optional_hits": self.optional_hits,
            "event": self.event.as_json(),
            "who_did_what_to_whom": self.whole.as_json(),
            "slots": {
                slot: {"right": right, "of": of, "accuracy": round(right / of, 3) if of else None}
                for slot, (right, of) in self.slots.items()
            },
            "types": {name: self.types[name].as_json() for name in sorted(self.types)},
            "macro_f1": self.macro_f1,
        }


def _sum(tallies: Iterable[Tally]) -> Tally:
    counts = Counter[str]()
    for tally in tallies:
        counts.update(hits=tally.hits, wrong=tally.wrong, missed=tally.missed)
    return Tally(counts["hits"], counts["wrong"], counts["missed"])
