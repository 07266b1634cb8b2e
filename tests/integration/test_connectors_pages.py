"""Pages from real servers on loopback, fetched, read in processes that are killed, and chosen: no article is lost."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from connectors.isolation import Isolated
from connectors.metrics import ConnectorMetrics
from connectors.pages.isolated import read_in_isolation
from connectors.pages.page_source import MAX_PAGE_BYTES, PageSource
from connectors.pages.reading import PageReading
from connectors.records import PendingPage, StateChange
from connectors.runner import ConnectorRunner
from connectors.settings import ConnectorSettings, FetchSettings, PublisherSettings, Subscription
from connectors.source import SourceError
from connectors.state import State
from connectors.web.fetcher import Fetcher
from schemas.access import KafkaAccess
from schemas.article import Article, Identity, Provenance, Published, make_article
from tests.connectors.making import NOW, SOURCE
from tests.connectors.publishing.contract import Log
from tests.integration.feed_server import FeedServer, Page

pytestmark = pytest.mark.integration

TITLE = "Les bateliers de Corbigny bloquent l’écluse"
TEASER = "Une trentaine de péniches barrent depuis lundi l’écluse de Corbigny, sur le canal du Nivernet."
PARAGRAPHS = (
    TEASER + " Les bateliers protestent contre la hausse des péages.",
    "La direction des voies d’eau a proposé une rencontre, que les bateliers ont refusée tant que le nouveau barème "
    "n’est pas suspendu. Le préfet a donné jusqu’à jeudi pour lever le barrage.",
    "Deux céréaliers ont annoncé qu’ils livreraient par la route. Le port fluvial estime le manque à gagner à 80 000 "
    "euros par jour.",
)
SECONDS = 60.0
"""How long the slowest machine may take."""


def html(*paragraphs: str, head: str = "", title: str = TITLE) -> bytes:
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f'<!DOCTYPE html><html lang="fr"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta property="og:type" content="article"><meta property="og:title" content="{title}">{head}</head><body>'
        f'<nav><a href="/">Une</a></nav><main><article><h1>{title}</h1>{body}</article></main></body></html>'
    ).encode()


ARTICLE = Page(html(*PARAGRAPHS), headers={"Content-Type": "text/html"})


def read_or_die(body: bytes, url: str, content_type: str | None, headers: Mapping[str, str]) -> PageReading:
    """Reads a page, but for those that ask to be died of."""
    if b"DIE NOW" in body:
        os.kill(os.getpid(), signal.SIGKILL)
    while b"NEVER END" in body:
        time.sleep(0.05)
    return read_in_isolation(body, url, content_type, headers)


def queued(url: str) -> PendingPage:
    article = make_article(
        source=SOURCE,
        connector="feed",
        identity=Identity(guid=url),
        title=TITLE,
        text=TEASER,
        url=url,
        published=Published(value=None, raw=None, reading="absent"),
        fetched=NOW,
        provenance=Provenance(fetch_id="f0", hop="feed"),
    )
    return PendingPage(SOURCE.id, url, url, article.to_bytes(), NOW, NOW)


@dataclass
class Rig:
    """The source with its fetcher and processes, and the runner's order: publish, then commit."""

    state: State
    source: PageSource
    metrics: ConnectorMetrics
    now: datetime = NOW
    published: dict[str, Article] = field(default_factory=dict)
    errors: list[SourceError] = field(default_factory=list)

    def read(self, *urls: str) -> dict[str, str]:
        """Queue pages and return what was chosen for each; where all wait for a later try, the clock is turned."""
        self.state.commit(StateChange(pending=tuple(map(queued, urls))))
        deadline = time.monotonic() + SECONDS
        while self.state.pending_count():
            assert time.monotonic() < deadline, f"still waiting: {self.source.snapshot()}"
            batch = self.source.next_batch(self.now)
            for article in batch.articles:
                assert article.url not in self.published, "published twice"
                self.published[article.url or ""] = article
            self.errors += batch.errors
            self.state.commit(batch.commit)
            waiting = self.state.pending_pages(datetime.max.replace(tzinfo=UTC), 1)
            if self.source.snapshot().details["under way"] == "0" and waiting:
                self.now = max(self.now + timedelta(seconds=1), waiting[0].next_try)
        return {url: self.published[url].provenance.choice or "" for url in urls}

    def text(self, url: str) -> str:
        return self.published[url].text


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer().running() as running:
        yield running


@pytest.fixture
def other() -> Iterator[FeedServer]:
    with FeedServer().running() as running:
        yield running


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    fetch = FetchSettings(
        user_agent="depeche-test (contact@depeche.example)",
        total_seconds=5.0,
        host_gap_seconds=0.0,
        host_concurrency=8,
        allow_private_addresses=True,
    )
    settings = ConnectorSettings(
        publisher=PublisherSettings(KafkaAccess("-")),
        state_path=tmp_path / "state.sqlite",
        fetch=fetch,
        parse_seconds=5.0,
    )
    metrics = ConnectorMetrics()
    fetcher = Fetcher(fetch, clock=lambda: datetime.now(UTC))
    isolated = Isolated(2, preload=("connectors.pages.extraction",))
    with State(settings.state_path) as state:
        source = PageSource(
            settings, state, metrics, fetcher=fetcher, isolated=isolated, clock=lambda: NOW, read=read_or_die
        )
        try:
            yield Rig(state, source, metrics)
        finally:
            fetcher.close()
            isolated.close()


def test_each_kind_of_page_ends_as_it_should_and_every_article_arrives(server: FeedServer, rig: Rig) -> None:
    stub = '<script type="application/ld+json">{"@type": "NewsArticle", "isAccessibleForFree": "False"}</script>'
    pages = {
        "/whole": (ARTICLE, "page: "),
        "/paywall": (Page(html(*PARAGRAPHS, head=stub)), "feed: the page is behind a paywall"),
        "/consent": (
            Page("<title>Le Courrier</title><p>Avec votre accord, nos partenaires déposent des cookies.</p>".encode()),
            "feed: the page is a consent wall or check",
        ),
        "/list": (
            Page(b"<title>Une</title>" + b"<h2><a href='/a'>Titre</a></h2>" * 20),
            "feed: the page is no article",
        ),
        "/gone": (Page(b"", 410), "feed: HTTP 410"),
        "/missing": (Page(b"", 404), "feed: HTTP 404"),
        "/forbidden": (Page(b"", 403), "feed: HTTP 403"),
        "/header": (
            Page(ARTICLE.body, headers={"tdm-reservation": "1"}),
            "feed: the publisher reserves the page (tdm-reservation)",
        ),
        "/x-robots": (
            Page(ARTICLE.body, headers={"X-Robots-Tag": "noarchive"}),
            "feed: the publisher reserves the page (noarchive)",
        ),
        "/meta": (
            Page(html(*PARAGRAPHS, head='<meta name="robots" content="index,noai">')),
            "feed: the publisher reserves the page (noai)",
        ),
        "/wrong": (
            Page(html("La comète Brorsen passera près du Soleil en mai, annonce l’observatoire. " * 9, title="Comète")),
            "feed: the page is about something else",
        ),
        "/short": (Page(html(TEASER)), "feed: "),
        "/pdf": (Page(b"%PDF-1.7", headers={"Content-Type": "application/pdf"}), "feed: the page is no article"),
        "/giant": (Page(b"x" * (MAX_PAGE_BYTES + 1)), "feed: "),
        "/loop": (Page(b"", 302, headers={"Location": "/loop"}), "feed: "),
    }
    for path, (page, _) in pages.items():
        server.pages[path] = page
    choices = rig.read(*(server.url(path) for path in pages))
    for path, (_, beginning) in pages.items():
        assert choices[server.url(path)].startswith(beginning), path
        whole = path == "/whole"
        assert rig.text(server.url(path)) == ("\n".join(PARAGRAPHS) if whole else TEASER), path
        assert rig.published[server.url(path)].provenance.hop == ("page" if whole else "feed")
    asked = [path for path, _ in server.requests]
    assert asked.count("/robots.txt") == asked.count("/.well-known/tdmrep.json") == 1


def test_robots_txt_and_tdmrep_keep_us_from_asking_for_the_page(
    server: FeedServer, other: FeedServer, rig: Rig
) -> None:
    server.pages |= {
        "/a": ARTICLE,
        "/robots.txt": Page(b"User-agent: *\nAllow: /\n\nUser-agent: Depeche\nDisallow: /a"),
    }
    other.pages |= {
        "/a": ARTICLE,
        "/.well-known/tdmrep.json": Page(b'[{"location": "/", "tdm-reservation": 1}]'),
    }
    choices = rig.read(server.url("/a"), other.url("/a"))
    assert choices == {
        server.url("/a"): "feed: robots.txt forbids the page",
        other.url("/a"): "feed: the site reserves text and data mining (tdmrep.json)",
    }
    assert "/a" not in {path for path, _ in (*server.requests, *other.requests)}


def test_a_redirect_is_followed_and_the_robots_txt_where_it_ends_is_asked(
    server: FeedServer, other: FeedServer, rig: Rig
) -> None:
    server.pages["/a"] = Page(b"", 301, headers={"Location": "/b"})
    server.pages["/b"] = ARTICLE
    server.pages["/c"] = Page(b"", 302, headers={"Location": other.url("/secret")})
    other.pages |= {"/secret": ARTICLE, "/robots.txt": Page(b"User-agent: *\nDisallow: /secret")}
    choices = rig.read(server.url("/a"), server.url("/c"))
    assert choices[server.url("/a")].startswith("page: ")
    assert rig.published[server.url("/a")].provenance.page_url == server.url("/b")
    assert choices[server.url("/c")] == "feed: robots.txt forbids the page"


def test_a_server_that_fails_and_then_works_is_read(server: FeedServer, rig: Rig) -> None:
    tries = iter((500, 503))

    def answer(handler: BaseHTTPRequestHandler) -> None:
        server.pages["/a"] = Page(ARTICLE.body, next(tries, 200), behave=None)
        server.answer(handler, server.pages["/a"])
        server.pages["/a"] = Page(behave=answer)

    server.pages["/a"] = Page(behave=answer)
    assert rig.read(server.url("/a"))[server.url("/a")].startswith("page: ")
    assert [path for path, _ in server.requests].count("/a") == 3
    assert rig.metrics.registry.get_sample_value("depeche_pages_total", {"outcome": "retry"}) == 2


def test_a_server_that_is_away_is_tried_four_times(server: FeedServer, rig: Rig) -> None:
    server.pages["/robots.txt"] = Page(b"", 404)
    server.pages["/a"] = Page(b"", 503)
    assert rig.read(server.url("/a"))[server.url("/a")].startswith("feed: HTTP 503")
    assert [path for path, _ in server.requests].count("/a") == 4
    assert [error.error_class for error in rig.errors] == ["http_server"]
    assert rig.now - NOW < timedelta(hours=1)


def _silent(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.settimeout(SECONDS)
    with contextlib.suppress(OSError):
        handler.connection.recv(1)  # until the other side gives up
    handler.close_connection = True


def test_a_silent_server_ends_with_the_feed_s_text_and_the_others_do_not_wait_for_it(
    server: FeedServer, other: FeedServer, rig: Rig
) -> None:
    server.pages |= {"/robots.txt": Page(b"", 404), "/.well-known/tdmrep.json": Page(b"", 404)}
    server.pages["/a"] = Page(behave=_silent)
    other.pages["/a"] = ARTICLE
    quick = other.url("/a").replace("127.0.0.1", "localhost")
    choices = rig.read(server.url("/a"), quick)
    assert list(rig.published) == [quick, server.url("/a")]
    assert choices[quick].startswith("page: ")
    assert choices[server.url("/a")] == "feed: no complete answer in time"


def test_pages_that_kill_or_hang_what_reads_them_take_no_other_with_them(server: FeedServer, rig: Rig) -> None:
    server.pages |= {
        "/dies": Page(html(*PARAGRAPHS, "DIE NOW")),
        "/hangs": Page(html(*PARAGRAPHS, "NEVER END")),
        "/deep": Page(b"<div>" * 200_000 + html(*PARAGRAPHS)),
    }
    fine = [f"/fine/{number}" for number in range(6)]
    server.pages |= dict.fromkeys(fine, ARTICLE)
    choices = rig.read(*(server.url(path) for path in ("/dies", "/hangs", "/deep", *fine)))
    assert "read: its process was killed" in choices[server.url("/dies")].replace("by SIGKILL", "")
    assert "read: not done within 5 s" in choices[server.url("/hangs")]
    assert choices[server.url("/deep")].startswith("feed: ")
    assert all(choices[server.url(path)].startswith("page: ") for path in fine)
    assert sorted(error.error_class for error in rig.errors) == ["parse_crash", "parse_timeout"]
    assert {rig.text(server.url(path)) for path in ("/dies", "/hangs", "/deep")} == {TEASER}


def test_our_requests_say_who_we_are_and_ask_for_pages(server: FeedServer, rig: Rig) -> None:
    server.pages["/a"] = ARTICLE
    rig.read(server.url("/a"))
    headers = dict(server.requests)
    assert {sent["User-Agent"] for sent in headers.values()} == {"depeche-test (contact@depeche.example)"}
    assert headers["/a"]["Accept"].startswith("text/html")
    assert all("Cookie" not in sent for sent in headers.values())


def test_through_the_runner_an_entry_with_a_summary_arrives_once_with_the_text_of_its_page(
    server: FeedServer, tmp_path: Path
) -> None:
    items = "".join(
        f"<item><guid>g{number}</guid><title>{TITLE}</title><link>{server.url(path)}</link>"
        f"<description>{TEASER}</description></item>"
        for number, path in enumerate(("/whole", "/gone"))
    )
    feed = f"<rss version='2.0'><channel><title>J</title><link>{server.url('/')}</link>{items}</channel></rss>"
    server.pages |= {"/rss": Page(feed.encode()), "/whole": ARTICLE, "/gone": Page(b"", 410)}
    log = Log()
    settings = ConnectorSettings(
        publisher=PublisherSettings(KafkaAccess("memory"), "t", retry_seconds=0.001),
        state_path=tmp_path / "state.sqlite",
        feeds=(Subscription(server.url("/rss"), SOURCE),),
        fetch=FetchSettings(host_gap_seconds=0.0, allow_private_addresses=True),
    )
    runner = ConnectorRunner(settings, factory=log.connect)
    stop = threading.Event()
    thread = threading.Thread(target=runner.run, args=(stop,))
    thread.start()
    try:
        deadline = time.monotonic() + SECONDS
        while len(log.topics.get("t.articles", ())) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
    finally:
        stop.set()
        thread.join(SECONDS)
    articles = [Article.from_bytes(stored.value) for stored in log.topics["t.articles"]]
    assert sorted((article.provenance.hop, article.text) for article in articles) == [
        ("feed", TEASER),
        ("page", "\n".join(PARAGRAPHS)),
    ]
    with State(settings.state_path) as state:
        assert state.pending_count() == 0
