"""Where, when and how many: which place, date and quantities of an article are an act's. Own sentences, a rule each."""

from __future__ import annotations

from functools import lru_cache

import pytest

from schemas.mention import Mention
from streams.coding.coder import Coder
from tests.coding.articles import article, rules_coder


@lru_cache(maxsize=1)
def _coder() -> Coder:
    return rules_coder("fr", "en")


def _mentions(text: str, plover: str, *, title: str = "", language: str = "fr") -> list[Mention]:
    [coding] = _coder().code([article(text, title=title, language=language)])
    return [mention for mention in coding.mentions if mention.type == plover]


def _one(text: str, plover: str, *, title: str = "", language: str = "fr") -> Mention:
    found = _mentions(text, plover, title=title, language=language)
    assert len(found) == 1, [m.trigger.text for m in found]
    return found[0]


def _last(text: str, plover: str, *, title: str = "") -> Mention:
    return _mentions(text, plover, title=title)[-1]


def _place(mention: Mention) -> str | None:
    return None if mention.place is None else mention.place.text


def _date(mention: Mention) -> str | None:
    return None if mention.date is None else mention.date.value


def _counts(mention: Mention) -> set[tuple[str, float | None]]:
    return {(q.kind, q.value) for q in mention.quantities}


@pytest.mark.parametrize(
    ("text", "plover", "place"),
    [
        ("La police a arrêté deux hommes dans le centre de Nantes.", "COERCE", "Nantes"),
        ("Des inconnus ont tiré sur une caserne, à 30 km au nord de Bamako.", "ASSAULT", "Bamako"),
        ("L'aviation a bombardé Alep.", "ASSAULT", "Alep"),
        ("Le tribunal de Lyon a condamné trois militants à la prison.", "COERCE", "Lyon"),
    ],
)
def test_the_place_is_that_of_the_act_s_own_clause(text: str, plover: str, place: str) -> None:
    assert _place(_one(text, plover)) == place


def test_a_place_in_a_clause_with_its_own_subject_is_not_the_act_s() -> None:
    text = "À Gao, des hommes armés ont tué un maire dont le frère avait étudié à Marseille."
    assert _place(_one(text, "ASSAULT")) == "Gao"


def test_against_a_place_is_not_at_it() -> None:
    mention = _one("Le ministre a proféré des menaces à l'encontre de Téhéran.", "THREATEN")
    assert _place(mention) != "Téhéran" or "locative" not in mention.reasons.place


@pytest.mark.parametrize(
    "title",
    ["Pérou : la capitale dans la rue", "Des milliers de personnes dans la rue au Pérou"],
)
def test_the_title_says_where_an_article_plays(title: str) -> None:
    text = "Des syndicalistes venus du Chili, du Chili encore et de Bolivie regardaient. Les étudiants ont manifesté."
    mention = _last(text, "PROTEST", title=title)
    assert mention.place is not None
    assert mention.place.country == "PE"
    assert mention.reasons.place == "main place of the article"


def test_a_city_in_the_title_is_more_exact_than_its_country() -> None:
    mention = _one("Des étudiants ont manifesté.", "PROTEST", title="Pérou : heurts à Arequipa")
    assert _place(mention) == "Arequipa"


def test_what_is_told_of_a_year_or_of_the_whole_country_is_not_in_one_city() -> None:
    title = "Pérou : heurts à Arequipa"
    for text in (
        "Les étudiants avaient déjà manifesté en 2019.",
        "Les étudiants ont manifesté dans plusieurs villes du pays.",
    ):
        assert _place(_one(text, "PROTEST", title=title)) == "Pérou", text


def test_what_is_told_of_the_city_stays_there_whatever_the_year() -> None:
    text = "En 2019, la ville avait connu une manifestation."
    assert _place(_one(text, "PROTEST", title="Pérou : heurts à Arequipa")) == "Arequipa"


def test_a_place_named_just_before_goes_on() -> None:
    text = "À Grenoble, le calme règne. Il pleut. À Nantes, la nuit fut longue. La police a arrêté deux hommes."
    mention = _one(text, "COERCE", title="France : une nuit à Grenoble")
    assert _place(mention) == "Nantes"
    assert "just before" in mention.reasons.place


def test_the_capital_is_that_of_the_country_the_article_is_about() -> None:
    text = "Le Liban est en deuil, le Liban pleure. Des étudiants ont manifesté dans la capitale."
    mention = _one(text, "PROTEST")
    assert mention.place is not None
    assert (mention.place.text, mention.place.name, mention.place.country) == ("capitale", "Beirut", "LB")


def test_a_square_or_building_is_named_as_the_text_names_it() -> None:
    text = "Des étudiants ont manifesté sur la place de la Concorde nationale."
    mention = _one(text, "PROTEST", title="Pérou : heurts à Arequipa")
    assert mention.place is not None
    assert mention.place.text == "place de la Concorde nationale"
    assert (mention.place.country, mention.place.kind) == ("PE", "other")
    assert "Arequipa" in mention.place.name


@pytest.mark.parametrize("place", ["sur place", "dans la rue", "au cours d'une soirée", "devant un tribunal"])
def test_a_site_without_name_is_no_place(place: str) -> None:
    text = f"Des étudiants ont manifesté {place}."
    assert _place(_one(text, "PROTEST", title="Pérou : heurts à Arequipa")) == "Arequipa"


def test_a_title_that_its_country_opens_still_means_the_city_in_it() -> None:
    text = "Angleterre ou pas, on en parle en Angleterre, toute l'Angleterre. La police a arrêté trois hommes."
    assert _place(_one(text, "COERCE", title="Angleterre : la gare de Manchester fermée")) == "Manchester"


def test_the_only_city_named_twice_is_where_an_article_on_a_country_plays() -> None:
    text = "La Syrie attend. On vit mal à Raqqa, et autour de Raqqa. Il pleut. La Syrie attend."
    late = f"{text} {'Le vent souffle. ' * 20}Des rebelles ont tué un soldat."
    assert _place(_one(late, "ASSAULT", title="Syrie : un jour de guerre")) == "Raqqa"


def test_the_capital_s_article_is_its_country_s_where_the_title_names_that() -> None:
    text = "À Lima, le jour se lève sur Lima. Il pleut à Lima. " + "Le vent souffle. " * 20
    mention = _one(f"{text}Des étudiants ont manifesté.", "PROTEST", title="Pérou : la colère")
    assert _place(mention) == "Pérou"


def test_what_a_state_does_within_its_borders_is_in_that_state() -> None:
    text = "Le Pérou se tait. Au Pérou, rien ne bouge. La Bolivie a prolongé le couvre-feu."
    mention = _one(text, "COERCE", title="Pérou : une semaine tranquille")
    assert _place(mention) == "Bolivie"


def test_words_have_no_place_unless_the_text_gives_one() -> None:
    mention = _one("Le président turc a accusé les rebelles de mensonge.", "ACCUSE", title="Kenya : un rapport")
    assert mention.place is None
    assert mention.reasons.place


@pytest.mark.parametrize(
    ("text", "plover", "date"),
    [
        # Published on Thursday 14 March 2024.
        ("Mardi, la police a arrêté deux hommes à Lille.", "COERCE", "2024-03-12"),
        ("La police a interpellé lundi deux hommes qui avaient fui en 2019.", "COERCE", "2024-03-11"),
        ("Le 3 février 2015, l'armée avait tué un chef rebelle à Kidal.", "ASSAULT", "2015-02-03"),
        ("L'opposition a accusé mercredi le gouvernement de fraude.", "ACCUSE", "2024-03-13"),
    ],
)
def test_the_date_is_that_of_the_act_s_own_clause(text: str, plover: str, date: str) -> None:
    assert _date(_one(text, plover)) == date


def test_a_day_that_is_planned_lies_ahead_and_so_does_the_act() -> None:
    mention = _one("La marche prévue dimanche à Paris contre la loi inquiète la préfecture.", "PROTEST")
    assert _date(mention) == "2024-03-17"
    assert mention.modality == "planned"
    assert "after publication" in mention.reasons.modality


def test_background_takes_the_date_told_just_before() -> None:
    text = "En avril 2018, la ville avait déjà souffert. Un soldat avait été tué par des rebelles."
    assert _date(_one(text, "ASSAULT")) == "2018-04"


def test_the_day_of_telling_gives_way_to_the_day_of_the_act() -> None:
    text = (
        "Des inconnus ont attaqué un convoi à Kidal, a-t-on appris mercredi de source policière. "
        "Les mêmes hommes ont attaqué lundi le convoi avec des grenades."
    )
    assert {_date(m) for m in _mentions(text, "ASSAULT")} == {"2024-03-11"}


def test_the_day_of_telling_stands_where_there_is_no_other() -> None:
    mention = _one("Des inconnus ont attaqué un convoi à Kidal, a-t-on appris mercredi.", "ASSAULT")
    assert _date(mention) == "2024-03-13"
    assert "told" in mention.reasons.date


def test_later_counts_from_the_date_before_in_the_text() -> None:
    text = "Le 20 février, un juge avait démissionné. Deux jours plus tard, la police avait arrêté un avocat."
    assert _date(_one(text, "COERCE")) == "2024-02-22"


def test_the_lead_s_day_near_publication_goes_before_one_long_past() -> None:
    text = (
        "La fête du 20 février avait fait du bruit. La police a arrêté un avocat. "
        "L'opposition s'est réunie mercredi pour en parler."
    )
    assert _date(_one(text, "COERCE")) == "2024-03-13"


def test_the_beginning_of_a_stretch_is_not_the_day_of_the_news() -> None:
    text = "Depuis lundi, la ville est calme. Mercredi, le maire a parlé. La police a arrêté un avocat."
    assert _date(_one(text, "COERCE")) == "2024-03-13"


def test_where_the_lead_names_no_day_a_later_sentence_does() -> None:
    text = (
        "La police a arrêté un avocat à Lille. Le quartier est calme. Il pleut. On attend. La mairie se tait. "
        "Une rumeur court. Mercredi, des étudiants ont manifesté."
    )
    mention = _one(text, "COERCE")
    assert _date(mention) == "2024-03-13"
    assert "day of the news" in mention.reasons.date


def test_a_weekday_counts_from_publication_even_behind_history() -> None:
    text = "En avril 2018, le parti avait déjà gagné. Des rebelles avaient tué un soldat dimanche à Kidal."
    assert _date(_last(text, "ASSAULT")) == "2024-03-10"


def test_the_year_of_another_noun_is_not_the_act_s() -> None:
    text = "Mercredi, le débat a repris. La Pologne a accusé ses voisins de violer le traité de 2009."
    assert _date(_one(text, "ACCUSE")) == "2024-03-13"


def test_part_of_the_day_to_come_is_of_the_day_of_publication() -> None:
    text = "Le 12 mars, un homme a crié. Le ministre rencontrera son homologue dans la soirée."
    assert _date(_last(text, "CONSULT")) == "2024-03-14"


def test_since_a_month_is_since_the_one_before_publication() -> None:
    # Published on 14 March 2024: April is nearer to come than gone.
    assert _date(_one("Les étudiants manifestent depuis avril à Lille.", "PROTEST")) == "2023-04"


def test_part_of_the_day_after_a_month_is_of_the_day_of_publication() -> None:
    text = "En octobre, le pays avait ri. En soirée, des rebelles ont attaqué un poste à Kidal."
    assert _date(_one(text, "ASSAULT")) == "2024-03-14"


def test_without_any_date_the_slot_is_empty_and_says_why() -> None:
    mention = _one("La police a arrêté deux hommes à Lille.", "COERCE")
    assert mention.date is None
    assert mention.reasons.date


@pytest.mark.parametrize(
    ("text", "plover", "counts"),
    [
        ("Trois policiers ont été abattus à Recife.", "ASSAULT", {("dead", 3)}),
        ("La police a abattu le suspect à Recife.", "ASSAULT", {("dead", 1)}),
        ("La police a interpellé Paulo Ferreira à Recife.", "COERCE", {("arrested", 1)}),
        ("L'attentat, qui a fait douze morts et quarante blessés, a frappé Kaboul.", "ASSAULT", None),
        ("Une attaque a coûté la vie à six de nos compatriotes à Niamey.", "ASSAULT", {("dead", 6)}),
        ("Le Japon a envoyé une aide de 20 millions de dollars au Népal.", "AID", {("money", 20_000_000)}),
        ("Un défilé rassemblant 300 personnes a traversé Lille.", "PROTEST", {("people", 300)}),
        ("La manifestation a réuni 4.800 personnes à Lille.", "PROTEST", {("people", 4800)}),
        ("Lors de la journée de mobilisation, 12.000 personnes ont défilé à Lille.", "PROTEST", {("people", 12000)}),
        ("Elle a été arrêtée à Recife.", "COERCE", {("arrested", 1)}),
        ("Cet Angolais a été arrêté à Recife.", "COERCE", {("arrested", 1)}),
        ("Paulo a été arrêté à Recife.", "COERCE", {("arrested", 1)}),
    ],
)
def test_counts_are_the_act_s_and_of_the_kind_that_it_makes_them(
    text: str, plover: str, counts: set[tuple[str, float]] | None
) -> None:
    found = {count for mention in _mentions(text, plover) for count in _counts(mention)}
    assert found == ({("dead", 12), ("injured", 40)} if counts is None else counts)


def test_the_population_of_a_place_is_no_count_of_an_act() -> None:
    text = "La ministre a rencontré le maire de la ville, qui dirige une commune de 30.000 habitants."
    assert ("people", 30_000) not in _counts(_one(text, "CONSULT"))


def test_things_destroyed_make_no_dead() -> None:
    mention = _one("Des rebelles ont attaqué un pont à Goma.", "ASSAULT")
    assert not mention.quantities
    assert mention.reasons.quantities


@pytest.mark.parametrize(
    ("text", "plover", "modality"),
    [
        ("Après son arrestation, l'avocat pourrait être extradé.", "COERCE", "asserted"),
        ("Le syndicat ne cesse d'accuser la direction de mensonge.", "ACCUSE", "asserted"),
        ("Le syndicat a cessé d'accuser la direction de mensonge.", "ACCUSE", "denied"),
    ],
)
def test_what_is_taken_as_done_is_asserted(text: str, plover: str, modality: str) -> None:
    assert _mentions(text, plover)[0].modality == modality


def test_english_articles_follow_the_same_rules() -> None:
    text = "Gunmen killed three soldiers near Bamako on Tuesday, officials said on Wednesday."
    mention = _one(text, "ASSAULT", language="en")
    assert _place(mention) == "Bamako"
    assert _date(mention) == "2024-03-12"
    assert ("dead", 3) in _counts(mention)
