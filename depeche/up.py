"""`depeche up`: the embedded broker, the topics, the connectors and the workers, as one thing that starts and stops.

Order of starting: lock, broker, topics, children. Order of stopping: connectors, workers, broker, so that nothing new
comes in while the workers finish what they hold, and both can still commit. Does none of the work itself.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from depeche.access import configured_access
from depeche.broker import BrokerError, EmbeddedBroker
from depeche.exits import DONE, FINAL_CODES, UNAVAILABLE, ToldError
from depeche.processes import feeds_named, subscriptions
from depeche.running import Note, RunningLock
from depeche.settings import FILE_VARIABLE, Loaded, Settings, show, variable
from depeche.supervisor import Backoff, ChildSpec, News, Supervisor
from depeche.topics import TopicError, ensure_topics
from depeche.watch import Watch
from schemas.access import KafkaAccess
from schemas.topics import DEFAULT_PREFIX

_TICK_SECONDS = 0.2
_CHILD_STOP_SECONDS = 30.0
_BROKER_STOP_SECONDS = 20.0

Say = Callable[[str], None]


class UpError(ToldError):
    """`up` can't start or go on. The message says why and what to do."""


class StopSignals:
    """Counts the wishes to stop: the first stops in order, the second forces."""

    def __init__(self) -> None:
        """Listen to nothing yet."""
        self.count = 0
        self.interrupting = True
        """While true the first wish raises KeyboardInterrupt: starting has long waits that nothing else ends."""

    def install(self) -> None:
        """Listen to Ctrl-C, SIGTERM and the terminal's end, from now to the end of the process."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._received)

    def forced(self) -> bool:
        """Say whether to stop at once."""
        return self.count > 1

    def _received(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.interrupting:
            self.interrupting = False
            raise KeyboardInterrupt


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the children serve metrics and health."""

    connectors: int
    workers: tuple[int, ...]


def choose_ports(settings: Settings) -> Ports:
    """Return the ports for the children, free ones where the settings say 0.

    Raises:
        UpError: a port is taken.
    """
    wanted = [("connectors_port", settings.connectors_port)]
    wanted += [
        ("worker_port", settings.worker_port + n if settings.worker_port else 0) for n in range(settings.workers)
    ]
    chosen = []
    with ExitStack() as held:
        for name, port in wanted:
            try:
                # Held until all are chosen, or two of them might be the same.
                listener = held.enter_context(socket.create_server((settings.metrics_host, port)))
            except (OSError, OverflowError) as exc:
                reason = (getattr(exc, "strerror", None) or str(exc)).partition(" (while")[0]
                msg = (
                    f"can't serve metrics at {settings.metrics_host}:{port}: {reason}. Set {name} "
                    f"({variable(name)}) to another port, or to 0 for any free one"
                )
                raise UpError(msg) from exc
            chosen.append(int(listener.getsockname()[1]))
    return Ports(chosen[0], tuple(chosen[1:]))


def child_environment(
    loaded: Loaded, options: Mapping[str, object], bootstrap: str, base: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment in which a child reads the same settings as we did."""
    environment = dict(base)
    if loaded.file is not None:
        environment[FILE_VARIABLE] = str(loaded.file.absolute())
    environment |= {variable(name): show(value) for name, value in options.items()}
    environment[variable("bootstrap")] = bootstrap
    # Lines as they come, not when a buffer is full.
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


def child_specs(ports: Ports, environment: Mapping[str, str]) -> tuple[ChildSpec, ...]:
    """Return the children in the order of their stopping."""

    def spec(name: str, command: Sequence[str], port: int) -> ChildSpec:
        program = [sys.executable, "-m", "depeche.command", *command, "--port", str(port), "--supervised"]
        return ChildSpec(name, program, environment, stop_seconds=_CHILD_STOP_SECONDS, final_codes=FINAL_CODES)

    workers = [
        spec(f"worker-{number}", ["worker", "--number", str(number)], port)
        for number, port in enumerate(ports.workers, start=1)
    ]
    return (spec("connectors", ["connectors"], ports.connectors), *workers)


def run(loaded: Loaded, options: Mapping[str, object], *, say: Say, set_status: Say) -> int:
    """Run everything until told to stop.

    Args:
        loaded: the settings.
        options: those of them that the command line gave: the children get them too.
        say: prints a line.
        set_status: shows the current state, each time replacing the last.

    Returns:
        The exit code.

    Raises:
        UpError: it can't start.
        depeche.exits.MisuseError: a feed list can't be used.
        depeche.running.AlreadyRunningError: another one runs on the data folder.
    """
    signals = StopSignals()
    signals.install()
    with ExitStack() as stack:
        try:
            supervisor, broker = _start(loaded, options, stack, signals, say=say, set_status=set_status)
        except KeyboardInterrupt:
            say("stopping      told to stop before everything was started")
            return DONE
        return _until_told(supervisor, broker, signals, say)


def _start(
    loaded: Loaded,
    options: Mapping[str, object],
    stack: ExitStack,
    signals: StopSignals,
    *,
    say: Say,
    set_status: Say,
) -> tuple[Supervisor, EmbeddedBroker | None]:
    """Start one thing after the other, and leave on the stack how each is stopped."""
    settings = loaded.settings
    try:
        lock = stack.enter_context(RunningLock(settings.data))
    except OSError as exc:
        raise _unusable(settings.data, exc) from exc
    _check_inputs(settings, say)
    ports = choose_ports(settings)
    say(f"data folder   {settings.data.absolute()}")
    broker = _start_broker(settings, stack, signals, say)
    access = KafkaAccess(broker.address) if broker is not None else configured_access(settings)
    _make_topics(settings, access, say)
    urls = _urls(settings, ports)
    try:
        lock.tell(Note(os.getpid(), access.bootstrap, settings.prefix, urls))
    except OSError as exc:
        raise _unusable(settings.data, exc) from exc
    _introduce(settings, access.bootstrap, urls, say)
    supervisor = Supervisor(
        child_specs(ports, child_environment(loaded, options, access.bootstrap, os.environ)),
        on_line=lambda name, line: say(f"{name:<13} {line}"),
        on_news=lambda news: say(_news_line(news)),
    )
    stack.callback(_stop_children, supervisor, signals, say)
    signals.interrupting = False
    if not signals.count:
        supervisor.start()
    stack.enter_context(Watch(access, settings.prefix, urls, say=say, set_status=set_status))
    return supervisor, broker


def _until_told(supervisor: Supervisor, broker: EmbeddedBroker | None, signals: StopSignals, say: Say) -> int:
    """Keep everything running; return the exit code once it is over."""
    keeper = None if broker is None else _BrokerKeeper(broker, say)
    # Polled, not an Event: setting one in a signal handler can wait for a lock that the interrupted thread holds.
    while not signals.count:
        time.sleep(_TICK_SECONDS)
        supervisor.tick()
        if supervisor.given_up:
            say(f"{', '.join(supervisor.given_up)} can't go on, see above; everything stops, nothing is lost")
            return UNAVAILABLE
        if keeper is not None and not keeper.tick():
            return UNAVAILABLE
    return DONE


class _BrokerKeeper:
    """Starts the embedded broker again when it dies."""

    def __init__(self, broker: EmbeddedBroker, say: Say) -> None:
        self._broker = broker
        self._say = say
        self._address = broker.address
        self._backoff = Backoff(first=1.0, longest=60.0)
        self._failures = 0
        self._due: float | None = None

    def tick(self) -> bool:
        """Look after the broker; false where it can't be helped."""
        if self._broker.alive:
            return True
        now = time.monotonic()
        if self._due is None:
            self._failures += 1
            delay = self._backoff.delay(self._failures)
            self._due = now + delay
            self._say(f"broker        ended with exit code {self._broker.exit_code}; starts again in {delay:g} s")
        if now < self._due:
            return True
        self._due = None
        try:
            self._broker.start()
        except BrokerError as exc:
            self._say(f"broker        {exc}")
            return True
        if self._broker.address != self._address:
            self._say(
                f"broker        has moved from {self._address} to {self._broker.address}: start `depeche up` anew"
            )
            return False
        return True


def _unusable(data: Path, exc: OSError) -> UpError:
    return UpError(
        f"the data folder {data.absolute()} can't be used: {exc.strerror or exc}. Mend that, or name another folder "
        f"with --data ({variable('data')})"
    )


def _check_inputs(settings: Settings, say: Say) -> None:
    """Name the feed lists that are not there before anything starts; make the drop folders that are not."""
    for path in settings.feeds:
        if not path.is_file():
            msg = f"the feed list {path} is no file: give the path of an OPML file to --feeds"
            raise UpError(msg)
    if settings.poll_feeds:
        subscriptions(settings)  # raises where a list can't be used
    for path in settings.drops:
        if not path.exists():
            say(f"drop folder {path} did not exist and is made")
            try:
                path.mkdir(parents=True)
            except OSError as exc:
                msg = f"the drop folder {path} can't be made: {exc.strerror or exc}"
                raise UpError(msg) from exc
        elif not path.is_dir():
            msg = f"{path} is a file: give a folder to --drop, or publish the file with `depeche ingest {path}`"
            raise UpError(msg)


def _start_broker(settings: Settings, stack: ExitStack, signals: StopSignals, say: Say) -> EmbeddedBroker | None:
    if settings.bootstrap:
        say(f"broker        {settings.bootstrap} (not ours: nothing is started)")
        return None
    broker = EmbeddedBroker(settings.data / "broker", say=lambda text: say(f"broker        {text}"))
    stack.callback(_stop_broker, broker, signals, say)
    try:
        broker.start()
    except BrokerError as exc:
        raise UpError(str(exc)) from exc
    return broker


def _make_topics(settings: Settings, access: KafkaAccess, say: Say) -> None:
    try:
        made = ensure_topics(
            access, prefix=settings.prefix, partitions=settings.partitions, replication=settings.replication
        )
    except TopicError as exc:
        raise UpError(str(exc)) from exc
    say(f"topics        {settings.prefix}.* with {settings.partitions} partitions{', made' if made else ''}")


def _urls(settings: Settings, ports: Ports) -> dict[str, str]:
    host = "127.0.0.1" if settings.metrics_host in {"0.0.0.0", "::"} else settings.metrics_host  # noqa: S104 - a comparison
    host = f"[{host}]" if ":" in host else host
    workers = {f"worker-{number}": port for number, port in enumerate(ports.workers, start=1)}
    return {name: f"http://{host}:{port}" for name, port in {"connectors": ports.connectors, **workers}.items()}


def _introduce(settings: Settings, bootstrap: str, urls: Mapping[str, str], say: Say) -> None:
    for name, url in urls.items():
        say(f"metrics       {name}: {url}/metrics")
    if not settings.poll_feeds:
        say("feeds         none are polled")
    else:
        say(f"feeds         {_feeds(settings)}")
    for folder in settings.drops:
        say(f"drop folder   {folder}: put .txt, .html, .jsonl, ninjs or NewsML-G2 files there")
    if not settings.poll_feeds and not settings.drops:
        say("input         only what you publish with `depeche ingest`")
    here = options_of_others(settings)
    say(f"to watch      depeche tail events{here}        (in another terminal)")
    say(f"to prove      depeche audit{here}")
    say(f"broker        {bootstrap}; Ctrl-C stops everything")


def _feeds(settings: Settings) -> str:
    """Say which feeds are polled: those of lists and those that people named, else the shipped ones."""
    named = feeds_named(settings)
    parts = [*map(str, settings.feeds), *([f"{named} named with `depeche feeds`"] if named else [])]
    return ", ".join(parts) or "the shipped list"


def options_of_others(settings: Settings) -> str:
    """Return the options with which the other commands find what runs here, ready to be copied; empty by default."""
    told = [("--data", str(settings.data), "var"), ("--prefix", settings.prefix, DEFAULT_PREFIX)]
    if settings.bootstrap:
        told[0] = ("--bootstrap", settings.bootstrap, "")
    return "".join(f" {option} {shlex.quote(value)}" for option, value, default in told if value != default)


def _stop_children(supervisor: Supervisor, signals: StopSignals, say: Say) -> None:
    say("stopping      connectors, then workers, then the broker (Ctrl-C again forces)")
    if not supervisor.stop(forced=signals.forced):
        say("stopping      what was killed loses nothing: the next start does it again")


def _stop_broker(broker: EmbeddedBroker, signals: StopSignals, say: Say) -> None:
    say("stopping      the broker")
    if signals.forced():
        broker.kill()
    else:
        broker.stop(_BROKER_STOP_SECONDS)
    say("stopped       everything is down")


def _news_line(news: News) -> str:
    return f"{news.child:<13} {'' if news.severity == 'info' else news.severity.upper() + ': '}{news.text}"
