"""One act told twice in a sentence is one mention, and it keeps the numbers of both tellings."""

from __future__ import annotations

import pytest

from schemas.mention import Mention
from streams.coding.coder import Coder
from tests.coding.articles import article, rules_coder


@pytest.fixture(scope="module")
def coder() -> Coder:
    return rules_coder("fr")


def _of_type(coder: Coder, text: str, plover: str) -> list[Mention]:
    return [m for m in coder.code([article(text)])[0].mentions if m.type == plover]


@pytest.mark.parametrize(
    ("text", "plover"),
    [
        ("Des centaines de manifestants se sont rassemblés devant le parlement à Madrid.", "PROTEST"),
        ("Un homme armé a attaqué un poste de police à Bagdad, faisant quatre morts.", "ASSAULT"),
        ("Deux jours après l'attentat qui a fait onze morts à Kaboul, le marché reste fermé.", "ASSAULT"),
        ("L'assaillant a tué deux gendarmes et blessé trois passants à Lyon.", "ASSAULT"),
        ("Le député a été inculpé mardi par la justice péruvienne.", "COERCE"),
        ("Environ 300 soldats italiens sont déployés au Niger.", "MOBILIZE"),
    ],
)
def test_an_act_and_what_it_did_are_one_mention(coder: Coder, text: str, plover: str) -> None:
    assert len(_of_type(coder, text, plover)) == 1


def test_the_one_mention_keeps_the_numbers_of_both_tellings(coder: Coder) -> None:
    found = _of_type(coder, "L'assaillant a tué deux gendarmes et blessé trois passants à Lyon.", "ASSAULT")
    assert {q.value for q in found[0].quantities} == {2.0, 3.0}


def test_two_acts_of_different_actors_stay_two(coder: Coder) -> None:
    text = "L'armée turque a bombardé un village et des rebelles ont tué deux soldats en Syrie."
    assert len(_of_type(coder, text, "ASSAULT")) == 2


def test_of_two_expressions_over_the_same_words_one_stays(coder: Coder) -> None:
    found = coder.code([article("La manifestation, pourtant interdite, a réuni mille personnes à Lille.")])[0].mentions
    assert [m.type for m in found] == ["PROTEST"]


def test_a_sit_in_is_one_word(coder: Coder) -> None:
    assert len(_of_type(coder, "Un sit-in a été organisé devant l'ambassade à Tunis.", "PROTEST")) == 1
