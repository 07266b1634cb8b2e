"""What is taken of a sitemap, and which sitemaps of an index are polled. Pure. Does not read them: see formats.sitemap.

A news sitemap (Google's extension) lists the articles of the last two days, and all of them are taken. A plain sitemap
lists every page that a site ever had: only what changed lately is taken, and what has no date is passed over.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from connectors.entry import Entry
from connectors.formats.dates import read_date
from connectors.formats.feed_read import FeedReading, SitemapLink
from connectors.settings import Subscription
from connectors.urls import absolute_url
from connectors.web.manners import registrable_domain

RECENT: Final = timedelta(days=3)
"""How long ago a page of a plain sitemap may have changed to be taken for news."""
CHILD_RECENT: Final = timedelta(days=7)
"""How long ago a sitemap of an index may have changed to be polled."""
MAX_CHILDREN: Final = 50
_NEWS_NAMES: Final = ("news", "actu", "latest", "recent")


def recent(reading: FeedReading, *, now: datetime) -> tuple[tuple[Entry, ...], int]:
    """Return the entries that are news, and how many were passed over because nothing says when they changed."""
    if reading.kind != "sitemap":
        return reading.entries, 0
    taken: list[Entry] = []
    undated = 0
    for entry in reading.entries:
        if entry.title:
            taken.append(entry)
            continue
        changed = read_date(entry.published_raw, now=now).value
        if changed is None:
            undated += 1
        elif now - changed <= RECENT:
            taken.append(entry)
    return tuple(taken), undated


def children_of(reading: FeedReading, parent: Subscription, *, now: datetime) -> tuple[Subscription, ...] | None:
    """Return the sitemaps of an index that are polled; None where the reading is no index.

    Those within the index's registrable domain that changed within a week; of those without a date, the ones whose name
    speaks of news, else the last three in the index's order (archives are listed first). At most 50, the latest.
    """
    if reading.kind != "sitemap_index":
        return None
    dated: list[tuple[datetime, str]] = []
    undated: list[str] = []
    for link in reading.sitemaps:
        url = absolute_url(link.url, base=parent.url)
        if url is None or url == parent.url or not _same_owner(url, parent.url):
            continue
        changed = _changed(link, now)
        if changed is None:
            undated.append(url)
        elif now - changed <= CHILD_RECENT:
            dated.append((changed, url))
    named = [url for url in undated if any(name in url.lower() for name in _NEWS_NAMES)]
    chosen = [url for _, url in sorted(dated, reverse=True)] + (named or ([] if dated else undated[-3:]))
    return tuple(Subscription(url, parent.source, parent.interval, parent.full_text) for url in dict.fromkeys(chosen))[
        :MAX_CHILDREN
    ]


def _same_owner(url: str, index: str) -> bool:
    """Say whether two addresses are within one registrable domain: an index may not send us to other sites."""
    hosts = (urlsplit(address).hostname or "" for address in (url, index))
    return len({registrable_domain(host) for host in hosts}) == 1


def _changed(link: SitemapLink, now: datetime) -> datetime | None:
    return read_date(link.changed_raw, now=now).value
