"""Writes the pinned list of jars for a version of Apache Kafka: ``python -m depeche.broker.pin VERSION``.

For people who maintain the project; nothing at run time calls it. It resolves the broker's runtime dependencies, leaves
out what the existing list says the broker never loads (with the reasons, which are kept), and records the SHA-256 of
every jar. It does not try whether the broker starts: the integration tests do.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from jgo.maven import MavenContext

from depeche.broker.jars import PINNED, Distribution, Jar, read_distribution, sha256_of

_BROKER = "org.apache.kafka:kafka_2.13"
_LOG4J_CORE = "org.apache.logging.log4j:log4j-core"
_LOG4J_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl"
"""Joins SLF4J 1, which Kafka logs through, to Log4j: Kafka ships it in its archive but does not declare it."""

_HEADER = """\
# Apache Kafka's broker as jars. Written by: python -m depeche.broker.pin {version}
# Source: Maven Central, by the coordinates below. The jars are not part of this project: each machine fetches them and
# checks them against these digests. Licences, as their POMs say: Apache-2.0, but for argparse4j, jopt-simple,
# pcollections and slf4j-api (MIT), re2j (Go's, BSD-3-Clause) and zstd-jni (BSD-2-Clause); HdrHistogram is CC0-1.0 or
# BSD-2-Clause.
"""


def resolve(version: str, left_out: dict[str, str], repository: Path) -> Distribution:
    """Resolves the broker's class path and fetches it to learn the digests.

    Args:
        version: The version of Apache Kafka.
        left_out: Reasons by ``group:artifact`` of what to leave out.
        repository: An empty folder to fetch into.

    Raises:
        RuntimeError: Something can't be resolved or fetched (from jgo, which names it).
    """
    context = MavenContext(repo_cache=repository, timeout=60)
    broker = context.create_dependency(f"{_BROKER}:{version}")
    _, dependencies = context.resolver.resolve([broker])
    versions = {f"{found.groupId}:{found.artifactId}": found.version for found in dependencies}
    versions[_BROKER] = version
    versions[_LOG4J_BINDING] = versions[_LOG4J_CORE]
    jars = [_pinned(context, name, chosen) for name, chosen in sorted(versions.items()) if name not in left_out]
    return Distribution(version=version, jars=tuple(jars), left_out=left_out)


def render(distribution: Distribution) -> str:
    """The list as the text of a TOML file."""
    lines = [_HEADER.format(version=distribution.version), f'version = "{distribution.version}"', "", "[left_out]"]
    lines += [f'"{name}" = "{reason}"' for name, reason in sorted(distribution.left_out.items())]
    for jar in distribution.jars:
        lines += ["", "[[jars]]", f'coordinate = "{jar.coordinate}"', f'sha256 = "{jar.sha256}"', f"bytes = {jar.size}"]
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """Rewrites the project's list and says what it holds now."""
    parser = argparse.ArgumentParser(prog="python -m depeche.broker.pin", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("version", help="version of Apache Kafka, 4.4.0 for example")
    version = parser.parse_args(arguments).version
    with tempfile.TemporaryDirectory() as repository:
        distribution = resolve(version, read_distribution().left_out, Path(repository))
    PINNED.write_text(render(distribution), encoding="utf-8")
    sys.stdout.write(
        f"{PINNED}: {len(distribution.jars)} jars, {distribution.size} bytes. Run the integration tests.\n"
    )
    return 0


def _pinned(context: MavenContext, name: str, version: str) -> Jar:
    group, artifact = name.split(":")
    path = Path(context.project(group, artifact).at_version(version).artifact().resolve())
    sha256 = sha256_of(path)
    if sha256 is None:
        raise RuntimeError(f"{group}:{artifact}:{version} was resolved to {path}, which does not exist")
    return Jar(group=group, artifact=artifact, version=version, sha256=sha256, size=path.stat().st_size)


if __name__ == "__main__":
    sys.exit(main())
