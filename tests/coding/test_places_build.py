"""The builder of the gazetteer extract: its pure parts."""

from __future__ import annotations

import pytest

from bench.build_gazetteer import Row, alternates, centre, short_forms


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Oblast de Tchernov", ["Tchernov"]),
        ("Province de Belmar", ["Belmar"]),
        ("Région autonome du Haut-Vert", ["Haut-Vert"]),
        ("Belmar Governorate", ["Belmar"]),
        ("Belmar", []),
        ("Province du nord", []),
    ],
)
def test_a_division_is_named_without_its_kind_too(name: str, short: list[str]) -> None:
    assert short_forms([name]) == short


def _city(country: str, population: int, names: list[str]) -> dict[str, object]:
    return {"name": "Kharmat", "countrycode": country, "population": population, "alternatenames": names}


def test_spellings_are_kept_where_scripts_differ_and_only_near_ones() -> None:
    names = ["Kharmate", "Karmat", "Хармат", "Belleville", "khar mat", "KHR"]
    assert set(alternates(_city("SY", 50_000, names), "")) == {"Kharmate", "Karmat"}
    assert alternates(_city("FR", 50_000, names), "") == []
    assert alternates(_city("SY", 500, names), "") == []


def test_a_division_stands_at_the_mean_of_its_places() -> None:
    cities = [
        {"population": 300, "latitude": 10.0, "longitude": 0.0},
        {"population": 100, "latitude": 20.0, "longitude": 40.0},
    ]
    assert centre(cities) == (12.5, 10.0, 400)
    assert centre([]) == (0.0, 0.0, 0)


def test_a_line_starts_with_the_folded_names_each_once() -> None:
    row = Row("7", "city", "Évreux-Sud", "Evreux Sud", "FR", "28", 49.02414, 1.15082, 5000, ["Eburo"])
    assert row.line() == "evreux sud;eburo\t7\tcity\tÉvreux-Sud\tEvreux Sud\tFR\t28\t49.024\t1.151\t5000"
