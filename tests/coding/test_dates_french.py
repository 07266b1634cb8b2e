"""French date expressions: what is found and what it stands for."""

from datetime import date

import pytest

from streams.coding.dates import DateGrammar, ResolvedDate, Tense

GRAMMAR = DateGrammar.load()
PUBLISHED = date(2016, 5, 20)  # a Friday


def resolved(
    phrase: str,
    *,
    published: date | None = PUBLISHED,
    tense: Tense | None = None,
    previous: date | None = None,
) -> ResolvedDate:
    found = GRAMMAR.find(phrase, language="fr")
    assert len(found) == 1, [expression.text for expression in found]
    return GRAMMAR.resolve(found[0], published=published, tense=tense, previous=previous)


@pytest.mark.parametrize(
    ("phrase", "value"),
    [
        ("le 3 mars 2016", "2016-03-03"),
        ("3 mars 2016", "2016-03-03"),
        ("1er mars", "2016-03-01"),
        ("jeudi 3 mars", "2016-03-03"),
        ("VENDREDI 13 MAI", "2016-05-13"),
        ("le 15 décembre dernier", "2015-12-15"),
        ("le 15 decembre dernier", "2015-12-15"),
        ("2016-05-03", "2016-05-03"),
        ("03/05/2016", "2016-05-03"),
        ("03.05.2016", "2016-05-03"),
        ("le 3/5", "2016-05-03"),
        ("jeudi soir", "2016-05-19"),
        ("vendredi", "2016-05-20"),
        ("depuis lundi", "2016-05-16"),
        ("lundi dernier", "2016-05-16"),
        ("vendredi dernier", "2016-05-13"),
        ("vendredi prochain", "2016-05-27"),
        ("ce mardi", "2016-05-17"),
        ("hier", "2016-05-19"),
        ("avant-hier", "2016-05-18"),
        ("aujourd’hui", "2016-05-20"),
        ("aujourd hui", "2016-05-20"),
        ("demain", "2016-05-21"),
        ("ce matin", "2016-05-20"),
        ("dans la nuit de samedi à dimanche", "2016-05-14"),
        ("dans la nuit du 13 au 14 novembre 2015", "2015-11-13"),
        ("il y a une semaine", "2016-05-13"),
        ("il y a quinze jours", "2016-05-06"),
        ("dans deux semaines", "2016-06-03"),
        ("il y a cinq ans", "2011"),
        ("depuis deux mois", "2016-03"),
        ("il y a une dizaine de jours", "2016-05"),
        ("depuis 2011", "2011"),
        ("en 2014", "2014"),
        ("fin 2015", "2015"),
        ("d'ici à 2020", "2020"),
        ("début mars", "2016-03"),
        ("mi-avril", "2016-04"),
        ("en mars", "2016-03"),
        ("en mars dernier", "2016-03"),
        ("depuis fin avril", "2016-04"),
        ("le mois dernier", "2016-04"),
        ("la semaine dernière", "2016-05"),
        ("cette semaine", "2016-05"),
        ("l'an dernier", "2015"),
        ("l’année prochaine", "2017"),
        ("cet été", "2016"),
        ("l'été dernier", "2015"),
        ("à l'été 2015", "2015"),
        ("entre le 3 et le 5 mai", "2016-05"),
        ("du 3 au 5 mai", "2016-05"),
        ("du 28 avril au 3 mai 2016", "2016"),
        ("entre avril et juillet 1994", "1994"),
        ("2014-2015", "2014"),
        ("au cours des dernières 24 heures", "2016-05"),
        ("mai 68", "1968-05"),
        ("les attentats du 11 septembre", "2001-09-11"),
        ("le 11-Septembre", "2001-09-11"),
        ("le 13-Novembre", "2015-11-13"),
        ("à Noël", "2015-12-25"),
        ("lundi de Pâques", "2016-03-28"),
        ("mi-2015", "2015"),
        ("le 18 mai, 2016", "2016-05-18"),
        ("mercredi soir 18 mai", "2016-05-18"),
        ("2016/05/18", "2016-05-18"),
        ("il y a un an et demi", "2014"),
        ("de novembre 2015 à mars", "2015"),
        ("du 31 décembre au 2 janvier", "2015"),
        ("les 18, 19 et 20 mai", "2016-05"),
        ("jeudi et vendredi", "2016-05"),
        ("en 2007-08", "2007"),
        ("au premier trimestre 2016", "2016"),
        ("d'ici décembre", "2016-12"),
        ("lundi en huit", "2016-05-30"),
        ("jeudi de la semaine dernière", "2016-05-12"),
        ("le week-end dernier", "2016-05"),
        ("29 février", "2016-02-29"),
    ],
)
def test_a_phrase_resolves_against_publication(phrase: str, value: str) -> None:
    assert resolved(phrase).value == value


@pytest.mark.parametrize(
    ("phrase", "tense", "value"),
    [
        ("lundi", "future", "2016-05-23"),
        ("lundi", "past", "2016-05-16"),
        ("vendredi", "future", "2016-05-20"),
        ("le 11 septembre", "past", "2015-09-11"),
        ("le 11 septembre", "future", "2016-09-11"),
        ("en octobre", "future", "2016-10"),
        ("en octobre", "past", "2015-10"),
        ("dès juillet", None, "2016-07"),
        ("lundi dernier", "future", "2016-05-16"),
    ],
)
def test_tense_chooses_the_side_unless_the_words_do(phrase: str, tense: Tense | None, value: str) -> None:
    assert resolved(phrase, tense=tense).value == value


@pytest.mark.parametrize(
    ("phrase", "value"),
    [
        ("la veille", "2016-05-09"),
        ("le lendemain", "2016-05-11"),
        ("le surlendemain", "2016-05-12"),
        ("trois jours plus tard", "2016-05-13"),
        ("deux ans plus tôt", "2014"),
        ("l'année suivante", "2017"),
        ("le même jour", "2016-05-10"),
        ("à l'aube", "2016-05-10"),
    ],
)
def test_some_phrases_count_from_the_date_before(phrase: str, value: str) -> None:
    assert resolved(phrase, previous=date(2016, 5, 10)).value == value
    alone = resolved(phrase, previous=None)
    assert alone.value is None
    assert "there is none" in alone.reason


@pytest.mark.parametrize(
    "phrase", ["jeudi soir", "le 3 mars", "il y a cinq ans", "la semaine dernière", "ce week-end", "en mars"]
)
def test_without_publication_a_relative_date_is_null_with_a_reason(phrase: str) -> None:
    nothing = resolved(phrase, published=None)
    assert nothing.value is None
    assert "publication" in nothing.reason
    assert nothing.future is None


@pytest.mark.parametrize(
    ("phrase", "value"), [("en 1919", "1919"), ("le 3 mars 2016", "2016-03-03"), ("en juin 1994", "1994-06")]
)
def test_without_publication_an_absolute_date_resolves(phrase: str, value: str) -> None:
    assert resolved(phrase, published=None).value == value


@pytest.mark.parametrize(
    "phrase",
    [
        "dans les prochains jours",
        "dans les années 1990",
        "au XIXe siècle",
        "tous les vendredis",
        "ces dernières années",
        "au lendemain des élections",
    ],
)
def test_what_is_no_single_date_is_null_with_a_reason(phrase: str) -> None:
    nothing = resolved(phrase)
    assert nothing.value is None
    assert nothing.reason


@pytest.mark.parametrize(
    "text",
    [
        "la mer et 5000 soldats",
        "une sonde sur Mars",
        "la planète tourne autour de Mars, dit-on",
        "mardi gras à La Nouvelle-Orléans",
        "il a été battu",
        "Place du 1er-Mai",
        "rue du 4-Septembre",
        "le Black Friday",
        "le Journal du dimanche",
        "2.000 soldats",
        "l'article 49.3",
        "un or pur",
        "jeudi prochainement",
    ],
)
def test_false_friends_are_no_dates(text: str) -> None:
    found = [expression.text for expression in GRAMMAR.find(text, language="fr")]
    assert found == (["jeudi"] if text.startswith("jeudi") else [])


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("tués samedi 14 soldats", ["samedi"]),
        ("jeudi après la réunion", ["jeudi"]),
        ("trois jours après la réunion, jeudi", ["trois jours après la", "jeudi"]),
        ("à ce jour", []),
        ("le numéro du 14 janvier", ["du 14 janvier"]),
        ("la loi de 2004 interdit", ["de 2004"]),
    ],
)
def test_neighbours_are_told_apart(text: str, phrases: list[str]) -> None:
    assert [expression.text for expression in GRAMMAR.find(text, language="fr")] == phrases


def test_a_day_and_month_has_the_year_of_the_date_before_where_publication_is_not_known() -> None:
    assert resolved("le 20 juin", published=None, previous=date(2009, 6, 17)).value == "2009-06-20"


def test_the_day_of_a_week_after_counts_from_the_date_before() -> None:
    assert resolved("le jeudi suivant", previous=date(2016, 5, 5)).value == "2016-05-12"


def test_a_week_over_a_change_of_year_is_null_with_its_days() -> None:
    week = resolved("la semaine dernière", published=date(2016, 1, 6))
    assert week.value is None
    assert week.earliest == date(2015, 12, 28)
    assert week.latest == date(2016, 1, 3)


@pytest.mark.parametrize("published", [date.min, date.max])
@pytest.mark.parametrize(
    "phrase", ["la semaine dernière", "l'année prochaine", "il y a 300 ans", "dans 300 ans", "jeudi"]
)
def test_the_ends_of_the_calendar_are_no_error(phrase: str, published: date) -> None:
    assert resolved(phrase, published=published).reason


def test_an_impossible_day_is_null_and_not_an_error() -> None:
    assert resolved("le 31 février 2016").value is None
    assert resolved("le 31 février 2016").reason


def test_the_future_is_said() -> None:
    assert resolved("vendredi prochain").future is True
    assert resolved("hier").future is False


def test_a_date_is_not_read_across_paragraphs() -> None:
    texts = [expression.text for expression in GRAMMAR.find("Il part jeudi\n\n3 mars 2016", language="fr")]
    assert texts == ["jeudi", "3 mars 2016"]


def test_a_day_without_year_that_the_tense_puts_a_year_back_is_the_coming_one() -> None:
    [expression] = GRAMMAR.find("la présidentielle du 18 octobre", language="fr")
    for published, value in ((date(2020, 9, 1), "2020-10-18"), (date(2020, 12, 1), "2020-10-18")):
        assert GRAMMAR.resolve(expression, published=published, tense="past").value == value


def test_a_month_in_a_headline_all_in_capitals_is_no_planet() -> None:
    assert [e.text for e in GRAMMAR.find("LA GRÈVE DE MARS", language="fr")] == ["DE MARS"]
