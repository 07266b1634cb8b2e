"""The embedded broker: Apache Kafka, one KRaft node, as a child process with a data folder that persists.

It starts, tells its address, stops. It does not create topics, watch the broker, or restart it when it dies: the
supervisor does, who sees :attr:`EmbeddedBroker.alive`.
"""

import base64
import logging
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from depeche.broker import guard
from depeche.broker.errors import BrokerError, BrokerExitedError, BrokerTimeoutError, PortInUseError
from depeche.broker.fetch import Say, default_cache, ensure_jars, installed_sources
from depeche.broker.folder import Ports, lock, remember_ports, remembered_ports, replace_text, telling, written_since
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
from depeche.broker.ports import LOOPBACK, is_free, pick
from depeche.broker.ready import knows_itself, speaks_kafka

_log = logging.getLogger(__name__)

_CONSOLE_LOG = f"{LOGS}/console.log"
_FORMATTING = "data.formatting"
_SECONDS_BETWEEN_LOOKS = 0.05
_SECONDS_TO_FORMAT = 60.0
_SECONDS_FOR_AN_ORPHAN = 15.0
"""How long a broker whose parent is gone may take to stop; then it is killed, or waited for by the next start."""
_STARTS = 3
"""How often other ports are tried when somebody took the picked ones between the picking and the binding."""


class EmbeddedBroker:
    """Apache Kafka as a child process.

    Listens on loopback only, without authentication: whoever has an account on the machine can reach it. One thread at
    a time may call its methods.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cache: Path | None = None,
        port: int | None = None,
        heap_megabytes: int = 384,
        say: Say = _log.info,
    ) -> None:
        """Only takes notes; :meth:`start` does the work.

        Args:
            folder: Where records, settings and logs are kept from one start to the next; made if absent.
            cache: Where the jars are kept, a folder for each version of Kafka; by default in the user's cache folder.
            port: The port for clients. By default that of the last start if it is still free, else a free one.
            heap_megabytes: Upper bound of the Java heap.
            say: Told, a line at a time, what is being done.
        """
        self._folder = Path(folder).absolute()
        self._cache = cache
        self._port = port
        self._heap_megabytes = heap_megabytes
        self._say = say
        self._settings: NodeSettings | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._log_size_before = 0

    @property
    def folder(self) -> Path:
        """Where the broker keeps everything."""
        return self._folder

    @property
    def address(self) -> str:
        """``host:port`` for clients.

        Raises:
            BrokerError: The broker was never started.
        """
        if self._settings is None:
            raise BrokerError("The embedded broker has no address yet: start it first.")
        return self._settings.address

    @property
    def alive(self) -> bool:
        """Whether the broker's process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the process ended (128 + n after signal n); None while it runs or where it was never started."""
        code = None if self._process is None else self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def start(self, timeout: float = 90.0) -> str:
        """Starts the broker and waits until it answers; does nothing where it runs already.

        The first start on a machine fetches Apache Kafka, which the timeout does not count.

        Args:
            timeout: Seconds until the broker must answer.

        Returns:
            The address, ``127.0.0.1:PORT``.

        Raises:
            BrokerError: It can't be started; the subclass and the message say why.
        """
        if self.alive:
            return self.address
        java = find_java(os.environ)
        distribution = read_distribution()
        cache = self._cache or default_cache(os.environ, Path.home())
        if ":" in str(cache.absolute()):
            raise BrokerError(
                f"Java can't load jars from {cache}, for the colon in its name: name another cache folder."
            )
        jars_folder = ensure_jars(distribution, cache, installed_sources(os.environ), self._say)
        jars = [jars_folder / jar.file_name for jar in distribution.jars]
        deadline = time.monotonic() + timeout
        with lock(self._folder, patience=min(timeout, _SECONDS_FOR_AN_ORPHAN + 5)) as locked:
            self._prepare(java, jars)
            try:
                settings = self._start_somewhere(java, jars, locked, deadline)
            except BaseException:  # Ctrl-C while it starts, too: no half-started broker is left behind
                self.kill()
                self._settings = None
                raise
        remember_ports(self._folder, Ports(client=settings.client_port, controller=settings.controller_port))
        self._say(f"Apache Kafka {distribution.version} answers at {settings.address}")
        return settings.address

    def stop(self, timeout: float = 20.0) -> None:
        """Stops the broker gracefully, and by force when it takes too long; does nothing where it does not run.

        Args:
            timeout: Seconds it may take.
        """
        if self._process is None:
            return
        if self.alive:
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._say(f"Apache Kafka did not stop within {timeout:.0f} s and is killed")
                self.kill()
        self._process.wait()

    def kill(self) -> None:
        """Kills the broker at once (SIGKILL), as a crash would; what was acknowledged is there at the next start."""
        if self._process is None:
            return
        self.send_signal(signal.SIGKILL)
        self._process.wait()

    def send_signal(self, number: signal.Signals) -> None:
        """Sends a signal to the broker's processes: SIGSTOP and SIGCONT make it hang and go on, for tests.

        Args:
            number: The signal.
        """
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, number)

    def __enter__(self) -> Self:
        """Starts the broker."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops the broker."""
        self.stop()

    def _prepare(self, java: Java, jars: list[Path]) -> None:
        (self._folder / LOGS).mkdir(exist_ok=True)
        replace_text(self._folder / LOG4J, log4j_properties())
        if (self._folder / DATA / "meta.properties").exists():
            return
        self._say(f"Preparing the broker's folder {self._folder}")
        # Kafka's own tool, in a folder of another name: a start that is cut short leaves nothing half prepared.
        unfinished = self._folder / _FORMATTING
        shutil.rmtree(unfinished, ignore_errors=True)
        properties = self._folder / f"{_FORMATTING}.properties"
        anywhere = NodeSettings(client_port=1, controller_port=2)
        properties.write_text(
            server_properties(anywhere).replace(f"log.dirs={DATA}\n", f"log.dirs={_FORMATTING}\n"), encoding="utf-8"
        )
        # The first bit is 0, so that the id never starts with "-": Kafka's tool would take it for an option.
        number = bytes([secrets.randbelow(128)]) + secrets.token_bytes(15)
        cluster_id = base64.urlsafe_b64encode(number).decode().rstrip("=")
        command = format_command(java.executable, java.major, jars, cluster_id, properties.name)
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

    def _start_somewhere(self, java: Java, jars: list[Path], locked: IO[str], deadline: float) -> NodeSettings:
        for attempt in range(1, _STARTS + 1):
            ports = self._choose_ports()
            settings = NodeSettings(client_port=ports.client, controller_port=ports.controller)
            replace_text(self._folder / PROPERTIES, server_properties(settings))
            self._settings = settings
            self._run(java, jars, locked)
            try:
                self._wait_until_ready(settings, deadline)
            except BrokerExitedError as problem:
                if attempt == _STARTS or "Address already in use" not in str(problem):
                    raise
            else:
                break
        return settings

    def _choose_ports(self) -> Ports:
        chance = random.Random()
        last = remembered_ports(self._folder)
        if self._port is not None:
            if not is_free(self._port):
                raise PortInUseError(
                    f"Port {self._port} on {LOOPBACK} is taken by another process. Stop that one, or let the embedded "
                    "broker choose a port of its own."
                )
            client = self._port
        elif last is not None and is_free(last.client):
            client = last.client
        else:
            client = pick(chance)
            if last is not None:
                self._say(f"Port {last.client} of the last start is taken: using {client}")
        controller = last.controller if last is not None else 0
        if not controller or controller == client or not is_free(controller):
            controller = pick(chance, taken={client})
        return Ports(client=client, controller=controller)

    def _run(self, java: Java, jars: list[Path], locked: IO[str]) -> None:
        command = [
            sys.executable,
            "-I",
            "-S",
            str(Path(guard.__file__)),
            str(os.getpid()),
            str(_SECONDS_FOR_AN_ORPHAN),
            str(locked.fileno()),
            *server_command(java.executable, java.major, jars, self._heap_megabytes),
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
                # A session of its own: Ctrl-C in the terminal reaches the parent, which decides when the broker stops.
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
                self.kill()
                raise BrokerTimeoutError(
                    f"Apache Kafka did not answer at {settings.address} in time and was stopped. From its log "
                    f"in {self._folder / LOGS}:\n{self._why()}"
                )
            answers = speaks_kafka(LOOPBACK, settings.client_port, timeout=min(left, 1.0))
            if answers and knows_itself(settings.address, timeout=left) and self.alive:
                return
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _why(self) -> str:
        console = written_since(self._folder / _CONSOLE_LOG, 0)
        server = written_since(self._folder / SERVER_LOG, self._log_size_before)
        return "\n".join(f"  {line[:500]}" for line in telling([*console, *server], 12)) or "  (empty)"
