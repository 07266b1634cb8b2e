"""What a replay is to do: a new one, or one that goes on. Decides before anything is written."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from depeche.exits import MisuseError, ToldError
from depeche.reader import ReaderError
from depeche.replay.mark import Mark
from depeche.replay.target import Target, examine
from depeche.times import parse_moment, to_milliseconds
from depeche.topics import read_topics
from schemas.access import KafkaAccess
from schemas.topics import ARTICLES, check_prefix

FOLDER: Final = "replay"
"""Where replays' workers keep their tables, in the data folder, each in a folder of its prefix."""


class ReplayRunsError(ToldError):
    """Another process replays into the same prefix. The message names it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the person asked for, in their words."""

    into: str | None = None
    start: str | None = None
    end: str | None = None
    copy_only: bool = False
    per_second: float | None = 1000.0
    """Articles that are copied a second, at most; null for no bound."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A replay that can be gone on with."""

    into: str
    mark: Mark
    target: Target
    partitions: int
    """Of the topics that are copied, and so of those that they are copied to."""
    note: str = ""
    """Something that the person should know."""


def default_into(source: str, coder: str, now: datetime) -> str:
    """Return a prefix for a new replay: it says of what, by which coder, and when."""
    return f"{source}-replay-{coder}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def chosen_into(request: Request, source: str, coder: str, now: datetime) -> str:
    """Return the prefix that a replay goes to.

    Raises:
        MisuseError: Kafka does not take it, or it is the live one.
    """
    into = request.into or default_into(source, coder, now)
    try:
        check_prefix(into)
    except ValueError as exc:
        raise MisuseError(str(exc)) from exc
    if into == source:
        msg = (
            f"{into} is the prefix of the articles themselves: coded there again by another coder, each would have the "
            f"mentions of both, since what the same article version said before can't be withdrawn. Name another prefix"
        )
        raise MisuseError(msg)
    return into


def begin(access: KafkaAccess, source: str, into: str, request: Request, *, coder: str, now: datetime) -> Begun:
    """Find out whether a replay is new or goes on, and with what.

    Args:
        access: the brokers, and how to get in.
        source: prefix of the articles.
        into: prefix of the replay.
        request: what the person asked for.
        coder: what would code now.
        now: the time.

    Raises:
        MisuseError: this can't be done; the message says why.
        depeche.exits.ToldError: the broker can't be asked.
    """
    partitions = next(t.partitions for t in read_topics(access, prefix=source) if t.name == ARTICLES.name(source))
    if partitions == 0:
        msg = f"there is no topic {ARTICLES.name(source)}: has anything run on this broker with this prefix?"
        raise ReaderError(msg)
    target = examine(access, into)
    if target.mark is None:
        return Begun(into, _new_mark(source, request, "" if request.copy_only else coder, now), target, partitions)
    mark = target.mark
    if mark.source != source:
        msg = f"{into} is a replay of {mark.source}.*, not of {source}.*: name another prefix"
        raise MisuseError(msg)
    if mark.coder and not request.copy_only and mark.coder != coder:
        msg = (
            f"{into} was begun with the coder {mark.coder}, and today's is {coder}: it would hold articles of both, "
            f"and nobody could tell what changed. Name another prefix"
        )
        raise MisuseError(msg)
    return Begun(into, mark, target, partitions, _check_range(mark, request, into, now))


def _new_mark(source: str, request: Request, coder: str, now: datetime) -> Mark:
    if request.start is None:
        msg = "--from is missing: a replay needs to know where to begin (2026-03-01, 36h, 7d)"
        raise MisuseError(msg)
    start, end = (to_milliseconds(parse_moment(text, now)) for text in (request.start, request.end or "now"))
    if start >= end:
        msg = f"the range is empty: --from {request.start} is not before --to {request.end or 'now'}"
        raise MisuseError(msg)
    return Mark(source, start, end, coder)


def _check_range(mark: Mark, request: Request, into: str, now: datetime) -> str:
    """Hold what is asked for against what a replay was begun with; return what to tell.

    Raises:
        MisuseError: another range was named.
    """
    moved = False
    for text, was in ((request.start, mark.start_ms), (request.end, mark.end_ms)):
        if text is None or to_milliseconds(parse_moment(text, now)) == was:
            continue
        if parse_moment(text, now) == parse_moment(text, now - timedelta(days=1)):
            msg = f"{into} is a replay of {mark}, not of {text}: leave --from and --to out, or name another prefix"
            raise MisuseError(msg)
        moved = True
    return f"the range is still that of the beginning: {mark}" if moved else ""


@contextmanager
def replay_folder(data: Path, into: str) -> Iterator[Path]:
    """Hold the folder of a replay, making it first; the kernel's lock, so a killed process leaves none behind.

    Raises:
        ReplayRunsError: another process has it.
        OSError: it can't be made or written.
    """
    folder = data.absolute() / FOLDER / into
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "replay.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            msg = f"another `depeche replay` is at work on {into} (it holds {folder}): wait for it, or stop it"
            raise ReplayRunsError(msg) from exc
        yield folder
