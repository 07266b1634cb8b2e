"""Names that the parser tears apart are put together again before anybody asks whom they name."""

from __future__ import annotations

from datetime import UTC, datetime

from schemas.article import Identity, Provenance, Published, Source, make_article
from tests.coding.articles import rules_coder

NOON = datetime(2018, 3, 5, 12, tzinfo=UTC)


def test_a_surname_that_the_parser_calls_punctuation_stays_with_its_bearer() -> None:
    article = make_article(
        source=Source(id="test"),
        connector="test",
        identity=Identity(guid="1"),
        text="Le président Emmanuel Macron a condamné jeudi l'attaque menée par des jihadistes à Gao, au Mali.",
        published=Published(value=NOON, reading="given"),
        fetched=NOON,
        provenance=Provenance(fetch_id="1", hop="file"),
    )
    (coding,) = rules_coder("fr").code([article])
    accused = [party for mention in coding.mentions if mention.type == "ACCUSE" for party in mention.actors]
    assert [(party.name, party.country) for party in accused] == [("Emmanuel Macron", "FRA")]
