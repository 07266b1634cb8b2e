"""Texts that nobody would print: the coder reads them all, with exact offsets, and its work grows with their length.

Two kinds: built texts, each of one vice at full length; and mixtures that Hypothesis draws from plain news sentences
and hostile characters. Growth is counted in calls of functions, which a machine's load does not change; where the work
is done inside regular expressions, in processor time with a wide margin.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import lru_cache
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.article import Article
from schemas.base import clean_text
from streams.coding.coder import Coder, Coding, load_coder
from streams.coding.language import detect_language
from tests.coding.articles import article

_NEWS = (
    "La police kényane a dispersé mardi à Nairobi des centaines de manifestants.",
    "Des rebelles ont tué douze soldats près de Goma, selon une source militaire.",
    "« Nous ne céderons pas », a déclaré le ministre, qui accuse Moscou de mentir.",
    "Paris et Berlin ont imposé des sanctions à la Biélorussie le 12 mars 2024.",
    "Son homologue turc a rencontré les deux ministres à Ankara.",
)
_ENGLISH = (
    "Police arrested thirty protesters in Nairobi on Tuesday.",
    "Rebels killed 12 soldiers near Goma, a military source said.",
    "“We will not give in,” the minister said, accusing Moscow of lying.",
)

#: Characters that break what was not written for them.
_HOSTILE = (
    "\ud800",  # half of a surrogate pair
    "\udfff",
    "\x00",
    "\x1b[31m",
    "\u202e",  # right to left from here
    "\u2066",
    "\u200b",
    "\u00ad",
    "\ufeff",
    "\ufffd",
    "e\u0301\u0301\u0301",
    "\u0307" * 40,
    "İ",  # longer in lower case
    "ß",
    "ﬃ",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u2028",
    "\r",
    "\n\n",
    "\u3000",
    "«",
    "»",
    "“",
    '"',
    "'",
    "((",
    "))",
    "…",
    "---",
    "M.",
    "U.S.",
    "1.2.3",
    "٣",
    "²",
    "Ⅷ",
    "中国",
    "Москва",
    "القاهرة",
)


def _names(count: int) -> str:
    letters = "abdegilmnorstuvz"
    return ", ".join(
        f"{letters[i % 16].upper()}{letters[i // 16 % 16]}{letters[i // 256 % 16]}ane "
        f"{letters[i // 4096 % 16].upper()}o{letters[i % 13]}ard"
        for i in range(count)
    )


def _nested(depth: int) -> str:
    return "« “ ( " * depth + "la police a tué un homme" + " ) ” »" * depth + "."


#: What each vice makes of a number: the number is about that of its words or marks.
_VICES: dict[str, Callable[[int], str]] = {
    "surrogates": lambda n: "La police a arrêté \ud83d trente \udc00 opposants. " * (n // 8),
    "nulls": lambda n: "La\x00police\x00 a arrêté\x00 un homme.\x00" * (n // 6),
    "bidirectional marks": lambda n: "\u202ela police\u202c a \u2066tué\u2069 un homme. " * (n // 6),
    "combining marks": lambda n: "e\u0301" + "\u0301" * n + " a attaqué Kiev.",
    "combining marks everywhere": lambda n: "a\u0308\u0301\u0323 attaque\u0301\u0301 " * (n // 2),
    "no space": lambda n: "lapoliceatuéunhomme" * n,
    "no space but capitals": lambda n: "LaPoliceATuéUnHomme" * n,
    "one sentence": lambda n: "La police a arrêté " + "un manifestant et " * (n // 3) + "un homme.",
    "one sentence of commas": lambda n: "Les rebelles, la police, " * (n // 4) + "ont attaqué Goma.",
    "quotation marks": lambda n: '"' * n + "La police a tué un manifestant." + '"' * n,
    "quotations": lambda n: "« Nous attaquons », a dit le ministre. " * (n // 7),
    "one quotation": lambda n: "« " + "La police a tué un homme. " * (n // 6) + "»",
    "unclosed quotations": lambda n: "« Nous attaquons Kiev, “ a dit le ministre. " * (n // 7),
    "brackets": lambda n: "(" * n + "La police a tué un manifestant" + ")" * n,
    "bracket pairs": lambda n: "La police a tué () [] {} un homme " + "() " * n,
    "nested quotations": lambda n: _nested(n // 6),
    "digits": lambda n: "1234567890" * (n // 10),
    "digit words": lambda n: "12 mars " + "12 000 " * (n // 2),
    "numerals": lambda n: "deux cent mille vingt et un " * (n // 6),
    "dates": lambda n: "le 12 mars 2024 et le lundi 3 mai ; " * (n // 8),
    "decimals": lambda n: "1.2.3,4.5 " * n,
    "punctuation": lambda n: ".,;:!?…-–—'’ " * (n // 12),
    "full stops": lambda n: "." * n + " A" + " ." * n,
    "dashes": lambda n: "- A - " * (n // 2),
    "bullets": lambda n: "fin.- Suspense à Paris - La suite " * (n // 8),
    "capitals": lambda n: "LA POLICE A TUÉ DEUX MANIFESTANTS À CONAKRY. " * (n // 8),
    "one capital letter": lambda n: "A" * n,
    "scripts": lambda n: "Москва a attaqué القاهرة et 北京 le ٣ mars. " * (n // 9),
    "one word": lambda n: "tué " * n,
    "one phrase": lambda n: "a attaqué " * (n // 2),
    "names": lambda n: "Le président a rencontré " + _names(n // 2) + ".",
    "spaces": lambda n: "Paris" + " " * n + "a attaqué" + "\u00a0" * n + "Kiev.",
    "spaces at line starts": lambda n: "Paris \t \u00a0" + " " * n + "x\n" + " " * n + "Londres" + " " * n,
    "lines": lambda n: "\n" * n + "La police a tué un homme" + "\r\n" * n,
    "short lines": lambda n: "tué\na\nété\n" * (n // 3),
    "hyphens": lambda n: "a-t-il-" * n + "tué",
    "apostrophes": lambda n: "l'" * n + "attaque d'" * n,
    "initials": lambda n: "M. A. B. " * (n // 3) + "a tué.",
    "emoji": lambda n: "\U0001f468\u200d\U0001f469\u200d\U0001f467" * n + " La police a tué un homme.",
    "abbreviations": lambda n: "U.S.A.F.B.I." * n,
    "datelines": lambda n: "PARIS (AFP) - La police a tué. \n" * (n // 7),
    "capital city": lambda n: "La police a tué un homme dans la capitale. " * (n // 9),
    "places": lambda n: "La police a tué un homme à Nairobi, à Goma, à Paris et à Kiev. " * (n // 15),
    "pronouns": lambda n: "Il l'a tué. Son pays l'accuse. Ils les ont arrêtés. " * (n // 12),
    "titles": lambda n: "Le président a accusé le ministre. " * (n // 6),
    "replacement characters": lambda n: "La police\ufffd a tu\ufffd un homme \ufffd\ufffd. " * (n // 7),
    "mojibake": lambda n: "La police a arrÃªtÃ© des manifestants Ã\xa0 Conakry. " * (n // 8),
}


@lru_cache(maxsize=1)
def _coder() -> Coder:
    return load_coder()


def _code(text: str, language: str = "fr") -> tuple[Article, Coding]:
    given_article = article(text, language=language)
    [coding] = _coder().code([given_article])
    return given_article, coding


def _assert_exact(given_article: Article, coding: Coding) -> None:
    """Every span of a mention is a slice of the article's text, and lies where it belongs."""
    text = given_article.text
    assert len({m.mention_id for m in coding.mentions}) == len(coding.mentions)
    assert (coding.outcome == "coded") == bool(coding.mentions)
    for mention in coding.mentions:
        spans: list[Any] = [mention.evidence, mention.trigger, *mention.quantities]
        spans += [slot for slot in (mention.date, mention.attribution) if slot is not None]
        parts = (*mention.actors, *mention.targets, mention.place)
        spans += [part for part in parts if part is not None and part.start is not None]
        for span in spans:
            assert text[span.start : span.end] == span.text
        assert mention.evidence.start <= mention.trigger.start < mention.trigger.end <= mention.evidence.end
        assert 0 <= mention.evidence.sentence < coding.sentences
        assert mention.to_bytes()


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("vice", _VICES, ids=lambda vice: vice.replace(" ", "-"))
def test_any_vice_is_coded_with_exact_offsets(vice: str, language: str) -> None:
    _assert_exact(*_code(_VICES[vice](600), language))


_LONG: dict[str, Callable[[], str]] = {
    "50,000 tokens in a sentence": lambda: _VICES["one sentence"](50_000),
    "10,000 quotation marks": lambda: '"La police" "a tué" un "homme". ' * 1_667,
    "10,000 quotation marks before the first word": lambda: _VICES["quotation marks"](10_000),
    "100,000 brackets": lambda: _VICES["brackets"](100_000),
    "10,000 nested quotations": lambda: _nested(10_000),
    "a word a million times": lambda: "soleil " * 1_000_000,
    "10,000 times a verb": lambda: _VICES["one phrase"](20_000),
    "20,000 names": lambda: _VICES["names"](40_000),
    "a million digits": lambda: "La police a tué un homme. " + _VICES["digits"](1_000_000),
    "a megabyte of plain words": lambda: "Le soleil brille sur la mer. " * 36_000 + _NEWS[0],
    "a megabyte without a space": lambda: _VICES["no space"](55_000),
}


@pytest.mark.parametrize("vice", _LONG, ids=lambda vice: vice.replace(" ", "-"))
def test_a_very_long_text_is_coded_with_exact_offsets(vice: str) -> None:
    _assert_exact(*_code(_LONG[vice]()))


def test_what_follows_hostile_stretches_is_still_read() -> None:
    for vice in ("quotation marks", "brackets", "spaces", "digits", "combining marks", "lines", "no space"):
        _, coding = _code(_VICES[vice](3_000) + "\n\n" + _NEWS[0])
        assert "COERCE" in {m.type for m in coding.mentions}, vice


def _news(sentences: int) -> str:
    countries = ("La France", "La Russie", "La Turquie", "Le Mali", "La Chine", "La Tunisie", "Le Brésil")
    cities = ("Paris", "Kiev", "Goma", "Bamako", "Gaza", "Alep", "Tunis", "Lagos", "Lima")
    forms = (
        "La police a arrêté {n} opposants à {city} mardi.",
        "{country} a imposé des sanctions contre {other} le {day} mars.",
        "Des rebelles ont tué {n} soldats près de {city}, selon le ministre.",
        "Son pays accuse {other} de mentir.",
        "Le président a rencontré son homologue à {city}.",
        "Les deux pays ont signé un accord.",
        "« Il a attaqué {city} », a déclaré le président.",
        "Cette attaque avait tué {n} civils dans la capitale.",
    )
    return " ".join(
        forms[i % 8].format(
            n=i + 2, city=cities[i % 9], country=countries[i % 7], other=countries[(i + 3) % 7], day=i % 28 + 1
        )
        for i in range(sentences)
    )


def _calls(text: str) -> int:
    """Return how many functions are called while a text is coded: a measure of work that no other process disturbs."""
    counted = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    before = sys.getprofile()
    given_article = article(text)
    sys.setprofile(count)
    try:
        [coding] = _coder().code([given_article])
    finally:
        sys.setprofile(before)
    assert coding.mentions
    return counted


def test_four_times_the_news_is_four_times_the_work() -> None:
    _code(_news(120))
    small, large = _calls(_news(200)), _calls(_news(800))
    assert large < 4 * small * 1.15


#: Those whose work is done by regular expressions and tables before anything is parsed.
_SWIFT = (
    "spaces",
    "spaces at line starts",
    "lines",
    "digits",
    "digit words",
    "numerals",
    "dates",
    "decimals",
    "full stops",
    "bullets",
    "dashes",
    "no space but capitals",
    "one capital letter",
    "initials",
    "abbreviations",
    "mojibake",
)


def _seconds(text: str) -> float:
    given_article = article(text)
    found = []
    for _ in range(2):
        start = time.process_time()
        _coder().code([given_article])
        found.append(time.process_time() - start)
    return min(found)


@pytest.mark.parametrize("vice", _SWIFT, ids=lambda vice: vice.replace(" ", "-"))
def test_no_pattern_takes_more_than_linear_time(vice: str) -> None:
    text = _VICES[vice]
    _code(text(1_000))
    small, large = _seconds(text(10_000)), _seconds(text(80_000))
    assert large < 8 * max(small, 0.05) * 2.5  # squares would give 64


_FRAGMENTS = st.lists(
    st.one_of(
        st.sampled_from(_NEWS + _ENGLISH),
        st.sampled_from(_HOSTILE),
        st.sampled_from([word for sentence in _NEWS for word in sentence.split()]),
        st.text(alphabet=st.characters(exclude_categories=()), max_size=12),
        st.sampled_from(_HOSTILE).map(lambda mark: mark * 60),
    ),
    max_size=25,
)


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(fragments=_FRAGMENTS, joiner=st.sampled_from(["", " ", "\n", "\u202f"]), language=st.sampled_from(["fr", "en"]))
def test_any_mixture_is_coded_alike_each_time_with_exact_offsets(
    fragments: list[str], joiner: str, language: str
) -> None:
    given_article, coding = _code(joiner.join(fragments), language)
    _assert_exact(given_article, coding)
    assert _coder().code([given_article]) == [coding]


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(fragments=_FRAGMENTS)
def test_a_hostile_title_changes_no_offset(fragments: list[str]) -> None:
    given_article = article(" ".join(_NEWS), title=clean_text(" ".join(fragments)))
    [coding] = _coder().code([given_article])
    assert len(coding.mentions) >= len(_NEWS) - 1
    _assert_exact(given_article, coding)


def test_marks_before_and_among_the_words_do_not_hide_their_language() -> None:
    for marks in ("\u0301" * 5_000, "“" * 5_000, "1" * 5_000, "- \n" * 2_000, "\U0001f600" * 5_000):
        text = f"Le ministre{marks} de la justice{marks} a rencontré hier les avocats de la défense à Lyon."
        assert detect_language(text) == "fr"
    assert detect_language("\u0301" * 10_000) is None
