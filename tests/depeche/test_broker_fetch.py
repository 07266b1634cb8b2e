import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from depeche.broker.errors import ChecksumMismatchError, JarsUnavailableError
from depeche.broker.fetch import FetchError, Jgo, MavenClient, default_cache, ensure_jars, installed_sources
from depeche.broker.jars import Distribution, Jar

CONTENTS = {"alpha": b"a" * 1000, "beta": b"b" * 2000, "gamma": b"c" * 3000}
JARS = tuple(
    Jar(
        group="org.example.parts",
        artifact=name,
        version="1.0",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
    )
    for name, content in CONTENTS.items()
)
DISTRIBUTION = Distribution(version="9.9", jars=JARS, left_out={})


@dataclass
class Shelf:
    """A source that hands out what it holds, and counts what it was asked for."""

    contents: dict[str, bytes] = field(default_factory=lambda: dict(CONTENTS))
    fails_at: str = ""
    name: str = "the shelf"
    asked: list[str] = field(default_factory=list)

    def fetch(self, jars: Sequence[Jar], into: Path, arrived: Callable[[Jar], None]) -> Iterator[tuple[Jar, Path]]:
        for jar in jars:
            self.asked.append(jar.artifact)
            if jar.artifact == self.fails_at:
                raise FetchError(f"{jar.coordinate} is out of stock")
            path = into / jar.file_name
            path.write_bytes(self.contents[jar.artifact])
            arrived(jar)
            yield jar, path


def quiet(_line: str) -> None:
    pass


def in_cache(cache: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (cache / "9.9").iterdir()}


WHOLE = {f"{name}-1.0.jar": content for name, content in CONTENTS.items()}


def test_all_jars_are_fetched_once_and_then_reused(tmp_path: Path) -> None:
    shelf = Shelf()
    folder = ensure_jars(DISTRIBUTION, tmp_path, [shelf], quiet)
    assert folder == tmp_path / "9.9"
    assert in_cache(tmp_path) == WHOLE
    assert ensure_jars(DISTRIBUTION, tmp_path, [], quiet) == folder, "a full cache needs no source"
    assert shelf.asked == ["alpha", "beta", "gamma"]


def test_progress_is_told_with_sizes(tmp_path: Path) -> None:
    lines: list[str] = []
    ensure_jars(DISTRIBUTION, tmp_path, [Shelf()], lines.append)
    assert "9.9: 3 files" in lines[0]
    assert any("3 of 3 files" in line for line in lines)


def test_a_damaged_jar_is_fetched_again_and_only_that_one(tmp_path: Path) -> None:
    ensure_jars(DISTRIBUTION, tmp_path, [Shelf()], quiet)
    (tmp_path / "9.9" / "beta-1.0.jar").write_bytes(b"")
    shelf = Shelf()
    ensure_jars(DISTRIBUTION, tmp_path, [shelf], quiet)
    assert shelf.asked == ["beta"]
    assert in_cache(tmp_path) == WHOLE


def test_a_fetch_that_breaks_off_keeps_what_was_whole_and_goes_on_from_there(tmp_path: Path) -> None:
    with pytest.raises(JarsUnavailableError, match=r"gamma:1\.0 is out of stock"):
        ensure_jars(DISTRIBUTION, tmp_path, [Shelf(fails_at="gamma")], quiet)
    assert set(in_cache(tmp_path)) == {"alpha-1.0.jar", "beta-1.0.jar"}
    shelf = Shelf()
    ensure_jars(DISTRIBUTION, tmp_path, [shelf], quiet)
    assert shelf.asked == ["gamma"]


def test_what_a_killed_fetch_left_behind_is_cleared_away(tmp_path: Path) -> None:
    left = tmp_path / "9.9" / ".fetching-abandoned"
    left.mkdir(parents=True)
    (left / "alpha-1.0.jar").write_bytes(b"half")
    ensure_jars(DISTRIBUTION, tmp_path, [Shelf()], quiet)
    assert in_cache(tmp_path) == WHOLE


def test_the_second_source_brings_what_the_first_one_does_not(tmp_path: Path) -> None:
    lines: list[str] = []
    second = Shelf(name="the second shelf")
    ensure_jars(DISTRIBUTION, tmp_path, [Shelf(fails_at="beta"), second], lines.append)
    assert second.asked == ["beta", "gamma"]
    assert in_cache(tmp_path) == WHOLE
    assert any("the shelf failed" in line and "out of stock" in line for line in lines)


def test_a_jar_that_is_not_the_pinned_one_is_refused_and_not_kept(tmp_path: Path) -> None:
    forged = Shelf(contents={**CONTENTS, "beta": b"B" * 2000})
    found = hashlib.sha256(b"B" * 2000).hexdigest()
    with pytest.raises(ChecksumMismatchError, match=rf"org\.example\.parts:beta:1\.0.*{found}.*not {JARS[1].sha256}"):
        ensure_jars(DISTRIBUTION, tmp_path, [forged], quiet)
    assert set(in_cache(tmp_path)) == {"alpha-1.0.jar", "gamma-1.0.jar"}


def test_a_source_that_promises_a_file_and_has_none_is_no_crash(tmp_path: Path) -> None:
    class Liar(Shelf):
        def fetch(self, jars: Sequence[Jar], into: Path, arrived: Callable[[Jar], None]) -> Iterator[tuple[Jar, Path]]:
            yield jars[0], into / "nothing.jar"

    with pytest.raises(ChecksumMismatchError, match="None"):
        ensure_jars(DISTRIBUTION, tmp_path, [Liar()], quiet)


def test_without_any_source_the_error_says_how_to_mend_it(tmp_path: Path) -> None:
    with pytest.raises(JarsUnavailableError, match=r"Check the network.*copy .*9\.9 from a machine that has it"):
        ensure_jars(DISTRIBUTION, tmp_path, [], quiet)


def test_a_cache_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(JarsUnavailableError, match=r"file/cache"):
        ensure_jars(DISTRIBUTION, tmp_path / "file" / "cache", [Shelf()], quiet)


def test_of_two_at_once_one_fetches_and_the_other_waits(tmp_path: Path) -> None:
    fetching, others_turn = threading.Event(), threading.Event()

    class Slow(Shelf):
        def fetch(self, jars: Sequence[Jar], into: Path, arrived: Callable[[Jar], None]) -> Iterator[tuple[Jar, Path]]:
            fetching.set()
            assert others_turn.wait(60)
            yield from super().fetch(jars, into, arrived)

    def waiter_says(line: str) -> None:
        if "waiting" in line:
            others_turn.set()

    first, second = Slow(), Shelf()
    worker = threading.Thread(target=ensure_jars, args=(DISTRIBUTION, tmp_path, [first], quiet))
    worker.start()
    assert fetching.wait(60)
    ensure_jars(DISTRIBUTION, tmp_path, [second], waiter_says)
    worker.join(60)
    assert (first.asked, second.asked) == (["alpha", "beta", "gamma"], [])
    assert in_cache(tmp_path) == WHOLE


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({}, "/home/ada/.cache/depeche/kafka"),
        ({"XDG_CACHE_HOME": ""}, "/home/ada/.cache/depeche/kafka"),
        ({"XDG_CACHE_HOME": "relative"}, "/home/ada/.cache/depeche/kafka"),
        ({"XDG_CACHE_HOME": "/var/cache/ada"}, "/var/cache/ada/depeche/kafka"),
    ],
)
def test_the_cache_is_where_the_desktop_standard_says(environment: dict[str, str], folder: str) -> None:
    assert default_cache(environment, Path("/home/ada")) == Path(folder)


def test_an_installed_maven_comes_before_jgo(tmp_path: Path) -> None:
    maven = pretend_maven(tmp_path, "exit 0")
    with_maven = installed_sources({"PATH": str(tmp_path)})
    assert with_maven == [MavenClient(maven), Jgo()]
    assert installed_sources({"PATH": ""}) == [Jgo()]


def pretend_maven(folder: Path, script: str) -> Path:
    program = folder / "mvn"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return program


def test_maven_is_asked_for_exactly_the_jars_and_its_downloads_are_progress(tmp_path: Path) -> None:
    script = (
        'while [ "$1" != --file ]; do shift; done; cp "$2" "$(dirname "$0")/asked.xml"\n'
        "mkdir jars; printf a > jars/alpha-1.0.jar; printf b > jars/beta-1.0.jar\n"
        "echo 'Downloaded from central: http://mirror.invalid/org/alpha-1.0.jar (1.0 kB at 5 kB/s)'\n"
        "echo 'Downloaded from central: http://mirror.invalid/org/other-1.0.jar (1.0 kB at 5 kB/s)'\n"
    )
    into = tmp_path / "into"
    into.mkdir()
    arrived: list[Jar] = []
    delivered = list(MavenClient(pretend_maven(tmp_path, script)).fetch(JARS[:2], into, arrived.append))
    assert [(jar, path.read_bytes()) for jar, path in delivered] == [(JARS[0], b"a"), (JARS[1], b"b")]
    assert arrived == [JARS[0]]
    asked = (tmp_path / "asked.xml").read_text(encoding="utf-8")
    assert asked.count("<artifactItem>") == 2
    assert "<artifactId>gamma</artifactId>" not in asked


def test_maven_s_own_words_are_the_reason_of_its_failure(tmp_path: Path) -> None:
    script = (
        "echo '[INFO] Scanning'; echo '[ERROR] Could not find artifact x:y:1'; echo '[ERROR] '\n"
        "echo '[ERROR] To see the full stack trace, use -e'; exit 1"
    )
    client = MavenClient(pretend_maven(tmp_path, script))
    with pytest.raises(FetchError, match=r"exit code 1: Could not find artifact x:y:1$"):
        list(client.fetch(JARS, tmp_path, lambda _jar: None))


def test_a_maven_that_does_not_run_is_a_failed_source(tmp_path: Path) -> None:
    broken = tmp_path / "mvn"
    broken.write_bytes(b"\x00\x01")
    broken.chmod(0o755)
    with pytest.raises(FetchError, match="does not run"):
        list(MavenClient(broken).fetch(JARS, tmp_path, lambda _jar: None))


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A Maven repository over HTTP on loopback: its folder and its address."""
    folder = tmp_path / "repository"
    for jar in JARS:
        path = folder / "org" / "example" / "parts" / jar.artifact / "1.0" / jar.file_name
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENTS[jar.artifact])

    class Silent(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=os.fspath(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_jgo_downloads_by_exact_coordinates(tmp_path: Path, repository: tuple[Path, str]) -> None:
    _, address = repository
    ensure_jars(DISTRIBUTION, tmp_path / "cache", [Jgo(repository=address)], quiet)
    assert in_cache(tmp_path / "cache") == WHOLE


def test_jgo_names_the_jar_that_the_repository_does_not_have(tmp_path: Path, repository: tuple[Path, str]) -> None:
    folder, address = repository
    (folder / "org/example/parts/beta/1.0/beta-1.0.jar").unlink()
    with pytest.raises(JarsUnavailableError, match=r"org\.example\.parts:beta:1\.0.*tried 3 times"):
        ensure_jars(DISTRIBUTION, tmp_path / "cache", [Jgo(repository=address)], quiet)
    assert set(in_cache(tmp_path / "cache")) == {"alpha-1.0.jar"}


def test_jgo_does_not_take_a_file_cut_short_for_a_whole_one(tmp_path: Path, repository: tuple[Path, str]) -> None:
    folder, address = repository
    (folder / "org/example/parts/beta/1.0/beta-1.0.jar").write_bytes(b"b" * 1999)
    with pytest.raises(JarsUnavailableError, match="1999 bytes came instead of 2000"):
        ensure_jars(DISTRIBUTION, tmp_path / "cache", [Jgo(repository=address)], quiet)


def test_jgo_without_a_network_says_so(tmp_path: Path) -> None:
    with pytest.raises(JarsUnavailableError, match="refused"):
        ensure_jars(DISTRIBUTION, tmp_path / "cache", [Jgo(repository="http://127.0.0.1:1")], quiet)
