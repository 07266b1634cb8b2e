"""`depeche backfill`, as the command line has it; the work is in `depeche.backfill.publishing`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from depeche.exits import DONE, NOT_RIGHT, MisuseError
from depeche.options import (
    BootstrapOption,
    DataOption,
    PrefixOption,
    SettingsOption,
    complain,
    load_settings,
    told,
)


@told
def backfill_command(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="Archives, or folders of them: .jsonl, .warc, each also .gz.")
    ],
    *,
    source: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Source of what names none [default: the host of each article's address]."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="End after so many articles; the next run goes on.")] = None,
    per_second: Annotated[
        float | None, typer.Option(min=0.01, help="Articles a second, at most [default: as fast as it goes].")
    ] = None,
    ahead: Annotated[
        int, typer.Option(min=0, help="Articles that may wait for the coder before this waits too; 0 for no bound.")
    ] = 1_000_000,
    restart: Annotated[bool, typer.Option("--restart", help="Begin the files anew, whatever was done before.")] = False,
    settings: SettingsOption = None,
    data: DataOption = None,
    bootstrap: BootstrapOption = None,
    prefix: PrefixOption = None,
) -> int:
    """Publish archives of any size on the topic for the past, and resume where a run ended.

    They are coded when the live feed leaves time. Stopped or killed, the same command goes on where the broker had
    acknowledged all; the same articles have the same ids. A line of .jsonl is an article with id (or url), text, and
    title, date, language, source where known. Of a WARC file, web pages that are articles are taken; paywalls, consent
    pages and pages whose publisher reserves the text are counted and passed over.

    `depeche ingest --backfill` is for some texts that are read in a minute: .txt and .html too, nothing remembered.

    Exit code 1 where a line, record or file could not be used.

    For example:

        depeche backfill archive-2019.jsonl.gz
        depeche backfill crawl/ --per-second 50
        depeche backfill crawl.warc.gz --source journal.example --limit 1000
    """
    # ruff: noqa: PLC0415 - `--help` needs none of it
    from rich.console import Console

    from depeche.access import find_access
    from depeche.backfill.pace import Options, Terminal
    from depeche.backfill.publishing import backfill
    from depeche.present import counted
    from depeche.screen import Screen

    if source is not None and not 1 <= len(source.strip()) <= 200:
        msg = "--source must have 1 to 200 characters"
        raise MisuseError(msg)
    found = load_settings(settings, data=data, bootstrap=bootstrap, prefix=prefix).settings
    access = find_access(found)
    options = Options(source and source.strip(), restart, limit, per_second, ahead)
    with Screen(Console(stderr=True, highlight=False)) as screen:
        terminal = Terminal(screen.say, screen.set_status, complain)
        try:
            report = backfill(found, access, paths, options, terminal=terminal)
        except KeyboardInterrupt:
            screen.say("stopped: the same command goes on from here")
            raise
    versions, errors = counted(report.published, "article version"), counted(report.errors, "error")
    passed = f"; {report.passed} records held no article" if report.passed else ""
    unfinished = f"; {counted(report.unfinished, 'file')} not read to the end" if report.unfinished else ""
    typer.echo(f"{versions} published and acknowledged; {errors}{passed}{unfinished}")
    return NOT_RIGHT if report.errors else DONE
