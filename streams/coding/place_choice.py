"""Where an act takes place, among the places that its article names.

Rules in order: the place that the act's own clause gives (a locative phrase, the place attacked or visited); the place
of the act that a noun takes up again ("l'attentat"), or of the act told just before; the article's main place, which
its title or lead names. Acts of words have their own place or none, save where the speaker is at home. What none of
them gives stays empty, with the reason. Does not choose between places of one name (:mod:`places`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from streams.coding.circumstance_words import CircumstanceWords
from streams.coding.place_sites import at_site, site_of
from streams.coding.places import PlaceEntry, ResolvedPlace
from streams.coding.spans import between, head_of, meeting, nodes_between, starting_in
from streams.coding.text import fold, one_for_one
from streams.coding.tree import SUBJECTS, Node, Tree

#: Acts of word: they happen wherever their speaker is, which the text seldom says.
VERBAL_TYPES = frozenset({"AGREE", "SUPPORT", "CONCEDE", "REQUEST", "ACCUSE", "REJECT", "THREATEN", "SANCTION"})

#: Acts of word that nobody meets for: with a foreign speaker, nothing ties them to the article's place.
_SPOKEN = frozenset({"REQUEST", "ACCUSE", "REJECT", "THREATEN"})

#: What states and governments do for all of their country.
_OF_STATES = frozenset({"AGREE", "CONCEDE"})

#: What a state does within its borders.
_AT_HOME = frozenset({"COERCE", "CONCEDE"})

#: How far a place goes on to be that of what is told next, in code points.
_NEAR = 200

#: No place name is longer than this, in code points.
_LONGEST_NAME = 200

#: How far the place of one act is that of the next, in an article about a whole country.
_GOES_ON = 1000

#: How far the lead goes, in code points.
_LEAD = 700

#: How many mentions in the text a place in the title is worth to its country: where it says that all happens there
#: ("Mali : …", "… à Bamako"), and elsewhere.
_TITLE_SAYS, _TITLE_NAMES = 6, 2

#: A place that scores lower is not the act's; acts of words need a phrase of their own.
_ENOUGH, _ENOUGH_FOR_WORDS = 0.5, 2.6

#: How much farther a place is from an act for each noun, verb and clause with a subject, through which it hangs on it.
_PER_NOUN, _PER_VERB, _PER_CLAUSE = 0.1, 0.5, 2.0

#: What "of" a city says for its being where something happens: "le tribunal de Lyon", "une école de Gap".
_SEAT = 0.0
_OF = frozenset({"de", "of"})

#: English prepositions of where a visitor, soldiers or help go; such acts take place where they go.
_TOWARDS = frozenset({"to", "into"})
_GOING = frozenset({"CONSULT", "MOBILIZE", "AID"})

#: How many words before a place are looked at for its preposition: "dans le nord de la région de".
_BETWEEN = 7

_WORD = re.compile(r"[^\W_]+'?")
#: An article of as many countries, none of which has this share of its places, tells of each in turn.
_MANY_COUNTRIES, _PREVAILS = 4, 0.4

#: What a city is worth in a title that its country or region opens: "Angleterre : … à Manchester".
_WITHIN = 3.0

#: How long an article is, in code points: "les ".
_ARTICLE = 4

#: How often the only city named must be.
_OFTEN = 2

_TITLE_HEAD = re.compile(r"\s*:")
_PRECISION = {"city": 2.0, "region": 1.0}
_KIND_BONUS = {"city": 0.5, "region": 0.4, "other": 0.3}


@dataclass(frozen=True, slots=True)
class ChosenPlace:
    """A place for an act, or why there is none."""

    place: ResolvedPlace | None
    reason: str
    own: bool = False
    """True where the act's own sentence names it."""


@dataclass(slots=True)
class _Weight:
    """What speaks for a place being the article's."""

    place: ResolvedPlace
    score: float = 0.0


class PlaceChoice:
    """Chooses the places of one article's acts, in the order of its sentences."""

    def __init__(
        self,
        *,
        text: str,
        title: str,
        words: CircumstanceWords,
        saying: frozenset[str],
        places: Sequence[ResolvedPlace],
        title_places: Sequence[ResolvedPlace],
    ) -> None:
        """Take the places of the whole text and title, in order."""
        self._text = text
        self._title = title
        self._words = words
        self._saying = saying
        self.places = tuple(places)
        self._title_places = tuple(title_places)
        named = (*reversed(self.places), *reversed(self._title_places))  # the first of each remains, the title's before
        self._by_entry = {p.entry: p for p in named if p.text[:1].isupper()}
        self._by_country = {p.entry.country: p for p in named if p.entry.kind == "country"}
        self._countries = self._weigh_countries()
        self.main = self._main_place()
        self._last: ResolvedPlace | None = None
        self._site: tuple[int, int] | None = None
        self._acting: ResolvedPlace | None = None

    def main_country(self) -> str | None:
        """Return the alpha-2 code of the country that the article is about, if one stands out."""
        best = self._countries.most_common(1)
        return best[0][0] if best else None

    def _heads_title(self, place: ResolvedPlace) -> bool:
        """Say whether a place opens the title before a colon ("Mali : …"): the article plays there."""
        return place.start <= len("« La ") and _TITLE_HEAD.match(self._title, place.end) is not None

    def _weigh_countries(self) -> Counter[str]:
        weights: Counter[str] = Counter(p.entry.country for p in self.places if p.entry.country)
        for place in self._title_places:
            if place.entry.country:
                says = self._heads_title(place) or self._is_locative(place, self._title)
                weights[place.entry.country] += _TITLE_SAYS if says else _TITLE_NAMES
        return weights

    def _is_locative(self, place: ResolvedPlace, text: str) -> bool:
        """Say whether a place stands after a locative preposition ("à X", "dans la ville de X")."""
        before = fold(one_for_one(text[max(0, place.start - 40) : place.start]))
        for word in reversed(_WORD.findall(before)[-_BETWEEN:]):
            if word in self._words.strong_locatives:
                return True
            if not (word in self._words.links or word in self._words.place_nouns or word.isdigit()):
                return False
        return False

    def _main_place(self) -> ResolvedPlace | None:
        """Return the place where the article plays: in its main country, what title and lead say."""
        country = self.main_country()
        weights: dict[object, _Weight] = {}

        def add(place: ResolvedPlace, score: float) -> None:
            key = place.entry.geonames_id or (place.entry.name, place.entry.country)
            weights.setdefault(key, _Weight(place)).score += score

        for place in self.places:
            if place.entry.country == country or not place.entry.country:
                locative = self._is_locative(place, self._text)
                lead = place.start < _LEAD
                add(place, 0.3 + (0.5 if locative else 0.0) + (1.0 if locative and lead else 0.0))
        for place in self._title_places:
            if place.entry.country == country:
                within = place.entry.kind == "city" and any(self._heads_title(p) for p in self._title_places)
                says = self._is_locative(place, self._title) or self._heads_title(place) or within
                add(
                    place, 1.5 + (1.5 if says and place.entry.kind != "country" else 0.0) + (_WITHIN if within else 0.0)
                )
        if not weights:
            return None
        best = max(weights.values(), key=lambda w: (w.score + self._precision(w.place.entry), -w.place.start)).place
        if best.entry.kind == "country":
            return self._only_city(best) or best
        if best.entry.is_capital and not any(p.entry.kind != "country" for p in self._title_places):
            return next((p for p in self._title_places if p.entry.country == best.entry.country), self._named(best))
        return self._named(best)

    def _named(self, place: ResolvedPlace) -> ResolvedPlace:
        """Return a mention of a place by its name, if it is but "la capitale" and the article names it elsewhere."""
        if place.text[:1].isupper():
            return place
        return self._by_entry.get(place.entry, place)

    def _only_city(self, country: ResolvedPlace) -> ResolvedPlace | None:
        """Return the one city that an article about a country names in it, and more than once; no capital."""
        cities = [p for p in self.places if p.entry.kind == "city" and p.entry.country == country.entry.country]
        if len(cities) < _OFTEN or len({p.entry for p in cities}) > 1 or cities[0].entry.is_capital:
            return None
        return next((p for p in cities if self._is_locative(p, self._text)), None)

    def _precision(self, entry: PlaceEntry) -> float:
        """Return what speaks for an exact place rather than the country around it."""
        return _PRECISION.get(entry.kind, 0.0) - (0.0 if entry.country else 1.0)

    def choose(
        self, tree: Tree, predicate: Node, governor: Node, plover: str, taken: Sequence[tuple[int, int]]
    ) -> ChosenPlace:
        """Return the place that an act's own sentence gives it.

        Args:
            tree: its sentence.
            predicate: the trigger's head.
            governor: the verb that carries it.
            plover: its type.
            taken: spans of its actors; a place inside one is that actor's, not the act's.
        """
        verbal = plover in VERBAL_TYPES
        self._site = None if verbal else self._site_of(tree, predicate, governor)
        here = starting_in(self.places, tree.start, tree.end)
        self._acting = next((p for p in here if p.entry.kind == "country" and _is_within(p, taken)), None)
        scored: list[tuple[float, int, ResolvedPlace]] = []
        seat: ResolvedPlace | None = None
        for place in here:
            nodes = nodes_between(tree, place.start, place.end)
            if nodes:
                score = self._score(place, nodes, tree, predicate, governor, verbal=verbal)
                if plover in _GOING and _is_goal(head_of(nodes), tree, predicate):
                    score += 4.0
                if any(start <= place.start < end for start, end in taken):
                    score -= 1.5
                    seat = seat or (place if self._is_seat(place, head_of(nodes), tree) else None)
                scored.append((score, -place.start, place))
        if scored:
            score, _, place = max(scored, key=lambda s: (s[0], s[1]))
            if score >= (_ENOUGH_FOR_WORDS if verbal else _ENOUGH):
                self._last = place
                return ChosenPlace(place, "locative phrase in the act's sentence", True)
        if seat is not None:
            return ChosenPlace(seat, "seat of who acts")
        return ChosenPlace(None, "no place in the act's sentence")

    def _site_of(self, tree: Tree, predicate: Node, governor: Node) -> tuple[int, int] | None:
        words = self._words
        return site_of(tree, predicate, governor, sites=words.sites, seats=words.seats, says_where=self._says_where)

    def _score(
        self, place: ResolvedPlace, nodes: list[Node], tree: Tree, predicate: Node, governor: Node, *, verbal: bool
    ) -> float:
        """Return how surely a place is that of an act: by its preposition, and by how it hangs on the act."""
        head = head_of(nodes)
        while True:  # "dans le centre de X": what counts is the preposition of "centre"
            above = tree.head(head)
            if above is None or above.index in {predicate.index, governor.index}:
                break
            if not (above.lemmas & self._words.place_nouns and head.relation in {"nmod", "appos", "flat:name"}):
                break
            head = above
        score = self._manner(place, head, tree, predicate, verbal=verbal)
        score += self._attachment(head, tree, predicate, governor)
        if any(n.pos == "ADJ" for n in nodes):
            score -= 1.5
        score += _KIND_BONUS.get(place.entry.kind, 0.0)
        score -= abs(nodes[0].index - predicate.index) / 40
        score -= 0.0 if place.entry.country else 0.6
        return score

    def _manner(self, place: ResolvedPlace, head: Node, tree: Tree, predicate: Node, *, verbal: bool) -> float:
        """Return what the preposition or function of a place says for its being where something happens."""
        case = tree.case(head)
        if self._says_where(case) or self._is_locative(place, self._text):
            return 2.0
        if self._is_seat(place, head, tree) and head.head != predicate.index:
            return _SEAT
        if head.relation in {"obj", "nsubj:pass"} and not verbal and head.head == predicate.index:
            return 1.0
        if head.relation == "nmod" and head.head == predicate.index and not verbal:
            return 0.5
        if head.relation.startswith(("nsubj", "obl:agent", "obj", "iobj")):
            return -3.5
        return -2.0

    def _is_seat(self, place: ResolvedPlace, head: Node, tree: Tree) -> bool:
        """Say whether a city is where a body or group is at home: "le tribunal de Lyon"."""
        return head.relation == "nmod" and place.entry.kind == "city" and tree.case(head) in _OF

    def _says_where(self, case: str) -> bool:
        """Say whether a preposition, perhaps of several words, says where: "à", "près de", not "à l'encontre de"."""
        first, _, rest = case.partition(" ")
        if first not in self._words.locatives:
            return False
        return first != "a" or not rest or bool(set(rest.split()) & self._words.place_nouns)

    def _attachment(self, head: Node, tree: Tree, predicate: Node, governor: Node) -> float:
        """Return how closely a place hangs on an act: on its own words, or through others."""
        for top in (predicate, governor):
            if tree.is_below(head, top):
                return (1.5 if top.index == predicate.index else 1.2) - self._distance(tree, head, top)
        joint = meeting(tree, head, governor)
        if joint is None:
            return -0.5
        if joint.is_verbal and joint.lemmas & self._saying:
            return -0.8
        return 0.3 - self._distance(tree, head, joint)

    def _distance(self, tree: Tree, node: Node, top: Node) -> float:
        """Return how far a place is from what it hangs on: clauses with a subject of their own are far."""
        steps = between(tree, node, top) if node.index != top.index else []
        clauses = [n for n in steps if n.is_verbal]
        apart = sum(any(c.relation in SUBJECTS for c in tree.children(n)) for n in clauses)
        return _PER_NOUN * (len(steps) - len(clauses)) + _PER_VERB * (len(clauses) - apart) + _PER_CLAUSE * apart

    def inherited(
        self,
        plover: str,
        *,
        at_home: bool,
        told: ChosenPlace | None = None,
        tree: Tree | None = None,
        wide: bool = False,
    ) -> ChosenPlace:
        """Return the place of the act last asked for, whose own sentence names none that the gazetteer knows.

        A square or building that the act's own words name is in the place that the article's context gives.

        Args:
            plover: the act's type.
            at_home: True where an actor is of the country that the article is about: what it says, it says there.
            told: the place of an earlier act that this one takes up, if it does.
            tree: the act's sentence.
            wide: True for what is told of a month or year: it happens in more than one city.
        """
        around = self._around(plover, at_home=at_home, told=told, tree=tree, wide=wide)
        if self._site is None or around.place is None:
            return around
        return replace(around, place=at_site(around.place, self._text, *self._site), reason=f"site; {around.reason}")

    def _around(
        self, plover: str, *, at_home: bool, told: ChosenPlace | None, tree: Tree | None, wide: bool
    ) -> ChosenPlace:
        """Return the place that the article's context gives an act; arguments as of :meth:`inherited`."""
        if plover in _SPOKEN and not at_home:
            return ChosenPlace(None, "an act of words, and no place in its own clause")
        if plover in _AT_HOME and self._acting is not None:
            return ChosenPlace(self._acting, "the country that acts does so at home")
        if told is not None and told.place is not None:
            return ChosenPlace(told.place, "place of the act that the words take up")
        if plover not in VERBAL_TYPES and self._last is not None and self._goes_on_at(self._last, tree, wide=wide):
            return ChosenPlace(self._named(self._last), "place of the act told before")
        if self.main is not None:
            return self._main_for(plover, tree, self.main, wide=wide)
        return ChosenPlace(None, "no place in the sentence, before it or in the lead")

    def _main_for(self, plover: str, tree: Tree | None, main: ResolvedPlace, *, wide: bool) -> ChosenPlace:
        """Return the article's main place, or what its sentence makes of it: the country around, the city before."""
        whole = wide or plover in _OF_STATES or self._speaks_of(tree, self._words.country_nouns)
        if main.entry.kind != "country" and whole and not self._speaks_of(tree, self._words.local_nouns):
            country = self._country_of(main)
            if country is not None:
                return ChosenPlace(country, "country of the article: told of the whole of it")
        near = self._named_near(tree) if plover not in VERBAL_TYPES and not wide else None
        if near is not None:
            return ChosenPlace(near, "place named just before")
        return ChosenPlace(main, "main place of the article")

    def _country_of(self, main: ResolvedPlace) -> ResolvedPlace | None:
        return self._by_country.get(main.entry.country)

    def _speaks_of(self, tree: Tree | None, nouns: frozenset[str]) -> bool:
        """Say whether a sentence holds one of some nouns, in the singular: of the whole country, of a part of it."""
        nodes = tree.nodes if tree is not None else ()
        return any(n.pos == "NOUN" and n.lemmas & nouns and "Number=Plur" not in n.morph for n in nodes)

    def _named_near(self, tree: Tree | None) -> ResolvedPlace | None:
        """Return the city in the article's country that the text named just before a sentence as where something is."""
        if tree is None or self.main is None:
            return None
        for place in reversed(starting_in(self.places, tree.start - _NEAR - _LONGEST_NAME, tree.start)):
            near = tree.start - place.end <= _NEAR and place.entry.country == self.main.entry.country
            if near and place.entry.kind == "city" and self._is_locative(place, self._text):
                return self._named(place)
        return None

    def _is_scattered(self) -> bool:
        """Say whether an article goes from country to country: its title names none, and none prevails in the text."""
        named = sum(self._countries.values())
        most = max(self._countries.values(), default=0)
        return not self._title_places and len(self._countries) >= _MANY_COUNTRIES and most < _PREVAILS * named

    def _goes_on_at(self, last: ResolvedPlace, tree: Tree | None, *, wide: bool) -> bool:
        """Say whether the act told before narrows the article's main place, or there is none to speak of."""
        if self.main is None or not self.main.entry.country or self._is_scattered():
            return True
        if (
            wide
            or self._speaks_of(tree, self._words.country_nouns)
            or (tree is not None and tree.start - last.end > _GOES_ON)
        ):
            return False
        return self.main.entry.kind == "country" and last.entry.country == self.main.entry.country


def _is_within(place: ResolvedPlace, spans: Sequence[tuple[int, int]]) -> bool:
    """Say whether a place's name is all that a party is named by, its article aside: "L'Inde", "la Grèce"."""
    return any(start <= place.start and place.end == end and place.start - start <= _ARTICLE for start, end in spans)


def _is_goal(head: Node, tree: Tree, predicate: Node) -> bool:
    """Say whether a place is where the act goes ("flew to Tehran", "sent troops to Chad", "a visit to Paris")."""
    above = tree.head(head)
    objects = {c.index for c in tree.children(predicate, "obj", "attr", "obl:arg")}
    return above is not None and above.index in objects | {predicate.index} and tree.case(head) in _TOWARDS
