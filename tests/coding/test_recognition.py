"""Which words tell an act: words described, models of our own that take or leave them, and the shipped ones."""

from __future__ import annotations

from collections.abc import Container
from functools import lru_cache

import pytest

from schemas.mention import Mention, PloverType
from streams.coding.coder import Coder, load_coder
from streams.coding.learned import UNLEARNED, Learned, learned_files, load_learned
from streams.coding.lexicon import Entry
from streams.coding.linear_model import LinearModel
from streams.coding.modality import DECLINED, Stance
from streams.coding.readings import in_modality
from streams.coding.recognition import (
    LEARNED_FRAME,
    NONE,
    LinearRecogniser,
    Recognised,
    chosen_pattern,
    learned_match,
)
from streams.coding.tree import Node
from streams.coding.trigger_words import Word, may_tell, part_of_speech
from tests.coding.articles import article


class _Told:
    """Recognises the words that it is told to, and takes down all that it is shown."""

    def __init__(self) -> None:
        self.answers: dict[str, PloverType] = {}
        self.words: dict[str, Word] = {}

    @property
    def lemmas(self) -> Container[str]:
        return self.answers

    def recognise(self, word: Word) -> Recognised:
        self.words[word.node.text] = word
        answer = self.answers.get(word.node.lemma)
        return Recognised(answer or "ACCUSE", 0.75 if answer else 0.1, answer is not None)

    def telling(self, word: Word) -> list[tuple[str, float]]:
        return []


_TOLD = _Told()


@lru_cache(maxsize=1)
def _coder() -> Coder:
    return load_coder(("fr",), lambda _: Learned(_TOLD))


def _code(text: str, **answers: PloverType) -> tuple[dict[str, Word], tuple[Mention, ...]]:
    _TOLD.answers, _TOLD.words = answers, {}
    [coding] = _coder().code([article(text, title="Une arrestation à Moscou")])
    return _TOLD.words, coding.mentions


def _node(text: str, pos: str, morph: frozenset[str] = frozenset()) -> Node:
    return Node(0, text, 0, len(text), pos, "root", 0, morph, text.lower(), frozenset({text.lower()}), text.lower())


def _word(*features: str) -> Word:
    return Word(_node("mot", "NOUN"), (), features)


_MODEL = LinearModel(
    (NONE, "ASSAULT", "COERCE"),
    {
        "lemma=attaquer": ((0, -1.0), (1, 2.0)),
        "lemma=arreter": ((2, 1.5),),
        "lemma=pomme": ((0, 2.0),),
        "lemma=voisin": ((1, 0.2), (0, 0.1)),
        "lemma=arreter|verb": ((2, 3.0),),
        "title=True": ((1, 0.5), (0, 0.5)),
    },
)


def test_a_word_is_taken_where_an_act_of_any_type_is_likely_enough() -> None:
    recogniser = LinearRecogniser(_MODEL, least=0.9)
    sure, doubtful = recogniser.recognise(_word("lemma=attaquer")), recogniser.recognise(_word("lemma=voisin"))
    assert (sure.plover, sure.taken) == ("ASSAULT", True)
    assert (doubtful.plover, doubtful.taken) == ("ASSAULT", False)
    assert LinearRecogniser(_MODEL, least=0.5).recognise(_word("lemma=voisin")).taken


def test_the_probability_is_that_of_any_act_not_of_the_likeliest_type() -> None:
    found = LinearRecogniser(_MODEL, 0.5).recognise(_word())
    assert found.probability == pytest.approx(2 / 3, abs=1e-4)
    assert found.plover == "ASSAULT"  # of two as likely, the first of the model


def test_lemmas_are_those_that_speak_for_an_act_by_themselves() -> None:
    assert LinearRecogniser(_MODEL, 0.5).lemmas == {"attaquer", "arreter"}


def test_telling_names_what_weighs_most_for_the_likeliest_type_against_none() -> None:
    weighed = LinearRecogniser(_MODEL, 0.5).telling(_word("title=True", "lemma=attaquer", "unknown"))
    assert weighed == [("lemma=attaquer", 3.0), ("title=True", 0.0)]


def test_a_model_without_a_class_for_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match=NONE):
        LinearRecogniser(LinearModel(("ASSAULT",), {}), 0.5)


def test_a_word_is_described_by_lexicon_grammar_and_place() -> None:
    words, _ = _code("« La police a arrêté trente opposants », dit-on.", arreter="COERCE")
    features = set(words["arrêté"].features)
    assert {"lemma=arreter", "kind=verb", "lexicon=meets", "first=COERCE", "quoted=True"} <= features
    assert {"object=True", "passive=False", "object=opposant", "arreter>object=opposant", "sentence=0"} <= features
    meeting = [one.plover for one in words["arrêté"].tried if one.met]
    assert meeting[0] == "COERCE"


def test_a_word_of_the_title_is_marked_as_such() -> None:
    words, _ = _code("Une arrestation a eu lieu. La police a arrêté Paul.", arrestation="COERCE")
    assert "title=True" in words["arrestation"].features
    assert "title=False" in words["arrêté"].features


def test_features_do_not_depend_on_what_was_coded_before() -> None:
    text = "Des rebelles ont tué douze soldats près de Goma."
    first, _ = _code(text)
    _code("La police a arrêté Paul Durand à Kiev. Paris condamne la Russie.")
    again, _ = _code(text)
    assert {k: w.features for k, w in first.items()} == {k: w.features for k, w in again.items()}


def test_a_word_that_the_model_leaves_tells_nothing() -> None:
    _, mentions = _code("La police a arrêté trente opposants à Moscou.")
    assert mentions == ()


def test_a_word_that_the_lexicon_knows_is_taken_with_its_entry_and_the_models_probability() -> None:
    _, [mention] = _code("La police a arrêté trente opposants à Moscou.", arreter="COERCE")
    assert (mention.type, mention.trigger.text) == ("COERCE", "arrêté")
    assert "recognised with 0.75" in mention.reasons.type


def test_a_word_that_no_entry_reads_so_is_taken_as_the_model_says() -> None:
    _, [mention] = _code("Le ministre a badigeonné trente opposants à Moscou.", badigeonner="PROTEST")
    assert (mention.type, mention.trigger.text) == ("PROTEST", "badigeonné")
    assert [p.text for p in mention.actors] == ["Le ministre"]


def test_a_word_that_the_model_does_not_ask_about_is_not_shown_to_it() -> None:
    words, _ = _code("Le ministre a badigeonné trente murs et la police a arrêté Paul.")
    assert "arrêté" in words
    assert "badigeonné" not in words


def test_only_verbs_nouns_and_participles_may_tell() -> None:
    assert may_tell(_node("attaque", "NOUN"))
    assert may_tell(_node("attaqué", "ADJ", frozenset({"VerbForm=Part"})))
    assert not may_tell(_node("grand", "ADJ"))
    assert not may_tell(_node("Attaque", "PROPN"))


@pytest.mark.parametrize(
    ("pos", "kind"), [("VERB", "verb"), ("AUX", "verb"), ("PROPN", "noun"), ("ADJ", "adjective"), ("ADV", "other")]
)
def test_parts_of_speech(pos: str, kind: str) -> None:
    assert part_of_speech(_node("mot", pos)) == kind


@pytest.mark.parametrize(("pos", "slot"), [("VERB", "verbs"), ("NOUN", "nouns"), ("ADJ", "adjectives")])
def test_a_learned_word_has_the_frame_of_learned_words(pos: str, slot: str) -> None:
    match = learned_match(_node("mot", pos), "AID")
    assert match.pattern.entry.frame == LEARNED_FRAME
    assert match.pattern.entry.type == "AID"
    assert getattr(match.pattern.entry, slot) == ("mot",)
    assert match.words == (match.node,)


def test_the_pattern_chosen_gives_the_type_and_meets_its_constraints_if_one_does() -> None:
    words, _ = _code("La police a arrêté trente opposants.", arreter="COERCE")
    word = words["arrêté"]
    chosen = chosen_pattern(word, "COERCE")
    assert chosen is not None
    assert chosen.met
    assert chosen_pattern(word, "AID") is None


def _entry(plover: PloverType, **others: PloverType) -> Entry:
    return Entry(id="e", verbs=("faire",), frame="svo", type=plover, **others)


def test_a_negated_recognition_is_the_type_that_its_entry_says() -> None:
    plover, stance = in_modality(_entry("SUPPORT", negated="REJECT"), Stance("denied", "negated", False))
    assert (plover, stance.modality) == ("REJECT", "asserted")
    plover, stance = in_modality(_entry("ASSAULT"), Stance("denied", "negated", False))
    assert (plover, stance.modality) == ("ASSAULT", "denied")


def test_cooperation_that_will_not_be_is_refused_and_aid_to_come_is_agreed_on() -> None:
    assert in_modality(_entry("CONSULT"), Stance("denied", DECLINED, False))[0] == "REJECT"
    assert in_modality(_entry("ASSAULT"), Stance("denied", DECLINED, False))[0] == "ASSAULT"
    assert in_modality(_entry("AID"), Stance("planned", "future", False))[0] == "AGREE"
    assert in_modality(_entry("AID"), Stance("planned", "threatened by him", False))[0] == "AID"
    assert in_modality(_entry("AID", planned="CONSULT"), Stance("planned", "future", False))[0] == "CONSULT"


def test_a_language_has_all_its_models_or_none() -> None:
    assert load_learned("xx") is UNLEARNED
    french = load_learned("fr")
    assert french.recogniser is not None
    assert french.ranker is not None
    for path in learned_files():
        language = path.removeprefix("learned/")[:2]
        assert load_learned(language).recogniser is not None


@lru_cache(maxsize=1)
def _shipped() -> Coder:
    return load_coder(("fr",))


@pytest.mark.parametrize(
    ("text", "plover", "actor", "target"),
    [
        ("La police russe a arrêté trente opposants à Kazan.", "COERCE", "RUS", "RUS"),
        ("L'armée turque a bombardé des positions kurdes en Syrie.", "ASSAULT", "TUR", None),
        ("Des manifestants ont défilé contre le gouvernement à Dakar.", "PROTEST", "SEN", "SEN"),
        ("Moscou accuse Kiev de préparer une offensive.", "ACCUSE", "RUS", "UKR"),
        ("Washington a imposé de nouvelles sanctions contre Téhéran.", "SANCTION", "USA", "IRN"),
        ("Le président français a rencontré son homologue égyptien au Caire.", "CONSULT", "FRA", "EGY"),
        ("L'Allemagne a livré des vivres au Soudan.", "AID", "DEU", "SDN"),
        ("La Chine a demandé au Japon de présenter des excuses.", "REQUEST", "CHN", "JPN"),
        ("La Corée du Nord a menacé Séoul de représailles.", "THREATEN", "PRK", "KOR"),
        ("L'Éthiopie et l'Érythrée ont signé un accord de paix.", "AGREE", "ETH", None),
        ("L'Arabie saoudite a rejeté la demande du Qatar.", "REJECT", "SAU", "QAT"),
    ],
)
def test_the_shipped_models_read_plain_news(text: str, plover: str, actor: str, target: str | None) -> None:
    [coding] = _shipped().code([article(text)])
    found = [m for m in coding.mentions if m.type == plover]
    assert found, [m.type for m in coding.mentions]
    assert actor in {p.country for p in found[0].actors}
    assert target is None or target in {p.country for p in found[0].targets}
