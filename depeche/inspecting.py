"""The commands that look: tail, audit, doctor, schema, settings. The work is in modules of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal, TextIO

import typer

from depeche.exits import DONE, NOT_RIGHT, MisuseError
from depeche.options import BootstrapOption, DataOption, PrefixOption, SettingsOption, load_settings, told

_PANEL = "Look"
TopicName = Literal["events", "mentions", "outcomes", "dead-letters", "articles", "articles.backfill", "stories"]
# ruff: noqa: PLC0415 - each command imports what it needs


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    for name, command in (
        ("tail", tail_command),
        ("audit", audit_command),
        ("doctor", doctor_command),
        ("schema", schema_command),
        ("settings", settings_command),
    ):
        app.command(name, rich_help_panel=_PANEL)(command)


@told
def tail_command(
    topic: Annotated[TopicName, typer.Argument(help="What to show.")] = "events",
    *,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="All that is there first [default: only what comes].")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with the record's place.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="End after so many records.")] = None,
    settings: SettingsOption = None,
    data: DataOption = None,
    bootstrap: BootstrapOption = None,
    prefix: PrefixOption = None,
) -> int:
    """Show what comes on a topic, live and readable.

    Ctrl-C ends it; it moves nobody's position.

    For example:

        depeche tail
        depeche tail outcomes --from-beginning
        depeche tail events --json | jq .message.type
        depeche tail dead-letters --from-beginning --limit 20
    """
    from depeche.access import find_access
    from depeche.reader import TopicReader
    from depeche.tail import BY_NAME, as_line, tail
    from depeche.tail import as_json as to_json

    found = load_settings(settings, data=data, bootstrap=bootstrap, prefix=prefix).settings
    chosen = BY_NAME[topic]
    with TopicReader(find_access(found), [chosen.name(found.prefix)]) as reader:
        if sys.stdout.isatty():
            what = "all there is and what comes" if from_beginning else "what comes from now on"
            typer.echo(f"{chosen.name(found.prefix)}: {what}; Ctrl-C ends it", err=True)
        for record in tail(reader, from_beginning=from_beginning, limit=limit):
            typer.echo(to_json(chosen, record) if as_json else as_line(chosen, record))
    return DONE


@told
def audit_command(
    *,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="T",
            help="Only articles queued from then on: 2026-03-01, 2026-03-01T06:30:00Z, or a span ago: 2h, 3d.",
        ),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="T", help="Only articles queued before then, written likewise.")
    ] = None,
    late_after: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="How long an outcome may take; 0: all must be there now [default: 900].",
        ),
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Recount all events from the mentions, too: slower.")] = False,
    lines: Annotated[
        Path | None,
        typer.Option("--list", metavar="FILE", help="Write each article version and its outcome there, as JSON Lines."),
    ] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait until all is accounted for.")] = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="The whole report as JSON.")] = False,
    settings: SettingsOption = None,
    data: DataOption = None,
    bootstrap: BootstrapOption = None,
    prefix: PrefixOption = None,
) -> int:
    """Prove from the topics alone that nothing is lost: every article version has exactly one outcome.

    Looks at what is on the articles' topics when it starts. Every valid article version there needs one outcome, every
    invalid record a dead letter. What is younger than --late-after is in work, and so is what waits on the backfill's
    topic. Exit code 0 where all else is accounted for, 1 where it is not, 4 where the broker is away. `--list -` writes
    to standard output, and the report to standard error.

    For example:

        depeche audit
        depeche audit --wait 60
        depeche audit --from 3d --list - | jq 'select(.state != "accounted")'
        depeche audit --deep --json | jq .recount
    """
    from datetime import UTC, datetime

    from depeche.access import find_access
    from depeche.audit import LATE_AFTER_SECONDS, Scope, audit, render
    from depeche.audit_report import InvalidLine, VersionLine
    from depeche.times import parse_moment, to_milliseconds

    now = datetime.now(UTC)
    scope = Scope(
        since_ms=None if start is None else to_milliseconds(parse_moment(start, now)),
        until_ms=None if end is None else to_milliseconds(parse_moment(end, now)),
        late_after=LATE_AFTER_SECONDS if late_after is None else late_after or None,
        deep=deep,
    )
    if scope.since_ms is not None and scope.until_ms is not None and scope.since_ms >= scope.until_ms:
        msg = f"--from {start} is not before --to {end}"
        raise MisuseError(msg)
    found = load_settings(settings, data=data, bootstrap=bootstrap, prefix=prefix).settings
    with ExitStack() as stack:
        listed: TextIO | None = None
        if lines is not None:
            on_screen = str(lines) == "-"
            listed = sys.stdout if on_screen else stack.enter_context(lines.open("w", encoding="utf-8"))

        def write(all_lines: Iterator[VersionLine | InvalidLine]) -> None:
            for line in all_lines:
                # ASCII: what strangers wrote is escaped.
                print(json.dumps(line.as_json()), file=listed)

        report = audit(
            find_access(found),
            found.prefix,
            scope=scope,
            wait_seconds=wait,
            each=None if listed is None else write,
            progress=lambda text: typer.echo(text, err=True),
        )
    text = json.dumps(report.as_json(), indent=2) if as_json else render(report)
    typer.echo(text, err=lines is not None and str(lines) == "-")
    return DONE if report.complete else NOT_RIGHT


@told
def doctor_command(
    *,
    settings: SettingsOption = None,
    data: DataOption = None,
    bootstrap: BootstrapOption = None,
    prefix: PrefixOption = None,
) -> int:
    """Look at all that Dépêche needs; say what is wrong and how to mend it. Changes nothing.

    Settings, Python, parser models, Java, disk, folders, ports, broker, topics, processes, clock. Exit code 1 where
    something is wrong.

    For example:

        depeche doctor
        depeche doctor --bootstrap kafka:9092
    """
    from depeche.doctor import examine
    from depeche.present import visible

    loaded = load_settings(settings, data=data, bootstrap=bootstrap, prefix=prefix)
    worst = DONE
    marks = {"good": "ok  ", "warning": "note", "bad": "BAD "}
    for finding in examine(loaded):
        typer.echo(f"{marks[finding.severity]} {finding.check:<10} {visible(finding.text)}")
        if finding.mend:
            typer.echo(f"     {'':<10} → {visible(finding.mend)}")
        if finding.severity == "bad":
            worst = NOT_RIGHT
    return worst


@told
def schema_command(
    name: Annotated[
        str | None, typer.Argument(metavar="[MODEL|asyncapi]", help="A message model, or asyncapi for all topics.")
    ] = None,
) -> int:
    """Print the JSON Schema of a message, or the AsyncAPI document of all topics.

    Without a name, lists what there is.

    For example:

        depeche schema
        depeche schema Event
        depeche schema asyncapi > asyncapi.json
    """
    from schemas.document import ASYNCAPI_FILE, JSON_FOLDER

    files = {path.stem.lower(): path for path in sorted(JSON_FOLDER.glob("*.json"))} | {"asyncapi": ASYNCAPI_FILE}
    if name is None:
        typer.echo("\n".join(path.stem for path in files.values()))
        return DONE
    if name.lower() not in files:
        msg = f"there is no schema {name}: there are {', '.join(path.stem for path in files.values())}"
        raise MisuseError(msg)
    typer.echo(files[name.lower()].read_text(encoding="utf-8"), nl=False)
    return DONE


@told
def settings_command(
    *,
    output: Annotated[
        Literal["table", "json", "env", "markdown"],
        typer.Option("--format", help="table for people; json; env, to be sourced; markdown, for documentation."),
    ] = "table",
    settings: SettingsOption = None,
) -> int:
    """Print all settings: value, where it comes from, what it means. Secrets are hidden.

    A value comes from the command line, else the environment (DEPECHE_…), else the settings file, else the default.

    For example:

        depeche settings
        DEPECHE_WORKERS=2 depeche settings --format env
        depeche settings --settings /etc/depeche.toml --format json
    """
    from depeche.settings_table import as_environment, as_json, as_table, markdown, rows_of

    rows = rows_of(load_settings(settings))
    match output:
        case "json":
            typer.echo(as_json(rows))
        case "env":
            typer.echo(as_environment(rows))
        case "markdown":
            typer.echo(markdown(), nl=False)
        case "table":
            from rich.console import Console

            Console().print(as_table(rows))
    return DONE
