"""`depeche diff`, as the command line has it; the work is in `depeche.replay.diff`."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from depeche.exits import DONE, NOT_RIGHT, MisuseError
from depeche.options import BootstrapOption, DataOption, SettingsOption, load_settings, told

if TYPE_CHECKING:
    from depeche.replay.diff import Difference

# ruff: noqa: PLC0415 - `--help` needs none of it


@told
def diff_command(
    left: Annotated[str, typer.Argument(metavar="LEFT", help="Topic prefix of one coding: the old one, as a rule.")],
    right: Annotated[str, typer.Argument(metavar="RIGHT", help="Topic prefix of the other.")],
    *,
    all_versions: Annotated[
        bool, typer.Option("--all-versions", help="Every version that both coded [default: each article's latest].")
    ] = False,
    tolerance: Annotated[float, typer.Option(min=0.0, max=1.0, help="By how much confidences may differ.")] = 0.005,
    examples: Annotated[int, typer.Option(min=0, help="How many to show, of each kind.")] = 5,
    listing: Annotated[
        Path | None, typer.Option("--list", metavar="FILE", help="Write every difference there, a JSON object a line.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
    settings: SettingsOption = None,
    data: DataOption = None,
    bootstrap: BootstrapOption = None,
) -> int:
    """Compare two codings of the same articles: which mentions were gained, lost, changed, slot by slot, with reasons.

    Of what both coded, each article's latest version is compared; what one alone coded is counted apart. Mentions are
    the same act by their sentence, trigger and type. Another reason for the same value is no change.

    Exit code 0 where they are equal, 1 where they differ or have nothing in common.

    For example:

        depeche diff news news-replay-0.4.0-a8ebcac9-20260310T120000Z
        depeche diff news march-again --examples 20
        depeche diff news march-again --list changes.jsonl --json | jq .slots
    """
    from depeche.access import find_access
    from depeche.replay.diff import DiffOptions, diff
    from depeche.replay.diff_report import render
    from schemas.topics import check_prefix

    for prefix in (left, right):
        try:
            check_prefix(prefix)
        except ValueError as exc:
            raise MisuseError(str(exc)) from exc
    if left == right:
        msg = f"{left} is compared with itself: name two prefixes"
        raise MisuseError(msg)
    access = find_access(load_settings(settings, data=data, bootstrap=bootstrap).settings)
    with ExitStack() as stack:
        file = None if listing is None else stack.enter_context(listing.open("w", encoding="utf-8"))

        def write(one: Difference) -> None:
            if file is not None:
                file.write(json.dumps(one.as_json(), ensure_ascii=False) + "\n")

        report = diff(
            access,
            left,
            right,
            DiffOptions(all_versions, tolerance, examples),
            write=write,
            progress=lambda text: typer.echo(text, err=True),
        )
    typer.echo(json.dumps(report.as_json(), indent=2, ensure_ascii=False) if as_json else render(report))
    return NOT_RIGHT if report.differ or not report.compared else DONE
