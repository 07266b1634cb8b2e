"""Brings the broker's jars into the cache folder, once.

With the Maven client where one is installed (it knows the machine's mirrors and proxies), else with jgo, which does the
same in Python. Every jar is checked by SHA-256 before it gets its name in the cache, so that a fetch cut short leaves
only whole jars behind and the next one goes on from there. Decides nothing about which jars: that is the pinned list's
part.
"""

import fcntl
import itertools
import operator
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from xml.sax.saxutils import escape

from depeche.broker.errors import ChecksumMismatchError, JarsUnavailableError
from depeche.broker.jars import Distribution, Jar, sha256_of, wrong_jars
from depeche.broker.java import java_environment

Say = Callable[[str], None]
"""Takes one line of progress for people."""

_COPY_GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
_DOWNLOADED = re.compile(r"Downloaded from \S+ \S*/([^/\s]+\.jar)\b")
_STAGING = ".fetching-"
_TRIES = 3
_SECONDS_WITHOUT_DATA = 60


class FetchError(Exception):
    """One source could not deliver; the message says why. Another source may."""


class Source(Protocol):
    """A way to fetch jars by exact coordinates."""

    @property
    def name(self) -> str:
        """What people call it."""

    def fetch(self, jars: Sequence[Jar], into: Path, arrived: Callable[[Jar], None]) -> Iterator[tuple[Jar, Path]]:
        """Fetches jars and hands over each as soon as its file is whole, unchecked.

        Args:
            jars: What to fetch.
            into: An empty folder to work in.
            arrived: Told of each jar when it has been downloaded (which may be before it is handed over).

        Raises:
            FetchError: A jar can't be had from here.
        """


def default_cache(environment: Mapping[str, str], home: Path) -> Path:
    """The folder that holds one folder of jars for each version of Kafka.

    Args:
        environment: Where ``XDG_CACHE_HOME`` is looked up.
        home: The user's home folder.

    Source of the rule: XDG Base Directory Specification 0.8, which has relative values ignored.
    """
    named = environment.get("XDG_CACHE_HOME", "")
    root = Path(named) if named and Path(named).is_absolute() else home / ".cache"
    return root / "depeche" / "kafka"


def installed_sources(environment: Mapping[str, str]) -> list[Source]:
    """The sources this machine has, best first."""
    maven = shutil.which("mvn", path=environment.get("PATH", ""))
    return [*([MavenClient(Path(maven))] if maven else []), Jgo()]


def ensure_jars(distribution: Distribution, cache: Path, sources: Sequence[Source], say: Say) -> Path:
    """Makes sure that the cache holds every jar of a distribution, whole and right.

    Safe when several processes call it at once: one fetches, the others wait and find the work done. Needs no network
    once the jars are there.

    Args:
        distribution: What is needed.
        cache: The folder of all versions; it is made if absent.
        sources: Where to fetch from, tried in order.
        say: Told about the progress.

    Returns:
        The folder that holds the jars.

    Raises:
        ChecksumMismatchError: What was fetched is not what is pinned.
        JarsUnavailableError: Jars are missing and no source delivers, or the cache can't be written.
    """
    folder = cache.absolute() / distribution.version
    try:
        if not wrong_jars(folder, distribution):
            return folder
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder.with_name(f"{distribution.version}.lock"), say):
            _fetch_wrong(distribution, folder, sources, say)
    except OSError as problem:
        raise JarsUnavailableError(
            f"The jars of Apache Kafka can't be kept in {folder}: {problem}. "
            "Make room or give that folder to this user, or name another cache folder."
        ) from problem
    return folder


def _fetch_wrong(distribution: Distribution, folder: Path, sources: Sequence[Source], say: Say) -> None:
    missing = list(wrong_jars(folder, distribution))
    if not missing:
        return
    for abandoned in folder.glob(f"{_STAGING}*"):  # of a fetch that was killed: the lock says that nobody works there
        shutil.rmtree(abandoned, ignore_errors=True)
    megabytes = sum(jar.size for jar in missing) / 1e6
    say(f"Fetching Apache Kafka {distribution.version}: {len(missing)} files, {megabytes:.0f} MB, the first time only")
    failures: list[str] = []
    mismatches: list[str] = []
    for source in sources:
        progress = _Progress(missing, say)
        try:
            with tempfile.TemporaryDirectory(dir=folder, prefix=_STAGING) as staging:
                for jar, path in source.fetch(missing, Path(staging), progress.arrived):
                    found = sha256_of(path)
                    if found == jar.sha256:
                        path.replace(folder / jar.file_name)
                    else:
                        mismatches.append(f"{jar.coordinate} from {source.name} has SHA-256 {found}, not {jar.sha256}")
        except FetchError as problem:
            failures.append(f"with {source.name}: {problem}")
            say(f"Fetching Apache Kafka with {source.name} failed: {str(problem)[:200]}")
        missing = list(wrong_jars(folder, distribution))
        if not missing:
            say(f"Apache Kafka {distribution.version} is in {folder}")
            return
    raise _unavailable(distribution, folder, failures, mismatches)


def _unavailable(
    distribution: Distribution, folder: Path, failures: list[str], mismatches: list[str]
) -> JarsUnavailableError:
    if mismatches:
        return ChecksumMismatchError(
            f"Jars of Apache Kafka {distribution.version} are not the pinned ones: {'; '.join(mismatches)}. "
            "They were not kept. A proxy or mirror may have changed them, or the local Maven repository holds a "
            "damaged file: delete it there and try again."
        )
    return JarsUnavailableError(
        f"The jars of Apache Kafka {distribution.version} could not be fetched ({'; '.join(failures) or 'no source'}). "
        "Check the network and the proxy; where Maven Central is reached through a mirror, install Maven and name the "
        f"mirror in its settings.xml; or copy {folder} from a machine that has it; or name a running Kafka in the "
        "settings instead of the embedded one."
    )


@contextmanager
def _alone(lock: Path, say: Say) -> Iterator[None]:
    """Holds a lock between processes; it goes with the process, so a killed one leaves none behind."""
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another process is fetching Apache Kafka: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


class _Progress:
    """Says how far a fetch is, a line for each tenth, not one for each file."""

    def __init__(self, jars: Sequence[Jar], say: Say) -> None:
        self._total = sum(jar.size for jar in jars)
        self._count = len(jars)
        self._arrived: set[Jar] = set()
        self._tenths_said = 0
        self._say = say

    def arrived(self, jar: Jar) -> None:
        self._arrived.add(jar)
        size = sum(each.size for each in self._arrived)
        tenths = size * 10 // self._total
        if tenths > self._tenths_said:
            self._tenths_said = tenths
            self._say(
                f"Apache Kafka: {size / 1e6:.0f} of {self._total / 1e6:.0f} MB "
                f"({len(self._arrived)} of {self._count} files)"
            )


@dataclass(frozen=True)
class MavenClient:
    """Fetches with an installed Maven, through its own settings (mirrors, proxies, credentials) and local repository.

    Attributes:
        command: The ``mvn`` program.
    """

    command: Path

    @property
    def name(self) -> str:
        """What people call it."""
        return f"the Maven client {self.command}"

    def fetch(self, jars: Sequence[Jar], into: Path, arrived: Callable[[Jar], None]) -> Iterator[tuple[Jar, Path]]:
        """Has Maven copy the jars; see :class:`Source`."""
        wanted = {jar.file_name: jar for jar in jars}
        project = into / "pom.xml"
        project.write_text(_copy_project(jars, into / "jars"), encoding="utf-8")
        milliseconds = _SECONDS_WITHOUT_DATA * 1000
        command = [str(self.command), "--batch-mode", "--file", str(project), _COPY_GOAL]
        command += ["-Daether.connector.connectTimeout=15000", f"-Daether.connector.requestTimeout={milliseconds}"]
        output: list[str] = []
        try:
            process = subprocess.Popen(  # noqa: S603 - the user's own Maven with arguments of ours
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                text=True,
                env=java_environment(os.environ),
                errors="replace",
                cwd=into,
            )
        except OSError as problem:
            raise FetchError(f"it does not run ({problem})") from problem
        with process:
            for line in process.stdout or ():
                output.append(line.strip())
                downloaded = _DOWNLOADED.search(line)
                if downloaded and downloaded.group(1) in wanted:
                    arrived(wanted[downloaded.group(1)])
        if process.returncode != 0:
            raise FetchError(_maven_reason(output, process.returncode))
        for jar in jars:
            yield jar, into / "jars" / jar.file_name


@dataclass(frozen=True)
class Jgo:
    """Fetches with jgo, which downloads in Python and needs no Java.

    Attributes:
        repository: Address of the Maven repository; None means Maven Central.
    """

    repository: str | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return "jgo"

    def fetch(self, jars: Sequence[Jar], into: Path, arrived: Callable[[Jar], None]) -> Iterator[tuple[Jar, Path]]:
        """Downloads one jar after the other; see :class:`Source`."""
        for jar in jars:
            path = self._download(jar, into)
            arrived(jar)
            yield jar, path

    def _download(self, jar: Jar, into: Path) -> Path:
        from jgo.maven import MavenContext  # noqa: PLC0415 - slow to import, and a full cache has no need of it

        repositories = None if self.repository is None else {"repository": self.repository}
        reason = ""
        for attempt in range(_TRIES):
            # A repository of its own for each try: jgo takes a file cut short for a whole one.
            context = MavenContext(
                repo_cache=into / f"{jar.file_name}-{attempt}",
                remote_repos=repositories,
                timeout=_SECONDS_WITHOUT_DATA,
            )
            try:
                path = Path(context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve())
            except (OSError, RuntimeError) as problem:  # requests' errors are OSErrors, jgo's own are RuntimeErrors
                reason = f"{jar.coordinate}: {problem}"
                continue
            if path.stat().st_size == jar.size:
                return path
            reason = f"{jar.coordinate}: {path.stat().st_size} bytes came instead of {jar.size}"
        raise FetchError(f"{reason} (tried {_TRIES} times)")


def _copy_project(jars: Sequence[Jar], into: Path) -> str:
    """A Maven project that copies exactly these jars, without what they depend on."""
    items = "".join(
        f"<artifactItem><groupId>{jar.group}</groupId><artifactId>{jar.artifact}</artifactId>"
        f"<version>{jar.version}</version><type>jar</type></artifactItem>\n"
        for jar in jars
    )
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>\n'
        "<groupId>depeche</groupId><artifactId>embedded-broker</artifactId><version>1</version>"
        "<packaging>pom</packaging>\n<build><plugins><plugin><groupId>org.apache.maven.plugins</groupId>"
        "<artifactId>maven-dependency-plugin</artifactId><configuration>\n"
        f"<outputDirectory>{escape(os.fspath(into))}</outputDirectory>\n<artifactItems>\n{items}</artifactItems>\n"
        "</configuration></plugin></plugins></build></project>\n"
    )


def _maven_reason(output: Sequence[str], exit_code: int) -> str:
    errors = [line.replace("[ERROR]", "").strip() for line in output if line.startswith("[ERROR]")]
    # Maven's first errors say what is wrong; the advice on more logging that follows an empty line does not.
    told = " ".join(itertools.takewhile(bool, itertools.dropwhile(operator.not_, errors))) or " ".join(output[-3:])
    return f"exit code {exit_code}: {told[:600]}"
