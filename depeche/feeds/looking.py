"""The parts of `depeche feeds` that fetch: `discover`, and `add --check`. The work is in `depeche.feeds.discovery`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from depeche.exits import DONE, NOT_RIGHT
from depeche.options import DataOption, SettingsOption, load_settings, told
from schemas.access import KafkaAccess

if TYPE_CHECKING:
    from connectors.settings import ConnectorSettings
    from depeche.feeds.changes import Wishes
    from depeche.feeds.discovery import Discovery

# ruff: noqa: PLC0415 - each command imports what it needs: `--help` answers at once


@told
def discover_command(
    page: Annotated[str, typer.Argument(metavar="PAGE-URL", help="A newspaper's page, or its list of feeds.")],
    *,
    add: Annotated[
        bool, typer.Option("--add", help="Subscribe to the feeds found; to sitemaps only where there is no feed.")
    ] = False,
    settings: SettingsOption = None,
    data: DataOption = None,
) -> int:
    """Find the feeds of a page: what it declares and links to, news sitemaps of its robots.txt, else usual paths.

    Each is fetched and looked at, with a polite gap between two requests to a host: this can take a minute or two.
    Exit code 1 where nothing is found.

    For example:

        depeche feeds discover https://journal.example/
        depeche feeds discover https://journal.example/rss-feeds --add
    """
    from depeche.feeds.changes import Wishes, checked_url
    from depeche.feeds.discovery import discoverer

    url = checked_url(page)
    with discoverer(connector_settings_of(settings, data), say=_say, clock=lambda: datetime.now(UTC)) as looking:
        found = looking.discover(url)
    _print(found)
    if not found.feeds:
        typer.echo(f"{url}: no feeds found")
        return NOT_RIGHT
    if add:
        subscribe(Wishes(), [feed.url for feed in found.wanted()], settings, data)
    return DONE


def checked(urls: list[str], settings: Path | None, data: Path | None) -> tuple[list[str], int]:
    """Return the addresses that are feeds, told of the others, and the exit code."""
    from depeche.feeds.discovery import FoundFeed, discoverer
    from depeche.options import complain
    from depeche.present import counted

    good = []
    connectors = connector_settings_of(settings, data)
    with discoverer(connectors, say=_say, clock=lambda: datetime.now(UTC)) as looking:
        for url in urls:
            found = looking.check(url)
            if isinstance(found, FoundFeed):
                typer.echo(f"{url}: {found.kind}, {counted(found.entries, 'item')}")
                good.append(url)
            else:
                complain(f"{url}: {found}; not added. Is it a page? depeche feeds discover {url}")
    return good, DONE if len(good) == len(urls) else NOT_RIGHT


def subscribe(wishes: Wishes, urls: list[str], settings: Path | None, data: Path | None) -> None:
    """Add feeds and say what became of each."""
    from depeche.feeds.changes import add, subscriptions_of

    with subscriptions_of(load_settings(settings, data=data).settings.data) as subscriptions:
        for url, result in add(subscriptions, urls, wishes, datetime.now(UTC)):
            typer.echo(f"{url}: {result}")


def connector_settings_of(settings: Path | None, data: Path | None) -> ConnectorSettings:
    """Return the settings that the connectors would have: manners, addresses, parsers."""
    from depeche.processes import connector_settings

    return connector_settings(load_settings(settings, data=data).settings, KafkaAccess(""))  # connects to no broker


def _say(text: str) -> None:
    from depeche.present import printable

    typer.echo(printable(text), err=True)


def _print(found: Discovery) -> None:
    from depeche.feeds.report import found_table
    from depeche.present import printable
    from depeche.printing import console_of_output, print_trimmed

    if found.feeds:
        print_trimmed(console_of_output(), [found_table(found.feeds, datetime.now(UTC))])
    for candidate, reason in found.refused:
        typer.echo(printable(f"no feed: {candidate.url} ({candidate.how}): {reason}"), err=True)
