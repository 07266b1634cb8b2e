"""`depeche eval`, as the command line has it; the work is in `depeche.evaluation`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from depeche.exits import DONE, MisuseError
from depeche.options import told


@told
def eval_command(
    gold: Annotated[Path, typer.Argument(metavar="GOLD", help="Hand-coded articles and their events, JSON.")],
    texts: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where the texts are that GOLD only names [default: beside GOLD]."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    errors: Annotated[
        int, typer.Option(min=0, metavar="N", help="Print N errors of each kind, with sentence and reason.")
    ] = 0,
) -> int:
    """Measure the coder on hand-coded articles: figures, and what goes wrong where.

    Codes the articles and says how many events are found, by type and by slot, and at which step each missed one was
    lost. The format of GOLD is explained in docs/coder.md.

    For example:

        depeche eval gold.json --errors 2
        depeche eval gold.json --texts articles/
        depeche eval gold.json --json | jq .event.f1
    """
    # ruff: noqa: PLC0415 - the parser takes seconds to import, and `--help` needs none of it
    from rich.console import Console

    from depeche import evaluation
    from depeche.coder_loading import checked_coder
    from depeche.gold import read_gold
    from depeche.printing import console_of_output

    try:
        articles = read_gold(gold, texts)
    except ValueError as exc:
        raise MisuseError(str(exc)) from exc
    with Console(stderr=True).status("loading the models") as status:
        measured = evaluation.evaluate(
            articles, checked_coder(), lambda done: status.update(f"coded {done} of {len(articles)} articles")
        )
    if as_json:
        typer.echo(json.dumps(evaluation.as_json(measured, errors), ensure_ascii=False))
    else:
        evaluation.print_report(console_of_output(), gold.name, measured, errors)
    return DONE
