"""Which jars the broker is made of: the pinned list, and checking files against it.

Fetches nothing (see :mod:`depeche.broker.fetch`) and starts nothing.
"""

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from depeche.broker.errors import BrokerError

PINNED = Path(__file__).parent / "data" / "kafka.toml"
"""The list the project ships; written by ``python -m depeche.broker.pin``."""

_COORDINATE = re.compile(r"([\w.-]+):([\w.-]+):([\w.-]+)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Jar:
    """One jar, named exactly.

    Attributes:
        group: Maven groupId.
        artifact: Maven artifactId.
        version: Maven version, exact.
        sha256: Digest of the file, lower-case hexadecimal.
        size: Length of the file in bytes.
    """

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def coordinate(self) -> str:
        """``group:artifact:version``, as Maven writes it."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file_name(self) -> str:
        """The jar's name in a Maven repository and in the cache."""
        return f"{self.artifact}-{self.version}.jar"


@dataclass(frozen=True)
class Distribution:
    """A version of Apache Kafka as the list of jars its broker needs.

    Attributes:
        version: Apache Kafka's version.
        jars: All jars of the class path.
        left_out: Reasons by ``group:artifact``: what Kafka declares and its broker never loads.
    """

    version: str
    jars: tuple[Jar, ...]
    left_out: dict[str, str]

    @property
    def size(self) -> int:
        """Bytes of all jars together: what a first start downloads."""
        return sum(jar.size for jar in self.jars)


def read_distribution(path: Path = PINNED) -> Distribution:
    """Reads a pinned list.

    Args:
        path: A TOML file as ``python -m depeche.broker.pin`` writes it.

    Raises:
        BrokerError: The file can't be read as such a list; the message names it and the entry.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        jars = tuple(_jar(entry) for entry in content["jars"])
        distribution = Distribution(version=str(content["version"]), jars=jars, left_out=dict(content["left_out"]))
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise BrokerError(
            f"{path} is no list of pinned jars ({type(problem).__name__}: {problem}). "
            "Write it anew with: python -m depeche.broker.pin VERSION"
        ) from problem
    if not jars:
        raise BrokerError(f"{path} lists no jars. Write it anew with: python -m depeche.broker.pin VERSION")
    return distribution


def wrong_jars(folder: Path, distribution: Distribution) -> dict[Jar, str]:
    """Compares a folder with the list, reading every byte.

    Args:
        folder: Where the jars should be; it may be absent.
        distribution: What should be there.

    Returns:
        What is wrong by jar (``missing``, or the digest found); empty where the folder is right.
    """
    wrong: dict[Jar, str] = {}
    for jar in distribution.jars:
        found = sha256_of(folder / jar.file_name)
        if found != jar.sha256:
            wrong[jar] = "missing" if found is None else f"SHA-256 {found}"
    return wrong


def sha256_of(path: Path) -> str | None:
    """Digest of a file, lower-case hexadecimal, or None where there is no such file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return None


def _jar(entry: dict[str, object]) -> Jar:
    coordinate = _COORDINATE.fullmatch(str(entry["coordinate"]))
    sha256 = str(entry["sha256"])
    size = entry["bytes"]
    if not coordinate or not _SHA256.fullmatch(sha256) or not isinstance(size, int) or size <= 0:
        raise ValueError(f"bad entry {entry!r}")
    group, artifact, version = coordinate.groups()
    return Jar(group=group, artifact=artifact, version=version, sha256=sha256, size=size)
