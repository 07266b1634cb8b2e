"""Secrets on their way through the connectors: a feed's token, a proxy's password, the token of the way in.

They are in no log at its most talkative, no metric, no state of health, on no topic; Kafka's are in
`test_kafka_security.py`.
"""

from __future__ import annotations

import base64
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from depeche.broker import EmbeddedBroker
from depeche.exits import MISUSED
from tests.integration.house import House, fetched, open_house

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

FEED_TOKEN = "f33d-t0ken-anchor"
PROXY_PASSWORD = "pr0xy-anchor"
PUSH_TOKEN = "pu5h-t0ken-anchor"
FEED_PASSWORD = "f33d-passw0rd-anchor"
RSS = """<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>Journal</title>
<link>http://journal.example/</link><description>d</description>
<item><guid isPermaLink="false">1</guid><title>Accord à Genève</title>
<description>Les deux délégations ont signé mardi un accord.</description></item></channel></rss>"""


class Proxy(BaseHTTPRequestHandler):
    """A proxy that answers for every host: a feed at /rss, nothing elsewhere."""

    asked: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Proxy-Authorization", "")))
        body = RSS.encode() if "/rss" in self.path else b"not here"
        self.send_response(200 if "/rss" in self.path else 404)
        self.send_header("Content-Type", "application/rss+xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proxy() -> Iterator[tuple[int, list[tuple[str, str]]]]:
    asked: list[tuple[str, str]] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), type("OneProxy", (Proxy,), {"asked": asked})) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1], asked
        server.shutdown()
        thread.join()


@pytest.fixture
def house(broker: EmbeddedBroker, tmp_path: Path, fresh_prefix: str) -> Iterator[House]:
    with open_house(tmp_path, BOOTSTRAP=broker.address, PREFIX=fresh_prefix, LOG_LEVEL="DEBUG") as found:
        yield found


def no_secret_in(text: str) -> None:
    for secret in (FEED_TOKEN, PROXY_PASSWORD, PUSH_TOKEN, FEED_PASSWORD):
        at = text.find(secret)
        assert at < 0, f"a secret is shown: …{text[max(0, at - 300) : at + 60]}…"


def opml(folder: Path, *urls: str) -> None:
    outlines = "".join(f'<outline type="rss" xmlUrl="{url.replace("&", "&amp;")}"/>' for url in urls)
    (folder / "feeds.opml").write_text(f'<opml version="2.0"><body>{outlines}</body></opml>', encoding="utf-8")


def test_tokens_and_passwords_of_the_ways_in_are_shown_nowhere(
    house: House, proxy: tuple[int, list[tuple[str, str]]]
) -> None:
    port, asked = proxy
    good = f"http://journal.example/rss?a=1&token={FEED_TOKEN}"
    opml(house.folder, good, f"http://other.example/gone?auth={FEED_TOKEN}")
    house.environment = {
        **house.environment,
        "DEPECHE_FEEDS": "feeds.opml",
        "DEPECHE_HOST_GAP_SECONDS": "0",
        "DEPECHE_PROXY": f"http://me:{PROXY_PASSWORD}@127.0.0.1:{port}",
        "DEPECHE_PUSH": "true",
        "DEPECHE_PUSH_PORT": "0",
        "DEPECHE_PUSH_TOKEN": PUSH_TOKEN,
    }
    log = house.start("connectors")
    url = house.ready(log)
    house.wait(lambda: "1 articles published" in log.read_text(errors="replace"), "the feed's article is published")
    house.wait(lambda: "other.example/gone" in log.read_text(errors="replace"), "the other feed's failure is logged")
    assert (good, f"Basic {base64.b64encode(f'me:{PROXY_PASSWORD}'.encode()).decode()}") in asked
    house.wait(lambda: "listening for pushes at " in log.read_text(errors="replace"), "the way in is open")
    way_in = log.read_text(errors="replace").partition("listening for pushes at ")[2].split()[0]
    for token in (PUSH_TOKEN, f"not-{PUSH_TOKEN}"):
        request = urllib.request.Request(f"{way_in}/articles", b"no JSON", {"Authorization": f"Bearer {token}"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=60)
        with refused.value:
            no_secret_in(refused.value.read().decode())
    shown = [fetched(f"{url}/{path}") for path in ("metrics", "healthz", "readyz")]
    articles = house.run("tail", "articles", "--from-beginning", "--json", "--limit", "1").stdout
    assert "token=********" in articles
    assert "Accord" in articles
    assert "********" in house.run("feeds").stdout
    for command in (("feeds", "show", "journal.example"), ("settings",), ("settings", "--format", "json"), ("doctor",)):
        house.run(*command)
    assert house.stop() == [0]
    no_secret_in("\n".join([house.said(), articles, *shown]))


@pytest.mark.parametrize("url", [f"http://me:{FEED_PASSWORD}@journal.example/rss", f"http://me:{FEED_PASSWORD}@["])
def test_a_feed_whose_address_names_a_user_is_taken_nowhere(url: str, house: House) -> None:
    opml(house.folder, url)
    for command in (("feeds", "add", url), ("feeds", "import", "feeds.opml"), ("feeds", "discover", url)):
        result = house.run(*command)
        assert result.returncode == MISUSED, result.stderr
    connectors = house.run("connectors", DEPECHE_FEEDS="feeds.opml")
    assert connectors.returncode == MISUSED
    assert "feeds.opml" in connectors.stderr
    no_secret_in(house.said())
    for path in (path for path in house.folder.rglob("*") if path.is_file() and path.name != "feeds.opml"):
        no_secret_in(path.read_bytes().decode("latin-1"))
