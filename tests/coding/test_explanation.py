"""Why a text was coded as it was: each way in which a candidate can end, and that listening changes nothing."""

from __future__ import annotations

from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.coding.coder import Coder
from streams.coding.explained import Candidate, Explanation
from streams.coding.explanation import explain, possible_types
from streams.coding.lexicon import load_lexicon
from tests.coding.articles import article, rules_coder


@lru_cache(maxsize=1)
def _coder() -> Coder:
    return rules_coder("fr", "en")


def _explained(text: str, language: str = "fr") -> Explanation:
    return explain(_coder(), article(text, language=language))


def _candidates(text: str, words: str) -> list[Candidate]:
    return [c for s in _explained(text).sentences for c in s.candidates if c.words == words]


_NEWS = """La police biélorusse a arrêté jeudi douze opposants à Minsk. Le temps reste doux sur la ville.

Le ministre allemand a mis en garde le gouvernement contre de nouvelles arrestations. Il a été reçu à Varsovie."""


def test_an_explained_article_is_coded_as_any_other() -> None:
    [coding] = _coder().code([article(_NEWS)])
    assert _explained(_NEWS).coding == coding
    assert coding.mentions


def test_each_mention_is_explained_once_with_its_features() -> None:
    told = _explained(_NEWS)
    coded = [c for s in told.sentences for c in s.candidates if c.verdict == "coded"]
    assert sorted(c.mention.mention_id for c in coded if c.mention) == sorted(
        m.mention_id for m in told.coding.mentions
    )
    for one in coded:
        assert one.mention is not None
        assert one.features
        assert set(one.features) >= {name.split()[0] for name in _named(one.mention.reasons.confidence)}
        assert one.start == one.mention.trigger.start


def _named(confidence: str) -> list[str]:
    return [part for part in confidence.partition("; ")[2].split(", ") if part != "nothing more"]


def test_sentences_are_all_there_and_say_how_they_were_read() -> None:
    told = _explained(_NEWS)
    assert [s.sentence.index for s in told.sentences] == list(range(told.coding.sentences))
    assert [s.read for s in told.sentences] == ["for acts", "no trigger", "for acts", "for acts"]
    assert all(bool(s.trees) == (s.read == "for acts") for s in told.sentences)
    assert sum(s.read == "for acts" for s in told.sentences) == told.coding.candidates


def test_a_sentence_before_a_pronoun_is_read_for_context() -> None:
    told = _explained("Le maire de Lyon a mangé une pomme. Il a accusé le préfet de mensonge.")
    assert [s.read for s in told.sentences] == ["for context", "for acts"]
    assert told.sentences[0].trees
    assert told.sentences[0].candidates == ()


def test_what_a_sentence_lacks_of_a_pattern_is_named() -> None:
    [sentence] = _explained("Le train lève une poussière grise.").sentences
    assert sentence.read == "no trigger"
    lacking = {(one.words, one.missing) for one in sentence.lacking}
    assert any(words.startswith("lever ") and len(missing) == 1 for words, missing in lacking)


def test_a_failed_constraint_names_what_it_wants_and_what_it_found() -> None:
    quake = next(c for c in _candidates("Le séisme a tué vingt personnes.", "tué") if c.verdict == "constraint")
    assert quake.reason == "a disaster is no actor: “Le séisme”"
    assert [(r.text, r.source) for r in quake.actors] == [("Le séisme", "subject")]
    assert quake.file == "lexicon/fr/assault.yaml"
    found = _candidates("La police biélorusse a arrêté douze opposants.", "arrêté")
    [group] = [c for c in found if c.verdict == "constraint"]
    assert group.reason.startswith("requires object: ")
    assert group.reason.endswith("; found “douze opposants”")
    assert [c.verdict for c in found if c.entry.id == "arreter"] == ["coded"]


def test_a_reading_that_lost_names_the_one_that_won() -> None:
    text = "Des heurts ont fait dix morts à Gaza, dans des frappes israéliennes."
    assert [(c.verdict, "fait morts" in c.reason) for c in _candidates(text, "frappes")] == [("merged", True)]
    [plain] = [c for c in _candidates(text, "fait") if c.verdict == "outranked"]
    assert "“fait morts” (entry faire_des_morts)" in plain.reason


def test_an_aim_is_not_told_as_an_act_and_says_so() -> None:
    [aim] = [
        c
        for c in _candidates("Le gouvernement a envoyé des soldats pour arrêter les rebelles.", "arrêter")
        if c.verdict == "untold"
    ]
    assert aim.reason.endswith(": an aim")
    assert aim.stance is not None
    assert aim.mention is None


def test_an_act_told_twice_in_a_sentence_names_the_first_telling() -> None:
    text = "La police a arrêté deux opposants, et l'arrestation a surpris."
    verdicts = {c.words: c for s in _explained(text).sentences for c in s.candidates if c.verdict != "constraint"}
    assert verdicts["arrestation"].verdict == "repeated"
    assert "“arrêté” (entry arreter)" in verdicts["arrestation"].reason


def test_casualties_of_an_accident_are_told_apart() -> None:
    filler = " ".join(["Le temps reste doux sur la ville."] * 6)
    text = f"Dix personnes ont été tuées et quarante blessées dans la ville. {filler}"
    verdicts = {c.verdict for s in _explained(text).sentences for c in s.candidates}
    assert "mishap" in verdicts
    assert "coded" not in verdicts


def test_a_word_in_another_construction_says_how_it_was_read() -> None:
    misfits = [c for s in _explained("Le moteur expulse les gaz brûlés.").sentences for c in s.candidates]
    assert {c.verdict for c in misfits} <= {"construction", "constraint"}
    assert all(c.reason for c in misfits)


@pytest.mark.parametrize(
    ("text", "language"), [("", "fr"), ("Die Polizei hat am Donnerstag zwölf Leute verhaftet.", "de")]
)
def test_an_article_that_is_not_read_has_no_sentences(text: str, language: str) -> None:
    assert _explained(text, language).sentences == ()


def test_english_is_explained_too() -> None:
    told = _explained("Police arrested twelve protesters in Minsk on Thursday.", "en")
    assert [c.verdict for s in told.sentences for c in s.candidates if c.words == "arrested"].count("coded") == 1
    assert told.sentences[0].candidates[0].file.startswith("lexicon/en/")


def test_a_coded_word_is_not_told_again_for_its_other_readings() -> None:
    told = _explained("Iran did not threaten to attack.", "en")
    on_threaten = [c for s in told.sentences for c in s.candidates if c.words.startswith("threaten")]
    assert [(c.entry.id, c.verdict) for c in on_threaten] == [("threaten_party", "coded")]


def test_possible_types_hold_the_announced_and_the_negated() -> None:
    entries = {e.id: e for e in load_lexicon("fr").entries}
    assert possible_types(entries["arreter"]) >= {"COERCE"}
    assert any(e.negated and e.negated in possible_types(e) for e in entries.values())


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_explained(text: str) -> None:
    told = _explained(f"La police a arrêté douze opposants. {text}")
    assert len(told.sentences) == told.coding.sentences
    assert sum(c.verdict == "coded" for s in told.sentences for c in s.candidates) >= len(told.coding.mentions)
