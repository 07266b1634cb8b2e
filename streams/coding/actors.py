"""Who is meant by a noun phrase: country, sector, organisation, by tables and a few rules of reading.

``ActorTable.resolve`` reads one phrase as it stands in a text ("le président turc Recep Tayyip Erdogan",
"56 policiers", "l'envoyé spécial de l'ONU en Libye"); ``ActorTable.find`` finds the known names of a whole text. The
tables are data (``data/actors``). This module does not parse, does not follow pronouns and does not read the rest of
the article: what the context says comes in as ``country_hint`` and is used for domestic common nouns only. What can't
be told is None, and ``how`` says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from streams.coding.actor_data import Demonym, Office, Organisation, Person, Role, State
from streams.coding.actor_names import ActorEntry, ActorNames, Kind
from streams.coding.actor_reading import Item, PhraseReader, ReadingWords, preferred
from streams.coding.phrases import PhraseMatch, Word, words_of
from streams.coding.places import Gazetteer

#: So many phrases are remembered as read; then all are forgotten, which bounds memory.
_MOST_KNOWN = 20_000

_CALLED: dict[Kind, str] = {
    "adjective": "demonym",
    "state": "state",
    "metonym": "metonym",
    "person": "person",
    "surname": "person",
    "organisation": "organisation",
    "role": "noun",
}


@dataclass(frozen=True, slots=True)
class ActorResolution:
    """Who a phrase stands for, as far as tables and the phrase itself say.

    Attributes:
        name: the canonical name of a person, state or organisation; the name in the text for a person in no table;
            None for a common noun.
        country: ISO 3166-1 alpha-3; None for international bodies and where nothing tells.
        sector: one of GOV MIL REB OPP PTY AGR LEG JUD COP SPY CVL EDU MED NGO IGO UAF PRV, or None.
        organisation: a code such as UNO, EUR, NAT, IMG, or None; an agency's own code follows its family's ("UNO/WHO").
        id: the table entry, such as ``state:FRA``, ``person:emmanuel-macron``, ``org:UNO``; None where there is none.
        how: the reason, in words.
    """

    name: str | None
    country: str | None
    sector: str | None
    organisation: str | None
    id: str | None
    how: str


@dataclass(frozen=True, slots=True)
class ActorSpan:
    """A known name in a text; offsets are code points, ``text`` is the slice they give."""

    start: int
    end: int
    text: str
    kind: Kind
    resolution: ActorResolution


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in a phrase: as written, its name, and the alpha-3 code of its country."""

    text: str
    name: str
    country: str


@dataclass(frozen=True, slots=True)
class _Phrase:
    """A noun phrase as read, with what is known of its article."""

    words: Sequence[Word]
    items: Sequence[Item]
    name: str | None
    former: bool
    on: date | None
    hint: str | None
    place: _Place | None


@dataclass(frozen=True, slots=True)
class _Ties:
    """The country and organisation that an item lends to the noun it qualifies."""

    country: str | None
    organisation: str | None

    def __bool__(self) -> bool:
        return self.country is not None or self.organisation is not None


def _unresolved(why: str) -> ActorResolution:
    return ActorResolution(None, None, None, None, None, f"unresolved: {why}")


class ActorTable:
    """The actors that the project knows, and how to read phrases that name them."""

    def __init__(self, names: ActorNames, words: ReadingWords, places: Gazetteer) -> None:
        self._names = names
        self._reader = PhraseReader(names, words)
        # For nouns that name their country by a place: "la police de Chicago".
        self._places = places
        self._known: dict[tuple[str, str], _Phrase | None] = {}

    @classmethod
    def load(cls) -> ActorTable:
        """Read the tables; a caller keeps the result, which never changes.

        Raises:
            ActorDataError: a table of actors holds a line that can't be read.
            GazetteerDataError: a table of places holds one.
        """
        return cls(ActorNames(), ReadingWords.load(), Gazetteer.load())

    def state_name(self, alpha3: str) -> str | None:
        """Return the English name of a state by its ISO 3166-1 alpha-3 code, None for an unknown code."""
        state = self._names.states.get(alpha3)
        return None if state is None else state.name

    def resolve(
        self, phrase: str, *, language: str, on: date | None, country_hint: str | None = None
    ) -> ActorResolution:
        """Say who a noun phrase stands for.

        Args:
            phrase: the phrase as in the text. Of several actors in one phrase the first is taken.
            language: "fr" or "en".
            on: the day of the article; decides which office a person held. None where unknown.
            country_hint: alpha-3 of the country that the context suggests; used only for domestic common nouns.

        Returns:
            The resolution; every field None with a reason where nothing is known. Never raises on a phrase.
        """
        read = self._read(phrase, language)
        if read is None:
            return _unresolved("pronoun or no word")
        former = read.former
        found = self._decide(replace(read, on=on, hint=country_hint))
        if former and "former" not in found.how:
            kept = found.sector if found.id is not None and not found.id.startswith("state:") else None
            found = replace(found, sector=kept, how=f"former: {found.how}")
        return found

    def _read(self, phrase: str, language: str) -> _Phrase | None:
        """Return what a phrase says whatever the day and the context; None where it says nothing.

        The same phrases come back: with and without a context, in one article, and from article to article.
        """
        key = (phrase, language)
        if key not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            self._known[key] = self._read_anew(phrase, language)
        return self._known[key]

    def _read_anew(self, phrase: str, language: str) -> _Phrase | None:
        words = words_of(phrase)
        items, end = self._reader.items(phrase, words, language)
        words = words[:end]
        if not items and self._reader.is_empty(words):
            return None
        name = self._reader.unknown_name(phrase, words, items)
        former = self._reader.is_former(words, items)
        place = self._place(phrase, words, items, language)
        return _Phrase(words, items, name, former, None, None, place)

    def find(self, text: str, *, language: str) -> tuple[ActorSpan, ...]:
        """Find the known names of a text: people, organisations, states, adjectives, and roles with their country.

        Spans don't overlap; the longest match wins. Time is linear in the length of the text.
        """
        words = words_of(text)
        found = self._names.table(language).matches(text, words)
        matches = [match for match in found if self._reader.stands(text, words, match)]
        spans: list[ActorSpan] = []
        index = 0
        while index < len(matches):
            match = matches[index]
            index += 1
            kind, last = preferred(match.entries).kind, match.last
            if index < len(matches) and _is_pair(kind, match, matches[index], words):
                kind, last = "role", matches[index].last
                index += 1
            elif kind == "role":
                continue
            start, end = words[match.first].start, words[last - 1].end
            name = text[start:end]
            spans.append(ActorSpan(start, end, name, kind, self.resolve(name, language=language, on=None)))
        return tuple(spans)

    def _place(self, phrase: str, words: Sequence[Word], items: Sequence[Item], language: str) -> _Place | None:
        """Return the place that a common noun is tied to, or that the phrase names, None where there is none."""
        if items and not any(isinstance(item.entry.row, Role) for item in items):
            return None
        positions = {word.start: index for index, word in enumerate(words)}
        for toponym in self._places.find(phrase, language=language):
            entry, index = toponym.candidates[0], positions.get(toponym.start)
            country = self._places.alpha3(entry.country)
            if country is not None and index is not None and (not items or self._reader.is_tied(words, index)):
                return _Place(toponym.text, entry.name, country)
        return None

    def _decide(self, phrase: _Phrase) -> ActorResolution:
        """Resolve by the person that the phrase names, else by its head: an organisation, a state, a noun."""
        leading = [item for item in phrase.items if item.governor is None]
        for item in leading:
            if isinstance(item.entry.row, Person):
                return _as_person(item.entry.row, phrase.on, former=phrase.former)
        head = _head(leading)
        if head is not None:
            return self._by_head(head, phrase)
        if leading:
            counted = self._reader.is_counted(phrase.words, leading[0].first)
            return _as_demonym(leading[0], phrase, counted=counted)
        return _without_head(phrase, self._reader.words.of)

    def _by_head(self, head: Item, phrase: _Phrase) -> ActorResolution:
        row = head.entry.row
        if isinstance(row, Organisation):
            return _as_organisation(row, f"table of organisations, {head.text!r}")
        if isinstance(row, State):
            return _as_state(row, head)
        if isinstance(row, Role):
            return _as_role(row, head, phrase, self._reader.words.of)
        return _without_head(phrase, self._reader.words.of)


def _head(leading: Sequence[Item]) -> Item | None:
    """Return the head of a phrase: its first known noun, or the noun that a name stands before ("US troops")."""
    nouns = [item for item in leading if item.entry.kind != "adjective"]
    for item, following in pairwise(nouns):
        adjoins = following.first == item.last and following.text.islower()
        if not (adjoins and following.entry.kind == "role" and item.entry.kind != "role"):
            return item
    return nouns[-1] if nouns else None


def _without_head(phrase: _Phrase, of: frozenset[str]) -> ActorResolution:
    """Resolve a phrase whose head no table knows: a name as it stands, or what the noun belongs to."""
    if phrase.place is not None and phrase.name in {phrase.place.text, phrase.place.name}:
        how = f"place {phrase.place.text!r}, its people or its authorities"
        return ActorResolution(phrase.place.name, phrase.place.country, None, None, None, how)
    if phrase.name is not None:
        return ActorResolution(phrase.name, None, None, None, None, "unresolved: name in no table")
    role = next((item for item in phrase.items if isinstance(item.entry.row, Role) and item.governor == "of"), None)
    if role is not None and isinstance(role.entry.row, Role):
        # "un total de 1.100 policiers", "deux véhicules de police"
        return _as_role(role.entry.row, role, phrase, of)
    for item in phrase.items:
        ties = _ties(item, phrase.on) if item.governor != "aside" else None
        if ties:
            how = f"head noun in no table, belongs to {item.text!r}"
            return ActorResolution(None, ties.country, None, ties.organisation, None, how)
    return _unresolved("common noun in no table")


def _as_role(role: Role, head: Item, phrase: _Phrase, of: frozenset[str]) -> ActorResolution:
    """Resolve a phrase whose head is a common noun: by what it is tied to, then by the noun, then by the context."""
    others = [item for item in phrase.items if item is not head]
    if role.represents:
        for item in others:
            row = item.entry.row
            if isinstance(row, Organisation) and item.governor != "aside":
                found = _as_organisation(row, f"{head.text!r} of {item.text!r}, table of organisations")
                if phrase.name is None:
                    return found
                return replace(found, name=phrase.name, id=None, how=f"{found.how}; name in no table")
    sector = role.sector
    if role.represents or sector is None:
        # "le chef de la police", "un groupe de députés": the noun behind "de" says the sector.
        tied = [item.entry.row for item in others if sector is None or item.governor == "of"]
        sector = next((row.sector for row in tied if isinstance(row, Role | Organisation) and row.sector), sector)
    # "un membre du Conseil": what belongs to something that no table knows does not belong to the country.
    vague = sector is None and any(word.folded in of for word in phrase.words[head.last : head.last + 2])
    ties, how = _role_ties(role, head, others, phrase, vague=vague)
    return _role_result(role, sector, ties, phrase.name, how)


def _role_ties(role: Role, head: Item, others: Sequence[Item], phrase: _Phrase, *, vague: bool) -> tuple[_Ties, str]:
    """Return the country and organisation of a common noun, and the reason."""
    for governor in (None, "of", "in"):
        for item in others:
            ties = _ties(item, phrase.on) if item.governor == governor else None
            if ties:
                return ties, f"{_CALLED[item.entry.kind]} {item.text!r} + noun {head.text!r}"
    noun = f"noun {head.text!r}"
    if role.domestic and phrase.place is not None:
        return _Ties(phrase.place.country, None), f"{noun}, country of the place {phrase.place.text!r}"
    if role.countries:
        country = phrase.hint if phrase.hint in role.countries else role.countries[0]
        return _Ties(country, role.organisation), f"{noun}, of {' or '.join(role.countries)} only"
    if role.domestic and phrase.hint is not None and not vague:
        return _Ties(phrase.hint, role.organisation), f"{noun}, country from the context ({phrase.hint})"
    return _Ties(None, role.organisation), f"{noun}, no country named"


def _role_result(role: Role, sector: str | None, ties: _Ties, name: str | None, how: str) -> ActorResolution:
    country, organisation = ties.country, ties.organisation
    if country is not None and organisation == role.organisation:
        # A code of the noun alone ("djihadiste": IMG) is for those whose country is not told.
        organisation = None
    if organisation is not None and country is None and sector == "GOV":
        sector = "IGO"
    key = f"state:{country}" if country is not None and sector == "GOV" and name is None else None
    return ActorResolution(name, country, sector, organisation, key, how)


def _ties(item: Item, on: date | None) -> _Ties:
    row = item.entry.row
    if isinstance(row, State):
        return _Ties(row.alpha3, None)
    if isinstance(row, Person):
        office, _ = _office(row, on)
        return _Ties(office.country, office.organisation)
    if isinstance(row, Organisation):
        return _Ties(row.country, row.code)
    if isinstance(row, Demonym):
        return _Ties(row.country, row.organisation)
    return _Ties(None, None)


def _office(person: Person, on: date | None) -> tuple[Office, bool]:
    """Return the office of a person on a day and whether it is over."""
    if on is None:
        return person.offices[0], False
    for office in person.offices:
        if office.held_on(on):
            return office, False
    past = [office for office in person.offices if office.last is not None and office.last < on]
    if past:
        return max(past, key=lambda office: office.last or on), True
    return person.offices[0], False


def _years(office: Office) -> str:
    first = "" if office.first is None else str(office.first.year)
    last = "" if office.last is None else str(office.last.year)
    return f"{first}–{last}"


def _as_person(person: Person, on: date | None, *, former: bool) -> ActorResolution:
    office, over = _office(person, on)
    held = f"{office.title} ({_years(office)})"
    if over or former:
        how = f"table of people, former {held}"
    elif on is None:
        how = f"table of people, {held}, no date to judge by"
    elif office.held_on(on):
        how = f"table of people, {office.title}, in office {_years(office)}"
    else:
        how = f"table of people, not yet {held}"
    return ActorResolution(person.name, office.country, office.sector, office.organisation, person.id, how)


def _as_organisation(row: Organisation, how: str) -> ActorResolution:
    return ActorResolution(row.name, row.country, row.sector, row.code, row.id, how)


def _as_state(row: State, item: Item) -> ActorResolution:
    what = "seat of government" if item.entry.kind == "metonym" else "name of state"
    return ActorResolution(row.name, row.alpha3, "GOV", None, f"state:{row.alpha3}", f"{what} {item.text!r}")


def _as_demonym(item: Item, phrase: _Phrase, *, counted: bool) -> ActorResolution:
    """Resolve "les Britanniques", "des milliers d'Algériens", or a lone adjective."""
    ties = _ties(item, None)
    if not ties:
        return _unresolved(f"demonym {item.text!r} of no state")
    people = counted and phrase.words[item.first].is_capitalised
    how = f"demonym {item.text!r}" if people else f"demonym {item.text!r}: people or government, sector not told"
    return ActorResolution(phrase.name, ties.country, "CVL" if people else None, ties.organisation, None, how)


def _is_pair(
    kind: Kind, match: PhraseMatch[ActorEntry], follower: PhraseMatch[ActorEntry], words: Sequence[Word]
) -> bool:
    """Return whether two neighbouring phrases are one actor: a role with its demonym, in either order."""
    if follower.first != match.last:
        return False
    other = preferred(follower.entries).kind
    if kind == "role":
        return other == "adjective"
    return kind == "adjective" and other == "role" and words[follower.first].text.islower()
