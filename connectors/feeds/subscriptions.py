"""Which feeds are subscribed, and what people said of each: kept beside the connectors' state, in the same file.

Written by `depeche feeds` and, where feed lists and sitemap indexes are taken over, by the connectors: each writes
whole transactions, so both may run at once. Does not know how the polls went: see `connectors.state`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, Self

from connectors.database import Database
from connectors.rows import Table
from connectors.settings import ConnectorSettings, Subscription
from schemas.article import Source

Status = Literal["active", "paused", "removed"]
Origin = Literal["list", "command", "sitemap"]
Added = Literal["added", "changed", "known"]
"""What became of a subscription that was added: `known` exactly so, and nothing was written."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription and its standing."""

    subscription: Subscription
    status: Status
    """`removed`: a person said so; a feed list that still names it does not bring it back."""
    origin: Origin
    """A feed list of the settings; a person, by command; an index of sitemaps."""
    parent: str | None
    """The index that names it."""
    added: datetime
    requested: datetime | None
    """When a person last asked for a poll now."""


@dataclass(frozen=True, slots=True)
class _Row:
    url: str
    source_id: str
    source_name: str | None
    country: str | None
    language: str | None
    interval: timedelta | None
    full_text: bool | None
    status: Status
    origin: Origin
    parent: str | None
    added: datetime
    requested: datetime | None

    def subscribed(self) -> Subscribed:
        source = Source(id=self.source_id, name=self.source_name, country=self.country, language=self.language)
        subscription = Subscription(self.url, source, self.interval, self.full_text)
        return Subscribed(subscription, self.status, self.origin, self.parent, self.added, self.requested)


_TABLE: Final = Table("subscriptions", _Row)


def _row(subscribed: Subscribed) -> _Row:
    subscription = subscribed.subscription
    source = subscription.source
    return _Row(
        url=subscription.url,
        source_id=source.id,
        source_name=source.name,
        country=source.country,
        language=source.language,
        interval=subscription.interval,
        full_text=subscription.full_text,
        status=subscribed.status,
        origin=subscribed.origin,
        parent=subscribed.parent,
        added=subscribed.added,
        requested=subscribed.requested,
    )


class Subscriptions:
    """The subscriptions of one state file. Usable from several threads and several processes."""

    def __init__(self, path: Path) -> None:
        """Open the file, making it where there is none.

        Raises:
            connectors.database.StateError: it can't be used.
        """
        self._database = Database(path, check=False)

    def all(self) -> dict[str, Subscribed]:
        """Return all by URL, paused and removed ones too."""
        rows = map(_TABLE.row, self._database.read(f"{_TABLE.select} ORDER BY url"))
        return {row.url: row.subscribed() for row in rows}

    def generation(self) -> int:
        """Return a number that grows with each change."""
        return int(self._database.read("SELECT number FROM generation")[0][0])

    def add(self, subscription: Subscription, *, origin: Origin, now: datetime, parent: str | None = None) -> Added:
        """Subscribe; a known feed takes the new source and interval, and is active again."""
        return self.add_all([subscription], origin=origin, now=now, parent=parent)[subscription.url]

    def add_all(
        self, subscriptions: Iterable[Subscription], *, origin: Origin, now: datetime, parent: str | None = None
    ) -> dict[str, Added]:
        """Subscribe to many in one transaction; return by URL what `add` says of each."""
        known = self.all()
        results: dict[str, Added] = {}
        rows = []
        for subscription in subscriptions:
            before = known.get(subscription.url)
            if before is None:
                row = Subscribed(subscription, "active", origin, parent, now, None)
            else:
                row = Subscribed(subscription, "active", before.origin, before.parent, before.added, before.requested)
            results[subscription.url] = "added" if before is None else "known" if row == before else "changed"
            if row != before:
                rows.append(row)
        self._replace(rows, ())
        return results

    def set_status(self, url: str, status: Status) -> bool:
        """Pause, take up again or remove; False where the feed is not known."""
        with self._database.transaction() as execute:
            changed = execute("UPDATE subscriptions SET status = ? WHERE url = ?", (status, url)).rowcount
            _touch(execute)
        return bool(changed)

    def request_poll(self, url: str, now: datetime) -> bool:
        """Ask for a poll as soon as manners allow; False where the feed is not known."""
        row = self.all().get(url)
        if row is None:
            return False
        asked = Subscribed(row.subscription, row.status, row.origin, row.parent, row.added, now)
        with self._database.transaction() as execute:
            _write(execute, [asked])
        return True

    def sync(self, subscriptions: Iterable[Subscription], now: datetime) -> None:
        """Take over what the feed lists of the settings say: the lists name exactly the subscriptions of their origin.

        What a person paused or removed stays so; what a person added by command stays as it was added.
        """
        listed = {subscription.url: subscription for subscription in subscriptions}
        known = self.all()
        gone = [url for url, row in known.items() if row.origin == "list" and url not in listed]
        rows = []
        for url, subscription in listed.items():
            before = known.get(url)
            if before is None:
                rows.append(Subscribed(subscription, "active", "list", None, now, None))
            elif before.origin == "list" and before.subscription != subscription:
                rows.append(Subscribed(subscription, before.status, "list", None, before.added, before.requested))
        self._replace(rows, gone)

    def sync_children(self, parent: str, children: Iterable[Subscription], now: datetime) -> None:
        """Take over what an index of sitemaps says: it names exactly the subscriptions under it."""
        listed = {child.url: child for child in children}
        known = self.all()
        gone = [url for url, row in known.items() if row.parent == parent and url not in listed]
        rows = [
            Subscribed(child, "active", "sitemap", parent, now, None)
            for url, child in listed.items()
            if url not in known
        ]
        self._replace(rows, gone)

    def _replace(self, rows: Collection[Subscribed], gone: Collection[str]) -> None:
        if not rows and not gone:
            return
        with self._database.transaction() as execute:
            for url in gone:
                execute("DELETE FROM subscriptions WHERE url = ?", (url,))
            _write(execute, rows)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _write(execute: Callable[..., Any], rows: Iterable[Subscribed]) -> None:
    for row in rows:
        execute(_TABLE.insert, _TABLE.values(_row(row)))
    _touch(execute)


def _touch(execute: Callable[..., Any]) -> None:
    execute("UPDATE generation SET number = number + 1")


def take_over(settings: ConnectorSettings, subscriptions: Subscriptions, now: datetime) -> None:
    """Take over the feed lists of the settings; the shipped list only as long as nobody has named a feed."""
    named = any(row.origin == "command" for row in subscriptions.all().values())
    subscriptions.sync(() if settings.default_feeds and named else settings.feeds, now)
