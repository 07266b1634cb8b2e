"""`depeche backfill`: archives onto the topic for the past, resumed where a run ended, however it ended.

For each batch: read → publish → every article acknowledged → progress written. A process killed in between publishes
the last batch again, under the same ids. Never goes so far ahead of the coder that articles would leave the topic
uncoded. Does not read the archives itself (`connectors.backfill`), and one process at a time works on a data folder.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from connectors.backfill import PRELOAD, LookUp, Step, article_of_step, kind_of, read_archive, source_of
from connectors.folder import is_ignored
from connectors.isolation import Isolated
from connectors.publishing.publisher import Publisher
from connectors.settings import ConnectorSettings
from connectors.source import SourceError
from connectors.state import looking_up
from depeche.backfill.pace import Clocks, Options, Pace, Terminal
from depeche.backfill.progress import Archive, BackfillProgress, Progress, begin_or_go_on
from depeche.entry import check_entry
from depeche.exits import MisuseError
from depeche.feeds.changes import read_all, told_errors
from depeche.feeds.report import Feed
from depeche.present import counted
from depeche.processes import connector_settings
from depeche.reader import TopicReader, committed
from depeche.settings import Settings
from depeche.status import compute
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from schemas.article import Article, Source
from schemas.topics import BACKFILL

BATCH_CHARACTERS: Final = 16 * 1024 * 1024
"""A batch ends when it holds this much text: long articles must not fill the memory."""
BATCH_SECONDS: Final = 5.0
"""A batch ends after this long, so that little is done twice after a kill, however few articles an archive holds."""
_PAGE_MEMORY_BYTES: Final = 2 * 1024**3
_CLOCKS: Final = Clocks()


@dataclass(frozen=True, slots=True)
class BackfillReport:
    """What became of the files."""

    published: int
    """Article versions acknowledged by the broker in this run."""
    errors: int
    """Lines, records, articles and files that could not be used, those of the runs before that went on with this one
    among them: an archive that is done in three runs has as many errors as in one."""
    passed: int
    """Records that hold no article, and articles that the connectors have brought, likewise."""
    unfinished: int
    """Files that were not read to their end."""


@dataclass(slots=True)
class Batch:
    """Steps that are published and remembered together."""

    articles: list[Article] = field(default_factory=list)
    problems: list[SourceError] = field(default_factory=list)
    passed: int = 0
    last: Step | None = None
    characters: int = 0
    fetched: datetime | None = None
    ended: bool = False
    """The file has no more."""

    def progress(self, before: Progress, dead: int) -> Progress:
        """Return how far the file is published once this is; `dead` articles of it became dead letters."""
        counts = replace(
            before,
            published=before.published + len(self.articles) - dead,
            errors=before.errors + len(self.problems) + dead,
            passed=before.passed + self.passed,
            fetched=self.fetched or before.fetched,
        )
        if self.ended:
            return replace(counts, done=True, consumed=before.size)
        return (
            counts if self.last is None else replace(counts, position=self.last.position, consumed=self.last.consumed)
        )

    def add(self, step: Step, make: Callable[[Step], Article | SourceError | None]) -> None:
        """Take in a step; `make` says what its entry becomes, None where it is passed over."""
        self.last = step
        self.passed += step.passed is not None
        if step.error is not None:
            self.problems.append(step.error)
        if step.entry is None:
            return
        made = make(step)
        if made is None:
            self.passed += 1
            return
        if isinstance(made, SourceError):
            self.problems.append(made)
            return
        self.articles.append(made)
        self.characters += len(made.text)
        if step.fetched is None:
            self.fetched = made.fetched


def backfill(
    settings: Settings,
    access: KafkaAccess,
    paths: Iterable[Path],
    options: Options,
    *,
    terminal: Terminal,
    clocks: Clocks = _CLOCKS,
) -> BackfillReport:
    """Publish archives.

    Args:
        settings: names the topics, the data folder, the feeds whose sources are known.
        access: the brokers, and how to get in.
        paths: .jsonl, .ndjson, .warc, each also gzipped; of folders, those below them.
        options: what the person asked for.
        terminal: told of progress and errors.
        clocks: the time.

    Raises:
        depeche.exits.ToldError: no broker answers, the topics are not as they must be, or the progress can't be kept.
    """
    connectors = connector_settings(settings, access)
    with BackfillProgress(settings.data) as progress, ExitStack() as stack:
        check_entry(access)
        ensure_topics(access, prefix=settings.prefix, partitions=settings.partitions, replication=settings.replication)
        try:
            publisher = Publisher(connectors.publisher)
        except ValueError as exc:
            raise MisuseError(str(exc)) from exc
        stack.callback(publisher.close)
        isolated = Isolated(connectors.parser_processes, memory_bytes=_PAGE_MEMORY_BYTES, preload=PRELOAD)
        stack.callback(isolated.close)
        stack.enter_context(told_errors())
        run = _Run(
            connectors=connectors,
            options=options,
            terminal=terminal,
            clocks=clocks,
            progress=progress,
            publisher=publisher,
            isolated=isolated,
            pace=Pace(options, lambda: waiting_for_coder(access, settings.prefix), terminal, clocks),
            known=known_sources(connectors, read_all(settings.data)),
            look_up=stack.enter_context(looking_up(connectors.state_path, settings.prefix)),
        )
        for path in _files(paths, run):
            run.file(path)
    return BackfillReport(run.pace.published, run.errors, run.passed, run.unfinished)


def waiting_for_coder(access: KafkaAccess, prefix: str) -> int:
    """Return how many articles of the past wait for the coder.

    Raises:
        depeche.reader.ReaderError: the broker does not answer.
    """
    with TopicReader(access, [BACKFILL.name(prefix)]) as reader:
        beginnings, ends = reader.beginnings(), reader.ends()
    offsets = committed(access, f"{prefix}-worker")
    return compute(prefix, beginnings=beginnings, ends=ends, committed_offsets=offsets).waiting


def known_sources(connectors: ConnectorSettings, feeds: Iterable[Feed]) -> dict[str, Source]:
    """Return by id the sources of the feed lists, and of the feeds that were added by command."""
    subscribed = (feed.subscribed.subscription for feed in feeds)
    return {one.source.id: one.source for one in (*subscribed, *reversed(connectors.feeds))}


@dataclass(slots=True)
class _Run:
    """One run of the command over its files."""

    connectors: ConnectorSettings
    options: Options
    terminal: Terminal
    clocks: Clocks
    progress: BackfillProgress
    publisher: Publisher
    isolated: Isolated
    pace: Pace
    known: Mapping[str, Source]
    look_up: LookUp
    errors: int = 0
    passed: int = 0
    unfinished: int = 0

    def fail(self, where: str, reason: str) -> None:
        """Tell of a file that can't be read."""
        self.terminal.complain(f"{where}: {reason}")
        self.errors += 1
        self.unfinished += 1

    def file(self, path: Path) -> None:
        """Publish a file, from where the last run ended to its end."""
        archive = Archive(self.connectors.publisher.prefix, str(path.resolve()), self.options.source or "")
        try:
            at = self._begin(path, archive)
            if not at.done:
                at = self._publish(path, archive, at)
        except OSError as error:
            self.terminal.complain(f"{path}: {error.strerror or error}; the next run goes on from here")
            self.errors += 1
            at = self.progress.read(archive) or Progress(0, 0)
        self.errors += at.errors
        self.passed += at.passed
        self.unfinished += 0 if at.done else 1

    def _begin(self, path: Path, archive: Archive) -> Progress:
        """Say, and return, where to go on."""
        details = path.stat()
        before = self.progress.read(archive)
        restart = self.options.restart
        at = begin_or_go_on(before, size=details.st_size, mtime_ns=details.st_mtime_ns, restart=restart)
        if at.done:
            self.terminal.say(f"{path} is published to its end already (--restart begins anew)")
        elif at.consumed:
            self.terminal.say(f"{path} goes on at {at.share:.1%}, after {counted(at.published, 'article version')}")
        elif before is not None and not restart:
            self.terminal.say(f"{path} has changed since the last run: it is begun anew")
        return at

    def _publish(self, path: Path, archive: Archive, at: Progress) -> Progress:
        """Publish the rest of a file, or as much as is asked for."""
        steps = read_archive(
            path,
            at.position,
            isolated=self.isolated,
            processes=self.connectors.parser_processes,
            parse_seconds=self.connectors.parse_seconds,
            now=self.clocks.now(),
        )
        with closing(steps):
            while not at.done and self.pace.batch_size > 0:
                batch = self._next_batch(steps, path, at.fetched)
                for problem in batch.problems:
                    self.terminal.complain(str(problem))
                dead = self._send(batch.articles)
                at = batch.progress(at, dead)
                self.progress.write(archive, at)
                self.pace.count(len(batch.articles) - dead)
                self._tell(path, at)
                self.pace.wait()
        return at

    def _next_batch(self, steps: Iterable[Step], path: Path, fetched: datetime) -> Batch:
        """Read on until the batch is full; versions of one article are ordered by their fetch, as their lines are."""
        batch = Batch()
        moment = max(self.clocks.now(), fetched)
        until = self.clocks.monotonic() + BATCH_SECONDS
        size = self.pace.batch_size

        def make(step: Step) -> Article | SourceError | None:
            nonlocal moment
            assert step.entry is not None  # noqa: S101 - what `Batch.add` asks for has one
            moment += timedelta(microseconds=1)
            source = source_of(step.entry, chosen=self.options.source, known=self.known)
            return article_of_step(step, source, name=path.name, fetched=moment, look_up=self.look_up)

        for step in steps:
            batch.add(step, make)
            is_full = len(batch.articles) >= size or batch.characters >= BATCH_CHARACTERS
            if is_full or self.clocks.monotonic() >= until:
                return batch
        batch.ended = True
        return batch

    def _send(self, articles: list[Article]) -> int:
        """Publish, and return how many became dead letters."""
        if not articles:
            return 0
        self.pace.hold(len(articles))
        dead = 0
        for delivery in self.publisher.publish(articles, threading.Event(), backfill=True):
            if delivery.status != "acknowledged":
                dead += 1
                self.terminal.complain(f"article {delivery.article_id}: {delivery.status}: {delivery.error}")
        return dead

    def _tell(self, path: Path, at: Progress) -> None:
        parts = [
            f"{path.name} {at.share:.1%}",
            counted(at.published, "article"),
            f"{self.pace.rate:.0f}/s",
            counted(at.errors, "error"),
        ]
        if at.passed:
            parts.append(f"{at.passed} passed over")
        self.terminal.set_status(" · ".join(parts))


def _files(paths: Iterable[Path], run: _Run) -> Iterator[Path]:
    """Yield the archives among the paths, those of folders in the order of their names; tell what is none."""
    for path in paths:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if kind_of(file) and file.is_file() and not any(map(is_ignored, file.relative_to(path).parts)):
                    yield file
        elif not path.exists():
            run.fail(str(path), "there is no such file or folder")
        elif kind_of(path) is None:
            run.fail(str(path), "is no archive by its name: .jsonl, .ndjson or .warc, each also with .gz")
        else:
            yield path
