"""`depeche code`, as the command line has it; the work is in `depeche.code_texts`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from depeche.exits import DONE, NOT_RIGHT, MisuseError
from depeche.options import complain, told

if TYPE_CHECKING:
    from connectors.entry import Entry
    from streams.coding.coder import Coding
    from streams.coding.explained import Explanation


@told
def code_command(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH…", help="Files, folders, or - for standard input.")],
    output: Annotated[
        Literal["table", "json", "score"],
        typer.Option("--format", help="table for people; json for programs, an article a line; score for scorers."),
    ] = "table",
    published: Annotated[
        str | None,
        typer.Option(help="Date of publication where a text has none: 2024-03-05. Without, “jeudi” has no date."),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Print each sentence with its parse, all readings, and why each was taken."),
    ] = False,
    stdin: Annotated[Literal["txt", "html", "jsonl"], typer.Option(help="What standard input is.")] = "txt",
) -> int:
    """Code texts without any broker: text in, events out.

    A .txt file is one article, its id the file's stem, offsets into the file's text. A .html file is one article,
    offsets into the text extracted from it. Each line of a .jsonl file is an article with id, date (or published),
    title, text. Folders are read with all that is below them. Texts are read in Unicode NFC.

    For example:

        depeche code article.txt --published 2024-03-05
        depeche code articles.jsonl --format json > coded.jsonl
        depeche code gold/ --format score > predicted.jsonl
        cat article.html | depeche code - --stdin html
        echo "La police a dispersé la foule." | depeche code - --explain
    """
    # ruff: noqa: PLC0415 - the parser takes seconds to import, and `--help` needs none of it
    from depeche import code_texts
    from depeche.coder_loading import checked_coder
    from depeche.explain import print_explanation
    from depeche.printing import console_of_output
    from streams.coding import explanation

    now = datetime.now(UTC)
    try:
        code_texts.check_published(published, now)
    except ValueError as exc:
        raise MisuseError(str(exc)) from exc
    if explain and output != "table":
        msg = "--explain is for people, and can't be mixed with --format"
        raise MisuseError(msg)
    if Path("-") in paths and len(paths) > 1:
        msg = "- stands for standard input, and can't be mixed with files"
        raise MisuseError(msg)
    entries = (
        code_texts.entries_of_stream(sys.stdin.buffer, stdin)
        if paths == [Path("-")]
        else code_texts.entries_of_paths(paths)
    )
    console = console_of_output()

    coder = checked_coder()

    def write(entry: Entry, coding: Coding) -> None:
        match output:
            case "table":
                code_texts.print_table(console, entry, coding)
            case "json":
                typer.echo(code_texts.json_line(entry, coding))
            case "score":
                for line in code_texts.score_lines(entry, coding):
                    typer.echo(line)

    def write_why(entry: Entry, told: Explanation) -> None:
        print_explanation(console, code_texts.title_of(entry), code_texts.summary(told.coding), told)

    def complain_of(problem: code_texts.Unreadable) -> None:
        complain(str(problem))

    unreadable = (
        code_texts.code(
            entries,
            lambda articles: [explanation.explain(coder, article) for article in articles],
            published=published,
            now=now,
            write=write_why,
            complain=complain_of,
        )
        if explain
        else code_texts.code(entries, coder.code, published=published, now=now, write=write, complain=complain_of)
    )
    return NOT_RIGHT if unreadable else DONE
