"""Which feeds are subscribed, and what people said of each: kept beside the connectors' state, in the same file.

Written by `depeche feeds` and, where feed lists and sitemap indexes are taken over, by the connectors: each reads
and writes in one transaction, so both may run at once. Does not know how the polls went: see `connectors.state`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, Self

from connectors.database import Database
from connectors.rows import Table, time_text
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


def _under_parent(row: Subscribed, all_rows: Mapping[str, Subscribed]) -> Subscribed:
    if row.parent is None or row.status == "removed":
        return row
    parent = all_rows.get(row.parent)
    status = "removed" if parent is None else parent.status
    return row if status == "active" else replace(row, status=status)


class Subscriptions:
    """The subscriptions of one state file. Usable from several threads and several processes."""

    def __init__(self, path: Path) -> None:
        """Open the file, making it where there is none.

        Raises:
            connectors.database.StateError: it can't be used.
        """
        self._database = Database(path, check=False)

    def all(self) -> dict[str, Subscribed]:
        """Return all by URL, paused and removed ones too. A sitemap stands no better than the index that names it."""
        found = self._written()
        return {url: _under_parent(row, found) for url, row in found.items()}

    def _written(self) -> dict[str, Subscribed]:
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
        results: dict[str, Added] = {}
        rows = []
        with self._database.transaction() as execute:
            known = self._written()
            for subscription in subscriptions:
                before = known.get(subscription.url)
                if before is None:
                    row = Subscribed(subscription, "active", origin, parent, now, None)
                else:
                    row = replace(before, subscription=subscription, status="active")
                    if before.origin == "sitemap":  # named by more than its index now, and outlives it
                        row = replace(row, origin=origin, parent=parent)
                results[subscription.url] = "added" if before is None else "known" if row == before else "changed"
                if row != before:
                    rows.append(row)
            _replace(execute, rows, ())
        return results

    def set_status(self, url: str, status: Status) -> bool:
        """Pause, take up again or remove; False where the feed is not known."""
        with self._database.transaction() as execute:
            changed = execute("UPDATE subscriptions SET status = ? WHERE url = ?", (status, url)).rowcount
            _touch(execute)
        return bool(changed)

    def request_poll(self, url: str, now: datetime) -> bool:
        """Ask for a poll as soon as manners allow; False where the feed is not known."""
        with self._database.transaction() as execute:
            changed = execute("UPDATE subscriptions SET requested = ? WHERE url = ?", (time_text(now), url)).rowcount
            _touch(execute)
        return bool(changed)

    def sync(self, subscriptions: Iterable[Subscription], now: datetime) -> None:
        """Take over what the feed lists of the settings say: the lists name exactly the subscriptions of their origin.

        What a person paused or removed stays so; what a person added by command stays as it was added.
        """
        listed = {subscription.url: subscription for subscription in subscriptions}
        rows = []
        with self._database.transaction() as execute:
            known = self._written()
            gone = [url for url, row in known.items() if row.origin == "list" and url not in listed]
            for url, subscription in listed.items():
                before = known.get(url)
                if before is None:
                    rows.append(Subscribed(subscription, "active", "list", None, now, None))
                elif before.origin == "sitemap" or (before.origin == "list" and before.subscription != subscription):
                    rows.append(replace(before, subscription=subscription, origin="list", parent=None))
            _replace(execute, rows, gone)

    def sync_children(self, parent: str, children: Iterable[Subscription], now: datetime) -> None:
        """Take over what an index of sitemaps says: it names exactly the subscriptions under it."""
        listed = {child.url: child for child in children}
        with self._database.transaction() as execute:
            known = self._written()
            gone = [url for url, row in known.items() if row.parent == parent and url not in listed]
            rows = [
                Subscribed(child, "active", "sitemap", parent, now, None)
                for url, child in listed.items()
                if url not in known
            ]
            _replace(execute, rows, gone)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _replace(execute: Callable[..., Any], rows: Collection[Subscribed], gone: Collection[str]) -> None:
    for url in gone:
        execute("DELETE FROM subscriptions WHERE url = ?", (url,))
    for row in rows:
        execute(_TABLE.insert, _TABLE.values(_row(row)))
    if rows or gone:
        _touch(execute)


def _touch(execute: Callable[..., Any]) -> None:
    execute("UPDATE generation SET number = number + 1")


def take_over(settings: ConnectorSettings, subscriptions: Subscriptions, now: datetime) -> None:
    """Take over the feed lists of the settings; the shipped list only as long as nobody has named a feed."""
    named = any(row.origin == "command" for row in subscriptions.all().values())
    subscriptions.sync(() if settings.default_feeds and named else settings.feeds, now)
