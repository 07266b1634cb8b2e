"""What `depeche dlq` does once letters are chosen: ask, go through them some at a time, tell what became of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import typer

from depeche.dlq.letters import LetterError, input_topics, original, read_letter
from depeche.dlq.reading import DeadLetters, open_dead_letters, read_original
from depeche.dlq.register import Entry, Selection
from depeche.dlq.replaying import Action, Done, Resolver
from depeche.dlq.showing import done_lines, groups_table
from depeche.dlq.writing import Writer
from depeche.exits import DONE, NOT_RIGHT, MisuseError
from depeche.options import complain
from depeche.present import counted
from depeche.settings import Settings
from schemas.access import KafkaAccess
from schemas.dead_letter import DeadLetter

ASKED_FROM: Final = 10
"""More letters than these are replayed or dropped only once the person has said so."""
CHUNK: Final = 100
"""Letters that are read, written and acknowledged together, at most."""
CHUNK_BYTES: Final = 16 * 1024 * 1024
_LISTED_OPEN: Final = 20


def with_letters(access: KafkaAccess, prefix: str, use: Callable[[DeadLetters], int]) -> int:
    """Let `use` work with the dead letters of a prefix; tells on standard error how far reading is."""
    return open_dead_letters(access, prefix, use, progress=lambda text: typer.echo(text, err=True))


def asked(dead: DeadLetters, selection: Selection, verb: str, *, yes: bool) -> bool:
    """Say whether to go on: few letters, or the person says yes. Tells where there are none."""
    total = dead.register.count(selection)
    if not total:
        complain("no open dead letter is chosen so (--again: those too that were dealt with)")
        return False
    if yes or total <= ASKED_FROM:
        return True
    if not sys.stdin.isatty():
        msg = f"{total} letters are many to {verb}: look with --dry-run, then add --yes"
        raise MisuseError(msg)
    number = dead.register.count_groups(selection)
    for line in groups_table(dead.register.groups(selection, limit=10), letters=total, number=number):
        typer.echo(line, err=True)
    return typer.confirm(f"{verb.capitalize()} {total} letters?", err=True)


@contextmanager
def resolver_of(settings: Settings, access: KafkaAccess, note: str) -> Iterator[Resolver]:
    """Connect what replays and drops."""
    with Writer(access, compression=settings.compression) as writer:
        yield Resolver(
            prefix=settings.prefix,
            partitions=writer.partitions(sorted(input_topics(settings.prefix))),
            write=writer,
            read_original=lambda position, key: read_original(access, position, key),
            clock=lambda: datetime.now(UTC),
            note=note,
        )


def go_through(dead: DeadLetters, selection: Selection, resolver: Resolver, action: Action, *, dry_run: bool) -> int:
    """Replay or drop all that are chosen, chunk by chunk; tell what became of them."""
    entries = dead.register.entries(selection)
    total, complained = 0, 0
    for done in _chunks(dead, entries, resolver, action, dry_run=dry_run):
        total += sum(one.action is not None for one in done)
        left = [one for one in done if one.action is None]
        for line in islice(done_lines(left), max(0, _LISTED_OPEN - complained)):
            complain(line)
        complained += len(left)
    if complained > _LISTED_OPEN:
        complain(f"… and {complained - _LISTED_OPEN} more stay open")
    would = "would be " if dry_run else ""
    staying = f"; {complained} {would.replace('be ', '')}stay open" if complained else ""
    typer.echo(f"{counted(total, 'letter')} {would}{action}{staying}")
    return NOT_RIGHT if complained else DONE


def _chunks(
    dead: DeadLetters, entries: Iterator[Entry], resolver: Resolver, action: Action, *, dry_run: bool
) -> Iterator[Sequence[Done]]:

    while chunk := list(islice(entries, CHUNK)):
        if action == "dropped":
            yield [Done(entry, action) for entry in chunk] if dry_run else resolver.drop(chunk)
            continue
        batch: list[tuple[Entry, bytes | None]] = []
        size = 0
        for entry, value in dead.letters(chunk):
            if dry_run:
                yield [resolver.check(entry, value)]
                continue
            batch.append((entry, value))
            size += len(value or b"")
            if size >= CHUNK_BYTES:
                yield resolver.replay(batch)
                batch, size = [], 0
        if batch:
            yield resolver.replay(batch)


def save(value: bytes | None, file: Path) -> None:
    """Write the original that a letter keeps to a new file.

    Raises:
        MisuseError: it keeps none.
        OSError: the file is there already, or can't be written.
    """
    try:
        letter = read_letter(value)
        content = original(letter).value if isinstance(letter, DeadLetter) else None
    except LetterError as exc:
        msg = f"there is no original to save: {exc}"
        raise MisuseError(msg) from exc
    if content is None:
        msg = "there is no original to save: the letter has none"
        raise MisuseError(msg)
    with file.open("xb") as out:
        out.write(content)
