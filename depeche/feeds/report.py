"""How `depeche feeds` shows feeds: rows, table, JSON, and all that is known of one. Pure: prints and reads nothing.

Names, titles and reasons are strangers' texts: control characters in them are made visible.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from connectors.feeds.schedule import ADOPT_AFTER
from connectors.feeds.standing import Standing, standing
from connectors.feeds.subscriptions import Subscribed
from connectors.records import FeedState, FetchRecord
from connectors.urls import masked
from depeche.present import counted, printable, short

if TYPE_CHECKING:
    from depeche.feeds.discovery import FoundFeed

_STYLES: Final[Mapping[Standing, str]] = {
    "healthy": "green",
    "failing": "red",
    "slow": "red",
    "parked": "yellow",
    "paused": "yellow",
    "new": "dim",
    "removed": "dim",
}
_UNITS: Final = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "min"))
_ORIGINS: Final = {"list": "a feed list", "command": "depeche feeds add", "sitemap": "an index of sitemaps"}


@dataclass(frozen=True, slots=True)
class Feed:
    """A subscription and what is known of its polls."""

    subscribed: Subscribed
    state: FeedState | None
    """None where it was never polled."""

    @property
    def url(self) -> str:
        """Its address."""
        return self.subscribed.subscription.url

    @property
    def standing(self) -> Standing:
        """How it stands, in a word."""
        return standing(self.subscribed, self.state)

    @property
    def name(self) -> str:
        """What people call it: its source's name, else what it calls itself, else the source's id."""
        source = self.subscribed.subscription.source
        return source.name or (self.state.title if self.state else None) or source.id


def feeds_of(subscribed: Mapping[str, Subscribed], states: Mapping[str, FeedState]) -> list[Feed]:
    """Return the feeds in the order of their addresses."""
    return [Feed(row, states.get(url)) for url, row in sorted(subscribed.items())]


def span(duration: timedelta) -> str:
    """Return a duration as people say it: `45 s`, `12 min`, `3 h`, `5 d`; rounded to the unit."""
    seconds = abs(duration)
    for unit, name in _UNITS:
        if seconds >= unit * 0.995:
            return f"{round(seconds / unit)} {name}"
    return f"{seconds.total_seconds():.0f} s"


def moment(value: datetime | None, now: datetime) -> str:
    """Return a time as its distance: `3 h ago`, `in 12 min`, `now`; `never` where there is none."""
    if value is None:
        return "never"
    if abs(value - now) < timedelta(seconds=1):
        return "now"
    return f"{span(now - value)} ago" if value < now else f"in {span(value - now)}"


def next_poll(feed: Feed, now: datetime) -> tuple[str, str]:
    """Return when a feed is polled next, and why then."""
    status, state = feed.subscribed.status, feed.state
    if status != "active":
        return "never", f"{status} by a person"
    requested = feed.subscribed.requested
    if requested is not None and (state is None or state.last_poll is None or requested > state.last_poll):
        return "as soon as may be", "asked for by a person"
    if state is None:
        return "as soon as may be", "never polled"
    return ("due" if state.next_poll <= now else moment(state.next_poll, now)), state.why


def trouble(feed: Feed) -> str:
    """Return what is wrong with a feed; empty where nothing is."""
    state = feed.state
    if state is None or feed.standing in {"healthy", "new"}:
        return ""
    reasons = [state.parked or "", f"{state.last_outcome}: {state.last_error}" if state.last_error else ""]
    if state.failures:
        reasons.append(f"failures weigh {state.failures:g}")
    return "; ".join(reason for reason in reasons if reason)


def feed_table(feeds: Sequence[Feed], now: datetime) -> Table:
    """Return the feeds as a table."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_lines=False)
    for header, ratio in (("feed", 5), ("state", None), ("last poll", None), ("next poll, and why", 3)):
        table.add_column(header, ratio=ratio, overflow="fold")
    for header in ("last new", "every"):
        table.add_column(header, no_wrap=True)
    table.add_column("trouble", ratio=3, overflow="fold")
    for feed in feeds:
        when, why = next_poll(feed, now)
        state = feed.state
        table.add_row(
            Text.assemble((short(feed.name, 60), "bold"), "\n", printable(masked(feed.url))),
            Text(feed.standing, _STYLES[feed.standing]),
            moment(state.last_poll if state else None, now),
            Text.assemble(when, "\n", (short(why, 120), "dim")),
            moment(state.last_new if state else None, now),
            span(state.interval) if state and state.interval else "",
            Text(short(trouble(feed), 160)),
        )
    return table


def summary(feeds: Iterable[Feed]) -> str:
    """Return how many feeds there are, and how many of each standing: `12 feeds: 10 healthy, 2 failing`."""
    counts = Counter(feed.standing for feed in feeds)
    parts = ", ".join(f"{number} {name}" for name, number in counts.most_common())
    return f"{counted(counts.total(), 'feed')}: {parts}"


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(timespec="seconds").replace("+00:00", "Z")


def _seconds(value: timedelta | None) -> float | None:
    return None if value is None else value.total_seconds()


def as_object(feed: Feed, now: datetime) -> dict[str, object]:
    """Return a feed for programs: times in RFC 3339, durations in seconds, null where nothing is known."""
    subscribed, state = feed.subscribed, feed.state
    subscription = subscribed.subscription
    told: dict[str, object] = {
        "url": subscription.url,
        "state": feed.standing,
        "source": subscription.source.model_dump(),
        "origin": subscribed.origin,
        "parent": subscribed.parent,
        "added": _time(subscribed.added),
        "requested": _time(subscribed.requested),
        "set_interval_seconds": _seconds(subscription.interval),
        "full_text": subscription.full_text,
        "next_poll_why": next_poll(feed, now)[1],
    }
    polls = {
        "title": state.title if state else None,
        "last_poll": _time(state.last_poll) if state else None,
        "next_poll": _time(state.next_poll) if state and subscribed.status == "active" else None,
        "last_success": _time(state.last_success) if state else None,
        "last_new": _time(state.last_new) if state else None,
        "interval_seconds": _seconds(state.interval) if state else None,
        "polls": state.polls if state else 0,
        "failures": state.failures if state else 0.0,
        "last_outcome": state.last_outcome if state else None,
        "last_error": state.last_error if state else None,
        "parked": state.parked if state else None,
        "moved_to": state.moved_to if state else None,
        "hub": state.hub if state else None,
    }
    return told | polls


def as_json(feeds: Sequence[Feed], now: datetime) -> str:
    """Return the feeds as a JSON list."""
    return json.dumps([as_object(feed, now) for feed in feeds], ensure_ascii=False, indent=2)


def detail_json(feed: Feed, fetches: Sequence[FetchRecord], now: datetime) -> str:
    """Return all that is known of a feed as a JSON object."""
    told = as_object(feed, now)
    told["fetches"] = [
        {
            "at": _time(fetch.at),
            "fetch_id": fetch.fetch_id,
            "outcome": fetch.outcome,
            "status": fetch.status,
            "bytes": fetch.bytes,
            "seconds": round(fetch.seconds, 3),
            "new": fetch.new,
            "edited": fetch.edited,
            "seen": fetch.seen,
            "error": fetch.error,
        }
        for fetch in fetches
    ]
    return json.dumps(told, ensure_ascii=False, indent=2)


def details(feed: Feed, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield what is known of a feed, name and value."""
    subscribed, state = feed.subscribed, feed.state
    subscription = subscribed.subscription
    source = subscription.source
    about = ", ".join(part for part in (source.name, source.country, source.language) if part)
    when, why = next_poll(feed, now)
    following = {None: "as the settings say", True: "its pages are read", False: "its pages are not read"}
    yield "feed", masked(subscription.url)
    yield "state", feed.standing + (f" ({trouble(feed)})" if trouble(feed) else "")
    yield "source", f"{source.id}{f' ({about})' if about else ''}"
    yield "comes from", _ORIGINS[subscribed.origin] + (f", {subscribed.parent}" if subscribed.parent else "")
    yield "added", f"{moment(subscribed.added, now)} ({_time(subscribed.added)})"
    yield "full text", following[subscription.full_text]
    if subscription.interval is not None:
        yield "asked for", f"every {span(subscription.interval)}"
    yield "next poll", f"{when}: {why}"
    if state is not None:
        yield from _polls(state, now)


def _polls(state: FeedState, now: datetime) -> Iterator[tuple[str, str]]:
    for name, value in (
        ("last poll", state.last_poll),
        ("last success", state.last_success),
        ("last new entry", state.last_new),
    ):
        yield name, moment(value, now) + (f" ({_time(value)})" if value else "")
    yield "polls", f"{state.polls}" + (f", every {span(state.interval)}" if state.interval else "")
    yield "last outcome", state.last_outcome + (f": {state.last_error}" if state.last_error else "")
    for name, text in (("calls itself", state.title), ("hub", state.hub), ("topic", state.topic)):
        if text:
            yield name, text
    if state.moved_to:
        adopted = "asked at once" if state.moved_polls >= ADOPT_AFTER else f"{state.moved_polls} of {ADOPT_AFTER} polls"
        yield "moved to", f"{state.moved_to} ({adopted})"
    validators = ", ".join(value for value in (state.etag, state.last_modified) if value)
    if validators:
        yield "validators", validators


def detail_table(feed: Feed, now: datetime) -> Table:
    """Return what is known of a feed, a line for each thing."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in details(feed, now):
        table.add_row(Text(name, "dim"), Text(printable(value)))
    return table


def fetch_table(fetches: Sequence[FetchRecord], now: datetime) -> Table:
    """Return the last fetches of a feed, the latest first."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="last fetches", title_justify="left")
    for header in ("when", "outcome", "status", "bytes", "seconds", "new", "edited", "seen"):
        table.add_column(header, justify="left" if header in {"when", "outcome"} else "right", no_wrap=True)
    table.add_column("error", ratio=1, overflow="fold")
    for fetch in fetches:
        table.add_row(
            moment(fetch.at, now),
            Text(printable(fetch.outcome)),
            "" if fetch.status is None else str(fetch.status),
            str(fetch.bytes),
            f"{fetch.seconds:.2f}",
            *(str(number) for number in (fetch.new, fetch.edited, fetch.seen)),
            Text(short(fetch.error or "", 200)),
        )
    return table


def found_table(found: Sequence[FoundFeed], now: datetime) -> Table:
    """Return what `depeche feeds discover` found."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("feed", ratio=3, overflow="fold")
    for header in ("kind", "found", "entries", "newest"):
        table.add_column(header, no_wrap=True, justify="right" if header == "entries" else "left")
    for feed in found:
        table.add_row(
            Text.assemble(
                printable(masked(feed.url)), "\n" if feed.title else "", (short(feed.title or "", 80), "dim")
            ),
            feed.kind.replace("_", " "),
            feed.how,
            str(feed.entries),
            moment(feed.newest, now) if feed.newest else "no date",
        )
    return table
