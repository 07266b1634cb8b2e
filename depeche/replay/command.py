"""`depeche replay`, as the command line has it; the work is in `depeche.replay.running`."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from depeche.replay.running import ReplayReport
    from depeche.settings import Loaded, Settings
    from depeche.supervisor import ChildSpec

# ruff: noqa: PLC0415 - `--help` needs none of it

_STOP_SECONDS = 30.0

FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="T", help="First moment: 2026-03-01, 2026-03-01T06:30:00Z, or a span ago: 36h, 7d."),
]
ToOption = Annotated[
    str | None, typer.Option("--to", metavar="T", help="Moment after the last, written likewise [default: now].")
]
IntoOption = Annotated[
    str | None,
    typer.Option(
        metavar="PREFIX",
        help="Topic prefix of the replay [default: PREFIX-replay-CODER-TIME]; an old one is gone on with.",
    ),
]

replay_app = typer.Typer(
    no_args_is_help=False,
    invoke_without_command=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Code history again with today's coder, beside the live topics; then `depeche diff` says what changed.

The articles whose records have a timestamp in the range are copied to a prefix of their own, and coded there by workers
of this command's own, at a low priority, until `depeche audit` says that all are accounted for. The live topics are
only read. Stopped or killed, the same command with the same --into goes on.

For example:

    depeche replay --from 7d
    depeche replay --from 2026-03-01 --to 2026-03-08 --into march-again
    depeche replay --into march-again
    depeche replay --from 30d --into month --copy-only
    depeche replay remove march-again
""",
)


@replay_app.callback()
def replay_callback(
    context: typer.Context,
    *,
    start: FromOption = None,
    end: ToOption = None,
    into: IntoOption = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Worker processes [default: the setting].")] = None,
    copy_only: Annotated[
        bool, typer.Option("--copy-only", help="Copy, and leave the coding to workers that you run on the new prefix.")
    ] = False,
    per_second: Annotated[
        float, typer.Option(min=0.0, help="Articles that are copied a second, at most; 0 for no bound.")
    ] = 1000.0,
    nice: Annotated[
        int, typer.Option(min=0, max=19, help="How far the replay steps back for others on this machine.")
    ] = 10,
    settings: SettingsOption = None,
    data: DataOption = None,
    bootstrap: BootstrapOption = None,
    prefix: PrefixOption = None,
) -> None:
    """Replay where no other command is given."""
    given = (start, end, into, workers, settings, data, bootstrap, prefix)
    if context.invoked_subcommand is not None:
        if copy_only or any(value is not None for value in given):
            told(_misplaced)(context.invoked_subcommand)
        return
    told(_replay)(
        start=start,
        end=end,
        into=into,
        workers=workers,
        copy_only=copy_only,
        per_second=per_second,
        nice=nice,
        settings=settings,
        data=data,
        bootstrap=bootstrap,
        prefix=prefix,
    )


def _misplaced(command: str) -> int:
    msg = f"options belong after the command: depeche replay {command} …"
    raise MisuseError(msg)


def _replay(
    *,
    start: str | None,
    end: str | None,
    into: str | None,
    workers: int | None,
    copy_only: bool,
    per_second: float,
    nice: int,
    settings: Path | None,
    data: Path | None,
    bootstrap: str | None,
    prefix: str | None,
) -> int:
    from rich.console import Console

    from depeche.access import find_access
    from depeche.backfill.pace import Clocks, Terminal
    from depeche.present import counted
    from depeche.replay.beginning import Request
    from depeche.replay.coder import todays_coder
    from depeche.replay.running import replay
    from depeche.screen import Screen
    from depeche.up import StopSignals

    loaded = load_settings(settings, data=data, bootstrap=bootstrap, prefix=prefix, workers=workers)
    found = loaded.settings
    access = find_access(found)
    os.nice(nice)  # the workers, which are started from here, have it from us
    signals = StopSignals()
    signals.install()
    request = Request(into, start, end, copy_only, per_second or None)
    with Screen(Console(stderr=True, highlight=False)) as screen:
        report = replay(
            found,
            access,
            request,
            coder=todays_coder(),
            workers=lambda target, partitions, folder: worker_specs(
                loaded, access.bootstrap, target, partitions, folder=folder, environment=os.environ
            ),
            terminal=Terminal(screen.say, screen.set_status, complain),
            clocks=Clocks(),
            forced=signals.forced,
        )
    if report.is_empty:
        typer.echo(f"there is no article in the range: {report.begun.mark}; nothing was made")
        return NOT_RIGHT
    if report.lost:
        complain(f"{counted(report.lost, 'record')} left the topics before they were copied (retention)")
    if report.proof is not None:
        typer.echo(report.proof)
    for line in summary(report, found, workers=found.workers):
        typer.echo(line)
    return DONE if report.is_complete and not report.lost else NOT_RIGHT


def worker_specs(
    loaded: Loaded, bootstrap: str, into: str, partitions: int, *, folder: Path, environment: Mapping[str, str]
) -> Sequence[ChildSpec]:
    """Return the workers of a replay: those of production, on another prefix, in a folder of their own, on any port."""
    from depeche.exits import FINAL_CODES
    from depeche.supervisor import ChildSpec
    from depeche.up import child_environment

    options: dict[str, object] = {"prefix": into, "partitions": partitions, "data": folder}
    inherited = child_environment(loaded, options, bootstrap, environment)
    program = [sys.executable, "-m", "depeche.command", "worker", "--port", "0", "--supervised", "--number"]
    return [
        ChildSpec(
            f"worker-{number}", [*program, str(number)], inherited, stop_seconds=_STOP_SECONDS, final_codes=FINAL_CODES
        )
        for number in range(1, loaded.settings.workers + 1)
    ]


def summary(report: ReplayReport, settings: Settings, *, workers: int) -> list[str]:
    """Return what was done, and what can be done next, with the commands."""
    from datetime import timedelta

    from depeche.feeds.report import span
    from depeche.present import counted
    from depeche.up import options_of_others
    from schemas.topics import DEFAULT_PREFIX

    begun = report.begun
    where = options_of_others(settings.model_copy(update={"prefix": DEFAULT_PREFIX}))
    took = span(timedelta(seconds=report.seconds))
    copies = counted(begun.target.copies + report.copied, "article")
    if report.proof is None:
        return [
            f"{copies} on {begun.into}.articles",
            f"to code them    DEPECHE_PREFIX={begun.into} DEPECHE_PARTITIONS={begun.partitions} depeche worker",
            f"to prove it     depeche audit --prefix {begun.into} --wait 60{where}",
            f"to compare      depeche diff {begun.mark.source} {begun.into}{where}",
        ]
    rate = report.coded / max(report.seconds, 1e-3)
    by = counted(workers, "worker")
    return [
        f"{copies} on {begun.into}.articles; {report.coded} coded in {took} by {by}, {rate:.1f}/s",
        f"to compare      depeche diff {begun.mark.source} {begun.into}{where}",
        f"to delete it    depeche replay remove {begun.into}{where}",
    ]


@replay_app.command("remove")
@told
def remove_command(
    into: Annotated[str, typer.Argument(metavar="PREFIX", help="Topic prefix of the replay.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    settings: SettingsOption = None,
    data: DataOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Delete the topics of a replay, and its workers' tables. Nothing else: it must be a replay, and no worker on it.

    For example:

        depeche replay remove march-again
        depeche replay remove march-again --yes
    """
    from depeche.access import find_access
    from depeche.present import counted
    from depeche.replay.beginning import replay_folder
    from depeche.replay.target import RemovalError, examine, remove

    found = load_settings(settings, data=data, bootstrap=bootstrap).settings
    access = find_access(found)
    if into == found.prefix:
        msg = f"{into} is the prefix of the live topics"
        raise MisuseError(msg)
    target = examine(access, into)
    if not target.partitions:
        # Before a folder is made of what may be no prefix at all.
        msg = f"there are no topics {into}.*"
        raise RemovalError(msg)
    if target.mark is not None and not yes:
        copies = counted(target.copies, "article")
        typer.confirm(f"Delete {into}.*, a replay of {target.mark} with {copies}?", abort=True, err=True)
    with replay_folder(found.data, into) as folder:
        names = remove(access, into)
        shutil.rmtree(folder, ignore_errors=True)
    typer.echo(f"{counted(len(names), 'topic')} deleted: {', '.join(names)}")
    return DONE
