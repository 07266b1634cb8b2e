"""The better text of feed and page."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.pages.choice import (
    AFTER_FEED,
    MIN_SHARE,
    choose,
    chosen_article,
    is_its_page,
    meaningful_words,
    with_reason,
)
from connectors.pages.reading import PageReading
from schemas.article import Article, Identity, Provenance, Published, make_article
from tests.connectors.making import NOW, SOURCE

URL = "https://journal.example/a/1"
TEASER = "Les dockers du port de Valmorin ont voté dimanche la reprise du travail après onze jours de grève."
TITLE = "À Valmorin, les dockers reprennent le travail"
BODY = TEASER + "\n" + "L’accord prévoit une prime et quarante embauches avant la fin de l’année. " * 10
PAGE = PageReading("article", "810 characters of text", title=TITLE, text=BODY.strip(), language="fr")
OTHER = PageReading(
    "article", "?", title="Une comète visible à l’œil nu", text="La comète Brorsen approche du Soleil. " * 30
)


def feed(text: str = TEASER, *, title: str = TITLE, summary: str | None = None, language: str | None = None) -> Article:
    return make_article(
        source=SOURCE,
        connector="feed",
        identity=Identity(guid="g1"),
        title=title,
        text=text,
        summary=summary,
        url=URL,
        language=language,
        published=Published(value=None, raw=None, reading="absent"),
        fetched=NOW,
        provenance=Provenance(fetch_id="f0", hop="feed", feed_url="https://journal.example/rss", etag='"x"'),
    )


def test_the_page_is_taken_where_it_says_more() -> None:
    choice = choose(feed(), PAGE)
    assert (choice.outcome, choice.hop, choice.text) == ("page", "page", PAGE.text)
    assert choice.why == f"page: {len(PAGE.text)} characters, feed {len(TEASER)}"


@pytest.mark.parametrize(
    ("page", "outcome", "word"),
    [
        (replace(PAGE, kind="paywall", why="declared as not free"), "paywall", "paywall (declared as not free)"),
        (replace(PAGE, kind="consent", why="x"), "consent", "consent wall"),
        (replace(PAGE, kind="no_article", why="a list"), "no_article", "no article (a list)"),
        (replace(PAGE, text=" "), "no_article", "no article"),
        (replace(PAGE, opt_outs=("noarchive", "tdm-reservation")), "opt_out", "(noarchive, tdm-reservation)"),
        (OTHER, "feed", "about something else (0 of "),
        (replace(PAGE, text=TEASER), "feed", "no more than"),
        (replace(PAGE, text=PAGE.text * 500), "no_article", "more than any article"),
    ],
)
def test_else_the_feed_s_stays_and_the_reason_says_why(page: PageReading, outcome: str, word: str) -> None:
    choice = choose(feed(), page)
    assert (choice.outcome, choice.hop, choice.text) == (outcome, "feed", TEASER)
    assert choice.why.startswith("feed: ")
    assert word in choice.why


def test_a_teaser_gives_way_to_a_page_as_long() -> None:
    text = TEASER[:-1] + " […]"
    assert choose(feed(text), replace(PAGE, text=TEASER + " Fin.")).hop == "page"
    assert choose(feed(TEASER), replace(PAGE, text=TEASER + " Fin.")).hop == "feed"


def test_a_title_alone_takes_its_page_and_no_other() -> None:
    assert choose(feed(""), PAGE).hop == "page"
    assert choose(feed(""), OTHER).hop == "feed"
    assert choose(feed("", title="Direct"), PAGE).hop == "feed"
    assert choose(feed("", title=""), PAGE).hop == "feed"


def test_a_stub_is_never_the_text_but_a_description_stands_in_for_none() -> None:
    stub = replace(PAGE, kind="paywall", why="w", description="Les dockers de Valmorin reprennent le travail.")
    assert choose(feed(), stub).hop == "feed"
    choice = choose(feed(""), stub)
    assert (choice.outcome, choice.hop, choice.text) == ("paywall", "page", stub.description)
    assert choose(feed(""), replace(stub, description="")).text == ""
    assert choose(feed("", title="Une comète visible ce soir"), stub).hop == "feed"


def test_words_that_are_in_any_page_do_not_count() -> None:
    assert meaningful_words("Dans les 40 communes, l’arrosage est interdit à 9:30, 1.500 euros.") == {
        "40",
        "communes",
        "arrosage",
        "interdit",
        "9:30",
        "1.500",
        "euros",
    }


def test_the_page_s_article_keeps_identity_source_and_place_among_versions() -> None:
    article = feed()
    final = chosen_article(article, PAGE, choose(article, PAGE), page_url=URL + "?amp")
    assert (final.article_id, final.source, final.identity, final.url) == (
        article.article_id,
        article.source,
        article.identity,
        URL,
    )
    assert (final.text, final.summary, final.title) == (PAGE.text, TEASER, TITLE)
    assert final.fetched == NOW + AFTER_FEED
    assert final.revision > article.revision
    assert final.provenance == article.provenance.model_copy(
        update={
            "hop": "page",
            "page_url": URL + "?amp",
            "choice": f"page: {len(PAGE.text)} characters, feed {len(TEASER)}",
        }
    )


def test_a_kill_of_the_next_poll_is_later_than_the_page() -> None:
    article = feed()
    final = chosen_article(article, PAGE, choose(article, PAGE), page_url=URL)
    killed = make_article(
        source=SOURCE,
        connector="feed",
        identity=Identity(guid="g1"),
        text="",
        published=article.published,
        fetched=NOW + 2 * AFTER_FEED,
        provenance=article.provenance,
        status="killed",
    )
    assert killed.revision > final.revision


def test_the_feed_s_article_is_the_same_but_for_the_reason() -> None:
    article = feed()
    kept = chosen_article(article, OTHER, choose(article, OTHER), page_url=URL)
    assert (kept.version, kept.fetched, kept.provenance.hop) == (article.version, article.fetched, "feed")
    assert kept.provenance.page_url == URL
    assert (kept.provenance.choice or "").startswith("feed: the page is about something else")
    assert with_reason(article, "feed: robots.txt forbids the page").provenance.page_url is None
    assert Article.from_bytes(kept.to_bytes()) == kept


@pytest.mark.parametrize(
    ("title", "page_title", "wins"),
    [
        ("Titre du flux", "Titre de la page - Le Courrier", "Titre du flux"),
        ("", "Titre de la page", "Titre de la page"),
        ("Titre du flux", "", "Titre du flux"),
        ("Les dockers reprennent…", "Les dockers reprennent le travail", "Les dockers reprennent le travail"),
        ("Les dockers reprennent...", "Une autre histoire", "Les dockers reprennent..."),
    ],
)
def test_the_feed_s_title_wins_unless_it_is_missing_or_breaks_off(title: str, page_title: str, wins: str) -> None:
    page = replace(PAGE, title=page_title)
    article = feed(title=title)
    assert chosen_article(article, page, choose(article, page), page_url=URL).title == wins


def test_language_authors_and_date_are_the_page_s_where_the_feed_has_none() -> None:
    page = replace(PAGE, authors=("Maëlle Kervran",), published_raw="2026-02-28T18:42:00+01:00")
    article = feed()
    final = chosen_article(article, page, choose(article, page), page_url=URL)
    assert (final.language, final.authors) == ("fr", ("Maëlle Kervran",))
    assert final.published.value is not None
    assert final.published.reading.startswith("page: ")
    unreadable = replace(page, published_raw="avant-hier")
    assert chosen_article(article, unreadable, choose(article, page), page_url=URL).published == article.published
    assert chosen_article(feed(language="en"), page, choose(article, page), page_url=URL).language == "en"


words = st.lists(st.text("abcdefghij", min_size=5, max_size=9), min_size=0, max_size=30)
readings = st.builds(
    PageReading,
    kind=st.sampled_from(["article", "paywall", "consent", "no_article"]),
    why=st.just("w"),
    title=words.map(" ".join),
    text=words.map(" ".join),
    description=words.map(" ".join),
    opt_outs=st.sampled_from([(), ("noarchive",)]),
)


@given(words.map(" ".join), words.map(" ".join), readings)
def test_the_rule_holds_whatever_feed_and_page_say(title: str, text: str, page: PageReading) -> None:
    article = feed(text, title=title)
    choice = choose(article, page)
    assert choice.why.startswith(f"{choice.hop}: ")
    if choice.hop == "feed":
        assert choice.text == text
    else:
        assert not page.opt_outs
        assert is_its_page(article, page)
        assert (page.kind, choice.text) in {("article", page.text), ("paywall", page.description)}
        assert len(choice.text) >= len(text) or page.kind == "paywall"
    final = chosen_article(article, page, choice, page_url=URL)
    assert final.article_id == article.article_id
    assert final.text == choice.text
    assert final.revision >= article.revision


@given(words.filter(lambda found: len(set(found)) >= 3), st.integers(0, 29), st.data())
def test_a_page_without_half_of_the_feed_s_words_is_never_taken(
    listed: list[str], take: int, data: st.DataObject
) -> None:
    distinct = sorted(set(listed))
    kept = distinct[: min(take, int(len(distinct) * MIN_SHARE - 0.001))]
    page = PageReading("article", "w", text=" ".join(kept) + " zzzzzz" * 200)
    assert choose(feed(" ".join(distinct), title=""), page).hop == "feed"
    whole = replace(page, text=" ".join(distinct) + " zzzzzz" * 200)
    assert choose(feed(" ".join(distinct), title=""), whole).hop == "page"
