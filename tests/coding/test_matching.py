"""Which words carry an act, whatever the parser made of them: clitics, participles, numerals, inversions."""

from __future__ import annotations

from functools import lru_cache

import pytest

from schemas.mention import Mention
from streams.coding.coder import Coder
from streams.coding.repair import restore_accents
from tests.coding.articles import article, rules_coder


@lru_cache(maxsize=1)
def _coder() -> Coder:
    return rules_coder("fr")


def _mentions(sentence: str) -> tuple[Mention, ...]:
    [coding] = _coder().code([article(sentence)])
    return coding.mentions


def _told(sentence: str) -> list[tuple[str, list[str], list[str]]]:
    return [(m.type, [a.text for a in m.actors], [t.text for t in m.targets]) for m in _mentions(sentence)]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Le ministre s'en prend à la presse.", ("ACCUSE", ["Le ministre"], ["la presse"])),
        ("La sénatrice s'en est vivement prise au préfet.", ("ACCUSE", ["La sénatrice"], ["préfet"])),
        ("Des casseurs s'en sont pris à une patrouille.", ("ASSAULT", ["Des casseurs"], ["une patrouille"])),
    ],
)
def test_expressions_with_a_clitic_are_found(sentence: str, expected: tuple[str, list[str], list[str]]) -> None:
    assert expected in _told(sentence)


def test_a_clitic_is_required_where_the_expression_has_one() -> None:
    assert _told("Le ministre prend à la presse son papier.") == []


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("Un espion letton a été empoisonné à Vienne.", ("ASSAULT", [], ["Un espion letton"])),
        ("Des vandales ont profané trente tombes.", ("ASSAULT", ["Des vandales"], ["trente tombes"])),
    ],
)
def test_a_participle_after_its_auxiliary_is_a_verb_whatever_its_tag(
    sentence: str, expected: tuple[str, list[str], list[str]]
) -> None:
    assert expected in _told(sentence)


def test_a_bare_participle_at_the_start_tells_its_act_of_the_subject() -> None:
    told = _told("Arrêté jeudi par la gendarmerie, le dissident a été libéré samedi.")
    assert ("COERCE", ["la gendarmerie"], ["le dissident"]) in told
    assert any(kind == "RETREAT" for kind, _, _ in told)


def test_the_counted_noun_heads_a_number() -> None:
    assert _told("Trois cents personnes se sont rassemblées devant la mairie de Sofia.") == [
        ("PROTEST", ["Trois cents personnes"], [])
    ]


def test_a_day_between_verb_and_object_does_not_hide_the_object() -> None:
    assert [kind for kind, _, _ in _told("La Suède a envoyé jeudi trois cents soldats en Estonie.")] == ["MOBILIZE"]


def test_two_readings_of_one_predicate_give_one_act() -> None:
    assert len(_mentions("Quarante gendarmes sont mobilisés à Bamako.")) == 1


def test_a_noun_in_ant_is_no_verb() -> None:
    assert _told("L'opposant Vladimir Petrenko a été arrêté.")[0][0] == "COERCE"
    assert len(_mentions("L'assaillant a blessé deux gendarmes.")) == 1


def test_an_inverted_passive_has_its_subject() -> None:
    told = _told("Ont été arrêtés deux journalistes bulgares.")
    assert told == [("COERCE", [], ["deux journalistes bulgares"])]


def test_an_adjective_between_commas_does_not_take_the_subject() -> None:
    told = _told('Le recteur, "furieux" selon ses collègues, a rejeté la demande du ministère.')
    assert told[0][:2] == ("REJECT", ["Le recteur"])


def test_typographic_apostrophes_and_capitals_are_read() -> None:
    assert _told("L’avocat du parti a été arrêté à Minsk.")[0][0] == "COERCE"
    assert _told("LA POLICE ARRÊTE TROIS SYNDICALISTES À ANKARA")[0][0] == "COERCE"


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (
            "Le chef de bande (arrêté samedi à Bukavu) a été transféré à Kinshasa.",
            ("COERCE", ["Le chef de bande"]),
        ),
        ("Une fois arrêté, le reporter a été frappé par des soldats.", ("COERCE", ["le reporter"])),
    ],
)
def test_participles_in_brackets_and_after_une_fois_tell_an_act(sentence: str, expected: tuple[str, list[str]]) -> None:
    assert expected in [(kind, targets) for kind, _, targets in _told(sentence)]


def test_a_relative_clause_does_not_take_the_place_of_the_main_clause() -> None:
    told = _told("La chancelière, dont le pays traverse une crise, a expulsé l'ambassadeur biélorusse.")
    assert [(kind, actors) for kind, actors, _ in told] == [("SANCTION", ["La chancelière"])]


@pytest.mark.parametrize("heading", ["- La police arrête deux élus -", "La police arrête deux élus"])
def test_a_heading_inside_the_text_tells_nothing_of_its_own(heading: str) -> None:
    coder = _coder()
    text = "Le temps est calme à Minsk.{}Les habitants attendent la pluie."
    [coding] = coder.code([article(text.format(heading))])
    assert coding.mentions == ()


def test_passives_without_accents_are_read() -> None:
    told = _told("Le syndicaliste a ete arrete par la police et la greve a ete suspendue.")
    assert ("COERCE", ["la police"], ["Le syndicaliste"]) in told


def test_restoring_accents_keeps_the_length_and_leaves_accented_text_alone() -> None:
    def any_verb(form: str) -> frozenset[str]:
        return frozenset({form})

    assert restore_accents("Il a ete arrete.", any_verb) == "Il a été arreté."
    assert restore_accents("Il a ete arrêté.", any_verb) == "Il a ete arrêté."
    assert restore_accents("En ete, il a pleure.", any_verb) == "En ete, il a pleure."
