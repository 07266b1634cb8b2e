"""Who the parties are: countries by setting, antecedents, implied agents. Own sentences, one rule each."""

from __future__ import annotations

from functools import lru_cache

import pytest

from schemas.mention import Mention, Party
from streams.coding.coder import Coder
from tests.coding.articles import article, rules_coder


@lru_cache(maxsize=1)
def _coder() -> Coder:
    return rules_coder("fr", "en")


def _mentions(text: str, plover: str, language: str = "fr") -> list[Mention]:
    [coding] = _coder().code([article(text, language=language)])
    return [mention for mention in coding.mentions if mention.type == plover]


def _last(text: str, plover: str, language: str = "fr") -> Mention:
    found = _mentions(text, plover, language)
    assert found, f"no {plover} in {text!r}"
    return found[-1]


def _codes(parties: tuple[Party, ...]) -> set[str | None]:
    return {party.country or party.organisation for party in parties}


def test_people_without_country_are_of_the_country_where_it_happens_and_it_says_so() -> None:
    mention = _last("À Lima, une jeune femme a accusé un notaire de menaces.", "ACCUSE")
    assert _codes(mention.actors) == {"PER"}
    assert all("countr" in party.how for party in mention.actors)


def test_unknown_names_are_of_the_article_s_country() -> None:
    text = "Le parlement kényan siégeait mardi à Nairobi. Kamau Wanjohi a accusé le gouvernement de mensonge."
    mention = _last(text, "ACCUSE")
    assert _codes(mention.actors) == {"KEN"}


@pytest.mark.parametrize(
    "text",
    [
        "À Athènes, des migrants ont attaqué un commissariat.",
        "À Gao, un groupe international a attaqué un convoi.",
    ],
)
def test_foreigners_are_not_of_the_country_where_it_happens(text: str) -> None:
    assert not {party.country for party in _last(text, "ASSAULT").actors} & {"GRC", "MLI"}


def test_an_arrest_without_agent_is_the_authorities_work() -> None:
    mention = _last("À Lima, trois étudiants ont été arrêtés lundi.", "COERCE")
    assert _codes(mention.actors) == {"PER"}
    assert all(party.coreference for party in mention.actors)
    assert "implied" in mention.reasons.actors


def test_a_noun_of_action_takes_the_parties_of_the_act_before() -> None:
    text = "L'armée kényane a attaqué mardi des rebelles somaliens. L'attaque a duré dix heures."
    mention = _last(text, "ASSAULT")
    assert _codes(mention.actors) | _codes(mention.targets) == {"KEN", "SOM"}
    assert "sentence 0" in mention.reasons.targets


def test_the_same_actor_does_the_like_to_the_same_party() -> None:
    text = "L'armée kényane a attaqué lundi des rebelles somaliens. L'armée kényane a mené deux offensives mardi."
    assert _codes(_last(text, "ASSAULT").targets) == {"SOM"}


def test_a_pronoun_for_several_stands_for_each() -> None:
    text = "L'Inde et la Chine ont négocié lundi. Elles ont dénoncé une loi américaine."
    mention = _last(text, "ACCUSE")
    assert _codes(mention.actors) == {"IND", "CHN"}
    assert all(party.coreference for party in mention.actors)


def test_who_acts_is_not_whom_it_is_done_to() -> None:
    text = "Marie Dupont et Paul Durand ont attaqué un commissariat à Lyon. Les policiers les ont arrêtés."
    mention = _last(text, "COERCE")
    assert {party.text for party in mention.targets} == {"Marie Dupont", "Paul Durand"}


@pytest.mark.parametrize("pointer", ["Ce dernier", "Celui-ci", "L'intéressé"])
def test_a_pointer_means_whoever_was_named_last(pointer: str) -> None:
    text = f"La présidente péruvienne a reçu lundi le ministre bolivien. {pointer} a dénoncé un complot."
    assert _codes(_last(text, "ACCUSE").actors) == {"BOL"}


def test_the_subject_behind_its_verb_is_found() -> None:
    text = "Le ministre bolivien a parlé lundi. \"C'est une honte\", s'offusque-t-il notamment."
    assert _codes(_last(text, "ACCUSE").actors) == {"BOL"}


def test_a_rebuff_goes_to_whoever_accused() -> None:
    text = "Le Pérou a accusé mardi la Bolivie d'espionnage. La Bolivie a réfuté ces allégations."
    mention = _last(text, "REJECT")
    assert _codes(mention.targets) == {"PER"}
    assert "answers" in mention.reasons.targets


def test_behind_a_thing_stands_whom_the_dispute_is_with() -> None:
    text = "Le syndicat péruvien a accusé mardi le ministre bolivien de fraude. Il a fustigé la manière dont il vote."
    assert "BOL" in _codes(_last(text, "ACCUSE").targets)


def test_a_participle_belongs_to_the_noun_it_agrees_with() -> None:
    text = "Le juge a ouvert une enquête contre un notaire lyonnais et son épouse, condamnés mardi à Paris."
    targets = {party.text for mention in _mentions(text, "COERCE") for party in mention.targets}
    assert any("notaire" in target for target in targets)
    assert not any("enquête" in target for target in targets)
