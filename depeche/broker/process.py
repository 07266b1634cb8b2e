"""One node of Apache Kafka as a child process with a data folder that persists.

A single broker and each node of a cluster are this. It prepares the folder, starts, waits until the node answers,
stops. Which ports and which cluster the node has is decided by who makes it; it does not watch or restart the process.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from depeche.broker import guard
from depeche.broker.errors import BrokerError, BrokerExitedError, BrokerTimeoutError
from depeche.broker.fetch import Say, default_cache, ensure_jars, installed_sources
from depeche.broker.folder import lock, replace_text, telling, wait_until_unlocked, written_since
from depeche.broker.jars import read_distribution
from depeche.broker.java import Java, find_java, java_environment
from depeche.broker.node import (
    DATA,
    LOG4J,
    LOGS,
    PROPERTIES,
    SERVER_LOG,
    NodeSettings,
    format_command,
    log4j_properties,
    server_command,
    server_properties,
)
from depeche.broker.ports import LOOPBACK
from depeche.broker.ready import knows_itself, speaks_kafka
from schemas.access import KafkaAccess

_CONSOLE_LOG = f"{LOGS}/console.log"
_FORMATTING = "data.formatting"
_SECONDS_BETWEEN_LOOKS = 0.05
_SECONDS_TO_FORMAT = 60.0
_SECONDS_FOR_AN_ORPHAN = 15.0
"""How long a node whose parent is gone may take to stop; then it is killed, or waited for by the next start."""
_STARTS = 3
"""How often other ports are tried when somebody took the picked ones between the picking and the binding."""


@dataclass(frozen=True)
class Installation:
    """What runs Apache Kafka on this machine.

    Attributes:
        java: The Java runtime.
        jars: The class path.
        version: The version of Apache Kafka.
    """

    java: Java
    jars: tuple[Path, ...]
    version: str


def installation(cache: Path | None, say: Say) -> Installation:
    """Finds Java and makes sure that the jars are there, fetching them the first time.

    Args:
        cache: Where the jars are kept; by default in the user's cache folder.
        say: Told about the progress.

    Raises:
        BrokerError: One of the two can't be had; the subclass and the message say why.
    """
    java = find_java(os.environ)
    distribution = read_distribution()
    cache = cache or default_cache(os.environ, Path.home())
    if ":" in str(cache.absolute()):
        raise BrokerError(f"Java can't load jars from {cache}, for the colon in its name: name another cache folder.")
    folder = ensure_jars(distribution, cache, installed_sources(os.environ), say)
    return Installation(java, tuple(folder / jar.file_name for jar in distribution.jars), distribution.version)


def prepared_for(folder: Path) -> str | None:
    """The id of the cluster that a node's folder was prepared for; None where it was not yet.

    Args:
        folder: The node's folder.

    Raises:
        BrokerError: The folder is damaged: Kafka's own note in it is not what Kafka's tool wrote.
    """
    path = folder / DATA / "meta.properties"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as problem:
        raise BrokerError(f"The broker's folder {folder} is damaged: {path} can't be read: {problem}") from problem
    told = dict(line.split("=", 1) for line in lines if "=" in line)
    if not told.get("cluster.id") or not told.get("node.id"):
        raise BrokerError(f"The broker's folder {folder} is damaged: {path} names no cluster and node.")
    return told["cluster.id"]


class KafkaNode:
    """Apache Kafka as a child process.

    One thread at a time may call its methods, but for :meth:`kill`, which ends a start that another thread waits for.
    """

    def __init__(
        self,
        folder: Path,
        choose: Callable[[], NodeSettings],
        cluster_id: Callable[[], str],
        *,
        cache: Path | None,
        heap_megabytes: int,
        say: Say,
    ) -> None:
        """Only takes notes; :meth:`start` does the work.

        Args:
            folder: Where records, settings and logs are kept from one start to the next; made if absent.
            choose: Says what the node shall be; asked at each start while the folder is locked, and again where a port
                was taken in the last moment.
            cluster_id: The cluster that a new folder is prepared for; not asked where the folder is prepared.
            cache: Where the jars are kept; by default in the user's cache folder.
            heap_megabytes: Upper bound of the Java heap.
            say: Told, a line at a time, what is being done.
        """
        self._folder = Path(folder).absolute()
        self._choose = choose
        self._cluster_id = cluster_id
        self._cache = cache
        self._heap_megabytes = heap_megabytes
        self._say = say
        self._settings: NodeSettings | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_size_before = 0

    @property
    def folder(self) -> Path:
        """Where the node keeps everything."""
        return self._folder

    @property
    def settings(self) -> NodeSettings:
        """What the node was told at its last start.

        Raises:
            BrokerError: The node was never started.
        """
        if self._settings is None:
            raise BrokerError("The embedded broker has no address yet: start it first.")
        return self._settings

    @property
    def address(self) -> str:
        """``host:port`` for clients.

        Raises:
            BrokerError: The node was never started.
        """
        return self.settings.address

    @property
    def access(self) -> KafkaAccess:
        """The way in for clients.

        Raises:
            BrokerError: The node was never started.
        """
        security = self.settings.security
        return KafkaAccess(self.address) if security is None else security.access(self.address)

    @property
    def alive(self) -> bool:
        """Whether the node's process runs; one that was stopped with SIGSTOP does."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the process ended (128 + n after signal n); None while it runs or where it was never started."""
        code = None if self._process is None else self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def start(self, timeout: float = 90.0) -> str:
        """Starts the node and waits until it answers; does nothing where it runs already.

        The first start on a machine fetches Apache Kafka, which the timeout does not count. A node of a cluster
        answers only when most of the cluster's controllers run.

        Args:
            timeout: Seconds until the node must answer.

        Returns:
            The address, ``127.0.0.1:PORT``.

        Raises:
            BrokerError: It can't be started; the subclass and the message say why.
        """
        if self.alive:
            return self.address
        installed = installation(self._cache, self._say)
        deadline = time.monotonic() + timeout
        try:
            with lock(self._folder, patience=min(timeout, _SECONDS_FOR_AN_ORPHAN + 5)) as locked:
                settings = self._start_somewhere(installed, locked, deadline)
        except BaseException:  # Ctrl-C while it starts, too: no half-started node is left behind
            self.kill()
            self._settings = None
            raise
        self._say(f"Apache Kafka {installed.version} answers at {settings.address}")
        return settings.address

    def stop(self, timeout: float = 20.0) -> None:
        """Stops the node gracefully, and by force when it takes too long; does nothing where it does not run.

        Args:
            timeout: Seconds it may take.
        """
        if self._process is None or not self.alive:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._say(f"Apache Kafka did not stop within {timeout:.0f} s and is killed")
            self.kill()

    def kill(self) -> None:
        """Kills the node at once (SIGKILL), as a crash would; what was acknowledged is there at the next start."""
        if self._process is None or not self.alive:
            return
        self.send_signal(signal.SIGKILL)
        self._process.wait()
        # The guard is gone; Java, killed with it, may still be giving back its memory, its ports and its folder.
        wait_until_unlocked(self._folder, _SECONDS_FOR_AN_ORPHAN)

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal to the node's processes: SIGSTOP and SIGCONT make it hang and go on, for tests.

        Args:
            number: The signal.
        """
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)
            if number == signal.SIGSTOP:  # the guard stays awake: a node that hangs dies with its parent, too
                self._process.send_signal(signal.SIGCONT)

    def _start_somewhere(self, installed: Installation, locked: IO[str], deadline: float) -> NodeSettings:
        for attempt in range(1, _STARTS + 1):
            settings = self._choose()
            self._prepare(installed, settings)
            replace_text(self._folder / PROPERTIES, server_properties(settings), private=True)
            self._settings = settings
            self._run(installed, locked)
            try:
                self._wait_until_ready(settings, deadline)
            except BrokerExitedError as problem:
                if attempt == _STARTS or "Address already in use" not in str(problem):
                    raise
            else:
                break
        return settings

    def _prepare(self, installed: Installation, settings: NodeSettings) -> None:
        (self._folder / LOGS).mkdir(exist_ok=True)
        replace_text(self._folder / LOG4J, log4j_properties())
        for name, text in settings.security.pem().items() if settings.security is not None else ():
            replace_text(self._folder / name, text, private=True)
        if prepared_for(self._folder) is not None:
            return
        self._say(f"Preparing the broker's folder {self._folder}")
        # Kafka's own tool, in a folder of another name: a start that is cut short leaves nothing half prepared.
        unfinished = self._folder / _FORMATTING
        shutil.rmtree(unfinished, ignore_errors=True)
        properties = self._folder / f"{_FORMATTING}.properties"
        replace_text(
            properties,
            server_properties(settings).replace(f"log.dirs={DATA}\n", f"log.dirs={_FORMATTING}\n"),
            private=True,
        )
        java = installed.java
        users = [] if settings.security is None else settings.security.scram_users(secrets.token_bytes)
        command = format_command(
            java.executable, java.major, installed.jars, self._cluster_id(), properties.name, users=users
        )
        try:
            answer = subprocess.run(  # noqa: S603 - Kafka's own tool, with arguments of ours
                command,
                cwd=self._folder,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=_SECONDS_TO_FORMAT,
                env=java_environment(os.environ),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        except (OSError, subprocess.TimeoutExpired) as problem:
            raise BrokerError(f"The broker's folder {self._folder} could not be prepared: {problem}") from problem
        if answer.returncode != 0:
            said = " | ".join((answer.stdout + answer.stderr).strip().splitlines()[-5:])
            raise BrokerError(f"The broker's folder {self._folder} could not be prepared: {said}")
        properties.unlink()
        unfinished.rename(self._folder / DATA)

    def _run(self, installed: Installation, locked: IO[str]) -> None:
        java = installed.java
        command = [
            sys.executable,
            "-I",
            "-S",
            str(Path(guard.__file__)),
            str(os.getpid()),
            str(_SECONDS_FOR_AN_ORPHAN),
            str(locked.fileno()),
            *server_command(java.executable, java.major, installed.jars, self._heap_megabytes),
        ]
        log = self._folder / SERVER_LOG
        self._log_size_before = log.stat().st_size if log.exists() else 0
        with (self._folder / _CONSOLE_LOG).open("wb") as console:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, with arguments of ours
                command,
                cwd=self._folder,
                env=java_environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                pass_fds=(locked.fileno(),),
                # A session of its own: Ctrl-C in the terminal reaches the parent, which decides when the node stops.
                start_new_session=True,
            )

    def _wait_until_ready(self, settings: NodeSettings, deadline: float) -> None:
        while True:
            left = deadline - time.monotonic()
            if not self.alive:
                raise BrokerExitedError(
                    f"Apache Kafka ended while it started (exit code {self.exit_code}). From its log in "
                    f"{self._folder / LOGS}:\n{self._why()}"
                )
            if left <= 0:
                raise BrokerTimeoutError(
                    f"Apache Kafka did not answer at {settings.address} in time and is stopped. From its log "
                    f"in {self._folder / LOGS}:\n{self._why()}"
                )
            answers = speaks_kafka(LOOPBACK, settings.inner_port, timeout=min(left, 1.0))
            if answers and knows_itself(settings.inner_address, timeout=left) and self.alive:
                return
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _why(self) -> str:
        console = written_since(self._folder / _CONSOLE_LOG, 0)
        server = written_since(self._folder / SERVER_LOG, self._log_size_before)
        return "\n".join(f"  {line[:500]}" for line in telling([*console, *server], 12)) or "  (empty)"
