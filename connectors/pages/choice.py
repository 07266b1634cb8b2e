"""The better text of feed and page, by a stated rule. Pure.

The page's text is taken where all of this holds; else the feed's is, and the reason says which did not:

1. the page is an article: no paywall, consent wall, check for robots, list or error, and its publisher does not
   reserve it;
2. it is the entry's page: of the words that the feed gives (title and text), at least half are in the page's title,
   description and text. Words are runs of letters and digits that are long enough to carry meaning
   (`MEANINGFUL_LETTERS`), or numbers; with fewer than `FEW_WORDS` of them all must be there;
3. it is no longer than `MAX_CHARACTERS`: what is, is an archive, a forum, a book;
4. it says more: it is at least a tenth longer than the feed's text, or as long where the feed's breaks off.

Behind a paywall the feed's text stays, whatever the page shows for free: a stub is not an article. Only where the feed
has no text at all, the description that the page declares for all to quote stands in, as a feed's summary would.

The title is the feed's: it is what the entry is known and compared by from poll to poll, and pages' titles carry site
names and wordings for search engines. The page's stands in where the feed has none, or one that breaks off. Language,
authors and date are the feed's where it has them, else the page's: what the publisher sends out goes before what it
leaves on a page.

Does not fetch, and does not know of attempts: see `connectors.pages.page_source`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from connectors.entry import one_line
from connectors.formats.dates import read_date
from connectors.pages.reading import PageReading
from connectors.pages.wanting import ends_like_a_teaser
from schemas.article import Article, Published, make_article

MIN_SHARE: Final = 0.5
"""Least share of the feed's words that must be in the page."""
FEW_WORDS: Final = 3
MEANINGFUL_LETTERS: Final = 5
"""Shorter words (dans, avec, with, from …) are in any page."""
MIN_GAIN: Final = 1.1
"""How many times the feed's text the page's must be."""
MAX_CHARACTERS: Final = 200_000
"""About thirty thousand words; the longest articles have a third of it."""
AFTER_FEED: Final = timedelta(microseconds=1)
"""How much later than the feed's text the page's is: see `chosen_article`."""
_WORD: Final = re.compile(rf"[^\W\d_]{{{MEANINGFUL_LETTERS},}}|\d[\d.,:]*")

Outcome = Literal["page", "feed", "paywall", "consent", "no_article", "opt_out"]
"""Label of `depeche_pages_total`."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which text an article gets, and why."""

    outcome: Outcome
    hop: Literal["feed", "page"]
    """Where the text is from."""
    text: str
    why: str
    """For `provenance.choice`."""


def meaningful_words(text: str) -> frozenset[str]:
    """Return the words of a text that tell it from others; numbers too."""
    return frozenset(word.rstrip(".,:") for word in _WORD.findall(text.casefold()))


def shared_words(article: Article, page: PageReading) -> tuple[int, int]:
    """Return how many of the feed's meaningful words the page has, and how many there are."""
    feed = meaningful_words(f"{article.title}\n{article.text}")
    return len(feed & meaningful_words(f"{page.title}\n{page.description}\n{page.text}")), len(feed)


def is_its_page(article: Article, page: PageReading) -> bool:
    """Say whether the page is about what the entry is about."""
    found, words = shared_words(article, page)
    return words > 0 and (found >= MIN_SHARE * words if words >= FEW_WORDS else found == words)


def _feed(outcome: Outcome, article: Article, why: str) -> Choice:
    return Choice(outcome, "feed", article.text, f"feed: {why}")


def _not_an_article(article: Article, page: PageReading) -> Choice:
    if page.kind == "paywall":
        if not article.text.strip() and page.description and is_its_page(article, page):
            why = f"page: behind a paywall ({page.why}); its description, as the feed has no text"
            return Choice("paywall", "page", page.description, why)
        return _feed("paywall", article, f"the page is behind a paywall ({page.why})")
    what = "a consent wall or check" if page.kind == "consent" else "no article"
    return _feed("consent" if page.kind == "consent" else "no_article", article, f"the page is {what} ({page.why})")


def choose(article: Article, page: PageReading) -> Choice:
    """Return the better text; see the module's rule.

    Args:
        article: as the feed gives it.
        page: what its page said.
    """
    if page.opt_outs:
        return _feed("opt_out", article, f"the publisher reserves the page ({', '.join(page.opt_outs)})")
    if page.kind != "article" or not page.text.strip():
        return _not_an_article(article, page)
    mine, its = len(article.text.strip()), len(page.text.strip())
    if not is_its_page(article, page):
        found, words = shared_words(article, page)
        return _feed("feed", article, f"the page is about something else ({found} of {words} words)")
    if its > MAX_CHARACTERS:
        return _feed("no_article", article, f"the page has {its} characters, more than any article")
    if its < mine * (1.0 if ends_like_a_teaser(article.text) else MIN_GAIN):
        return _feed("feed", article, f"{mine} characters, the page has no more than {its}")
    return Choice("page", "page", page.text, f"page: {its} characters, feed {mine}")


def _title(article: Article, page: PageReading) -> str:
    if not article.title or not page.title:
        return article.title or page.title
    begun = article.title.rstrip(" .…").casefold()
    breaks_off = article.title.rstrip().endswith(("…", "..."))
    return page.title if breaks_off and page.title.casefold().startswith(begun) else article.title


def _published(article: Article, page: PageReading) -> Published:
    if article.published.value is not None or not page.published_raw:
        return article.published
    reading = read_date(page.published_raw, now=article.fetched)
    if reading.value is None:
        return article.published
    return Published(value=reading.value, raw=page.published_raw, reading=f"page: {reading.how}")


def _summary(article: Article) -> str | None:
    """Return the summary of an article whose text is now the page's: what the feed gave for its text."""
    return article.summary or (article.text if article.text.strip() else None)


def with_reason(article: Article, why: str, *, page_url: str | None = None) -> Article:
    """Return the article as the feed gives it, with the reason why it stays so."""
    told = article.provenance.model_copy(update={"choice": one_line(why), "page_url": page_url})
    return article.model_copy(update={"provenance": told})


def chosen_article(article: Article, page: PageReading, choice: Choice, *, page_url: str) -> Article:
    """Return the article with the chosen text: the same identity, source and provenance, its hop and reason said.

    Its place among the article's versions is that of the feed's words that it stands for: `fetched` stays the feed's
    (a microsecond later where the text is the page's, so that it goes before the feed's should both be published).
    A kill or an edit that a later poll brought while the page was on its way is then the later version, whichever
    is published first.

    Raises:
        pydantic.ValidationError: the page's fields do not fit the model.
    """
    if choice.hop == "feed":
        return with_reason(article, choice.why, page_url=page_url)
    provenance = article.provenance.model_copy(
        update={"hop": "page", "page_url": page_url, "choice": one_line(choice.why)}
    )
    return make_article(
        source=article.source,
        connector=article.connector,
        identity=article.identity,
        title=_title(article, page),
        text=choice.text,
        summary=_summary(article) if choice.outcome == "page" else article.summary,
        url=article.url,
        language=article.language or page.language,
        authors=article.authors or page.authors,
        published=_published(article, page),
        fetched=article.fetched + AFTER_FEED,
        provenance=provenance,
        status=article.status,
        publisher_version=article.publisher_version,
        rights=article.rights,
    )
