"""Who is meant by a noun phrase: country, sector, organisation, by tables and a few rules of reading.

``ActorTable.resolve`` reads one phrase as it stands in a text ("le président turc Recep Tayyip Erdogan", "56 policiers",
"l'envoyé spécial de l'ONU en Libye"); ``ActorTable.find`` finds the known names of a whole text. The tables are data
(``data/actors``); this module holds the rules. It does not parse, does not follow pronouns, does not read the rest of
the article: what the context says comes in as ``country_hint`` and is used for domestic common nouns only. What can't
be told is None, and ``how`` says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from streams.coding.actor_data import Demonym, Office, Organisation, Person, Role, State
from streams.coding.actor_names import ActorEntry, ActorNames, Kind
from streams.coding.phrases import PhraseMatch, Word, words_of

_OF = frozenset("de du des d of".split())
_PLACED = frozenset("en au aux à a dans in at from depuis".split())
_ASIDE = frozenset("contre avec sans pour sur entre face après avant against with without for on over after before sous".split())
_CUT = frozenset("qui que qu dont où who which whose that par by ayant".split())
# "menée par Ryad" makes the coalition Riyadh's; "soutenus par Ryad" leaves the rebels where they are.
_LED = frozenset("mene menee menes menees conduit conduite conduits conduites dirige dirigee diriges dirigees "
                 "commande commandee commandes led headed commanded".split())
_FORMER = frozenset("ancien ancienne anciens anciennes ex former onetime feu defunt defunte".split())
_TITLES = frozenset("m mm mme mmes mlle mr mrs ms dr me maitre monsieur madame".split())
_ARTICLES = frozenset("le la les l un une des the an ce cet cette ces son sa ses leur leurs its their his her notre nos".split())
_PRONOUNS = frozenset("il elle ils elles on nous vous je tu lui leur eux celui celle ceux celles ce cela it he she they them "
                      "we us you i him her this these those who qui se s y en soi autres autre others".split())


@dataclass(frozen=True, slots=True)
class ActorResolution:
    """Who a phrase stands for, as far as tables and the phrase itself say.

    Attributes:
        name: the canonical name of a person, state or organisation; the name in the text for a person in no table;
            None for a common noun.
        country: ISO 3166-1 alpha-3; None for international bodies and where nothing tells.
        sector: one of GOV MIL REB OPP PTY AGR LEG JUD COP SPY CVL EDU MED NGO IGO UAF PRV, or None.
        organisation: a code such as UNO, EUR, NAT, IMG, or None.
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
class _Item:
    """A known phrase within the phrase that is read, and how it hangs on what stands before it."""

    entry: ActorEntry
    first: int
    last: int
    governor: str | None
    text: str


def _unresolved(why: str) -> ActorResolution:
    return ActorResolution(None, None, None, None, None, f"unresolved: {why}")


class ActorTable:
    """The actors that the project knows, and how to read phrases that name them."""

    def __init__(self, names: ActorNames) -> None:
        self._names = names

    @classmethod
    def load(cls) -> ActorTable:
        """Read the tables; a caller keeps the result, which never changes.

        Raises:
            ActorDataError: a table holds a line that can't be read.
        """
        return cls(ActorNames())

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
        words = words_of(phrase)
        content = [word for word in words if word.folded not in _ARTICLES]
        if not content or all(word.folded in _PRONOUNS for word in content):
            return _unresolved("pronoun or no word")
        items = self._items(phrase, words, language)
        name = _unknown_name(phrase, words, items)
        former = _is_former(words, items)
        found = self._decide(phrase, words, items, on, country_hint, name, former=former)
        if former and "former" not in found.how:
            kept = found.sector if found.id is not None and not found.id.startswith("state:") else None
            found = replace(found, sector=kept, how=f"former: {found.how}")
        return found

    def find(self, text: str, *, language: str) -> tuple[ActorSpan, ...]:
        """Find the known names of a text: people, organisations, states, adjectives, and roles with their country.

        Spans don't overlap; the longest match wins. Time is linear in the length of the text.
        """
        words = words_of(text)
        matches = list(self._names.table(language).matches(text, words))
        spans: list[ActorSpan] = []
        index = 0
        while index < len(matches):
            match = matches[index]
            entry = _preferred(match.entries)
            if entry.kind == "surname" and not _surname_stands(words, match):
                index += 1
                continue
            follower = matches[index + 1] if index + 1 < len(matches) else None
            last = match.last
            if follower is not None and follower.first == match.last and _is_pair(entry, follower, words):
                last = follower.last
                index += 1
            index += 1
            if entry.kind == "role" and last == match.last:
                continue
            start, end = words[match.first].start, words[last - 1].end
            slice_ = text[start:end]
            kind: Kind = "role" if last != match.last else entry.kind
            spans.append(ActorSpan(start, end, slice_, kind, self.resolve(slice_, language=language, on=None)))
        return tuple(spans)

    def _items(self, phrase: str, words: Sequence[Word], language: str) -> list[_Item]:
        """Return the known phrases with what governs each: None, "of", "in" or "aside"; what follows a cut is left out."""
        items: list[_Item] = []
        table = self._names.table(language)
        governor: str | None = None
        index = 0
        while index < len(words):
            if index and phrase[words[index - 1].end : words[index].start].strip() in {",", "(", ", «", '"'}:
                governor = None
            word = words[index]
            match = table.match_at(phrase, words, index)
            if match is not None:
                entry = _preferred(match.entries)
                if entry.kind == "surname" and not _surname_stands(words, match):
                    index += 1
                    continue
                own = governor
                if entry.kind in {"person", "surname"} and index and words[index - 1].folded not in _OF | _ASIDE | _PLACED:
                    own = None
                text = phrase[word.start : words[match.last - 1].end]
                items.append(_Item(entry, match.first, match.last, own, text))
                index = match.last
                continue
            if word.folded in _CUT:
                if items and index and words[index - 1].folded in _LED:
                    governor = "of"
                elif items:
                    break
            elif word.folded in _OF:
                governor = governor if governor == "aside" else "of"
            elif word.folded in _PLACED:
                governor = "in"
            elif word.folded in _ASIDE:
                governor = "aside"
            index += 1
        return items

    def _decide(
        self,
        phrase: str,
        words: Sequence[Word],
        items: Sequence[_Item],
        on: date | None,
        hint: str | None,
        name: str | None,
        *,
        former: bool,
    ) -> ActorResolution:
        leading = [item for item in items if item.governor is None]
        for item in leading:
            if isinstance(item.entry.row, Person):
                return _as_person(item.entry.row, on, former=former)
        head = next((item for item in leading if item.entry.kind != "adjective"), None)
        if head is not None and isinstance(head.entry.row, Organisation):
            return _as_organisation(head.entry.row, f"table of organisations, {head.text!r}")
        if head is not None and isinstance(head.entry.row, State):
            return _as_state(head.entry.row, head)
        if head is not None and isinstance(head.entry.row, Role):
            return self._as_role(head.entry.row, head, items, on, hint, name)
        if leading:
            return _as_demonym(leading[0], phrase, words, name)
        if name is not None:
            return ActorResolution(name, None, None, None, None, "unresolved: name in no table")
        for item in items:
            if item.governor in {"of", "in"}:
                _, country, organisation = _belonging(item, on)
                if country or organisation:
                    return ActorResolution(
                        None, country, None, organisation, None, f"unknown head noun; belongs to {item.text!r}"
                    )
        return _unresolved("common noun in no table")

    def _as_role(
        self, role: Role, head: _Item, items: Sequence[_Item], on: date | None, hint: str | None, name: str | None
    ) -> ActorResolution:
        others = [item for item in items if item is not head]
        if role.represents:
            for item in others:
                row = item.entry.row
                if isinstance(row, Organisation) and item.governor != "aside":
                    found = _as_organisation(row, f"{head.text!r} of {item.text!r}, table of organisations")
                    return found if name is None else replace(found, name=name, id=None, how=f"{found.how}; name in no table")
        sector = role.sector or _sector_of_others(others)
        for governors in ((None,), ("of",), ("in",)):
            for item in others:
                if item.governor not in governors:
                    continue
                _, country, organisation = _belonging(item, on)
                if country or organisation:
                    how = f"{_describe(item)} + noun {head.text!r}"
                    return _role_result(role, sector, country, organisation, name, how)
        if role.country is not None:
            return _role_result(role, sector, role.country, role.organisation, name, f"noun {head.text!r}, of one country only")
        if role.domestic and hint is not None:
            how = f"noun {head.text!r}, country from the context ({hint})"
            return _role_result(role, sector, hint, role.organisation, name, how)
        return _role_result(role, sector, None, role.organisation, name, f"noun {head.text!r}, no country named")


def _role_result(
    role: Role, sector: str | None, country: str | None, organisation: str | None, name: str | None, how: str
) -> ActorResolution:
    if country is not None and organisation == role.organisation == "IMG":
        organisation = None
    key = f"state:{country}" if country is not None and sector == "GOV" and name is None else None
    if organisation is not None and country is None and sector == "GOV":
        sector = "IGO"
    return ActorResolution(name, country, sector, organisation, key, how)


def _sector_of_others(items: Sequence[_Item]) -> str | None:
    for item in items:
        row = item.entry.row
        if isinstance(row, Role | Organisation):
            return row.sector
    return None


def _describe(item: _Item) -> str:
    words = {
        "adjective": "demonym", "state": "state", "metonym": "metonym", "person": "person", "surname": "person",
        "organisation": "organisation", "role": "noun",
    }
    return f"{words[item.entry.kind]} {item.text!r}"


def _preferred(entries: Sequence[ActorEntry]) -> ActorEntry:
    """Return the entry that counts where a phrase has several: they were added in order of preference."""
    order: tuple[Kind, ...] = ("person", "organisation", "state", "metonym", "adjective", "surname", "role")
    return min(entries, key=lambda entry: order.index(entry.kind))


def _belonging(item: _Item, on: date | None) -> tuple[str, str | None, str | None]:
    """Return (kind, country, organisation) that an item lends to the noun it qualifies."""
    row = item.entry.row
    if isinstance(row, State):
        return "state", row.alpha3, None
    if isinstance(row, Person):
        office = _office(row, on)[0]
        return "person", office.country, office.organisation
    if isinstance(row, Organisation):
        return "organisation", row.country, row.code
    if isinstance(row, Demonym):
        return "demonym", row.country, row.organisation
    return "role", row.country, None


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
    if over or former:
        how = f"table of people, former {office.title} ({_years(office)})"
    elif on is not None and office.held_on(on):
        how = f"table of people, {office.title}, in office {_years(office)}"
    elif on is not None:
        how = f"table of people, not yet {office.title} ({_years(office)})"
    else:
        how = f"table of people, {office.title} ({_years(office)}), no date to judge by"
    return ActorResolution(person.name, office.country, office.sector, office.organisation, person.id, how)


def _as_organisation(row: Organisation, how: str) -> ActorResolution:
    return ActorResolution(row.name, row.country, row.sector, row.code, row.id, how)


def _as_state(row: State, item: _Item) -> ActorResolution:
    what = "seat of government" if item.entry.kind == "metonym" else "name of state"
    return ActorResolution(row.name, row.alpha3, "GOV", None, f"state:{row.alpha3}", f"{what} {item.text!r}")


def _as_demonym(item: _Item, phrase: str, words: Sequence[Word], name: str | None) -> ActorResolution:
    kind, country, organisation = _belonging(item, None)
    counted = any(word.folded.isdigit() or word.folded in {"milliers", "centaines", "dizaines", "millions", "thousands",
                                                           "hundreds", "dozens"} for word in words[: item.first])
    noun = words[item.first].is_capitalised and item.first > 0
    sector = "CVL" if counted and noun else None
    how = f"demonym {item.text!r}" + ("" if sector else ": people or government, sector not told")
    if kind == "state" or country or organisation:
        return ActorResolution(name, country, sector, organisation, None, how)
    return _unresolved(f"demonym {item.text!r} of no state")


def _is_former(words: Sequence[Word], items: Sequence[_Item]) -> bool:
    limit = items[0].first if items else len(words)
    return any(word.folded in _FORMER for word in words[:limit])


def _surname_stands(words: Sequence[Word], match: PhraseMatch[ActorEntry]) -> bool:
    """Return whether a bare surname is that person's: no other first name before it, no capitals all round."""
    previous = words[match.first - 1] if match.first else None
    if previous is None or previous.folded in _TITLES:
        return True
    if previous.is_capitalised and previous.folded not in _ARTICLES and match.first - 1 > 0 and len(previous.text) > 1:
        return False
    following = words[match.last] if match.last < len(words) else None
    surrounded = previous.is_all_capitals and len(previous.text) > 3
    return not (surrounded and following is not None and following.is_all_capitals)


def _is_pair(entry: ActorEntry, follower: PhraseMatch[ActorEntry], words: Sequence[Word]) -> bool:
    """Return whether two neighbouring phrases are one actor: a role with its demonym, in either order."""
    other = _preferred(follower.entries)
    if entry.kind == "role":
        return other.kind == "adjective"
    return entry.kind == "adjective" and other.kind == "role" and words[follower.first].text.islower()


def _unknown_name(phrase: str, words: Sequence[Word], items: Sequence[_Item]) -> str | None:
    """Return the last run of capitalised words that no table knows: "Humza Yousaf" in "le ministre Humza Yousaf"."""
    known = {index for item in items for index in range(item.first, item.last)}
    run: list[int] = []
    best: list[int] = []
    for index, word in enumerate(words):
        plain = index in known or word.folded in _TITLES or word.folded in _PRONOUNS or word.text.isdigit()
        if not plain and word.is_capitalised and not (index == 0 and word.folded in _ARTICLES):
            run = [*run, index] if run and run[-1] == index - 1 else [index]
            best = run
        elif not plain and run and run[-1] == index - 1 and word.folded in {"al", "el", "ben", "bin", "van", "von", "de", "der"}:
            run = [*run, index]
    if not best:
        return None
    while words[best[-1]].text.islower():
        best = best[:-1]
    return phrase[words[best[0]].start : words[best[-1]].end]
