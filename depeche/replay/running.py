"""`depeche replay`: history copied to a prefix of its own, coded there by workers of its own, and proved complete.

The copying and the workers run at the same time. Killed at any moment, the same replay goes on: the copies' marks say
how far it is, the workers' offsets what is coded. Does not itself code, and never writes to the live topics.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from depeche.audit import audit, render
from depeche.backfill.pace import Clocks, Terminal
from depeche.exits import ToldError
from depeche.feeds.report import span
from depeche.present import counted
from depeche.reader import ReaderError
from depeche.replay.beginning import Begun, Request, begin, chosen_into, replay_folder
from depeche.replay.copying import BATCH, Copier, CopyError
from depeche.replay.mark import Origin
from depeche.replay.progress import Coded, CodingProgress
from depeche.replay.target import examine
from depeche.settings import Settings
from depeche.supervisor import ChildSpec, News, Supervisor
from depeche.topics import TopicError, ensure_topics
from schemas.access import KafkaAccess

TICK_SECONDS: Final = 0.2
LOOK_SECONDS: Final = 3.0
"""Between two looks at what is coded."""
RETRY_SECONDS: Final = 10.0
ATTEMPTS: Final = 30
"""Attempts to go on copying, without a copy between them, before it is given up."""

Workers = Callable[[str, int, Path], Sequence[ChildSpec]]
"""Returns the workers to run on a prefix with so many partitions, their tables in a folder."""


class WorkersEndedError(ToldError):
    """A worker ended for good. The message says what to do."""


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What became of a replay."""

    begun: Begun
    copied: int = 0
    """Copies made in this run."""
    coded: int = 0
    """Articles coded in this run."""
    seconds: float = 0.0
    """How long this run took."""
    lost: int = 0
    """Records that left the topics before they were copied."""
    proof: str | None = None
    """What the audit says at the end; null where nothing is in the range, or nothing was to be coded here."""
    is_complete: bool = True
    """Whether the audit finds everything accounted for."""
    is_empty: bool = False
    """There is no article in the range; nothing was made."""


def replay(
    settings: Settings,
    access: KafkaAccess,
    request: Request,
    *,
    coder: str,
    workers: Workers,
    terminal: Terminal,
    clocks: Clocks,
    forced: Callable[[], bool] = lambda: False,
) -> ReplayReport:
    """Copy, code, wait until all is accounted for.

    Args:
        settings: names the live topics and the data folder.
        access: the brokers, and how to get in.
        request: what the person asked for.
        coder: what the workers code with, as part of the replay's name and mark.
        workers: makes the workers.
        terminal: told what happens.
        clocks: the time.
        forced: asked while the workers stop; once true, they are killed.

    Raises:
        depeche.exits.ToldError: it can't be done, or not go on; what is done stays, and the next run goes on.
    """
    into = chosen_into(request, settings.prefix, coder, clocks.now())
    with replay_folder(settings.data, into) as folder:
        begun = begin(access, settings.prefix, into, request, coder=coder, now=clocks.now())
        if _is_empty(settings, access, begun, terminal):
            shutil.rmtree(folder, ignore_errors=True)
            return ReplayReport(begun, is_empty=True)
        ensure_topics(access, prefix=into, partitions=begun.partitions, replication=settings.replication)
        supervisor = Supervisor(
            () if request.copy_only else workers(into, begun.partitions, folder),
            on_line=lambda name, line: terminal.say(f"{name:<12} {line}"),
            on_news=lambda news: terminal.say(_news_line(news)),
        )
        run = _Run(
            settings=settings,
            access=access,
            request=request,
            begun=begun,
            supervisor=supervisor,
            terminal=terminal,
            clocks=clocks,
        )
        try:
            return run.to_the_end()
        except KeyboardInterrupt:
            terminal.say(f"stopping     what is done stays: {_again(begun)} goes on from here")
            raise
        finally:
            run.close()
            supervisor.stop(forced=forced)


def _is_empty(settings: Settings, access: KafkaAccess, begun: Begun, terminal: Terminal) -> bool:
    """Look before anything is made; say what is known of the range."""
    with Copier(access, begun.mark, begun.into, begun.target.last, compression=settings.compression) as copier:
        if begun.target.mark is None and not copier.finds_any():
            return True
        if begun.target.mark is None:
            terminal.say(f"replays      {begun.mark}")
            terminal.say(f"into         {begun.into}; stopped or killed, {_again(begun)} goes on")
        else:
            copies = counted(begun.target.copies, "article")
            terminal.say(f"goes on      into {begun.into} with {begun.mark}; {copies} copied before")
        if begun.note:
            terminal.say(f"note         {begun.note}")
        for topic in copier.truncated:
            terminal.say(
                f"note         {topic} no longer has its first records: articles of the range may be among them"
            )
    return False


class _Run:
    """One run of the command, once it is known what to do."""

    def __init__(
        self,
        *,
        settings: Settings,
        access: KafkaAccess,
        request: Request,
        begun: Begun,
        supervisor: Supervisor,
        terminal: Terminal,
        clocks: Clocks,
    ) -> None:
        self._settings = settings
        self._access = access
        self._request = request
        self._begun = begun
        self._supervisor = supervisor
        self._terminal = terminal
        self._clocks = clocks
        self._started = clocks.monotonic()
        self._progress: CodingProgress | None = None
        self._coded: Coded | None = None
        self._coded_before: int | None = None
        self._looked = float("-inf")
        self._copied = 0
        self._lost = 0
        self._left = 0

    def to_the_end(self) -> ReplayReport:
        """Do all that is left."""
        self._supervisor.start()
        self._copy()
        found = None
        if not self._request.copy_only:
            self._wait_until_coded()
            found = audit(self._access, self._begun.into, sleep=self._rest)
        coded = 0 if self._coded is None else self._coded.articles - (self._coded_before or 0)
        return ReplayReport(
            begun=self._begun,
            copied=self._copied,
            coded=coded,
            seconds=self._clocks.monotonic() - self._started,
            lost=self._lost,
            proof=None if found is None else render(found),
            is_complete=found is None or found.complete,
        )

    def close(self) -> None:
        """Disconnect."""
        if self._progress is not None:
            self._progress.close()

    def _copy(self) -> None:
        """Copy all that is left; where the broker goes away, wait for it and go on where the last copy stands."""
        last = self._begun.target.last
        failures = 0
        while True:
            before = self._copied
            try:
                if failures:
                    last = examine(self._access, self._begun.into).last
                self._copy_on(last)
            except (CopyError, ReaderError, TopicError) as exc:
                failures = 1 if self._copied > before else failures + 1
                if failures >= ATTEMPTS:
                    raise
                self._terminal.say(f"copying      {exc}; goes on in {RETRY_SECONDS:g} s")
                self._rest(RETRY_SECONDS)
            else:
                return

    def _copy_on(self, last: Mapping[int, Origin]) -> None:
        per_second = self._request.per_second
        begun, compression = self._begun, self._settings.compression
        started = self._clocks.monotonic()
        batch = BATCH if per_second is None else min(BATCH, max(1, int(per_second * 2)))  # of a second or two
        with Copier(self._access, begun.mark, begun.into, last, compression=compression, batch=batch) as copier:
            for number in copier.steps():
                self._copied += number
                self._left = copier.total - copier.passed
                self._tell("copying")
                early = copier.copied / per_second - (self._clocks.monotonic() - started) if per_second else 0.0
                self._rest(max(early, 0.0))
            self._lost += copier.lost
        self._left = 0
        copies = counted(begun.target.copies + self._copied, "article")
        self._terminal.say(f"copied       {copies} on {begun.into}.articles, all acknowledged")

    def _wait_until_coded(self) -> None:
        while True:
            self._tell("coding")
            if self._coded is not None and self._coded.caught_up:
                return
            self._rest(LOOK_SECONDS)

    def _rest(self, seconds: float) -> None:
        """Wait, and look after the workers meanwhile."""
        until = self._clocks.monotonic() + seconds
        while True:
            self._supervisor.tick()
            if self._supervisor.given_up:
                names = ", ".join(self._supervisor.given_up)
                msg = f"{names} can't go on, see above. What is done stays: mend it, then {_again(self._begun)} goes on"
                raise WorkersEndedError(msg)
            left = until - self._clocks.monotonic()
            if left <= 0:
                return
            self._clocks.sleep(min(left, TICK_SECONDS))

    def _tell(self, what: str) -> None:
        """Show how far it is; ask the broker now and then."""
        now = self._clocks.monotonic()
        if self._request.copy_only:
            rate = self._copied / max(now - self._started, 1e-3)
            self._terminal.set_status(
                f"{counted(self._copied, 'article')} copied · {rate:.0f}/s · {self._left} to read"
            )
            return
        if now - self._looked < LOOK_SECONDS and self._coded is not None:
            return
        self._looked = now
        try:
            if self._progress is None:
                self._progress = CodingProgress(self._access, self._begun.into)
            self._coded = self._progress.look()
        except ReaderError as exc:
            self._terminal.set_status(f"can't see how far the workers are, waiting: {exc}")
            return
        if self._coded_before is None:
            self._coded_before = self._coded.articles
        self._terminal.set_status(self._state(what, self._coded, now))

    def _state(self, what: str, coded: Coded, now: float) -> str:
        copies = self._begun.target.copies + self._copied
        rate = (coded.articles - (self._coded_before or 0)) / max(now - self._started, 1e-3)
        left = copies + self._left - coded.articles
        parts = [what, f"{copies} copied", f"{coded.articles} coded", f"{rate:.1f}/s"]
        if left > 0 and rate > 0:
            parts.append(f"{'at most ' if self._left else ''}{span(timedelta(seconds=left / rate))} left")
        return " · ".join(parts)


def _again(begun: Begun) -> str:
    return f"`depeche replay --into {begun.into}`"


def _news_line(news: News) -> str:
    return f"{news.child:<12} {'' if news.severity == 'info' else news.severity.upper() + ': '}{news.text}"
