"""`depeche feeds`, as the command line has it: what is polled and how it goes, and changes to it.

The work is in `depeche.feeds.report` and `depeche.feeds.changes`; what fetches is in `depeche.feeds.looking`.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from depeche.exits import DONE, MisuseError
from depeche.feeds.looking import checked, discover_command, subscribe
from depeche.options import DataOption, SettingsOption, load_settings, told

# ruff: noqa: PLC0415 - each command imports what it needs: `--help` answers at once

_TABLE_ROWS = 250


class State(StrEnum):
    """How a feed stands; see `connectors.feeds.standing`, which `--help` does not wait for."""

    NEW = "new"
    HEALTHY = "healthy"
    FAILING = "failing"
    SLOW = "slow"
    PARKED = "parked"
    PAUSED = "paused"
    REMOVED = "removed"


StateOption = Annotated[
    list[State] | None,
    typer.Option("--state", metavar="STATE", help="Only those that stand so; repeatable [default: all but removed]."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs: times in RFC 3339, durations in seconds.")]
UrlsArgument = Annotated[
    list[str], typer.Argument(metavar="URL…", help="Addresses; a part is enough where it fits one feed only.")
]

feeds_app = typer.Typer(
    no_args_is_help=False,
    invoke_without_command=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""List the feeds and change what is polled. Works while the connectors run, and while they don't.

Running connectors take a change up within about a second; others when they start. Feeds of the lists in the settings
are known once connectors have run on the data folder.

For example:

    depeche feeds
    depeche feeds --state failing --state slow
    depeche feeds show lemonde
    depeche feeds discover https://journal.example/ --add
""",
)


@feeds_app.callback()
def feeds_callback(
    context: typer.Context,
    state: StateOption = None,
    *,
    as_json: JsonOption = False,
    settings: SettingsOption = None,
    data: DataOption = None,
) -> None:
    """List the feeds where no other command is given."""
    if context.invoked_subcommand is None:
        list_command(state, as_json=as_json, settings=settings, data=data)
    elif state or as_json or settings or data:
        told(_misplaced)(context.invoked_subcommand)


def _misplaced(command: str) -> int:
    msg = f"options belong after the command: depeche feeds {command} …"
    raise MisuseError(msg)


@feeds_app.command("list")
@told
def list_command(
    state: StateOption = None,
    *,
    as_json: JsonOption = False,
    settings: SettingsOption = None,
    data: DataOption = None,
) -> int:
    """List the feeds: how each stands, when it was and will be polled and why, its last new entry, its troubles.

    healthy; new: never polled; failing: the last poll failed; slow: failing for long, polled at most once a day;
    parked: the server said that it is gone (410), looked at monthly; paused and removed: by a person.

    For example:

        depeche feeds list
        depeche feeds list --state parked
        depeche feeds list --json | jq '.[] | select(.failures > 0) | .url'
    """
    from depeche.feeds.changes import read_all
    from depeche.feeds.report import as_json as to_json
    from depeche.feeds.report import feed_table, summary
    from depeche.printing import console_of_output, print_trimmed

    folder = load_settings(settings, data=data).settings.data
    now = datetime.now(UTC)
    feeds = read_all(folder)
    shown = [feed for feed in feeds if (feed.standing in state if state else feed.standing != "removed")]
    if as_json:
        typer.echo(to_json(shown, now))
        return DONE
    # In parts, so that the first of ten thousand feeds are there at once, and the header is never far.
    parts = (feed_table(shown[start : start + _TABLE_ROWS], now) for start in range(0, len(shown), _TABLE_ROWS))
    print_trimmed(console_of_output(), parts)
    if not feeds:
        typer.echo(
            f"No feeds in the data folder {folder.absolute()}: those of the settings' lists come when connectors first "
            f"run on it (depeche up), others with depeche feeds add."
        )
    else:
        typer.echo(summary(shown) if shown else f"None of {summary(feeds)}")
    return DONE


@feeds_app.command("show")
@told
def show_command(
    url: Annotated[str, typer.Argument(metavar="URL", help="Its address; a part is enough where it fits one only.")],
    *,
    as_json: JsonOption = False,
    settings: SettingsOption = None,
    data: DataOption = None,
) -> int:
    """Show all that is known of one feed, its last fetches too: time, outcome, status, bytes, seconds, entries, error.

    For example:

        depeche feeds show https://journal.example/rss
        depeche feeds show journal.example --json
    """
    from depeche.feeds.changes import matching, read_all, read_last_fetches
    from depeche.feeds.report import detail_json, detail_table, fetch_table
    from depeche.printing import console_of_output, print_trimmed

    folder = load_settings(settings, data=data).settings.data
    feeds = {feed.url: feed for feed in read_all(folder)}
    feed = feeds[matching(url, feeds)]
    fetches = read_last_fetches(folder, feed.url)
    now = datetime.now(UTC)
    if as_json:
        typer.echo(detail_json(feed, fetches, now))
    else:
        parts = [detail_table(feed, now), *([fetch_table(fetches, now)] if fetches else [])]
        print_trimmed(console_of_output(), parts)
    return DONE


@feeds_app.command("add")
@told
def add_command(
    urls: Annotated[list[str], typer.Argument(metavar="URL…", help="Addresses of feeds.")],
    *,
    source: Annotated[
        str | None, typer.Option(metavar="ID", help="Source id; feeds of one newspaper share it [default: the host].")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The newspaper's name, for people.")] = None,
    country: Annotated[str | None, typer.Option(help="Where it is published: FR, GB (ISO 3166-1).")] = None,
    language: Annotated[str | None, typer.Option(help="Its language: fr, en (ISO 639).")] = None,
    minutes: Annotated[
        int | None, typer.Option(min=1, max=10_080, help="Between two polls [default: adapted to the feed].")
    ] = None,
    full_text: Annotated[
        bool | None,
        typer.Option("--full-text/--no-full-text", help="Whether the pages of mere summaries are read."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Fetch each first, and add none that is no feed.")] = False,
    settings: SettingsOption = None,
    data: DataOption = None,
) -> int:
    """Subscribe to feeds: RSS, Atom, JSON Feed, news sitemaps. What is known already takes the options given.

    The list of feeds that is shipped is polled only as long as nobody has named a feed, here or in the settings. Exit
    code 1 where, with --check, something is no feed. For a web page, use depeche feeds discover.

    For example:

        depeche feeds add https://journal.example/rss
        depeche feeds add https://journal.example/rss --source journal.example --country FR --minutes 10 --check
    """
    from depeche.feeds.changes import Wishes, checked_url

    wishes = Wishes(source, name, country, language, minutes, full_text)
    wanted, code = [checked_url(url) for url in urls], DONE
    if check:
        wanted, code = checked(wanted, settings, data)
    subscribe(wishes, wanted, settings, data)
    if wanted and not check:
        typer.echo(
            "Not looked at yet (--check does). Of a web page, `depeche feeds discover` finds the feeds.", err=True
        )
    return code


feeds_app.command("discover")(discover_command)


@feeds_app.command("remove")
@told
def remove_command(urls: UrlsArgument, *, settings: SettingsOption = None, data: DataOption = None) -> int:
    """Poll feeds no more. A feed list that still names one does not bring it back; `add` or `resume` does.

    For example:

        depeche feeds remove https://journal.example/rss
    """
    return _set_status(urls, "removed", "removed", settings, data)


@feeds_app.command("pause")
@told
def pause_command(urls: UrlsArgument, *, settings: SettingsOption = None, data: DataOption = None) -> int:
    """Leave feeds alone until they are resumed.

    For example:

        depeche feeds pause journal.example
    """
    return _set_status(urls, "paused", "paused", settings, data)


@feeds_app.command("resume")
@told
def resume_command(urls: UrlsArgument, *, settings: SettingsOption = None, data: DataOption = None) -> int:
    """Poll paused or removed feeds again.

    For example:

        depeche feeds resume journal.example
    """
    return _set_status(urls, "active", "active again", settings, data)


def _set_status(
    urls: list[str], status: Literal["active", "paused", "removed"], done: str, settings: Path | None, data: Path | None
) -> int:
    from depeche.feeds.changes import all_matching, subscriptions_of

    with subscriptions_of(load_settings(settings, data=data).settings.data) as subscriptions:
        for row in all_matching(urls, subscriptions.all()):
            url = row.subscription.url
            if row.status == status:
                typer.echo(f"{url}: {'active' if status == 'active' else done} already")
            else:
                subscriptions.set_status(url, status)
                typer.echo(f"{url}: {done}")
    return DONE


@feeds_app.command("poll")
@told
def poll_command(urls: UrlsArgument, *, settings: SettingsOption = None, data: DataOption = None) -> int:
    """Have feeds polled now, as soon as manners towards their hosts allow; parked ones too.

    For example:

        depeche feeds poll journal.example
    """
    from depeche.feeds.changes import all_matching, subscriptions_of

    with subscriptions_of(load_settings(settings, data=data).settings.data) as subscriptions:
        rows = all_matching(urls, subscriptions.all())
        idle = [row.subscription.url for row in rows if row.status != "active"]
        if idle:
            msg = f"{', '.join(idle)}: paused or removed; depeche feeds resume first"
            raise MisuseError(msg)
        for row in rows:
            subscriptions.request_poll(row.subscription.url, datetime.now(UTC))
            typer.echo(f"{row.subscription.url}: polled next, or when connectors start")
    return DONE


@feeds_app.command("import")
@told
def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE.opml", help="A feed list in OPML.")],
    *,
    settings: SettingsOption = None,
    data: DataOption = None,
) -> int:
    """Subscribe to the feeds of an OPML list. What a person paused or removed stays so.

    For example:

        depeche feeds import subscriptions.opml
    """
    from depeche.feeds.changes import import_opml, subscriptions_of

    with subscriptions_of(load_settings(settings, data=data).settings.data) as subscriptions:
        counts = import_opml(subscriptions, file, datetime.now(UTC))
    typer.echo(f"{file}: " + ", ".join(f"{number} {what}" for what, number in counts.items() if number))
    return DONE


@feeds_app.command("export")
@told
def export_command(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="Where to [default: standard output].")] = None,
    *,
    paused: Annotated[bool, typer.Option("--paused", help="Those that are paused, too.")] = False,
    settings: SettingsOption = None,
    data: DataOption = None,
) -> int:
    """Write the feeds as an OPML list that `import` and the setting `feeds` read back exactly.

    Of an index of sitemaps the index is written, not what it brought.

    For example:

        depeche feeds export my.opml
        depeche feeds export --paused | less
    """
    from depeche.feeds.changes import export_opml, read_all

    written = export_opml(read_all(load_settings(settings, data=data).settings.data), paused=paused)
    if file is None:
        sys.stdout.buffer.write(written)
        sys.stdout.flush()
    else:
        file.write_bytes(written)
    return DONE
