"""Who is meant by a phrase: resolution of actors, and the names of a text."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.coding.actors import ActorTable

DAY = date(2016, 5, 20)


@pytest.fixture(scope="module")
def table() -> ActorTable:
    return ActorTable.load()


@pytest.mark.parametrize(
    ("phrase", "country", "sector", "organisation"),
    [
        ("le président turc Recep Tayyip Erdogan", "TUR", "GOV", None),
        ("Ankara", "TUR", "GOV", None),
        ("le Kremlin", "RUS", "GOV", None),
        ("la Maison-Blanche", "USA", "GOV", None),
        ("les troupes britanniques", "GBR", "MIL", None),
        ("l'armée nord-coréenne", "PRK", "MIL", None),
        ("des forces de sécurité nigériennes", "NER", "COP", None),
        ("des forces de sécurité nigérianes", "NGA", "COP", None),
        ("l'ONU", None, "IGO", "UNO"),
        ("l’Otan", None, "IGO", "NAT"),
        ("les Nations unies", None, "IGO", "UNO"),
        ("la Commission européenne", None, "IGO", "EUR"),
        ("l'Union africaine", None, "IGO", "AFU"),
        ("le groupe État islamique", None, "REB", "IMG"),
        ("des combattants du groupe Etat islamique", None, "REB", "IMG"),
        ("l'émissaire de l'ONU pour le Soudan", None, "IGO", "UNO"),
        ("un porte-parole du Hezbollah", "LBN", "REB", None),
        ('"gilets jaunes"', "FRA", "CVL", None),
        ("la ministre des Outre-mer", "FRA", "GOV", None),
        ("le garde des Sceaux", "FRA", "GOV", None),
        ("une coalition de rebelles menée par le Rwanda", "RWA", "MIL", None),
        ("des milliers d'Ivoiriens", "CIV", "CVL", None),
        ("les Ivoiriens", "CIV", None, None),
        ("l'ambassadeur de France au Niger", "FRA", "GOV", None),
        ("des soldats français au Tchad", "FRA", "MIL", None),
        ("l'administration de Barack Obama", "USA", "GOV", None),
        ("les avocats d'Alexeï Navalny", "RUS", "CVL", None),
        ("la CGT", "FRA", "CVL", None),
    ],
)
def test_a_french_phrase_gives_its_codes(
    table: ActorTable, phrase: str, country: str | None, sector: str | None, organisation: str | None
) -> None:
    found = table.resolve(phrase, language="fr", on=DAY)
    assert (found.country, found.sector, found.organisation) == (country, sector, organisation), found.how


@pytest.mark.parametrize(
    ("phrase", "country", "sector", "organisation"),
    [
        ("the Russian foreign minister Sergei Lavrov", "RUS", "GOV", None),
        ("Kenyan police", "KEN", "COP", None),
        ("US troops", "USA", "MIL", None),
        ("a spokesman for the United Nations", None, "IGO", "UNO"),
        ("thousands of Nigerians", "NGA", "CVL", None),
        ("Downing Street", "GBR", "GOV", None),
        ("NATO", None, "IGO", "NAT"),
        ("Taliban fighters", "AFG", "REB", None),
    ],
)
def test_an_english_phrase_gives_its_codes(
    table: ActorTable, phrase: str, country: str | None, sector: str | None, organisation: str | None
) -> None:
    found = table.resolve(phrase, language="en", on=DAY)
    assert (found.country, found.sector, found.organisation) == (country, sector, organisation), found.how


@pytest.mark.parametrize(
    "spelling", ["ETATS-UNIS", "Etats-Unis", "États-Unis", "les États-Unis", "Etats Unis", "ÉTATS‑UNIS"]
)
def test_capitals_accents_and_hyphens_do_not_hide_a_state(table: ActorTable, spelling: str) -> None:
    assert table.resolve(spelling, language="fr", on=None).id == "state:USA"


def test_decomposed_accents_are_the_same_name(table: ActorTable) -> None:
    assert table.resolve("l'E\u0301gypte", language="fr", on=None).country == "EGY"


def test_the_day_decides_who_holds_an_office(table: ActorTable) -> None:
    in_office = table.resolve("Barack Obama", language="fr", on=date(2016, 5, 20))
    afterwards = table.resolve("Barack Obama", language="fr", on=date(2019, 5, 20))
    assert "in office" in in_office.how
    assert "former" in afterwards.how
    assert in_office.id == afterwards.id == "person:barack-obama"
    assert afterwards.sector == "GOV"


def test_one_person_has_another_sector_in_another_office(table: ActorTable) -> None:
    opposition = table.resolve("Keir Starmer", language="fr", on=date(2022, 1, 1))
    prime_minister = table.resolve("Keir Starmer", language="fr", on=date(2025, 1, 1))
    assert (opposition.sector, prime_minister.sector) == ("OPP", "GOV")


def test_an_office_without_a_name_stays_without_a_name(table: ActorTable) -> None:
    found = table.resolve("le président américain", language="fr", on=DAY)
    assert (found.name, found.country, found.sector, found.id) == (None, "USA", "GOV", "state:USA")


def test_a_former_office_gives_no_sector(table: ActorTable) -> None:
    found = table.resolve("un ancien ministre espagnol", language="fr", on=DAY)
    assert (found.country, found.sector) == ("ESP", None)
    assert "former" in found.how


@pytest.mark.parametrize("phrase", ["la police", "56 policiers", "des milliers de manifestants", "le gouvernement"])
def test_domestic_nouns_take_the_country_of_the_context_and_say_so(table: ActorTable, phrase: str) -> None:
    found = table.resolve(phrase, language="fr", on=DAY, country_hint="PER")
    assert found.country == "PER"
    assert "context (PER)" in found.how
    assert table.resolve(phrase, language="fr", on=DAY).country is None


@pytest.mark.parametrize("phrase", ["des migrants", "Jeanne Martinaud", "l'ONU", "le suspect", "il", "des tables"])
def test_others_do_not_take_the_country_of_the_context(table: ActorTable, phrase: str) -> None:
    assert table.resolve(phrase, language="fr", on=DAY, country_hint="PER").country is None


def test_a_country_that_backs_rebels_is_not_theirs(table: ActorTable) -> None:
    assert table.resolve("des rebelles soutenus par le Rwanda", language="fr", on=DAY).country is None


def test_an_unknown_name_is_kept_as_it_stands(table: ActorTable) -> None:
    found = table.resolve("le ministre kényan Josphat Wekulo", language="fr", on=DAY)
    assert (found.name, found.country, found.sector, found.id) == ("Josphat Wekulo", "KEN", "GOV", None)
    assert table.resolve("M. Wekulo", language="fr", on=DAY).how.startswith("unresolved")


@pytest.mark.parametrize("phrase", ["Brigitte Vallotin", "Eric Trump", "Noémie Macron"])
def test_a_famous_surname_with_another_first_name_is_somebody_else(table: ActorTable, phrase: str) -> None:
    found = table.resolve(f"selon {phrase}", language="fr", on=DAY)
    assert found.id is None
    assert found.name is not None


@pytest.mark.parametrize(
    "phrase", ["", "   ", "\n", "«»", "de", "d'", "les", "eux", "\ud800", "\x00", "🦔", "a" * 10_000]
)
def test_nothing_resolves_to_nothing_with_a_reason(table: ActorTable, phrase: str) -> None:
    found = table.resolve(phrase, language="fr", on=None, country_hint="FRA")
    assert (found.country, found.sector, found.id) == (None, None, None)
    assert found.how.startswith("unresolved")


def test_of_several_actors_the_first_is_taken(table: ActorTable) -> None:
    assert table.resolve("Londres et Oslo", language="fr", on=DAY).country == "GBR"


def test_a_place_in_the_phrase_tells_the_country_of_a_noun(table: ActorTable) -> None:
    found = table.resolve("la police de Chicago", language="fr", on=DAY, country_hint="FRA")
    assert (found.country, found.sector) == ("USA", "COP")
    assert "place 'Chicago'" in found.how
    assert table.resolve("Glasgow", language="fr", on=DAY).country == "GBR"
    assert table.resolve("des migrants à Calais", language="fr", on=DAY).country is None


@pytest.mark.parametrize(("hint", "country"), [("BDI", "BDI"), ("FRA", "RWA"), (None, "RWA")])
def test_a_people_of_some_countries_takes_the_one_of_the_context(
    table: ActorTable, hint: str | None, country: str
) -> None:
    assert table.resolve("des familles tutsi", language="fr", on=DAY, country_hint=hint).country in {country, hint}
    assert table.resolve("les Tutsi", language="fr", on=DAY, country_hint=hint).country == country


@pytest.mark.parametrize("phrase", ["un total de 300 policiers", "trois véhicules de police"])
def test_a_noun_behind_an_unknown_head_counts(table: ActorTable, phrase: str) -> None:
    assert table.resolve(phrase, language="fr", on=DAY, country_hint="PER").sector == "COP"


def test_find_gives_names_with_their_offsets(table: ActorTable) -> None:
    text = "Mardi, le président ghanéen a reçu Angela Merkel, puis une délégation de l'Union africaine à Accra."
    found = {span.text: span for span in table.find(text, language="fr")}
    assert found["président ghanéen"].resolution.country == "GHA"
    assert found["Angela Merkel"].kind == "person"
    assert found["Union africaine"].resolution.organisation == "AFU"
    assert found["Accra"].kind == "metonym"
    assert all(text[span.start : span.end] == span.text for span in found.values())


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("Car il pleut, et ce pays est calme.", "Car"),
        ("LES MANIFESTANTS CAR ILS ATTENDENT", "CAR"),
        ("MERCI POUR NOUS US TOUS ENSEMBLE", "US"),
        ("Le maire inaugure une école.", "Le maire"),
        ("Il parle avec assad de tout.", "assad"),
    ],
)
def test_find_leaves_common_words_alone(table: ActorTable, text: str, absent: str) -> None:
    assert absent not in {span.text for span in table.find(text, language="fr")}


@given(st.text(max_size=300), st.sampled_from(["fr", "en", "de"]))
@settings(deadline=None, max_examples=200)
def test_any_text_gives_true_slices_and_no_error(text: str, language: str) -> None:
    spans = _shared_table().find(text, language=language)
    assert all(text[span.start : span.end] == span.text for span in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    _shared_table().resolve(text, language=language, on=DAY, country_hint="FRA")


# fmt: off
_WORDS = st.sampled_from([
    "le", "la", "des", "de", "d'", "l'", "M.", "président", "Trump", "États", "Unis", "ONU",
    "française", "France,", "police", "(", ")", '"', "ex", "-", "par", "menée", "Le", "Pen", "al",
    "Assad", "56", "du", "Kremlin", "EI", "US", "rebelles", "qui", "contre", "en", "Libye", "Paris\n",
])
# fmt: on


@given(st.lists(_WORDS, max_size=25), st.sampled_from([" ", "", "-", "'"]))
@settings(deadline=None, max_examples=300)
def test_any_heap_of_known_words_is_read_without_error(words: list[str], glue: str) -> None:
    text = glue.join(words)
    spans = _shared_table().find(text, language="fr")
    assert all(text[span.start : span.end] == span.text for span in spans)
    assert _shared_table().resolve(text, language="fr", on=DAY, country_hint="FRA").how


def test_a_megabyte_of_names_is_read() -> None:
    text = "le président russe Vladimir Poutine et l'ONU, " * 22_000
    assert len(_shared_table().find(text, language="fr")) > 60_000


_tables: list[ActorTable] = []


def _shared_table() -> ActorTable:
    """Return one table for the property tests, which can't take a fixture of module scope."""
    if not _tables:
        _tables.append(ActorTable.load())
    return _tables[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Selon Merkel, rien ne presse.", ["Merkel"]),
        ("Il attend Merkel.Il patiente.", ["Merkel"]),
        ("La boulangère Irène Merkel sourit.", []),
        ("Le boxeur Hollande Dupuis gagne.", []),
        ("M. Philippe et Mme Borne partent.", ["Philippe", "Borne"]),
        ("Avec Philippe, il passe une borne.", []),
    ],
)
def test_find_takes_a_bare_surname_only_where_it_can_be_the_known_one(
    table: ActorTable, text: str, found: list[str]
) -> None:
    assert [span.text for span in table.find(text, language="fr") if span.kind == "surname"] == found


@pytest.mark.parametrize("word", ["de ", "San ", "Jean van ", "le président ", "M. ", "police, "])
def test_a_phrase_of_any_length_is_read(table: ActorTable, word: str) -> None:
    assert table.resolve(word * 60_000, language="fr", on=DAY).how
