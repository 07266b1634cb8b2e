"""What the trained models learn from: coded articles read by the coder, each decision with its right answer.

Every article is read twice by the coder itself, so that the features are those of normal running: once to describe its
words, of which those that carry a coded trigger are the answers; once with these words recognised, to list the
candidates for their parties. Holds features, never sentences. Does not fit (:mod:`bench.training`).
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from depeche.gold import GoldArticle, GoldEvent, GoldParty
from depeche.scoring import content_words
from schemas.article import Article, Identity, Provenance, Published, Source, make_article
from schemas.base import clean_text
from schemas.mention import PloverType
from streams.coding.coder import load_coder
from streams.coding.learned import Learned
from streams.coding.lexicon import Entry
from streams.coding.parties import ResolvedParty
from streams.coding.party_candidates import Candidates
from streams.coding.party_choice import Chosen
from streams.coding.recognition import NONE, Recognised
from streams.coding.trigger_words import Word

#: What an optional event and a word of a lexicon sentence count beside a core event.
OPTIONAL = 0.4
OF_LEXICON = 0.25

_NOTHING = frozenset({NONE})

#: Stands for the article of a lexicon sentence.
LEXICON = "lexicon"

_FETCHED = datetime(2026, 1, 1, tzinfo=UTC)

#: Words of a trigger that carry no act by themselves.
_EMPTY = frozenset(
    ["les", "des", "une", "dans", "pour", "par", "sur", "avec", "aux", "ont", "été", "est", "qui", "que"]
)


@dataclass(frozen=True, slots=True)
class WordExample:
    """A word and what it tells."""

    article: str
    features: tuple[str, ...]
    answers: frozenset[str]
    """The types that count as right, or ``NONE`` alone."""
    weight: float
    """1 for a core event and for a word that tells nothing, less for what is less sure."""


@dataclass(frozen=True, slots=True)
class SideExample:
    """The candidates for one side of an act, nobody first, and which of them are right."""

    article: str
    side: str
    options: tuple[tuple[str, ...], ...]
    right: tuple[bool, ...]
    core: bool


class _Everything(Container[str]):
    def __contains__(self, item: object) -> bool:
        return True


class _Teacher:
    """Recognises the words that it is told to, and takes down every word and all candidates that it is shown."""

    def __init__(self) -> None:
        self.events: Mapping[int, GoldEvent] = {}
        self.words: list[Word] = []
        self.candidates: list[Candidates] = []

    @property
    def lemmas(self) -> Container[str]:
        return _Everything()

    def recognise(self, word: Word) -> Recognised:
        self.words.append(word)
        event = self.events.get(word.node.start)
        return Recognised(
            cast("PloverType", event.plover if event else "ACCUSE"), float(bool(event)), event is not None
        )

    def telling(self, word: Word) -> list[tuple[str, float]]:  # noqa: ARG002 - nothing weighs with a teacher
        return []

    def choose(self, candidates: Candidates) -> tuple[Chosen, Chosen]:
        self.candidates.append(candidates)
        return Chosen(None, 0.0), Chosen(None, 0.0)

    def forget(self) -> None:
        self.events, self.words, self.candidates = {}, [], []


class MaterialReader:
    """Reads examples off coded articles. Build one: it holds the parser."""

    def __init__(self, language: str = "fr") -> None:
        """Take the language of the articles."""
        self._language = language
        self._teacher = _Teacher()
        self._coder = load_coder((language,), lambda _: Learned(self._teacher, self._teacher))

    def read(self, gold: GoldArticle) -> tuple[list[WordExample], list[SideExample]]:
        """Return the examples of a coded article; none if it is in another language."""
        teacher = self._teacher
        teacher.forget()
        self._coder.code([gold.article])
        carriers, beside = _carriers(gold, teacher.words)
        words = [
            WordExample(
                gold.id,
                word.features,
                carriers[word.node.start].accepted if word.node.start in carriers else _NOTHING,
                OPTIONAL if word.node.start in carriers and not carriers[word.node.start].core else 1.0,
            )
            for word in teacher.words
            if word.node.start not in beside
        ]
        teacher.forget()
        teacher.events = carriers
        self._coder.code([gold.article])
        return words, [example for found in teacher.candidates for example in _sides(gold.id, found, carriers)]

    def read_entry(self, entry: Entry) -> list[WordExample]:
        """Return the words of a lexicon entry's own sentences: examples tell the act, counter-examples do not."""
        out: list[WordExample] = []
        for sentence, answer in [*((s, entry.type) for s in entry.examples), *((s, NONE) for s in entry.counter)]:
            self._teacher.forget()
            self._coder.code([_article_of(sentence, self._language)])
            for word in self._teacher.words:
                own = any(one.match.pattern.entry.id == entry.id and (one.met or answer == NONE) for one in word.tried)
                if own or not word.tried:
                    out.append(
                        WordExample(LEXICON, word.features, frozenset({answer}) if own else _NOTHING, OF_LEXICON)
                    )
        return out


def _article_of(sentence: str, language: str) -> Article:
    return make_article(
        source=Source(id="lexicon", language=language),
        connector="lexicon",
        identity=Identity(guid=sentence),
        text=clean_text(sentence),
        language=language,
        published=Published(value=None, reading="none"),
        fetched=_FETCHED,
        provenance=Provenance(fetch_id="lexicon", hop="file"),
    )


def _sides(article: str, candidates: Candidates, carriers: Mapping[int, GoldEvent]) -> list[SideExample]:
    event = carriers.get(candidates.act.node.start)
    if event is None:
        return []
    found = (
        _side(article, "actor", event.actor, candidates, core=event.core),
        _side(article, "target", event.target, candidates, core=event.core),
    )
    return [example for example in found if example is not None]


def _carriers(gold: GoldArticle, words: Sequence[Word]) -> tuple[dict[int, GoldEvent], set[int]]:
    """Return, by offset, the word that carries each event, and the other words of triggers, which are no examples."""
    carriers: dict[int, GoldEvent] = {}
    beside: set[int] = set()
    for event in gold.events:
        found = _trigger_words(gold.article.text, event, words)
        if not found:
            continue
        head = min(found, key=lambda word: _rank(word, event))
        beside |= {word.node.start for word in found if word is not head}
        known = carriers.get(head.node.start)
        if known is None or (event.core and not known.core):
            carriers[head.node.start] = event
    return carriers, beside - carriers.keys()


def _trigger_words(text: str, event: GoldEvent, words: Sequence[Word]) -> list[Word]:
    trigger = event.trigger or ""
    inside = [word for word in words if event.start <= word.node.start < event.end]
    if not trigger:  # the coder names none: what the lexicon reads as the event
        return [w for w in inside if any(one.met and one.plover in event.accepted for one in w.tried)][:1]
    start = text.find(trigger, event.start, event.end)
    if start >= 0:
        return [w for w in inside if w.node.start < start + len(trigger) and w.node.end > start]
    spoken = set(re.findall(r"\w+", trigger.lower())) - _EMPTY
    return [w for w in inside if w.node.text.lower() in spoken]


def _rank(word: Word, event: GoldEvent) -> tuple[bool, bool, bool, int]:
    """Order the words of a trigger: what the lexicon reads as the event, what it knows as such, verbs, the first."""
    first = next((one.plover for one in word.tried if one.met), None)
    known = any(one.plover in event.accepted for one in word.tried)
    return first not in event.accepted, not known, not word.node.is_verbal, word.node.index


def _side(
    article: str, side: str, gold: Sequence[GoldParty], candidates: Candidates, *, core: bool
) -> SideExample | None:
    """Return the example of one side; None where nobody listed is right, from which nothing can be learned."""
    by_words = [_shares_word(c.parties, gold) for c in candidates.found]
    by_codes = [_shares_code(c.parties, gold) for c in candidates.found]
    right = (not gold, *(by_words if any(by_words) else by_codes))
    if not any(right):
        return None
    options = (candidates.none, *(c.features for c in candidates.found))
    return SideExample(article, side, options, right, core)


def _shares_word(parties: Sequence[ResolvedParty], gold: Sequence[GoldParty]) -> bool:
    words = frozenset[str]().union(*(content_words(party.text) for party in gold))
    return bool(parties) and bool(words & content_words(parties[0].text))


def _shares_code(parties: Sequence[ResolvedParty], gold: Sequence[GoldParty]) -> bool:
    codes = frozenset[str]().union(*(party.codes for party in gold))
    found = {
        part
        for party in parties[:1]
        for code in (party.resolution.country, party.resolution.organisation)
        if code
        for part in code.replace("+", "/").split("/")
    }
    return bool(codes & found)
