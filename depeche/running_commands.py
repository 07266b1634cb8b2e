"""The commands that run something: up, ingest, backfill, worker, connectors. The work is in modules of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from depeche.backfill.command import backfill_command
from depeche.exits import DONE, NOT_RIGHT
from depeche.options import (
    BootstrapOption,
    DataOption,
    PrefixOption,
    SettingsOption,
    complain,
    given,
    load_settings,
    told,
)

_PANEL = "Run"
PortOption = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Port of metrics and health; 0 takes a free one.")
]
SupervisedOption = Annotated[bool, typer.Option(hidden=True, help="Stop when standard input ends.")]
# ruff: noqa: PLC0415 - each command imports what it needs: Kafka clients, Faust


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for name, command in (
        ("up", up_command),
        ("ingest", ingest_command),
        ("backfill", backfill_command),
        ("connectors", connectors_command),
        ("worker", worker_command),
    ):
        app.command(name, rich_help_panel=_PANEL)(command)


@told
def up_command(
    *,
    feeds: Annotated[
        list[Path] | None,
        typer.Option("--feeds", metavar="FILE", help="OPML list of feeds; repeatable [default: the shipped list]."),
    ] = None,
    drop: Annotated[
        list[Path] | None,
        typer.Option("--drop", metavar="FOLDER", help="Folder to watch for articles; repeatable."),
    ] = None,
    no_feeds: Annotated[bool, typer.Option("--no-feeds", help="Poll no feeds.")] = False,
    workers: Annotated[int | None, typer.Option(help="How many workers [default: 1].")] = None,
    settings: SettingsOption = None,
    data: DataOption = None,
    bootstrap: BootstrapOption = None,
    prefix: PrefixOption = None,
) -> int:
    """Start everything on this machine: Kafka, connectors, workers, metrics. Ctrl-C stops it.

    The first start fetches Apache Kafka; later ones need no network. What is in the data folder stays: the next
    start goes on where this one stopped. With a broker configured (--bootstrap), none is started.

    For example:

        depeche up
        depeche up --feeds my.opml --drop inbox
        depeche up --no-feeds --drop inbox --workers 2
    """
    from depeche.screen import Screen
    from depeche.up import run

    options = given(
        {
            "feeds": tuple(feeds or ()),
            "drops": tuple(drop or ()),
            "poll_feeds": False if no_feeds else None,
            "workers": workers,
            "data": data,
            "bootstrap": bootstrap,
            "prefix": prefix,
        }
    )
    loaded = load_settings(settings, **options)
    with Screen() as screen:
        return run(loaded, options, say=screen.say, set_status=screen.set_status)


@told
def ingest_command(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH…", help="Files or folders: .txt, .html, .jsonl, .json (ninjs), .xml (NewsML-G2)."),
    ],
    *,
    backfill: Annotated[
        bool, typer.Option("--backfill", help="Use the backfill topic: coded when the live feed leaves time.")
    ] = False,
    settings: SettingsOption = None,
    data: DataOption = None,
    bootstrap: BootstrapOption = None,
    prefix: PrefixOption = None,
) -> int:
    """Publish files once. Ends when the broker has acknowledged every article.

    The same files again give the same ids, so nothing is counted twice. Exit code 1 where something could not be read.
    For archives (large, gzipped, WARC; resumed where a run ended) there is `depeche backfill`.

    For example:

        depeche ingest articles.jsonl
        depeche ingest archive/ --backfill
    """
    from depeche.access import find_access
    from depeche.ingest import ingest
    from depeche.present import counted

    found = load_settings(settings, data=data, bootstrap=bootstrap, prefix=prefix).settings
    access = find_access(found)
    report = ingest(
        found, access, paths, backfill=backfill, say=lambda text: typer.echo(text, err=True), complain=complain
    )
    versions, errors = counted(report.published, "article version"), counted(report.errors, "error")
    typer.echo(f"{versions} published and acknowledged; {errors}")
    return NOT_RIGHT if report.errors else DONE


@told
def connectors_command(
    *,
    port: PortOption = None,
    settings: SettingsOption = None,
    data: DataOption = None,
    bootstrap: BootstrapOption = None,
    prefix: PrefixOption = None,
    supervised: SupervisedOption = False,
) -> int:
    """Run the connectors alone, in the foreground: feeds and drop folders in, articles out.

    One at a time on a data folder: it holds what was seen. Metrics and health are at 127.0.0.1:9401.

    For example:

        depeche connectors --bootstrap kafka:9092
    """
    from depeche.access import find_access
    from depeche.processes import run_connectors

    found = load_settings(settings, data=data, bootstrap=bootstrap, prefix=prefix, connectors_port=port).settings
    access = find_access(found)
    return run_connectors(found, access, port=found.connectors_port, supervised=supervised)


@told
def worker_command(
    *,
    number: Annotated[int, typer.Option(min=1, help="Which worker on this machine: its tables, its port.")] = 1,
    port: PortOption = None,
    settings: SettingsOption = None,
    data: DataOption = None,
    bootstrap: BootstrapOption = None,
    prefix: PrefixOption = None,
    supervised: SupervisedOption = False,
) -> int:
    """Run one worker alone, in the foreground: articles in, mentions, events and outcomes out.

    Start as many as there are partitions, on any machines; they share the work. On one machine give each a number of
    its own. Metrics and health are at 127.0.0.1:9411 for the first, 9412 for the second.

    For example:

        depeche worker --bootstrap kafka:9092
        depeche worker --bootstrap kafka:9092 --number 2
    """
    from depeche.access import find_access
    from depeche.processes import run_worker

    found = load_settings(settings, data=data, bootstrap=bootstrap, prefix=prefix).settings
    access = find_access(found)
    if port is None:
        port = found.worker_port + number - 1 if found.worker_port else 0
    return run_worker(found, access, number=number, port=port, supervised=supervised)
