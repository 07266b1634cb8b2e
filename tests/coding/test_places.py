"""Place names in texts, and which place of a name is meant."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.coding.places import Gazetteer, ResolvedPlace


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer.load()


def _read(gazetteer: Gazetteer, text: str, language: str = "fr") -> dict[str, ResolvedPlace]:
    return {place.text: place for place in gazetteer.resolve(gazetteer.find(text, language=language))}


@pytest.mark.parametrize(
    ("text", "name", "english", "country"),
    [
        ("Des renforts sont partis pour Londres.", "Londres", "London", "GB"),
        ("Le convoi a quitté Alep dans la nuit.", "Alep", "Aleppo", "SY"),
        ("Les blessés sont soignés à Mossoul.", "Mossoul", "Mosul", "IQ"),
        ("La réunion se tient au Caire.", "Caire", "Cairo", "EG"),
        ("La réunion se tient à Pékin.", "Pékin", "Beijing", "CN"),
        ("Un port de Misrata est fermé.", "Misrata", "Misratah", "LY"),
        ("Des heurts ont éclaté à Syrte.", "Syrte", "Sirte", "LY"),
        ("Il vit à Varsovie.", "Varsovie", "Warsaw", "PL"),
        ("Le barrage est en Loire-Atlantique.", "Loire-Atlantique", "Loire-Atlantique", "FR"),
        ("Le village de la province d'Idleb est vide.", "province d'Idleb", "Idlib", "SY"),
        ("Une foule occupe la place de la République.", "place de la République", "Place de la République", "FR"),
        ("Des colons de Cisjordanie ont défilé.", "Cisjordanie", "West Bank", "PS"),
        ("Le sommet aura lieu à Vienne.", "Vienne", "Vienna", "AT"),
        ("Une marche a traversé la capitale libanaise.", "capitale libanaise", "Beirut", "LB"),
        ("Une explosion a secoué Kidal.", "Kidal", "Kidal", "ML"),
    ],
)
def test_a_french_name_gives_its_place(gazetteer: Gazetteer, text: str, name: str, english: str, country: str) -> None:
    place = _read(gazetteer, text)[name]
    assert (place.entry.name, place.entry.country) == (english, country), place.how


@pytest.mark.parametrize(
    ("text", "name", "country"),
    [
        ("Protesters gathered in Cairo.", "Cairo", "EG"),
        ("Talks opened in Mexico, officials said.", "Mexico", "MX"),
        ("A rally in the Lebanese capital drew crowds.", "Lebanese capital", "LB"),
        ("Shelling hit Kharkiv overnight.", "Kharkiv", "UA"),
    ],
)
def test_an_english_name_gives_its_place(gazetteer: Gazetteer, text: str, name: str, country: str) -> None:
    assert _read(gazetteer, text, "en")[name].entry.country == country


def test_mexico_is_a_city_in_french_and_a_country_in_english(gazetteer: Gazetteer) -> None:
    assert _read(gazetteer, "Il est rentré de Mexico.")["Mexico"].entry.kind == "city"
    assert _read(gazetteer, "He came back from Mexico.", "en")["Mexico"].entry.kind == "country"


@pytest.mark.parametrize(
    "text",
    [
        "Orange recrute et Total licencie.",
        "Tours de garde et patrouilles continuent.",
        "Nice temps pour une promenade.",
        "les tours de la ville et le split du parti",
        "La ministre Florence Dubreuil a parlé avec Jordan Lemercier.",
        "M. Berlin et Mme Chine ont voté.",
        "Le Parisien et Paris Match en parlent.",
        "Selon le New York Times, rien ne change.",
        "L'accord de Paris et la convention de Genève restent en vigueur.",
        "La France insoumise et Radio France ont démenti.",
        "Le député Karim Lens a pris la parole.",
        "Un homme de la police a parlé. Sur place, rien. Mon avis. Cela dure.",
        "L'AIEA et l'UDI ont publié un avis.",
        "Luigi di Verona et Hans van Delft sont partis.",
        "La Maison Blanche et le Quai d'Orsay se taisent.",
        "Le village est au Nord de la plaine et au Sud du fleuve.",
    ],
)
def test_names_of_something_else_are_no_places(gazetteer: Gazetteer, text: str) -> None:
    assert [toponym.text for toponym in gazetteer.find(text, language="fr")] == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Une grève à Orange, dans le Vaucluse, a duré deux jours.", "Orange"),
        ("À Tours, le cortège grossit.", "Tours"),
        ("La police de la ville de Lens enquête.", "Lens"),
        ("Le tribunal de Nice a tranché.", "Nice"),
        ("Un cortège dans l'Ain, un autre dans le Lot.", "Lot"),
    ],
)
def test_a_preposition_of_place_makes_a_false_friend_a_place(gazetteer: Gazetteer, text: str, name: str) -> None:
    assert _read(gazetteer, text)[name].entry.country == "FR"


def test_a_department_in_brackets_decides(gazetteer: Gazetteer) -> None:
    place = _read(gazetteer, "Un incendie a touché Saint-Denis (Réunion) hier.")["Saint-Denis"]
    assert place.entry.country == "RE"
    assert "beside (Réunion)" in place.how
    assert (
        _read(gazetteer, "Un incendie a touché Saint-Denis (Seine-Saint-Denis).")["Saint-Denis"].entry.country == "FR"
    )


def test_the_countries_of_the_article_decide_between_places_of_one_name(gazetteer: Gazetteer) -> None:
    in_lebanon = _read(gazetteer, "Au Liban, de Beyrouth à Saïda, la foule défile ; à Tripoli, elle campe.")
    in_libya = _read(gazetteer, "En Libye, de Benghazi à Misrata, la foule défile ; à Tripoli, elle campe.")
    assert in_lebanon["Tripoli"].entry.country == "LB"
    assert in_libya["Tripoli"].entry.country == "LY"


def test_a_famous_city_stays_where_it_is_among_names_of_another_country(gazetteer: Gazetteer) -> None:
    text = "Au Texas, de Houston à Dallas, aux États-Unis, on regarde vers Paris."
    assert _read(gazetteer, text)["Paris"].entry.country == "FR"


@pytest.mark.parametrize(
    "text",
    ["DAKAR (AFP) - Le calme est revenu.", "Dakar (Reuters) – Le calme.", "(Dakar) Rien. Dakar, 3 mai (AFP) Rien."],
)
def test_a_dateline_scores_lower_and_says_so(gazetteer: Gazetteer, text: str) -> None:
    places = gazetteer.resolve(gazetteer.find(text, language="fr"))
    plain = _read(gazetteer, "Le calme est revenu à Dakar.")["Dakar"]
    assert places[0].entry.name == "Dakar"
    if "(Dakar)" not in text:
        assert places[0].how.startswith("dateline")
        assert places[0].score < plain.score


def test_the_kind_that_the_text_says_is_taken(gazetteer: Gazetteer) -> None:
    assert _read(gazetteer, "Il est né dans l'État de Washington.")["Washington"].entry.kind == "region"
    assert _read(gazetteer, "Il est né à Washington.")["Washington"].entry.kind == "city"


@pytest.mark.parametrize("code", ["SY", "SYR", "syr"])
def test_a_country_is_found_by_either_code(gazetteer: Gazetteer, code: str) -> None:
    country = gazetteer.country(code)
    assert country is not None
    assert (country.name, country.country, country.kind) == ("Syria", "SY", "country")
    assert country.geonames_id == 163843


def test_an_unknown_code_is_no_country(gazetteer: Gazetteer) -> None:
    assert gazetteer.country("QQQ") is None
    assert gazetteer.alpha3("QQ") is None
    assert gazetteer.alpha3("ml") == "MLI"


def test_capitals_without_accents_are_read(gazetteer: Gazetteer) -> None:
    found = _read(gazetteer, "ATTENTAT A KABOUL EN AFGHANISTAN, REUNION A GENEVE")
    assert {place.entry.country for place in found.values()} == {"AF", "CH"}


def test_scores_are_shares_and_every_choice_has_a_reason(gazetteer: Gazetteer) -> None:
    text = "De Paris à Springfield, de Valence à Tripoli, en passant par Cordoue et la Syrie, le Sahel, la mer Rouge."
    for place in gazetteer.resolve(gazetteer.find(text, language="fr"), source_country="FR"):
        assert 0.0 < place.score <= 1.0
        assert place.how


@given(st.text(max_size=300), st.sampled_from(["fr", "en", "zz"]))
@settings(deadline=None, max_examples=200)
def test_any_text_gives_true_slices_and_no_error(text: str, language: str) -> None:
    toponyms = _shared_gazetteer().find(text, language=language)
    assert all(text[t.start : t.end] == t.text and t.candidates for t in toponyms)
    assert all(a.end <= b.start for a, b in pairwise(toponyms))
    assert len(_shared_gazetteer().resolve(toponyms)) == len(toponyms)


# fmt: off
_WORDS = st.sampled_from([
    "à", "a", "en", "de", "la", "le", "l'", "d'", "(", ")", ",", ".", "\n", "Paris", "Nice", "Orange",
    "Le", "Caire", "au", "New", "York", "Times", "M.", "Jordan", "Saint", "Denis", "Nord", "UN", "EI",
    "province", "Idleb", "capitale", "syrienne", "PARIS", "(AFP)", "-", "États", "Unis", "al", "Assad",
    "75",
])
# fmt: on


@given(st.lists(_WORDS, max_size=25), st.sampled_from([" ", "", "-", "'"]))
@settings(deadline=None, max_examples=300)
def test_any_heap_of_place_words_is_read_without_error(words: list[str], glue: str) -> None:
    text = glue.join(words)
    toponyms = _shared_gazetteer().find(text, language="fr")
    assert all(text[t.start : t.end] == t.text for t in toponyms)
    for place in _shared_gazetteer().resolve(toponyms, source_country="FR"):
        assert 0.0 < place.score <= 1.0


@pytest.mark.parametrize("text", ["", "\ud800", "\x00", "É" * 100_000, "Paris" * 50_000, "(" * 50_000, "San " * 50_000])
def test_hostile_texts_are_read(text: str) -> None:
    _shared_gazetteer().find(text, language="fr")


def test_a_megabyte_of_places_is_read() -> None:
    text = "De Paris à Saint-Denis, puis en Syrie. " * 26_000
    assert len(_shared_gazetteer().find(text, language="fr")) == 78_000


_gazetteers: list[Gazetteer] = []


def _shared_gazetteer() -> Gazetteer:
    """Return one gazetteer for the property tests, which can't take a fixture of module scope."""
    if not _gazetteers:
        _gazetteers.append(Gazetteer.load())
    return _gazetteers[0]


@pytest.mark.parametrize(
    "text",
    [
        "Le Mali se relève, et la capitale économique aussi.",
        "Il a visité la capitale de la région au Mali.",
        "La hausse du capital inquiète le Mali.",
        "Tout se joue dans la capitale.",
    ],
)
def test_not_every_capital_is_the_seat_of_the_country_spoken_of(text: str) -> None:
    gazetteer = Gazetteer.load()
    places = gazetteer.resolve(gazetteer.find(text, language="fr", capitals=True))
    assert not any(place.text == "capitale" for place in places)


def test_each_of_two_official_names_of_a_city_is_known() -> None:
    [place, _] = _resolved_list("Des heurts ont éclaté à San Sebastian, en Espagne.")
    assert (place.entry.country, place.entry.kind) == ("ES", "city")


def test_the_region_of_a_city_is_that_of_the_country_spoken_of() -> None:
    [place, _] = _resolved_list("Dans la région de San Sebastian, dans le nord de l'Espagne, trois hommes attendent.")
    assert place.entry.country == "ES"


def _resolved_list(text: str) -> list[ResolvedPlace]:
    gazetteer = Gazetteer.load()
    return list(gazetteer.resolve(gazetteer.find(text, language="fr")))
