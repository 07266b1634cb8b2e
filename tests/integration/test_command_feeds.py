"""`depeche feeds` beside connectors that run in a process of their own, and against a web server on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from depeche.broker import EmbeddedBroker
from depeche.command import app
from depeche.exits import NOT_RIGHT
from tests.integration.feed_server import FeedServer, Page, rss

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
DEADLINE = 90.0


@pytest.fixture(autouse=True)
def _settings_of_the_test_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("DEPECHE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEPECHE_ALLOW_PRIVATE_ADDRESSES", "true")
    monkeypatch.setenv("DEPECHE_HOST_GAP_SECONDS", "0")


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer().running() as running:
        yield running


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["feeds", *arguments], env={"COLUMNS": "200", "TERM": "dumb"})


def until(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < give_up, f"{what} never came true"
        time.sleep(0.1)


def page(*links: str) -> bytes:
    return f"<!DOCTYPE html><html><head>{''.join(links)}</head><body>Bonjour</body></html>".encode()


def test_changes_reach_connectors_that_run(broker: EmbeddedBroker, fresh_prefix: str, server: FeedServer) -> None:
    server.pages["/first"] = Page(rss(("1", "Un texte.")))
    server.pages["/second"] = Page(rss(("2", "Un texte.")))
    first, second = server.url("/first"), server.url("/second")
    assert run("add", first, "--source", "a", "--no-full-text").exit_code == 0
    command = [sys.executable, "-m", "depeche.command", "connectors", "--port", "0"]
    command += ["--bootstrap", broker.address, "--prefix", fresh_prefix]

    def told(url: str) -> dict[str, object]:
        found: dict[str, object] = json.loads(run("show", url, "--json").output)
        return found

    def asked(path: str) -> int:
        return sum(1 for requested, _ in server.requests if requested == path)

    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: told(first)["state"] == "healthy", "the feed added before the start")
            assert run("add", second, "--source", "b", "--no-full-text").exit_code == 0
            until(lambda: told(second)["state"] == "healthy", "the feed added meanwhile")
            before = asked("/second")
            assert run("poll", "/second").exit_code == 0
            until(lambda: told(second)["polls"] == 2, "the poll asked for")
            assert asked("/second") == before + 1
            assert run("pause", "/second").exit_code == 0
            assert told(second)["state"] == "paused"
            shown = run("show", "/second").output
            assert "not_modified" in shown or "unchanged" in shown  # one poll in a hundred sends no validators
            server.pages["/second"] = Page(b"gone", 410)
            run("resume", "/second")
            run("poll", "/second")
            until(lambda: told(second)["state"] == "parked", "the feed that is gone")
            assert run("remove", "/first").exit_code == 0
            assert [feed["url"] for feed in json.loads(run("--json").output)] == [second]
            # The list that ships is for those who named no feed: nothing else was polled.
            assert {feed["url"] for feed in json.loads(run("--json", "--state", "removed").output)} == {first}
        finally:
            process.send_signal(signal.SIGTERM)
    assert process.returncode == 0


def test_feeds_of_a_page_are_discovered_and_added(server: FeedServer) -> None:
    server.pages["/"] = Page(
        page(
            '<link rel="alternate" type="application/rss+xml" href="/rss" title="La une">',
            '<link rel="alternate" type="application/rss+xml" href="/dead">',
        ),
        headers={"Content-Type": "text/html", "Link": '</atom>; rel="alternate"; type="application/atom+xml"'},
    )
    server.pages["/rss"] = Page(rss(("1", "Un texte."), ("2", "Deux.")))
    server.pages["/atom"] = Page(
        b'<feed xmlns="http://www.w3.org/2005/Atom"><title>A</title><id>x</id><updated>2026-01-01T00:00:00Z</updated>'
        b"<entry><id>1</id><title>t</title><updated>2026-01-02T00:00:00Z</updated></entry></feed>"
    )
    result = run("discover", server.url("/"), "--add")
    assert result.exit_code == 0, result.output
    assert f"no feed: {server.url('/dead')} (declared): HTTP 404" in result.stderr
    rows = [line.split() for line in result.stdout.splitlines() if line.lstrip().startswith("http")]
    assert [row[0].removesuffix(":") for row in rows] == [server.url("/atom"), server.url("/rss")] * 2
    assert rows[0][1:4] == ["feed", "header", "1"]
    assert rows[1][1:4] == ["feed", "declared", "2"]
    assert rows[2][1:] == ["added"]
    assert {feed["url"] for feed in json.loads(run("--json").output)} == {server.url("/atom"), server.url("/rss")}
    agents = {headers["User-Agent"].split("/")[0] for _, headers in server.requests}
    assert agents == {"depeche"}


def test_a_page_without_feeds_is_told(server: FeedServer) -> None:
    server.pages["/"] = Page(page())
    result = run("discover", server.url("/"))
    assert result.exit_code == NOT_RIGHT
    assert "no feeds found" in result.output
    missing = run("discover", server.url("/none"))
    assert missing.exit_code == NOT_RIGHT
    assert "HTTP 404" in missing.stderr


def test_a_page_within_the_house_is_not_fetched_unless_allowed(
    server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPECHE_ALLOW_PRIVATE_ADDRESSES", "false")
    result = run("discover", server.url("/"))
    assert result.exit_code == NOT_RIGHT
    assert "not on the public internet" in result.stderr
    assert server.requests == []


def test_what_is_no_feed_is_not_added_when_checked(server: FeedServer) -> None:
    server.pages["/rss"] = Page(rss(("1", "Un texte.")))
    server.pages["/page"] = Page(page())
    result = run("add", server.url("/page"), server.url("/rss"), "--check")
    assert result.exit_code == NOT_RIGHT
    assert f"not added. Is it a page? depeche feeds discover {server.url('/page')}" in result.stderr
    assert [feed["url"] for feed in json.loads(run("--json").output)] == [server.url("/rss")]
