"""Sentences: offsets that hold for any Unicode text, and the splitting rules of news French and English."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.coding.text import LONGEST_SENTENCE, fold, one_for_one, split_sentences


def _texts(text: str, language: str = "fr") -> list[str]:
    return [text[s.start : s.end] for s in split_sentences(text, language)]


@given(st.text(alphabet=st.characters(), max_size=400), st.sampled_from(["fr", "en"]))
def test_sentences_are_ordered_disjoint_and_trimmed(text: str, language: str) -> None:
    previous = 0
    for index, sentence in enumerate(split_sentences(text, language)):
        assert sentence.index == index
        assert previous <= sentence.start < sentence.end <= len(text)
        piece = text[sentence.start : sentence.end]
        assert piece == piece.strip()
        previous = sentence.end


@given(
    st.lists(st.sampled_from(["Le maire", " a dit", ". ", "« ", " »", '"', "! ", "\n", "M. ", "(...)", "Paris", "…"]))
)
def test_no_letter_is_lost_between_sentences(parts: list[str]) -> None:
    text = "".join(parts)
    kept = "".join(_texts(text))
    letters = [c for c in text if c.isalnum()]
    assert [c for c in kept if c.isalnum()] == letters


@given(st.text(alphabet=st.characters(), max_size=300))
def test_the_parser_text_has_the_same_length(text: str) -> None:
    mapped = one_for_one(text)
    assert len(mapped) == len(text)
    assert not any("\ud800" <= c <= "\udfff" for c in mapped)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Il combat le groupe.Les soldats avancent.",
            ["Il combat le groupe.", "Les soldats avancent."],
        ),
        (
            "La foule était impressionnanteQuelques voitures brûlaient.",
            ["La foule était impressionnante", "Quelques voitures brûlaient."],
        ),
        ("Il part, a-t-il dit.M. Durand reste.", ["Il part, a-t-il dit.", "M. Durand reste."]),
        ('Le rapport date de 2018."Nous verrons", dit-il.', ["Le rapport date de 2018.", '"Nous verrons", dit-il.']),
        ('Il parle de "pertes".L\'espoir reste.', ['Il parle de "pertes".', "L'espoir reste."]),
        ("La ville (41.759).A Londres, il pleut.", ["La ville (41.759).", "A Londres, il pleut."]),
        (
            "Les prix montent en Asie.- Doutes à Rome - Les élus hésitent.",
            ["Les prix montent en Asie.", "- Doutes à Rome -", "Les élus hésitent."],
        ),
        ("Le retour du calmeD'autres villes attendent.", ["Le retour du calme", "D'autres villes attendent."]),
        ("L'artisan de la CSGAu début, il hésite.", ["L'artisan de la CSG", "Au début, il hésite."]),
        ("La CIA a parlé à l'IRA et à la FIFA.", ["La CIA a parlé à l'IRA et à la FIFA."]),
        ('Il dit : "Assez !" et part.', ['Il dit : "Assez !" et part.']),
        ("Jean-Luc et l'UNICEF-France d'Aix ont signé.", ["Jean-Luc et l'UNICEF-France d'Aix ont signé."]),
        ("M. Dupont a vu Mme Durand. Il est parti.", ["M. Dupont a vu Mme Durand.", "Il est parti."]),
        ("Le texte de J.-M. Petit est paru.", ["Le texte de J.-M. Petit est paru."]),
        (
            "« Nous partons. » Le ministre a quitté la salle.",
            ["« Nous partons. »", "Le ministre a quitté la salle."],
        ),
        ("C'est grave (...) Il faut agir.", ["C'est grave (...) Il faut agir."]),
        ("Environ 1.500 policiers et 2.300 soldats.", ["Environ 1.500 policiers et 2.300 soldats."]),
        ("Une ligne coupée\nau milieu. Une autre.", ["Une ligne coupée\nau milieu.", "Une autre."]),
        ("Titre sans point\n\nle texte suit.", ["Titre sans point", "le texte suit."]),
        ("", []),
        (" \n\t ", []),
        ("… ! ?", []),
    ],
)
def test_french_sentences(text: str, expected: list[str]) -> None:
    assert _texts(text) == expected


def test_english_abbreviations_do_not_end_a_sentence() -> None:
    text = "Gen. Smith met Mr. Jones in the U.S. capital. They talked."
    assert _texts(text, "en") == ["Gen. Smith met Mr. Jones in the U.S. capital.", "They talked."]


def test_a_sentence_without_end_is_cut_at_the_limit() -> None:
    pieces = _texts("mot, " * 5_000)
    assert len(pieces) > 1
    assert all(len(piece) <= LONGEST_SENTENCE for piece in pieces)


def test_folding_forgets_case_and_accents() -> None:
    assert fold("ÉTAT") == fold("état") == "etat"
    assert fold("Cœur") == "coeur"


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Il l'a dit à l'ONU.Selon lui, rien ne presse.", ["Il l'a dit à l'ONU.", "Selon lui, rien ne presse."]),
        ("Rien depuis 2011.Pour la ville, tout va.", ["Rien depuis 2011.", "Pour la ville, tout va."]),
        ('Il parle de "mensonges".La mairie se tait.', ['Il parle de "mensonges".', "La mairie se tait."]),
        ("Le budget de 3.5 millions des U.S.A passe.", ["Le budget de 3.5 millions des U.S.A passe."]),
    ],
)
def test_sentences_glued_to_an_acronym_a_number_or_a_quote_are_parted(text: str, sentences: list[str]) -> None:
    assert [text[s.start : s.end] for s in split_sentences(text, "fr")] == sentences
