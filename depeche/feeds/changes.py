"""What `depeche feeds` does to subscriptions: finds the one that is meant, adds, pauses, removes, imports, exports.

Works whether or not the connectors run: subscriptions are in the connectors' state file, which both may have open, and
running connectors take a change up within about a second. Poll state is only read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from connectors.database import StateError
from connectors.feeds.opml import NAMES_USER, OpmlError, read_opml, source_id_of_host, write_opml
from connectors.feeds.subscriptions import Subscribed, Subscriptions
from connectors.records import FetchRecord
from connectors.settings import STATE_FILE, Subscription
from connectors.state import read_feeds, read_fetches
from connectors.urls import absolute_url, masked, names_user
from depeche.exits import MisuseError, ToldError
from depeche.feeds.report import Feed, feeds_of
from schemas.article import Source

LIST_TITLE: Final = "Feeds of Dépêche"
_SHOWN_MATCHES: Final = 20


class FeedsError(ToldError):
    """The connectors' state can't be used. The message says why."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a person says of a feed; null where nothing is said."""

    source: str | None = None
    name: str | None = None
    country: str | None = None
    language: str | None = None
    minutes: int | None = None
    full_text: bool | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, field) is not None for field in self.__slots__)


@contextmanager
def told_errors() -> Iterator[None]:
    """Tell errors of the state in a line."""
    try:
        yield
    except StateError as error:
        raise FeedsError(str(error)) from error


@contextmanager
def subscriptions_of(data: Path) -> Iterator[Subscriptions]:
    """Open the subscriptions of a data folder, making them where there are none.

    Raises:
        FeedsError: they can't be used.
    """
    with told_errors(), Subscriptions(data.absolute() / STATE_FILE) as subscriptions:
        yield subscriptions


def read_all(data: Path) -> list[Feed]:
    """Return the feeds of a data folder, in the order of their addresses; none where no connectors ran.

    Raises:
        FeedsError: the state can't be read.
    """
    path = data.absolute() / STATE_FILE
    if not path.exists():
        return []
    with subscriptions_of(data) as subscriptions, told_errors():
        return feeds_of(subscriptions.all(), read_feeds(path))


def read_last_fetches(data: Path, url: str) -> list[FetchRecord]:
    """Return the last fetches of a feed, the latest first.

    Raises:
        FeedsError: the state can't be read.
    """
    with told_errors():
        return read_fetches(data.absolute() / STATE_FILE, url)


def matching(wanted: str, urls: Iterable[str]) -> str:
    """Return the one address that is meant: the very one, else the only one that holds these words.

    Raises:
        MisuseError: none does, or several; the message lists them.
    """
    known = sorted(urls)
    exact = absolute_url(wanted)
    for url in (wanted, exact):
        if url in known:
            return str(url)
    found = [url for url in known if wanted.casefold() in url.casefold()]
    if not found:
        msg = f"no feed matches {wanted!r}: `depeche feeds` lists them"
        raise MisuseError(msg)
    if len(found) > 1:
        more = f"\nand {len(found) - _SHOWN_MATCHES} more" if len(found) > _SHOWN_MATCHES else ""
        listed = "\n".join(f"  {url}" for url in found[:_SHOWN_MATCHES])
        msg = f"{wanted!r} matches {len(found)} feeds; say which:\n{listed}{more}"
        raise MisuseError(msg)
    return found[0]


def all_matching(wanted: Sequence[str], known: Mapping[str, Subscribed]) -> list[Subscribed]:
    """Return the subscriptions that are meant, each once; see `matching`."""
    return [known[url] for url in dict.fromkeys(matching(words, known) for words in wanted)]


def checked_url(written: str) -> str:
    """Return the address of a feed as it is kept.

    Raises:
        MisuseError: it is none.
    """
    url = absolute_url(written)
    if url is None:
        msg = f"{masked(written)!r} is no http or https address"
        raise MisuseError(msg)
    if names_user(url):
        msg = f"{masked(url)}: {NAMES_USER}"
        raise MisuseError(msg)
    return url


def subscription_of(url: str, wishes: Wishes, before: Subscription | None = None) -> Subscription:
    """Return the subscription that a person wishes for; of a known feed, what is not said stays as it was.

    Raises:
        MisuseError: a wish can't be granted; the message names it.
    """
    old = before or Subscription(url, Source(id=source_id_of_host(url)))
    wished = {
        "id": wishes.source,
        "name": wishes.name,
        "country": wishes.country.upper() if wishes.country else None,
        "language": wishes.language.lower() if wishes.language else None,
    }
    try:
        source = Source(
            **(old.source.model_dump() | {name: value for name, value in wished.items() if value is not None})
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        msg = f"--{'source' if first['loc'][0] == 'id' else first['loc'][0]} is {first['input']!r}: {first['msg']}"
        raise MisuseError(msg) from error
    return replace(
        old,
        source=source,
        interval=old.interval if wishes.minutes is None else timedelta(minutes=wishes.minutes),
        full_text=old.full_text if wishes.full_text is None else wishes.full_text,
    )


def add(subscriptions: Subscriptions, urls: Iterable[str], wishes: Wishes, now: datetime) -> Iterator[tuple[str, str]]:
    """Subscribe to feeds; yield for each its address and what became of it.

    Raises:
        MisuseError: an address or a wish is wrong, or a feed list says what the feed is; nothing is changed then.
    """
    known = subscriptions.all()
    wanted = []
    for url in dict.fromkeys(map(checked_url, urls)):
        before = known.get(url)
        if before is not None and before.origin == "list" and wishes:
            msg = f"{url} is in a feed list of the settings, which says what it is: change it there"
            raise MisuseError(msg)
        wanted.append(subscription_of(url, wishes, before.subscription if before else None))
    results = subscriptions.add_all(wanted, origin="command", now=now)
    for url, result in results.items():
        before = known.get(url)
        if result == "changed" and before is not None and before.status != "active":
            yield url, f"active again (it was {before.status})"
        else:
            yield url, {"added": "added", "changed": "changed", "known": "known already"}[result]


def import_opml(subscriptions: Subscriptions, path: Path, now: datetime) -> dict[str, int]:
    """Subscribe to the feeds of a list; return how many were added, changed, known already, kept as they were.

    A feed that a person paused or removed stays so, and one that a list of the settings names stays as that says.

    Raises:
        MisuseError: the list can't be read; the message names it.
    """
    try:
        listed = read_opml(path.read_bytes())
    except OSError as error:
        msg = f"feed list {path}: {error.strerror or error}"
        raise MisuseError(msg) from error
    except OpmlError as error:
        msg = f"feed list {path}: {error}"
        raise MisuseError(msg) from error
    known = subscriptions.all()
    kept = {
        feed.url
        for feed in listed
        if (before := known.get(feed.url)) is not None and (before.status != "active" or before.origin != "command")
    }
    results = subscriptions.add_all([feed for feed in listed if feed.url not in kept], origin="command", now=now)
    counts = {"added": 0, "changed": 0, "known already": 0, "left as they were": len(kept)}
    for result in results.values():
        counts["known already" if result == "known" else result] += 1
    return counts


def export_opml(feeds: Iterable[Feed], *, paused: bool) -> bytes:
    """Return a list of the active feeds, with `paused` also of those. What an index of sitemaps names is left to it.

    Raises:
        MisuseError: there is nothing to write, or a feed can't be written.
    """
    statuses = {"active", "paused"} if paused else {"active"}
    wanted = [
        feed.subscribed.subscription
        for feed in feeds
        if feed.subscribed.status in statuses and feed.subscribed.origin != "sitemap"
    ]
    try:
        return write_opml(wanted, title=LIST_TITLE)
    except OpmlError as error:
        raise MisuseError(str(error)) from error
