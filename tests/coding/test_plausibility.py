"""Casualties and damage of nobody's doing are no attack; those that an attack's name explains are."""

from __future__ import annotations

import pytest

from streams.coding.coder import Coder
from tests.coding.articles import article, rules_coder

_REST = (
    " Les rues étaient désertes. Le maire est venu sur place. Les commerces ont rouvert. Le trafic a repris."
    " La météo était bonne."
)


@pytest.fixture(scope="module")
def coder() -> Coder:
    return rules_coder("fr")


def _types(coder: Coder, text: str) -> set[str]:
    [coding] = coder.code([article(text + _REST, language="fr")])
    return {mention.type for mention in coding.mentions}


@pytest.mark.parametrize(
    "told",
    [
        "Douze personnes ont été blessées dimanche.",
        "Plusieurs maisons ont été détruites et deux personnes ont été tuées.",
        "Des voitures ont été détruites sous les pierres.",
    ],
)
def test_casualties_and_damage_alone_are_nobodys_doing(coder: Coder, told: str) -> None:
    assert "ASSAULT" not in _types(coder, told)


@pytest.mark.parametrize(
    "told",
    [
        "Plusieurs personnes ont été blessées lors des affrontements.",
        "Deux gendarmes ont été tués dans l'embuscade.",
        "Des miliciens ont tué deux personnes.",
        "Plusieurs maisons ont été détruites par les rebelles.",
    ],
)
def test_casualties_of_an_attack_that_the_sentence_names_are_told(coder: Coder, told: str) -> None:
    assert "ASSAULT" in _types(coder, told)
