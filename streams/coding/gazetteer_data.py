"""Read the gazetteer's tables and find place names by folded words.

The large table (``places.tsv.gz``, from GeoNames) holds the folded keys of its names ready-made, so that loading is
one dictionary; rows become entries when they are first asked for. This module knows names and rows; which name is a
place in a text, and which of several places is meant, is for ``places``.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Literal

from streams.coding.actor_data import read_function_words, read_organisations, read_people, read_states
from streams.coding.actor_names import surnames_of
from streams.coding.phrases import PhraseTable, Word, phrase_key

PlaceKind = Literal["city", "region", "country", "other"]
FalseFriend = Literal["common", "name", "never"]
_KINDS: dict[str, PlaceKind] = {
    "city": "city",
    "region": "region",
    "department": "region",
    "country": "country",
    "other": "other",
}
_FALSE_FRIENDS: dict[str, FalseFriend] = {"common": "common", "name": "name", "never": "never"}
# A word this short needs no capital inside a name ("Rio de Janeiro").
_SMALL_WORD = 3


class GazetteerDataError(ValueError):
    """A line of a gazetteer table that can't be read; names the file, the line and the reason."""


@dataclass(frozen=True, slots=True)
class PlaceEntry:
    """A place of the gazetteer.

    Attributes:
        geonames_id: GeoNames' id; None for places that the extract has from elsewhere (divisions, squares, regions).
        name: GeoNames' name, or the English one.
        french_name: the French name where one is known.
        country: ISO 3166-1 alpha-2; "" for places in no country or in several (seas, "Sahel").
        admin1: GeoNames' code of the first-level division, None where unknown.
        admin1_name: its name.
        kind: city, region, country or other (seas, squares, buildings).
        latitude, longitude: degrees; for countries and divisions the mean of their places weighted by population.
        population: as GeoNames has it; 0 where unknown.
        is_capital: True for the seat of a state's government.
    """

    geonames_id: int | None
    name: str
    french_name: str | None
    country: str
    admin1: str | None
    admin1_name: str | None
    kind: PlaceKind
    latitude: float
    longitude: float
    population: int
    is_capital: bool = False


class PlaceNames:
    """The names of all places, folded, and their rows."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._entries: dict[int, PlaceEntry] = {}
        self._rows_by_key: dict[str, list[int]] = {}
        self._lengths: dict[str, set[int]] = {}
        self._divisions: dict[str, str] = {}
        self._contracted: dict[str, list[int]] = {}
        self.special: PhraseTable[PlaceEntry | None] = PhraseTable(read_function_words())
        self.countries: dict[str, PlaceEntry] = {}
        #: The seat of each state's government, by its alpha-2 code.
        self.capitals: dict[str, PlaceEntry] = {}
        self.false_friends: dict[str, FalseFriend] = {}
        # Per language, the names of countries that are the other language's: "Mexico" is a city in French.
        self.foreign: dict[str, set[str]] = {"fr": set(), "en": set()}
        self._read_places()
        self._mark_capitals()
        self._read_regions()
        self._read_states()
        self._read_capitals()
        self._read_other_names()
        self._read_false_friends()

    def entry(self, row: int) -> PlaceEntry:
        """Return the entry of a row."""
        entry = self._entries.get(row)
        if entry is None:
            entry = self._parse(row)
            self._entries[row] = entry
        return entry

    def rows_at(self, words: Sequence[Word], index: int, last: int) -> tuple[int, ...]:
        """Return the rows of the name made of some words of a text, () where it is none or lacks its capitals."""
        span = words[index:last]
        if not span[-1].is_capitalised:
            return ()
        if any(not word.is_capitalised and len(word.text) > _SMALL_WORD for word in span):
            return ()
        key = " ".join(word.folded for word in span)
        rows = self._rows_by_key.get(key, ())
        if index and words[index - 1].folded in {"au", "du", "aux", "des"}:
            rows = (*rows, *self._contracted.get(key, ()))
        return tuple(dict.fromkeys(rows))

    def lengths(self, first: str) -> tuple[int, ...]:
        """Return how many words the names have that begin with a word, the longest first."""
        return tuple(sorted(self._lengths.get(first, ()), reverse=True))

    def _read_places(self) -> None:
        data = files("streams.coding").joinpath("data", "gazetteer", "places.tsv.gz").read_bytes()
        for line in gzip.decompress(data).decode("utf-8").splitlines():
            if line.startswith("#"):
                continue
            row = len(self._lines)
            keys, _, rest = line.partition("\t")
            self._lines.append(rest)
            for key in keys.split(";"):
                self._index(key, row)
            _, kind, name, french, country, division, *_ = rest.split("\t")
            for one in name.split(" / ") if " / " in name else ():  # "Donostia / San Sebastián"
                self._index(phrase_key(one), row)
            if kind == "region" and division:
                self._divisions[f"{country}.{division}"] = french or name
            elif kind == "country":
                self.countries[country] = self.entry(row)
            if french.startswith(("Le ", "Les ")):
                short = phrase_key(french.partition(" ")[2])
                self._contracted.setdefault(short, []).append(row)
                self._note_length(short)

    def _index(self, key: str, row: int) -> None:
        self._rows_by_key.setdefault(key, []).append(row)
        self._note_length(key)

    def _note_length(self, key: str) -> None:
        first, _, rest = key.partition(" ")
        lengths = self._lengths.get(first)
        if lengths is None:
            lengths = self._lengths[first] = set()
        lengths.add(rest.count(" ") + 2 if rest else 1)

    def _parse(self, row: int) -> PlaceEntry:
        cells = self._lines[row].split("\t")
        if len(cells) != 9:
            msg = f"places.tsv.gz, row {row}: {len(cells)} cells where 9 are due: {self._lines[row]!r}"
            raise GazetteerDataError(msg)
        key, kind, name, french, country, division, latitude, longitude, population = cells
        return PlaceEntry(
            int(key) if key else None,
            name,
            french or None,
            country,
            division or None,
            self._divisions.get(f"{country}.{division}"),
            _KINDS[kind],
            float(latitude),
            float(longitude),
            int(population),
        )

    def _read_states(self) -> None:
        self.alpha2 = {state.alpha3: state.alpha2 for state in read_states()}
        self.alpha3 = {state.alpha2: state.alpha3 for state in read_states()}
        for state in read_states():
            entry = self.countries.get(state.alpha2)
            if entry is None:
                continue
            for name in (*state.french_names, *state.english_names):
                # "Cisjordanie" stands for a state among actors, and is a region of its own among places.
                if not self.special.get(name):
                    self.special.add(name.removeprefix("="), entry, exact=name.startswith("="))
            french = {phrase_key(name) for name in (*state.french_names, entry.french_name or "")}
            english = {phrase_key(name) for name in (*state.english_names, entry.name)}
            self.foreign["fr"] |= english - french
            self.foreign["en"] |= french - english

    def _mark_capitals(self) -> None:
        """Find each state's capital, the first seat of its government, before anything holds its entry."""
        for state in read_states():
            rows = self._rows_by_key.get(phrase_key(state.metonyms[0]), ()) if state.metonyms else ()
            for row in rows:
                entry = self.entry(row)
                if entry.kind == "city" and entry.country == state.alpha2:
                    self.capitals[state.alpha2] = self._entries[row] = replace(entry, is_capital=True)
                    break

    def _read_capitals(self) -> None:
        """Add "capitale libanaise" and "Lebanese capital"."""
        for state in read_states():
            capital = self.capitals.get(state.alpha2)
            if capital is None:
                continue
            for _, feminine in state.french_adjectives:
                self.special.add(f"capitale {feminine}", capital)
            for adjective in state.english_adjectives:
                self.special.add(f"{adjective} capital", capital)

    def _read_regions(self) -> None:
        table = files("streams.coding").joinpath("data", "gazetteer", "regions.tsv")
        for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), start=1):
            if line.startswith("#") or not line.strip():
                continue
            cells = line.split("\t")
            if len(cells) != 7 or cells[4] not in _KINDS:
                msg = f"regions.tsv:{number}: seven cells with a kind are due: {line!r}"
                raise GazetteerDataError(msg)
            name, names, country, division, kind, latitude, longitude = cells
            spellings = [part.strip() for part in names.split(";")]
            french = next((part.removeprefix("=") for part in spellings), None)
            entry = self._same_city(name, country) if kind == "city" else None
            entry = entry or PlaceEntry(
                None,
                name,
                french,
                country,
                division or None,
                self._divisions.get(f"{country}.{division}"),
                _KINDS[kind],
                float(latitude or 0),
                float(longitude or 0),
                0,
            )
            for spelling in spellings:
                self.special.add(spelling.removeprefix("="), entry, exact=spelling.startswith("="))

    def _read_other_names(self) -> None:
        """Add the names of organisations that a place name may be part of ("Paris Match"): they are no places."""
        for organisation in read_organisations():
            for name in organisation.names:
                if " " in name or "-" in name:
                    self.special.add(name.removeprefix("="), None, exact=name.startswith("="))
                elif organisation.kind in {"company", "media"}:
                    self.false_friends.setdefault(phrase_key(name), "name")
        table = files("streams.coding").joinpath("data", "gazetteer", "other-names.tsv")
        for line in table.read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                self.special.add(line.strip(), None)

    def _same_city(self, name: str, country: str) -> PlaceEntry | None:
        """Return GeoNames' entry of a city that the table of regions only spells anew."""
        rows = self._rows_by_key.get(phrase_key(name), ())
        found = (self.entry(row) for row in rows)
        return next((entry for entry in found if entry.kind == "city" and entry.country == country), None)

    def _read_false_friends(self) -> None:
        table = files("streams.coding").joinpath("data", "gazetteer", "false-friends.tsv")
        for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), start=1):
            if line.startswith("#") or not line.strip():
                continue
            word, _, kind = line.partition("\t")
            friend = _FALSE_FRIENDS.get(kind)
            if friend is None:
                msg = f"false-friends.tsv:{number}: class {kind!r} is none of {', '.join(_FALSE_FRIENDS)}"
                raise GazetteerDataError(msg)
            self.false_friends[word] = friend
        for surname in self._surnames():
            self.false_friends.setdefault(surname, "name")

    def _surnames(self) -> Iterator[str]:
        """Yield the surnames of known people: "Valls" is a town too, but seldom in the news."""
        for person in read_people():
            for surname in person.surnames or surnames_of(person.name):
                if surname not in {"-"}:
                    yield phrase_key(surname)
