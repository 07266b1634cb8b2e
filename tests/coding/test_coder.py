"""The coder as a whole: outcomes, determinism, ugly input, and pairs of short articles with what they tell."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from functools import lru_cache

import pytest

from schemas.article import Article
from schemas.mention import Mention
from streams.coding.coder import CODER_VERSION, Coder, Coding, load_coder
from streams.coding.formats import to_score_rows
from tests.coding.articles import article

_FRENCH = """La police kényane a dispersé mardi à Nairobi des centaines de manifestants hostiles au gouvernement.
Trois personnes ont été tuées par balle, selon une source hospitalière.
Le ministre de l'Intérieur a rencontré dans la soirée les dirigeants de l'opposition.
La France a condamné les violences et les États-Unis ont menacé Nairobi de représailles.
"""
_ENGLISH = """Rebels attacked an army base near Goma on Monday and killed nine soldiers.
The government condemned the assault. It will send 500 troops to the region."""


@lru_cache(maxsize=1)
def _coder() -> Coder:
    return load_coder()


def _code(text: str, language: str = "fr") -> Coding:
    [coding] = _coder().code([article(text, language=language)])
    return coding


def _types(coding: Coding) -> list[str]:
    return [mention.type for mention in coding.mentions]


def test_a_french_article_gives_its_acts_with_exact_evidence() -> None:
    coding = _code(_FRENCH)
    assert coding.outcome == "coded"
    assert coding.language == "fr"
    assert coding.sentences == 4
    assert {"COERCE", "ASSAULT", "CONSULT", "ACCUSE", "THREATEN"} <= set(_types(coding))
    for mention in coding.mentions:
        assert _FRENCH[mention.evidence.start : mention.evidence.end] == mention.evidence.text
        assert _FRENCH[mention.trigger.start : mention.trigger.end] == mention.trigger.text
        assert mention.evidence.start <= mention.trigger.start < mention.trigger.end <= mention.evidence.end
        for party in (*mention.actors, *mention.targets):
            assert party.start is not None
            assert party.end is not None
            assert _FRENCH[party.start : party.end] == party.text
        assert mention.coder.version == CODER_VERSION


def test_an_english_article_gives_its_acts() -> None:
    coding = _code(_ENGLISH, "en")
    assert coding.language == "en"
    assert {"ASSAULT", "ACCUSE"} <= set(_types(coding))


def test_every_slot_has_a_reason_filled_or_empty() -> None:
    for mention in _code(_FRENCH).mentions:
        assert all(mention.reasons.model_dump().values())
        assert mention.place is not None or mention.reasons.place
        assert 0 <= mention.confidence <= 1


@pytest.mark.parametrize(
    ("text", "language", "outcome"),
    [
        ("", "fr", "empty"),
        (" \n\t", "fr", "empty"),
        ("12 + 30 = 42 !!!", "fr", "empty"),
        ("اعتقلت الشرطة عشرات المتظاهرين في العاصمة يوم الثلاثاء بعد اشتباكات عنيفة", "ar", "unsupported_language"),
        ("Die Polizei hat am Dienstag in Berlin Dutzende Demonstranten festgenommen.", "de", "unsupported_language"),
        ("Le soleil brille sur la mer et les enfants jouent dans le jardin fleuri.", "fr", "no_event"),
    ],
)
def test_outcomes(text: str, language: str, outcome: str) -> None:
    coding = _code(text, language)
    assert coding.outcome == outcome
    assert coding.mentions == ()


def test_a_killed_article_is_not_read() -> None:
    [coding] = _coder().code([article(_FRENCH, status="killed")])
    assert coding.outcome == "killed"


def test_an_unknown_language_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="xx"):
        load_coder(("fr", "xx"))


def _articles() -> list[Article]:
    texts = [_FRENCH, _ENGLISH, "", *(line for line in _FRENCH.splitlines() if line), "A police a PARIS " * 40]
    return [
        article(text, guid=f"entry-{i}", language="en" if text is _ENGLISH else "fr") for i, text in enumerate(texts)
    ]


def test_the_same_article_gives_the_same_bytes_in_any_batch_and_order() -> None:
    articles = _articles()
    alone = {a.article_id: [m.to_bytes() for m in _coder().code([a])[0].mentions] for a in articles}
    shuffled = articles[:]
    for seed in range(3):
        random.Random(seed).shuffle(shuffled)
        for coding in _coder().code([*shuffled, *shuffled[:2]]):
            assert [m.to_bytes() for m in coding.mentions] == alone[coding.article_id]


def test_mention_ids_are_unique_within_an_article() -> None:
    mentions = _code(_FRENCH * 3).mentions
    assert len({m.mention_id for m in mentions}) == len(mentions)


@pytest.mark.parametrize(
    "text",
    [
        "La police a arrêté " + "un manifestant et " * 5_000,
        '"' * 10_000 + "La police a tué un manifestant." + '"' * 10_000,
        "tué " * 10_000,
        "LA POLICE A TUÉ DEUX MANIFESTANTS À CONAKRY",
        "La police\ufffd a tué\x00 deux\u200b manifestants\u2028à Conakry.",
        "( [ { « “ " * 3_000,
        "a-t-il " * 2_000 + "tué",
        "\U0001f600" * 500 + " La police a arrêté un homme. " + "👩‍👩‍👧‍👦" * 200,
        "1.2.3.4.5 " * 3_000 + "attaque",
    ],
    ids=["coordination", "quotes", "one-word", "capitals", "controls", "brackets", "hyphens", "emoji", "numbers"],
)
def test_ugly_text_never_raises(text: str) -> None:
    coding = _code(text)
    assert coding.outcome in {"coded", "no_event", "unsupported_language", "empty"}
    for mention in coding.mentions:
        assert coding.sentences > mention.evidence.sentence


def test_capitals_are_read() -> None:
    assert "ASSAULT" in _types(_code("LA POLICE A TUÉ DEUX MANIFESTANTS À CONAKRY MARDI SOIR"))


def test_a_megabyte_is_coded() -> None:
    filler = "Le soleil brille sur la mer et les enfants jouent dans le jardin. "
    text = filler * 14_000 + "La police a arrêté trente opposants à Moscou."
    coding = _code(text)
    assert len(text) > 900_000
    assert "COERCE" in _types(coding)
    assert coding.candidates < coding.sentences


@pytest.mark.parametrize(
    ("text", "plover", "modality"),
    [
        ("Les soldats n'ont pas attaqué le village.", "ASSAULT", "denied"),
        ("L'armée aurait tué dix civils dans le nord.", "ASSAULT", "reported"),
        ("Le ministre va rencontrer son homologue turc à Ankara.", "CONSULT", "planned"),
        ("Le ministre rencontrera son homologue turc à Ankara.", "CONSULT", "planned"),
        ("Si l'armée attaque la ville, les habitants fuiront.", "ASSAULT", "hypothetical"),
        ("L'armée pourrait attaquer la ville.", "ASSAULT", "hypothetical"),
        ("Le général a démenti avoir attaqué le village.", "ASSAULT", "denied"),
        ("Le président a commencé à retirer ses troupes de Syrie.", "RETREAT", "asserted"),
        ("La police n'a arrêté que deux manifestants.", "COERCE", "asserted"),
        ("La police a-t-elle arrêté les manifestants ?", "COERCE", "hypothetical"),
    ],
)
def test_modality(text: str, plover: str, modality: str) -> None:
    found: dict[str, str] = {m.type: m.modality for m in _code(text).mentions}
    assert found.get(plover) == modality


def _who(mentions: tuple[Mention, ...], plover: str) -> tuple[set[str | None], set[str | None]]:
    [mention] = [m for m in mentions if m.type == plover]
    return (
        {p.country or p.organisation for p in mention.actors},
        {p.country or p.organisation for p in mention.targets},
    )


@pytest.mark.parametrize(
    ("text", "plover", "actors", "targets"),
    [
        ("Moscou accuse Kiev de préparer une offensive.", "ACCUSE", {"RUS"}, {"UKR"}),
        ("Kiev est accusé par Moscou de mentir.", "ACCUSE", {"RUS"}, {"UKR"}),
        ("Les frappes israéliennes sur l'Iran ont repris.", "ASSAULT", {"ISR"}, {"IRN"}),
        ("L'invasion de l'Ukraine par la Russie a commencé.", "ASSAULT", {"RUS"}, {"UKR"}),
        ("La Turquie, qui a attaqué la Syrie, nie tout.", "ASSAULT", {"TUR"}, {"SYR"}),
        ("Washington a imposé des sanctions contre Téhéran.", "SANCTION", {"USA"}, {"IRN"}),
        ("Une offensive lancée par la Turquie contre la Syrie a commencé.", "ASSAULT", {"TUR"}, {"SYR"}),
    ],
)
def test_who_did_it_to_whom(text: str, plover: str, actors: set[str | None], targets: set[str | None]) -> None:
    assert _who(_code(text).mentions, plover) == (actors, targets)


def test_coordinated_parties_are_several() -> None:
    [mention] = [m for m in _code("Paris et Berlin ont condamné l'attaque.").mentions if m.type == "ACCUSE"]
    assert {p.country for p in mention.actors} == {"FRA", "DEU"}


def test_without_a_publication_date_a_weekday_has_no_value() -> None:
    [coding] = _coder().code([article("La police a arrêté mardi trente opposants à Moscou.", published=None)])
    [mention] = [m for m in coding.mentions if m.type == "COERCE"]
    assert mention.date is not None
    assert mention.date.value is None


def test_a_weekday_is_resolved_against_publication() -> None:
    published = datetime(2024, 3, 14, 9, tzinfo=UTC)
    text = "La police a arrêté mardi trente opposants à Moscou."
    [coding] = _coder().code([article(text, published=published)])
    [mention] = [m for m in coding.mentions if m.type == "COERCE"]
    assert mention.date is not None
    assert mention.date.value == "2024-03-12"
    assert mention.place is not None
    assert mention.place.country == "RU"


def test_score_rows_carry_the_gold_files_id() -> None:
    coding = _code(_FRENCH)
    rows = to_score_rows("gold-1", coding.mentions)
    assert len(rows) == len(coding.mentions)
    assert {row["article"] for row in rows} == {"gold-1"}
    assert {"start", "end", "type", "actors", "targets", "place", "date", "modality", "quantities"} <= set(rows[0])


def test_a_quotation_over_several_sentences_has_one_speaker() -> None:
    text = (
        "Le ministre ivoirien Paul Kouassi a réagi mardi à Abidjan. "
        "« L'armée malienne a bombardé deux villages. Elle a tué douze civils. Rien ne peut le justifier », "
        "a déclaré l'ambassadrice sénégalaise Awa Ndiaye."
    )
    found = [m for m in _coder().code([article(text)])[0].mentions if m.type == "ASSAULT"]
    assert len(found) == 2
    for mention in found:
        assert mention.attribution is not None
        assert "Ndiaye" in mention.attribution.text


def test_what_only_the_title_names_stands_nowhere_in_the_text() -> None:
    text = "Des hommes ont été arrêtés mardi pour avoir manifesté. Deux autres ont été condamnés à dix ans de prison."
    [coding] = _coder().code([article(text, title="Sénégal : arrestations à Dakar")])
    parts = [part for m in coding.mentions for part in (*m.actors, *m.targets, m.place) if part is not None]
    assert any(part.text in {"Sénégal", "Dakar"} for part in parts)
    for part in parts:
        assert part.start is None or text[part.start : part.end] == part.text


def test_a_quotation_is_not_given_to_who_spoke_another_one_long_before() -> None:
    text = (
        "« Nous condamnons les frappes », a déclaré mardi le président sénégalais Moussa Faye. "
        "Il fait beau sur la ville. Les marchés sont ouverts. Les enfants jouent dehors. La mer est calme. "
        "« L'armée malienne a bombardé deux villages. Elle a tué douze civils. »"
    )
    found = [m for m in _coder().code([article(text)])[0].mentions if m.type == "ASSAULT" and m.evidence.start > 150]
    assert found
    assert all(m.attribution is None for m in found)
