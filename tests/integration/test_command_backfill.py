"""`depeche backfill` on a real broker: killed and resumed, every article is on the topic, once by its id."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from depeche.broker import EmbeddedBroker
from depeche.command import app
from depeche.exits import NOT_RIGHT
from depeche.topics import ensure_topics
from schemas.access import KafkaAccess
from schemas.article import Article
from schemas.ids import article_id
from tests.connectors.formats.warcs import http_record, page
from tests.integration.topic_records import articles

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900), pytest.mark.usefixtures("no_settings_of_the_machine")]
DEADLINE = 120.0
ARTICLES = 960
PARAGRAPHS = (
    "Le conseil régional a voté lundi soir un plan de rénovation des lignes ferroviaires, après six heures de débat.",
    "Les élus de l'opposition ont quitté la salle avant le vote, dénonçant un calendrier « intenable ».",
    "Le président de la région a répondu que les travaux commenceraient au printemps et dureraient quatre ans.",
    "Plusieurs syndicats de cheminots appellent à une journée de grève jeudi, faute d'avoir été consultés.",
)


@pytest.fixture
def run(broker: EmbeddedBroker, fresh_prefix: str) -> Callable[..., Result]:
    def command(*arguments: str) -> Result:
        where = ["--bootstrap", broker.address, "--prefix", fresh_prefix]
        return CliRunner().invoke(app, ["backfill", *arguments, *where], env={"COLUMNS": "200", "TERM": "dumb"})

    return command


def published(bootstrap: str, prefix: str) -> list[Article]:
    return articles(bootstrap, prefix, suffix="articles.backfill")


def line(number: int) -> str:
    return (
        json.dumps({"id": f"n{number}", "title": f"Titre {number}", "text": f"Texte {number}. {PARAGRAPHS[0]}"}) + "\n"
    )


def url(number: int) -> str:
    return f"https://www.journal.example/2021/{number}"


def record(number: int) -> bytes:
    return http_record(url(number), page("\n".join((f"Texte numéro {number}.", *PARAGRAPHS)), title=f"Titre {number}"))


def write_lines(folder: Path) -> Path:
    path = folder / "archive.jsonl"
    path.write_text("".join(map(line, range(ARTICLES))))
    return path


def write_gzipped_lines(folder: Path) -> Path:
    path = folder / "archive.jsonl.gz"
    path.write_bytes(gzip.compress("".join(map(line, range(ARTICLES))).encode()))
    return path


def write_warc(folder: Path) -> Path:
    path = folder / "crawl.warc.gz"
    path.write_bytes(b"".join(gzip.compress(record(number)) for number in range(ARTICLES)))
    return path


@pytest.mark.parametrize(
    "archive",
    [
        (write_lines, [article_id("drop", f"n{number}") for number in range(ARTICLES)]),
        (write_gzipped_lines, [article_id("drop", f"n{number}") for number in range(ARTICLES)]),
        (write_warc, [article_id("journal.example", url(number)) for number in range(ARTICLES)]),
    ],
)
def test_killed_in_the_middle_and_resumed_every_article_is_there_once_by_its_id(
    broker: EmbeddedBroker,
    fresh_prefix: str,
    run: Callable[..., Result],
    archive: tuple[Callable[[Path], Path], list[str]],
) -> None:
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    write, ids = archive
    path = write(Path.cwd())
    command = [sys.executable, "-m", "depeche.command", "backfill", str(path), "--per-second", "20"]
    command += ["--bootstrap", broker.address, "--prefix", fresh_prefix]
    kills = 3
    there = 0
    for _ in range(kills):
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            give_up = time.monotonic() + DEADLINE
            # At least one batch further than the last: that it was in the middle is certain, where in it is not.
            while len(published(broker.address, fresh_prefix)) < there + 40:
                assert process.poll() is None, process.stderr and process.stderr.read().decode()
                assert time.monotonic() < give_up, "nothing was published"
            process.send_signal(signal.SIGKILL)
        there = len(published(broker.address, fresh_prefix))
    assert there < ARTICLES
    result = run(str(path))
    assert result.exit_code == 0, result.output
    assert "goes on at" in result.stderr
    counts = Counter(article.article_id for article in published(broker.address, fresh_prefix))
    assert set(counts) == set(ids)
    assert counts.total() - len(ids) <= kills * 40  # a kill repeats a batch at most
    assert "0 article versions published" in run(str(path)).output
    assert counts.total() == len(published(broker.address, fresh_prefix))


def test_pages_and_lines_arrive_with_their_dates_and_sources(
    broker: EmbeddedBroker, fresh_prefix: str, run: Callable[..., Result], tmp_path: Path
) -> None:
    folder = tmp_path / "archives"
    folder.mkdir()
    (folder / "crawl.warc").write_bytes(
        http_record(content_type="image/png") + record(1) + http_record(url(2), b"<p>Trop court</p>") + record(3)
    )
    known = {"url": "https://www.lemonde.fr/a", "text": "Un texte."}
    (folder / "more.jsonl").write_text(f"{line(1)}{json.dumps(known)}\nnot json\n")
    (folder / ".hidden.jsonl").write_text(line(9))
    (folder / "notes.txt").write_text("no archive")
    result = run(str(folder), "nothing.warc", str(folder / "notes.txt"))
    assert result.exit_code == NOT_RIGHT
    assert "4 article versions published and acknowledged; 3 errors; 2 records held no article" in result.output
    assert f"depeche: {folder}/more.jsonl:3: not JSON" in result.stderr
    assert "nothing.warc: there is no such file" in result.stderr
    assert "notes.txt: is no archive by its name" in result.stderr
    found = {article.identity.key: article for article in published(broker.address, fresh_prefix)}
    assert set(found) == {url(1), url(3), "n1", "https://www.lemonde.fr/a"}
    crawled = found[url(1)]
    assert crawled.fetched == datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert (crawled.title, crawled.source.id) == ("Titre 1", "journal.example")
    assert "plan de rénovation" in crawled.text
    assert {(article.connector, article.provenance.hop) for article in found.values()} == {("backfill", "backfill")}
    assert found["https://www.lemonde.fr/a"].source.country == "FR"  # the shipped list knows the newspaper


def test_a_broken_file_is_published_as_far_as_it_was_whole(
    broker: EmbeddedBroker, fresh_prefix: str, run: Callable[..., Result], tmp_path: Path
) -> None:
    warc = b"".join(gzip.compress(record(number)) for number in range(8))
    (tmp_path / "crawl.warc.gz").write_bytes(warc[:-200])
    lines = gzip.compress("".join(map(line, range(50))).encode())
    (tmp_path / "lines.jsonl.gz").write_bytes(lines[: len(lines) // 2])
    result = run("crawl.warc.gz", "lines.jsonl.gz")
    assert result.exit_code == NOT_RIGHT
    assert "the file ends within a record" in result.stderr
    assert "lines.jsonl.gz:" in result.stderr
    assert "the file breaks off" in result.stderr
    found = Counter(article.source.id for article in published(broker.address, fresh_prefix))
    assert found["journal.example"] == 7
    assert 0 < found["drop"] < 50
    again = run("crawl.warc.gz", "lines.jsonl.gz")
    assert again.exit_code == NOT_RIGHT  # what is done in two runs has the errors that it has in one
    assert "0 article versions published and acknowledged; 2 errors" in again.output


def test_limit_restart_source_and_a_changed_file(
    broker: EmbeddedBroker, fresh_prefix: str, run: Callable[..., Result], tmp_path: Path
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(map(line, range(10))))
    assert (
        "4 article versions published and acknowledged; 0 errors; 1 file not read"
        in run("a.jsonl", "--limit", "4").output
    )
    assert "6 article versions" in run("a.jsonl").output
    done = run("a.jsonl")
    assert "published to its end already" in done.stderr
    assert "10 article versions" in run("a.jsonl", "--restart").output
    assert "10 article versions" in run("a.jsonl", "--source", "agence").output
    path.write_text("".join(map(line, range(12))))
    changed = run("a.jsonl")
    assert "has changed since the last run" in changed.stderr
    assert "12 article versions" in changed.output
    found = published(broker.address, fresh_prefix)
    assert Counter(article.source.id for article in found) == {"drop": 32, "agence": 10}
    versions: dict[str, list[Article]] = {}
    for article in found:
        versions.setdefault(article.article_id, []).append(article)
    assert all(len({article.version for article in same}) == 1 for same in versions.values())


def test_a_later_line_is_the_later_version_in_whatever_run_it_comes(
    broker: EmbeddedBroker, fresh_prefix: str, run: Callable[..., Result], tmp_path: Path
) -> None:
    states = [json.dumps({"id": "1", "text": f"État {number}."}) + "\n" for number in range(6)]
    (tmp_path / "a.jsonl").write_text("".join(states))
    for _ in range(3):
        run("a.jsonl", "--limit", "2")
    found = published(broker.address, fresh_prefix)
    assert [article.text for article in sorted(found, key=lambda one: one.revision)] == [
        f"État {number}." for number in range(6)
    ]


def test_it_holds_while_too_many_articles_wait_for_the_coder(
    broker: EmbeddedBroker, fresh_prefix: str, tmp_path: Path
) -> None:
    ensure_topics(KafkaAccess(broker.address), prefix=fresh_prefix)
    (tmp_path / "a.jsonl").write_text("".join(map(line, range(30))))
    command = [sys.executable, "-m", "depeche.command", "backfill", "a.jsonl", "--ahead", "10"]
    command += ["--bootstrap", broker.address, "--prefix", fresh_prefix]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        told = next(line for line in process.stderr if "holding" in line)
        process.kill()
    assert "10 articles wait for the coder, and 10 may (--ahead)" in told
    assert len(published(broker.address, fresh_prefix)) == 10
