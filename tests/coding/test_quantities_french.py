"""French quantities: what is counted, how many, and what became of them."""

import pytest

from streams.coding.quantities import QuantityGrammar

GRAMMAR = QuantityGrammar.load()


def counted(text: str) -> list[tuple[str, float | int | None]]:
    return [(quantity.kind, quantity.value) for quantity in GRAMMAR.find(text, language="fr")]


@pytest.mark.parametrize(
    ("text", "kind", "value", "op"),
    [
        ("une vingtaine de soldats", "troops", 20, "~"),
        ("jusqu'à 5000 combattants", "troops", 5000, "<="),
        ("jusqu’à 5 000 combattants", "troops", 5000, "<="),
        ("au moins 56 policiers blessés", "injured", 56, ">="),
        ("quelque 200 jeunes", "people", 200, "~"),
        ("plus de 1.081 prisonniers", "people", 1081, ">="),
        ("1\u202f081 détenus", "people", 1081, "="),
        ("1,5 million de dollars", "money", 1_500_000, "="),
        ("des dizaines de milliers de manifestants", "people", 20_000, ">="),
        ("plusieurs centaines de réfugiés", "people", 200, ">="),
        ("plusieurs policiers ont été blessés", "injured", None, ">="),
        ("200 soldats au moins", "troops", 200, ">="),
        ("deux soldats ont été tués", "dead", 2, "="),
        ("ils ont tué deux soldats", "dead", 2, "="),
        ("12 personnes interpellées", "arrested", 12, "="),
        ("un bilan de 5 morts", "dead", 5, "="),
        ("la mort de 12 personnes", "dead", 12, "="),
        ("17 autres ont succombé à leurs blessures", "dead", 17, "="),
        ("un berger a été tué", "dead", 1, "="),
        ("AU MOINS 12 MORTS DANS UN ATTENTAT", "dead", 12, ">="),
        ("aucun blessé", "injured", 0, "="),
        ("16 Saoudiens", "people", 16, "="),
        ("trois avions", "other", 3, "="),
        ("120 M€", "money", 120_000_000, "="),
    ],
)
def test_one_quantity(text: str, kind: str, value: int | None, op: str) -> None:
    (quantity,) = GRAMMAR.find(text, language="fr")
    assert (quantity.kind, quantity.value, quantity.op) == (kind, value, op)
    assert text[quantity.start : quantity.end] == quantity.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("un mort et trois blessés", [("dead", 1), ("injured", 3)]),
        ("trois morts dont deux enfants", [("dead", 3), ("dead", 2)]),
        (
            "56 policiers et 7 manifestants ont été blessés et 45 personnes arrêtées",
            [("injured", 56), ("injured", 7), ("arrested", 45)],
        ),
        ("un officier et deux soldats sont morts", [("dead", 1), ("dead", 2)]),
    ],
)
def test_joined_quantities_share_what_became_of_them(text: str, expected: list[tuple[str, int]]) -> None:
    assert counted(text) == expected


@pytest.mark.parametrize("text", ["entre 20 et 30 soldats", "20 à 30 soldats", "de 20 à 30 soldats", "20-30 soldats"])
def test_a_range_has_both_ends(text: str) -> None:
    (quantity,) = GRAMMAR.find(text, language="fr")
    assert (quantity.value, quantity.upper, quantity.op, quantity.kind) == (20, 30, "~", "troops")


@pytest.mark.parametrize(
    "text",
    [
        "un homme de 72 ans",
        "âgée de 72 ans",
        "à 20H30",
        "vers 18h",
        "le G20",
        "les Vingt-Sept",
        "l'article 49.3",
        "10 % des votants",
        "à 5 km de là",
        "le 3 mars",
        "en 2014 des soldats",
        "le 11-Septembre",
        "01 42 12 34 56",
        "Covid-19",
    ],
)
def test_what_counts_nothing_is_left_out(text: str) -> None:
    assert counted(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("il a tué trois policiers et blessé cinq autres", [("dead", 3), ("injured", 5)]),
        ("tuant 12 civils et blessant 30 autres", [("dead", 12), ("injured", 30)]),
        ("les policiers ont tué un homme", [("dead", 1)]),
        ("vingt policiers ont tué un homme", [("troops", 20), ("dead", 1)]),
        ("il a été tué par deux soldats", [("troops", 2)]),
        ("une manifestation de 200 personnes", [("people", 200)]),
        ("blessé lors d'une marche de 200 personnes", [("people", 200)]),
        ("l'arrestation jeudi de huit militants", [("arrested", 8)]),
        ("il a été arrêté avec sept autres personnes", [("arrested", 7)]),
        ("12 personnes, dont deux enfants, ont été tuées", [("dead", 12), ("dead", 2)]),
        ("160 personnes soignées, dont 12 sont décédées", [("people", 160), ("dead", 12)]),
        ("trois morts et deux disparus", [("dead", 3), ("people", 2)]),
        ("39 morts et 16 blessés, dont neuf dans un état grave", [("dead", 39), ("injured", 16), ("injured", 9)]),
        ("quatre ont été tués", [("dead", 4)]),
        ("à tue-tête un supporteur", []),
        ("17 blessés graves ont succombé", [("injured", 17)]),
        ("17 soldats, grièvement blessés, ont succombé", [("dead", 17)]),
        ("ils vont envoyer 300 hommes", [("troops", 300)]),
        ("plusieurs tonnes d'aide", [("other", None)]),
        ("des centaines d'entre eux", [("people", 100)]),
        ("les deux hommes", []),
        ("les deux hommes tués", [("dead", 2)]),
        ("plus de 117.000 morts et plus de 2 millions de cas", [("dead", 117_000), ("other", 2_000_000)]),
    ],
)
def test_the_clause_says_what_became_of_them(text: str, expected: list[tuple[str, int | None]]) -> None:
    assert counted(text) == expected


def test_a_count_is_not_read_across_a_paragraph() -> None:
    assert counted("ils étaient 20\n\nsoldats") == []
    assert counted("au moins\n\n20 soldats") == [("troops", 20)]


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("un groupe de dix touristes a disparu", [("people", 10)]),
        ("le groupe de 77 pays", []),
        (
            "La marche a réuni 4.800 personnes selon la police, 75.000 selon les syndicats.",
            [("people", 4800), ("people", 75_000)],
        ),
        ("Ils ont détourné 3 milliards de wons.", [("money", 3_000_000_000)]),
    ],
)
def test_counts_beside_groups_and_rival_sources(text: str, counts: list[tuple[str, float]]) -> None:
    assert counted(text) == counts
