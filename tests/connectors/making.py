"""Entries, articles and listings as the tests of the connectors need them."""

from datetime import UTC, datetime

from connectors.decide import Listing, SeenIndex, candidates, decide
from connectors.entry import Entry
from connectors.urls import canonical_url
from schemas.article import Article, Identity, Provenance, Published, Source, make_article

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCE = Source(id="journal.example", name="Le Journal", language="fr")
PROVENANCE = Provenance(fetch_id="f0", hop="feed")


def listing(name: str = "https://journal.example/rss", *, fetched: datetime = NOW) -> Listing:
    return Listing(name, SOURCE, "feed", fetched, repeats="first")


def entry(
    guid: str | None = "g1",
    *,
    title: str = "Un titre",
    text: str = "Un texte.",
    url: str | None = None,
    summary: str | None = None,
) -> Entry:
    return Entry(
        origin="test",
        guid=guid,
        title=title,
        text=text,
        url=url,
        canonical_url=canonical_url(url),
        summary=summary,
    )


class Memory:
    """A state that only remembers what was seen, as the database does."""

    def __init__(self) -> None:
        self.index = SeenIndex()

    def decide(self, entries: list[Entry], where: Listing) -> tuple[Article, ...]:
        wanted = candidates(entries, where.source)
        known = [
            row
            for row in self.index.rows()
            if (row.source_id, row.key) in wanted.keys or (row.source_id, row.moved_key or "") in wanted.moved_keys
        ]
        decision = decide(entries, SeenIndex.of(known), where, PROVENANCE)
        self.index = self.index.updated(decision.seen)
        self.counts = decision.counts
        self.refused = decision.refused
        return decision.articles


def article(number: int = 1, *, text: str | None = None, fetched: datetime = NOW) -> Article:
    return make_article(
        source=SOURCE,
        connector="feed",
        identity=Identity(guid=f"g{number}"),
        title=f"Titre {number}",
        text=f"Le texte de l'article {number}." if text is None else text,
        published=Published(value=None, raw=None, reading="absent"),
        fetched=fetched,
        provenance=PROVENANCE,
    )
