"""Read the tables of actors: states, people, organisations, roles.

The tables are tab-separated files in ``data/actors``; lines that start with ``#`` say what the columns mean, where the
facts come from and under which licence. This module reads and checks them, and knows nothing of phrases or texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from importlib.resources.abc import Traversable

from streams.coding.phrases import phrase_key

SECTORS = frozenset(
    {"GOV", "MIL", "REB", "OPP", "PTY", "AGR", "LEG", "JUD", "COP", "SPY", "CVL", "EDU", "MED", "NGO", "IGO", "UAF"}
    | {"PRV"}
)
"""Sectors of PLOVER 2.0, with COP, SPY and MED kept apart as CAMEO does."""


class ActorDataError(ValueError):
    """A line of an actor table that can't be read; names the file, the line and the reason."""


@dataclass(frozen=True, slots=True)
class State:
    """A state or territory: its names, the names that stand for its government, and its adjectives."""

    alpha3: str
    alpha2: str
    name: str
    french_names: tuple[str, ...]
    english_names: tuple[str, ...]
    metonyms: tuple[str, ...]
    french_adjectives: tuple[tuple[str, str], ...]
    english_adjectives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Office:
    """What a person was, from when to when; the bounds are None where open."""

    title: str
    country: str | None
    sector: str
    organisation: str | None
    first: date | None
    last: date | None

    def held_on(self, day: date) -> bool:
        """Return whether the office was held on a day."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class Person:
    """A person with the names used for them and the offices held, the most telling first."""

    id: str
    name: str
    names: tuple[str, ...]
    surnames: tuple[str, ...]
    offices: tuple[Office, ...]


@dataclass(frozen=True, slots=True)
class Organisation:
    """An organisation, party, armed group, firm or medium."""

    id: str
    name: str
    names: tuple[str, ...]
    code: str | None
    sector: str
    country: str | None
    kind: str


@dataclass(frozen=True, slots=True)
class Role:
    """What a common noun says of an actor.

    ``domestic``: the country of the context may be taken where the phrase names none. ``represents``: the noun speaks
    for the organisation that its complement names ("le porte-parole de l'ONU"), and takes that one's sector.
    ``countries``: the only ones that have such ("préfet", "Ouïghours"), the first being the likeliest.
    """

    forms: tuple[str, ...]
    sector: str | None
    domestic: bool
    represents: bool
    countries: tuple[str, ...]
    organisation: str | None


@dataclass(frozen=True, slots=True)
class Demonym:
    """An adjective or noun of belonging that is no state's own: regions, peoples, organisations, old states."""

    forms: tuple[str, ...]
    country: str | None
    organisation: str | None
    region: str


def _table(name: str) -> Traversable:
    return files("streams.coding").joinpath("data", "actors", name)


def _rows(name: str, columns: int) -> Iterator[tuple[str, list[str]]]:
    """Yield (file and line, cells) of a table.

    Raises:
        ActorDataError: a line has another number of cells.
    """
    for number, line in enumerate(_table(name).read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != columns:
            msg = f"{name}:{number}: {len(cells)} cells where {columns} are due: {line!r}"
            raise ActorDataError(msg)
        yield f"{name}:{number}", cells


def _listed(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


def _sector(where: str, cell: str) -> str:
    if cell not in SECTORS:
        msg = f"{where}: no sector {cell!r}; known are {', '.join(sorted(SECTORS))}"
        raise ActorDataError(msg)
    return cell


def _month(where: str, cell: str, *, at_end: bool) -> date | None:
    """Read "YYYY" or "YYYY-MM"; an end stands for the last day of its year or month."""
    if not cell:
        return None
    parts = cell.split("-")
    if len(parts) > 2 or not all(part.isdigit() for part in parts):
        msg = f"{where}: {cell!r} is no YYYY or YYYY-MM"
        raise ActorDataError(msg)
    year = int(parts[0])
    if not at_end:
        return date(year, int(parts[1]) if len(parts) == 2 else 1, 1)
    month = int(parts[1]) if len(parts) == 2 else 12
    following = date(year + 1, 1, 1) if month == 12 else date(year, month + 1, 1)
    return date.fromordinal(following.toordinal() - 1)


def slug(name: str) -> str:
    """Return a name as an id: lower-case ASCII words joined by hyphens."""
    return phrase_key(name).replace(" ", "-")


def read_function_words() -> frozenset[str]:
    """Return the folded function words that are also acronyms ("US", "CAR")."""
    lines = _table("function-words.tsv").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def read_states() -> tuple[State, ...]:
    """Return the states and territories of ``states.tsv``."""
    found = []
    for where, cells in _rows("states.tsv", 8):
        alpha3, alpha2, name, french, english, metonyms, adjectives, english_adjectives = cells
        pairs = []
        for pair in _listed(adjectives):
            masculine, comma, feminine = pair.partition(",")
            if not comma:
                msg = f"{where}: adjective {pair!r} needs its masculine and feminine form"
                raise ActorDataError(msg)
            pairs.append((masculine, feminine))
        found.append(
            State(
                alpha3,
                alpha2,
                name,
                _listed(french),
                (name, *_listed(english)),
                _listed(metonyms),
                tuple(pairs),
                _listed(english_adjectives),
            )
        )
    return tuple(found)


def read_people() -> tuple[Person, ...]:
    """Return the people of ``people.tsv``; lines of the same name are the offices of one person, in order."""
    offices: dict[str, list[Office]] = {}
    names: dict[str, list[str]] = {}
    surnames: dict[str, list[str]] = {}
    for where, cells in _rows("people.tsv", 8):
        name, aliases, country, sector, organisation, first, last, title = cells
        office = Office(
            title,
            country or None,
            _sector(where, sector),
            organisation or None,
            _month(where, first, at_end=False),
            _month(where, last, at_end=True),
        )
        offices.setdefault(name, []).append(office)
        for alias in _listed(aliases):
            if alias.startswith("~"):
                surnames.setdefault(name, []).append(alias[1:])
            else:
                names.setdefault(name, []).append(alias)
    return tuple(
        Person(f"person:{slug(name)}", name, (name, *names.get(name, ())), tuple(surnames.get(name, ())), tuple(held))
        for name, held in offices.items()
    )


def read_organisations() -> tuple[Organisation, ...]:
    """Return the organisations of ``organisations.tsv``."""
    found = []
    for where, cells in _rows("organisations.tsv", 7):
        key, name, names, code, sector, country, kind = cells
        prefix = {"igo": "org", "group": "group", "party": "party"}.get(kind, kind)
        found.append(
            Organisation(
                f"{prefix}:{key}", name, _listed(names), code or None, _sector(where, sector), country or None, kind
            )
        )
    return tuple(found)


def read_roles(language: str) -> tuple[Role, ...]:
    """Return the roles of a language ("fr", "en")."""
    found = []
    for where, cells in _rows(f"roles-{language}.tsv", 6):
        forms, sector, scope, represents, countries, organisation = cells
        if scope not in {"domestic", "open"} or represents not in {"yes", "no"}:
            msg = f"{where}: scope is domestic or open, represents is yes or no; here {scope!r}, {represents!r}"
            raise ActorDataError(msg)
        found.append(
            Role(
                _listed(forms),
                _sector(where, sector) if sector else None,
                scope == "domestic",
                represents == "yes",
                _listed(countries),
                organisation or None,
            )
        )
    return tuple(found)


def read_demonyms() -> tuple[Demonym, ...]:
    """Return the adjectives of belonging that ``states.tsv`` does not hold."""
    return tuple(
        Demonym(_listed(forms), country or None, organisation or None, region)
        for _, (forms, country, organisation, region) in _rows("demonyms.tsv", 4)
    )
