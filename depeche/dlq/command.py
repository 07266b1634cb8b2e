"""`depeche dlq`, as the command line has it; the work is in the package's other modules."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from depeche.exits import DONE, NOT_RIGHT, MisuseError
from depeche.options import BootstrapOption, DataOption, PrefixOption, SettingsOption, complain, load_settings, told

if TYPE_CHECKING:
    from depeche.dlq.reading import DeadLetters
    from depeche.dlq.register import Selection
    from depeche.settings import Settings
    from schemas.access import KafkaAccess

# ruff: noqa: PLC0415 - `--help` needs none of it

_MOST_POSITIONS: Final = 400

Reason = Literal["invalid", "too_large", "bug", "poison", "unreadable"]
StageName = Literal["connector", "coder", "merger", "ledger", "stories", "unreadable"]
ReasonOption = Annotated[Reason | None, typer.Option(help="Only letters with this reason.")]
StageOption = Annotated[StageName | None, typer.Option(help="Only letters of this stage.")]
GroupOption = Annotated[str | None, typer.Option(metavar="ID", help="Only letters of a group, as `list` names it.")]
SinceOption = Annotated[
    str | None,
    typer.Option(metavar="T", help="Only letters from then on: 2026-03-01, 2026-03-01T06:30:00Z, or a span ago: 36h."),
]
UntilOption = Annotated[str | None, typer.Option(metavar="T", help="Only letters before then, written likewise.")]
PositionsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="POSITION…", help="Letters, as `list` names them (2/1234), or the records they are for."),
]
AllOption = Annotated[bool, typer.Option("--all", help="All that are open, where nothing else chooses.")]
AgainOption = Annotated[bool, typer.Option("--again", help="Those too that were replayed or dropped before.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; write nothing.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
NoteOption = Annotated[str, typer.Option(metavar="TEXT", help="By whom and why: kept beside the letters.")]

dlq_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Dead letters: what could not be processed, by cause; replayed once the cause is mended, or dropped.

A letter is open until it is replayed or dropped; both are said on the letters' own topic, nothing is deleted.

For example:

    depeche dlq list
    depeche dlq show 2/1234
    depeche dlq replay --group 1f3a9c20 --dry-run
    depeche dlq replay --group 1f3a9c20 --note "coder 1.4.2"
    depeche dlq drop --reason invalid --until 7d --note "foreign producer, mended"
""",
)


@dlq_app.command("list")
@told
def list_command(
    *,
    reason: ReasonOption = None,
    stage: StageOption = None,
    group: GroupOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    everything: Annotated[bool, typer.Option("--all", help="Those too that were replayed or dropped.")] = False,
    letters: Annotated[
        bool, typer.Option("--letters", help="Each letter, the latest first, instead of groups.")
    ] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Groups or letters at most.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="JSON: one object; with --letters one a line.")] = False,
    settings: SettingsOption = None,
    data: DataOption = None,
    bootstrap: BootstrapOption = None,
    prefix: PrefixOption = None,
) -> int:
    """List the open dead letters in groups: reason, stage and kind of error; how many, since when, an example.

    Exit code 1 where any are open.

    For example:

        depeche dlq list
        depeche dlq list --reason bug --since 24h
        depeche dlq list --letters --all --json | jq .error
    """
    from depeche.dlq.running import with_letters
    from depeche.dlq.showing import entry_json, groups_table
    from depeche.present import short

    found, access = _where(settings, data, bootstrap, prefix)
    selection = _selection(
        found, (), reason=reason, stage=stage, group=group, since=since, until=until, resolved=everything
    )

    def show(dead: DeadLetters) -> int:
        register = dead.register
        total = register.count(selection)
        if letters:
            for entry in register.entries(selection, limit=limit, latest_first=True):
                plain = entry_json(entry)
                if as_json:
                    typer.echo(json.dumps(plain))
                    continue
                state = "" if entry.action is None else f" · {entry.action}"
                typer.echo(
                    f"{plain['position']} · {plain['timestamp']} · {short(entry.reason)} at {short(entry.stage)}"
                    f"{state} · {short(entry.error)}"
                )
        else:
            groups, number = register.groups(selection, limit=limit), register.count_groups(selection)
            if as_json:
                told_groups = [one.as_json() for one in groups]
                typer.echo(json.dumps({"letters": total, "groups": number, "largest": told_groups}, indent=2))
            else:
                typer.echo("\n".join(groups_table(groups, letters=total, number=number)))
        return NOT_RIGHT if total and not everything else DONE

    return with_letters(access, found.prefix, show)


@dlq_app.command("show")
@told
def show_command(
    letter: Annotated[
        str, typer.Argument(metavar="POSITION|KEY", help="2/1234, a record's position, or a key: an article's id.")
    ],
    *,
    whole: Annotated[bool, typer.Option("--whole", help="All of the original, however long.")] = False,
    save_to: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Write the original's bytes there, as they were.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Letters at most, the latest first.")] = 5,
    settings: SettingsOption = None,
    data: DataOption = None,
    bootstrap: BootstrapOption = None,
    prefix: PrefixOption = None,
) -> int:
    """Show a dead letter whole: why, where from, what became of it, and the original.

    For example:

        depeche dlq show 2/1234
        depeche dlq show 'news.articles[2]@1234'
        depeche dlq show 0b5d1c7f66f5a1ce3f5d8a9b5f4ce1aa
        depeche dlq show 2/1234 --save article.json
    """
    from depeche.dlq.letters import parse_position
    from depeche.dlq.register import Selection
    from depeche.dlq.running import save, with_letters
    from depeche.dlq.showing import letter_lines

    found, access = _where(settings, data, bootstrap, prefix)
    position = parse_position(letter, found.prefix)
    if position is None:
        key = letter.encode("utf-8", "surrogateescape")
        selection = Selection(key=key, resolved=True)
    else:
        selection = Selection(positions=(position,), resolved=True)

    def show(dead: DeadLetters) -> int:
        entries = list(dead.register.entries(selection, limit=limit, latest_first=True))
        total = dead.register.count(selection)
        if not entries:
            complain(f"there is no dead letter {letter}")
            return NOT_RIGHT
        if save_to is not None and total != 1:
            msg = f"{letter} has {total} letters: name one by its position"
            raise MisuseError(msg)
        for number, (entry, value) in enumerate(dead.letters(entries)):
            if number:
                typer.echo("")
            for line in letter_lines(entry, value, whole=whole):
                typer.echo(line)
            if save_to is not None:
                save(value, save_to)
        if total > len(entries):
            typer.echo(f"\n… and {total - len(entries)} more: see --limit")
        return DONE

    return with_letters(access, found.prefix, show)


@dlq_app.command("replay")
@told
def replay_command(
    positions: PositionsArgument = None,
    *,
    reason: ReasonOption = None,
    stage: StageOption = None,
    group: GroupOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    everything: AllOption = False,
    again: AgainOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    note: NoteOption = "",
    settings: SettingsOption = None,
    data: DataOption = None,
    bootstrap: BootstrapOption = None,
    prefix: PrefixOption = None,
) -> int:
    """Write the originals to the topics that they were read from, once more. Mend the cause first.

    Original bytes, original key, and headers that say so (`depeche-replayed-from`, `depeche-replayed-at`,
    `depeche-replays`). Stopped or killed, run it again: nothing is counted twice. Exit code 1 where one stays open.

    For example:

        depeche dlq replay 2/1234
        depeche dlq replay --group 1f3a9c20 --note "coder 1.4.2"
        depeche dlq replay --reason bug --since 24h --dry-run
    """
    from depeche.dlq.running import asked, go_through, resolver_of, with_letters

    found, access = _where(settings, data, bootstrap, prefix)
    selection = _selection(
        found,
        positions or (),
        reason=reason,
        stage=stage,
        group=group,
        since=since,
        until=until,
        resolved=again,
        everything=everything,
    )

    def work(dead: DeadLetters) -> int:
        if not asked(dead, selection, "replay", yes=yes or dry_run):
            return NOT_RIGHT
        with resolver_of(found, access, note) as resolver:
            return go_through(dead, selection, resolver, "replayed", dry_run=dry_run)

    return with_letters(access, found.prefix, work)


@dlq_app.command("drop")
@told
def drop_command(
    positions: PositionsArgument = None,
    *,
    reason: ReasonOption = None,
    stage: StageOption = None,
    group: GroupOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    everything: AllOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    note: NoteOption = "",
    settings: SettingsOption = None,
    data: DataOption = None,
    bootstrap: BootstrapOption = None,
    prefix: PrefixOption = None,
) -> int:
    """Give letters up for good: they are listed no more. Nothing is deleted; `replay --again` still finds them.

    For example:

        depeche dlq drop 2/1234 --note "test record"
        depeche dlq drop --group 1f3a9c20 --yes
    """
    from depeche.dlq.running import asked, go_through, resolver_of, with_letters

    found, access = _where(settings, data, bootstrap, prefix)
    selection = _selection(
        found,
        positions or (),
        reason=reason,
        stage=stage,
        group=group,
        since=since,
        until=until,
        resolved=False,
        everything=everything,
    )

    def work(dead: DeadLetters) -> int:
        if not asked(dead, selection, "drop", yes=yes or dry_run):
            return NOT_RIGHT
        with resolver_of(found, access, note) as resolver:
            return go_through(dead, selection, resolver, "dropped", dry_run=dry_run)

    return with_letters(access, found.prefix, work)


def _where(
    settings: Path | None, data: Path | None, bootstrap: str | None, prefix: str | None
) -> tuple[Settings, KafkaAccess]:
    from depeche.access import find_access

    found = load_settings(settings, data=data, bootstrap=bootstrap, prefix=prefix).settings
    return found, find_access(found)


def _selection(
    settings: Settings,
    positions: Sequence[str],
    *,
    reason: str | None,
    stage: str | None,
    group: str | None,
    since: str | None,
    until: str | None,
    resolved: bool,
    everything: bool | None = None,
) -> Selection:
    """Return what the options choose; `everything` null where nothing need be chosen."""
    from depeche.dlq.letters import must_be_position
    from depeche.dlq.register import Selection
    from depeche.times import parse_moment, to_milliseconds

    if len(positions) > _MOST_POSITIONS:
        msg = f"{len(positions)} positions are too many for one run: at most {_MOST_POSITIONS}, or choose by group"
        raise MisuseError(msg)
    now = datetime.now(UTC)
    selection = Selection(
        positions=tuple(must_be_position(one, settings.prefix) for one in positions),
        group=group,
        reason=reason,
        stage=stage,
        since_ms=None if since is None else to_milliseconds(parse_moment(since, now)),
        until_ms=None if until is None else to_milliseconds(parse_moment(until, now)),
        resolved=resolved,
    )
    if everything is not None and everything == selection.chooses:
        msg = "say which letters: positions, --group, --reason, --stage, --since, --until; or --all, and nothing else"
        raise MisuseError(msg)
    return selection
