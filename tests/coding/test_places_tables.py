"""The gazetteer as data: complete for countries, readable, within its bounds."""

from __future__ import annotations

import gzip
from importlib.resources import files

import pytest

from streams.coding.actor_data import read_states
from streams.coding.phrases import phrase_key
from streams.coding.places import Gazetteer


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer.load()


def test_every_state_of_today_has_its_entry(gazetteer: Gazetteer) -> None:
    past = {"SUN", "YUG", "CSK", "DDR"}
    missing = [
        state.alpha3 for state in read_states() if state.alpha3 not in past and gazetteer.country(state.alpha3) is None
    ]
    assert missing == []


def test_every_state_is_found_by_its_french_name_as_a_place(gazetteer: Gazetteer) -> None:
    past = {"SUN", "YUG", "CSK", "DDR"}
    for state in read_states():
        if state.alpha3 in past:
            continue
        found = gazetteer.resolve(gazetteer.find(f"Il vient d'arriver en {state.french_names[0]}.", language="fr"))
        assert state.alpha2 in {place.entry.country for place in found}, state.french_names


def test_the_extract_names_its_source_and_licence() -> None:
    data = files("streams.coding").joinpath("data", "gazetteer", "places.tsv.gz").read_bytes()
    head = gzip.decompress(data).decode("utf-8").splitlines()[:3]
    assert all(line.startswith("#") for line in head)
    assert "CC BY 4.0" in head[0]
    assert len(data) < 5_000_000


def test_every_line_of_the_extract_has_its_cells_and_folded_names() -> None:
    data = files("streams.coding").joinpath("data", "gazetteer", "places.tsv.gz").read_bytes()
    for line in gzip.decompress(data).decode("utf-8").splitlines():
        if line.startswith("#"):
            continue
        cells = line.split("\t")
        assert len(cells) == 10, line
        assert phrase_key(cells[3]) in cells[0].split(";"), line
        assert -90 <= float(cells[7]) <= 90, line
        assert -180 <= float(cells[8]) <= 180, line


@pytest.mark.parametrize("table", ["regions.tsv", "false-friends.tsv", "other-names.tsv"])
def test_every_table_names_its_source_and_licence(table: str) -> None:
    head = files("streams.coding").joinpath("data", "gazetteer", table).read_text("utf-8").splitlines()[:6]
    assert any("Licence" in line for line in head)
